"""Every change of the estate, or of one job, in order of time: one comparison for each snapshot."""

import heapq
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection

from inventory.common.errors import CompareError, UsageError
from inventory.config.values import nearest
from inventory.diff.compare import compare
from inventory.diff.ends import step, steps
from inventory.diff.life import Event, life
from inventory.diff.records import Change, Snapshot
from inventory.diff.select import Selection
from inventory.schema import ESTATE
from inventory.store.reader import resolve, snapshots

__all__ = ["Period", "Wanted", "events_of_estate", "events_of_job"]

_COLUMNS = {f"{entity.name}.{name}" for entity in ESTATE for name in entity.names}
_HINT = "`inventory snapshots` shows what there is"
Source = dict[str, Any]


@dataclass(frozen=True)
class Wanted:
    """Which changes are wanted: of an action, of a column (NAME or TABLE.NAME); '' for all."""

    action: str = ""
    column: str = ""

    @classmethod
    def of(cls, action: str | None, column: str | None) -> "Wanted":
        """Read the options.

        Raises:
            UsageError: no table has the column.
        """
        names = {name.partition(".")[2] for name in _COLUMNS} | _COLUMNS
        if column is not None and column not in names:
            raise UsageError(
                f"--column: there is no column {column!r}{nearest(column, names)}", "`inventory schema` lists them"
            )
        return cls(action or "", column or "")

    def holds(self, change: Change) -> bool:
        """Tell whether a change is wanted."""
        if self.action and change.action != self.action:
            return False
        if not self.column:
            return True
        table, _, name = self.column.rpartition(".")
        return table in ("", change.table) and any(each.partition(".")[0] == name for each in change.changed)


@dataclass(frozen=True)
class Period:
    """From which snapshot, not itself included, and up to which; REFs, None without a bound."""

    since: str | None = None
    until: str | None = None

    def ends(self, rows: list[Snapshot]) -> tuple[Snapshot | None, Snapshot] | None:
        """Return the first and the last snapshot of one source; None where it has none in the period."""
        last = resolve(self.until or "latest", rows)
        first = resolve(self.since, rows) if self.since is not None else None
        if last is None or (first is None and self.since is not None and _is_id(self.since)):
            return None
        return None if first is not None and first["id"] >= last["id"] else (first, last)


def _is_id(ref: str) -> bool:
    return ref.isdigit() or ref.startswith("latest")


def events_of_estate(
    connection: Connection, sources: Iterable[Source], period: Period, what: Selection, wanted: Wanted
) -> Iterator[Event]:
    """Yield what each snapshot changed, of all sources in order of time.

    Raises:
        CompareError: no source has a snapshot in the period.
    """
    found = [(source, ends) for source in sources if (ends := period.ends(snapshots(connection, source["id"])))]
    if not found:
        raise CompareError("there are no snapshots in this period", _HINT)

    def events(source: Source, ends: tuple[Snapshot | None, Snapshot]) -> Iterator[Event]:
        for between in steps(connection, source, *ends):
            diff = compare(step(connection, *between), what, wanted.holds)
            if diff.jobs:
                yield Event(diff, exact=True)

    return heapq.merge(*(events(*each) for each in found), key=_time)


def events_of_job(
    connection: Connection, sources: Iterable[Source], job_id: str, period: Period, what: Selection, wanted: Wanted
) -> list[Event]:
    """Return what happened to one job, of all sources in order of time.

    Raises:
        CompareError: no source ever had the job.
    """
    found: list[Event] = []
    is_known = False
    for source in sources:
        ends = period.ends(snapshots(connection, source["id"]))
        for event in life(connection, source, job_id, what, wanted.holds):
            is_known = True
            diff = event.diff
            if diff.jobs and ends is not None and _first(ends) < diff.end["id"] <= ends[1]["id"]:
                found.append(event)
    if not is_known:
        raise CompareError(f"no source ever had a job {job_id}", "`inventory show` lists the jobs there are")
    return sorted(found, key=_time)


def _first(ends: tuple[Snapshot | None, Snapshot]) -> int:
    return 0 if ends[0] is None else int(ends[0]["id"])


def _time(event: Event) -> tuple[Any, str, int]:
    end = event.diff.end
    return end["observed_to"] or end["finished_at"], event.diff.source, end["id"]
