"""The declared schema as SQLAlchemy tables. `entities` calls this, when a database is used."""

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from functools import cache
from typing import Any

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    DateTime,
    Dialect,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    PrimaryKeyConstraint,
    Table,
    Text,
    text,
)
from sqlalchemy.types import TypeDecorator, TypeEngine

from inventory.schema.fields import FIRST_REVISION, Field
from inventory.schema.kinds import rfc3339

__all__ = [
    "METADATA", "UtcDateTime", "count_column", "current_table", "history_table", "index_validity", "row_id",
    "source_id", "text_column", "text_type", "time_column",
]  # fmt: skip

METADATA = MetaData()


class UtcDateTime(TypeDecorator[datetime]):
    """An instant in UTC: ``timestamptz`` on PostgreSQL, text ``YYYY-MM-DDTHH:MM:SS.ffffffZ`` on SQLite.

    So on SQLite text compares as time, also with what JSON, Python and Grafana write.
    """

    impl = DateTime(timezone=True)
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        if dialect.name == "sqlite":
            return dialect.type_descriptor(_stored_text())
        return super().load_dialect_impl(dialect)

    def process_bind_param(self, value: datetime | str | None, dialect: Dialect) -> datetime | str | None:
        if dialect.name == "sqlite":
            return rfc3339(value) if isinstance(value, datetime) else value
        if isinstance(value, str):  # from `kinds.rfc3339`
            return datetime.fromisoformat(value)
        return None if value is None else value.astimezone(UTC)

    def process_result_value(self, value: datetime | str | None, dialect: Dialect) -> datetime | None:  # noqa: ARG002
        if value is None:
            return None
        return datetime.fromisoformat(value) if isinstance(value, str) else value.astimezone(UTC)


@cache
def _stored_text() -> TypeEngine[Any]:
    """Return SQLite's DATETIME without its conversions: `UtcDateTime` reads the text itself, four times as fast."""
    from sqlalchemy.dialects.sqlite import DATETIME

    class StoredText(DATETIME):
        def bind_processor(self, dialect: Dialect) -> None:  # noqa: ARG002
            return None

        def result_processor(self, dialect: Dialect, coltype: object) -> None:  # noqa: ARG002
            return None

    text: TypeEngine[Any] = StoredText()  # type: ignore[no-untyped-call]
    return text


def text_type() -> TypeEngine[Any]:
    """Text that sorts by code point on both databases (SQLite's BINARY, PostgreSQL's "C")."""
    return Text().with_variant(Text(collation="C"), "postgresql")


_SQL = {"text": text_type, "integer": BigInteger, "boolean": Boolean, "time": UtcDateTime, "bytes": LargeBinary}


def current_table(
    name: str, comment: str, fields: Iterable[Field], foreign_key: tuple[Sequence[str], str, Sequence[str]] | None,
    what: str,
) -> Table:  # fmt: skip
    """Make the table with the current state.

    Args:
        fields: the key and the data, in order; source_id and valid_from are added.
        foreign_key: own columns, the parent's name, the parent's columns; without source_id.
        what: for the comment: "row", or "job".
    """
    begin = _snapshot("valid_from", f"The snapshot that first saw the {what} so")
    columns = _as_migrated([source_id(), *(_column(field) for field in fields), begin])
    table = Table(name, METADATA, *columns, comment=comment)
    if foreign_key is not None:
        ours, parent, theirs = foreign_key
        table.append_constraint(
            ForeignKeyConstraint(
                ["source_id", *ours], [f"{parent}.{c}" for c in ("source_id", *theirs)],
                name=f"fk_{name}_{parent}", deferrable=True, initially="DEFERRED",
            )
        )  # fmt: skip
    for field in fields:
        if field.index:
            Index(f"ix_{name}_{field.name}", table.c[field.name])
    return table


def history_table(current: Table) -> Table:
    """Make the history table for superseded rows: the same columns and ``valid_to``, without a foreign key."""
    columns = [
        Column(c.name, c.type, nullable=c.nullable, autoincrement=False, comment=c.comment, info=dict(c.info))
        for c in current.columns
    ]
    columns = _as_migrated([*columns, _snapshot("valid_to", "The first snapshot that no longer saw the row so")])
    key = [c.name for c in current.columns if c.primary_key]
    return Table(
        f"{current.name}_history", METADATA, *columns, PrimaryKeyConstraint(*key, "valid_from"),
        comment=f"Superseded rows of {current.name}: {current.comment}",
    )  # fmt: skip


def index_validity(current: Table, history: Table) -> None:
    """Add indexes with which a comparison of two snapshots finds the rows that began or ended between them.

    Rows of the database's first snapshot are not indexed, so a first export does not pay for the index.
    """
    later = text("valid_from > 1")
    begin = current.c.valid_from
    Index(f"ix_{current.name}_valid_from", begin, sqlite_where=later)  # for PostgreSQL see `ledger.declared`
    for name in ("valid_from", "valid_to"):
        Index(f"ix_{history.name}_{name}", history.c[name])


def _as_migrated(columns: list[Column[Any]]) -> list[Column[Any]]:
    """Move columns of later revisions to the end, where ADD COLUMN puts them."""
    origins = {column.name: column.info["field"].api for column in columns if column.info}
    since = {name: origin.since for name, origin in origins.items() if origin.path is not None}
    first = min(since.values(), default=FIRST_REVISION)
    return sorted(columns, key=lambda column: since.get(column.name, first))


def _column(field: Field) -> Column[Any]:
    return Column(
        field.name, _SQL[field.api.kind.sql](), primary_key=field.key, nullable=field.nullable, comment=field.comment,
        info={"field": field},
    )  # fmt: skip


def text_column(name: str, doc: str, *, nullable: bool = False, key: bool = False) -> Column[Any]:
    """Make a column of text in a table that is not an entity's."""
    return Column(name, text_type(), primary_key=key, nullable=nullable, comment=doc)


def time_column(name: str, doc: str, *, nullable: bool = False) -> Column[Any]:
    """Make a column with an instant."""
    return Column(name, UtcDateTime(), nullable=nullable, comment=doc)


def count_column(name: str, doc: str, *, nullable: bool = False) -> Column[Any]:
    """Make a column with a number."""
    return Column(name, BigInteger, nullable=nullable, comment=doc)


def row_id(doc: str) -> Column[Any]:
    """Declare an id that the database increments and never reuses (in SQLite only an INTEGER key can)."""
    return Column("id", BigInteger().with_variant(Integer(), "sqlite"), primary_key=True, comment=doc)


def source_id() -> Column[Any]:
    """Make the column with the row's source: the first of every key."""
    return Column(
        "source_id", BigInteger, ForeignKey("sources.id"), primary_key=True, nullable=False,
        autoincrement=False, comment="The source: sources.id",
    )  # fmt: skip


def _snapshot(name: str, doc: str) -> Column[Any]:
    return Column(name, BigInteger, nullable=False, autoincrement=False, comment=f"{doc}: snapshots.id")
