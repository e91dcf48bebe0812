"""The command line: click and nothing but click. Each command imports what it needs when it runs."""

from typing import Any

import click

from inventory.cli.base import Options
from inventory.cli.bundle import bundle
from inventory.cli.changes import diff, plan
from inventory.cli.check import check
from inventory.cli.config import config
from inventory.cli.db import db
from inventory.cli.demo import demo
from inventory.cli.doctor import doctor
from inventory.cli.export import export
from inventory.cli.findings import findings
from inventory.cli.group import CONTEXT, Root, global_options
from inventory.cli.look import log, show, snapshots
from inventory.cli.manage import init, schema, validate
from inventory.cli.mock import mock_server
from inventory.cli.page import report
from inventory.cli.prune import prune
from inventory.cli.query import query
from inventory.cli.sources import sources
from inventory.cli.tools import completion, help_command, print_version
from inventory.cli.verify import verify

__all__ = ["main"]

SECTIONS: dict[str, list[click.Command]] = {
    "Everyday": [demo, init, validate, doctor, export, plan, show, snapshots, findings],
    "Comparing": [diff, log],
    "Reporting": [query, check, report],
    "Audit": [verify, bundle, prune],
    "Database": [db, sources, schema],
    "Tools": [config, mock_server, completion, help_command],
}


@click.group(
    cls=Root,
    context_settings=CONTEXT,
    params=[*global_options(), click.Option(["--json", "as_json"], is_flag=True, is_eager=True, hidden=True)],
    sections={heading: [str(each.name) for each in commands] for heading, commands in SECTIONS.items()},
    examples=["inventory demo", "inventory init", "inventory export", "inventory diff --stat"],
)
@click.option(
    "--version", is_flag=True, expose_value=False, callback=print_version,
    help="Print the versions of this and of what it runs on (with --json as JSON), and exit.",
)  # fmt: skip
@click.pass_context
def main(context: click.Context, /, **options: Any) -> None:
    """Export the DRS jobs of Huawei Cloud projects into tables that keep their history."""
    context.obj = Options(**options)


for section in SECTIONS.values():
    for each in section:
        main.add_command(each)
