"""Questions before something is destroyed: asked in a terminal, answered by --yes elsewhere."""

import sys
from collections.abc import Callable
from typing import Any

import click

from inventory.cli.base import echo, safe
from inventory.common.errors import StoppedError, UsageError

__all__ = ["confirm", "is_terminal", "yes_option"]


def yes_option(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add `--yes`, which every command has that asks before it destroys."""
    return click.option("--yes", is_flag=True, help="Do not ask.")(command)


def is_terminal() -> bool:
    """Tell whether somebody can be asked: what is typed is read, and stderr is seen."""
    return sys.stdin.isatty() and sys.stderr.isatty()


def confirm(question: str, *, yes: bool) -> None:
    """Ask on stderr whether to go on, unless --yes was given.

    Raises:
        UsageError: without --yes, and there is no terminal to ask in.
        StoppedError: the answer was not yes.
    """
    if yes:
        return
    if not is_terminal():
        raise UsageError(f"{question.rstrip('?')}: there is no terminal to ask in", "Add --yes, or try --dry-run first")
    echo(safe(f"{question} [y/N] "), err=True, nl=False)
    if sys.stdin.readline().strip().lower() not in ("y", "yes"):
        raise StoppedError("the answer was not yes", "Nothing was written")
