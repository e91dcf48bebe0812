"""Views, triggers and comments of a database, created from the declared schema.

They are in no migration: they are recreated after each upgrade and dropped before a downgrade.
"""

import re
from collections.abc import Iterator
from typing import Any

from sqlalchemy import Connection, inspect, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.schema import SetColumnComment, SetTableComment

from inventory.schema.ledger import METADATA
from inventory.schema.triggers import triggers
from inventory.schema.views import views

__all__ = ["create", "differences", "drop", "drop_statements", "trigger_table"]

_SQLITE_OBJECTS = text("SELECT name, sql FROM sqlite_master WHERE type IN ('view', 'trigger')")
_FUNCTIONS = text(
    "SELECT p.proname, p.prosrc FROM pg_proc p WHERE p.proname = ANY(:names) AND pg_function_is_visible(p.oid)"
)
_TRIGGERS = text(
    "SELECT t.tgname FROM pg_trigger t WHERE NOT t.tgisinternal AND t.tgenabled IN ('O', 'A')"
    " AND t.tgrelid IN (SELECT to_regclass(n) FROM unnest(CAST(:tables AS text[])) n)"
)
_COLUMNS = text(  # column '' is the comment of the table itself
    "SELECT n, '', obj_description(to_regclass(n), 'pg_class') FROM unnest(CAST(:tables AS text[])) n"
    " WHERE to_regclass(n) IS NOT NULL UNION ALL "
    "SELECT n, a.attname, col_description(a.attrelid, a.attnum) FROM unnest(CAST(:tables AS text[])) n"
    " JOIN pg_attribute a ON a.attrelid = to_regclass(n) AND a.attnum > 0 AND NOT a.attisdropped"
)


def create(connection: Connection) -> None:
    """Create or replace views, triggers and comments as declared."""
    dialect = connection.dialect.name
    if dialect == "sqlite":
        drop(connection)
        for sql in (*views(dialect).values(), *triggers(dialect).values()):
            connection.exec_driver_sql(sql)
        return
    for name, sql in views(dialect).items():
        _replace_view(connection, name, sql)
    for name, sql in triggers(dialect).items():
        if (table := trigger_table(name)) is not None:
            connection.exec_driver_sql(f"DROP TRIGGER IF EXISTS {name} ON {table}")
        connection.exec_driver_sql(sql.replace("CREATE FUNCTION", "CREATE OR REPLACE FUNCTION", 1))
    for table, column in _wrong_comments(connection):
        declared = METADATA.tables[table]
        connection.execute(SetColumnComment(declared.c[column]) if column else SetTableComment(declared))


def drop(connection: Connection) -> None:
    """Drop all declared views and triggers that exist."""
    for sql in drop_statements(connection.dialect.name):
        connection.exec_driver_sql(sql)


def drop_statements(dialect: str) -> Iterator[str]:
    """Yield the statements of `drop`."""
    for name in reversed(views(dialect)):
        yield f"DROP VIEW IF EXISTS {name}"
    for name in reversed(triggers(dialect)):
        table = trigger_table(name)
        if dialect == "sqlite":
            yield f"DROP TRIGGER IF EXISTS {name}"
        elif table is None:
            yield f"DROP FUNCTION IF EXISTS {name}()"
        else:
            yield f"DROP TRIGGER IF EXISTS {name} ON {table}"


def _replace_view(connection: Connection, name: str, sql: str) -> None:
    """Replace a view and keep its grants and dependent views; if it lost a column, drop and recreate it."""
    try:
        with connection.begin_nested():
            connection.exec_driver_sql(sql.replace("CREATE VIEW", "CREATE OR REPLACE VIEW", 1))
    except DBAPIError:
        connection.exec_driver_sql(f"DROP VIEW {name}")
        connection.exec_driver_sql(sql)


def trigger_table(name: str) -> str | None:
    """Return the table of a trigger on PostgreSQL; None for a function."""
    table = name.removesuffix("_append_only")
    return None if table == name else table


def differences(connection: Connection) -> Iterator[str]:
    """Yield a line for each view, trigger, function and comment that is not as declared."""
    return _on_sqlite(connection) if connection.dialect.name == "sqlite" else _on_postgresql(connection)


def _on_sqlite(connection: Connection) -> Iterator[str]:
    found = {name: _normalise_space(sql) for name, sql in connection.execute(_SQLITE_OBJECTS)}
    for kind, wanted in (("view", views("sqlite")), ("trigger", triggers("sqlite"))):
        yield from _compare_sql(kind, {name: _normalise_space(sql) for name, sql in wanted.items()}, found)


def _on_postgresql(connection: Connection) -> Iterator[str]:
    """Compare views by name only: PostgreSQL does not keep the text of their definition."""
    existing = set(inspect(connection).get_view_names())
    yield from (f"the view {name} is missing" for name in sorted(views("postgresql").keys() - existing))
    made = triggers("postgresql")
    bodies = {name: sql.split("$$")[1] for name, sql in made.items() if sql.startswith("CREATE FUNCTION")}
    stored = {row.proname: row.prosrc for row in connection.execute(_FUNCTIONS, {"names": list(bodies)})}
    yield from _compare_sql("function", bodies, stored)
    active = set(connection.execute(_TRIGGERS, {"tables": list(METADATA.tables)}).scalars())
    yield from (f"the trigger {name} is missing or disabled" for name in sorted(made.keys() - bodies - active))
    for table, column in _wrong_comments(connection):
        yield f"the comment of the {'column' if column else 'table'} {table}{'.' if column else ''}{column} is another"


def _wrong_comments(connection: Connection) -> list[tuple[str, str]]:
    """Return table and column of each comment that is not as declared; the column is '' for a table comment."""
    found: list[tuple[str, str]] = []
    for table, column, comment in connection.execute(_COLUMNS, {"tables": list(METADATA.tables)}):
        declared: Any = METADATA.tables[table]
        if column and column not in declared.c:
            continue  # not declared here
        if (declared.c[column] if column else declared).comment != comment:
            found.append((table, column))
    return sorted(found)


def _compare_sql(kind: str, wanted: dict[str, str], found: dict[str, str]) -> Iterator[str]:
    for name, sql in wanted.items():
        if name not in found:
            yield f"the {kind} {name} is missing"
        elif found[name] != sql:
            yield f"the {kind} {name} is another than declared"


def _normalise_space(sql: str) -> str:
    return re.sub(r"\s+", " ", sql).strip().rstrip(";")
