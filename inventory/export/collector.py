"""Turn the outcomes of one reading into staged rows, findings and digests, job by job.

Input: the outcomes. Output: staged rows, and the result for every job id.
"""

from collections.abc import Iterable, Mapping, Sequence
from itertools import islice
from typing import Any

from inventory.normalise.findings import Finding, Findings
from inventory.normalise.prepared import PreparedJob, Unchanged, from_normalised
from inventory.normalise.rebuild import rebuild, rebuild_listing
from inventory.normalise.walk import Row, normalise, normalise_listing
from inventory.proof.digest import DigestChunk, digest_chunks, merge_chunks
from inventory.schema import BY_NAME, JOB_DIGESTS
from inventory.source.reading import Absent, Listing, Outcome, Read, Unread
from inventory.store.base import Base
from inventory.store.staging import CARRIED_ENTITIES, Staging

__all__ = ["Collector"]

MAX_HELD_BYTES = 2**24  # bytes of digest chunks kept for jobs with findings; beyond that they are recomputed
_FINDINGS = BY_NAME["findings"]
_JOBS_PER_QUERY = 1000


class Collector:
    """Collects the outcomes of one reading.

    known: ids of the jobs of the last snapshot. not_found: other ids of that snapshot, which have only findings or
    listings. read: job id -> digest of each job read. absent: ids of jobs proven deleted. unread: job id -> why it was
    not read. findings: of this reading. served: new entries for the cache, see `save_served`.
    """

    def __init__(self, staging: Staging, base: Base) -> None:
        self.known = base.jobs
        self.read: dict[str, str] = {}
        self.absent: set[str] = set()
        self.unread: dict[str, str] = {}
        self.findings = Findings()
        self._staging = staging
        self._base = base
        self._previous_digests = base.stored_digests
        self._listed_only: dict[str, tuple[str, str | None]] = {}  # jobs known from the list only: digest, parent
        self._seen: set[str] = set()
        self._unchanged: set[str] = set()
        # For jobs with findings, because `finish` may add more findings to them.
        self._chunks: dict[str, tuple[DigestChunk, ...]] = {}
        self._held_bytes = 0
        self.served: dict[str, bytes | None] = {}
        self.not_found = self._previous_digests.keys() - self.known - {""}

    @property
    def done(self) -> int:
        """The number of ids with an outcome."""
        return len(self.read) + len(self.absent) + len(self.unread)

    @property
    def carried(self) -> set[str]:
        """Jobs that could not be read: their last known state is kept."""
        return self.known & self.unread.keys()

    def usable_served(self, served: Mapping[str, bytes]) -> dict[str, bytes]:
        """Return the cache entries of jobs with a stored digest: only these may be reported as `Unchanged`."""
        known = self.known & self._previous_digests.keys()
        return {job_id: digest for job_id, digest in served.items() if job_id in known}

    def add(self, outcome: Outcome, job: PreparedJob | Unchanged | None) -> None:
        """Add one outcome, with the normalised job if it was read; a later outcome of the same id replaces it."""
        job_id = outcome.job_id
        if job_id in self._seen:  # the list changed, and the job was requested again
            self._forget(job_id)
        self._seen.add(job_id)
        if isinstance(outcome, Read):
            assert job is not None  # given for every job that was read
            if isinstance(job, Unchanged):
                self.read[job_id] = self._previous_digests[job_id]
                self._staging.carry([job_id])
                self._unchanged.add(job_id)
                self.findings.add(job.findings)
                return
            if outcome.listing is not None:
                job = job.joined(_from_listing(job_id, outcome.listing, alone=False))
            self.served[job_id] = job.cache_entry
            self.read[job_id] = self._stage(job)
        elif isinstance(outcome, Absent):
            self.absent.add(job_id)
            detail = f"{outcome.code}, asked alone" + ("; the list names it" if outcome.listing else "")
            self.findings.add([Finding("absent_job", "id", job_id, detail)])
        elif isinstance(outcome, Unread):
            self.unread[job_id] = outcome.detail
            self.findings.add([Finding(outcome.kind, "id", job_id, outcome.detail)])
        if isinstance(outcome, Read) or outcome.listing is None:
            return
        if isinstance(outcome, Absent) or job_id not in self.known:
            digest = self._stage(_from_listing(job_id, outcome.listing, alone=True))
            self._listed_only[job_id] = digest, outcome.listing.parent_job_id

    def finish(self, findings: Iterable[Finding]) -> tuple[dict[str, str], list[Row]]:
        """Complete the staged rows after the last outcome.

        Args:
            findings: of the reading as a whole.

        Returns:
            The digest of every job, and the rows of `findings`.

        Raises:
            StoreError: the rows of a carried-over job are not those of the last snapshot.
        """
        for job_id, (_, parent) in list(self._listed_only.items()):
            if parent in self.absent - self._listed_only.keys():  # its parent was deleted after the list was read
                self._forget(job_id)
        self._staging.carry(self.carried)
        for job_id in self.carried:
            self._recompute_findings(job_id)
        self.findings.add(findings := list(findings))
        rows = self.findings.rows()
        self._staging.add("findings", rows)
        found: dict[str, list[Row]] = {}
        for row in rows:
            found.setdefault(row[0], []).append(row)
        digests = {job_id: digest for job_id, (digest, _) in self._listed_only.items()} | self.read
        had_findings = self._unchanged & self._base.with_findings
        # Jobs whose digest does not cover their findings of this reading yet.
        for job_id in (self.carried | found.keys() | had_findings) - self._with_same_findings(found, had_findings):
            job_digest = merge_chunks(
                [*self._chunks_of(job_id), *digest_chunks((_FINDINGS, row) for row in found.get(job_id, ()))]
            )
            self._staging.stage_digest(job_id, job_digest)
            digests[job_id] = job_digest.digest
        for job_id in self.carried | {finding.job_id for finding in findings}:
            self.served[job_id] = None  # findings of the reading itself: do not cache
        return digests, rows

    def _stage(self, job: PreparedJob) -> str:
        """Stage a job's rows, or carry the job over if its digest is unchanged; return the digest."""
        self.findings.add(job.findings)
        job_digest = job.job_digest
        if job.findings and job.chunks and self._held_bytes < MAX_HELD_BYTES:
            self._chunks[job.job_id] = job.chunks
            self._held_bytes += sum(len(chunk.digests) + len(chunk.fingerprints) for chunk in job.chunks)
        if self._previous_digests.get(job.job_id) == job_digest.digest:
            self._staging.carry([job.job_id])
        else:
            for name, rows in job.pieces:
                self._staging.add(name, rows)
            self._staging.add(JOB_DIGESTS.name, [(job.job_id, job_digest.digest, job_digest.fingerprints)])
        return job_digest.digest

    def _forget(self, job_id: str) -> None:
        self._staging.discard(job_id)
        self.findings.remove(job_id)
        self._unchanged.discard(job_id)
        self._chunks.pop(job_id, None)
        self.read.pop(job_id, None)
        self.served.pop(job_id, None)
        self.absent.discard(job_id)
        self.unread.pop(job_id, None)
        self._listed_only.pop(job_id, None)

    def _with_same_findings(self, found: Mapping[str, list[Row]], job_ids: Iterable[str]) -> set[str]:
        """Return the jobs whose findings equal the current ones, so that their digest is unchanged."""
        previous: dict[str, set[Row]] = {}
        left = iter(sorted(job_ids))
        while some := list(islice(left, _JOBS_PER_QUERY)):
            for row in self._staging.current_rows(_FINDINGS, some):
                previous.setdefault(row[0], set()).add(row)
        return {job_id for job_id, rows in previous.items() if rows == set(found.get(job_id, ()))}

    def _chunks_of(self, job_id: str) -> Sequence[DigestChunk]:
        """Return the digest chunks of a job's rows in the next snapshot, without its findings.

        Raises:
            StoreError: the rows of a carried-over job are not those of the last snapshot.
        """
        if job_id in self._chunks:
            return self._chunks[job_id]
        if not self._staging.is_carried(job_id):
            if job_id not in self.read and job_id not in self._listed_only:
                return []
            return digest_chunks(
                (entity, row) for entity, row in self._staging.staged_of(job_id) if entity is not _FINDINGS
            )
        # Read once, so that the rows that are checked are the rows that are used.
        previous = digest_chunks(self._staging.current_rows_of(job_id, CARRIED_ENTITIES))
        previous_findings = digest_chunks(self._staging.current_rows_of(job_id, [_FINDINGS]))
        self._base.check(job_id, merge_chunks([*previous, *previous_findings]).digest)
        return previous

    def _recompute_findings(self, job_id: str) -> None:
        """Recompute the findings of a carried-over job from its rows."""
        rows: dict[str, list[Any]] = {}
        for entity, row in self._staging.rows_of(job_id):
            rows.setdefault(entity.name, []).append(row)
        self.findings.add(normalise(job_id, rebuild(rows)).findings)
        for row in rows.get("job_listings", ()):
            self.findings.add(normalise_listing(job_id, None, rebuild_listing(row), alone=False).findings)


def _from_listing(job_id: str, listing: Listing, *, alone: bool) -> PreparedJob:
    return from_normalised(normalise_listing(job_id, listing.parent_job_id, listing.document, alone=alone))
