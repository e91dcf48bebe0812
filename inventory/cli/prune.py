"""`prune`: what old snapshots alone have seen makes room."""

from typing import TYPE_CHECKING

import click

from inventory.cli.base import Options, echo_document, json_option, lock_timeout_option, output_option, sources_option
from inventory.cli.confirm import confirm, is_terminal, yes_option
from inventory.cli.group import command
from inventory.common.errors import InventoryError, StoppedError, StoreError, UsageError

if TYPE_CHECKING:
    from inventory.config.retention import Policy
    from inventory.config.settings import Settings
    from inventory.store.engine import Store
    from inventory.store.prune import Pruned

__all__ = ["prune"]

_COUNT = click.IntRange(0, 10_000)


@command(
    examples=["inventory prune --dry-run", "inventory prune --keep-daily 35 --keep-monthly 24"],
    short_help="Drop old snapshots and the history that only they saw.",
)
@sources_option
@click.option("--keep-daily", type=_COUNT, metavar="N", help="Keep the last snapshot of each of the last N days (UTC).")
@click.option("--keep-weekly", type=_COUNT, metavar="N", help="Keep the last snapshot of each of the last N ISO weeks.")
@click.option("--keep-monthly", type=_COUNT, metavar="N", help="Keep the last snapshot of each of the last N months.")
@click.option(
    "--older-than",
    metavar="AGE",
    help="Prune only snapshots older than 90d, 12w or a day such as 2026-01-31; without --keep-*, all of them.",
)
@output_option
@json_option
@click.option("--dry-run", is_flag=True, help="Print what would be dropped; write nothing.")
@yes_option
@click.option(
    "--no-vacuum",
    "vacuum",
    is_flag=True,
    flag_value=False,
    default=True,
    help="Do not give the space back (SQLite, PostgreSQL: VACUUM).",
)
@lock_timeout_option
@click.pass_obj
def prune(
    options: Options, names: tuple[str, ...], keep_daily: int | None, keep_weekly: int | None,
    keep_monthly: int | None, older_than: str | None, dry_run: bool, yes: bool, vacuum: bool,
    lock_timeout: int, as_json: bool,
) -> int:  # fmt: skip
    """Drop old snapshots and the history that only they saw; without flags, by `retention` of the configuration.

    In a terminal it asks first, unless --yes is given. Elsewhere, as from cron, it does not ask.
    """
    settings = options.settings()
    keeps = {"keep_daily": keep_daily, "keep_weekly": keep_weekly, "keep_monthly": keep_monthly}
    policy = _policy(settings, keeps, older_than)
    with options.open(settings, write=not dry_run) as store:
        found: list[Pruned] = []
        if dry_run:
            code = _plan(options, store, names, policy, found, as_json=as_json)
        else:
            if not yes and is_terminal():
                _ask(store, names, policy)
            code = _prune(options, store, names, policy, lock_timeout, found, vacuum=vacuum, as_json=as_json)
    if as_json:
        from inventory.render.prune import document

        echo_document(options, code, dry_run=dry_run, sources=[document(each) for each in found])
    return code


def _policy(settings: "Settings", flags: dict[str, int | None], older_than: str | None) -> "Policy":
    """Return what the flags say, or where there are none the configuration."""
    from datetime import UTC, datetime

    from inventory.config.retention import Policy, cutoff

    given = {rule: count for rule, count in flags.items() if count is not None}
    before = None if older_than is None else cutoff(older_than, datetime.now(UTC))
    rules = given if given or before else settings.retention
    daily, weekly, monthly = (rules.get(rule, 0) for rule in flags)
    policy = Policy(daily, weekly, monthly, before)
    if not policy:
        hint = "Give --keep-daily, --keep-weekly, --keep-monthly or --older-than, or retention in the configuration"
        raise UsageError("nothing says what to keep", hint)
    return policy


def _plan(
    options: Options, store: "Store", names: tuple[str, ...], policy: "Policy", done: "list[Pruned]", *, as_json: bool
) -> int:
    from inventory.store import reader
    from inventory.store.prune import preview

    with store.reading() as connection:
        for source in reader.sources(connection, names):
            done.append(preview(connection, source["name"], policy))
            if not as_json:
                _describe(options, done[-1], dry_run=True)
    return 0


def _ask(store: "Store", names: tuple[str, ...], policy: "Policy") -> None:
    """Ask before snapshots are dropped; where there is none, there is nothing to ask."""
    from inventory.store import reader
    from inventory.store.prune import preview

    with store.reading() as connection:
        found = [preview(connection, source["name"], policy) for source in reader.sources(connection, names)]
    snapshots, rows = sum(len(each.snapshots) for each in found), sum(sum(each.rows.values()) for each in found)
    if snapshots:
        what = f"{snapshots} snapshot{'' if snapshots == 1 else 's'} and {rows} history row{'' if rows == 1 else 's'}"
        confirm(f"Drop {what} for good?", yes=False)


def _prune(
    options: Options, store: "Store", names: tuple[str, ...], policy: "Policy", lock_timeout: int,
    done: "list[Pruned]", *, vacuum: bool, as_json: bool,
) -> int:  # fmt: skip
    """Prune each source on its own, then give the space back."""
    from inventory.cli.signals import stopping
    from inventory.common.cancellation import Stop
    from inventory.export.run import worst
    from inventory.render.prune import space
    from inventory.store import reader
    from inventory.store.prune import prune, unused

    codes, stop = [], Stop()
    with stopping(stop):
        with store.reading() as connection:
            sources = reader.sources(connection, names)
        before = unused(store)
        for source in sources:
            try:
                done.append(prune(store, source["name"], policy, lock_timeout, stop))
                if not as_json:
                    _describe(options, done[-1], dry_run=False)
            except StoppedError:
                raise
            except InventoryError as error:
                options.source_failed(source["name"], error.exit_code, str(error))
                codes.append(error.exit_code)
        reclaimed = not vacuum or _reclaim(options, store, done)
        if not as_json and (reclaimed or before is not None):  # else nothing can be said of the space
            options.echo(space(before, unused(store), done))
    return worst(codes)


def _reclaim(options: Options, store: "Store", done: "list[Pruned]") -> bool:
    """Give the space back; return whether that was done. What was pruned is pruned, so a failure is only a warning."""
    from inventory.store.prune import reclaim

    try:
        reclaim(store, sorted({table for each in done for table in each.rows}))
    except StoreError as error:
        options.warn(str(error))
        return False
    return True


def _describe(options: Options, found: "Pruned", *, dry_run: bool) -> None:
    from inventory.render.prune import describe

    options.echo("\n".join(describe(found, dry_run=dry_run)))
