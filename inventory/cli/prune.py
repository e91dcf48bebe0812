"""`prune`: what old snapshots alone have seen makes room."""

from typing import TYPE_CHECKING

import click

from inventory.cli.base import Options, lock_timeout_option, sources_option
from inventory.common.errors import InventoryError, StoppedError, StoreError, UsageError

if TYPE_CHECKING:
    from inventory.config.retention import Policy
    from inventory.config.settings import Settings
    from inventory.store.engine import Store
    from inventory.store.prune import Pruned

__all__ = ["prune"]

_COUNT = click.IntRange(0, 10_000)


@click.command()
@sources_option
@click.option("--keep-daily", type=_COUNT, metavar="N", help="Keep the last snapshot of each of so many days (UTC).")
@click.option("--keep-weekly", type=_COUNT, metavar="N", help="The same of ISO weeks.")
@click.option("--keep-monthly", type=_COUNT, metavar="N", help="The same of months.")
@click.option("--older-than", metavar="AGE", help="Prune only what is older: 90d, 12w, or a day; alone, all of it.")
@click.option("--dry-run", is_flag=True, help="Tell what would go; write nothing.")
@click.option("--no-vacuum", "vacuum", is_flag=True, flag_value=False, default=True, help="Leave the space as it is.")
@lock_timeout_option
@click.pass_obj
def prune(
    options: Options, names: tuple[str, ...], keep_daily: int | None, keep_weekly: int | None,
    keep_monthly: int | None, older_than: str | None, dry_run: bool, vacuum: bool, lock_timeout: int,
) -> int:  # fmt: skip
    """Drop old snapshots and the history that only they saw; without flags, by `retention` of the configuration."""
    settings = options.settings()
    keeps = {"keep_daily": keep_daily, "keep_weekly": keep_weekly, "keep_monthly": keep_monthly}
    policy = _policy(settings, keeps, older_than)
    with options.open(settings, write=not dry_run) as store:
        if dry_run:
            return _plan(options, store, names, policy)
        return _prune(options, store, names, policy, lock_timeout, vacuum=vacuum)


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


def _plan(options: Options, store: "Store", names: tuple[str, ...], policy: "Policy") -> int:
    from inventory.store import reader
    from inventory.store.prune import preview

    with store.reading() as connection:
        for source in reader.sources(connection, names):
            _tell(options, preview(connection, source["name"], policy), dry_run=True)
    return 0


def _prune(
    options: Options, store: "Store", names: tuple[str, ...], policy: "Policy", lock_timeout: int, *, vacuum: bool
) -> int:
    """Prune each source on its own, then give the space back."""
    from inventory.cli.signals import stopping
    from inventory.common.cancellation import Stop
    from inventory.export.run import worst
    from inventory.render.prune import space
    from inventory.store import reader
    from inventory.store.prune import prune, unused

    done, codes, stop = [], [], Stop()
    with stopping(stop):
        with store.reading() as connection:
            sources = reader.sources(connection, names)
        before = unused(store)
        for source in sources:
            try:
                done.append(prune(store, source["name"], policy, lock_timeout, stop))
                _tell(options, done[-1], dry_run=False)
            except StoppedError:
                raise
            except InventoryError as error:
                options.source_failed(source["name"], error.exit_code, str(error))
                codes.append(error.exit_code)
        if vacuum:
            _reclaim(options, store, done)
        options.echo(space(before, unused(store), done))
    return worst(codes)


def _reclaim(options: Options, store: "Store", done: "list[Pruned]") -> None:
    """What was pruned is pruned: space that could not be given back fails nothing."""
    from inventory.store.prune import reclaim

    try:
        reclaim(store, sorted({table for each in done for table in each.rows}))
    except StoreError as error:
        options.warn(str(error))


def _tell(options: Options, found: "Pruned", *, dry_run: bool) -> None:
    from inventory.render.prune import describe

    options.echo("\n".join(describe(found, dry_run=dry_run)))
