"""The command line: click and nothing but click. Each command imports what it needs when it runs."""

from typing import Any

import click

from inventory import __version__
from inventory.cli.base import CONTEXT, Main, Options
from inventory.cli.bundle import bundle
from inventory.cli.changes import diff, plan
from inventory.cli.doctor import doctor
from inventory.cli.export import export
from inventory.cli.look import log, show, snapshots
from inventory.cli.manage import db, init, schema, validate
from inventory.cli.mock import mock_server
from inventory.cli.prune import prune
from inventory.cli.sources import sources
from inventory.cli.verify import verify

__all__ = ["main"]


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


for command in (
    init, validate, doctor, export, plan, snapshots, show, log, diff, verify, bundle, prune, sources, db, schema,
    mock_server,
):  # fmt: skip
    main.add_command(command)
