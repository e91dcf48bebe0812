"""The command line: click and nothing but click. Each command imports its rooms when it runs."""

import logging
import sys
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

import click

from inventory import __version__
from inventory.errors import ConfigError, InventoryError, UsageError

if TYPE_CHECKING:
    from inventory.config import Settings
    from inventory.store.engine import Store

__all__ = ["main"]

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

    def settings(self, *, for_export: bool = False) -> "Settings":
        """Read the configuration; credentials only for who asks the service."""
        from inventory.config import load

        return load(self.config, for_export=for_export)

    def open(self, settings: "Settings", *, write: bool = False, ready: bool = True) -> "Store":
        """Open the database, `ready` only at this version's revision."""
        from inventory.config import choose_database
        from inventory.store.engine import open_store
        from inventory.store.migrate import require_head

        store = open_store(choose_database(self.database, settings), write=write)
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
        import os

        if self.colour is False or os.environ.get("NO_COLOR"):
            return False
        return sys.stdout.isatty()


class Main(click.Group):
    """The root: turns our errors into one message and the contract's exit codes, and nothing into a traceback."""

    def main(self, *args: Any, **extra: Any) -> NoReturn:
        """Run a command and exit."""
        extra["standalone_mode"] = False
        try:
            code = super().main(*args, **extra)
        except click.exceptions.Abort:
            _fail("stopped; what was not finished was not written", 1)
        except click.exceptions.Exit as stop:
            sys.exit(stop.exit_code)
        except click.ClickException as error:
            hint = error.ctx.command_path if isinstance(error, click.UsageError) and error.ctx else "inventory"
            _fail(f"{error.format_message()} (`{hint} --help` tells more)", UsageError.exit_code)
        except ConfigError as error:
            for fault in error.faults:
                click.echo(_safe(f"error: {fault}"), err=True)
            sys.exit(error.exit_code)
        except InventoryError as error:
            _fail(str(error), error.exit_code)
        except BrokenPipeError:
            sys.stderr.close()  # the reader went away, `| head` perhaps; nobody is left to tell
            sys.exit(0)
        except OSError as error:
            _fail(f"{error.filename or 'the system'}: {error.strerror}", 1)
        sys.exit(code if isinstance(code, int) else 0)


def _fail(message: str, code: int) -> NoReturn:
    click.echo(_safe(f"error: {message}"), err=True)
    sys.exit(code)


def _safe(text: str) -> str:
    from inventory.render.text import clean

    return clean(text)


def sources_option(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add `--source`, which every command has that reads or writes sources."""
    return click.option("--source", "names", multiple=True, metavar="NAME", help="Only this source; repeatable.")(
        command
    )


@click.group(cls=Main, context_settings=CONTEXT)
@click.version_option(__version__, prog_name="inventory")
@click.option("--config", metavar="FILE", help="Configuration; else INVENTORY_CONFIG, else inventory.yaml here.")
@click.option("--database", metavar="URL", help="Database; else INVENTORY_DATABASE_URL, else the configuration.")
@click.option("--log-format", type=click.Choice(["text", "json"]), default="text", show_default=True)
@click.option("--no-color", "colour", flag_value=False, default=None, type=bool, help="No colour, as with NO_COLOR.")
@click.option("-v", "--verbose", is_flag=True, help="Log more.")
@click.option("-q", "--quiet", is_flag=True, help="Print nothing where the exit is 0.")
@click.pass_context
def main(context: click.Context, /, **options: Any) -> None:
    """Export the DRS jobs of Huawei Cloud projects into tables that keep their history."""
    context.obj = Options(**options)


@main.command()
@click.argument("file", default="inventory.yaml", type=click.Path())
@click.pass_obj
def init(options: Options, file: str) -> None:
    """Write a commented starter configuration; never over an existing file."""
    from inventory.starter import STARTER

    try:
        with Path(file).open("x", encoding="utf-8") as starter:
            starter.write(STARTER)
    except FileExistsError:
        raise UsageError(f"{file} exists already", "It was left as it is; name another file") from None
    options.say(f"Wrote {file}. Edit it, then run `inventory --config {file} validate`.")


@main.command()
@click.pass_obj
def validate(options: Options) -> None:
    """Check the configuration, offline: every error at once, with file, line and key."""
    settings = options.settings(for_export=True)
    options.say(f"{settings.file} is valid: {len(settings.sources)} source(s).")


@main.command()
@sources_option
@click.option("--require-complete", is_flag=True, help="Write nothing of a source where a job could not be read.")
@click.option("--max-removals", metavar="P%", help="Refuse more removals than this share of a source's known jobs.")
@click.pass_obj
def export(options: Options, names: tuple[str, ...], require_complete: bool, max_removals: str | None) -> int:
    """Read every source and write a snapshot of each; the nightly job."""
    import uuid

    import structlog

    from inventory import log
    from inventory.collect import Limits, export_source, worst
    from inventory.config import select
    from inventory.render.snapshots import summary
    from inventory.store.migrate import prepare

    limits = Limits(require_complete, _share(max_removals))
    settings = options.settings(for_export=True)
    sources = select(settings, names)
    log.set_up(options.log_format, logging.DEBUG if options.verbose else logging.WARNING)
    run_id = str(uuid.uuid4())
    codes = []
    with options.open(settings, write=True, ready=False) as store:
        copy = prepare(store)
        if copy is not None:
            options.tell(f"The database was upgraded; {copy} is a copy of it as it was.")
        for source in sources:
            logger = structlog.get_logger().bind(run_id=run_id, source=source.name)
            try:
                with _progress(source.name, quiet=options.quiet) as progress:
                    for result in export_source(source, settings, store, limits, progress, run_id):
                        progress.close()
                        for line in summary(source.name, result):
                            options.say(line)
                        row = result.snapshot or {}
                        known = ("id", "jobs", "added", "changed", "removed", "unreadable", "digest")
                        logger.info("exported", recording=result.label, **{name: row.get(name) for name in known})
                        codes.append(3 if row.get("unreadable") else 0)
            except UsageError:
                raise
            except InventoryError as error:
                click.echo(_safe(f"error: {source.name}: {error}"), err=True)
                codes.append(error.exit_code)
    return worst(codes)


def _share(text: str | None) -> float | None:
    if text is None:
        return None
    try:
        share = float(text.removesuffix("%")) / 100
        if not 0 <= share <= 1:
            raise ValueError
    except ValueError:
        raise UsageError("--max-removals takes a share such as 50%") from None
    return share


class _progress:  # noqa: N801  # used as a function
    """A bar on stderr in a terminal; nothing elsewhere."""

    def __init__(self, label: str, *, quiet: bool) -> None:
        self._label = label
        self._shown = sys.stderr.isatty() and not quiet
        self._bar: Any = None
        self._done = 0

    def __enter__(self) -> "_progress":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __call__(self, done: int, total: int) -> None:
        if not self._shown:
            return
        if self._bar is None:
            self._bar = click.progressbar(length=total, label=_safe(self._label), file=sys.stderr, show_pos=True)
            self._bar.__enter__()
            self._done = 0
        self._bar.update(done - self._done)
        self._done = done

    def close(self) -> None:
        """Take the bar away before anything else is printed."""
        if self._bar is not None:
            self._bar.__exit__(None, None, None)
            self._bar = None


@main.command()
@sources_option
@click.option("--json", "as_json", is_flag=True, help="One JSON document: the rows of `snapshots`.")
@click.pass_obj
def snapshots(options: Options, names: tuple[str, ...], as_json: bool) -> None:
    """List the snapshots: when, status, jobs, changes, digest."""
    from inventory.jsontext import pretty
    from inventory.render.json import plain
    from inventory.render.snapshots import listing
    from inventory.store import reader

    with options.open(options.settings()) as store, store.reading() as connection:
        rows = [r for s in reader.sources(connection, names) for r in reader.snapshots(connection, s["id"])]
    if as_json:
        options.say(pretty([plain(row) for row in rows]))
    else:
        options.say(listing(rows) if rows else "There is no snapshot yet; `inventory export` writes one.")


@main.command()
@click.argument("job_id", required=False)
@sources_option
@click.option("--snapshot", "ref", default="latest", metavar="REF", help="As it was: id, latest~N, day or time (UTC).")
@click.option("--json", "as_json", is_flag=True, help="batch-detail's own shape, rebuilt from the tables.")
@click.pass_obj
def show(options: Options, job_id: str | None, names: tuple[str, ...], ref: str, as_json: bool) -> None:
    """Show the estate as a table, or one job."""
    from inventory.render import estate

    with options.open(options.settings()) as store, store.reading() as connection:
        found = estate.find(connection, names, ref, job_id)
        if options.quiet:
            return
        if as_json:
            for piece in estate.as_json(connection, found):
                click.echo(piece, nl=False)
        else:
            _print(estate.as_text(connection, found, job_id))


@main.command()
@click.argument("start", metavar="[FROM]", required=False)
@click.argument("end", metavar="[TO]", required=False)
@sources_option
@click.option("--format", "style", type=click.Choice(["text", "json"]), default="text", show_default=True)
@click.option("--table", metavar="T", help="Only this table.")
@click.option("--job", "job_id", metavar="ID", help="Only this job.")
@click.option("--ignore", multiple=True, metavar="TABLE.COLUMN", help="Count changes of it, do not show them.")
@click.option("--full", is_flag=True, help="Every row of jobs that came or left.")
@click.option("--detailed-exitcode", is_flag=True, help="Exit 2 where there are changes.")
@click.pass_obj
def diff(
    options: Options, start: str | None, end: str | None, names: tuple[str, ...], style: str, table: str | None,
    job_id: str | None, ignore: tuple[str, ...], full: bool, detailed_exitcode: bool,
) -> int:  # fmt: skip
    """Show what changed between two snapshots; by default each source's last two."""
    from inventory.diff import Selection, choose, compare
    from inventory.jsontext import pretty
    from inventory.render.json import diff_document
    from inventory.render.plan import plan
    from inventory.store import reader

    settings = options.settings()
    what = Selection(table, job_id, settings.ignore | set(ignore))
    _known_names(table, ignore)
    with options.open(settings) as store, store.reading() as connection:
        chosen = choose(connection, reader.sources(connection, names), start, end)
        diffs = [compare(connection, source, first, last, what) for source, first, last in chosen]
    changed = any(each.changes for each in diffs)
    code = 2 if changed and detailed_exitcode else 0
    if options.quiet and not code:
        return code
    if style == "json":
        click.echo(pretty(diff_document(diffs)))
    else:
        _print(plan(diffs, options.paint, full=full))
    return code


def _known_names(table: str | None, ignore: Iterable[str]) -> None:
    from inventory.schema import BY_NAME

    if table is not None and table not in BY_NAME:
        raise UsageError(f"there is no table {table!r}", f"There are: {', '.join(BY_NAME)}")
    known = {f"{entity.name}.{column.name}" for entity in BY_NAME.values() for column in entity.columns}
    for name in ignore:
        if name not in known:
            raise UsageError(
                f"--ignore: there is no column {name!r}", "Give TABLE.COLUMN; `inventory schema` lists them"
            )


def _print(lines: Iterable[str]) -> None:
    for line in lines:
        click.echo(line)


@main.group()
def db() -> None:
    """Bring a database to this version's tables, or look where it stands."""


@db.command("upgrade")
@click.pass_obj
def db_upgrade(options: Options) -> None:
    """Create or upgrade the tables, in one transaction; an SQLite file is copied before."""
    from inventory.schema import REVISION
    from inventory.store.migrate import upgrade

    with options.open(options.settings(), write=True, ready=False) as store:
        copy = upgrade(store)
        if copy is not None:
            options.say(f"Copied the database as it was to {copy}.")
        options.say(f"{store} is at revision {REVISION}.")


@db.command("downgrade")
@click.argument("revision")
@click.pass_obj
def db_downgrade(options: Options, revision: str) -> None:
    """Go back to an older revision; refused where rows would be lost."""
    from inventory.store.migrate import downgrade

    with options.open(options.settings(), write=True) as store:
        downgrade(store, revision)
        options.say(f"{store} is at revision {revision}.")


@db.command("current")
@click.pass_obj
def db_current(options: Options) -> None:
    """Print the database's revision."""
    from inventory.schema import REVISION
    from inventory.store.migrate import current

    with options.open(options.settings(), ready=False) as store:
        at = current(store)
    options.say(f"{at or 'none'}{'' if at == REVISION else f' (this version needs {REVISION})'}")


@db.command("check")
@click.pass_obj
def db_check(options: Options) -> int:
    """Compare the database with the declared tables, column by column."""
    from inventory.store.migrate import check

    with options.open(options.settings()) as store:
        differences = check(store)
    for difference in differences:
        click.echo(_safe(difference))
    if not differences:
        options.say("The database is as declared.")
    return 1 if differences else 0


@main.command()
@click.option(
    "--format", "style", type=click.Choice(["markdown", "sql", "json"]), default="markdown", show_default=True
)
@click.option(
    "--dialect", type=click.Choice(["sqlite", "postgresql"]), default="sqlite", show_default=True, help="For sql."
)
def schema(style: str, dialect: str) -> None:
    """Print the data dictionary: every table and column, its meaning and where it comes from."""
    from inventory import reference
    from inventory.jsontext import pretty

    if style == "json":
        click.echo(pretty(reference.as_json()))
    else:
        _print(reference.as_markdown() if style == "markdown" else reference.as_sql(dialect))
