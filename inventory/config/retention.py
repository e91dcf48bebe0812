"""Selects the snapshots to prune by a retention policy. Uses no database and no clock."""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

from inventory.common.errors import UsageError

__all__ = ["Policy", "choose", "cutoff"]

_AGE = re.compile(r"([0-9]{1,5})([dw])\Z")
_PERIODS: dict[str, Callable[[datetime], tuple[int, ...]]] = {
    "keep_daily": lambda moment: (moment.year, moment.month, moment.day),
    "keep_weekly": lambda moment: moment.isocalendar()[:2],
    "keep_monthly": lambda moment: (moment.year, moment.month),
}


@dataclass(frozen=True)
class Policy:
    """How many days, weeks and months keep their last snapshot. before: newer snapshots are never pruned."""

    keep_daily: int = 0
    keep_weekly: int = 0
    keep_monthly: int = 0
    before: datetime | None = None

    def __bool__(self) -> bool:
        """Return whether it has any rule: an empty policy would keep almost nothing."""
        return self != Policy()


def choose(snapshots: Sequence[dict[str, Any]], policy: Policy) -> list[int]:
    """Return the ids of one source's snapshots that no rule keeps; pruned ones are ignored.

    The last snapshot and the last complete one are always kept, so a retired source keeps its final snapshot.
    Idempotent: pruning a second time prunes nothing more.

    Args:
        snapshots: rows of `snapshots`, oldest first.
    """
    alive = [row for row in snapshots if row["pruned_at"] is None]
    complete = [row for row in alive if row["status"] == "complete"]
    kept = {row["id"] for row in (*alive[-1:], *complete[-1:])}
    for rule, period in _PERIODS.items():
        lasts = {period(_moment(row)): row["id"] for row in alive}
        kept.update(lasts[each] for each in sorted(lasts, reverse=True)[: getattr(policy, rule)])
    return [
        row["id"] for row in alive if row["id"] not in kept and (policy.before is None or _moment(row) < policy.before)
    ]


def cutoff(text: str, now: datetime) -> datetime:
    """Return the instant of `--older-than`: an age in days or weeks (90d, 12w), or the start of a UTC day.

    Raises:
        UsageError: it is neither.
    """
    if match := _AGE.match(text):
        return now - timedelta(days=int(match[1]) * (7 if match[2] == "w" else 1))
    try:
        return datetime.combine(date.fromisoformat(text), time(), UTC)
    except ValueError:
        raise UsageError(
            f"--older-than {text!r} is not an age", "Give days (90d), weeks (12w) or a day (2026-11-01)"
        ) from None


def _moment(row: dict[str, Any]) -> datetime:
    moment: datetime = row["observed_to"] or row["finished_at"]
    return moment.astimezone(UTC)
