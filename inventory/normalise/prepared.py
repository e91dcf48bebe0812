"""A job ready to be stored: its rows, their digests, and its findings.

There are two implementations with equal results (a test compares them): the fast path for results that are exactly
as documented (`fast`), and the walk for any result (`walk`).
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
from inventory.schema.kinds import rfc3339

__all__ = ["JobRows", "PreparedJob", "Unchanged", "from_normalised", "pack_job"]

MAX_CACHED_FINDINGS = 4000  # bytes; a job with longer findings is not cached


@dataclass(frozen=True, slots=True)
class PreparedJob:
    """All that is stored of a job, in a compact form.

    chunks: of its digest. packed: `rows`, serialised.
    served: a digest of the response and of everything else that the rows depend on; None if it cannot be cached.
    """

    job_id: str
    chunks: tuple[DigestChunk, ...]
    findings: tuple[Finding, ...]
    packed: bytes
    served: bytes | None = None

    @property
    def rows(self) -> dict[str, list[Row]]:
        """Table -> its rows, each in the order of the entity's columns; times as text, as SQLite stores them."""
        rows: dict[str, list[Row]] = marshal.loads(self.packed)  # noqa: S302  # written by this run
        return rows

    @property
    def job_digest(self) -> JobDigest:
        """The digest for the table `internal_job_digests`."""
        return merge_chunks(self.chunks)

    @property
    def pieces(self) -> Iterable[tuple[str, list[Row]]]:
        """The rows by table, in pieces that fit into memory."""
        return self.rows.items()

    @property
    def cache_entry(self) -> bytes | None:
        """The cache entry of a job, so that it need not be normalised again when the same response comes.

        A digest over `served` and the findings, then the findings: so the findings cannot be altered alone.
        """
        found = canonical([[each.kind, each.path, each.detail] for each in self.findings]).encode()
        if self.served is None or len(found) > MAX_CACHED_FINDINGS:
            return None
        return sha256(self.served + found).digest() + found

    def joined(self, other: "PreparedJob") -> "PreparedJob":
        """Merge with rows of the job in other tables, from another response; `served` covers that response too."""
        findings = (*self.findings, *other.findings)
        return pack_job(self.job_id, self.rows | other.rows, (*self.chunks, *other.chunks), findings, self.served)


@dataclass(frozen=True, slots=True)
class Unchanged:
    """A job with the same response as in the last snapshot, and its findings from then."""

    job_id: str
    findings: tuple[Finding, ...] = ()

    @classmethod
    def from_cache(cls, entry: bytes | None, job_id: str, served: bytes) -> "Unchanged | None":
        """Return the job from its cache entry, `PreparedJob.cache_entry`; None if the response is another one."""
        if not isinstance(entry, bytes) or sha256(served + entry[32:]).digest() != entry[:32]:  # in SQLite any type
            return None
        found = [Finding(kind, path, job_id, detail, shared=True) for kind, path, detail in read(entry[32:])]
        return cls(job_id, tuple(found))


class JobRows:
    """Collects the rows of one job: by table, with the fingerprint of each row, and the findings."""

    __slots__ = ("findings", "fingerprints", "job_id", "rows")

    def __init__(self, job_id: str) -> None:
        self.job_id = job_id
        self.rows: dict[str, list[Row]] = {}
        self.fingerprints: dict[str, bytes] = {}
        self.findings: list[Finding] = []

    def of(self, table: str) -> list[Row]:
        """Return the list of rows of one table."""
        return self.rows.setdefault(table, [])

    def add(self, other: "JobRows") -> None:
        """Add rows; no key may be present already."""
        for table, rows in other.rows.items():
            self.of(table).extend(rows)
        self.fingerprints |= other.fingerprints
        self.findings += other.findings

    def add_normalised(self, job: NormalisedJob) -> None:
        """Add normalised rows; no key may be present already."""
        for table, rows in job.rows.items():
            entity = BY_NAME[table]
            self.of(table).extend(_stored(row) for row in rows)
            self.fingerprints |= row_fingerprints(
                (table, row_key(entity, row), row_digest(entity, row)) for row in rows
            )
        self.findings += job.findings

    def packed(self, served: bytes | None = None) -> PreparedJob:
        """Return the collected rows as a `PreparedJob`."""
        return pack_job(
            self.job_id, self.rows, [digest_chunk(sorted(self.fingerprints.items()))], self.findings, served
        )


def from_normalised(job: NormalisedJob) -> PreparedJob:
    """Return a normalised job as a `PreparedJob`."""
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
    """Build a `PreparedJob`; equal findings of many rows become one."""
    return PreparedJob(job_id, tuple(chunks), tuple(dict.fromkeys(findings)), marshal.dumps(rows), served)


def _stored(row: Row) -> Row:
    return tuple(rfc3339(value) if isinstance(value, datetime) else value for value in row)
