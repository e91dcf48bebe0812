"""Staging: the rows of a source's next snapshot are kept in temporary tables until one transaction merges them.

Temporary tables lock nothing that others use, on either database, and end with the connection: a killed export leaves
nothing behind. Rows that equal the current state are removed before the merge, so that the writing transaction is
short. A table is created with its first row.

The SQL is the same on both databases, with two differences. On SQLite a staging table has its primary key from the
start, because it is stored in key order. On PostgreSQL an index is created when the key is first needed, which is
cheaper, and ANALYZE is run.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from sqlalchemy import Column, Connection, CursorResult, select, text

from inventory.normalise.walk import Row
from inventory.proof.digest import JobDigest
from inventory.schema import BY_NAME, ENTITIES, ESTATE, JOB_DIGESTS
from inventory.schema.entities import Entity
from inventory.store.bulk import RowWriter, ensure_transaction, row_writer
from inventory.store.constraints import drop_constraints, restore_constraints
from inventory.store.counts import Moved

__all__ = ["BUFFERED_VALUES", "CARRIED_ENTITIES", "INDEX_AFTER_LOOKUPS", "TABLES", "Changes", "Staging"]

CARRIED_ENTITIES = tuple(entity for entity in ENTITIES if entity.name != "findings")  # findings are recomputed
BUFFERED_VALUES = 16_000  # of one entity, buffered in memory before they are written
INDEX_AFTER_LOOKUPS = 20  # table scans for one job take PostgreSQL as long as creating an index

Changes = dict[str, set[str]]  # added, changed, removed -> job ids; findings and listings do not count

TABLES = (*ENTITIES, JOB_DIGESTS)
_BY_NAME = {entity.name: entity for entity in TABLES}
_JOBS = BY_NAME["jobs"]
_FINDINGS = BY_NAME["findings"]
_ENTITIES_OF_EVERY_JOB = (_JOBS, BY_NAME["job_listings"], _FINDINGS, JOB_DIGESTS)  # every job has a row in one of them
_BUFFER_ROWS = {entity.name: BUFFERED_VALUES // len(entity.names) for entity in TABLES}
_BUFFER_ROWS[JOB_DIGESTS.name] = 1000  # rows of about 1 KB


class Staging:
    """The rows of one source's next snapshot, on one connection.

    `merge` moves every current row of the source that is not staged to history, except the rows of jobs that
    `carry` names: these stay unchanged.

    The table staged_NAME holds an entity's new rows; gone_NAME, after `compare`, the keys of its superseded rows.
    """

    def __init__(self, connection: Connection, source_id: int) -> None:
        """Create no table yet; `source_id` is 0 for a source that was never exported."""
        self._connection = connection
        self._source_id = source_id
        self._is_sqlite = connection.dialect.name == "sqlite"
        self._buffers: dict[str, list[Row]] = {entity.name: [] for entity in TABLES}
        self._carried: set[str] = set()
        self._writers: dict[str, RowWriter] = {}  # by entity, for each table that was created
        self._gone: set[str] = set()  # entities with a superseded row
        self._lookups: Counter[str] = Counter()
        self._indexed: set[str] = set()

    def add(self, name: str, rows: Iterable[Row]) -> None:
        """Stage rows of one entity, in the order of its columns; each row only once."""
        buffer = self._buffers[name]
        buffer.extend(rows)
        if len(buffer) >= _BUFFER_ROWS[name]:
            self._write(_BY_NAME[name])

    def carry(self, job_ids: Iterable[str]) -> None:
        """Keep the current rows of these jobs."""
        self._carried.update(job_ids)

    def discard(self, job_id: str) -> None:
        """Remove the staged rows of one job."""
        self._flush()
        self._delete(job_id, TABLES)
        self._carried.discard(job_id)

    def stage_digest(self, job_id: str, job_digest: JobDigest) -> None:
        """Stage the digest of one job; replace one that was staged before."""
        self._write(JOB_DIGESTS)
        self._delete(job_id, [JOB_DIGESTS])
        self.add(JOB_DIGESTS.name, [(job_id, job_digest.digest, job_digest.fingerprints)])

    def rows_of(self, job_id: str) -> Iterator[tuple[Entity, Row]]:
        """Yield the rows of one job in the next snapshot: staged, or carried over from the current state."""
        yield from self.staged_of(job_id)
        if job_id in self._carried:
            yield from self.current_rows_of(job_id, CARRIED_ENTITIES)

    def staged_of(self, job_id: str) -> Iterator[tuple[Entity, Row]]:
        """Yield the staged rows of one job, lazily: there may be too many for a list."""
        self._flush()
        return ((entity, row) for entity in ENTITIES for row in self._rows(entity, job_id))

    def current_rows_of(self, job_id: str, entities: Iterable[Entity]) -> Iterator[tuple[Entity, Row]]:
        """Yield the current rows of one job."""
        return ((entity, row) for entity in entities for row in self.current_rows(entity, [job_id]))

    def is_carried(self, job_id: str) -> bool:
        """Return whether a job is carried over."""
        return job_id in self._carried

    def current_rows(self, entity: Entity, job_ids: list[str]) -> list[Row]:
        """Return the current rows of some jobs."""
        current = entity.current
        query = select(*entity.columns).where(
            current.c.source_id == self._source_id, current.c[entity.job_column].in_(job_ids)
        )
        with ensure_transaction(self._connection):
            return [tuple(row) for row in self._connection.execute(query)]

    def compare(self) -> Changes:
        """Find what differs from the current state; remove staged rows that do not.

        Returns:
            The ids of added, changed and removed jobs.
        """
        self._flush()
        with ensure_transaction(self._connection):
            known = self._ids(self._current_jobs_sql(_JOBS))
            with_rows = self._ids(" UNION ".join(map(self._current_jobs_sql, _ENTITIES_OF_EVERY_JOB)))
            if with_rows:
                self._compare_jobs(with_rows - self._carried)
            after, gone = self._jobs_in("staged", [_JOBS]), self._jobs_in("gone", [_JOBS])
            touched = self._jobs_in("staged", ESTATE) | self._jobs_in("gone", ESTATE) if known else set()
        added, removed = after - known, gone - after
        return {"added": added, "changed": touched - added - removed, "removed": removed}

    def differing_rows(self, entity: Entity) -> tuple[list[Row], list[Row]]:
        """Return the rows that `merge` would supersede and those it would insert; call `compare` first."""
        if entity.name not in self._gone:
            return [], list(self._rows(entity))
        query = f"SELECT {_names(entity.names)} FROM {entity.name} WHERE {self._gone_condition(entity)}"
        with ensure_transaction(self._connection):
            superseded = self._connection.execute(text(query).columns(*entity.columns))
            return [tuple(row) for row in superseded], list(self._rows(entity))

    def merge(self, snapshot_id: int, source_id: int) -> dict[str, Moved]:
        """Move superseded rows to history and insert the new ones, within the caller's transaction.

        Args:
            source_id: the source's id, which `__init__` did not have for a new source.

        Returns:
            How many rows of each table moved; none for a table without a change.
        """
        gone: dict[str, int] = {}
        found: dict[str, Moved] = {}
        dropped = [] if self._is_sqlite else drop_constraints(self._connection)
        for entity in reversed(TABLES):
            if entity.name in self._gone:
                gone[entity.name] = self._supersede(entity, snapshot_id)
        for entity in TABLES:
            if entity.name in self._writers:
                added, changed = self._insert(entity, snapshot_id, source_id)
                found[entity.name] = Moved(added, changed, gone.get(entity.name, 0) - changed)
        restore_constraints(self._connection, dropped)
        return {name: Moved(removed=number) for name, number in gone.items()} | found

    def _supersede(self, entity: Entity, snapshot_id: int) -> int:
        """Move superseded rows to history; return their number."""
        name, columns = entity.name, _names(entity.current.columns.keys())
        gone = self._count(
            f"INSERT INTO {entity.history.name} ({columns}, valid_to)"
            f" SELECT {columns}, {snapshot_id} FROM {name} WHERE {self._gone_condition(entity)}"
        )
        replaced = f" EXCEPT SELECT {_names(entity.key)} FROM staged_{name}" if name in self._writers else ""
        self._run(f"DELETE FROM {name} WHERE {self._gone_condition(entity, replaced)}")
        return gone

    def _insert(self, entity: Entity, snapshot_id: int, source_id: int) -> tuple[int, int]:
        """Insert rows; update in place where the key exists, so that an SQLite file does not grow.

        Returns:
            How many were inserted, and how many updated.
        """
        changed = 0
        name, key = entity.name, _names(entity.key)
        insert = (
            f"INSERT INTO {name} (source_id, {_names(entity.names)}, valid_from)"
            f" SELECT {source_id}, {_names(entity.names)}, {snapshot_id} FROM staged_{name}"
        )
        if name in self._gone:
            values = [each for each in (*entity.names, "valid_from") if each not in entity.key]
            changed = self._count(
                f"{insert} WHERE ({key}) IN (SELECT {key} FROM gone_{name}) ON CONFLICT (source_id, {key})"
                f" DO UPDATE SET {', '.join(f'{value} = excluded.{value}' for value in values)}"
            )
            insert += f" WHERE ({key}) IN (SELECT {key} FROM staged_{name} EXCEPT SELECT {key} FROM gone_{name})"
        return self._count(insert), changed

    def _compare_jobs(self, job_ids: set[str]) -> None:
        """Compare the rows of some jobs; a table of their ids makes the cost depend on these jobs alone."""
        job_id = [JOB_DIGESTS.current.c.job_id]
        self._create("checked_jobs", job_id, ["job_id"])
        row_writer(self._connection, "checked_jobs", job_id)([(each,) for each in job_ids])
        if not self._is_sqlite:  # without statistics it assumes a large table and scans all rows
            self._run(f"ANALYZE {_names(['checked_jobs', *map('staged_{}'.format, self._writers)])}")
        for entity in TABLES:
            if job_ids or entity is _FINDINGS or entity.name in self._writers:
                self._compare(entity)

    def _compare(self, entity: Entity) -> None:
        """Collect the keys of superseded rows; remove staged rows that equal current ones."""
        name, is_staged = entity.name, entity.name in self._writers
        checked = "SELECT job_id FROM checked_jobs"
        if entity is JOB_DIGESTS and is_staged:  # a carried job with other findings has another digest
            checked += f" UNION SELECT job_id FROM staged_{name}"
        left = f"c.source_id = {self._source_id}"
        if entity is not _FINDINGS:
            left += f" AND c.{entity.job_column} IN ({checked})"
        gone = left
        if is_staged:
            self._index(entity)
            equal = "IS" if self._is_sqlite else "IS NOT DISTINCT FROM"
            same = " AND ".join(
                [f"c.{each} = s.{each}" for each in entity.key]
                + [f"c.{each.name} {equal} s.{each.name}" for each in entity.compared]
            )
            gone += f" AND NOT EXISTS (SELECT 1 FROM staged_{name} AS s WHERE {same})"
        key = ", ".join(f"c.{each}" for each in entity.key)
        self._run(f"CREATE TEMPORARY TABLE gone_{name} AS SELECT {key} FROM {name} AS c WHERE {gone}")
        if self._run(f"SELECT 1 FROM gone_{name} LIMIT 1").first() is not None:
            self._gone.add(name)
        if is_staged:
            self._run(
                f"DELETE FROM staged_{name} AS s WHERE EXISTS (SELECT 1 FROM {name} AS c WHERE {left} AND {same})"
            )

    def _gone_condition(self, entity: Entity, replaced: str = "") -> str:
        key = _names(entity.key)
        return f"source_id = {self._source_id} AND ({key}) IN (SELECT {key} FROM gone_{entity.name}{replaced})"

    def _current_jobs_sql(self, entity: Entity) -> str:
        return f"SELECT {entity.job_column} FROM {entity.name} WHERE source_id = {self._source_id}"

    def _jobs_in(self, which: str, entities: Iterable[Entity]) -> set[str]:
        created = self._writers if which == "staged" else self._gone
        found = (
            self._ids(f"SELECT DISTINCT {entity.job_column} FROM {which}_{entity.name}")
            for entity in entities
            if entity.name in created
        )
        return set().union(*found)

    def _ids(self, query: str) -> set[str]:
        return set(self._run(query).scalars())

    def _rows(self, entity: Entity, job_id: str | None = None) -> Iterator[Row]:
        """Yield an entity's staged rows, of all jobs or of one; after `compare` only those that `merge` inserts."""
        if entity.name not in self._writers:
            return
        query = f"SELECT {_names(entity.names)} FROM staged_{entity.name}"
        with ensure_transaction(self._connection):
            if job_id is not None:
                self._note_lookup(entity)
                query += f" WHERE {entity.job_column} = :job_id"
            found = text(query).columns(*entity.columns)
            yield from map(tuple, self._connection.execute(found, {"job_id": job_id} if job_id is not None else {}))

    def _delete(self, job_id: str, entities: Iterable[Entity]) -> None:
        with ensure_transaction(self._connection):
            for entity in entities:
                if entity.name in self._writers:
                    self._note_lookup(entity)
                    query = text(f"DELETE FROM staged_{entity.name} WHERE {entity.job_column} = :job_id")
                    self._connection.execute(query, {"job_id": job_id})

    def _note_lookup(self, entity: Entity) -> None:
        self._lookups[entity.name] += 1
        if self._lookups[entity.name] > INDEX_AFTER_LOOKUPS:
            self._index(entity)

    def _index(self, entity: Entity) -> None:
        """Create an index on the key of the staged rows."""
        if not self._is_sqlite and entity.name not in self._indexed:
            self._indexed.add(entity.name)
            self._run(f"CREATE INDEX ON staged_{entity.name} ({_names(entity.key)})")

    def _flush(self) -> None:
        for entity in TABLES:
            self._write(entity)

    def _write(self, entity: Entity) -> None:
        name = entity.name
        if rows := self._buffers[name]:
            with ensure_transaction(self._connection):
                if name not in self._writers:
                    self._create(f"staged_{name}", entity.columns, entity.key)
                    self._writers[name] = row_writer(self._connection, f"staged_{name}", entity.columns)
                self._writers[name](rows)
            rows.clear()

    def _create(self, name: str, columns: Sequence[Column[Any]], key: Sequence[str]) -> None:
        parts = [f"{column.name} {column.type.compile(self._connection.dialect)}" for column in columns]
        if self._is_sqlite:
            parts.append(f"PRIMARY KEY ({_names(key)})")
        self._run(f"CREATE TEMPORARY TABLE {name} ({_names(parts)}){' WITHOUT ROWID' if self._is_sqlite else ''}")

    def _count(self, statement: str) -> int:
        """Run an INSERT; return the number of its rows."""
        return self._connection.exec_driver_sql(statement, execution_options={"preserve_rowcount": True}).rowcount

    def _run(self, statement: str) -> CursorResult[Any]:
        return self._connection.exec_driver_sql(statement)


def _names(names: Iterable[str]) -> str:
    return ", ".join(names)
