"""Outcomes become rows, findings and digests, job by job, as they come: what `flow` reads a source into.

In: the outcomes of one reading. Out: staged rows, and the tally of what became of every id.
"""

from collections.abc import Iterable, Mapping, Sequence
from itertools import islice
from typing import Any

from inventory.normalise.findings import Finding, Findings
from inventory.normalise.prepared import PreparedJob, Unchanged, from_normalised
from inventory.normalise.rebuild import rebuild, rebuild_listing
from inventory.normalise.walk import Row, normalise, normalise_listing
from inventory.proof.digest import DigestChunk, digest_chunks, merge_chunks
from inventory.schema import BY_NAME
from inventory.source.reading import Absent, Listing, Outcome, Read, Unread
from inventory.store.base import Base
from inventory.store.staging import STANDING, Staging

__all__ = ["Collector"]

HELD = 2**24  # bytes of what proves jobs with findings that are kept: of others it is made again
_FINDINGS = BY_NAME["findings"]
_PIECE = 1000  # jobs


class Collector:
    """Takes the outcomes of one reading.

    known: the jobs of the snapshot before. not_found: ids that the snapshot before has no job of. read: the digest of
    each job read. absent: ids proven gone. unread: why each other was not read. findings: what was odd. served: what
    is to be noted of the jobs that were normalised.
    """

    def __init__(self, staging: Staging, base: Base) -> None:
        self.known = base.jobs
        self.read: dict[str, str] = {}
        self.absent: set[str] = set()
        self.unread: dict[str, str] = {}
        self.findings = Findings()
        self._staging = staging
        self._base = base
        self._before = base.noted
        self._listed: dict[str, tuple[str, str | None]] = {}  # what the list alone knows: digest, parent
        self._told: set[str] = set()
        self._unchanged: set[str] = set()
        # Of jobs that have findings: their rows are staged, and more findings may come.
        self._chunks: dict[str, tuple[DigestChunk, ...]] = {}
        self._held = 0
        self.served: dict[str, bytes | None] = {}
        self.not_found = self._before.keys() - self.known - {""}  # findings or listings alone

    @property
    def done(self) -> int:
        """How many ids have an outcome."""
        return len(self.read) + len(self.absent) + len(self.unread)

    @property
    def carried(self) -> set[str]:
        """Jobs that could not be read: their last known state is kept."""
        return self.known & self.unread.keys()

    def known_of(self, served: Mapping[str, bytes]) -> dict[str, bytes]:
        """Return what was served of the jobs that stand with their digest: for those alone `Unchanged` says enough."""
        return {job_id: each for job_id, each in served.items() if job_id in self.known and job_id in self._before}

    def add(self, outcome: Outcome, job: PreparedJob | Unchanged | None) -> None:
        """Take one outcome, and what a job that was read comes to; of several for one id the last counts."""
        job_id = outcome.job_id
        if job_id in self._told:  # the list changed, and it was asked again
            self._forget(job_id)
        self._told.add(job_id)
        if isinstance(outcome, Read):
            assert job is not None  # it was read
            if isinstance(job, Unchanged):
                self.read[job_id] = self._before[job_id]
                self._staging.carry([job_id])
                self._unchanged.add(job_id)
                self.findings.add(job.findings)
                return
            if outcome.listing is not None:
                job = job.joined(_of_list(job_id, outcome.listing, alone=False))
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
            digest = self._stage(_of_list(job_id, outcome.listing, alone=True))
            self._listed[job_id] = digest, outcome.listing.parent_job_id

    def finish(self, findings: Iterable[Finding]) -> tuple[dict[str, str], list[Row]]:
        """Complete what is staged, once every outcome was taken.

        Args:
            findings: what was odd about the reading as a whole.

        Returns:
            The digest of every job, and the rows of `findings`.

        Raises:
            StoreError: a job is carried over, and its rows are not those that the last snapshot has.
        """
        for job_id, (_, parent) in list(self._listed.items()):
            if parent in self.absent - self._listed.keys():  # its task left after the list had named it
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
        digests = {job_id: digest for job_id, (digest, _) in self._listed.items()} | self.read
        had_findings = self._unchanged & self._base.found
        # Whose findings were not known before; and of the unchanged those that had some, which may be others' now.
        for job_id in (self.carried | found.keys() | had_findings) - self._found_as_before(found, had_findings):
            proof = merge_chunks(
                [*self._chunks_of(job_id), *digest_chunks((_FINDINGS, row) for row in found.get(job_id, ()))]
            )
            self._staging.prove(job_id, proof)
            digests[job_id] = proof.digest
        for job_id in self.carried | {finding.job_id for finding in findings}:
            self.served[job_id] = None  # something was odd about the reading itself: it is looked at again
        return digests, rows

    def _stage(self, job: PreparedJob) -> str:
        """Stage a job's rows, unless they are what stands already; return its digest."""
        self.findings.add(job.findings)
        proof = job.job_digest
        if job.findings and job.chunks and self._held < HELD:
            self._chunks[job.job_id] = job.chunks
            self._held += sum(len(chunk.digests) + len(chunk.fingerprints) for chunk in job.chunks)
        if self._before.get(job.job_id) == proof.digest:
            self._staging.carry([job.job_id])
        else:
            for name, rows in job.pieces:
                self._staging.add(name, rows)
            self._staging.add("job_digests", [(job.job_id, proof.digest, proof.fingerprints)])
        return proof.digest

    def _forget(self, job_id: str) -> None:
        self._staging.discard(job_id)
        self.findings.remove(job_id)
        self._unchanged.discard(job_id)
        self._chunks.pop(job_id, None)
        self.read.pop(job_id, None)
        self.served.pop(job_id, None)
        self.absent.discard(job_id)
        self.unread.pop(job_id, None)
        self._listed.pop(job_id, None)

    def _found_as_before(self, found: Mapping[str, list[Row]], job_ids: Iterable[str]) -> set[str]:
        """Return those of some unchanged jobs whose findings are what stands: so does their digest."""
        standing: dict[str, set[Row]] = {}
        left = iter(sorted(job_ids))
        while some := list(islice(left, _PIECE)):
            for row in self._staging.standing(_FINDINGS, some):
                standing.setdefault(row[0], set()).add(row)
        return {job_id for job_id, rows in standing.items() if rows == set(found.get(job_id, ()))}

    def _chunks_of(self, job_id: str) -> Sequence[DigestChunk]:
        """Return what proves a job's rows as they will stand, without its findings.

        Raises:
            StoreError: it is carried over, and its rows are not those that the last snapshot has.
        """
        if job_id in self._chunks:
            return self._chunks[job_id]
        if not self._staging.is_carried(job_id):
            if job_id not in self.read and job_id not in self._listed:
                return []
            return digest_chunks(
                (entity, row) for entity, row in self._staging.staged_of(job_id) if entity is not _FINDINGS
            )
        standing = digest_chunks(
            self._staging.standing_of(job_id, STANDING)
        )  # read once: what is checked is what is taken
        found_before = digest_chunks(self._staging.standing_of(job_id, [_FINDINGS]))
        self._base.check(job_id, merge_chunks([*standing, *found_before]).digest)
        return standing

    def _recompute_findings(self, job_id: str) -> None:
        """Let a job that is carried over keep what was odd about it."""
        rows: dict[str, list[Any]] = {}
        for entity, row in self._staging.rows_of(job_id):
            rows.setdefault(entity.name, []).append(row)
        self.findings.add(normalise(job_id, rebuild(rows)).findings)
        for row in rows.get("job_listings", ()):
            self.findings.add(normalise_listing(job_id, None, rebuild_listing(row), alone=False).findings)


def _of_list(job_id: str, listing: Listing, *, alone: bool) -> PreparedJob:
    return from_normalised(normalise_listing(job_id, listing.parent_job_id, listing.document, alone=alone))
