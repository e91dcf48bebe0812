"""Commands that only read: snapshots, show, diff."""

from collections.abc import Iterable

import click

from inventory.cli.base import Options, print_lines, sources_option
from inventory.errors import UsageError

__all__ = ["diff", "show", "snapshots"]


@click.command()
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


@click.command()
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
            print_lines(estate.as_text(connection, found, job_id))


@click.command()
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
        print_lines(plan(diffs, options.paint, full=full))
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
