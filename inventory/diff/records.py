"""What is compared, and what comes of it: plain data, without a database or a printer."""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from itertools import chain
from operator import itemgetter
from typing import Any

from inventory.common.exact_json import Json, read
from inventory.normalise.walk import Row
from inventory.schema import ENTITIES
from inventory.schema.entities import Entity
from inventory.schema.kinds import rfc3339

__all__ = ["PIECE", "Change", "Snapshot", "SourceDiff", "Step", "Values", "pieces"]

PIECE = 2000  # rows that are held together; of one job all
Snapshot = dict[str, Any]  # a row of `snapshots`, with its source's name
_PLACES = {entity.name: {name: at for at, name in enumerate(entity.names)} for entity in ENTITIES}


def pieces(job_ids: Iterable[str], most: int = PIECE, rows: Mapping[str, int] | None = None) -> Iterator[list[str]]:
    """Yield ids in their order, as many at a time as have so many rows.

    Args:
        rows: how many rows each job has; 1 where it is not said.
    """
    piece: list[str] = []
    held = 0
    for job_id in job_ids:
        size = 1 if rows is None else rows.get(job_id, 1)
        if piece and held + size > most:
            yield piece
            piece, held = [], 0
        piece.append(job_id)
        held += size
    if piece:
        yield piece


class Values(Mapping[str, Json]):
    """A row as column -> value: times as text, `extra` as an object. A value is converted when it is asked for."""

    __slots__ = ("_names", "_places", "_row")

    def __init__(self, entity: Entity, row: Row) -> None:
        self._row, self._names, self._places = row, entity.names, _PLACES[entity.name]

    def __getitem__(self, name: str) -> Json:
        value = self._row[self._places[name]]
        if name == "extra":
            return read(value) if value else None
        return rfc3339(value) if isinstance(value, datetime) else value

    def __iter__(self) -> Iterator[str]:
        return iter(self._names)

    def __len__(self) -> int:
        return len(self._names)


@dataclass(frozen=True)
class Step:
    """Two ends of one source, as rows in the order of an entity's columns; who has them is not told.

    start: None before the first snapshot. jobs: of each job how many rows one end has that the other has not.
    between: the rows that the first end alone has, and those that the second alone has; of some jobs, or of all (None).
    at_start: the rows of some jobs at the first end. findings: those of the second.
    absences: of some jobs that left, what the service said of them. moments: of each job the snapshots after the
    first end, up to the second, in which it changed. release: called where no rows are needed for now.
    """

    source: str
    start: Snapshot | None
    end: Snapshot
    jobs: Callable[[Entity], Mapping[str, int]]
    between: Callable[[Entity, list[str] | None], tuple[list[Row], list[Row]]]
    at_start: Callable[[Entity, list[str]], list[Row]]
    findings: list[Row] = field(default_factory=list)
    absences: Callable[[list[str]], dict[str, str]] = lambda _: {}
    moments: Callable[[], dict[str, set[int]]] = dict
    release: Callable[[], None] = lambda: None

    @classmethod
    def held(
        cls, source: str, start: Snapshot | None, end: Snapshot,
        differing: Callable[[Entity], tuple[list[Row], list[Row]]], at_start: Callable[[Entity, list[str]], list[Row]],
        **more: Any,
    ) -> "Step":  # fmt: skip
        """Return a step whose differing rows are in memory, of all jobs together."""

        def jobs(entity: Entity) -> Mapping[str, int]:
            return Counter(row[0] for rows in differing(entity) for row in rows)

        def between(entity: Entity, job_ids: list[str] | None) -> tuple[list[Row], list[Row]]:
            left, came = differing(entity)
            if job_ids is None:
                return left, came
            asked = set(job_ids)
            return [row for row in left if row[0] in asked], [row for row in came if row[0] in asked]

        return cls(source, start, end, jobs, between, at_start, **more)

    def both_ends(self, entity: Entity, job_ids: Iterable[str]) -> tuple[list[Row], list[Row]]:
        """Return the rows of some jobs at the start, and at the end: those, less what left, and what came."""
        start: list[Row] = []
        end: list[Row] = []
        for piece in pieces(sorted(job_ids)):
            there = self.at_start(entity, piece)
            left, came = self.between(entity, piece)
            gone = {entity.key_of(row) for row in left}
            start += there
            end += [row for row in there if entity.key_of(row) not in gone] + came
        return start, end


@dataclass(frozen=True)
class Change:
    """One row that differs. `before` and `after`: column -> value, `extra` an object; None where there is no row."""

    table: str
    action: str
    job_id: str
    key: dict[str, Json]
    before: Mapping[str, Json] | None
    after: Mapping[str, Json] | None
    changed: list[str]


Found = tuple[list[Change], list[tuple[Change, str]]]  # of one job: its changes; those only counted, with the reason


@dataclass
class SourceDiff:
    """The changes of one source between two ends; `start` is None before the first snapshot.

    The changes themselves are read a few jobs at a time; what counts them is held.

    read: the changes of some jobs, by job id; `pieces` tells how many to ask for at a time.
    jobs: the ids of the jobs that changed, sorted, each with what happened to its row of `jobs`: create, delete;
    update where it stayed. rows: how many changes by (table, action). updated: (table, column) of all updates.
    moves: how many jobs by (old status, new status). ignored: how many changes are only counted, by the reason.
    counted: the jobs that have such changes. sizes: how many changes each job has, counted ones too.
    names: of the jobs that changed, counted ones too. not_recorded: columns that the older end's tables did not have,
    None where both had the same tables. new_findings: those that the first end had not.
    replaced: id of a job -> id of the removed one that it stands for. gone: of each removed job why it counts as gone.
    times: in how many snapshots a job changed, where more than one.
    reverted: jobs that changed in between and are the same at both ends.
    """

    source: str
    start: Snapshot | None
    end: Snapshot
    read: Callable[[list[str]], Mapping[str, Found]] = field(default=lambda _: {}, compare=False, repr=False)
    piece: int = PIECE
    jobs: dict[str, str] = field(default_factory=dict)
    rows: Counter[tuple[str, str]] = field(default_factory=Counter)
    updated: set[tuple[str, str]] = field(default_factory=set)
    moves: Counter[tuple[Json, Json]] = field(default_factory=Counter)
    ignored: Counter[str] = field(default_factory=Counter)
    counted: list[str] = field(default_factory=list)
    sizes: dict[str, int] = field(default_factory=dict)
    names: dict[str, str | None] = field(default_factory=dict)
    findings: list[dict[str, Json]] = field(default_factory=list)
    not_recorded: list[str] | None = None
    new_findings: list[dict[str, Json]] = field(default_factory=list)
    replaced: dict[str, str] = field(default_factory=dict)
    gone: dict[str, str] = field(default_factory=dict)
    times: dict[str, int] = field(default_factory=dict)
    reverted: list[str] = field(default_factory=list)

    @classmethod
    def of(
        cls, source: str, start: Snapshot | None, end: Snapshot, changes: Iterable[Change],
        names: Mapping[str, str | None],
    ) -> "SourceDiff":  # fmt: skip
        """Return a comparison whose changes are known already, sorted by job."""
        found: dict[str, Found] = {}
        for change in changes:
            found.setdefault(change.job_id, ([], []))[0].append(change)
        diff = cls(source, start, end, lambda job_ids: {job_id: found[job_id] for job_id in job_ids})
        for job_id, each in found.items():
            diff.add(job_id, names.get(job_id), each)
        return diff

    def add(self, job_id: str, name: str | None, found: Found) -> None:
        """Count the changes of one job; jobs are added in the order of their ids."""
        changes, ignored = found
        if changes or ignored:
            self.names[job_id] = name
            self.sizes[job_id] = len(changes) + len(ignored)
        if changes:
            self.jobs[job_id] = "update"
        if ignored:
            self.counted.append(job_id)
            self.ignored.update(why for _, why in ignored)
        for change in changes:
            table, action, before, after = change.table, change.action, change.before, change.after
            self.rows[table, action] += 1
            for column in change.changed:
                self.updated.add((table, column))
            if table == "jobs":
                self.jobs[job_id] = action
                if "status" in change.changed and before is not None and after is not None:
                    self.moves[before["status"], after["status"]] += 1

    def count(self, action: str) -> int:
        """Count rows by action: create, update, delete."""
        return sum(number for (_, each), number in self.rows.items() if each == action)

    @property
    def pairs(self) -> dict[str, str]:
        """Of `replaced` those jobs whose rows are both among the changes."""
        return {
            new: old
            for new, old in self.replaced.items()
            if (self.jobs.get(new), self.jobs.get(old)) == ("create", "delete")
        }

    def pieces(self, job_ids: Iterable[str]) -> Iterator[list[str]]:
        """Yield ids in their order, as many at a time as `read` may be asked for."""
        return pieces(job_ids, self.piece, self.sizes)

    def changes(self) -> Iterator[Change]:
        """Yield the changes by job, table and key."""
        for job_ids in self.pieces(self.jobs):
            yield from chain.from_iterable(map(itemgetter(0), self._found(job_ids)))

    def only_counted(self) -> Iterator[tuple[Change, str]]:
        """Yield the changes that are only counted, each with the reason; by job, table and key."""
        for job_ids in self.pieces(self.counted):
            yield from chain.from_iterable(map(itemgetter(1), self._found(job_ids)))

    def _found(self, job_ids: list[str]) -> Iterator[Found]:
        found = self.read(job_ids)  # dropped before the next piece is read
        yield from (found[job_id] for job_id in job_ids)
