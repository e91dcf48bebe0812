"""Staging: rows wait in temporary tables until a source is read to its end, then are merged at once.

Temporary tables lock nothing that others use, on either database, and vanish with the connection: an
export that dies leaves nothing. What is equal to the current state is found before the transaction that
writes; so that transaction is as short as the change is small.
"""

from collections.abc import Iterable, Iterator
from typing import Any

from sqlalchemy import Column as SqlColumn
from sqlalchemy import (
    ColumnElement,
    Connection,
    MetaData,
    PrimaryKeyConstraint,
    Select,
    Table,
    and_,
    delete,
    exists,
    insert,
    literal,
    select,
    union,
)

from inventory.digest import Proof
from inventory.normalise import NormalisedJob, Row
from inventory.schema import BY_NAME, ENTITIES, ESTATE, JOB_DIGESTS
from inventory.schema.entities import Entity

__all__ = ["Staging"]

PIECE = 2000  # rows that wait in memory before they are written together
TABLES = (*ENTITIES, JOB_DIGESTS)


class Staging:
    """The rows of one source's next snapshot, on one connection.

    Every row of the source that is not staged leaves the current state when merged, but for the rows of
    jobs that are `carry`'d: nobody could read them.
    """

    def __init__(self, connection: Connection, source_id: int) -> None:
        """Create the temporary tables; `source_id` is 0 for a source that has no rows yet."""
        self._connection = connection
        self._source_id = source_id
        self._metadata = MetaData()
        self._staged = {entity.name: self._like(entity, "staged") for entity in TABLES}
        self._gone = {entity.name: self._keys(entity, "gone") for entity in TABLES}
        self._carried = self._temporary("carried_jobs", SqlColumn("job_id", BY_NAME["jobs"].current.c.id.type))
        self._waiting: dict[str, list[Row]] = {entity.name: [] for entity in TABLES}
        self._waiting_carried: set[str] = set()
        with connection.begin():
            self._metadata.create_all(connection, checkfirst=False)

    def put(self, job: NormalisedJob) -> None:
        """Stage the rows of one job; each job once."""
        for name, rows in job.rows.items():
            self.add(name, rows)

    def add(self, name: str, rows: Iterable[Row]) -> None:
        """Stage rows of one entity, in the order of its columns."""
        waiting = self._waiting[name]
        waiting.extend(rows)
        if len(waiting) >= PIECE:
            self._write(name)

    def discard(self, job_id: str) -> None:
        """Forget what was staged of one job."""
        self._flush()
        with self._connection.begin():
            for entity in TABLES:
                staged = self._staged[entity.name]
                self._connection.execute(delete(staged).where(staged.c[entity.job_column] == job_id))
            self._connection.execute(delete(self._carried).where(self._carried.c.job_id == job_id))

    def prove(self, job_id: str, proof: Proof) -> None:
        """Stage the digests of one job, in place of those that were staged before."""
        self._write(JOB_DIGESTS.name)
        staged = self._staged[JOB_DIGESTS.name]
        with self._connection.begin():
            self._connection.execute(delete(staged).where(staged.c.job_id == job_id))
        self.add(JOB_DIGESTS.name, [(job_id, proof.digest, proof.packed)])

    def known_digests(self) -> dict[str, str]:
        """Return the digest of each of the source's jobs as it stands."""
        digests = JOB_DIGESTS.current
        query = select(digests.c.job_id, digests.c.digest).where(self._mine(JOB_DIGESTS))
        with self._connection.begin():
            return {row.job_id: row.digest for row in self._connection.execute(query)}

    def carry(self, job_ids: Iterable[str]) -> None:
        """Leave these jobs as they are."""
        self._waiting_carried.update(job_ids)
        if len(self._waiting_carried) >= PIECE:
            self._write_carried()

    def rows_of(self, job_id: str) -> Iterator[tuple[Entity, Row]]:
        """Yield the rows of one job as it will stand: staged, or carried over from the current state."""
        self._flush()
        with self._connection.begin():
            for entity in ENTITIES:
                staged, current = self._staged[entity.name], entity.current
                queries = [select(*staged.c).where(staged.c[entity.job_column] == job_id)]
                if entity.name != "findings":
                    columns = [current.c[column.name] for column in entity.columns]
                    job = current.c[entity.job_column]
                    queries.append(select(*columns).where(self._mine(entity), job == job_id, self._is_carried(job)))
                for query in queries:
                    for row in self._connection.execute(query):
                        yield entity, tuple(row)

    def compare(self) -> dict[str, set[str]]:
        """Find what differs from the current state, and forget the staged rows that do not.

        Returns:
            added, changed, removed: ids of jobs; findings and listings are no changes.
        """
        self._flush()
        with self._connection.begin():
            known = self._known()
            for entity in TABLES:
                self._compare(entity)
            touched = self._touched()
            after = self._ids(select(self._staged["jobs"].c.id))
            gone = self._ids(select(self._gone["jobs"].c.id))
        added, removed = after - known, gone - after
        return {"added": added, "changed": touched - added - removed, "removed": removed}

    def differing(self, entity: Entity) -> tuple[list[Row], list[Row]]:
        """Return the rows that `write` would supersede, and those that it would put in place, after `compare`."""
        current, staged, gone = entity.current, self._staged[entity.name], self._gone[entity.name]
        superseded = self._standing(entity).where(exists().where(self._key(entity, current, gone)))
        with self._connection.begin():
            return self._all(superseded), self._all(select(*staged.c))

    def standing(self, entity: Entity, job_ids: list[str]) -> list[Row]:
        """Return the current rows of some jobs."""
        with self._connection.begin():
            return self._all(self._standing(entity).where(entity.current.c[entity.job_column].in_(job_ids)))

    def _standing(self, entity: Entity) -> Select[Any]:
        return select(*(entity.current.c[column.name] for column in entity.columns)).where(self._mine(entity))

    def _all(self, query: Select[Any]) -> list[Row]:
        return [tuple(row) for row in self._connection.execute(query)]

    def write(self, snapshot_id: int, source_id: int) -> None:
        """Move superseded rows to history and put the new ones in place, within the caller's transaction."""
        execute = self._connection.execute
        for entity in reversed(TABLES):
            current, gone = entity.current, self._gone[entity.name]
            names = [column.name for column in current.columns]
            superseded = select(*(current.c[name] for name in names), literal(snapshot_id)).where(
                self._mine(entity), self._key(entity, current, gone)
            )
            execute(insert(entity.history).from_select([*names, "valid_to"], superseded))
            execute(delete(current).where(self._mine(entity), exists().where(self._key(entity, current, gone))))
        for entity in TABLES:
            staged, names = self._staged[entity.name], [column.name for column in entity.columns]
            new = select(literal(source_id), *(staged.c[name] for name in names), literal(snapshot_id))
            execute(insert(entity.current).from_select(["source_id", *names, "valid_from"], new))

    def known_jobs(self) -> set[str]:
        """Return the ids of the source's current jobs."""
        with self._connection.begin():
            return self._known()

    def _known(self) -> set[str]:
        jobs = BY_NAME["jobs"]
        return self._ids(select(jobs.current.c.id).where(self._mine(jobs)))

    def _ids(self, query: Any) -> set[str]:
        return set(self._connection.execute(query).scalars())

    def _flush(self) -> None:
        for name in self._waiting:
            self._write(name)
        self._write_carried()

    def _write_carried(self) -> None:
        if self._waiting_carried:
            with self._connection.begin():
                self._connection.execute(insert(self._carried), [{"job_id": each} for each in self._waiting_carried])
            self._waiting_carried.clear()

    def _write(self, name: str) -> None:
        table, rows = self._staged[name], self._waiting[name]
        if rows:
            names = [column.name for column in table.columns]
            with self._connection.begin():
                self._connection.execute(insert(table), [dict(zip(names, row, strict=True)) for row in rows])
            rows.clear()

    def _compare(self, entity: Entity) -> None:
        current, staged, gone = entity.current, self._staged[entity.name], self._gone[entity.name]
        same = and_(
            self._mine(entity),
            *(current.c[column.name].is_not_distinct_from(staged.c[column.name]) for column in entity.compared),
            self._key(entity, current, staged),
        )
        left = select(*(current.c[name] for name in entity.key)).where(self._mine(entity), ~exists().where(same))
        if entity.name != "findings":  # of which every snapshot has its own
            carried = self._is_carried(current.c[entity.job_column])
            left = left.where(~and_(carried, ~exists().where(self._key(entity, current, staged))))
        self._connection.execute(insert(gone).from_select(list(entity.key), left))
        self._connection.execute(delete(staged).where(exists().where(same)))

    def _touched(self) -> set[str]:
        parts: list[Select[Any]] = []
        for entity in ESTATE:
            parts.extend(select(t[entity.name].c[entity.job_column]) for t in (self._staged, self._gone))
        return self._ids(union(*parts))

    def _is_carried(self, job_id: ColumnElement[str]) -> ColumnElement[bool]:
        return exists().where(self._carried.c.job_id == job_id)

    def _mine(self, entity: Entity) -> ColumnElement[bool]:
        return entity.current.c.source_id == self._source_id

    @staticmethod
    def _key(entity: Entity, one: Table, other: Table) -> ColumnElement[bool]:
        return and_(*(one.c[name] == other.c[name] for name in entity.key))

    def _like(self, entity: Entity, prefix: str) -> Table:
        columns = [SqlColumn(column.name, column.type) for column in entity.columns]
        return self._temporary(f"{prefix}_{entity.name}", *columns, key=entity.key)

    def _keys(self, entity: Entity, prefix: str) -> Table:
        columns = [SqlColumn(name, entity.current.c[name].type) for name in entity.key]
        return self._temporary(f"{prefix}_{entity.name}", *columns, key=entity.key)

    def _temporary(self, name: str, *columns: SqlColumn[Any], key: Iterable[str] = ("job_id",)) -> Table:
        return Table(
            name, self._metadata, *columns, PrimaryKeyConstraint(*key), prefixes=["TEMPORARY"], sqlite_with_rowid=False
        )
