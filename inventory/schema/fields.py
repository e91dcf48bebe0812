"""The parts of the declared schema: columns, and where their values come from.

A `Field` is a column, with its origin in the API (`Api`); `entities` combines fields and key into tables.
Normalising, redaction, diff, digests, the dictionary and the views derive from these declarations alone. Reading
them needs no database.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum

from inventory.schema.kinds import INTEGER, TEXT, Kind

__all__ = [
    "FIRST_REVISION",
    "KEY_BYTES",
    "Api",
    "Empty",
    "Field",
    "Place",
    "Value",
    "field",
    "item",
    "item_occurrence",
    "own",
    "parent_item",
]

FIRST_REVISION = "0001"
INDEXED_BYTES = 1000  # a PostgreSQL index entry has at most about 2,700 bytes for all its columns
KEY_BYTES = 500


class Value(str):
    """A documented value of an enumeration.

    meaning: '' where the reference does not say. phase, is_failed: of a status, else None.
    """

    __slots__ = ("is_failed", "meaning", "phase")

    meaning: str
    phase: str | None
    is_failed: bool | None

    def __new__(
        cls, value: str, meaning: str = "", phase: str | None = None, *, is_failed: bool | None = None
    ) -> "Value":
        found = super().__new__(cls, value)
        found.meaning, found.phase, found.is_failed = meaning, phase, is_failed
        return found


class Empty(Enum):
    """What a column holds for an empty text; `rebuild` gives back what came.

    UNSET: NULL, as for null and for a member that is absent. VALUE: '', because it has a meaning; NULL for those.
    DEFAULT: '', for those too; `extra` has null for them.
    """

    UNSET = 0
    VALUE = 1
    DEFAULT = 2


@dataclass(frozen=True, slots=True)
class Api:
    """Where a column's value comes from.

    path: member names below the row's JSON object, joined by dots; ``[]`` for a list element that is not an object;
        None if the value does not come from the API.
    table: the reference's table number; None if the reference does not have the field.
    kind: the wire form. unit: of the number, if documented. values: the documented ones; others are allowed.
    secret: masked before a row is made. free_text: may contain secrets, which are masked inside; other columns have a
        known form (an id, a number, an enumeration, an address, an object's name) and are not searched.
    since: the revision that added the column.
    """

    path: str | None
    table: int | None
    kind: Kind
    unit: str = ""
    secret: bool = False
    free_text: bool = False
    values: tuple[Value, ...] = ()
    since: str = FIRST_REVISION
    limit: int | None = None  # bytes of UTF-8, if the column is indexed
    empty: Empty = Empty.UNSET


@dataclass(frozen=True, slots=True)
class Place:
    """Where a table's rows are in the parent's JSON object: a list (`many`) or a single object."""

    path: str
    many: bool = True
    role: str | None = None
    pairs: bool = False  # a list whose items may also be free maps {key: value} (tags in the reference's example)


@dataclass(frozen=True, slots=True)
class Field:
    """A column of an entity.

    follows: computed from other columns, so it is not compared. identity: for `item`, the members that identify a list
    item.
    """

    name: str
    comment: str
    api: Api
    key: bool = False
    nullable: bool = True
    index: bool = False
    follows: bool = False
    identity: tuple[str, ...] = ()


def field(
    name: str,
    kind: Kind,
    doc: str,
    *,
    table: int | None,
    path: str | None = None,
    unit: str = "",
    secret: bool = False,
    free_text: bool = False,
    values: Sequence[str] = (),
    key: bool = False,
    index: bool = False,
    since: str = FIRST_REVISION,
    empty: Empty = Empty.UNSET,
) -> Field:
    """Declare a column that comes from a field of the API."""
    limit = KEY_BYTES if key else INDEXED_BYTES if index else None
    origin = Api(
        name if path is None else path, table, kind, unit, secret, free_text, tuple(map(_value, values)), since,
        limit if kind is TEXT else None, empty,
    )  # fmt: skip
    comment = f"{doc} [Table {table}]" if table else doc
    return Field(name, comment, origin, key=key, nullable=not key, index=index)


def _value(value: str) -> Value:
    return value if isinstance(value, Value) else Value(value)


def own(name: str, kind: Kind, doc: str, *, key: bool = False, nullable: bool = True, follows: bool = False) -> Field:
    """Declare a column that does not come from a member of the answer."""
    origin = Api(None, None, kind, limit=KEY_BYTES if key and kind is TEXT else None)
    return Field(name, doc, origin, key=key, nullable=nullable and not key, follows=follows)


def item(*identity: str, note: str = "") -> Field:
    """Declare the key column `item` of a list item without an id.

    Args:
        identity: paths of the members that identify the item; ``[]`` for each item of an inner list. They rarely
            change, so that a change of another member shows as an update. `normalise.identity` makes the key of them.
        note: added to the comment.
    """
    members = ", ".join(f"`{path}`" for path in identity)
    comment = (
        f"What tells it from others: {members}, as text, a space between; where it has none of these, or a masked one,"
        f" 16 hex digits of SHA-256 over its canonical JSON{note}"
    )
    return Field("item", comment, Api(None, None, TEXT, limit=KEY_BYTES), key=True, nullable=False, identity=identity)


def parent_item(parent: str) -> Field:
    """Declare the key column that a row of a list inside a list takes from its parent."""
    return own("item", TEXT, f"The item of its row in {parent}", key=True)


def item_occurrence(parent: str) -> Field:
    """Declare the column that says which of several equal parents a child belongs to; for the foreign key."""
    return own("item_occurrence", INTEGER, f"The occurrence of its row in {parent}", nullable=False)
