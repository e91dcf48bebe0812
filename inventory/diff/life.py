"""The life of one job as steps from snapshot to snapshot, from the validity of its own rows alone."""

from bisect import bisect_left
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection

from inventory.diff.compare import compare
from inventory.diff.records import Change, Snapshot, SourceDiff, Step
from inventory.diff.select import Selection
from inventory.normalise.walk import Row
from inventory.schema import ESTATE
from inventory.schema.entities import Entity
from inventory.store.reader import ValidRow, absences_of, all_versions, snapshots

__all__ = ["Event", "life"]


@dataclass(frozen=True)
class Event:
    """What happened to a job by a snapshot. exact: else it happened in that one or in a pruned one before it."""

    diff: SourceDiff
    exact: bool


def life(
    connection: Connection, source: dict[str, Any], job_id: str, what: Selection,
    wanted: Callable[[Change], bool] = lambda _: True,
) -> Iterator[Event]:  # fmt: skip
    """Yield what happened to a job in one source, oldest first; nothing where it never was.

    An event has no change where none is wanted.
    """
    rows = {entity.name: all_versions(connection, entity, source["id"], job_id) for entity in ESTATE}
    bounds = {at for valid in rows.values() for row in valid for at in (row.valid_from, row.valid_to) if at is not None}
    all_snapshots = snapshots(connection, source["id"]) if bounds else []

    def absences(job_ids: list[str]) -> dict[str, str]:
        return absences_of(connection, source["id"], job_ids, max(bounds))

    left = [row for row in all_snapshots if row["pruned_at"] is None]
    ids = [row["id"] for row in left]
    for place in sorted({bisect_left(ids, at) for at in bounds}):
        if place == len(ids):
            continue
        start = left[place - 1] if place else None
        diff = compare(_step(source["name"], start, left[place], rows, absences), what, wanted)
        first = start["id"] if start else 0
        pruned = any(first < row["id"] < left[place]["id"] for row in all_snapshots)
        yield Event(diff, exact=not pruned)


def _step(
    source: str, start: Snapshot | None, end: Snapshot, rows: dict[str, list[ValidRow]],
    absences: Callable[[list[str]], dict[str, str]],
) -> Step:  # fmt: skip
    first, last = (0 if start is None else start["id"]), end["id"]

    def between(entity: Entity) -> tuple[list[Row], list[Row]]:
        valid = rows[entity.name]
        return (
            [each.row for each in valid if each.at(first) and not each.at(last)],
            [each.row for each in valid if each.at(last) and not each.at(first)],
        )

    def at_start(entity: Entity, _job_ids: list[str]) -> list[Row]:
        return [each.row for each in rows[entity.name] if each.at(first)]

    return Step.held(source, start, end, between, at_start, absences=absences)
