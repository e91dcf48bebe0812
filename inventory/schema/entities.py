"""Entities: an entity is an exported table with its history, its fields and its key."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

from inventory.schema.fields import Field, Place, own
from inventory.schema.kinds import INTEGER, TEXT

if TYPE_CHECKING:
    from sqlalchemy import Column, Table

__all__ = ["Entity", "entity", "proof"]

_BOOKKEEPING = {"source_id", "valid_from", "valid_to"}  # added by `tables`


@dataclass(frozen=True)
class Entity:
    """One exported table and its history.

    fields: the key and the data, in order, with `extra`; the tables add source_id and valid_from.
    key: without source_id; ends in occurrence below jobs. foreign_key: own columns, and the parent's.
    """

    name: str
    comment: str
    fields: tuple[Field, ...]
    places: tuple[Place, ...] = ()
    parent: str | None = None
    foreign_key: tuple[Sequence[str], Sequence[str]] = ((), ())
    proves: bool = False  # has digests of jobs, no exported data

    @cached_property
    def key(self) -> tuple[str, ...]:
        return tuple(field.name for field in self.fields if field.key)

    @cached_property
    def key_places(self) -> tuple[int, ...]:
        """The positions of the key columns in a row."""
        return tuple(at for at, field in enumerate(self.fields) if field.key)

    def key_of(self, row: Sequence[Any]) -> tuple[Any, ...]:
        """Return the key of a row that is in the order of `fields`."""
        return tuple(row[at] for at in self.key_places)

    @property
    def is_estate(self) -> bool:
        """Whether its rows come from batch-detail, so that changes count; listings and findings do not."""
        return bool(self.places) or self.name == "jobs"

    @cached_property
    def names(self) -> tuple[str, ...]:
        """The names of `fields`."""
        return tuple(field.name for field in self.fields)

    @cached_property
    def own(self) -> frozenset[str]:
        """The names of the columns that do not come from the API. In another table such a name may be a member's."""
        return frozenset(field.name for field in self.fields if field.api.path is None)

    @property
    def has_item(self) -> bool:
        """Whether the key has an `item` that is not the parent's: rows of a list whose items have no id."""
        return "item" in self.own and not self.inherits_item

    @cached_property
    def identity(self) -> tuple[str, ...]:
        """The members of a list item that its `item` is made of."""
        return next((field.identity for field in self.fields if field.name == "item"), ())

    @cached_property
    def inherits_item(self) -> bool:
        """Whether the key's `item` is the parent's: rows of a list inside a list."""
        return "item_occurrence" in self.own

    @property
    def job_column(self) -> str:
        """The column that holds the job's id."""
        return "id" if self.name == "jobs" else "job_id"

    @cached_property
    def compared(self) -> tuple[Field, ...]:
        """The columns that are compared to find a change: the data, except columns computed from other columns."""
        return tuple(field for field in self.fields if not field.key and not field.follows)

    @cached_property
    def columns(self) -> "tuple[Column[Any], ...]":
        """The columns of `current` for `fields`."""
        return tuple(self.current.c[name] for name in self.names)

    @cached_property
    def current(self) -> "Table":
        """The table with the current state. It has a foreign key to its parent; history has none."""
        return self._tables[0]

    @cached_property
    def history(self) -> "Table":
        """The table with superseded rows."""
        return self._tables[1]

    @cached_property
    def _tables(self) -> "tuple[Table, Table]":
        from inventory.schema.tables import current_table, history_table, index_validity

        ours, theirs = self.foreign_key
        link = (ours, self.parent, theirs) if self.parent else None
        what = "job" if self.proves else "row"
        current = current_table(self.name, self.comment, self.fields, link, what)
        history = history_table(current)
        if self.is_estate:
            index_validity(current, history)
        return current, history


def entity(
    name: str,
    comment: str,
    *fields: Field,
    places: Sequence[Place] = (),
    parent: str = "jobs",
    foreign_key: tuple[Sequence[str], Sequence[str]] | None = None,
) -> Entity:
    """Declare a table, its history and its key.

    The key is ``source_id``, the job, the fields marked `key` in their order, and ``occurrence``.
    """
    extra = own("extra", TEXT, "What the columns do not give back: JSON of path -> value as it came; NULL where none")
    if name != "jobs":
        job = own("job_id", TEXT, "The job it belongs to", key=True)
        keys = [each for each in fields if each.key]
        count = own("occurrence", INTEGER, "0, 1, … among rows that are equal in the rest of the key", key=True)
        fields = (job, *keys, count, *(each for each in fields if not each.key))
    names = [each.name for each in (*fields, extra)]
    if taken := {each for each in names if names.count(each) > 1} | (_BOOKKEEPING & set(names)):
        raise TypeError(f"{name}: {', '.join(sorted(taken))} is a column already: give the new one a name and a path")
    if foreign_key is None:
        return Entity(name, comment, (*fields, extra), tuple(places))
    return Entity(name, comment, (*fields, extra), tuple(places), parent, foreign_key)


def proof(name: str, comment: str, *fields: Field) -> Entity:
    """Declare a table, and its history, with a digest of each job."""
    job = own("job_id", TEXT, "The job; '' for what is the source's own", key=True)
    return Entity(name, comment, (job, *fields), proves=True)
