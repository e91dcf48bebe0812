"""What `store.derived` writes of the schema: the rows of `enum_values` and `dictionary`, and views' comments."""

from collections.abc import Iterator
from functools import cache
from typing import Any

from sqlalchemy import Boolean, Column, Date, Double, LargeBinary, Text
from sqlalchemy.types import TypeEngine

from inventory.schema import ENTITIES
from inventory.schema.fields import FIRST_REVISION, Api
from inventory.schema.ledger import DICTIONARY, ENUM_VALUES, METADATA, REPORT_SETTINGS
from inventory.schema.tables import UtcDateTime
from inventory.schema.views import declared_views
from inventory.schema.views.tasks import OWNER_TAG

__all__ = ["DEFAULT_SETTINGS", "api_of", "filling", "stored_rows", "view_comments"]

_KINDS = {Boolean: "boolean", UtcDateTime: "time", Date: "date", LargeBinary: "bytes", Double: "number", Text: "text"}
DEFAULT_SETTINGS = (
    f"INSERT INTO {REPORT_SETTINGS.name} (name, value) SELECT '{OWNER_TAG}', 'owner'"  # noqa: S608  # no user input
    f" WHERE NOT EXISTS (SELECT 1 FROM {REPORT_SETTINGS.name} WHERE name = '{OWNER_TAG}')"
)


@cache
def stored_rows() -> dict[str, tuple[tuple[Any, ...], ...]]:
    """Return the rows of the tables that are filled from the declared schema: `enum_values` and `dictionary`."""
    return {ENUM_VALUES.name: tuple(_enum_rows()), DICTIONARY.name: tuple(_dictionary_rows())}


def _enum_rows() -> Iterator[tuple[Any, ...]]:
    for entity in ENTITIES:
        for field in entity.fields:
            for value in field.api.values:
                meaning = value.meaning or None
                yield entity.name, field.name, str(value), meaning, value.phase, value.is_failed, field.api.since


def _dictionary_rows() -> Iterator[tuple[Any, ...]]:
    for table in sorted(METADATA.tables.values(), key=lambda table: table.name):
        yield table.name, "", "table", None, table.comment, None, None, False, FIRST_REVISION
        for column in table.columns:
            kind = _kind(column.type)
            yield _dictionary_row(table.name, column.name, kind, str(column.comment), "", api_of(column))
    for view in declared_views("sqlite"):
        yield view.name, "", "view", None, view.comment, None, None, False, FIRST_REVISION
        for each in view.columns:
            api = each.field.api if each.field else None
            yield _dictionary_row(view.name, each.name, each.kind, each.comment, each.unit, api)


def _dictionary_row(
    relation: str, name: str, column_type: str, comment: str, unit: str, api: Api | None
) -> tuple[Any, ...]:  # fmt: skip
    place = api if api is not None and api.path is not None else None
    shown = unit or (place.unit if place else "")
    return (
        relation, name, column_type, shown or None, comment, place and place.path, place and place.table,
        place is not None and place.secret, place.since if place else FIRST_REVISION,
    )  # fmt: skip


def _kind(of: TypeEngine[Any]) -> str:
    return next((kind for each, kind in _KINDS.items() if isinstance(of, each)), "integer")


def api_of(column: Column[Any]) -> Api | None:
    """Return where a column's value comes from, as declared; None if it is not an entity's."""
    return column.info["field"].api if "field" in column.info else None


def view_comments() -> Iterator[str]:
    """Yield the statements that comment all views and their columns, for PostgreSQL."""
    for view in declared_views("postgresql"):
        yield f"COMMENT ON VIEW {view.name} IS {_literal(view.comment)};"
        for column in view.columns:
            yield f"COMMENT ON COLUMN {view.name}.{column.name} IS {_literal(column.comment)};"


def filling() -> Iterator[str]:
    """Yield the statements that fill the tables of `stored_rows`, and the settings that nobody has set yet."""
    for name, rows in stored_rows().items():
        yield f"DELETE FROM {name};"  # noqa: S608  # no user input
        values = ",\n".join(f"({', '.join(map(_literal, row))})" for row in rows)
        yield f"INSERT INTO {name} VALUES\n{values};"  # no user input
    yield DEFAULT_SETTINGS + ";"


def _literal(value: Any) -> str:
    if value is None:
        return "NULL"
    return str(value).lower() if isinstance(value, (bool, int)) else "'" + str(value).replace("'", "''") + "'"
