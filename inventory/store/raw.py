"""Rows as they are stored, whatever somebody put there: what `verify` reads with.

SQLite takes any value in any column, and PostgreSQL's times reach beyond Python's. So nothing here trusts a
column's type: a value that this tool would not have written so is no value of its column, and is said to be none.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    ColumnElement,
    Connection,
    Integer,
    LargeBinary,
    Select,
    Table,
    Text,
    literal_column,
    select,
    type_coerce,
)
from sqlalchemy.types import NULLTYPE

from inventory.common.exact_json import canonical, read
from inventory.schema.entities import Entity
from inventory.schema.kinds import UNSTORABLE
from inventory.schema.ledger import SNAPSHOTS, SOURCES
from inventory.schema.tables import UtcDateTime

__all__ = ["Stored", "last_snapshot", "orphans", "stored_rows", "stored_snapshots", "tolerate"]

_PIECE = 500
_TIME = "CASE WHEN {0} >= '0001-01-01Z' AND {0} < '10000-01-01Z' THEN to_char({0} AT TIME ZONE 'UTC',"
_TIME += " 'YYYY-MM-DD HH24:MI:SS.US') ELSE CAST({0} AS text) END"  # as SQLite holds it; infinity and BC as they are


@dataclass(frozen=True, slots=True)
class Stored:
    """One row: column -> value, and the names of the columns whose value is none of theirs (there as text)."""

    values: dict[str, Any]
    misfits: tuple[str, ...]


def tolerate(connection: Connection) -> None:
    """Let text that is not UTF-8 be read from SQLite, on this connection."""
    if connection.dialect.name == "sqlite":
        driver: Any = connection.connection.dbapi_connection
        driver.text_factory = lambda data: data.decode(errors="surrogateescape")


def stored_rows(
    connection: Connection, entity: Entity, table: Table, source_id: int, job_ids: Iterable[str] | None = None
) -> Iterator[Stored]:
    """Yield a source's rows of an entity, from its current or its history table, in the order of job ids.

    Args:
        job_ids: the jobs whose rows are wanted; None for all.
    """
    job = table.c[entity.job_column]
    query = _select(connection, table).where(table.c.source_id == source_id).order_by(job)
    return _stored(connection, table, query if job_ids is None else query.where(job.in_(list(job_ids))))


def stored_snapshots(connection: Connection, source_id: int) -> list[Stored]:
    """Return a source's rows of `snapshots`, oldest first."""
    query = _select(connection, SNAPSHOTS).where(SNAPSHOTS.c.source_id == source_id).order_by(SNAPSHOTS.c.id)
    return list(_stored(connection, SNAPSHOTS, query))


def last_snapshot(connection: Connection, source_id: int) -> Stored | None:
    """Return a source's last row of `snapshots`; None where there is none."""
    query = _select(connection, SNAPSHOTS).where(SNAPSHOTS.c.source_id == source_id)
    found = list(_stored(connection, SNAPSHOTS, query.order_by(SNAPSHOTS.c.id.desc()).limit(1)))
    return found[0] if found else None


def orphans(connection: Connection, table: Table) -> Iterator[Stored]:
    """Yield the rows of a source that does not exist."""
    query = _select(connection, table).where(table.c.source_id.not_in(select(SOURCES.c.id)))
    return _stored(connection, table, query)


def _select(connection: Connection, table: Table) -> Select[Any]:
    as_text = connection.dialect.name == "postgresql"
    columns = [
        literal_column(_TIME.format(column.name)) if as_text and isinstance(column.type, UtcDateTime) else column
        for column in table.columns
    ]
    raw: list[ColumnElement[Any]] = [type_coerce(column, NULLTYPE) for column in columns]
    return select(*raw)


def _stored(connection: Connection, table: Table, query: Select[Any]) -> Iterator[Stored]:
    readers = [(column.name, _reader(column)) for column in table.columns]
    for row in connection.execute(query.execution_options(yield_per=_PIECE)):
        values: dict[str, Any] = {}
        misfits = []
        for (name, fitting), raw in zip(readers, row, strict=True):
            try:
                values[name] = fitting(raw)
            except ValueError:
                values[name] = str(raw).encode("ascii", "backslashreplace").decode()
                misfits.append(name)
        yield Stored(values, tuple(misfits))


def _reader(column: Column[Any]) -> Callable[[Any], Any]:
    """Return what gives the column's value, and raises ValueError for what is none."""
    fitting = _extra if column.name == "extra" else _FITTING[_kind(column)]

    def value(raw: Any) -> Any:
        if raw is None:
            return None if column.nullable else _none_of(column.name)
        return fitting(raw)

    return value


def _kind(column: Column[Any]) -> type:
    return next(kind for kind in _FITTING if isinstance(column.type, kind))


def _none_of(what: str) -> Any:
    raise ValueError(what)


def _extra(raw: Any) -> str:
    text = _text(raw)
    found = read(text)
    return text if isinstance(found, dict) and found and canonical(found) == text else _none_of("extra")


def _text(raw: Any) -> str:
    return raw if isinstance(raw, str) and not UNSTORABLE.search(raw) else _none_of("text")


def _integer(raw: Any) -> int:
    return raw if type(raw) is int else _none_of("integer")


def _boolean(raw: Any) -> bool:
    return bool(raw) if isinstance(raw, int) and raw in (0, 1) else _none_of("boolean")


def _bytes(raw: Any) -> bytes:
    return raw if isinstance(raw, bytes) else _none_of("bytes")


def _time(raw: Any) -> datetime:
    moment = datetime.fromisoformat(_text(raw))
    return moment.replace(tzinfo=UTC) if moment.isoformat(" ", "microseconds") == raw else _none_of("time")


_FITTING: dict[type, Callable[[Any], Any]] = {
    Text: _text,
    Boolean: _boolean,
    BigInteger: _integer,
    Integer: _integer,
    LargeBinary: _bytes,
    UtcDateTime: _time,
}
