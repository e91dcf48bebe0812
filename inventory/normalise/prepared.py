"""A job made ready to be stored: its rows, the proof of them, and what was odd.

Two ways lead there and give the same (a test holds them together): the fast path for what is exactly as documented
(`fast`), the walk for whatever comes (`walk`).
"""

import marshal
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256

from inventory.common.exact_json import canonical, read
from inventory.normalise.findings import Finding
from inventory.normalise.walk import NormalisedJob, Row
from inventory.proof.digest import (
    DigestChunk,
    JobDigest,
    digest_chunk,
    merge_chunks,
    row_digest,
    row_fingerprints,
    row_key,
)
from inventory.schema import BY_NAME
from inventory.schema.kinds import stored_time

__all__ = ["JobRows", "PreparedJob", "Unchanged", "from_normalised", "pack_job"]

LONGEST_NOTE = 4000  # bytes of findings: what is odder is looked at each time


@dataclass(frozen=True, slots=True)
class PreparedJob:
    """All that is stored of a job, small enough to wait in numbers.

    chunks: of its digest. packed: `rows`.
    served: the digest of what was served, and of what else the rows depend on; None where that does not tell.
    """

    job_id: str
    chunks: tuple[DigestChunk, ...]
    findings: tuple[Finding, ...]
    packed: bytes
    served: bytes | None = None

    @property
    def rows(self) -> dict[str, list[Row]]:
        """Table -> its rows, each in the order of the entity's columns; times as text, as SQLite holds them."""
        rows: dict[str, list[Row]] = marshal.loads(self.packed)  # noqa: S302  # ours, of this run
        return rows

    @property
    def job_digest(self) -> JobDigest:
        """For `job_digests`."""
        return merge_chunks(self.chunks)

    @property
    def pieces(self) -> Iterable[tuple[str, list[Row]]]:
        """The rows with their table, as many at a time as memory holds."""
        return self.rows.items()

    @property
    def note(self) -> bytes | None:
        """What is kept of a job, so that it need not be looked at when it is served the same again.

        The findings, and before them a digest over them too: who cannot make up `served` cannot make up findings.
        """
        found = canonical([[each.kind, each.path, each.detail] for each in self.findings]).encode()
        if self.served is None or len(found) > LONGEST_NOTE:
            return None
        return sha256(self.served + found).digest() + found

    def joined(self, other: "PreparedJob") -> "PreparedJob":
        """Put together with what another answer says of the job, in tables of its own; `served` covers that too."""
        findings = (*self.findings, *other.findings)
        return pack_job(self.job_id, self.rows | other.rows, (*self.chunks, *other.chunks), findings, self.served)


@dataclass(frozen=True, slots=True)
class Unchanged:
    """A job that was served as it was the last time, and what was odd about it then."""

    job_id: str
    findings: tuple[Finding, ...] = ()

    @classmethod
    def since(cls, note: bytes | None, job_id: str, served: bytes) -> "Unchanged | None":
        """Return what `PreparedJob.note` kept of a job; None where something else was served."""
        if not isinstance(note, bytes) or sha256(served + note[32:]).digest() != note[:32]:  # SQLite may hold anything
            return None
        found = [Finding(kind, path, job_id, detail, shared=True) for kind, path, detail in read(note[32:])]
        return cls(job_id, tuple(found))


class JobRows:
    """The rows of one job in the making: by table, with the fingerprint of each, and what was odd."""

    __slots__ = ("findings", "fingerprints", "job_id", "rows")

    def __init__(self, job_id: str) -> None:
        self.job_id = job_id
        self.rows: dict[str, list[Row]] = {}
        self.fingerprints: dict[str, bytes] = {}
        self.findings: list[Finding] = []

    def of(self, table: str) -> list[Row]:
        """Return the rows of one table, to be added to."""
        return self.rows.setdefault(table, [])

    def add(self, other: "JobRows") -> None:
        """Add rows of other keys."""
        for table, rows in other.rows.items():
            self.of(table).extend(rows)
        self.fingerprints |= other.fingerprints
        self.findings += other.findings

    def add_normalised(self, job: NormalisedJob) -> None:
        """Add what was normalised: rows of other keys."""
        for table, rows in job.rows.items():
            entity = BY_NAME[table]
            self.of(table).extend(_stored(row) for row in rows)
            self.fingerprints |= row_fingerprints(
                (table, row_key(entity, row), row_digest(entity, row)) for row in rows
            )
        self.findings += job.findings

    def packed(self, served: bytes | None = None) -> PreparedJob:
        """Return the job as it is handed on."""
        return pack_job(
            self.job_id, self.rows, [digest_chunk(sorted(self.fingerprints.items()))], self.findings, served
        )


def from_normalised(job: NormalisedJob) -> PreparedJob:
    """Make ready what was normalised."""
    rows = JobRows(job.job_id)
    rows.add_normalised(job)
    return rows.packed()


def pack_job(
    job_id: str,
    rows: dict[str, list[Row]],
    chunks: Iterable[DigestChunk],
    findings: Iterable[Finding],
    served: bytes | None = None,
) -> PreparedJob:
    """Put together what is known of a job; what was odd about many of its rows is one finding."""
    return PreparedJob(job_id, tuple(chunks), tuple(dict.fromkeys(findings)), marshal.dumps(rows), served)


def _stored(row: Row) -> Row:
    return tuple(stored_time(value) if isinstance(value, datetime) else value for value in row)
