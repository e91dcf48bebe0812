"""Whether a database's tables are as declared: what of ours is missing or changed. What is not ours is not named."""

import re
import warnings
from collections.abc import Iterable, Iterator
from typing import Any

from sqlalchemy import Connection, inspect, text

from inventory.schema.ledger import METADATA, declared
from inventory.store.engine import Store
from inventory.store.triggers import triggers
from inventory.store.views import views

__all__ = ["check"]

_FUNCTIONS = text(
    "SELECT p.proname, p.prosrc FROM pg_proc p WHERE p.proname = ANY(:names) AND pg_function_is_visible(p.oid)"
)
_TRIGGERS = text(
    "SELECT t.tgname FROM pg_trigger t WHERE NOT t.tgisinternal AND t.tgenabled IN ('O', 'A')"
    " AND t.tgrelid IN (SELECT to_regclass(n) FROM unnest(CAST(:tables AS text[])) n)"
)
_MADE = text("SELECT name, sql FROM sqlite_master WHERE type IN ('view', 'trigger')")


def check(store: Store) -> list[str]:
    """Compare the database, which is at this version's revision, with what is declared; one line a difference."""
    dialect = store.engine.dialect.name
    with store.reading() as connection, warnings.catch_warnings():
        warnings.simplefilter("ignore")  # about what reflection cannot read of indexes that are not ours
        made = _made_on_sqlite if store.is_sqlite else _made_on_postgresql
        return [*_tables(connection, dialect), *_keys(connection), *made(connection)]


def _tables(connection: Connection, dialect: str) -> list[str]:
    from alembic.autogenerate import compare_metadata
    from alembic.migration import MigrationContext

    ours = declared(dialect)

    def is_ours(name: str | None, kind: str, _: object) -> bool:
        return kind != "table" or name in ours.tables

    def is_compared(_item: object, _name: object, _kind: str, reflected: bool, counterpart: object) -> bool:  # noqa: FBT001  # Alembic calls it
        return not reflected or counterpart is not None

    options = {"compare_type": True, "include_name": is_ours, "include_object": is_compared}
    found = compare_metadata(MigrationContext.configure(connection, opts=options), ours)
    return list(dict.fromkeys(line for entry in found for line in _said(entry)))


def _said(entry: Any) -> Iterator[str]:
    """Say one entry of Alembic's answer: a tuple, or a list of tuples about one column."""
    if isinstance(entry, list):
        for part in entry:
            yield from _said(part)
        return
    action, *rest = entry
    if action.startswith("modify_"):
        _, table, column, _, is_now, should_be = rest
        yield _column(action.removeprefix("modify_"), f"{table}.{column}", is_now, should_be)
    elif action == "add_column":
        yield f"the column {rest[1]}.{rest[2].name} is missing"
    elif action == "add_table":
        yield f"the table {rest[0].name} is missing"
    elif action.endswith("_table_comment"):
        yield f"the comment of the table {rest[0].name} is another"
    elif action == "add_fk":
        yield f"the foreign key of {rest[0].table.name} ({', '.join(rest[0].column_keys)}) is missing or another"
    elif action.endswith("_index"):
        yield f"the index {rest[0].name} of {rest[0].table.name} is missing or another"
    else:  # a constraint
        columns = ", ".join(column.name for column in rest[0].columns)
        yield f"the unique constraint of {rest[0].table.name} ({columns}) is missing or another"


def _column(what: str, column: str, is_now: Any, should_be: Any) -> str:
    if what == "nullable":
        return f"the column {column} {'may' if is_now else 'may not'} be NULL, and {'may not' if is_now else 'may'} be"
    if what == "type":
        return f"the column {column} has the type {is_now} instead of {should_be}"
    return f"the {what} of the column {column} is another"


def _keys(connection: Connection) -> Iterator[str]:
    """Primary keys, which Alembic does not compare."""
    inspector = inspect(connection)
    there = set(inspector.get_table_names())
    for table in METADATA.sorted_tables:
        if table.name in there:
            found = inspector.get_pk_constraint(table.name)["constrained_columns"]
            if found != [column.name for column in table.primary_key.columns]:
                yield f"the primary key of {table.name} is missing or another"


def _made_on_sqlite(connection: Connection) -> Iterator[str]:
    found = {name: _squeezed(sql) for name, sql in connection.execute(_MADE)}
    for kind, wanted in (("view", views("sqlite")), ("trigger", triggers("sqlite"))):
        yield from _differing(kind, {name: _squeezed(sql) for name, sql in wanted.items()}, found)


def _made_on_postgresql(connection: Connection) -> Iterator[str]:
    """As far as PostgreSQL keeps what it was given: of a view it does not, so its name counts alone."""
    there = set(inspect(connection).get_view_names())
    yield from (f"the view {name} is missing" for name in sorted(views("postgresql").keys() - there))
    made = triggers("postgresql")
    bodies = {name: sql.split("$$")[1] for name, sql in made.items() if sql.startswith("CREATE FUNCTION")}
    stored = {row.proname: row.prosrc for row in connection.execute(_FUNCTIONS, {"names": list(bodies)})}
    yield from _differing("function", bodies, stored)
    active = set(connection.execute(_TRIGGERS, {"tables": list(METADATA.tables)}).scalars())
    yield from (f"the trigger {name} is missing or disabled" for name in sorted(made.keys() - bodies - active))


def _differing(kind: str, wanted: dict[str, str], found: dict[str, str]) -> Iterable[str]:
    for name, sql in wanted.items():
        if name not in found:
            yield f"the {kind} {name} is missing"
        elif found[name] != sql:
            yield f"the {kind} {name} is another than declared"


def _squeezed(sql: str) -> str:
    return re.sub(r"\s+", " ", sql).strip().rstrip(";")
