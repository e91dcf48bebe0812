"""Commands around the configuration, the tables and their documentation."""

from pathlib import Path

import click

from inventory.cli.base import Options, echo, print_lines, safe
from inventory.common.errors import UsageError

__all__ = ["db", "init", "schema", "validate"]


@click.command()
@click.argument("file", default="inventory.yaml", type=click.Path())
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


@click.command()
@click.option(
    "--no-env", is_flag=True,
    help="For where no secret is: values with ${NAME} or ${file:PATH} and credentials are not checked, but named.",
)  # fmt: skip
@click.pass_obj
def validate(options: Options, no_env: bool) -> None:
    """Check the configuration, offline: every error at once, with file, line and key."""
    from inventory.config.load import choose_database

    settings = options.settings(for_export=True, no_env=no_env, recordings=True)
    if options.database or not no_env:
        choose_database(options.database, settings)
    count = len(settings.sources)
    checked = " as far as it was checked" if settings.unchecked else ""
    options.echo(f"{settings.file} is valid{checked}: {count} source{'' if count == 1 else 's'}.")
    if settings.unchecked:
        options.echo("Not checked, because of --no-env:")
        for each in settings.unchecked:
            options.echo(safe(f"  {each}"))


@click.group()
def db() -> None:
    """Bring a database to this version's tables, or look where it stands."""


@db.command("upgrade")
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


@db.command("downgrade")
@click.argument("revision")
@click.pass_obj
def db_downgrade(options: Options, revision: str) -> None:
    """Go back to an older revision; refused where rows would be lost."""
    from inventory.store.migrate import downgrade

    with options.open(options.settings(), write=True) as store:
        downgrade(store, revision)
        views = "the version that has it makes its views and triggers with `inventory db upgrade`"
        options.echo(f"{store} is at revision {revision}; {views}.")


@db.command("current")
@click.pass_obj
def db_current(options: Options) -> None:
    """Print the database's revision."""
    from inventory.schema import REVISION
    from inventory.store.migrate import current

    with options.open(options.settings(), ready=False) as store:
        at = current(store)
    options.echo(f"{at or 'none'}{'' if at == REVISION else f' (this version needs {REVISION})'}")


@db.command("check")
@click.pass_obj
def db_check(options: Options) -> int:
    """Compare the database with the declared tables, views and triggers; what else is in it does not count."""
    from inventory.store.check import check

    with options.open(options.settings()) as store:
        differences = check(store)
    for difference in differences:
        echo(safe(difference))
    if not differences:
        options.echo("The database is as declared.")
    return 1 if differences else 0


@click.command()
@click.option(
    "--format", "style", type=click.Choice(["markdown", "sql", "json", "config-schema", "config-markdown"]),
    default="markdown", show_default=True,
    help="config-schema: a JSON Schema of the configuration, for editors; config-markdown: a table of its keys.",
)  # fmt: skip
@click.option(
    "--dialect", type=click.Choice(["sqlite", "postgresql"]), default="sqlite", show_default=True, help="For sql."
)
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
