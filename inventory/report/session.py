"""Runs one SELECT so that it can change nothing, in limits, on either database.

SQLite: the file is opened for reading, an authorizer allows reading alone, and a limit of length keeps a function from
making a value of gigabytes. PostgreSQL: a read-only transaction of its own, as a role that is no superuser, with a
time-out. READ ONLY does not stop functions that act outside the tables (locks of `export`, sleep, files), so functions
that are declared VOLATILE are refused.
"""

import json
import math
import re
import sqlite3
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import Connection, text

from inventory.common.errors import InventoryError, UsageError
from inventory.common.exact_json import Json
from inventory.config.values import nearest
from inventory.report.library import Library, Report, value_of
from inventory.report.quoted import refuse_unknown
from inventory.report.relations import relations
from inventory.report.scope import Scope
from inventory.report.statement import Statement, Value
from inventory.schema.kinds import rfc3339

__all__ = ["Prepared", "QueryError", "Result", "ResultColumn", "ask", "explain", "prepare"]

MAX_LENGTH = 16 * 1024 * 1024  # bytes of a value, and of a row, on SQLite
_STEPS = 10_000  # of SQLite's machine between two looks at the clock
_FETCH = 500  # rows that PostgreSQL sends at once
_READS = {
    sqlite3.SQLITE_READ, sqlite3.SQLITE_SELECT, sqlite3.SQLITE_FUNCTION, sqlite3.SQLITE_RECURSIVE,
}  # fmt: skip
_ACTS = {"load_extension", "readfile", "writefile", "edit", "fts3_tokenizer"}  # functions of SQLite that do more
# VOLATILE on PostgreSQL, because they differ from call to call; they do nothing.
_HARMLESS = {"random", "clock_timestamp", "timeofday", "gen_random_uuid", "random_normal"}
_TYPES = {16: "boolean", 1184: "time", 1114: "time", 1082: "date", 114: "json", 3802: "json"}  # by OID


class QueryError(InventoryError):
    """A query failed, or took too long."""


@dataclass(frozen=True)
class ResultColumn:
    """A column of a result. kind: text, number, boolean, time, date, json, or '' where nobody can tell."""

    name: str
    kind: str
    unit: str = ""
    meaning: str = ""


@dataclass
class Result:
    """The rows of a query, to be read once. limit: 0 for all rows.

    shown: rows that were given. total: rows that there are, known when all were read; None: more than were counted.
    """

    columns: list[ResultColumn]
    limit: int
    _rows: Iterator[tuple[Any, ...]]
    shown: int = 0
    total: int | None = None
    _counted: int = field(default=0)

    @property
    def truncated(self) -> bool:
        """Whether there are more rows than were given; known when all were read."""
        return self.total is None or self.total > self.shown

    @property
    def counted(self) -> int:
        """The rows that were seen, given or not."""
        return self._counted

    def rows(self) -> Iterator[list[Json]]:
        """Yield rows as JSON values, alike on both databases: times as RFC 3339, booleans as such."""
        kinds = [column.kind for column in self.columns]
        for row in self._rows:
            self._counted += 1
            if not self.limit or self.shown < self.limit:
                self.shown += 1
                yield [_plain(value, kind) for value, kind in zip(row, kinds, strict=True)]
        self.total = self._counted


@dataclass(frozen=True)
class Prepared:
    """A statement that can be run: its text, and its columns as far as known. is_scoped: tables are shadowed."""

    statement: Statement
    sql: str
    columns: list[ResultColumn]
    is_scoped: bool = False


def prepare(
    connection: Connection, written: str, library: Library, scope: Scope, given: Mapping[str, str], *,
    report: str | Report = "", now: datetime | None = None,
) -> Prepared:  # fmt: skip
    """Make of what a user wrote the text that is run.

    Args:
        written: the SELECT; '' with a report. report: one, or its name. given: values of parameters as they were
            written. now: what `:now` means; default: `Scope.now`.

    Raises:
        UsageError: it is not one SELECT; there is no such report or parameter; a value is not of its type.
    """
    dialect = connection.dialect.name
    moment = now or scope.now
    if "now" in given:
        found = value_of("now", "time", given["now"], moment)
        moment = found if isinstance(found, datetime) else moment
    times: dict[str, tuple[str, Value]] = {"now": ("time", moment)}
    named = []
    if report:
        chosen = report if isinstance(report, Report) else library[report]
        named = [ResultColumn(each.name, each.kind, each.unit, each.meaning) for each in chosen.columns]
        statement = Statement.read(chosen.ordered(dialect), dialect).with_values(
            {**chosen.values(given, moment), **times}
        )
    else:
        statement = Statement.read(written, dialect)
        known = statement.parameters()
        for name in given:
            if name not in known and name != "now":
                raise UsageError(
                    f"--param {name}: the query has no parameter :{name}{nearest(name, known)}",
                    f"It has: {', '.join(f':{each}' for each in sorted(known)) or 'none'}",
                )
        statement = statement.with_values({**{name: _guess(each) for name, each in given.items()}, **times})
    statement = statement.without_schema(scope.schema).with_stored_times()
    reports = {table.name.lower() for table in statement.tables() if table.db.lower() == "report"}
    inner, more = {}, {}
    for name in sorted(reports):
        chosen = library[name]
        part = Statement.read(chosen.sql, dialect).with_values({**chosen.values({}, moment), **times})
        part = part.without_schema(scope.schema)
        inner[f"report.{name}"] = part
        more[f"report.{name}"] = {each.name: each.kind for each in chosen.columns}
    statement = statement.with_reports(reports)
    parts = (*inner.values(), statement)
    for part in parts:
        refuse_unknown(part, more)
    shadows = scope.shadows(*parts)
    sql = statement.sql({**scope.in_order(shadows), **{name: part.sql() for name, part in inner.items()}})
    kinds = statement.types(more)
    return Prepared(statement, sql, named or [ResultColumn("", kind) for kind in kinds], is_scoped=bool(shadows))


@contextmanager
def ask(connection: Connection, prepared: Prepared, *, limit: int, timeout: float) -> Iterator[Result]:
    """Run a query and give its result; the connection must be in a read-only transaction.

    Raises:
        QueryError: it failed, or took longer than `timeout` seconds.
        UsageError: it calls a function that does more than read.
    """
    until = time.monotonic() + timeout
    run = _on_sqlite if connection.dialect.name == "sqlite" else _on_postgresql
    with _explained(prepared.statement, timeout, until), run(connection, prepared, until) as (names, kinds, rows):
        known = [column.kind for column in prepared.columns]
        told = known if connection.dialect.name == "sqlite" and len(known) == len(names) else kinds
        more = prepared.columns if [column.name for column in prepared.columns] == names else None
        columns = [
            ResultColumn(name, kind, more[at].unit if more else "", more[at].meaning if more else "")
            for at, (name, kind) in enumerate(zip(_distinct(names), told, strict=True))
        ]
        yield Result(columns, limit, rows)


def explain(connection: Connection, prepared: Prepared, *, timeout: float) -> Iterator[str]:
    """Yield the lines of the database's plan for a query.

    Raises:
        QueryError: the query is wrong.
    """
    until = time.monotonic() + timeout
    with _explained(prepared.statement, timeout, until):
        if connection.dialect.name == "sqlite":
            depth: dict[int, int] = {0: -1}
            with _guarded(connection, until) as driver:
                for number, parent, _, what in driver.execute(f"EXPLAIN QUERY PLAN {prepared.sql}"):
                    depth[number] = depth[parent] + 1
                    yield "  " * depth[number] + what
        else:
            with _limited(connection, prepared, until) as driver:
                yield from (line for (line,) in driver.execute(f"EXPLAIN {prepared.sql}"))


_Rows = tuple[list[str], list[str], Iterator[tuple[Any, ...]]]


@contextmanager
def _on_sqlite(connection: Connection, prepared: Prepared, until: float) -> Iterator[_Rows]:
    with _guarded(connection, until) as driver:
        cursor = driver.execute(prepared.sql)
        names = [each[0] for each in cursor.description]
        yield names, [""] * len(names), cursor


@contextmanager
def _guarded(connection: Connection, until: float) -> Iterator[sqlite3.Connection]:
    driver: Any = connection.connection.driver_connection
    length = driver.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, MAX_LENGTH)
    driver.set_authorizer(_allow)
    driver.set_progress_handler(lambda: time.monotonic() > until, _STEPS)
    try:
        yield driver
    finally:
        driver.set_progress_handler(None, 0)
        driver.set_authorizer(None)
        driver.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, length)


def _allow(action: int, _first: str | None, second: str | None, *_: str | None) -> int:
    if action == sqlite3.SQLITE_FUNCTION and str(second).lower() in _ACTS:
        return sqlite3.SQLITE_DENY
    return sqlite3.SQLITE_OK if action in _READS else sqlite3.SQLITE_DENY


@contextmanager
def _on_postgresql(connection: Connection, prepared: Prepared, until: float) -> Iterator[_Rows]:
    with _limited(connection, prepared, until) as driver, driver.cursor(name="query") as cursor:
        cursor.itersize = _FETCH
        cursor.execute(prepared.sql)
        described = cursor.description or []
        names, kinds = [each.name for each in described], [_TYPES.get(each.type_code, "") for each in described]
        yield names, kinds, _in_time(cursor, until)


@contextmanager
def _limited(connection: Connection, prepared: Prepared, until: float) -> Iterator[Any]:
    names = prepared.statement.functions() | Statement.read(prepared.sql, "postgresql").functions()
    acts = set(connection.execute(_VOLATILE, {"names": sorted(names)}).scalars()) - _HARMLESS
    if acts:
        raise UsageError(f"the query calls {sorted(acts)[0]}, which does more than read", "Leave it out")
    if connection.scalar(text("SELECT rolsuper FROM pg_roles WHERE rolname = current_user")):
        connection.execute(text("SET LOCAL ROLE pg_read_all_data"))
    milliseconds = max(1, int((until - time.monotonic()) * 1000))
    connection.execute(text(f"SET LOCAL statement_timeout = {milliseconds}"))
    if prepared.is_scoped:
        # In a scope a table is a query without statistics: the planner takes it for small, and loops over it.
        connection.execute(text("SET LOCAL enable_nestloop = off"))
    yield connection.connection.driver_connection


_VOLATILE = text("SELECT DISTINCT lower(proname) FROM pg_proc WHERE lower(proname) = ANY(:names) AND provolatile = 'v'")


def _in_time(rows: Iterator[tuple[Any, ...]], until: float) -> Iterator[tuple[Any, ...]]:
    for row in rows:
        if time.monotonic() > until:
            raise TimeoutError
        yield row


@contextmanager
def _explained(statement: Statement, timeout: float, until: float) -> Iterator[None]:
    """Turn an error of a driver into one that says what to do."""
    try:
        yield
    except TimeoutError:
        raise _late(timeout) from None
    except sqlite3.Error as error:
        said = str(error)
        if said == "interrupted":
            if time.monotonic() < until:  # Ctrl-C, which came while SQLite asked for the time
                raise KeyboardInterrupt from None
            raise _late(timeout) from None
        if said in {"not authorized", "authorization denied"} or "prohibited" in said:
            raise UsageError("the query does more than read tables and views", "Give one SELECT") from None
        if "too big" in said:
            raise QueryError(f"the query failed: a value is longer than {MAX_LENGTH // 2**20} MiB") from None
        raise QueryError(f"the query failed: {said}{_meant(said, statement)}", _LISTS) from None
    except Exception as error:
        state = getattr(error, "sqlstate", None)
        if not type(error).__module__.startswith("psycopg"):
            raise
        if state == "57014":
            raise _late(timeout) from None
        said = getattr(getattr(error, "diag", None), "message_primary", None) or str(error).partition("\n")[0]
        raise QueryError(f"the query failed: {said}{_meant(said, statement)}", _LISTS) from None


_LISTS = "`inventory schema` lists tables, views and columns"
_UNKNOWN_COLUMN = re.compile(r"(?:no such column: |column )\"?(?:\w+\.)?(\w+)\"?")
_UNKNOWN_TABLE = re.compile(r"(?:no such table: |relation )\"?(?:\w+\.)?(\w+)\"?")


def _late(timeout: float) -> QueryError:
    return QueryError(f"the query took longer than {timeout:g} seconds", "Narrow it, or raise --timeout")


def _meant(said: str, statement: Statement) -> str:
    known = relations(statement.dialect)
    if "ambiguous" in said or "GROUP BY" in said:
        return ""
    if found := _UNKNOWN_TABLE.search(said):
        return nearest(found[1], known)
    if found := _UNKNOWN_COLUMN.search(said):
        named = [table.name for table in statement.tables() if table.name in known]
        columns = {column for name in named for column in known[name]}
        return nearest(found[1], sorted(columns)) if found[1] not in columns else ""
    return ""


def _guess(written: str) -> tuple[str, Value]:
    """Return type and value of a parameter of a query, which declares no type: a number, true, false, NULL or text."""
    if written in {"true", "false"}:
        return "boolean", written == "true"
    if written == "NULL":
        return "text", None
    for kind, read in (("integer", int), ("number", float)):
        with suppress(ValueError):
            return kind, read(written)
    return "text", written


def _distinct(names: list[str]) -> list[str]:
    """Return the names with a number where one stands twice, so that a row can be an object."""
    found: list[str] = []
    for name in names:
        unique, number = name, 1
        while unique in found:
            number += 1
            unique = f"{name}_{number}"
        found.append(unique)
    return found


def _plain(value: Any, kind: str) -> Json:
    if kind == "boolean" and value in {0, 1}:
        value = bool(value)
    elif kind == "json" and isinstance(value, str):
        with suppress(ValueError):
            value = json.loads(value)
    elif isinstance(value, datetime):
        value = rfc3339(value if value.tzinfo else value.replace(tzinfo=UTC))
    elif isinstance(value, Decimal | float):
        value = _number(value)
    elif isinstance(value, bytes | memoryview):
        value = bytes(value).hex()
    return value if value is None or isinstance(value, bool | int | float | str | list | dict) else str(value)


def _number(value: Decimal | float) -> Json:
    """Return a number; the three that JSON lacks as text."""
    if not math.isfinite(value):
        return {"inf": "Infinity", "-inf": "-Infinity"}.get(str(float(value)), "NaN")
    if isinstance(value, Decimal):
        return int(value) if value == value.to_integral_value() else float(value)
    return value
