"""`sources`: what is exported, a new name for it, and its end."""

import click

from inventory.cli.base import (
    Options,
    begin_signing_option,
    checked_signer,
    echo_document,
    json_option,
    lock_timeout_option,
    output_option,
    safe,
    sources_option,
)
from inventory.cli.confirm import confirm, yes_option
from inventory.cli.group import argument, group
from inventory.common.errors import UsageError

__all__ = ["sources"]


@group()
def sources() -> None:
    """List, rename or retire sources."""


@sources.command(
    "list",
    examples=["inventory sources list", "inventory sources list --json"],
    short_help="List the sources, each with its last snapshot and its age.",
)
@sources_option
@output_option
@json_option
@click.pass_obj
def sources_list(options: Options, names: tuple[str, ...], as_json: bool) -> None:
    """List the sources of the database and of the configuration, each with its last snapshot and its age."""
    from inventory.render.json import plain
    from inventory.render.sources import listing
    from inventory.store.sources import list_sources, never_exported
    from inventory.store.writer import SourceRow

    settings = options.settings()
    with options.open(settings) as store, store.reading() as connection:
        rows = list_sources(connection)
    known = {row["name"] for row in rows}
    rows += [never_exported(SourceRow(s.name, s.region, s.project_id)) for s in settings.sources if s.name not in known]
    unknown = sorted(set(names) - {row["name"] for row in rows})
    if unknown:
        hint = "`inventory sources list` shows them"
        raise UsageError(f"no source {unknown[0]!r} in the database or the configuration", hint)
    rows = sorted((row for row in rows if not names or row["name"] in names), key=lambda row: str(row["name"]))
    if as_json:
        echo_document(options, 0, sources=[plain(row) for row in rows])
    else:
        options.echo(listing(rows) if rows else "There are no sources yet. Run `inventory export` first.")


@sources.command("rename", examples=["inventory sources rename north prod-north", "inventory sources list"])
@argument("old", explained="The name that the source has.")
@argument("new", explained="The name that it gets.")
@lock_timeout_option
@click.pass_obj
def sources_rename(options: Options, old: str, new: str, lock_timeout: int) -> None:
    """Give a source another name; its history goes with it."""
    from inventory.common.cancellation import Stop
    from inventory.store.sources import rename

    with options.open(options.settings(), write=True) as store:
        rename(store, old, new, lock_timeout, Stop())
    options.echo(f"Renamed {old} to {new}. Change the name in the configuration too.")


@sources.command(
    "retire",
    examples=["inventory sources retire prod-north --dry-run", "inventory sources retire prod-north --yes"],
    short_help="End a source with a last snapshot that closes all of its jobs.",
)
@argument("name", explained="The source.")
@click.option("--dry-run", is_flag=True, help="Print what would end; write nothing.")
@yes_option
@begin_signing_option
@lock_timeout_option
@click.pass_obj
def sources_retire(
    options: Options, name: str, dry_run: bool, yes: bool, begin_signing: bool, lock_timeout: int
) -> None:
    """End a source with a last snapshot, in which all of its jobs have left. Nothing brings it back.

    In a terminal it asks first; elsewhere it needs --yes.
    """
    from inventory.common.cancellation import Stop
    from inventory.common.safe_text import count
    from inventory.store.sources import open_jobs, retire

    settings = options.settings()
    if settings.signs:
        settings = options.settings(for_export=True)  # with the key
    signer = checked_signer(settings, begin_signing)
    with options.open(settings, write=not dry_run) as store:
        with store.reading() as connection:
            jobs = count(open_jobs(connection, name), "job")
        if dry_run:
            options.echo(f"{name} would be retired: a final snapshot would close {jobs}. Nothing was written.")
            return
        confirm(f"Retire {name} for good and close {jobs}?", yes=yes)
        row, signing = retire(store, name, lock_timeout, Stop(), signer, begin_signing=begin_signing)
    closed = count(row["deselected"], "job")
    options.echo(f"Retired {name}. Its final snapshot {row['id']} closes {closed}.")
    if signing:
        options.echo(safe(f"signing {signing}"))
    options.echo("Remove it from the configuration too.")
