"""The two snapshots of each source that are compared, and the rows that they do not share."""

from collections.abc import Iterable
from functools import cache
from typing import Any

from sqlalchemy import Connection

from inventory.common.errors import CompareError
from inventory.diff.records import Snapshot, Step
from inventory.normalise.walk import Row
from inventory.schema import BY_NAME
from inventory.schema.entities import Entity
from inventory.store.reader import resolve, rows_at, rows_between, snapshots

__all__ = ["choose", "step"]

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
                complaints.append(f"{source['name']}: {_missing(start, end)} to compare. {_HINT}")
        except CompareError as error:
            complaints.append(f"{source['name']}: {error}")
    if not chosen and not complaints:
        raise CompareError(f"no source has {_missing(start, end)[3:]}", _HINT)
    return chosen, complaints


def _missing(start: str | None, end: str | None) -> str:
    refs = " and ".join(ref for ref in (start, end) if ref is not None)
    return f"no snapshot {refs}".rstrip()


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
    """Give two snapshots of a source to the comparison, in either direction; the connection must stay open for it."""

    @cache
    def between(entity: Entity) -> tuple[list[Row], list[Row]]:
        if start is None:
            return [], rows_at(connection, entity, source["id"], end["id"])
        low, high = sorted((start["id"], end["id"]))
        ended, began = rows_between(connection, entity, source["id"], low, high)
        return (ended, began) if start["id"] <= end["id"] else (began, ended)

    def at_start(entity: Entity, job_ids: list[str]) -> list[Row]:
        return [] if start is None else rows_at(connection, entity, source["id"], start["id"], job_ids)

    findings = rows_at(connection, BY_NAME["findings"], source["id"], end["id"])
    return Step(source["name"], start, end, between, at_start, findings)
