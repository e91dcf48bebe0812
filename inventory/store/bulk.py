"""Rows by the thousand, past SQLAlchemy's dictionaries: INSERTs of many rows on SQLite, COPY on PostgreSQL."""

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from datetime import datetime
from itertools import chain
from typing import Any

from sqlalchemy import Column, Connection
from sqlalchemy.exc import DBAPIError

from inventory.normalise.walk import Row
from inventory.schema.kinds import stored_time
from inventory.schema.tables import UtcDateTime

__all__ = ["Write", "row_stream", "within"]

VALUES = 900  # in one INSERT: half the time of row by row; old SQLites take no more than 999

Write = Callable[[Sequence[Row]], None]


def within(connection: Connection) -> AbstractContextManager[Any]:
    """A transaction of its own, or the one that is open."""
    return nullcontext() if connection.in_transaction() else connection.begin()


def row_stream(connection: Connection, table: str, columns: Sequence[Column[Any]]) -> Write:
    """Return what writes rows into a table that has these columns, in their order, within a transaction."""
    times = tuple(at for at, column in enumerate(columns) if isinstance(column.type, UtcDateTime))
    into = f"{table} ({', '.join(column.name for column in columns)})"
    if connection.dialect.name == "sqlite":
        return _inserts(connection, f"INSERT INTO {into} VALUES ", len(columns), times)  # noqa: S608  # no text of others
    return _copies(connection, f"COPY {into} FROM STDIN", times)


def _inserts(connection: Connection, head: str, width: int, times: Sequence[int]) -> Write:
    one = f"({', '.join('?' * width)})"
    many = max(1, VALUES // width)
    by_many = head + ", ".join([one] * many)

    def write(rows: Sequence[Row]) -> None:
        if times:
            rows = [_timed(row, times, "") for row in rows]
        whole = len(rows) - len(rows) % many
        groups = [tuple(chain.from_iterable(rows[at : at + many])) for at in range(0, whole, many)]
        for statement, values in ((by_many, groups), (head + one, list(rows[whole:]))):
            if values:
                connection.exec_driver_sql(statement, values)

    return write


def _copies(connection: Connection, statement: str, times: Sequence[int]) -> Write:
    """As text: as fast as the binary form, and it takes every type as it is."""
    driver: Any = connection.connection.driver_connection
    error: Any = connection.dialect.loaded_dbapi.Error

    def write(rows: Sequence[Row]) -> None:
        try:
            with driver.cursor() as cursor, cursor.copy(statement) as copy:
                for row in rows:
                    copy.write_row(_timed(row, times, "+00") if times else row)
        except error as failure:
            lost = driver.closed
            raise DBAPIError(statement, None, failure, hide_parameters=True, connection_invalidated=lost) from None

    return write


def _timed(row: Row, times: Sequence[int], zone: str) -> Row:
    """Spell the times in a row as SQLite holds them; some have come so."""
    values = list(row)
    for at in times:
        value = values[at]
        if isinstance(value, datetime):
            value = stored_time(value)
        values[at] = value and value + zone
    return tuple(values)
