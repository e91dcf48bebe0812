"""What is compared, and what comes of it: plain data, without a database or a printer."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from inventory.jsontext import Json
from inventory.normalise import Row
from inventory.schema.entities import Entity

__all__ = ["Change", "Snapshot", "SourceDiff", "Step"]

Snapshot = dict[str, Any]  # a row of `snapshots`, with its source's name


@dataclass(frozen=True)
class Step:
    """Two ends of one source, as rows in the order of an entity's columns; who has them is not told.

    start: None before the first snapshot. between: the rows that the first end alone has, and those that the
    second alone has. at_start: the rows of some jobs at the first end. findings: those of the second.
    """

    source: str
    start: Snapshot | None
    end: Snapshot
    between: Callable[[Entity], tuple[list[Row], list[Row]]]
    at_start: Callable[[Entity, list[str]], list[Row]]
    findings: list[Row] = field(default_factory=list)


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
    where both had the same tables.
    """

    source: str
    start: Snapshot | None
    end: Snapshot
    changes: list[Change] = field(default_factory=list)
    ignored: int = 0
    findings: list[dict[str, Json]] = field(default_factory=list)
    names: dict[str, str | None] = field(default_factory=dict)
    not_recorded: list[str] | None = None

    def count(self, action: str) -> int:
        """Count rows by action: create, update, delete."""
        return sum(change.action == action for change in self.changes)
