"""Compare a database's tables with the declared schema. Tables of other applications are ignored."""

import warnings
from collections.abc import Iterator
from typing import Any

from sqlalchemy import Connection, func, inspect, select

from inventory.schema.ledger import MAINTENANCE, METADATA, declared
from inventory.store.derived import differences
from inventory.store.engine import Store

__all__ = ["check", "compare"]


def check(store: Store) -> list[str]:
    """Compare a database at this version's revision with the declared schema; return one line per difference."""
    with store.reading() as connection:
        return compare(connection)


def compare(connection: Connection) -> list[str]:
    """Compare the tables of a connection, whatever its revision; return one line per difference."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # reflection warns about indexes of other applications
        found = [*_compare_tables(connection, connection.dialect.name), *_compare_keys(connection)]
    return [*found, *_compare_rows(connection), *differences(connection)]


def _compare_rows(connection: Connection) -> Iterator[str]:
    """Look for the row of `maintenance`, without which nothing can be pruned."""
    has_table = inspect(connection).has_table(MAINTENANCE.name)
    if has_table and not connection.scalar(select(func.count()).select_from(MAINTENANCE)):
        yield "the row of the table internal_maintenance is missing"


def _compare_tables(connection: Connection, dialect: str) -> list[str]:
    from alembic.autogenerate import compare_metadata
    from alembic.migration import MigrationContext

    declared_tables = declared(dialect)

    def is_ours(name: str | None, kind: str, _: object) -> bool:
        return kind != "table" or name in declared_tables.tables

    def is_compared(_item: object, _name: object, _kind: str, reflected: bool, counterpart: object) -> bool:  # noqa: FBT001  # Alembic calls it
        return not reflected or counterpart is not None

    options = {"compare_type": True, "include_name": is_ours, "include_object": is_compared}
    found = compare_metadata(MigrationContext.configure(connection, opts=options), declared_tables)
    return list(dict.fromkeys(line for entry in found for line in _describe(entry)))


def _describe(entry: Any) -> Iterator[str]:
    """Describe one entry of Alembic's result: a tuple, or a list of tuples about one column."""
    if isinstance(entry, list):
        for part in entry:
            yield from _describe(part)
        return
    action, *rest = entry
    if action.endswith("_comment"):
        return  # `derived` compares comments
    if action.startswith("modify_"):
        _, table, column, _, is_now, should_be = rest
        yield _describe_column(action.removeprefix("modify_"), f"{table}.{column}", is_now, should_be)
    elif action == "add_column":
        yield f"the column {rest[1]}.{rest[2].name} is missing"
    elif action == "add_table":
        yield f"the table {rest[0].name} is missing"
    elif action == "add_fk":
        yield f"the foreign key of {rest[0].table.name} ({', '.join(rest[0].column_keys)}) is missing or another"
    elif action.endswith("_index"):
        yield f"the index {rest[0].name} of {rest[0].table.name} is missing or another"
    else:  # a constraint
        columns = ", ".join(column.name for column in rest[0].columns)
        yield f"the unique constraint of {rest[0].table.name} ({columns}) is missing or another"


def _describe_column(what: str, column: str, is_now: Any, should_be: Any) -> str:
    if what == "nullable":
        return f"the column {column} {'may' if is_now else 'may not'} be NULL, and {'may not' if is_now else 'may'} be"
    if what == "type":
        return f"the column {column} has the type {is_now} instead of {should_be}"
    return f"the {what} of the column {column} is another"


def _compare_keys(connection: Connection) -> Iterator[str]:
    """Compare primary keys, which Alembic does not."""
    inspector = inspect(connection)
    existing = set(inspector.get_table_names())
    for table in METADATA.sorted_tables:
        if table.name in existing:
            found = inspector.get_pk_constraint(table.name)["constrained_columns"]
            if found != [column.name for column in table.primary_key.columns]:
                yield f"the primary key of {table.name} is missing or another"
