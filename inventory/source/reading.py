"""The result of reading a source, live or recorded: an outcome for every id, and statistics."""

from collections.abc import Iterator, Set
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

from inventory.common.exact_json import Json
from inventory.normalise.findings import Finding
from inventory.normalise.split import JobResult

__all__ = ["DELETED", "UNLISTED", "Absent", "Listed", "Listing", "Outcome", "Read", "Reading", "Seen", "Unread"]

DELETED = "status DELETED"
UNLISTED = "in no list and no answer"  # why a job is absent that neither the list nor the answer names


@dataclass(frozen=True, slots=True)
class Listing:
    """What the list API says of a job, masked. `parent_job_id`: set if it is listed as a child of another job.

    text: both as JSON, as `Listings` stores them.
    """

    parent_job_id: str | None
    document: dict[str, Json]
    text: bytes


@dataclass(frozen=True, slots=True)
class Read:
    """The job was answered (Table 6).

    says_deleted: it was requested alone and answered with the status DELETED.
    """

    job_id: str
    result: JobResult
    listing: Listing | None = None
    says_deleted: bool = False


@dataclass(frozen=True, slots=True)
class Absent:
    """The service answered a request for this id alone that the job does not exist, or neither answer nor list has it.

    listing: it may be listed all the same: the list also names parents that have no detail (facts-2, 0).
    """

    job_id: str
    code: str
    listing: Listing | None = None


@dataclass(frozen=True, slots=True)
class Unread:
    """The job could not be read. kind: of the finding. detail: what was answered."""

    job_id: str
    kind: str
    detail: str
    listing: Listing | None = None


@dataclass(frozen=True, slots=True)
class Listed:
    """A sub-task that is listed but was not requested: only its listing is known."""

    job_id: str
    listing: Listing


Outcome = Read | Absent | Unread | Listed


@dataclass(slots=True)
class Seen:
    """Statistics of a reading: requests and the observed interval. Complete once the outcomes are exhausted.

    consistency: of the sweeps of the list, "one pass", "repaired" or "torn"; None without a sweep.
    incomplete: why unknown jobs may be missing, or ''.
    """

    observed_from: datetime | None = None
    observed_to: datetime | None = None
    requests: int = 0
    retries: int = 0
    throttles: int = 0
    consistency: str | None = None
    incomplete: str = ""
    findings: list[Finding] = field(default_factory=list)

    def at(self, moment: datetime) -> None:
        """Widen the observed interval."""
        self.observed_from = moment if self.observed_from is None else min(self.observed_from, moment)
        self.observed_to = moment if self.observed_to is None else max(self.observed_to, moment)


class Reading(Protocol):
    """One pass over one source; becomes one snapshot. `requested` grows while the outcomes are read."""

    label: str
    requested: set[str]
    seen: Seen

    def outcomes(self, known: set[str], not_found: Set[str] = frozenset(), /) -> Iterator[Outcome]:
        """Yield an outcome for each requested id, in any order; if an id has several, the last counts.

        Args:
            known: ids of the jobs in the previous snapshot.
            not_found: ids with findings or listings in the previous snapshot, but no job. They are requested alone:
                one of them can make a whole batch fail.

        Raises:
            SourceError: the source cannot be read at all.
        """
