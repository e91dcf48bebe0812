"""What every command shares: the options before it, the root group, and how an error becomes an exit code."""

import atexit
import codecs
import gc
import os
import sys
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING, Any, NoReturn

import click

from inventory.common.errors import ConfigError, InventoryError, UsageError, system_refusal

if TYPE_CHECKING:
    from inventory.config.settings import Settings
    from inventory.proof.signature import SigningKey
    from inventory.store.engine import Store

__all__ = [
    "CONTEXT", "Main", "Options", "begin_signing_option", "checked_signer", "complain", "deadline_option", "echo",
    "fail", "lock_timeout_option", "print_lines", "safe", "sources_option", "utf8",
]  # fmt: skip

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
        self,
        *,
        for_export: bool = False,
        standard_input: Callable[[], Iterable[str]] | None = None,
        no_env: bool = False,
        recordings: bool = False,
    ) -> "Settings":
        """Read the configuration; credentials only for who asks the service. The rest is explained by `config.load`."""
        from inventory.config.load import load

        settings = load(
            self.config, for_export=for_export, standard_input=standard_input, no_env=no_env, recordings=recordings
        )
        for warning in settings.warnings:  # what is allowed but probably not meant
            self.warn(warning)
        return settings

    def open(self, settings: "Settings", *, write: bool = False, ready: bool = True) -> "Store":
        """Open the database, `ready` only at this version's revision; else it may be created."""
        from inventory.config.load import choose_database
        from inventory.store.engine import open_store
        from inventory.store.migrate import require_head

        store = open_store(choose_database(self.database, settings), write=write, create=not ready)
        if ready:
            require_head(store)
        return store

    def echo(self, text: str) -> None:
        """Print a line for people, unless -q."""
        if not self.quiet:
            echo(text)

    def echo_err(self, text: str) -> None:
        """Print a line about the run to stderr, unless -q."""
        if self.quiet:
            return
        if self.log_format == "json":
            from inventory.cli.log_setup import set_up_unless
            from inventory.common.log import logger

            set_up_unless("json", self.log_level)
            logger().info("note", text=text)
        else:
            echo(safe(text), err=True)

    def warn(self, text: str, code: int = 0) -> None:
        """Print a warning to stderr; with -q only where the exit is not 0."""
        if self.quiet and not code:
            return
        if self.log_format == "json":
            from inventory.cli.log_setup import set_up_unless
            from inventory.common.log import logger

            set_up_unless("json", self.log_level)
            (logger().error if self.quiet else logger().warning)("warning", text=text)
        else:
            complain(f"warning: {text}")

    def source_failed(self, source: str, code: int, error: str, seconds: float | None = None) -> None:
        """Tell why one of several sources failed, as soon as it did; -q or not."""
        fields = {"source": source} if seconds is None else {"source": source, "seconds": round(seconds, 3)}
        if self.log_format == "json":
            complain(error, "json", code, **fields)
        else:
            complain(f"error: {source}: {error}")

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
        given = args[0] if args else extra.get("args")
        style = _log_format(sys.argv[1:] if given is None else given)
        try:
            code = super().main(*args, **extra)
        except click.exceptions.Abort:
            fail("stopped; what was not finished was not written", 1, style)
        except click.exceptions.Exit as stop:
            sys.exit(stop.exit_code)
        except click.ClickException as error:
            hint = error.ctx.command_path if isinstance(error, click.UsageError) and error.ctx else "inventory"
            fail(f"{error.format_message()} (`{hint} --help` tells more)", UsageError.exit_code, style)
        except ConfigError as error:
            for fault in error.faults:
                complain(f"error: {fault}", style, error.exit_code)
            sys.exit(error.exit_code)
        except InventoryError as error:
            fail(str(error), error.exit_code, style)
        except BrokenPipeError:
            sys.stderr.close()  # the reader went away, `| head` perhaps; nobody is left to tell
            sys.exit(0)
        except (OSError, MemoryError, RuntimeError, ImportError) as error:
            if (refusal := system_refusal(error)) is None:
                raise
            fail(refusal, 1, style)
        sys.exit(code if isinstance(code, int) else 0)


def _log_format(words: Sequence[str]) -> str:
    """Return what --log-format says, also where the command line is wrong elsewhere."""
    pairs = zip(words, [*words[1:], ""], strict=True)
    given = [after if word == "--log-format" else word.partition("=")[2] for word, after in pairs
             if word.partition("=")[0] == "--log-format"]  # fmt: skip
    return "json" if given[-1:] == ["json"] else "text"


def _open_standard_streams() -> None:
    """Open what whoever started this had closed: else the next file opened would be what errors are written to.

    What an output cannot encode is escaped: a job's name must not end a command.
    """
    if not (sys.stdin and sys.stdout and sys.stderr):
        while os.open(os.devnull, os.O_RDWR) < 2:
            pass
        sys.stdin, sys.stdout = sys.stdin or os.fdopen(0), sys.stdout or os.fdopen(1, "w")
        sys.stderr = sys.stderr or os.fdopen(2, "w")
    codecs.register_error("inventory", _escaped)
    for stream in (sys.stdout, sys.stderr):
        with suppress(AttributeError):  # one that a caller put in their place takes whatever comes
            stream.reconfigure(errors="inventory")  # type: ignore[union-attr]


def _escaped(error: UnicodeError) -> tuple[str, int]:
    r"""Spell what an encoding lacks as JSON does: \uXXXX, two of them beyond the basic plane."""
    if not isinstance(error, UnicodeEncodeError):
        raise error
    digits = error.object[error.start : error.end].encode("utf-16-be", "surrogatepass").hex()
    return "".join(f"\\u{digits[at : at + 4]}" for at in range(0, len(digits), 4)), error.end


def utf8(page: str) -> str:
    """Return a page that says of itself that it is UTF-8 so that it is, whatever stdout encodes."""
    encoding = getattr(sys.stdout, "encoding", None) or "utf-8"
    if codecs.lookup(encoding).name == "utf-8":
        return page
    return page.encode("ascii", "xmlcharrefreplace").decode()


def echo(text: str, *, err: bool = False, nl: bool = True) -> None:
    """Print a text. click alone would write UTF-8 where the environment asks for ASCII."""
    click.echo(text, file=sys.stderr if err else sys.stdout, nl=nl)


def complain(line: str, style: str = "text", code: int = 1, **fields: object) -> None:
    """Tell what went wrong, if anybody can hear it: a line for people, an event `failed` for machines."""
    try:
        if style == "json":
            from inventory.cli.log_setup import set_up_unless
            from inventory.common.log import logger

            set_up_unless(style)
            logger().error("failed", error=line.removeprefix("error: "), code=code, **fields)
        else:
            echo(safe(line), err=True)
    except (OSError, ValueError):  # a terminal that is gone, a full disk, a closed stream
        pass
    except MemoryError:  # not even for a module
        with suppress(OSError):
            os.write(2, line.encode("ascii", "replace") + b"\n")


def fail(message: str, code: int, style: str = "text") -> NoReturn:
    """Tell what went wrong and exit."""
    complain(f"error: {message}", style, code)
    sys.exit(code)


def safe(text: str) -> str:
    """Take from a text what would steer a terminal."""
    from inventory.common.safe_text import clean

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


class _Duration(click.ParamType):  # type: ignore[type-arg]  # not generic in every version of click
    name = "duration"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        from inventory.config.values import DURATION, seconds_of

        seconds = seconds_of(str(value))
        return self.fail(DURATION, param, ctx) if seconds is None else seconds


def deadline_option(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add `--deadline`."""
    return click.option(
        "--deadline", type=_Duration(), metavar="TIME",
        help="Read no further after this time: 90s, 30m, 6h. What is left out comes first in the next run.",
    )(command)  # fmt: skip


def begin_signing_option(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add `--begin-signing`, which every command has that signs snapshots."""
    return click.option(
        "--begin-signing", is_flag=True,
        help="Sign from now on with signing.key, though the last snapshot is unsigned or signed with another key.",
    )(command)  # fmt: skip


def checked_signer(settings: "Settings", begin_signing: bool) -> "SigningKey | None":
    """Return what signs snapshots; None where the configuration names no key.

    Raises:
        UsageError: signing is to begin, without a key.
    """
    if begin_signing and not settings.signs:
        raise UsageError("--begin-signing: the configuration names no key", "Set signing.key, or leave the option out")
    from inventory.proof.signature import SigningKey

    return SigningKey.of(settings.signing_key)


def print_lines(lines: Iterable[str]) -> None:
    """Print lines of results, some at a time: each time they are flushed."""
    rest = iter(lines)
    while piece := list(islice(rest, 200)):
        echo("\n".join(piece))
