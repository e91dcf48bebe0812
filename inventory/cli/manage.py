"""Commands around the configuration, the tables and their documentation."""

from pathlib import Path

import click

from inventory.cli.base import Options, echo, echo_document, json_option, output_option, print_lines, safe
from inventory.cli.group import argument, command, group
from inventory.common.errors import UsageError

__all__ = ["db", "init", "schema", "validate"]


@command(
    examples=["inventory init", "inventory init /etc/inventory.yaml"],
    short_help="Write a commented starter configuration.",
)
@argument("file", default="inventory.yaml", type=click.Path(), explained="The file; default: inventory.yaml.")
@click.pass_obj
def init(options: Options, file: str) -> None:
    """Write a commented starter configuration; never over an existing file."""
    from inventory.config.starter import STARTER

    try:
        with Path(file).open("x", encoding="utf-8") as starter:
            starter.write(STARTER)
    except FileExistsError:
        raise UsageError(f"{file} exists already", "It was left as it is; name another file") from None
    options.echo(f"Wrote {file}. Edit it, then run `inventory --config {file} validate`.")


@command(
    examples=["inventory validate", "inventory validate --no-env --json"],
    short_help="Check the configuration, offline.",
)
@click.option(
    "--no-env", is_flag=True,
    help="For where no secret is: values with ${NAME} or ${file:PATH} and credentials are not checked, but named.",
)  # fmt: skip
@output_option
@json_option
@click.pass_obj
def validate(options: Options, no_env: bool, as_json: bool) -> None:
    """Check the configuration, offline: every error at once, with file, line and key."""
    from inventory.config.load import choose_database

    settings = options.settings(for_export=True, no_env=no_env, recordings=True)
    if options.database or not no_env:
        choose_database(options.database, settings)
    count = len(settings.sources)
    if as_json:
        names = [source.name for source in settings.sources]
        echo_document(options, 0, file=str(settings.file), sources=names, unchecked=list(settings.unchecked))
        return
    checked = " as far as it was checked" if settings.unchecked else ""
    options.echo(f"{settings.file} is valid{checked}: {count} source{'' if count == 1 else 's'}.")
    if settings.unchecked:
        options.echo("Not checked, because of --no-env:")
        for each in settings.unchecked:
            options.echo(safe(f"  {each}"))


@group()
def db() -> None:
    """Create, upgrade and check the tables of the database."""


@db.command(
    "upgrade",
    examples=["inventory db upgrade", "inventory db upgrade --lock-timeout 600"],
    short_help="Create or upgrade the tables, in one transaction.",
)
@click.option(
    "--lock-timeout", type=click.IntRange(1, 86400), default=60, show_default=True, metavar="SECONDS",
    help="Wait up to SECONDS for another upgrade, and for sessions that use the tables.",
)  # fmt: skip
@click.pass_obj
def db_upgrade(options: Options, lock_timeout: int) -> None:
    """Create or upgrade the tables, in one transaction; an SQLite file is copied before."""
    from inventory.cli.signals import stopping
    from inventory.common.cancellation import Stop
    from inventory.schema import REVISION
    from inventory.store.exclusive import LockWait
    from inventory.store.migrate import upgrade

    stop = Stop()
    waiting = LockWait(lock_timeout, stop, lambda said: options.echo_err(safe(said)))
    with stopping(stop), options.open(options.settings(), write=True, ready=False) as store:
        done = upgrade(store, waiting)
        if done.copy is not None:
            options.echo(f"Copied the database as it was to {done.copy}.")
        how = "was at revision" if done.before == REVISION else "was upgraded to revision"
        mended = "; its views and triggers were made anew" if done.repaired else ""
        options.echo(f"{store} {how} {REVISION}{' already' if done.before == REVISION else ''}{mended}.")


@db.command(
    "downgrade",
    examples=["inventory db current", "inventory db downgrade 0001"],
    short_help="Go back to an older revision; refused where rows would be lost.",
)
@argument("revision", explained="The revision, such as 0001.")
@click.pass_obj
def db_downgrade(options: Options, revision: str) -> None:
    """Go back to an older revision; refused where rows would be lost."""
    from inventory.store.migrate import downgrade

    with options.open(options.settings(), write=True) as store:
        downgrade(store, revision)
        views = "the version that has it makes its views and triggers with `inventory db upgrade`"
        options.echo(f"{store} is at revision {revision}; {views}.")


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


@command(
    examples=["inventory schema > dictionary.md", "inventory schema --format config-schema -o inventory.schema.json"],
    short_help="Print the data dictionary, the SQL, or a JSON Schema.",
)
@click.option(
    "--format", "style", type=click.Choice(["markdown", "sql", "json", "config-schema", "config-markdown"]),
    default="markdown", show_default=True,
    help="config-schema: a JSON Schema of the configuration, for editors; config-markdown: a table of its keys.",
)  # fmt: skip
@click.option(
    "--dialect", type=click.Choice(["sqlite", "postgresql"]), default="sqlite", help="The database, for --format sql."
)
@output_option
def schema(style: str, dialect: str) -> None:
    """Print the data dictionary: every table and column, its meaning and source; or the keys of the configuration."""
    from inventory.common.exact_json import pretty

    if style.startswith("config-"):
        from inventory.config import json_schema as config_schema

        whole = style == "config-schema"
        print_lines([pretty(config_schema.as_schema())] if whole else config_schema.as_markdown())
        return
    from inventory.schema import dictionary as reference

    if style == "json":
        echo(pretty(reference.as_json()))
    else:
        print_lines(reference.as_markdown() if style == "markdown" else reference.as_sql(dialect))
