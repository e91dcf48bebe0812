"""`report`: the estate as one HTML page for people."""

import os
from datetime import UTC, datetime

import click

from inventory.cli.base import Options, echo, output_option, sources_option, utf8
from inventory.cli.group import command
from inventory.common.errors import UsageError

__all__ = ["report"]


@command(
    examples=[
        "inventory report -o page.html",
        "inventory report --since 2026-11-01 --day 2026-11-30 --title November -o november.html",
        "inventory report --owner payments -o payments.html",
    ],
    short_help="Write the estate as one HTML page for people.",
)
@output_option
@click.option("--day", metavar="DAY", help="As it was at the end of this UTC day: YYYY-MM-DD. Default: now.")
@click.option("--since", metavar="DAY", help="The first UTC day. Default: 30 days before the last one.")
@sources_option
@click.option("--title", metavar="TEXT", help="The page's title.")
@click.option("--owner", metavar="NAME", help="Only tasks of this owner, by the tag of report.owner_tag.")
@click.option(
    "--max-rows", type=click.IntRange(1), default=200, show_default=True, metavar="N",
    help="Rows at most in a table; one of days has all.",
)  # fmt: skip
@click.option(
    "--timeout", type=click.FloatRange(0.001, 86_400), default=300, show_default=True, metavar="SECONDS",
    help="Give up after this time for one report of the page.",
)  # fmt: skip
@click.pass_obj
def report(
    options: Options, /, day: str | None, since: str | None, names: tuple[str, ...], title: str | None,
    owner: str | None, max_rows: int, timeout: float,
) -> None:  # fmt: skip
    """Write the estate as one HTML page for people: what changed, failures, freshness, status over days.

    The page needs no script and loads nothing. The same database gives the same page: its time is that of the last
    snapshot, or SOURCE_DATE_EPOCH.
    """
    from inventory.render.report import report as render
    from inventory.report.checks.rule import Rules
    from inventory.report.page import Asked, gather

    now, settings = _now(), options.settings()
    rules = Rules(settings.check_rules, settings.check_skip).by_id
    with options.open(settings) as store, store.reading() as connection:
        page = gather(connection, Asked(day, since, names, owner, timeout), now=now, rules=rules)
    if page is not None and owner is not None and not any(row["jobs"] for row in page.answers["phase-days"].rows):
        options.warn(f"no task has the owner {owner!r}; the page says so")
    if options.is_silent():
        return
    echo(utf8(render(page, title or _title(owner), max_rows=max_rows)))


def _title(owner: str | None) -> str:
    return "DRS jobs" if owner is None else f"DRS jobs of {owner}"


def _now() -> datetime | None:
    """Return the time of SOURCE_DATE_EPOCH (reproducible-builds.org), if it is set.

    Raises:
        UsageError: it is not a number of seconds.
    """
    text = os.environ.get("SOURCE_DATE_EPOCH", "")
    if not text:
        return None
    try:
        return datetime.fromtimestamp(int(text), UTC)
    except (ValueError, OverflowError, OSError):
        raise UsageError("SOURCE_DATE_EPOCH is not a number of seconds since 1970", "Set it so, or unset it") from None
