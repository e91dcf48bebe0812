"""`doctor`: preflight checks."""

from collections.abc import Iterable
from typing import TYPE_CHECKING

import click

from inventory.cli.base import Options, echo, echo_document, json_option, output_option, safe, sources_option
from inventory.cli.group import command

if TYPE_CHECKING:
    from inventory.export.doctor import Diagnostic

__all__ = ["doctor"]

COLOURS = {"ok": "green", "warn": "yellow", "fail": "red"}


@command(
    examples=["inventory doctor", "inventory doctor --source prod --json"],
    short_help="Run preflight checks of all that the nightly job needs.",
)
@sources_option
@output_option
@json_option
@click.pass_obj
def doctor(options: Options, names: tuple[str, ...], as_json: bool) -> int:
    """Run preflight checks of all that the nightly job needs: credentials, network, permissions, database.

    Nothing is written. The exit is 1 where a check fails.
    """
    from inventory.cli.log_setup import set_up
    from inventory.config.load import choose_database, select
    from inventory.export.doctor import examine

    settings = options.settings(for_export=True)
    set_up(options.log_format, options.log_level, settings.secrets)
    checks = examine(settings, select(settings, names), choose_database(options.database, settings))
    return _as_json(options, checks) if as_json else _as_text(options, checks)


def _as_text(options: Options, checks: "Iterable[Diagnostic]") -> int:
    """Print each check as it is done."""
    failed = False
    for check in checks:
        failed = failed or check.state == "fail"
        if options.is_silent() and check.state != "fail":
            continue
        colour = COLOURS[check.state] if options.wants_colour() else None
        state = click.style(f"{check.state:<4}", fg=colour)
        echo(f"{state}  {safe(check.subject):<16}  {check.what:<12}  {safe(check.message)}")
    return 1 if failed else 0


def _as_json(options: Options, checks: "Iterable[Diagnostic]") -> int:
    found = [
        {"state": each.state, "subject": each.subject, "check": each.what, "detail": each.message} for each in checks
    ]
    code = 1 if any(each["state"] == "fail" for each in found) else 0
    echo_document(options, code, checks=found)
    return code
