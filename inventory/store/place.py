"""Where the rows of a source's next snapshot are until its commit."""

from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from sqlalchemy import ColumnElement, Connection, Select, Table, and_, delete, select, true

from inventory.normalise import Row
from inventory.schema import ENTITIES, JOB_DIGESTS
from inventory.schema.entities import Entity
from inventory.store.bulk import within

__all__ = ["NAMED", "TABLES", "Changes", "Place"]

TABLES = (*ENTITIES, JOB_DIGESTS)
NAMED = {entity.name: entity for entity in TABLES}

Changes = dict[str, set[str]]  # added, changed, removed: ids of jobs; findings and listings are no changes


class Place(ABC):
    """Rows of one source, on one connection; `source_id` is 0 for a source that has none yet."""

    def __init__(self, connection: Connection, source_id: int) -> None:
        self._connection = connection
        self._source_id = source_id

    @abstractmethod
    def write(self, entity: Entity, rows: Sequence[Row]) -> None:
        """Take rows, in the order of the entity's columns."""

    @abstractmethod
    def compare(self, carried: set[str]) -> Changes:
        """Find what differs from the current state, in which these jobs stay as they are."""

    @abstractmethod
    def superseded(self, entity: Entity) -> list[Row]:
        """Return the current rows that `merge` would supersede, after `compare`."""

    @abstractmethod
    def merge(self, snapshot_id: int, source_id: int) -> None:
        """Make it the current state, within the caller's transaction."""

    @abstractmethod
    def _table(self, entity: Entity) -> Table | None:
        """Return the table that holds an entity's rows; None where there are none."""

    def rows(self, entity: Entity, job_id: str | None = None) -> Iterator[Row]:
        """Yield an entity's rows, of all jobs or of one; after `compare` those alone that `merge` puts in place."""
        with within(self._connection):
            if (table := self._table(entity)) is not None:
                query = select(*(table.c[name] for name in entity.names)).where(self._mine(entity, table, job_id))
                yield from map(tuple, self._connection.execute(query))

    def discard(self, job_id: str, entities: Iterable[Entity] = TABLES) -> None:
        """Forget the rows of one job."""
        with within(self._connection):
            for entity in entities:
                if (table := self._table(entity)) is not None:
                    self._connection.execute(delete(table).where(self._mine(entity, table, job_id)))

    def _mine(self, entity: Entity, table: Table, job_id: str | None = None) -> ColumnElement[bool]:
        of_source = table.c.source_id == self._source_id if "source_id" in table.c else true()
        return of_source if job_id is None else and_(of_source, table.c[entity.job_column] == job_id)

    def _all(self, query: Select[Any]) -> list[Row]:
        return [tuple(row) for row in self._connection.execute(query)]

    def _ids(self, query: Any) -> set[str]:
        return set(self._connection.execute(query).scalars())
