"""Rows in temporary tables, to be merged at once when a source is read to its end.

Temporary tables lock nothing that others use, on either database, and vanish with the connection: an
export that dies leaves nothing. What is equal to the current state is found before the transaction that
writes; so that transaction is as short as the change is small. A table is made when its first row comes.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from functools import cache
from importlib import import_module
from typing import Any

from sqlalchemy import Column as SqlColumn
from sqlalchemy import (
    ColumnElement,
    Connection,
    MetaData,
    PrimaryKeyConstraint,
    Select,
    Table,
    Tuple,
    and_,
    delete,
    exists,
    insert,
    literal,
    select,
    tuple_,
)

from inventory.normalise import Row
from inventory.schema import BY_NAME, ESTATE, JOB_DIGESTS
from inventory.schema.entities import Entity
from inventory.store.bulk import Write, row_stream, within
from inventory.store.indexes import make, strip
from inventory.store.place import NAMED, TABLES, Changes, Place

__all__ = ["Temporary"]

JOBS = BY_NAME["jobs"]
LOOKS = 20  # at a whole table, each for one job's rows, take PostgreSQL as long as to make its key
FINDINGS = BY_NAME["findings"]  # every snapshot has its own
NAMING = (BY_NAME["job_listings"], FINDINGS, JOB_DIGESTS)  # they and JOBS name every job that has rows


class Temporary(Place):
    """Temporary tables: what is staged, and the keys of the current rows that are gone."""

    def __init__(self, connection: Connection, source_id: int) -> None:
        super().__init__(connection, source_id)
        self._is_sqlite = connection.dialect.name == "sqlite"
        self._keyed: set[str] = set()
        self._staged: dict[str, Table] = {}
        self._streams: dict[str, Write] = {}
        self._gone: dict[str, Table] = {}
        self._looks: Counter[str] = Counter()

    def write(self, entity: Entity, rows: Sequence[Row]) -> None:
        name = entity.name
        with within(self._connection):
            if name not in self._staged:
                self._staged[name] = self._make(f"staged_{name}", entity, entity.names, entity.key)
                self._streams[name] = row_stream(self._connection, f"staged_{name}", entity, {})
            self._streams[name](rows)

    def compare(self, carried: set[str]) -> Changes:
        with within(self._connection):
            known = self._standing(JOBS)
            standing = known.union(*map(self._standing, NAMING))
            if standing:
                looked_at = standing - carried
                checked = self._check(looked_at)
                for entity in TABLES:
                    if looked_at or entity is FINDINGS or entity.name in self._staged:
                        self._compare(entity, select(checked.c.job_id))
            touched = self._jobs(ESTATE, self._staged, self._gone) if known else set()
            after, gone = (self._jobs([JOBS], tables) for tables in (self._staged, self._gone))
        added, removed = after - known, gone - after
        return {"added": added, "changed": touched - added - removed, "removed": removed}

    def superseded(self, entity: Entity) -> list[Row]:
        if entity.name not in self._gone:
            return []
        query = select(*entity.columns).where(self._is_gone(entity))
        with within(self._connection):
            return self._all(query)

    def merge(self, snapshot_id: int, source_id: int) -> None:
        indexes = strip(self._connection)
        execute = self._connection.execute
        for entity in reversed(TABLES):
            if entity.name in self._gone:
                current, names = entity.current, entity.current.columns.keys()
                superseded = select(*current.columns, literal(snapshot_id)).where(self._is_gone(entity))
                execute(insert(entity.history).from_select([*names, "valid_to"], superseded))
                ended: Any = _keys(entity, self._gone[entity.name])
                if entity.name in self._staged:
                    ended = ended.except_(_keys(entity, self._staged[entity.name]))
                execute(delete(current).where(self._is_among(entity, ended)))
        for entity in TABLES:
            if (staged := self._staged.get(entity.name)) is not None:
                new = select(literal(source_id), *staged.columns, literal(snapshot_id))
                self._put(entity, staged, new)
        make(self._connection, indexes)

    def _put(self, entity: Entity, staged: Table, new: Select[Any]) -> None:
        """Put rows in place: each that takes another's key where that one was, so that the file does not grow."""
        current, names = entity.current, ["source_id", *entity.names, "valid_from"]
        if entity.name in self._gone:
            key, gone = _key(entity, staged), _keys(entity, self._gone[entity.name])
            put = import_module(f"sqlalchemy.dialects.{self._connection.dialect.name}").insert(current)
            put = put.from_select(names, new.where(key.in_(gone)))
            changed = {name: put.excluded[name] for name in names if not current.c[name].primary_key}
            self._connection.execute(put.on_conflict_do_update(index_elements=current.primary_key, set_=changed))
            new = new.where(key.in_(_keys(entity, staged).except_(gone)))  # SQLite makes heavy weather of NOT IN
        self._connection.execute(insert(current).from_select(names, new))

    def _check(self, job_ids: set[str]) -> Table:
        """Name the jobs that are looked at, in a table: however large the estate, a comparison costs what changed."""
        table = self._make("checked_jobs", JOB_DIGESTS, ["job_id"], ["job_id"])
        if job_ids:
            self._connection.execute(insert(table), [{"job_id": job_id} for job_id in job_ids])
        if not self._is_sqlite:  # it takes a new table for a large one, and would rather read the whole estate
            made = ", ".join(each.name for each in (table, *self._staged.values()))
            self._connection.exec_driver_sql(f"ANALYZE {made}")
        return table

    def _compare(self, entity: Entity, checked: Select[Any]) -> None:
        """Note which current rows are gone, and forget the staged ones that stand already."""
        current, staged = entity.current, self._found_by_key(entity)
        if entity is JOB_DIGESTS and staged is not None:  # carried jobs whose findings differ have another, too
            checked = select(checked.union(select(staged.c.job_id)).subquery().c.job_id)
        left = self._mine(entity, current)
        if entity is not FINDINGS:
            left = and_(left, current.c[entity.job_column].in_(checked))
        keys = _keys(entity, current).where(left)
        if staged is not None:
            same = and_(
                *(current.c[name] == staged.c[name] for name in entity.key),
                *(current.c[each.name].is_not_distinct_from(staged.c[each.name]) for each in entity.compared),
            )
            keys = keys.where(~exists().where(same))
        gone = self._make(f"gone_{entity.name}", entity, entity.key, [])
        query = insert(gone).from_select(list(entity.key), keys).execution_options(preserve_rowcount=True)
        if self._connection.execute(query).rowcount:
            self._gone[entity.name] = gone
        if staged is not None:
            self._connection.execute(delete(staged).where(exists().where(left, same)))

    def _is_gone(self, entity: Entity) -> ColumnElement[bool]:
        return self._is_among(entity, _keys(entity, self._gone[entity.name]))

    def _is_among(self, entity: Entity, keys: Any) -> ColumnElement[bool]:
        current = entity.current
        return and_(self._mine(entity, current), _key(entity, current).in_(keys))

    def _standing(self, entity: Entity) -> set[str]:
        current = entity.current
        return self._ids(select(current.c[entity.job_column]).where(self._mine(entity, current)))

    def _jobs(self, entities: Iterable[Entity], *places: dict[str, Table]) -> set[str]:
        tables = [(tables[each.name], each.job_column) for each in entities for tables in places if each.name in tables]
        return {job_id for table, name in tables for job_id in self._ids(select(table.c[name]).distinct())}

    def _table(self, entity: Entity) -> Table | None:
        """See `Place`; with its key once that was looked for often enough to pay."""
        self._looks[entity.name] += 1
        return self._found_by_key(entity) if self._looks[entity.name] > LOOKS else self._staged.get(entity.name)

    def _found_by_key(self, entity: Entity) -> Table | None:
        """Return the staged rows, with their key; what a planner without statistics does with it, it does by it."""
        table = self._staged.get(entity.name)
        if table is not None and not self._is_sqlite and table.name not in self._keyed:  # cheaper than from the start
            self._keyed.add(table.name)
            self._connection.exec_driver_sql(f"CREATE INDEX ON {table.name} ({', '.join(entity.key)})")
        return table

    def _make(self, name: str, entity: Entity, columns: Iterable[str], key: Iterable[str]) -> Table:
        """Create a table; with its key on SQLite, where that is the table, and without on PostgreSQL."""
        table = _declared(name, entity.name, tuple(columns), tuple(key) if self._is_sqlite else ())
        table.create(self._connection, checkfirst=False)
        return table


@cache
def _declared(name: str, like: str, columns: tuple[str, ...], key: tuple[str, ...]) -> Table:
    """Declare a table once for all connections: what SQLAlchemy makes of it for one source serves the next."""
    theirs = NAMED[like].current.c
    parts: list[Any] = [SqlColumn(column, theirs[column].type) for column in columns]
    if key:
        parts.append(PrimaryKeyConstraint(*key))
    return Table(name, MetaData(), *parts, prefixes=["TEMPORARY"], sqlite_with_rowid=not key)


def _key(entity: Entity, table: Table) -> Tuple:
    return tuple_(*(table.c[name] for name in entity.key))


def _keys(entity: Entity, table: Table) -> Select[Any]:
    return select(*(table.c[name] for name in entity.key))
