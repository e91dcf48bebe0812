"""Commands around the configuration and the documentation of the tables."""

from pathlib import Path

import click

from inventory.cli.base import Options, echo, echo_document, json_option, output_option, print_lines, safe
from inventory.cli.group import argument, command
from inventory.common.errors import UsageError
from inventory.render.json_schema.names import DOCUMENTS

__all__ = ["init", "schema", "validate"]


@command(
    examples=["inventory init", "inventory init /etc/inventory.yaml", "inventory init --deploy deploy"],
    short_help="Write a commented starter configuration.",
)
@argument("file", default="inventory.yaml", type=click.Path(), explained="The file; default: inventory.yaml.")
@click.option(
    "--deploy", metavar="DIR", type=click.Path(path_type=Path),
    help="Instead write files to deploy with, into a new folder: systemd, cron, container, Kubernetes, CI, alerts.",
)  # fmt: skip
@click.pass_obj
def init(options: Options, file: str, deploy: Path | None) -> None:
    """Write a commented starter configuration; never over an existing file."""
    from inventory.config.samples import write_deployment
    from inventory.config.starter import STARTER

    if deploy is not None:
        names = write_deployment(deploy)
        options.echo(f"Wrote {deploy}: {', '.join(names)}. README.md says what each file is for.")
        return
    try:
        with Path(file).open("x", encoding="utf-8") as starter:
            starter.write(STARTER)
    except FileExistsError:
        raise UsageError(f"{file} exists already", "It was not changed; name another file") from None
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
    from inventory.export.telemetry import problem

    settings = options.settings(for_export=True, no_env=no_env, recordings=True)
    if options.database or not no_env:
        choose_database(options.database, settings)
    if not no_env and (why := problem()):
        options.warn(f"no traces and metrics will be sent: {why}")
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


@command(
    examples=[
        "inventory schema > dictionary.md",
        "inventory schema --format config-schema -o inventory.schema.json",
        "inventory schema --format json-schema --document diff",
    ],
    short_help="Print the data dictionary, the SQL, or a JSON Schema.",
)
@click.option(
    "--format", "style",
    type=click.Choice(["markdown", "sql", "json", "json-schema", "config-schema", "config-markdown"]),
    default="markdown", show_default=True,
    help="json-schema: JSON Schemas of the JSON documents that commands print; config-schema: a JSON Schema of the"
    " configuration, for editors; config-markdown: a table of its keys.",
)  # fmt: skip
@click.option(
    "--document", type=click.Choice(list(DOCUMENTS)), metavar="NAME",
    help=f"For --format json-schema, only this document: {', '.join(DOCUMENTS)}. Default: all in one schema.",
)  # fmt: skip
@click.option(
    "--dialect", type=click.Choice(["sqlite", "postgresql"]), default="sqlite", help="The database, for --format sql."
)
@output_option
def schema(style: str, document: str | None, dialect: str) -> None:
    """Print the data dictionary: every table and column, its meaning and source; or the keys of the configuration."""
    from inventory.common.exact_json import pretty

    if document is not None and style != "json-schema":
        raise UsageError("--document chooses one of the JSON Schemas", "Add --format json-schema")
    if style == "json-schema":
        from inventory.render.json_schema.documents import all_documents, documents

        echo(pretty(all_documents() if document is None else documents()[document]))
        return
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
