"""Commands about the command line itself: help, completion, and the versions."""

from typing import Any

import click

from inventory.cli.base import echo
from inventory.cli.group import argument, command
from inventory.common.errors import UsageError

__all__ = ["completion", "help_command", "print_version"]

SHELLS = ("bash", "zsh", "fish")


@command("help", examples=["inventory help", "inventory help db upgrade"])
@argument("words", nargs=-1, metavar="[COMMAND]...", explained="The command, and the one below it; default: all.")
@click.pass_context
def help_command(context: click.Context, words: tuple[str, ...]) -> None:
    """Print the help of a command."""
    context = context.find_root()
    for word in words:
        group = context.command
        below = group.get_command(context, word) if isinstance(group, click.Group) else None
        if below is None:
            raise UsageError(f"no command {' '.join(words)!r}", f"`{context.command_path} --help` lists the commands")
        context = click.Context(below, parent=context, info_name=word, **below.context_settings)
    echo(context.get_help())


@command(
    examples=[
        "inventory completion bash > ~/.local/share/bash-completion/completions/inventory",
        "inventory completion fish > ~/.config/fish/completions/inventory.fish",
    ]
)
@argument("shell", type=click.Choice(SHELLS), metavar="SHELL", explained="bash, zsh or fish.")
@click.pass_context
def completion(context: click.Context, shell: str) -> None:
    """Print what lets a shell complete commands, options and values."""
    from click.shell_completion import get_completion_class

    kind = get_completion_class(shell)
    assert kind is not None  # click has these three
    root = context.find_root()
    name = root.info_name or "inventory"
    found = kind(root.command, {}, name, f"_{name}_COMPLETE".replace("-", "_").upper())
    echo(found.source_template % found.source_vars())  # `source()` would ask a shell that may not be here


def versions() -> dict[str, str]:
    """Return the versions of this and of what it runs on."""
    import platform
    import sqlite3
    from importlib.metadata import PackageNotFoundError, version

    from inventory import __version__
    from inventory.schema import REVISION

    def installed(name: str) -> str:
        try:
            return version(name)
        except PackageNotFoundError:  # psycopg is an extra
            return "not installed"

    return {
        "inventory": __version__,
        "revision": REVISION,
        "python": platform.python_version(),
        "sqlite": sqlite3.sqlite_version,
        **{name: installed(name) for name in ("sqlalchemy", "alembic", "psycopg", "httpx", "click")},
        "platform": platform.platform(),
    }


def print_version(context: click.Context, _option: click.Parameter, value: Any) -> None:
    """Print the versions and exit."""
    if not value or context.resilient_parsing:
        return
    found = versions()
    if context.params.get("as_json"):
        from inventory.common.exact_json import pretty
        from inventory.render.json import document

        echo(pretty(document(**found)))
    else:
        echo(f"inventory {found.pop('inventory')}, database revision {found.pop('revision')}")
        echo("\n".join(f"{name} {value}" for name, value in found.items()))
    context.exit(0)
