"""What every command shares: the global options, shared options, and printing to a terminal, a pager or a file."""

import codecs
import os
import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, redirect_stdout, suppress
from dataclasses import dataclass
from functools import wraps
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

import click

from inventory.cli.complete import complete_sources
from inventory.common.errors import UsageError

if TYPE_CHECKING:
    from inventory.config.settings import Settings
    from inventory.proof.signature import SigningKey
    from inventory.store.engine import Store

__all__ = [
    "Options", "begin_signing_option", "checked_signer", "complain", "deadline_option", "echo", "echo_document", "fail",
    "format_option", "json_option", "lock_timeout_option", "output_option", "print_document", "print_lines", "safe",
    "sources_option", "utf8",
]  # fmt: skip

COLOURS = {"+": "green", "~": "yellow", "-": "red", "-/+": "magenta"}


@dataclass
class Options:
    """The global options.

    to_file: what is printed goes to the file of -o. replay: the settings of `--replay`, in place of a configuration.
    """

    config: str | None = None
    database: str | None = None
    log_format: str = "text"
    verbose: bool = False
    quiet: bool = False
    colour: bool | None = None
    pager: bool | None = None
    as_json: bool = False
    to_file: bool = False
    replay: "Settings | None" = None

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

        if self.replay is not None:
            return self.replay
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
        from inventory.store.sqlite_lock import LockWait

        lock = LockWait(settings.sqlite_lock_timeout, on_wait=lambda said: self.echo_err(safe(said)))
        store = open_store(choose_database(self.database, settings), write=write, create=not ready, lock=lock)
        if ready:
            require_head(store)
        return store

    def is_silent(self, code: int = 0) -> bool:
        """Tell whether -q wants nothing printed for an exit code."""
        return self.quiet and not code and not self.to_file

    def echo(self, text: str) -> None:
        """Print a line of the result, unless -q."""
        if not self.is_silent():
            echo(text)

    @property
    def width(self) -> int | None:
        """The columns of the terminal; None where stdout is none."""
        import shutil

        return shutil.get_terminal_size().columns if sys.stdout.isatty() else None

    def page(self, lines: Iterable[str]) -> None:
        """Print lines of a result: in a terminal by a pager, which ends at once where they fit on the screen."""
        is_terminal = sys.stdout.isatty() and sys.stdin.isatty() and os.environ.get("TERM") != "dumb"
        if not is_terminal or self.pager is False or os.environ.get("PAGER") in ("", "cat"):
            print_lines(lines)
            return
        os.environ.setdefault("LESS", "FRX")  # as git does
        click.echo_via_pager((f"{line}\n" for line in lines), color=self.wants_colour())

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
    return click.option(
        "--source",
        "names",
        multiple=True,
        metavar="NAME",
        shell_complete=complete_sources,
        help="Only this source; repeatable. Default: all.",
    )(command)


def lock_timeout_option(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add `--lock-timeout`, which every command has that takes the lock of a source."""
    return click.option(
        "--lock-timeout", type=click.IntRange(0, 86400), default=0, show_default=True, metavar="SECONDS",
        help="Wait up to SECONDS for another export of the same source; then exit 75.",
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
        raise UsageError(
            "--begin-signing: the configuration has no signing key", "Set signing.key, or leave out the option"
        )
    from inventory.proof.signature import SigningKey

    return SigningKey.of(settings.signing_key)


def json_option(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add `--json`, which may stand before the command too."""

    def either(context: click.Context, _option: click.Parameter, value: bool) -> bool:
        return value or bool(context.obj and context.obj.as_json)

    return click.option(
        "--json", "as_json", is_flag=True, callback=either, help="Print one JSON document.",
    )(command)  # fmt: skip


def format_option(*formats: str, explained: str = "Format of what is printed.") -> Callable[..., Any]:
    """Add `--format`, of which the first is the default, and `--json` for `--format json`."""

    def add(command: Callable[..., Any]) -> Callable[..., Any]:
        @wraps(command)
        def run(*args: Any, as_json: bool, **given: Any) -> Any:
            return command(*args, **given | ({"style": "json"} if as_json else {}))

        choose = click.option("--format", "style", type=click.Choice(formats), default=formats[0], help=explained)
        return choose(json_option(run))

    return add


def output_option(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add `-o FILE`: what is printed to stdout becomes a file, whole or not at all."""

    @wraps(command)
    def run(*args: Any, output: Path | None, **given: Any) -> Any:
        if output is None or str(output) == "-":
            return command(*args, **given)
        click.get_current_context().obj.to_file = True
        with _written_whole(output):
            return command(*args, **given)

    return click.option(
        "-o", "--output", type=click.Path(path_type=Path), metavar="FILE",
        help="Write to FILE, whole or not at all; default: stdout.",
    )(run)  # fmt: skip


@contextmanager
def _written_whole(file: Path) -> Iterator[None]:
    """Let what is printed become a file; where nothing is printed, or an error ends the command, leave it as it was.

    Raises:
        UsageError: it cannot be written.
    """
    import tempfile

    target = file.resolve()
    is_device = target.exists() and not target.is_file()  # or a pipe, or a folder: it cannot be replaced
    try:
        if is_device:
            handle, unfinished = os.open(target, os.O_WRONLY), None
        else:
            handle, name = tempfile.mkstemp(prefix=f".{target.name[:100]}.", dir=target.parent)
            unfinished = Path(name)
    except OSError as error:
        raise UsageError(f"--output {file}: {error.strerror}", "Name a file in a folder that can be written") from None
    try:
        with os.fdopen(handle, "w", encoding="utf-8", errors="inventory") as stream:
            with redirect_stdout(stream):
                yield
            stream.flush()
            is_empty = not is_device and not stream.tell()
            if unfinished is not None:
                os.fsync(handle)
        if unfinished is not None and not is_empty:
            mask = os.umask(0)
            os.umask(mask)
            unfinished.chmod(0o666 & ~mask)
            unfinished.replace(target)
    finally:
        if unfinished is not None:
            unfinished.unlink(missing_ok=True)


def echo_document(options: Options, code: int, /, **members: Any) -> None:
    """Print a JSON document of a command, unless -q."""
    if not options.is_silent(code):
        from inventory.common.exact_json import pretty
        from inventory.render.json import document

        echo(pretty(document(**members)))


def print_lines(lines: Iterable[str]) -> None:
    """Print lines of results, some at a time: each time they are flushed."""
    print_pieces(f"{line}\n" for line in lines)


def print_pieces(pieces: Iterable[str]) -> None:
    """Print a text of results that comes in pieces, some at a time: each time they are flushed."""
    rest = iter(pieces)
    while some := list(islice(rest, 200)):
        echo("".join(some), nl=False)


def print_document(document: dict[str, Any]) -> None:
    """Print a JSON document of which iterators give the long lists."""
    from inventory.common.exact_json import pretty_pieces

    print_pieces(pretty_pieces(document))
    echo("")
