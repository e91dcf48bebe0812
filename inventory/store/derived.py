"""Views, triggers and comments of a database, created from the declared schema.

They are in no migration: they are recreated after each upgrade and dropped before a downgrade.
"""

import re
from collections.abc import Iterator

from sqlalchemy import Connection, delete, insert, inspect, select, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.schema import SetColumnComment, SetTableComment

from inventory.schema.filled import DEFAULT_SETTINGS, stored_rows, view_comments
from inventory.schema.ledger import METADATA
from inventory.schema.triggers import triggers
from inventory.schema.views import declared_views, views, with_readers

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
        _fill(connection)
        return
    for name, sql in views(dialect).items():
        _replace_view(connection, name, sql)
    for name, sql in triggers(dialect).items():
        if (table := trigger_table(name)) is not None:
            connection.exec_driver_sql(f"DROP TRIGGER IF EXISTS {name} ON {table}")
        connection.exec_driver_sql(sql.replace("CREATE FUNCTION", "CREATE OR REPLACE FUNCTION", 1))
    for name, column in _wrong_comments(connection):
        if (declared := METADATA.tables.get(name)) is not None:
            connection.execute(SetColumnComment(declared.c[column]) if column else SetTableComment(declared))
    connection.exec_driver_sql("\n".join(view_comments()).replace("%", "%%"))
    _fill(connection)


def _fill(connection: Connection) -> None:
    """Write the rows that are made from the declared schema, where they are not there yet."""
    for name, rows in stored_rows().items():
        table = METADATA.tables[name]
        if _differs(connection, name):
            connection.execute(delete(table))
            names = table.columns.keys()
            connection.execute(insert(table), [dict(zip(names, row, strict=True)) for row in rows])
    connection.exec_driver_sql(DEFAULT_SETTINGS)


def _differs(connection: Connection, name: str) -> bool:
    return {tuple(row) for row in connection.execute(select(METADATA.tables[name]))} != set(stored_rows()[name])


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
    """Replace a view and keep its grants and dependent views; if it lost a column, drop and recreate it.

    Views of ours that read it are dropped too; they come after it, so `create` creates them again.
    """
    try:
        with connection.begin_nested():
            connection.exec_driver_sql(sql.replace("CREATE VIEW", "CREATE OR REPLACE VIEW", 1))
    except DBAPIError:
        for each in with_readers(name):
            connection.exec_driver_sql(f"DROP VIEW IF EXISTS {each}")
        connection.exec_driver_sql(sql)


def trigger_table(name: str) -> str | None:
    """Return the table of a trigger on PostgreSQL; None for a function."""
    table = name.removesuffix("_append_only")
    return None if table == name else table


def differences(connection: Connection) -> Iterator[str]:
    """Yield a line for each view, trigger, function, comment and filled table that is not as declared."""
    yield from _on_sqlite(connection) if connection.dialect.name == "sqlite" else _on_postgresql(connection)
    existing = set(inspect(connection).get_table_names())
    for name in sorted(existing & stored_rows().keys()):
        if _differs(connection, name):
            yield f"the rows of the table {name} are others than declared"


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
        kind = "column" if column else "table" if table in METADATA.tables else "view"
        yield f"the comment of the {kind} {table}{'.' if column else ''}{column} is another"


def _wrong_comments(connection: Connection) -> list[tuple[str, str]]:
    """Return table and column of each comment that is not as declared; the column is '' for a table comment."""
    found: list[tuple[str, str]] = []
    declared = {
        **{(name, ""): table.comment for name, table in METADATA.tables.items()},
        **{(name, each.name): each.comment for name, table in METADATA.tables.items() for each in table.columns},
        **{(view.name, ""): view.comment for view in declared_views("postgresql")},
        **{(view.name, each.name): each.comment for view in declared_views("postgresql") for each in view.columns},
    }
    names = sorted({name for name, _ in declared})
    for name, column, comment in connection.execute(_COLUMNS, {"tables": names}):
        if (name, column) in declared and declared[name, column] != comment:
            found.append((name, column))
    return sorted(found)


def _compare_sql(kind: str, wanted: dict[str, str], found: dict[str, str]) -> Iterator[str]:
    for name, sql in wanted.items():
        if name not in found:
            yield f"the {kind} {name} is missing"
        elif found[name] != sql:
            yield f"the {kind} {name} is another than declared"


def _normalise_space(sql: str) -> str:
    return re.sub(r"\s+", " ", sql).strip().rstrip(";")
