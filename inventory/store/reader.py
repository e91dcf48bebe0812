"""Read sources, snapshots, and the rows of an entity as of a snapshot."""

import re
from bisect import bisect_left
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import cache
from operator import itemgetter
from typing import Any

from sqlalchemy import (
    BindParameter,
    ColumnElement,
    CompoundSelect,
    Connection,
    Select,
    Table,
    and_,
    bindparam,
    func,
    null,
    select,
    text,
    union_all,
)

from inventory.common.errors import CompareError, UsageError
from inventory.normalise.walk import Row
from inventory.schema import BY_NAME, ENTITIES, ESTATE
from inventory.schema.entities import Entity
from inventory.schema.ledger import SIGNATURES, SNAPSHOTS, SOURCES
from inventory.store.engine import Store

__all__ = [
    "SnapshotRow",
    "ValidRow",
    "absences_of",
    "all_versions",
    "change_moments",
    "documents_of",
    "jobs_at",
    "jobs_between",
    "last_success",
    "resolve",
    "rows_at",
    "rows_between",
    "signing_keys",
    "snapshots",
    "snapshots_between",
    "sources",
    "values_at",
]

FINDINGS = BY_NAME["findings"]
SnapshotRow = dict[str, Any]
_LATEST = re.compile(r"latest(?:~([0-9]{1,9}))?\Z")
_JOBS_PER_CHUNK = 200


def sources(connection: Connection, names: Iterable[str] = ()) -> list[dict[str, Any]]:
    """Return the rows of `sources`, ordered by name; only those of `names`, if any are given.

    Raises:
        UsageError: a name that the database does not have.
    """
    rows = [dict(row) for row in connection.execute(select(SOURCES).order_by(SOURCES.c.name)).mappings()]
    wanted = set(names)
    unknown = sorted(wanted - {row["name"] for row in rows})
    if unknown:
        raise UsageError(f"the database has no source {unknown[0]!r}", "`inventory sources list` shows them")
    return [row for row in rows if not wanted or row["name"] in wanted]


def last_success(store: Store) -> dict[str, datetime | None]:
    """Return source name -> time of its last complete snapshot; None if it has none.

    The last snapshot has the highest id. Its time is `observed_to`, as in the view `freshness`.
    """
    last = select(func.max(SNAPSHOTS.c.id)).where(SNAPSHOTS.c.status == "complete").group_by(SNAPSHOTS.c.source_id)
    query = select(SOURCES.c.name, SNAPSHOTS.c.observed_to, SNAPSHOTS.c.finished_at).outerjoin(
        SNAPSHOTS, and_(SNAPSHOTS.c.source_id == SOURCES.c.id, SNAPSHOTS.c.id.in_(last))
    )
    with store.reading() as connection:
        return {row.name: row.observed_to or row.finished_at for row in connection.execute(query)}


def snapshots(connection: Connection, source_id: int) -> list[SnapshotRow]:
    """Return a source's rows of `snapshots`, oldest first, each with its source's name."""
    query = (
        select(SOURCES.c.name.label("source"), SNAPSHOTS)
        .join(SOURCES, SOURCES.c.id == SNAPSHOTS.c.source_id)
        .where(SNAPSHOTS.c.source_id == source_id)
        .order_by(SNAPSHOTS.c.id)
    )
    return [dict(row) for row in connection.execute(query).mappings()]


def resolve(ref: str, rows: list[SnapshotRow]) -> SnapshotRow | None:
    """Return the snapshot of one source that a REF means; None if there is none.

    Args:
        ref: an id, `latest`, `latest~N`, a UTC day (its end) or a UTC time: the highest id whose
            observed_to is not later.

    Raises:
        UsageError: not a REF.
        CompareError: its rows were pruned.
    """
    if ref.isascii() and ref.isdigit() and len(ref) < 19:
        found = [row for row in rows if row["id"] == int(ref)]
    elif match := _LATEST.match(ref):
        alive = [row for row in rows if row["pruned_at"] is None]
        back = int(match[1] or 0)
        found = alive[-1 - back : len(alive) - back] if back < len(alive) else []
    else:
        until = _upper_bound(ref)
        found = [row for row in rows if row["pruned_at"] is None and (row["observed_to"] or row["finished_at"]) < until]
    if not found:
        return None
    if found[-1]["pruned_at"] is not None:
        raise CompareError(f"the rows of snapshot {ref} were pruned", "`inventory snapshots` shows those that are left")
    return found[-1]


def _upper_bound(ref: str) -> datetime:
    """Return the first moment after the time of a REF."""
    try:
        if len(ref) == 10:
            return datetime.combine(date.fromisoformat(ref) + timedelta(days=1), time(), UTC)
        moment = datetime.fromisoformat(ref)
        moment = moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
        return moment + timedelta(microseconds=1)
    except (ValueError, OverflowError):
        known = "an id, latest, latest~N, a day (2026-11-01) or a time (2026-11-01T03:00Z)"
        raise UsageError(f"{ref!r} is not a snapshot reference", f"Use {known}") from None


def rows_at(
    connection: Connection, entity: Entity, source_id: int, snapshot_id: int, job_ids: list[str] | None = None
) -> list[Row]:
    """Return an entity's rows as of a snapshot, in the order of its columns; of some jobs or of all."""
    current, history = entity.current, entity.history
    parts = [
        _rows(entity, current, source_id, job_ids).where(current.c.valid_from <= snapshot_id),
        _rows(entity, history, source_id, job_ids).where(
            history.c.valid_from <= snapshot_id, history.c.valid_to > snapshot_id
        ),
    ]
    return [tuple(row) for row in connection.execute(union_all(*parts)).all()]


def signing_keys(connection: Connection, snapshot_ids: Iterable[int]) -> dict[int, str]:
    """Return the id of the key that signed each of some snapshots; nothing for one that is not signed."""
    columns = SIGNATURES.c.snapshot_id, SIGNATURES.c.key_id
    query = select(*columns).where(SIGNATURES.c.snapshot_id.in_(list(snapshot_ids)))
    return {row.snapshot_id: row.key_id for row in connection.execute(query)}


def values_at(connection: Connection, entity: Entity, column: str, source_id: int, snapshot_id: int) -> set[Any]:
    """Return the values that a column of an entity has in a snapshot."""
    current, history = entity.current, entity.history
    parts = [
        select(current.c[column]).where(current.c.source_id == source_id, current.c.valid_from <= snapshot_id),
        select(history.c[column]).where(
            history.c.source_id == source_id, history.c.valid_from <= snapshot_id, history.c.valid_to > snapshot_id
        ),
    ]
    return set(connection.execute(union_all(*parts)).scalars())


def snapshots_between(connection: Connection, source_id: int, from_id: int, to_id: int) -> list[int]:
    """Return the ids of a source's snapshots after `from_id` and up to `to_id`, sorted; pruned ones too."""
    query = select(SNAPSHOTS.c.id).where(
        SNAPSHOTS.c.source_id == source_id, SNAPSHOTS.c.id > from_id, SNAPSHOTS.c.id <= to_id
    )
    return sorted(connection.execute(query).scalars())


def rows_between(
    connection: Connection, entity: Entity, source_id: int, snapshot_ids: list[int], job_ids: list[str] | None = None
) -> tuple[list[Row], list[Row]]:
    """Return the rows that ended, and the rows that began, in some snapshots in a row; of some jobs or of all.

    A row that did both is in neither list. Only these rows are read: the indexes on `valid_from` and `valid_to` find
    them by snapshot, and a snapshot belongs to one source.
    """
    if not snapshot_ids:
        return [], []
    values = {"snapshots": snapshot_ids, "first": snapshot_ids[0], "last": snapshot_ids[-1]}
    if job_ids is not None:
        values |= {"source": source_id, "jobs": job_ids}
    ended, began = (
        [tuple(row) for row in connection.execute(query, values).all()]
        for query in _rows_between(entity.name, of_jobs=job_ids is not None)
    )
    return ended, began


@cache  # to make them takes as long as to read some hundred rows
def _rows_between(name: str, *, of_jobs: bool) -> tuple[Select[Any], CompoundSelect[Any]]:
    entity = BY_NAME[name]
    tables = entity.current, entity.history
    ended, *began = _between(entity, *(_columns(entity, table) for table in tables))
    if of_jobs:  # with the source, so that the key's columns, which each index of SQLite ends in, are used
        ended, *began = (
            part.where(
                table.c.source_id == bindparam("source"),
                table.c[entity.job_column].in_(bindparam("jobs", expanding=True)),
            )
            for part, table in zip((ended, *began), (entity.history, *tables), strict=True)
        )
    return ended, union_all(*began)


def jobs_between(connection: Connection, entity: Entity, snapshot_ids: list[int]) -> dict[str, int]:
    """Return how many rows each job has in `rows_between`."""
    if not snapshot_ids:
        return {}
    values = {"snapshots": snapshot_ids, "first": snapshot_ids[0], "last": snapshot_ids[-1]}
    counts = (_counted(entity, table) for table in (entity.current, entity.history))
    return _sums(connection, _between(entity, *counts), values)


def _between(
    entity: Entity, current_rows: Select[Any], history_rows: Select[Any]
) -> tuple[Select[Any], Select[Any], Select[Any]]:
    """Narrow queries to the rows that ended, and to those that began: of the current state, of history.

    Parameters: the ids `snapshots`, of these the `first` and the `last`.
    """
    current, history = entity.current, entity.history
    ids: BindParameter[Any] = bindparam("snapshots", expanding=True)
    return (
        history_rows.where(history.c.valid_to.in_(ids), history.c.valid_from < bindparam("first")),
        # The literal lets SQLite use the partial index; a snapshot after another is never the first.
        current_rows.where(text("valid_from > 1"), current.c.valid_from.in_(ids)),
        history_rows.where(history.c.valid_from.in_(ids), history.c.valid_to > bindparam("last")),
    )


def jobs_at(connection: Connection, entity: Entity, source_id: int, snapshot_id: int) -> dict[str, int]:
    """Return how many rows each job has in a snapshot."""
    current, history = entity.current, entity.history
    parts = [
        _counted(entity, current).where(current.c.source_id == source_id, current.c.valid_from <= snapshot_id),
        _counted(entity, history).where(
            history.c.source_id == source_id, history.c.valid_from <= snapshot_id, history.c.valid_to > snapshot_id
        ),
    ]
    return _sums(connection, parts, {})


def _counted(entity: Entity, table: Table) -> Select[Any]:
    job_id = table.c[entity.job_column]
    return select(job_id, func.count()).group_by(job_id)


def _sums(connection: Connection, counts: Iterable[Select[Any]], values: dict[str, Any]) -> dict[str, int]:
    found: dict[str, int] = {}
    for job_id, number in connection.execute(union_all(*counts), values).all():
        found[job_id] = found.get(job_id, 0) + number
    return found


def change_moments(connection: Connection, source_id: int, from_id: int, to_id: int) -> dict[str, set[int]]:
    """Return for each job the snapshots after `from_id`, up to `to_id`, that saw it change. Pruned ones saw nothing."""
    query = select(SNAPSHOTS.c.id).where(
        SNAPSHOTS.c.source_id == source_id, SNAPSHOTS.c.id > from_id, SNAPSHOTS.c.id <= to_id,
        SNAPSHOTS.c.pruned_at.is_(None),
    )  # fmt: skip
    ids = sorted(connection.execute(query).scalars())
    if len(ids) < 2:
        return {}
    found: dict[str, set[int]] = {}
    for entity in ESTATE:
        current, history = entity.current, entity.history
        job = entity.job_column
        began = select(current.c[job], current.c.valid_from, null()).where(
            current.c.source_id == source_id, current.c.valid_from > from_id, current.c.valid_from <= to_id
        )
        ended = select(history.c[job], history.c.valid_from, history.c.valid_to).where(
            history.c.source_id == source_id, history.c.valid_to > from_id, history.c.valid_from <= to_id
        )
        for job_id, valid_from, valid_to in connection.execute(union_all(began, ended)):
            first = bisect_left(ids, valid_from)
            last = len(ids) if valid_to is None else bisect_left(ids, valid_to)
            if first < last or valid_from <= from_id:  # else only pruned snapshots saw the row
                places = [first] if valid_from > from_id else []
                places += [last] if last < len(ids) else []
                found.setdefault(job_id, set()).update(ids[place] for place in places)
    return found


def absences_of(connection: Connection, source_id: int, job_ids: list[str], until: int) -> dict[str, str]:
    """Return what the service said last of some jobs that left, up to a snapshot: its code, and how it was asked."""
    current, history = FINDINGS.current, FINDINGS.history
    found: dict[str, str] = {}
    for at in range(0, len(job_ids), _JOBS_PER_CHUNK):
        parts = [
            select(table.c.job_id, table.c.detail, table.c.valid_from).where(
                table.c.source_id == source_id, table.c.job_id.in_(job_ids[at : at + _JOBS_PER_CHUNK]),
                table.c.kind == "absent_job", table.c.valid_from <= until,
            )
            for table in (current, history)
        ]  # fmt: skip
        rows = connection.execute(union_all(*parts)).all()
        found |= {job_id: detail for job_id, detail, _ in sorted(rows, key=itemgetter(2))}
    return found


@dataclass(frozen=True)
class ValidRow:
    """A row and its validity: `valid_from` is its first snapshot, `valid_to` the first without it (None: current)."""

    row: Row
    valid_from: int
    valid_to: int | None

    def at(self, snapshot_id: int) -> bool:
        """Return whether the row was valid in a snapshot of its source."""
        return self.valid_from <= snapshot_id and (self.valid_to is None or snapshot_id < self.valid_to)


def all_versions(connection: Connection, entity: Entity, source_id: int, job_id: str) -> list[ValidRow]:
    """Return every row that one job ever had in an entity."""
    current, history = entity.current, entity.history
    parts = [
        _rows(entity, current, source_id, [job_id]).add_columns(current.c.valid_from, null().label("valid_to")),
        _rows(entity, history, source_id, [job_id]).add_columns(history.c.valid_from, history.c.valid_to),
    ]
    found = [row for part in parts for row in connection.execute(part)]
    return [ValidRow(tuple(row[:-2]), row[-2], row[-1]) for row in found]


def documents_of(
    connection: Connection, source_id: int, snapshot_id: int, job_id: str | None = None
) -> Iterator[dict[str, list[Row]]]:
    """Yield entity name -> rows for each job of a snapshot, ordered by id; holds one chunk of jobs in memory."""
    ids = [job_id] if job_id is not None else _job_ids(connection, source_id, snapshot_id)
    for at in range(0, len(ids), _JOBS_PER_CHUNK):
        chunk = ids[at : at + _JOBS_PER_CHUNK]
        jobs = rows_at(connection, ENTITIES[0], source_id, snapshot_id, chunk)
        gathered: dict[str, dict[str, list[Row]]] = {
            row[0]: {ENTITIES[0].name: [row]} for row in sorted(jobs, key=itemgetter(0))
        }
        for entity in ENTITIES[1:]:
            for row in sorted(rows_at(connection, entity, source_id, snapshot_id, chunk), key=_by_key(entity)):
                if row[0] in gathered:
                    gathered[row[0]].setdefault(entity.name, []).append(row)
        yield from gathered.values()


def _job_ids(connection: Connection, source_id: int, snapshot_id: int) -> list[str]:
    """Return the ids of a snapshot's jobs, sorted."""
    current, history = ENTITIES[0].current, ENTITIES[0].history
    parts = [
        select(current.c.id).where(current.c.source_id == source_id, current.c.valid_from <= snapshot_id),
        select(history.c.id).where(
            history.c.source_id == source_id, history.c.valid_from <= snapshot_id, history.c.valid_to > snapshot_id
        ),
    ]
    return sorted(connection.execute(union_all(*parts)).scalars())


def _by_key(entity: Entity) -> Any:
    return lambda row: [row[at] for at in entity.key_places]


def _rows(entity: Entity, table: Table, source_id: int, job_ids: list[str] | None = None) -> Select[Any]:
    mine: ColumnElement[bool] = table.c.source_id == source_id
    if job_ids is not None:
        mine = and_(mine, table.c[entity.job_column].in_(job_ids))
    return _columns(entity, table).where(mine)


def _columns(entity: Entity, table: Table) -> Select[Any]:
    return select(*(table.c[column.name] for column in entity.columns))
