"""`demo`: two recorded nights in a new database, what changed between them, and what to type next."""

import os
import shlex
from pathlib import Path

import click

from inventory.cli.base import Options
from inventory.cli.group import argument, command
from inventory.common.errors import UsageError

__all__ = ["demo"]

_NEXT = {
    "inventory show": "the jobs as a table",
    "inventory log {job_id}": "the life of one job",
    "inventory query --report failed": "one of the reports; `inventory query --list` names them",
    "inventory check --now 2026-11-02T06:00:00Z": "rules, as of the morning after the second night",
    "inventory report -o estate.html": "the estate as a page",
    "inventory diff --format html -o changes.html": "the changes as a page",
    "inventory findings": "what was not as documented",
    "inventory init my.yaml": "a configuration for a project of your own",
}


@command(
    examples=["inventory demo", "inventory demo /tmp/inventory-demo"],
    short_help="Try it: two recorded nights, without an account.",
)
@argument(
    "folder", metavar="[DIR]", default="inventory-demo", type=click.Path(path_type=Path),
    explained="A folder to write; default: inventory-demo.",
)  # fmt: skip
@click.pass_context
def demo(context: click.Context, folder: Path) -> int:
    """Try it without an account or a network: export two recorded nights into a new database and compare them.

    DIR gets a configuration, the recordings and the database. Nothing is overwritten.
    """
    from inventory.cli.changes import diff
    from inventory.cli.export import export
    from inventory.config.recordings import DEMO_DATABASE, DEMO_FILE, DEMO_NIGHTS, write_demo

    options: Options = context.obj
    if options.config or options.database:
        hint = "Leave out --config and --database, and name a folder: `inventory demo DIR`"
        raise UsageError("demo writes a configuration and a database of its own", hint)
    options.database = write_demo(folder)
    options.config, options.pager = str(folder / DEMO_FILE), False
    options.echo(f"Wrote {folder / DEMO_FILE} and two recorded nights, {' and '.join(DEMO_NIGHTS)}.")
    options.echo(f"\nExporting both nights into {folder / DEMO_DATABASE}, as `inventory export` does:\n")
    if code := context.invoke(export):
        return int(code)
    options.echo("\nWhat changed between the two nights, as `inventory diff` shows it:\n")
    context.invoke(diff)
    for line in _next(options, folder):
        options.echo(line)
    return 0


def _next(options: Options, folder: Path) -> list[str]:
    """Return the commands to type next; the first makes them read the new database."""
    begin = [f"cd {shlex.quote(str(folder))}"]
    begin += [f"unset {name}" for name in ("INVENTORY_CONFIG", "INVENTORY_DATABASE_URL") if os.environ.get(name)]
    words = {each.format(job_id=_changed_job(options)): about for each, about in _NEXT.items()}
    width = max(map(len, words))
    return [
        "",
        "Type next:",
        "",
        f"  {' && '.join(begin)}",
        *(f"  {w:<{width}}  # {about}" for w, about in words.items()),
    ]


def _changed_job(options: Options) -> str:
    """Return the id of a job that changed between the last two snapshots."""
    from inventory.diff.ends import choose, step
    from inventory.schema import BY_NAME
    from inventory.store import reader

    with options.open(options.settings()) as store, store.reading() as connection:
        ((source, start, end),), _ = choose(connection, reader.sources(connection), None, None)
        old, new = step(connection, source, start, end).between(BY_NAME["jobs"], None)
        return str(min({row[0] for row in old} & {row[0] for row in new}))
