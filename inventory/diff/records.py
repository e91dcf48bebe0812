"""What is compared, and what comes of it: plain data, without a database or a printer."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

from inventory.common.exact_json import Json
from inventory.normalise.walk import Row
from inventory.schema.entities import Entity

__all__ = ["Change", "Snapshot", "SourceDiff", "Step"]

_PIECE = 500  # jobs that are asked for together
Snapshot = dict[str, Any]  # a row of `snapshots`, with its source's name


@dataclass(frozen=True)
class Step:
    """Two ends of one source, as rows in the order of an entity's columns; who has them is not told.

    start: None before the first snapshot. between: the rows that the first end alone has, and those that the
    second alone has. at_start: the rows of some jobs at the first end. findings: those of the second.
    absences: of some jobs that left, what the service said of them. moments: of each job the snapshots after the
    first end, up to the second, in which it changed.
    """

    source: str
    start: Snapshot | None
    end: Snapshot
    between: Callable[[Entity], tuple[list[Row], list[Row]]]
    at_start: Callable[[Entity, list[str]], list[Row]]
    findings: list[Row] = field(default_factory=list)
    absences: Callable[[list[str]], dict[str, str]] = lambda _: {}
    moments: Callable[[], dict[str, set[int]]] = dict

    def both_ends(self, entity: Entity, job_ids: Iterable[str]) -> tuple[list[Row], list[Row]]:
        """Return the rows of some jobs at the start, and at the end: those, less what left, and what came."""
        wanted = sorted(job_ids)
        pieces = (wanted[at : at + _PIECE] for at in range(0, len(wanted), _PIECE))
        start = [row for piece in pieces for row in self.at_start(entity, piece)]
        left, came = self.between(entity)
        gone = {entity.key_of(row) for row in left}
        stayed = [row for row in start if entity.key_of(row) not in gone]
        asked = set(wanted)
        return start, stayed + [row for row in came if row[0] in asked]


@dataclass(frozen=True)
class Change:
    """One row that differs. `before` and `after`: column -> value, `extra` an object; None where there is no row."""

    table: str
    action: str
    job_id: str
    key: dict[str, Json]
    before: dict[str, Json] | None
    after: dict[str, Json] | None
    changed: list[str]


@dataclass
class SourceDiff:
    """The changes of one source between two ends; `start` is None before the first snapshot.

    names: of the jobs that changed. not_recorded: columns that the older end's tables did not have, None
    where both had the same tables. ignored: changes that are only counted, each with the reason.
    new_findings: those that the first end had not. replaced: id of a job -> id of the removed one that it stands for.
    gone: of each removed job why it counts as gone. times: in how many snapshots a job changed, where more than one.
    reverted: jobs that changed in between and are the same at both ends.
    """

    source: str
    start: Snapshot | None
    end: Snapshot
    changes: list[Change] = field(default_factory=list)
    ignored: list[tuple[Change, str]] = field(default_factory=list)
    findings: list[dict[str, Json]] = field(default_factory=list)
    names: dict[str, str | None] = field(default_factory=dict)
    not_recorded: list[str] | None = None
    new_findings: list[dict[str, Json]] = field(default_factory=list)
    replaced: dict[str, str] = field(default_factory=dict)
    gone: dict[str, str] = field(default_factory=dict)
    times: dict[str, int] = field(default_factory=dict)
    reverted: list[str] = field(default_factory=list)

    def count(self, action: str) -> int:
        """Count rows by action: create, update, delete."""
        return sum(change.action == action for change in self.changes)
