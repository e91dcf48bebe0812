"""Fast bulk writes without SQLAlchemy's row dictionaries: multi-row INSERT on SQLite, COPY on PostgreSQL."""

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from datetime import datetime
from itertools import chain
from typing import Any

from sqlalchemy import Column, Connection
from sqlalchemy.exc import DBAPIError

from inventory.normalise.walk import Row
from inventory.schema.kinds import rfc3339
from inventory.schema.tables import UtcDateTime

__all__ = ["RowWriter", "ensure_transaction", "row_writer"]

VALUES_PER_INSERT = 900  # takes half the time of one row at a time; old versions of SQLite allow 999

RowWriter = Callable[[Sequence[Row]], None]


def ensure_transaction(connection: Connection) -> AbstractContextManager[Any]:
    """Join the open transaction, or begin one."""
    return nullcontext() if connection.in_transaction() else connection.begin()


def row_writer(connection: Connection, table: str, columns: Sequence[Column[Any]]) -> RowWriter:
    """Return a function that writes rows, in the order of these columns, within an open transaction."""
    times = tuple(at for at, column in enumerate(columns) if isinstance(column.type, UtcDateTime))
    into = f"{table} ({', '.join(column.name for column in columns)})"
    if connection.dialect.name == "sqlite":
        return _insert_writer(connection, f"INSERT INTO {into} VALUES ", len(columns), times)  # noqa: S608  # no user input
    return _copy_writer(connection, f"COPY {into} FROM STDIN", times)


def _insert_writer(connection: Connection, prefix: str, width: int, times: Sequence[int]) -> RowWriter:
    placeholders = f"({', '.join('?' * width)})"
    batch_size = max(1, VALUES_PER_INSERT // width)
    batch = prefix + ", ".join([placeholders] * batch_size)

    def write(rows: Sequence[Row]) -> None:
        if times:
            rows = [_format_times(row, times) for row in rows]
        full = len(rows) - len(rows) % batch_size
        batches = [tuple(chain.from_iterable(rows[at : at + batch_size])) for at in range(0, full, batch_size)]
        for statement, values in ((batch, batches), (prefix + placeholders, list(rows[full:]))):
            if values:
                connection.exec_driver_sql(statement, values)

    return write


def _copy_writer(connection: Connection, statement: str, times: Sequence[int]) -> RowWriter:
    """Use the text format: as fast as the binary one, and it needs no column types."""
    driver: Any = connection.connection.driver_connection
    error: Any = connection.dialect.loaded_dbapi.Error

    def write(rows: Sequence[Row]) -> None:
        try:
            with driver.cursor() as cursor, cursor.copy(statement) as copy:
                for row in rows:
                    copy.write_row(_format_times(row, times) if times else row)
        except error as failure:
            lost = driver.closed
            raise DBAPIError(statement, None, failure, hide_parameters=True, connection_invalidated=lost) from None

    return write


def _format_times(row: Row, times: Sequence[int]) -> Row:
    """Format the times of a row as SQLite stores them; some are text in that format already."""
    values = list(row)
    for at in times:
        value = values[at]
        if isinstance(value, datetime):
            values[at] = rfc3339(value)
    return tuple(values)
