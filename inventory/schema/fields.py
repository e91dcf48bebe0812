"""The language of the declared schema: a column that says where it comes from.

`field` is a SQLAlchemy column with an `Api` in its ``info``; `entity` puts fields, key and bookkeeping
together into the current table and its ``_history`` twin. Normalising, redaction, diff, digests, the
dictionary and the views read these declarations and nothing else.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from sqlalchemy import (
    BigInteger,
    Column,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    MetaData,
    PrimaryKeyConstraint,
    Table,
    text,
)

from inventory.schema.kinds import INTEGER, TEXT, Kind

__all__ = ["METADATA", "Api", "Entity", "Place", "api", "entity", "field", "item", "item_occurrence", "own", "proof"]

METADATA = MetaData()

FIRST_REVISION = "0001"
INDEXED_BYTES = 1000  # a PostgreSQL index entry ends at about 2,700 bytes, all its columns together
KEY_BYTES = 500


@dataclass(frozen=True, slots=True)
class Api:
    """Where a column's value comes from.

    path: members from the row's JSON object down, joined by dots; ``[]`` for a list's bare element;
        None where the column is the table's own.
    table: the reference's table number; None where the reference does not have the field.
    kind: the wire form. unit: of the number, where one is stated. values: the documented ones, open.
    secret: masked before a row exists. error_text: a text that may quote passwords, masked inside.
    since: the revision that brought the column.
    """

    path: str | None
    table: int | None
    kind: Kind
    unit: str = ""
    secret: bool = False
    error_text: bool = False
    values: tuple[str, ...] = ()
    since: str = FIRST_REVISION
    limit: int | None = None  # bytes of UTF-8, where an index holds the column


@dataclass(frozen=True, slots=True)
class Place:
    """Where a table's rows stand in the parent's JSON object: a list (`many`) or a single object."""

    path: str
    many: bool = True
    role: str | None = None
    pairs: bool = False  # a list whose items may also be free maps {key: value} (tags in the reference's example)


@dataclass(frozen=True)
class Entity:
    """One exported thing: its current table, its history, and how its rows are found and told apart."""

    name: str
    current: Table
    history: Table
    key: tuple[str, ...]  # without source_id; ends in occurrence below jobs
    places: tuple[Place, ...]
    parent: str | None

    @cached_property
    def columns(self) -> tuple[Column[Any], ...]:
        """The key and the data, in order, with `extra`; without source_id and valid_from."""
        return tuple(c for c in self.current.columns if c.name not in ("source_id", "valid_from"))

    @property
    def is_estate(self) -> bool:
        """Whether its rows are batch-detail's, whose changes count; what the list says and what was odd are apart."""
        return bool(self.places) or self.name == "jobs"

    @cached_property
    def names(self) -> tuple[str, ...]:
        """The names of `columns`."""
        return tuple(c.name for c in self.columns)

    @cached_property
    def inherits_item(self) -> bool:
        """Whether the key's `item` is the parent's: the rows of a list inside a list."""
        return "item_occurrence" in self.current.columns

    @cached_property
    def compared(self) -> tuple[Column[Any], ...]:
        """The columns that tell whether a row changed: the data, but for what follows from other data."""
        return tuple(c for c in self.columns if c.name not in self.key and not c.info.get("follows"))

    @property
    def job_column(self) -> str:
        """The column that holds the job's id."""
        return "id" if self.name == "jobs" else "job_id"


def field(
    name: str,
    kind: Kind,
    doc: str,
    *,
    table: int | None,
    path: str | None = None,
    unit: str = "",
    secret: bool = False,
    error_text: bool = False,
    values: Sequence[str] = (),
    key: bool = False,
    index: bool = False,
    since: str = FIRST_REVISION,
) -> Column[Any]:
    """Declare one field of the API: its column, and on the same line all that derives from it."""
    limit = KEY_BYTES if key else INDEXED_BYTES if index else None
    origin = Api(
        name if path is None else path, table, kind, unit, secret, error_text, tuple(values), since,
        limit if kind is TEXT else None,
    )  # fmt: skip
    comment = f"{doc} [Table {table}]" if table else doc
    return Column(
        name, kind.sql(), primary_key=key, nullable=not key, comment=comment, info={"api": origin, "index": index}
    )


def own(name: str, kind: Kind, doc: str, *, key: bool = False, index: bool = False) -> Column[Any]:
    """Declare a column that is ours: from no member of the answer."""
    origin = Api(None, None, kind, limit=KEY_BYTES if key and kind is TEXT else None)
    return Column(
        name, kind.sql(), primary_key=key, nullable=not key, comment=doc, info={"api": origin, "index": index}
    )


def api(column: Column[Any]) -> Api:
    """Return where a column of an entity comes from."""
    found: Api = column.info["api"]
    return found


def item() -> Column[Any]:
    """The key of a list's row that has no name of its own; a child repeats its parent's."""
    return own("item", TEXT, "16 hex digits of SHA-256 over the item's canonical JSON, secrets masked", key=True)


def item_occurrence(parent: str) -> Column[Any]:
    """Which of several equal parents a child belongs to, so that the foreign key and joins are exact."""
    column = own("item_occurrence", INTEGER, f"The occurrence of its row in {parent}")
    column.nullable = False
    return column


def entity(
    name: str,
    comment: str,
    *fields: Column[Any],
    places: Sequence[Place] = (),
    parent: str | None = "jobs",
    foreign_key: tuple[Sequence[str], Sequence[str]] | None = None,
) -> Entity:
    """Declare a table, its history and its key.

    The key is ``source_id``, the job, the fields marked `key` in their order, and ``occurrence``. The
    current table refers to its parent (`foreign_key`: own columns, the parent's); history refers to
    nothing, since what it refers to may be gone.
    """
    lead = [_source_id()]
    tail = [
        own("extra", TEXT, "What the columns do not give back: JSON of path -> value as it came; NULL where none"),
        _snapshot("valid_from", "The snapshot that first saw the row so"),
    ]
    if name != "jobs":
        lead.append(own("job_id", TEXT, "The job it belongs to", key=True))
        keys = [c for c in fields if c.primary_key]
        count = own("occurrence", INTEGER, "0, 1, … among rows that are equal in the rest of the key", key=True)
        fields = (*keys, count, *(c for c in fields if not c.primary_key))
    columns = [*lead, *fields, *tail]
    key = tuple(c.name for c in columns if c.primary_key and c.name != "source_id")
    current = Table(name, METADATA, *columns, comment=comment, sqlite_with_rowid=False)
    if foreign_key is not None:
        ours, theirs = foreign_key
        current.append_constraint(
            ForeignKeyConstraint(
                ["source_id", *ours], [f"{parent}.{c}" for c in ("source_id", *theirs)],
                name=f"fk_{name}_{parent}", deferrable=True, initially="DEFERRED",
            )
        )  # fmt: skip
    for column in fields:
        if column.info["index"]:
            Index(f"ix_{name}_{column.name}", current.c[column.name])
    declared = Entity(
        name, current, _history(current, comment), key, tuple(places), parent if foreign_key else None
    )  # fmt: skip
    if declared.is_estate:
        _index_validity(declared.current, declared.history)
    return declared


def _index_validity(current: Table, history: Table) -> None:
    """Let a comparison of two snapshots find the rows that began or ended between them, however large the estate.

    The rows of a database's first snapshot began before any other: left out, a first night pays nothing.
    """
    later = text("valid_from > 1")
    begin = current.c.valid_from
    Index(f"ix_{current.name}_valid_from", begin, sqlite_where=later, postgresql_where=later)
    for name in ("valid_from", "valid_to"):
        Index(f"ix_{history.name}_{name}", history.c[name])


def proof(name: str, comment: str, *columns: Column[Any]) -> Entity:
    """Declare a table, and its history, that says something about each job and is no part of what was exported."""
    job = own("job_id", TEXT, "The job; '' for what is the source's own", key=True)
    since = _snapshot("valid_from", "The snapshot that first saw the job so")
    # With a rowid: without one SQLite puts a row of more than a quarter page on an overflow page of its own.
    current = Table(name, METADATA, _source_id(), job, *columns, since, comment=comment)
    return Entity(name, current, _history(current, comment, rowid=True), ("job_id",), (), None)


def _source_id() -> Column[Any]:
    return Column(
        "source_id", BigInteger, ForeignKey("sources.id"), primary_key=True, nullable=False,
        autoincrement=False, comment="The source: sources.id",
    )  # fmt: skip


def _snapshot(name: str, doc: str) -> Column[Any]:
    return Column(name, BigInteger, nullable=False, autoincrement=False, comment=f"{doc}: snapshots.id")


def _history(current: Table, comment: str, *, rowid: bool = False) -> Table:
    """The twin that keeps superseded rows: the same columns and ``valid_to``, and no foreign key."""
    columns = [
        Column(c.name, c.type, nullable=c.nullable, autoincrement=False, comment=c.comment, info=dict(c.info))
        for c in current.columns
    ]
    columns.append(_snapshot("valid_to", "The first snapshot that no longer saw the row so"))
    key = [c.name for c in current.columns if c.primary_key]
    return Table(
        f"{current.name}_history", METADATA, *columns, PrimaryKeyConstraint(*key, "valid_from"),
        comment=f"Superseded rows of {current.name}: {comment}", sqlite_with_rowid=rowid,
    )  # fmt: skip
