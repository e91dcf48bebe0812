"""Fields put together: an entity is one exported table, its history, and how its rows are found and told apart."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

from inventory.schema.fields import Field, Place, own
from inventory.schema.kinds import INTEGER, TEXT

if TYPE_CHECKING:
    from sqlalchemy import Column, Table

__all__ = ["Entity", "entity", "proof"]

_BOOKKEEPING = {"source_id", "valid_from", "valid_to"}  # what the tables add


@dataclass(frozen=True)
class Entity:
    """One exported thing.

    fields: the key and the data, in order, with `extra`; the tables add source_id and valid_from.
    key: without source_id; ends in occurrence below jobs. foreign_key: own columns, and the parent's.
    """

    name: str
    comment: str
    fields: tuple[Field, ...]
    places: tuple[Place, ...] = ()
    parent: str | None = None
    foreign_key: tuple[Sequence[str], Sequence[str]] = ((), ())
    proves: bool = False  # says something about each job and is no part of what was exported

    @cached_property
    def key(self) -> tuple[str, ...]:
        return tuple(field.name for field in self.fields if field.key)

    @cached_property
    def key_places(self) -> tuple[int, ...]:
        """Where in a row its key stands."""
        return tuple(at for at, field in enumerate(self.fields) if field.key)

    def key_of(self, row: Sequence[Any]) -> tuple[Any, ...]:
        """Return the key of a row that is in the order of `fields`."""
        return tuple(row[at] for at in self.key_places)

    @property
    def is_estate(self) -> bool:
        """Whether its rows are batch-detail's, whose changes count; what the list says and what was odd are apart."""
        return bool(self.places) or self.name == "jobs"

    @cached_property
    def names(self) -> tuple[str, ...]:
        """The names of `fields`."""
        return tuple(field.name for field in self.fields)

    @cached_property
    def own(self) -> frozenset[str]:
        """The names of the columns that are ours: a member of the answer may have the name of one in another table."""
        return frozenset(field.name for field in self.fields if field.api.path is None)

    @property
    def has_item(self) -> bool:
        """Whether the key has an `item` of its own: the rows of a list whose items nothing else names."""
        return "item" in self.own and not self.inherits_item

    @cached_property
    def identity(self) -> tuple[str, ...]:
        """The members of a list's item that its `item` is made of."""
        return next((field.identity for field in self.fields if field.name == "item"), ())

    @cached_property
    def inherits_item(self) -> bool:
        """Whether the key's `item` is the parent's: the rows of a list inside a list."""
        return "item_occurrence" in self.own

    @property
    def job_column(self) -> str:
        """The column that holds the job's id."""
        return "id" if self.name == "jobs" else "job_id"

    @cached_property
    def compared(self) -> tuple[Field, ...]:
        """The columns that tell whether a row changed: the data, but for what follows from other data."""
        return tuple(field for field in self.fields if not field.key and not field.follows)

    @cached_property
    def columns(self) -> "tuple[Column[Any], ...]":
        """The columns of `current` that hold `fields`."""
        return tuple(self.current.c[name] for name in self.names)

    @cached_property
    def current(self) -> "Table":
        """The table of what stands now. It refers to its parent; history refers to nothing, for that may be gone."""
        return self._tables[0]

    @cached_property
    def history(self) -> "Table":
        """The table of what was superseded."""
        return self._tables[1]

    @cached_property
    def _tables(self) -> "tuple[Table, Table]":
        from inventory.schema.tables import current_table, history_table, index_validity

        ours, theirs = self.foreign_key
        link = (ours, self.parent, theirs) if self.parent else None
        what = "job" if self.proves else "row"
        # With a rowid: without one SQLite puts a row of more than a quarter page on an overflow page of its own.
        current = current_table(self.name, self.comment, self.fields, link, what, rowid=self.proves)
        history = history_table(current, rowid=self.proves)
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
    """Declare a table, and its history, that says something about each job and is no part of what was exported."""
    job = own("job_id", TEXT, "The job; '' for what is the source's own", key=True)
    return Entity(name, comment, (job, *fields), proves=True)
