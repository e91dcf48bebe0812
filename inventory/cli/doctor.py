"""`doctor`: preflight checks."""

import click

from inventory.cli.base import Options, echo, safe, sources_option

__all__ = ["doctor"]

COLOURS = {"ok": "green", "warn": "yellow", "fail": "red"}


@click.command()
@sources_option
@click.pass_obj
def doctor(options: Options, names: tuple[str, ...]) -> int:
    """Try what a cron job will meet at night, a line a check; nothing is written. Exit 1 where a check fails."""
    from inventory.cli.log_setup import set_up
    from inventory.config.load import choose_database, select
    from inventory.export.doctor import examine

    settings = options.settings(for_export=True)
    set_up(options.log_format, options.log_level, settings.secrets)
    failed = False
    for check in examine(settings, select(settings, names), choose_database(options.database, settings)):
        failed = failed or check.state == "fail"
        if options.quiet and check.state != "fail":
            continue
        colour = COLOURS[check.state] if options.wants_colour() else None
        state = click.style(f"{check.state:<4}", fg=colour)
        echo(f"{state}  {safe(check.subject):<16}  {check.what:<12}  {safe(check.message)}")
    return 1 if failed else 0
