"""Staging: the rows of a source's next snapshot, in temporary tables, until one commit takes them all.

Temporary tables lock nothing that others use, on either database, and vanish with the connection: an export that
dies leaves nothing. What equals the current state is found before the transaction that writes, so that transaction
is as short as the change is small. A table is made when its first row comes.

The SQL is the same on both databases, with two differences. On SQLite a staged table has its key from the start: the
key is the table. PostgreSQL gets an index when the key is first needed, which is cheaper, and is told statistics.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from sqlalchemy import Column, Connection, CursorResult, select, text

from inventory.normalise.walk import Row
from inventory.proof.digest import JobDigest
from inventory.schema import BY_NAME, ENTITIES, ESTATE, JOB_DIGESTS
from inventory.schema.entities import Entity
from inventory.store.bulk import Write, row_stream, within
from inventory.store.constraints import drop_constraints, restore_constraints

__all__ = ["CELLS", "INDEX_AFTER", "STANDING", "TABLES", "Changes", "Staging"]

STANDING = tuple(entity for entity in ENTITIES if entity.name != "findings")  # what is carried of a job
CELLS = 16_000  # of an entity's rows that wait in memory before they are written together
INDEX_AFTER = 20  # lookups of one job's rows in a whole table take PostgreSQL as long as to make an index

Changes = dict[str, set[str]]  # added, changed, removed: ids of jobs; findings and listings are no changes

TABLES = (*ENTITIES, JOB_DIGESTS)
_NAMED = {entity.name: entity for entity in TABLES}
_JOBS = BY_NAME["jobs"]
_FINDINGS = BY_NAME["findings"]  # every snapshot has its own
_NAMING_JOBS = (_JOBS, BY_NAME["job_listings"], _FINDINGS, JOB_DIGESTS)  # they name every job that has rows
_PIECES = {entity.name: CELLS // len(entity.names) for entity in TABLES}
_PIECES[JOB_DIGESTS.name] = 1000  # a kilobyte each


class Staging:
    """The rows of one source's next snapshot, on one connection.

    Every row of the source that is not staged leaves the current state when merged, but for the rows of
    jobs that are `carry`'d: they stand as they are.

    staged_NAME holds an entity's new rows; gone_NAME, after `compare`, the keys of its rows that are superseded.
    """

    def __init__(self, connection: Connection, source_id: int) -> None:
        """Nothing is made before the first rows come; `source_id` is 0 for a source that has no rows yet."""
        self._connection = connection
        self._source_id = source_id
        self._is_sqlite = connection.dialect.name == "sqlite"
        self._waiting: dict[str, list[Row]] = {entity.name: [] for entity in TABLES}
        self._carried: set[str] = set()
        self._staged: dict[str, Write] = {}  # what writes into each table that was made
        self._gone: set[str] = set()  # entities of which any row is superseded
        self._lookups: Counter[str] = Counter()
        self._indexed: set[str] = set()

    def add(self, name: str, rows: Iterable[Row]) -> None:
        """Stage rows of one entity, in the order of its columns; those of each job once."""
        waiting = self._waiting[name]
        waiting.extend(rows)
        if len(waiting) >= _PIECES[name]:
            self._write(_NAMED[name])

    def carry(self, job_ids: Iterable[str]) -> None:
        """Leave these jobs as they are."""
        self._carried.update(job_ids)

    def discard(self, job_id: str) -> None:
        """Forget what was staged of one job."""
        self._flush()
        self._delete(job_id, TABLES)
        self._carried.discard(job_id)

    def prove(self, job_id: str, proof: JobDigest) -> None:
        """Stage the digests of one job, in place of those that were staged before."""
        self._write(JOB_DIGESTS)
        self._delete(job_id, [JOB_DIGESTS])
        self.add(JOB_DIGESTS.name, [(job_id, proof.digest, proof.fingerprints)])

    def rows_of(self, job_id: str) -> Iterator[tuple[Entity, Row]]:
        """Yield the rows of one job as it will stand: staged, or carried over from the current state."""
        yield from self.staged_of(job_id)
        if job_id in self._carried:
            yield from self.standing_of(job_id, STANDING)

    def staged_of(self, job_id: str) -> Iterator[tuple[Entity, Row]]:
        """Yield what was staged of one job."""
        self._flush()
        return ((entity, row) for entity in ENTITIES for row in self._rows(entity, job_id))  # too many to hold

    def standing_of(self, job_id: str, entities: Iterable[Entity]) -> Iterator[tuple[Entity, Row]]:
        """Yield the current rows of one job."""
        return ((entity, row) for entity in entities for row in self.standing(entity, [job_id]))

    def is_carried(self, job_id: str) -> bool:
        """Tell whether a job stands as it is."""
        return job_id in self._carried

    def standing(self, entity: Entity, job_ids: list[str]) -> list[Row]:
        """Return the current rows of some jobs."""
        current = entity.current
        query = select(*entity.columns).where(
            current.c.source_id == self._source_id, current.c[entity.job_column].in_(job_ids)
        )
        with within(self._connection):
            return [tuple(row) for row in self._connection.execute(query)]

    def compare(self) -> Changes:
        """Find what differs from the current state, and forget the staged rows that do not.

        Returns:
            added, changed, removed: ids of jobs; findings and listings are no changes.
        """
        self._flush()
        with within(self._connection):
            known = self._ids(self._standing_jobs(_JOBS))
            standing = self._ids(" UNION ".join(map(self._standing_jobs, _NAMING_JOBS)))
            if standing:
                self._compare_jobs(standing - self._carried)
            after, gone = self._jobs_in("staged", [_JOBS]), self._jobs_in("gone", [_JOBS])
            touched = self._jobs_in("staged", ESTATE) | self._jobs_in("gone", ESTATE) if known else set()
        added, removed = after - known, gone - after
        return {"added": added, "changed": touched - added - removed, "removed": removed}

    def differing(self, entity: Entity) -> tuple[list[Row], list[Row]]:
        """Return the rows that `merge` would supersede, and those that it would put in place, after `compare`."""
        if entity.name not in self._gone:
            return [], list(self._rows(entity))
        query = f"SELECT {_names(entity.names)} FROM {entity.name} WHERE {self._is_gone(entity)}"
        with within(self._connection):
            superseded = self._connection.execute(text(query).columns(*entity.columns))
            return [tuple(row) for row in superseded], list(self._rows(entity))

    def merge(self, snapshot_id: int, source_id: int) -> None:
        """Move superseded rows to history and put the new ones in place, within the caller's transaction.

        Args:
            source_id: the source's id, which is new where it had no rows yet.
        """
        dropped = [] if self._is_sqlite else drop_constraints(self._connection)
        for entity in reversed(TABLES):
            if entity.name in self._gone:
                self._supersede(entity, snapshot_id)
        for entity in TABLES:
            if entity.name in self._staged:
                self._put(entity, snapshot_id, source_id)
        restore_constraints(self._connection, dropped)

    def _supersede(self, entity: Entity, snapshot_id: int) -> None:
        name, columns = entity.name, _names(entity.current.columns.keys())
        self._run(
            f"INSERT INTO {entity.history.name} ({columns}, valid_to)"
            f" SELECT {columns}, {snapshot_id} FROM {name} WHERE {self._is_gone(entity)}"
        )
        replaced = f" EXCEPT SELECT {_names(entity.key)} FROM staged_{name}" if name in self._staged else ""
        self._run(f"DELETE FROM {name} WHERE {self._is_gone(entity, replaced)}")

    def _put(self, entity: Entity, snapshot_id: int, source_id: int) -> None:
        """Put rows in place: each that takes another's key where that one was, so that the file does not grow."""
        name, key = entity.name, _names(entity.key)
        put = (
            f"INSERT INTO {name} (source_id, {_names(entity.names)}, valid_from)"
            f" SELECT {source_id}, {_names(entity.names)}, {snapshot_id} FROM staged_{name}"
        )
        if name in self._gone:
            values = [each for each in (*entity.names, "valid_from") if each not in entity.key]
            self._run(
                f"{put} WHERE ({key}) IN (SELECT {key} FROM gone_{name}) ON CONFLICT (source_id, {key})"
                f" DO UPDATE SET {', '.join(f'{value} = excluded.{value}' for value in values)}"
            )
            put += f" WHERE ({key}) IN (SELECT {key} FROM staged_{name} EXCEPT SELECT {key} FROM gone_{name})"
        self._run(put)

    def _compare_jobs(self, job_ids: set[str]) -> None:
        """Compare the rows of some jobs; named in a table, so that however large the estate, it costs what changed."""
        job_id = [JOB_DIGESTS.current.c.job_id]
        self._create("checked_jobs", job_id, ["job_id"])
        row_stream(self._connection, "checked_jobs", job_id)([(each,) for each in job_ids])
        if not self._is_sqlite:  # it takes a new table for a large one, and would rather read the whole estate
            self._run(f"ANALYZE {_names(['checked_jobs', *map('staged_{}'.format, self._staged)])}")
        for entity in TABLES:
            if job_ids or entity is _FINDINGS or entity.name in self._staged:
                self._compare(entity)

    def _compare(self, entity: Entity) -> None:
        """Note which current rows are gone, and forget the staged ones that stand already."""
        name, is_staged = entity.name, entity.name in self._staged
        checked = "SELECT job_id FROM checked_jobs"
        if entity is JOB_DIGESTS and is_staged:  # carried jobs whose findings differ have another, too
            checked += " UNION SELECT job_id FROM staged_job_digests"
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

    def _is_gone(self, entity: Entity, replaced: str = "") -> str:
        key = _names(entity.key)
        return f"source_id = {self._source_id} AND ({key}) IN (SELECT {key} FROM gone_{entity.name}{replaced})"

    def _standing_jobs(self, entity: Entity) -> str:
        return f"SELECT {entity.job_column} FROM {entity.name} WHERE source_id = {self._source_id}"

    def _jobs_in(self, which: str, entities: Iterable[Entity]) -> set[str]:
        made = self._staged if which == "staged" else self._gone
        found = (
            self._ids(f"SELECT DISTINCT {entity.job_column} FROM {which}_{entity.name}")
            for entity in entities
            if entity.name in made
        )
        return set().union(*found)

    def _ids(self, query: str) -> set[str]:
        return set(self._run(query).scalars())

    def _rows(self, entity: Entity, job_id: str | None = None) -> Iterator[Row]:
        """Yield an entity's rows, of all jobs or of one; after `compare` those alone that `merge` puts in place."""
        if entity.name not in self._staged:
            return
        query = f"SELECT {_names(entity.names)} FROM staged_{entity.name}"
        with within(self._connection):
            if job_id is not None:
                self._note_lookup(entity)
                query += f" WHERE {entity.job_column} = :job_id"
            found = text(query).columns(*entity.columns)
            yield from map(tuple, self._connection.execute(found, {"job_id": job_id} if job_id is not None else {}))

    def _delete(self, job_id: str, entities: Iterable[Entity]) -> None:
        with within(self._connection):
            for entity in entities:
                if entity.name in self._staged:
                    self._note_lookup(entity)
                    query = text(f"DELETE FROM staged_{entity.name} WHERE {entity.job_column} = :job_id")
                    self._connection.execute(query, {"job_id": job_id})

    def _note_lookup(self, entity: Entity) -> None:
        self._lookups[entity.name] += 1
        if self._lookups[entity.name] > INDEX_AFTER:
            self._index(entity)

    def _index(self, entity: Entity) -> None:
        """Let staged rows be found by their key."""
        if not self._is_sqlite and entity.name not in self._indexed:
            self._indexed.add(entity.name)
            self._run(f"CREATE INDEX ON staged_{entity.name} ({_names(entity.key)})")

    def _flush(self) -> None:
        for entity in TABLES:
            self._write(entity)

    def _write(self, entity: Entity) -> None:
        name = entity.name
        if rows := self._waiting[name]:
            with within(self._connection):
                if name not in self._staged:
                    self._create(f"staged_{name}", entity.columns, entity.key)
                    self._staged[name] = row_stream(self._connection, f"staged_{name}", entity.columns)
                self._staged[name](rows)
            rows.clear()

    def _create(self, name: str, columns: Sequence[Column[Any]], key: Sequence[str]) -> None:
        parts = [f"{column.name} {column.type.compile(self._connection.dialect)}" for column in columns]
        if self._is_sqlite:
            parts.append(f"PRIMARY KEY ({_names(key)})")
        self._run(f"CREATE TEMPORARY TABLE {name} ({_names(parts)}){' WITHOUT ROWID' if self._is_sqlite else ''}")

    def _run(self, statement: str) -> CursorResult[Any]:
        return self._connection.exec_driver_sql(statement)


def _names(names: Iterable[str]) -> str:
    return ", ".join(names)
