"""The language of the declared schema: a field that says what it is and where it comes from.

A `Field` is a column with its `Api` on the same line; `entities` puts fields, key and bookkeeping together into
tables. Normalising, redaction, diff, digests, the dictionary and the views read these declarations and nothing
else. No database is needed to read them.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from inventory.schema.kinds import INTEGER, TEXT, Kind

__all__ = [
    "FIRST_REVISION",
    "KEY_BYTES",
    "Api",
    "Field",
    "Place",
    "field",
    "item",
    "item_occurrence",
    "own",
    "parent_item",
]

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
    secret: masked before a row exists. free_text: may quote secrets, which are masked inside; what is neither is of a
        known form (an id, a number, an enumeration, an address, an object's name) and is not searched.
    since: the revision that brought the column.
    """

    path: str | None
    table: int | None
    kind: Kind
    unit: str = ""
    secret: bool = False
    free_text: bool = False
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


@dataclass(frozen=True, slots=True)
class Field:
    """A column of an entity.

    follows: from other columns, so that it tells no row from another. identity: of `item`, the members that it names
    a list's item by.
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
) -> Field:
    """Declare one field of the API: its column, and on the same line all that derives from it."""
    limit = KEY_BYTES if key else INDEXED_BYTES if index else None
    origin = Api(
        name if path is None else path, table, kind, unit, secret, free_text, tuple(values), since,
        limit if kind is TEXT else None,
    )  # fmt: skip
    comment = f"{doc} [Table {table}]" if table else doc
    return Field(name, comment, origin, key=key, nullable=not key, index=index)


def own(name: str, kind: Kind, doc: str, *, key: bool = False, nullable: bool = True, follows: bool = False) -> Field:
    """Declare a column that is ours: from no member of the answer."""
    origin = Api(None, None, kind, limit=KEY_BYTES if key and kind is TEXT else None)
    return Field(name, doc, origin, key=key, nullable=nullable and not key, follows=follows)


def item(*identity: str, note: str = "") -> Field:
    """Declare the key of a list's row that has no id: what tells it from the others of its list.

    Args:
        identity: the members that do, as paths; ``[]`` for each item of a list inside. They are few and change
            rarely, so that a change of the others reads as one. Nothing else than `normalise.identity` spells them.
        note: more to say of it.
    """
    members = ", ".join(f"`{path}`" for path in identity)
    comment = (
        f"What tells it from others: {members}, as text, a space between; where it has none of these, or a masked one,"
        f" 16 hex digits of SHA-256 over its canonical JSON{note}"
    )
    return Field("item", comment, Api(None, None, TEXT, limit=KEY_BYTES), key=True, nullable=False, identity=identity)


def parent_item(parent: str) -> Field:
    """Declare the key that a row of a list inside a list has from its parent."""
    return own("item", TEXT, f"The item of its row in {parent}", key=True)


def item_occurrence(parent: str) -> Field:
    """Which of several equal parents a child belongs to, so that the foreign key and joins are exact."""
    return own("item_occurrence", INTEGER, f"The occurrence of its row in {parent}", nullable=False)
