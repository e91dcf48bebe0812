"""Commands that only read: snapshots, show, log."""

import click

from inventory.cli.base import (
    Options,
    echo,
    echo_document,
    format_option,
    json_option,
    output_option,
    print_document,
    print_lines,
    sources_option,
)
from inventory.cli.complete import complete_snapshots, complete_tables
from inventory.cli.group import argument, command

__all__ = ["log", "show", "snapshots"]


@command(
    examples=["inventory snapshots", "inventory snapshots --source prod --json"],
    short_help="List the snapshots: time, status, jobs, changes, digest.",
)
@sources_option
@output_option
@json_option
@click.pass_obj
def snapshots(options: Options, names: tuple[str, ...], as_json: bool) -> None:
    """List the snapshots: when, status, jobs, changes, digest."""
    from inventory.render.json import plain
    from inventory.render.snapshots import listing
    from inventory.store import reader

    with options.open(options.settings()) as store, store.reading() as connection:
        rows = [r for s in reader.sources(connection, names) for r in reader.snapshots(connection, s["id"])]
    if as_json:
        echo_document(options, 0, snapshots=[plain(row) for row in rows])
    else:
        options.echo(listing(rows) if rows else "There are no snapshots yet. Run `inventory export` first.")


@command(
    examples=[
        "inventory show --columns name,status,create_time --sort -create_time --limit 10",
        "inventory show JOB_ID --snapshot 2026-11-01 --json",
    ],
    short_help="Show the jobs as a table, or one job whole.",
)
@argument("job_id", required=False, explained="A job to show whole; default: a table of all jobs.")
@sources_option
@click.option(
    "--snapshot", "ref", default="latest", metavar="REF", shell_complete=complete_snapshots,
    help="As it was: id, latest~N, day or time (UTC).",
)  # fmt: skip
@click.option("--columns", metavar="NAMES", help="Columns of the table jobs to show, with commas between them.")
@click.option("--sort", metavar="NAME", help="Sort by this column; -NAME for descending. Default: source and id.")
@click.option("--limit", type=click.IntRange(1), metavar="N", help="Show at most N jobs. Default: all.")
@click.option("--full", is_flag=True, help="Do not cut long values of the table.")
@output_option
@json_option
@click.pass_obj
def show(
    options: Options, job_id: str | None, names: tuple[str, ...], ref: str, columns: str | None, sort: str | None,
    limit: int | None, full: bool, as_json: bool,
) -> None:  # fmt: skip
    """Show the estate as a table, or one job."""
    from inventory.render import estate

    wanted = estate.Columns.of(columns, sort, limit, full=full)
    with options.open(options.settings()) as store, store.reading() as connection:
        found = estate.find(connection, names, ref, job_id)
        if options.is_silent():
            return
        if as_json:
            for piece in estate.as_json(connection, found):
                echo(piece, nl=False)
        else:
            options.page(estate.as_text(connection, found, job_id, wanted, width=options.width))


@command(
    examples=["inventory log --since 2026-11-01 --column status", "inventory log JOB_ID --full"],
    short_help="Show every change in order of time.",
)
@argument("job_id", required=False, explained="A job; default: every job.")
@sources_option
@click.option("--since", metavar="REF", help="Only what changed after this snapshot: id, latest~N, day or time (UTC).")
@click.option("--until", metavar="REF", help="Only what changed up to this snapshot; default: latest.")
@click.option("--table", metavar="T", shell_complete=complete_tables, help="Only changes in this table.")
@click.option("--column", metavar="NAME", help="Only updates of this column: NAME or TABLE.NAME.")
@click.option("--action", type=click.Choice(["create", "update", "delete"]), help="Only changes of this kind.")
@click.option("--full", is_flag=True, help="Show all rows and uncut values (text).")
@format_option("text", "json", "jsonl")
@output_option
@click.pass_obj
def log(
    options: Options, /, job_id: str | None, names: tuple[str, ...], since: str | None, until: str | None,
    table: str | None, column: str | None, action: str | None, full: bool, style: str,
) -> None:  # fmt: skip
    """Show every change in order of time: of the estate, or of one job from its creation to its end."""
    from inventory.common.exact_json import pretty
    from inventory.diff.history import Period, Wanted, events_of_estate, events_of_job
    from inventory.diff.select import Selection
    from inventory.render.json import change_records, document
    from inventory.render.plan import changes_in_time
    from inventory.store import reader

    settings = options.settings()
    what = Selection.of(table, None, (), None, ()).ignoring(settings.ignore)
    wanted, period = Wanted.of(action, column), Period(since, until)
    with options.open(settings) as store, store.reading() as connection:
        sources = reader.sources(connection, names)
        if job_id is None:
            events = events_of_estate(connection, sources, period, what, wanted)
        else:
            events = iter(events_of_job(connection, sources, job_id, period, what, wanted))
        if options.is_silent():
            return
        if style == "text":
            options.page(changes_in_time(events, options.paint, full=full, width=options.width))
        else:
            records = (record for event in events for record in change_records(event.diff))
            if style == "json":
                print_document(document(changes=records))
            else:
                print_lines(pretty(record, indent=None) for record in records)
