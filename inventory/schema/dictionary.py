"""The data dictionary, generated from the declared schema as Markdown, JSON or SQL."""

from collections.abc import Iterator
from typing import Any

from sqlalchemy import Column, Table
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.schema import CreateIndex, CreateTable, SetColumnComment, SetTableComment

from inventory.common.exact_json import Json
from inventory.schema import ENTITIES, JOB_DIGESTS, REVISION
from inventory.schema.fields import Api
from inventory.schema.filled import api_of, filling, view_comments
from inventory.schema.internal import SUFFIX, move_tables
from inventory.schema.ledger import (
    CALENDAR,
    CHECK_TABLES,
    DICTIONARY,
    ENUM_VALUES,
    MAINTENANCE,
    REPORT_SETTINGS,
    SERVED,
    SIGNATURES,
    SNAPSHOT_COUNTS,
    SNAPSHOTS,
    SOURCES,
    VERSION,
    declared,
)
from inventory.schema.triggers import triggers
from inventory.schema.views import declared_views, views
from inventory.schema.views.parts import View, ViewColumn

__all__ = ["as_json", "as_markdown", "as_sql", "comments", "statements"]

_POSTGRESQL: Any = postgresql.dialect()  # type: ignore[no-untyped-call]
_SQLITE: Any = sqlite.dialect()


def as_json() -> dict[str, Json]:
    """Return the dictionary as one document: every table, view and column, and where its values come from."""
    return {
        "format_version": "1.0",
        "revision": REVISION,
        "tables": [_table(table) for table in _documented()],
        "views": [_view(view) for view in declared_views("postgresql")],
    }


def _documented() -> list[Table]:
    shared = SNAPSHOT_COUNTS, CALENDAR, ENUM_VALUES, DICTIONARY, REPORT_SETTINGS
    ours = JOB_DIGESTS.current, SIGNATURES, SERVED, MAINTENANCE
    return [SOURCES, SNAPSHOTS, *(entity.current for entity in ENTITIES), *shared, *CHECK_TABLES, *ours]


def _table(table: Table) -> dict[str, Json]:
    entity = next((entity for entity in ENTITIES if entity.current is table), None)
    return {
        "name": table.name,
        "comment": table.comment,
        "key": [column.name for column in table.primary_key.columns],
        "history": entity.history.name if entity else None,
        "as_of": f"{entity.name}_as_of" if entity else None,
        "periods": f"{entity.name}_periods" if entity else None,
        "read_from": [place.path for place in entity.places] if entity else [],
        "columns": [_column(column) for column in table.columns],
    }


def _column(column: Column[Any]) -> dict[str, Json]:
    described: dict[str, Json] = {
        "name": column.name,
        "type": _type(column, _POSTGRESQL),
        "sqlite_type": _type(column, _SQLITE),
        "nullable": column.nullable,
        "comment": column.comment,
    }
    return described | _origin(api_of(column))


def _origin(origin: Api | None) -> dict[str, Json]:
    """Return where a column's value comes from; nothing if that is no member of the answer."""
    if origin is None or origin.path is None:
        return {}
    return {
        "path": origin.path,
        "reference_table": origin.table,
        "wire": origin.kind.wire,
        "unit": origin.unit or None,
        "secret": origin.secret,
        "values": list(origin.values),
        "since": origin.since,
    }


def _view(view: View) -> dict[str, Json]:
    return {"name": view.name, "comment": view.comment, "columns": [_view_column(each) for each in view.columns]}


def _view_column(column: ViewColumn) -> dict[str, Json]:
    kind, on_sqlite = _TYPES[column.kind]
    unit = column.unit or None
    return {"name": column.name, "type": kind, "sqlite_type": on_sqlite, "comment": column.comment, "unit": unit}


_TYPES = {  # of a view's column, on PostgreSQL and on SQLite
    "text": ("text", "text"),
    "integer": ("bigint", "bigint"),
    "boolean": ("boolean", "boolean"),
    "time": ("timestamp with time zone", "datetime"),
    "date": ("date", "date"),
    "number": ("double precision", "double"),
    "json": ("jsonb", "text"),
    "bytes": ("bytea", "blob"),
}


def _type(column: Column[Any], dialect: Any) -> str:
    return str(column.type.compile(dialect=dialect)).split(" COLLATE")[0].lower()


def as_markdown() -> Iterator[str]:
    """Yield the dictionary's lines."""
    yield "# Data dictionary"
    yield ""
    yield f"Revision {REVISION}. Written by `inventory schema --format markdown`; the schema is the source."
    yield ""
    yield "Every table NAME with `valid_from` has a twin `NAME_history` (superseded rows, with `valid_to`), and the"
    yield "views `NAME_as_of` (a row for each row and `snapshot_id` that saw it, with the source's name) and"
    yield "`NAME_periods` (each row that ever was, with its period). The other views stand at the end."
    yield ""
    yield "Tables named `internal_…` are for inventory itself. On PostgreSQL they are in a schema of their own, named"
    yield f"after that of the other tables with `{SUFFIX}` added: `public{SUFFIX}`."
    for table in as_json()["tables"]:
        yield ""
        yield f"## {table['name']}"
        yield ""
        yield str(table["comment"])
        yield f"Key: {', '.join(f'`{name}`' for name in table['key'])}."
        if table["read_from"]:
            yield f"Read from {', '.join(f'`{path}`' for path in table['read_from'])}."
        yield ""
        yield "| column | type | from | meaning |"
        yield "|---|---|---|---|"
        for column in table["columns"]:
            yield _line(column)
    derived = {f"{entity.name}_{kind}" for entity in ENTITIES for kind in ("as_of", "periods")}
    for view in as_json()["views"]:
        if view["name"] in derived:  # their columns are the table's
            continue
        yield ""
        yield f"## {view['name']} (view)"
        yield ""
        yield str(view["comment"])
        yield ""
        yield "| column | type | from | meaning |"
        yield "|---|---|---|---|"
        for column in view["columns"]:
            yield _line(column)


def _line(column: dict[str, Json]) -> str:
    meaning = str(column["comment"])
    if column.get("unit"):
        meaning += f" Unit: {column['unit']}."
    if column.get("values"):
        how = "Sent as" if column["type"] == "boolean" else "Documented:"
        meaning += f" {how} {', '.join(f'`{value}`' for value in column['values'])}."
    if column.get("secret"):
        meaning += " **Secret**: masked."
    path = f"`{column['path']}`" if column.get("path") else ""
    return f"| `{column['name']}` | {column['type']} | {path} | {meaning} |".replace("\n", " ")


def as_sql(dialect_name: str) -> Iterator[str]:
    """Yield the statements that create an empty database of this revision, in one transaction.

    Args:
        dialect_name: sqlite or postgresql.
    """
    yield "BEGIN;"
    yield from statements(dialect_name)
    yield "COMMIT;"


def statements(dialect_name: str) -> Iterator[str]:
    """Yield the statements of `as_sql` without its transaction."""
    dialect: Any = _POSTGRESQL if dialect_name == "postgresql" else _SQLITE
    for table in declared(dialect_name).sorted_tables:
        yield _statement(CreateTable(table), dialect)
        for index in sorted(table.indexes, key=lambda index: str(index.name)):
            yield _statement(CreateIndex(index), dialect)
    if dialect_name == "postgresql":
        yield from comments()
    if dialect_name == "postgresql":
        yield f"{move_tables()};"
    yield f"INSERT INTO {MAINTENANCE.name} (id, pruning) VALUES (1, false);"  # noqa: S608  # no user input
    for statement in (views(dialect_name) | triggers(dialect_name)).values():
        yield statement + ";"
    if dialect_name == "postgresql":
        yield from view_comments()
    yield from filling()
    yield _statement(CreateTable(VERSION), dialect)
    yield f"INSERT INTO {VERSION.name} (version_num) VALUES ('{REVISION}');"  # noqa: S608  # no user input


def comments() -> Iterator[str]:
    """Yield the statements that comment all tables and columns, for PostgreSQL."""
    for table in declared("postgresql").sorted_tables:
        yield _statement(SetTableComment(table), _POSTGRESQL)
        for column in table.columns:
            yield _statement(SetColumnComment(column), _POSTGRESQL)


def _statement(element: Any, dialect: Any) -> str:
    return str(element.compile(dialect=dialect)).strip() + ";"
