"""The data dictionary, generated from the declared schema as Markdown, JSON or SQL."""

from collections.abc import Iterator
from typing import Any

from sqlalchemy import Column, Table
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.schema import CreateIndex, CreateTable, SetColumnComment, SetTableComment

from inventory.common.exact_json import Json
from inventory.schema import ENTITIES, JOB_DIGESTS, REVISION
from inventory.schema.fields import Api
from inventory.schema.internal import SUFFIX, move_tables
from inventory.schema.ledger import MAINTENANCE, SERVED, SIGNATURES, SNAPSHOTS, SOURCES, VERSION, declared
from inventory.schema.triggers import triggers
from inventory.schema.views import views

__all__ = ["as_json", "as_markdown", "as_sql", "comments", "statements"]

_POSTGRESQL: Any = postgresql.dialect()  # type: ignore[no-untyped-call]
_SQLITE: Any = sqlite.dialect()


def as_json() -> dict[str, Json]:
    """Return the dictionary as one document: every table and column, and where its values come from."""
    return {"format_version": "1.0", "revision": REVISION, "tables": [_table(table) for table in _documented()]}


def _documented() -> list[Table]:
    ours = JOB_DIGESTS.current, SIGNATURES, SERVED, MAINTENANCE
    return [SOURCES, SNAPSHOTS, *(entity.current for entity in ENTITIES), *ours]


def _table(table: Table) -> dict[str, Json]:
    entity = next((entity for entity in ENTITIES if entity.current is table), None)
    return {
        "name": table.name,
        "comment": table.comment,
        "key": [column.name for column in table.primary_key.columns],
        "history": entity.history.name if entity else None,
        "as_of": f"{entity.name}_as_of" if entity else None,
        "read_from": [place.path for place in entity.places] if entity else [],
        "columns": [_column(column) for column in table.columns],
    }


def _column(column: Column[Any]) -> dict[str, Json]:
    origin: Api | None = column.info["field"].api if "field" in column.info else None
    described: dict[str, Json] = {
        "name": column.name,
        "type": _type(column, _POSTGRESQL),
        "sqlite_type": _type(column, _SQLITE),
        "nullable": column.nullable,
        "comment": column.comment,
    }
    if origin is not None and origin.path is not None:
        described |= {
            "path": origin.path,
            "reference_table": origin.table,
            "wire": origin.kind.wire,
            "unit": origin.unit or None,
            "secret": origin.secret,
            "values": list(origin.values),
            "since": origin.since,
        }
    return described


def _type(column: Column[Any], dialect: Any) -> str:
    return str(column.type.compile(dialect=dialect)).split(" COLLATE")[0].lower()


def as_markdown() -> Iterator[str]:
    """Yield the dictionary's lines."""
    yield "# Data dictionary"
    yield ""
    yield f"Revision {REVISION}. Written by `inventory schema --format markdown`; the schema is the source."
    yield ""
    yield "Every table NAME with `valid_from` has a twin `NAME_history` (superseded rows, with `valid_to`) and a view"
    yield "`NAME_as_of` (a row for each row and `snapshot_id` that saw it, with the source's name). `freshness`:"
    yield "for each source that is not retired its last complete snapshot, NULL where it has none, with `finished_at`,"
    yield "`observed_to` and `age_seconds` since `observed_to` (else `finished_at`)."
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
