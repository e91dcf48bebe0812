"""`db`: the tables of the database, and what a DBA needs who makes them himself."""

from collections.abc import Iterator

import click

from inventory.cli.base import Options, complain, echo, echo_document, json_option, output_option, print_lines, safe
from inventory.cli.confirm import confirm, yes_option
from inventory.cli.group import argument, group
from inventory.common.errors import UsageError

__all__ = ["db"]


@group()
def db() -> None:
    """Create, upgrade and check the tables; SQL for a DBA."""


@db.command(
    "upgrade",
    examples=["inventory db upgrade", "inventory db upgrade --sql -o upgrade.sql"],
    short_help="Create or upgrade the tables, in one transaction.",
)
@click.option(
    "--lock-timeout", type=click.IntRange(1, 86400), default=60, show_default=True, metavar="SECONDS",
    help="Wait up to SECONDS for another upgrade, and for sessions that use the tables.",
)  # fmt: skip
@click.option("--sql", "as_sql", is_flag=True, help="Print the SQL of the upgrade; change nothing.")
@click.option(
    "--dialect", type=click.Choice(["sqlite", "postgresql"]),
    help="With --sql: print that of a new database of this kind; read none.",
)  # fmt: skip
@output_option
@click.pass_obj
def db_upgrade(options: Options, lock_timeout: int, as_sql: bool, dialect: str | None) -> None:
    """Create or upgrade the tables, in one transaction; an SQLite file is copied before.

    With --sql it prints the statements, from the revision of the database on, for a DBA who runs them.
    """
    from inventory.cli.signals import stopping
    from inventory.common.cancellation import Stop
    from inventory.schema import REVISION
    from inventory.store.migrate import upgrade
    from inventory.store.sqlite_lock import LockWait

    if as_sql:
        print_lines(_upgrade_sql(options, dialect))
        return
    if dialect is not None:
        raise UsageError("--dialect goes with --sql", "Without it the URL of the database says which one it is")
    stop = Stop()
    waiting = LockWait(lock_timeout, stop, lambda said: options.echo_err(safe(said)))
    with stopping(stop), options.open(options.settings(), write=True, ready=False) as store:
        done = upgrade(store, waiting)
        if done.copy is not None:
            options.echo(f"Copied the database as it was to {done.copy}.")
        mended = "; its views and triggers were recreated" if done.repaired else ""
        if done.before == REVISION:
            options.echo(f"{store} is already up to date (revision {REVISION}){mended}.")
        else:
            options.echo(f"Upgraded {store} to revision {REVISION}{mended}.")


def _upgrade_sql(options: Options, dialect: str | None) -> Iterator[str]:
    from inventory.config.load import choose_database
    from inventory.store.engine import is_absent
    from inventory.store.script import script, script_from

    if dialect is not None:
        yield from script_from(None, dialect)
        return
    settings = options.settings()
    if is_absent(choose_database(options.database, settings)):
        yield from script_from(None, "sqlite")
        return
    with options.open(settings, ready=False) as store:
        yield from script(store)


@db.command(
    "stamp",
    examples=["inventory db stamp --dry-run", "inventory db stamp"],
    short_help="Record the revision of tables that a script made.",
)
@click.option("--dry-run", is_flag=True, help="Only compare; record nothing.")
@output_option
@json_option
@click.pass_obj
def db_stamp(options: Options, dry_run: bool, as_json: bool) -> int:
    """Record the revision of tables that a script made, if they are as declared; else list the differences."""
    from inventory.schema import REVISION
    from inventory.store.stamp import stamp

    with options.open(options.settings(), write=not dry_run, ready=False) as store:
        done = stamp(store, dry_run=dry_run)
    code = 1 if done.differences else 0
    if as_json:
        recorded = done.already or not (code or dry_run)
        echo_document(options, code, revision=REVISION, recorded=recorded, differences=done.differences)
        return code
    for difference in done.differences:
        echo(safe(difference))
    if done.differences:
        complain("error: the revision was not recorded, because the tables are not as declared", options.log_format)
    elif done.already:
        options.echo(f"Revision {REVISION} is recorded already.")
    elif dry_run:
        options.echo(f"The database is as declared; revision {REVISION} would be recorded.")
    else:
        options.echo(f"The database is as declared; revision {REVISION} was recorded.")
    return code


@db.command(
    "downgrade",
    examples=["inventory db downgrade 0001 --dry-run", "inventory db downgrade 0001 --yes"],
    short_help="Go back to an older revision; refused where rows would be lost.",
)
@argument("revision", explained="The revision, such as 0001.")
@click.option("--dry-run", is_flag=True, help="Try it in a transaction that is rolled back; print what would go.")
@yes_option
@click.pass_obj
def db_downgrade(options: Options, revision: str, dry_run: bool, yes: bool) -> None:
    """Go back to an older revision; refused where rows would be lost. An SQLite file is copied before.

    In a terminal it asks first; elsewhere it needs --yes.
    """
    from inventory.schema import REVISION
    from inventory.store.migrate import downgrade

    with options.open(options.settings(), write=True) as store:
        if not dry_run:
            confirm(f"Go back from revision {REVISION} to {revision}, and drop what is newer?", yes=yes)
        done = downgrade(store, revision, dry_run=dry_run)
        at = done.after or "none"
        if dry_run:
            options.echo(f"{store} would go back from revision {done.before} to {at}. Nothing was changed.")
            for part in done.dropped:
                options.echo(safe(f"  - {part}"))
            return
        if done.copy is not None:
            options.echo(f"Copied the database as it was to {done.copy}.")
        views = "the version that has it makes its views and triggers with `inventory db upgrade`"
        options.echo(f"{store} is at revision {at}; {views}.")


@db.command("current", examples=["inventory db current", "inventory db current --json"])
@output_option
@json_option
@click.pass_obj
def db_current(options: Options, as_json: bool) -> None:
    """Print the database's revision."""
    from inventory.schema import REVISION
    from inventory.store.migrate import current

    with options.open(options.settings(), ready=False) as store:
        at = current(store)
    if as_json:
        echo_document(options, 0, revision=at, needed=REVISION)
        return
    options.echo(f"{at or 'none'}{'' if at == REVISION else f' (this version needs {REVISION})'}")


@db.command(
    "check",
    examples=["inventory db check", "inventory db check --json"],
    short_help="Compare the database with the declared tables and views.",
)
@output_option
@json_option
@click.pass_obj
def db_check(options: Options, as_json: bool) -> int:
    """Compare the database with the declared tables, views and triggers; what else is in it does not count."""
    from inventory.store.check import check

    with options.open(options.settings()) as store:
        differences = check(store)
    code = 1 if differences else 0
    if as_json:
        echo_document(options, code, differences=list(differences))
        return code
    for difference in differences:
        echo(safe(difference))
    if not differences:
        options.echo("The database is as declared.")
    return code


@db.command(
    "grants",
    examples=["inventory db grants --role reader --to analysts", "inventory db grants --role writer --to exporter"],
    short_help="Print GRANT statements for an owner, writer, reader or viewer.",
)
@click.option(
    "--role", type=click.Choice(["owner", "writer", "reader", "viewer"]), required=True,
    help="owner: makes and upgrades the tables; writer: exports and prunes; reader: shows and compares; viewer: reads"
    " the views alone.",
)  # fmt: skip
@click.option("--to", metavar="NAME", required=True, help="The user or group of PostgreSQL.")
@output_option
@click.pass_obj
def db_grants(options: Options, role: str, to: str) -> None:
    """Print the GRANT statements that a user of PostgreSQL needs; run none of them.

    Those of a writer, reader or viewer are for the tables and views of this revision: run them again after an upgrade.
    """
    from inventory.config.database_url import parse_database_url
    from inventory.config.load import choose_database
    from inventory.store.engine import translate_errors
    from inventory.store.rights import grants

    settings = options.settings()
    if parse_database_url(choose_database(options.database, settings)).kind == "sqlite":
        why = "an SQLite file has no users: the rights to the file and its folder are what counts"
        raise UsageError(f"db grants is for PostgreSQL; {why}", "Name a database of PostgreSQL with --database")
    if not 0 < len(to.encode()) < 64 or "\0" in to:
        raise UsageError("--to: a name of PostgreSQL has 1 to 63 bytes")
    with options.open(settings, ready=role != "owner") as store, translate_errors(store), store.reading() as connection:
        print_lines(grants(connection, role, to))
