"""What every command shares: the options before it, the root group, and how an error becomes an exit code."""

import atexit
import gc
import os
import sys
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING, Any, NoReturn

import click

from inventory.errors import ConfigError, InventoryError, UsageError

if TYPE_CHECKING:
    from inventory.settings import Settings
    from inventory.store.engine import Store

__all__ = ["CONTEXT", "Main", "Options", "fail", "lock_timeout_option", "print_lines", "safe", "sources_option"]

CONTEXT = {"help_option_names": ["-h", "--help"], "max_content_width": 100}
COLOURS = {"+": "green", "~": "yellow", "-": "red"}


@dataclass
class Options:
    """The options before the command."""

    config: str | None
    database: str | None
    log_format: str
    verbose: bool
    quiet: bool
    colour: bool | None

    @property
    def log_level(self) -> int:
        """Everything with -v, errors alone with -q; else warnings, and the run's events for machines that read JSON."""
        import logging

        if self.verbose:
            return logging.DEBUG
        return logging.ERROR if self.quiet else logging.INFO if self.log_format == "json" else logging.WARNING

    def settings(
        self, *, for_export: bool = False, standard_input: Callable[[], Iterable[str]] | None = None
    ) -> "Settings":
        """Read the configuration; credentials only for who asks the service."""
        from inventory.config import load

        settings = load(self.config, for_export=for_export, standard_input=standard_input)
        if settings.warnings and not self.quiet:
            self._warn(settings)
        return settings

    def _warn(self, settings: "Settings") -> None:
        """Tell what is allowed but probably not meant, in the form of the log."""
        if self.log_format != "json":
            for warning in settings.warnings:
                click.echo(safe(f"warning: {warning}"), err=True)
            return
        from inventory import log

        log.set_up(self.log_format, self.log_level, settings.secrets)
        for warning in settings.warnings:
            log.logger().warning(warning)

    def open(self, settings: "Settings", *, write: bool = False, ready: bool = True) -> "Store":
        """Open the database, `ready` only at this version's revision; else it may be created."""
        from inventory.config import choose_database
        from inventory.store.engine import open_store
        from inventory.store.migrate import require_head

        store = open_store(choose_database(self.database, settings), write=write, create=not ready)
        if ready:
            require_head(store)
        return store

    def say(self, text: str) -> None:
        """Print a line for people, unless -q."""
        if not self.quiet:
            click.echo(text)

    def tell(self, text: str) -> None:
        """Print a line about the run to stderr, unless -q."""
        if not self.quiet:
            click.echo(text, err=True)

    def paint(self, mark: str, text: str) -> str:
        """Colour a line by its mark, in a terminal that wants it."""
        return click.style(text, fg=COLOURS[mark]) if self.wants_colour() else text

    def wants_colour(self) -> bool:
        """Colour in a terminal only, and not against NO_COLOR or --no-color."""
        if self.colour is False or os.environ.get("NO_COLOR"):
            return False
        return sys.stdout.isatty()


class Main(click.Group):
    """The root: turns our errors into one message and the contract's exit codes, and nothing into a traceback."""

    def main(self, *args: Any, **extra: Any) -> NoReturn:
        """Run a command and exit."""
        _open_standard_streams()
        # A command's imports make some hundred thousand objects that stay. At Python's 700 the collector walks
        # them again and again: an eighth of a `diff`.
        gc.set_threshold(10_000, 10, 10)
        atexit.register(gc.freeze)  # nor a last time, for what ends with the process
        extra["standalone_mode"] = False
        try:
            code = super().main(*args, **extra)
        except click.exceptions.Abort:
            fail("stopped; what was not finished was not written", 1)
        except click.exceptions.Exit as stop:
            sys.exit(stop.exit_code)
        except click.ClickException as error:
            hint = error.ctx.command_path if isinstance(error, click.UsageError) and error.ctx else "inventory"
            fail(f"{error.format_message()} (`{hint} --help` tells more)", UsageError.exit_code)
        except ConfigError as error:
            for fault in error.faults:
                click.echo(safe(f"error: {fault}"), err=True)
            sys.exit(error.exit_code)
        except InventoryError as error:
            fail(str(error), error.exit_code)
        except BrokenPipeError:
            sys.stderr.close()  # the reader went away, `| head` perhaps; nobody is left to tell
            sys.exit(0)
        except OSError as error:
            fail(f"{error.filename or 'the system'}: {error.strerror}", 1)
        sys.exit(code if isinstance(code, int) else 0)


def _open_standard_streams() -> None:
    """Open what whoever started this had closed: else the next file opened would be what errors are written to."""
    if sys.stdin and sys.stdout and sys.stderr:
        return
    while os.open(os.devnull, os.O_RDWR) < 2:
        pass
    sys.stdin, sys.stdout = sys.stdin or os.fdopen(0), sys.stdout or os.fdopen(1, "w")
    sys.stderr = sys.stderr or os.fdopen(2, "w")


def fail(message: str, code: int) -> NoReturn:
    """Tell what went wrong and exit."""
    click.echo(safe(f"error: {message}"), err=True)
    sys.exit(code)


def safe(text: str) -> str:
    """Take from a text what would steer a terminal."""
    from inventory.render.text import clean

    return clean(text)


def sources_option(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add `--source`, which every command has that reads or writes sources."""
    return click.option("--source", "names", multiple=True, metavar="NAME", help="Only this source; repeatable.")(
        command
    )


def lock_timeout_option(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add `--lock-timeout`, which every command has that takes the lock of a source."""
    return click.option(
        "--lock-timeout", type=click.IntRange(0, 86400), default=0, show_default=True, metavar="SECONDS",
        help="Wait so long for another run that has the source; then exit 75.",
    )(command)  # fmt: skip


def print_lines(lines: Iterable[str]) -> None:
    """Print lines of results, some at a time: each time they are flushed."""
    rest = iter(lines)
    while piece := list(islice(rest, 200)):
        click.echo("\n".join(piece))
