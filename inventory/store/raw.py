"""Read stored rows without trusting their values: `verify` uses this.

SQLite accepts any value in any column, and PostgreSQL's times exceed Python's range. So each value is checked: one
that this tool would not have written in that form is reported as invalid.
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
from inventory.schema.kinds import UNSTORABLE, rfc3339
from inventory.schema.ledger import SNAPSHOTS, SOURCES
from inventory.schema.tables import UtcDateTime

__all__ = ["StoredRow", "last_snapshot", "orphans", "read_invalid_utf8", "stored_rows", "stored_snapshots"]

_ROWS_PER_FETCH = 500
_TIME = "CASE WHEN {0} >= '0001-01-01Z' AND {0} < '10000-01-01Z' THEN to_char({0} AT TIME ZONE 'UTC',"
_TIME += ' \'YYYY-MM-DD"T"HH24:MI:SS.US"Z"\') ELSE CAST({0} AS text) END'  # as SQLite has it; infinity and BC unchanged


@dataclass(frozen=True, slots=True)
class StoredRow:
    """One row: column -> value, and the names of the columns with an invalid value (given as text)."""

    values: dict[str, Any]
    invalid: tuple[str, ...]


def read_invalid_utf8(connection: Connection) -> None:
    """Let this connection read text from SQLite that is not valid UTF-8."""
    if connection.dialect.name == "sqlite":
        driver: Any = connection.connection.dbapi_connection
        driver.text_factory = lambda data: data.decode(errors="surrogateescape")


def stored_rows(
    connection: Connection, entity: Entity, table: Table, source_id: int, job_ids: Iterable[str] | None = None
) -> Iterator[StoredRow]:
    """Yield a source's rows from the current or the history table of an entity, ordered by job id.

    Args:
        job_ids: only the rows of these jobs; None for all.
    """
    job = table.c[entity.job_column]
    query = _select(connection, table).where(table.c.source_id == source_id).order_by(job)
    return _stored(connection, table, query if job_ids is None else query.where(job.in_(list(job_ids))))


def stored_snapshots(connection: Connection, source_id: int) -> list[StoredRow]:
    """Return a source's rows of `snapshots`, oldest first."""
    query = _select(connection, SNAPSHOTS).where(SNAPSHOTS.c.source_id == source_id).order_by(SNAPSHOTS.c.id)
    return list(_stored(connection, SNAPSHOTS, query))


def last_snapshot(connection: Connection, source_id: int) -> StoredRow | None:
    """Return a source's last row of `snapshots`; None if it has none."""
    query = _select(connection, SNAPSHOTS).where(SNAPSHOTS.c.source_id == source_id)
    found = list(_stored(connection, SNAPSHOTS, query.order_by(SNAPSHOTS.c.id.desc()).limit(1)))
    return found[0] if found else None


def orphans(connection: Connection, table: Table) -> Iterator[StoredRow]:
    """Yield the rows whose source does not exist."""
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


def _stored(connection: Connection, table: Table, query: Select[Any]) -> Iterator[StoredRow]:
    converters = [(column.name, _converter(column)) for column in table.columns]
    for row in connection.execute(query.execution_options(yield_per=_ROWS_PER_FETCH)):
        values: dict[str, Any] = {}
        invalid = []
        for (name, convert), raw in zip(converters, row, strict=True):
            try:
                values[name] = convert(raw)
            except ValueError:
                values[name] = str(raw).encode("ascii", "backslashreplace").decode()
                invalid.append(name)
        yield StoredRow(values, tuple(invalid))


def _converter(column: Column[Any]) -> Callable[[Any], Any]:
    """Return a function that converts a stored value, and raises ValueError for an invalid one."""
    convert = _extra if column.name == "extra" else _CONVERTERS[_kind(column)]

    def value(raw: Any) -> Any:
        if raw is None:
            return None if column.nullable else _reject(column.name)
        return convert(raw)

    return value


def _kind(column: Column[Any]) -> type:
    return next(kind for kind in _CONVERTERS if isinstance(column.type, kind))


def _reject(what: str) -> Any:
    raise ValueError(what)


def _extra(raw: Any) -> str:
    text = _text(raw)
    found = read(text)
    return text if isinstance(found, dict) and found and canonical(found) == text else _reject("extra")


def _text(raw: Any) -> str:
    return raw if isinstance(raw, str) and not UNSTORABLE.search(raw) else _reject("text")


def _integer(raw: Any) -> int:
    return raw if type(raw) is int else _reject("integer")


def _boolean(raw: Any) -> bool:
    return bool(raw) if isinstance(raw, int) and raw in (0, 1) else _reject("boolean")


def _bytes(raw: Any) -> bytes:
    return raw if isinstance(raw, bytes) else _reject("bytes")


def _time(raw: Any) -> datetime:
    moment = datetime.fromisoformat(_text(raw))
    return moment if moment.tzinfo is UTC and rfc3339(moment) == raw else _reject("time")


_CONVERTERS: dict[type, Callable[[Any], Any]] = {
    Text: _text,
    Boolean: _boolean,
    BigInteger: _integer,
    Integer: _integer,
    LargeBinary: _bytes,
    UtcDateTime: _time,
}
