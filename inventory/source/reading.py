"""What a source gives, live or recorded: an outcome for every id, and what was seen on the way."""

from collections.abc import Iterator, Mapping, Set
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

from inventory.findings import Finding
from inventory.jsontext import Json
from inventory.prepare import PreparedJob, Unchanged

__all__ = ["DELETED", "UNLISTED", "Absent", "Listed", "Listing", "Outcome", "Read", "Reading", "Seen", "Unread"]

DELETED = "status DELETED"
UNLISTED = "in no list and no answer"  # why a job is absent that the service does not speak of


@dataclass(frozen=True, slots=True)
class Listing:
    """What the list API says of a job, masked; `parent_job_id` where it stands among the children of another."""

    parent_job_id: str | None
    document: dict[str, Json]


@dataclass(frozen=True, slots=True)
class Read:
    """The job was answered: its masked document (Table 6), or what it comes to already.

    says_deleted: asked alone, it was answered with the status DELETED.
    """

    job_id: str
    document: dict[str, Json] | PreparedJob | Unchanged
    listing: Listing | None = None
    says_deleted: bool = False


@dataclass(frozen=True, slots=True)
class Absent:
    """The service said of this id, asked alone, that it does not exist; or neither it nor its list knows it.

    listing: what the list says of it all the same: the list also names parents that have no detail (facts-2, 0).
    """

    job_id: str
    code: str
    listing: Listing | None = None


@dataclass(frozen=True, slots=True)
class Unread:
    """Nobody knows: `kind` is the finding's, `detail` what was answered."""

    job_id: str
    kind: str
    detail: str
    listing: Listing | None = None


@dataclass(frozen=True, slots=True)
class Listed:
    """A sub-task that the list names and that nobody asked for: the list alone knows it."""

    job_id: str
    listing: Listing


Outcome = Read | Absent | Unread | Listed


@dataclass(slots=True)
class Seen:
    """What reading cost and when it looked; complete once the outcomes are exhausted.

    consistency: what a sweep of the list can say, "one pass", "repaired" or "torn"; None without one.
    incomplete: why jobs may be missing that nobody could name, or ''.
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
    """One pass over one source: becomes one snapshot. `requested` grows while the outcomes are read."""

    label: str
    requested: set[str]
    seen: Seen

    def outcomes(
        self, known: set[str], served: Mapping[str, bytes], not_found: Set[str] = frozenset(), /
    ) -> Iterator[Outcome]:
        """Yield an outcome for each requested id, in any order; of several for one id the last counts.

        Args:
            known: ids of the jobs that the snapshot before has.
            served: of some, the digest of what was served; if that comes again, `Unchanged` says so.
            not_found: ids that the snapshot before has findings or listings of, and no job. They are asked alone: one
                of them in a batch can make the whole batch fail.

        Raises:
            SourceError: the source cannot be read at all.
        """
