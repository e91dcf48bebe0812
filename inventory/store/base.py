"""The last snapshot of a source, verified: the next snapshot is built on it.

An export does not read the rows of an unchanged job: it copies the job's digest from `internal_job_digests` into the
digest of the new snapshot, which may then be signed. So these digests must be those of the last snapshot. Otherwise the
owner of the database could write false digests there and have them signed.

The digests are read once and verified in memory, and only this copy is used: a change to the tables after that is in
no new digest. Rows with a `valid_from` or `valid_to` after the last snapshot are in no new digest either; `verify`
reports them. The rows of a job are read again only if no response contains them; `Base.check` verifies those.

The rows of unchanged jobs are not verified here, because that takes a pass over all rows. `verify` does that.
"""

import heapq
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from itertools import groupby
from operator import itemgetter
from typing import Any, NoReturn

from sqlalchemy import Connection, select

from inventory.common.errors import StoreError
from inventory.proof.digest import content_digest, job_digest, row_digest, snapshot_digest
from inventory.proof.signature import SigningKey
from inventory.schema import BY_NAME, ENTITIES, JOB_DIGESTS
from inventory.schema.entities import Entity
from inventory.schema.ledger import SIGNATURES, SOURCES
from inventory.store.raw import last_snapshot, stored_rows

__all__ = ["Base", "check_signing", "verified_base"]

_HINT = "Nothing was written. Run `inventory verify`; if it finds that something was altered, restore a backup"
_JOBLESS_ENTITIES = (BY_NAME["job_listings"], BY_NAME["findings"])  # a job that was never read may have rows here
_JOBS_PER_QUERY = 500


@dataclass(frozen=True)
class Base:
    """The last snapshot of a source; `row` is None before the first.

    digests: job id -> digest in that snapshot; '' is the source itself. stored_digests: the same as stored in
    `internal_job_digests`, which has all of them or none. jobs: the ids with a row in `jobs`. with_findings: the ids
    with a row in `findings`.
    """

    row: dict[str, Any] | None = None
    digests: dict[str, str] = field(default_factory=dict)
    stored_digests: dict[str, str] = field(default_factory=dict)
    jobs: set[str] = field(default_factory=set)
    with_findings: set[str] = field(default_factory=set)

    def check(self, job_id: str, digest: str) -> None:
        """Check the digest of a job's rows, which were read again, against the last snapshot.

        Raises:
            StoreError: it differs.
        """
        if self.row is not None and self.digests.get(job_id) != digest:
            _refuse(self.row, f"the rows of the job {job_id!r} are not those that it has")


def verified_base(connection: Connection, source_id: int) -> Base:
    """Read and verify the last snapshot of a source, within the caller's transaction.

    Raises:
        StoreError: something was altered.
    """
    last = last_snapshot(connection, source_id)
    stored_digests = _job_column(connection, JOB_DIGESTS, source_id, "digest")
    jobs = _job_column(connection, BY_NAME["jobs"], source_id)
    if last is None:
        if stored_digests or jobs:
            name = connection.execute(select(SOURCES.c.name).where(SOURCES.c.id == source_id)).scalar()
            raise StoreError(f"the source {name} has jobs, but no snapshot", _HINT)
        return Base()
    row = last.values
    if last.invalid or snapshot_digest(row["previous_digest"], row["content_digest"], row) != row["digest"]:
        _refuse(row, "its row is not what its digest is over")
    digests = stored_digests or dict(_recompute_digests(connection, source_id))
    if content_digest(digests.items()) != row["content_digest"]:
        _refuse(row, "the digests of the jobs are not those that it has")
    _check_jobs(connection, row, digests, jobs.keys())
    return Base(row, digests, stored_digests, set(jobs), set(_job_column(connection, BY_NAME["findings"], source_id)))


def _job_column(connection: Connection, entity: Entity, source_id: int, name: str | None = None) -> dict[str, str]:
    """Return job id -> value of a column in the job's current row; without a name, the id itself."""
    job_id = entity.current.c[entity.job_column]
    query = select(job_id, entity.current.c[name] if name else job_id).where(entity.current.c.source_id == source_id)
    return {str(key): str(value) for key, value in connection.execute(query)}  # SQLite may hold anything


def _recompute_digests(connection: Connection, source_id: int) -> Iterator[tuple[str, str]]:
    """Yield job id and digest of each job, computed from its rows, for a source without stored digests."""
    streams = [_row_digests(connection, entity, source_id) for entity in ENTITIES]
    for job_id, group in groupby(heapq.merge(*streams, key=itemgetter(0)), key=itemgetter(0)):
        yield job_id, job_digest(digest for _, digest in group)


def _row_digests(
    connection: Connection, entity: Entity, source_id: int, job_ids: Iterable[str] | None = None
) -> Iterator[tuple[str, str]]:
    """Yield job id and digest of each current row, ordered by job; '' for a row with an invalid value."""
    for stored in stored_rows(connection, entity, entity.current, source_id, job_ids):
        row = [stored.values[name] for name in entity.names]
        yield stored.values[entity.job_column], "" if stored.invalid else row_digest(entity, row)


def _check_jobs(connection: Connection, row: dict[str, Any], digests: dict[str, str], jobs: Iterable[str]) -> None:
    """Check that the table `jobs` has exactly the jobs of the last snapshot: a missing one would not be requested.

    Each id of the table must be a job of the snapshot, and the counts must be equal. Every other id of the snapshot
    must get its digest from its rows in the tables of listings and findings alone.
    """
    ids = set(jobs)
    if not ids <= digests.keys() or len(ids) != row["jobs"]:
        _refuse(row, f"it has {row['jobs']} jobs, and the table jobs has others")
    others = sorted(digests.keys() - ids)
    for start in range(0, len(others), _JOBS_PER_QUERY):
        chunk = others[start : start + _JOBS_PER_QUERY]
        found: dict[str, list[str]] = {job_id: [] for job_id in chunk}
        for entity in _JOBLESS_ENTITIES:
            for job_id, digest in _row_digests(connection, entity, row["source_id"], chunk):
                found[job_id].append(digest)
        for job_id, rows in found.items():
            if job_digest(rows) != digests[job_id]:
                _refuse(row, f"the rows of the job {job_id!r} are not those that it has")


def check_signing(connection: Connection, row: dict[str, Any] | None, signer: SigningKey, *, begin: bool) -> str:
    """Check that the last snapshot was signed with the key that signs the next one.

    Args:
        begin: accept a last snapshot that is not signed, or is signed with another key.

    Returns:
        A notice that signing begins or that the key changes; '' if neither.

    Raises:
        StoreError: it was signed otherwise, and `begin` is not set; or its signature is wrong.
    """
    if row is None:
        return ""
    found = connection.execute(select(SIGNATURES).where(SIGNATURES.c.snapshot_id == row["id"])).mappings().first()
    if found is not None and signer.verify(row["digest"], str(found["signature"])):
        return ""
    if found is not None and found["key_id"] == signer.key_id:
        _refuse(row, f"its signature with the key {signer.key_id} is wrong")
    if not begin:
        which = "is not signed" if found is None else f"is signed with another key, {found['key_id']}"
        raise StoreError(
            f"snapshot {row['id']} {which}, and signing.key is {signer.key_id}",
            "Nothing was written. If snapshots were written without that key on purpose, check them with"
            " `inventory verify`, then run the command once with --begin-signing",
        )
    if found is None:
        return f"begins after snapshot {row['id']} with the key {signer.key_id}; what was written before is not covered"
    return f"the key changes after snapshot {row['id']}, from {found['key_id']} to {signer.key_id}"


def _refuse(row: dict[str, Any], why: str) -> NoReturn:
    raise StoreError(f"snapshot {row['id']}, the last of its source, failed verification: {why}", _HINT)
