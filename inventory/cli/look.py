"""Commands that only read: snapshots, show, log."""

import click

from inventory.cli.base import Options, echo, json_option, output_option, print_lines, sources_option
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
    from inventory.common.exact_json import pretty
    from inventory.render.json import plain
    from inventory.render.snapshots import listing
    from inventory.store import reader

    with options.open(options.settings()) as store, store.reading() as connection:
        rows = [r for s in reader.sources(connection, names) for r in reader.snapshots(connection, s["id"])]
    if as_json:
        options.echo(pretty([plain(row) for row in rows]))
    else:
        options.echo(listing(rows) if rows else "There is no snapshot yet; `inventory export` writes one.")


@command(
    examples=["inventory show", "inventory show JOB_ID --snapshot 2026-11-01 --json"],
    short_help="Show the jobs as a table, or one job whole.",
)
@argument("job_id", required=False, explained="A job to show whole; default: a table of all jobs.")
@sources_option
@click.option("--snapshot", "ref", default="latest", metavar="REF", help="As it was: id, latest~N, day or time (UTC).")
@output_option
@json_option
@click.pass_obj
def show(options: Options, job_id: str | None, names: tuple[str, ...], ref: str, as_json: bool) -> None:
    """Show the estate as a table, or one job."""
    from inventory.render import estate

    with options.open(options.settings()) as store, store.reading() as connection:
        found = estate.find(connection, names, ref, job_id)
        if options.is_silent():
            return
        if as_json:
            for piece in estate.as_json(connection, found):
                echo(piece, nl=False)
        else:
            print_lines(estate.as_text(connection, found, job_id))


@command(
    examples=["inventory log JOB_ID", "inventory log JOB_ID --full"],
    short_help="Print every change in order of time.",
)
@argument("job_id", explained="The job.")
@sources_option
@click.option("--full", is_flag=True, help="Every row and whole values.")
@output_option
@json_option
@click.pass_obj
def log(options: Options, job_id: str, names: tuple[str, ...], full: bool, as_json: bool) -> None:
    """Tell the life of a job: created, what changed when, gone; oldest first."""
    from inventory.common.errors import CompareError
    from inventory.common.exact_json import pretty
    from inventory.diff.life import life
    from inventory.diff.select import Selection
    from inventory.render.json import life_document
    from inventory.render.plan import timeline
    from inventory.store import reader

    settings = options.settings()
    what = Selection(ignore=settings.ignore)
    with options.open(settings) as store, store.reading() as connection:
        sources = reader.sources(connection, names)
        lives = {source["name"]: list(life(connection, source, job_id, what)) for source in sources}
    lives = {name: events for name, events in lives.items() if events}
    if not lives:
        raise CompareError(f"no source ever had a job {job_id}", "`inventory show` lists the jobs there are")
    if as_json:
        steps = ((name, [event.diff for event in events]) for name, events in lives.items())
        options.echo(pretty(life_document(job_id, steps)))
    elif not options.is_silent():
        for name, events in lives.items():
            print_lines(timeline(name, job_id, events, options.paint, full=full))
