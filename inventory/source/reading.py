"""What a source gives, live or recorded: an outcome for every id, and what was seen on the way."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

from inventory.findings import Finding
from inventory.jsontext import Json

__all__ = ["Absent", "Outcome", "Read", "Reading", "Seen", "Unread"]


@dataclass(frozen=True, slots=True)
class Read:
    """The job was answered: its masked document (Table 6)."""

    job_id: str
    document: dict[str, Json]


@dataclass(frozen=True, slots=True)
class Absent:
    """The service said of this id, asked alone, that it does not exist or is deleted."""

    job_id: str
    code: str


@dataclass(frozen=True, slots=True)
class Unread:
    """Nobody knows: `kind` is the finding's, `detail` what was answered."""

    job_id: str
    kind: str
    detail: str


Outcome = Read | Absent | Unread


@dataclass(slots=True)
class Seen:
    """What reading cost and when it looked; complete once the outcomes are exhausted."""

    observed_from: datetime | None = None
    observed_to: datetime | None = None
    requests: int = 0
    retries: int = 0
    findings: list[Finding] = field(default_factory=list)

    def at(self, moment: datetime) -> None:
        """Widen the observed interval."""
        self.observed_from = moment if self.observed_from is None else min(self.observed_from, moment)
        self.observed_to = moment if self.observed_to is None else max(self.observed_to, moment)


class Reading(Protocol):
    """One pass over one source: becomes one snapshot."""

    label: str
    requested: tuple[str, ...]
    seen: Seen

    def outcomes(self) -> Iterator[Outcome]:
        """Yield exactly one outcome for each requested id, in any order.

        Raises:
            SourceError: the source cannot be read at all.
        """
