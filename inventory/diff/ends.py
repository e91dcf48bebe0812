"""The two snapshots of each source that are compared, and the rows that they do not share."""

from collections.abc import Iterable, Iterator
from typing import Any

from sqlalchemy import Connection

from inventory.common.errors import CompareError
from inventory.config.values import nearest
from inventory.diff.records import Snapshot, Step
from inventory.diff.select import Selection
from inventory.normalise.walk import Row
from inventory.schema import BY_NAME
from inventory.schema.entities import Entity
from inventory.store.reader import (
    absences_of,
    change_moments,
    jobs_at,
    jobs_between,
    resolve,
    rows_at,
    rows_between,
    snapshots,
    snapshots_between,
    values_at,
)

__all__ = ["choose", "require_match", "step", "steps"]

_HINT = "`inventory snapshots` shows what there is"
Source = dict[str, Any]
Ends = tuple[Source, Snapshot | None, Snapshot]


def choose(
    connection: Connection, sources: Iterable[Source], start: str | None, end: str | None, named: Iterable[str] = ()
) -> tuple[list[Ends], list[str]]:
    """Choose the two snapshots of each source; without references its last two.

    Args:
        named: sources that were asked for by name. Of the others, those that have not the id of a REF are not
            meant: an id belongs to one source.

    Returns:
        What can be compared, and a line for each source that cannot.

    Raises:
        UsageError: not a REF.
        CompareError: no source has what was asked for.
    """
    refs = [ref for ref in (start, end) if ref is not None]
    for ref in refs:
        resolve(ref, [])
    chosen: list[Ends] = []
    complaints: list[str] = []
    for source in sources:
        try:
            if (ends := _ends(snapshots(connection, source["id"]), start, end)) is not None:
                chosen.append((source, *ends))
            elif source["name"] in named or not any(ref.isdigit() for ref in refs):
                why, hint = _missing(connection, [source], refs)
                complaints.append(f"{source['name']}: {why}. {hint}")
        except CompareError as error:
            complaints.append(f"{source['name']}: {error}")
    if not chosen and not complaints:
        raise CompareError(*_missing(connection, sources, refs))
    return chosen, complaints


def _missing(connection: Connection, sources: Iterable[Source], refs: list[str]) -> tuple[str, str]:
    """Return why nothing can be compared, and what to do: no snapshots at all, or which of the references has none."""
    rows = [row for source in sources for row in snapshots(connection, source["id"])]
    if not rows:
        return "there are no snapshots yet", "Run `inventory export` first"
    absent = [ref for ref in refs if resolve(ref, rows) is None]
    there = [ref for ref in refs if ref not in absent]
    if not absent:
        return f"snapshots {' and '.join(refs)} belong to different sources", _HINT
    also = f" ({' and '.join(there)} does)" if there else ""
    return " and ".join(f"snapshot {ref} does not exist" for ref in absent) + also, _HINT


def steps(
    connection: Connection, source: Source, start: Snapshot | None, end: Snapshot
) -> Iterator[tuple[Source, Snapshot | None, Snapshot]]:
    """Yield each snapshot between two with the one before it, in the direction in which they were given."""
    first = 0 if start is None else start["id"]
    low, high = sorted((first, end["id"]))
    rows = [row for row in snapshots(connection, source["id"]) if low <= row["id"] <= high and row["pruned_at"] is None]
    if first > end["id"]:
        rows.reverse()
    before = None if start is None else rows.pop(0)
    for row in rows:
        yield source, before, row
        before = row


def require_match(connection: Connection, chosen: Iterable[Ends], what: Selection) -> None:
    """Refuse a filter that no job matches at either end: a typing error would let a gate pass for ever.

    Raises:
        CompareError: no job has the id, the status, or a tag.
    """
    if what.job_id is None and what.status is None and not what.tags:
        return
    ends = [(source["id"], row["id"]) for source, *rows in chosen for row in rows if row is not None]
    if what.job_id is not None:
        _require(connection, ends, "jobs", "id", what.job_id, f"no job {what.job_id} in either snapshot")
    if what.status is not None:
        _require(connection, ends, "jobs", "status", what.status, f"no job has the status {what.status!r}")
    for key, value in what.tags:
        text = f"no job has the tag {key}={value}"
        _require(connection, ends, "tags", "key", key, text)
        _require(connection, ends, "tags", "value", value, text)


def _require(
    connection: Connection, ends: Iterable[tuple[int, int]], table: str, column: str, wanted: str, text: str
) -> None:
    known = {str(value or "") for end in ends for value in values_at(connection, BY_NAME[table], column, *end)}
    if wanted not in known:
        raise CompareError(text + nearest(wanted, known), "A filter that matches nothing is an error")


def _ends(rows: list[Snapshot], start: str | None, end: str | None) -> tuple[Snapshot | None, Snapshot] | None:
    last = resolve(end or "latest", rows)
    if start is not None:
        first = resolve(start, rows)
        return None if first is None or last is None else (first, last)
    if last is None:
        return None
    older = [row for row in rows if row["id"] < last["id"] and row["pruned_at"] is None]
    return (older[-1] if older else None), last


def step(connection: Connection, source: Source, start: Snapshot | None, end: Snapshot) -> Step:
    """Give two snapshots of a source to the comparison, in either direction.

    The connection must stay open for it. Between two readings of rows there is no transaction: whoever looks at a long
    comparison for an hour keeps no export from its commit. What two snapshots have does not change, unless they are
    pruned.
    """
    if start is None:
        ids, is_backward = [], False
    else:
        low, high = sorted((start["id"], end["id"]))
        ids, is_backward = snapshots_between(connection, source["id"], low, high), start["id"] > end["id"]

    def jobs(entity: Entity) -> dict[str, int]:
        if start is None:
            return jobs_at(connection, entity, source["id"], end["id"])
        return jobs_between(connection, entity, ids)

    def between(entity: Entity, job_ids: list[str] | None) -> tuple[list[Row], list[Row]]:
        if start is None:
            return [], rows_at(connection, entity, source["id"], end["id"], job_ids)
        ended, began = rows_between(connection, entity, source["id"], ids, job_ids)
        return (began, ended) if is_backward else (ended, began)

    def at_start(entity: Entity, job_ids: list[str]) -> list[Row]:
        return [] if start is None else rows_at(connection, entity, source["id"], start["id"], job_ids)

    def absences(job_ids: list[str]) -> dict[str, str]:
        until = end["id"] if start is None else max(start["id"], end["id"])
        return absences_of(connection, source["id"], job_ids, until)

    def moments() -> dict[str, set[int]]:
        if start is None:
            return {}
        return change_moments(connection, source["id"], *sorted((start["id"], end["id"])))

    findings = rows_at(connection, BY_NAME["findings"], source["id"], end["id"])
    return Step(
        source["name"], start, end, jobs, between, at_start, findings, absences, moments, connection.rollback
    )  # fmt: skip
