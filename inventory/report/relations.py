"""The tables and views that a query may name, with the type of each column."""

from collections.abc import Mapping
from functools import cache

from sqlalchemy import BigInteger, Boolean, Date, DateTime, Double, Integer, LargeBinary

from inventory.schema.ledger import METADATA
from inventory.schema.tables import UtcDateTime
from inventory.schema.views import declared_views

__all__ = ["BASE_TABLES", "TYPES", "relations"]

# Our words for types, as in the dictionary, and those of SQL that they mean to the parser.
TYPES = {
    "text": "text", "integer": "bigint", "number": "double", "boolean": "boolean", "time": "timestamptz",
    "date": "date", "json": "json", "bytes": "blob",
}  # fmt: skip
_KINDS = (
    (Boolean, "boolean"),
    ((BigInteger, Integer), "integer"),
    ((UtcDateTime, DateTime), "time"),
    (Date, "date"),
    (Double, "number"),
    (LargeBinary, "bytes"),
)
BASE_TABLES = tuple(METADATA.tables)


@cache
def relations(dialect: str) -> Mapping[str, Mapping[str, str]]:
    """Return relation -> column -> type: text, integer, number, boolean, time, date, json or bytes."""
    found: dict[str, dict[str, str]] = {
        table.name: {
            column.name: next((word for kinds, word in _KINDS if isinstance(column.type, kinds)), "text")
            for column in table.columns
        }
        for table in METADATA.tables.values()
    }
    for view in declared_views(dialect):
        found[view.name] = {column.name: column.kind for column in view.columns}
    return found
