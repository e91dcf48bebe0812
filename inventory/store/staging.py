"""Staging: what an export tells the store, row by row, until one commit takes it all."""

from collections.abc import Callable, Iterable, Iterator
from functools import cached_property

from sqlalchemy import Connection, select

from inventory.digest import Proof
from inventory.normalise import Row
from inventory.schema import ENTITIES, JOB_DIGESTS
from inventory.schema.entities import Entity
from inventory.store.bulk import within
from inventory.store.place import NAMED, TABLES, Changes, Place
from inventory.store.temporary import Temporary

__all__ = ["STANDING", "Staging"]

STANDING = tuple(entity for entity in ENTITIES if entity.name != "findings")  # what is carried of a job
CELLS = 16_000  # of an entity's rows that wait in memory before they are written together
_PIECES = {entity.name: CELLS // len(entity.names) for entity in TABLES}
_PIECES[JOB_DIGESTS.name] = 1000  # a kilobyte each


class Staging:
    """The rows of one source's next snapshot, on one connection.

    Every row of the source that is not staged leaves the current state when merged, but for the rows of
    jobs that are `carry`'d: they stand as they are.
    """

    def __init__(
        self, connection: Connection, source_id: int, directly: Callable[[], Place | None] = lambda: None
    ) -> None:
        """Nothing is made before the first rows come; `source_id` is 0 for a source that has no rows yet.

        Args:
            directly: asked then for a place better than temporary tables.
        """
        self._connection = connection
        self._source_id = source_id
        self._directly = directly
        self._waiting: dict[str, list[Row]] = {entity.name: [] for entity in TABLES}
        self._carried: set[str] = set()

    @cached_property
    def _place(self) -> Place:
        return self._directly() or Temporary(self._connection, self._source_id)

    def add(self, name: str, rows: Iterable[Row]) -> None:
        """Stage rows of one entity, in the order of its columns; those of each job once."""
        waiting = self._waiting[name]
        waiting.extend(rows)
        if len(waiting) >= _PIECES[name]:
            self._write(NAMED[name])

    def carry(self, job_ids: Iterable[str]) -> None:
        """Leave these jobs as they are."""
        self._carried.update(job_ids)

    def discard(self, job_id: str) -> None:
        """Forget what was staged of one job."""
        self._flush()
        self._place.discard(job_id)
        self._carried.discard(job_id)

    def prove(self, job_id: str, proof: Proof) -> None:
        """Stage the digests of one job, in place of those that were staged before."""
        self._write(JOB_DIGESTS)
        self._place.discard(job_id, [JOB_DIGESTS])
        self.add(JOB_DIGESTS.name, [(job_id, proof.digest, proof.packed)])

    def rows_of(self, job_id: str) -> Iterator[tuple[Entity, Row]]:
        """Yield the rows of one job as it will stand: staged, or carried over from the current state."""
        yield from self.staged_of(job_id)
        if job_id in self._carried:
            yield from self.standing_of(job_id, STANDING)

    def staged_of(self, job_id: str) -> Iterator[tuple[Entity, Row]]:
        """Yield what was staged of one job."""
        self._flush()
        return ((entity, row) for entity in ENTITIES for row in self._place.rows(entity, job_id))  # too many to hold

    def standing_of(self, job_id: str, entities: Iterable[Entity]) -> Iterator[tuple[Entity, Row]]:
        """Yield the current rows of one job."""
        return ((entity, row) for entity in entities for row in self.standing(entity, [job_id]))

    def is_carried(self, job_id: str) -> bool:
        """Tell whether a job stands as it is."""
        return job_id in self._carried

    def standing(self, entity: Entity, job_ids: list[str]) -> list[Row]:
        """Return the current rows of some jobs."""
        current = entity.current
        query = select(*entity.columns).where(
            current.c.source_id == self._source_id, current.c[entity.job_column].in_(job_ids)
        )
        with within(self._connection):
            return [tuple(row) for row in self._connection.execute(query)]

    def compare(self) -> Changes:
        """Find what differs from the current state, and forget the staged rows that do not.

        Returns:
            added, changed, removed: ids of jobs; findings and listings are no changes.
        """
        self._flush()
        return self._place.compare(self._carried)

    def differing(self, entity: Entity) -> tuple[list[Row], list[Row]]:
        """Return the rows that `merge` would supersede, and those that it would put in place, after `compare`."""
        return self._place.superseded(entity), list(self._place.rows(entity))

    def merge(self, snapshot_id: int, source_id: int) -> None:
        """Move superseded rows to history and put the new ones in place, within the caller's transaction."""
        self._place.merge(snapshot_id, source_id)

    def _flush(self) -> None:
        for entity in TABLES:
            self._write(entity)

    def _write(self, entity: Entity) -> None:
        if entity.parent is not None:  # first, so that a database that looks for the parent finds it
            self._write(NAMED[entity.parent])
        if rows := self._waiting[entity.name]:
            self._place.write(entity, rows)
            rows.clear()
