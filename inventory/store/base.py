"""What the next snapshot builds on: the last one of its source, read once, and proven.

An export does not look at the rows of a job that did not change: it takes the job's digest from `job_digests` into
the new snapshot's, and a signature over that vouches for it. So these digests must be the ones that the last snapshot
has, or whoever owns the database could put digests of his own there, and have them signed.

What is proven is the copy in memory, and nothing but this copy is built on: whatever is altered in the tables between
the proof and the commit, or was before, is in no new digest. So rows with a `valid_from` or `valid_to` beyond the last
snapshot need not be looked for: they are in no new digest either, and `verify` names them once that snapshot is there.
The rows of a job are read again only where no answer has them; `Base.check` is for that.

Not proven here: the rows of jobs that did not change, which cost a whole pass. `verify` does that.
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

__all__ = ["Base", "proven", "signing"]

_HINT = "Nothing was written. Run `inventory verify`; if it finds that something was altered, restore a backup"
_LISTED = (BY_NAME["job_listings"], BY_NAME["findings"])  # what there may be of a job that was never read
_PIECE = 500  # jobs


@dataclass(frozen=True)
class Base:
    """The last snapshot of a source; `row` is None before the first.

    digests: of each job, as that snapshot has them; '' is the source's own. noted: those that stand in `job_digests`:
    all or none. jobs: the ids that have a row in `jobs`. found: those that have one in `findings`.
    """

    row: dict[str, Any] | None = None
    digests: dict[str, str] = field(default_factory=dict)
    noted: dict[str, str] = field(default_factory=dict)
    jobs: set[str] = field(default_factory=set)
    found: set[str] = field(default_factory=set)

    def check(self, job_id: str, digest: str) -> None:
        """Make sure that rows of a job, which were read again, are those of the last snapshot.

        Raises:
            StoreError: they are not.
        """
        if self.row is not None and self.digests.get(job_id) != digest:
            _refuse(self.row, f"the rows of the job {job_id!r} are not those that it has")


def proven(connection: Connection, source_id: int) -> Base:
    """Read the last snapshot of a source and prove it, within a transaction.

    Raises:
        StoreError: something was altered.
    """
    last = last_snapshot(connection, source_id)
    noted, jobs = _column(connection, JOB_DIGESTS, source_id, "digest"), _column(connection, BY_NAME["jobs"], source_id)
    if last is None:
        if noted or jobs:
            name = connection.execute(select(SOURCES.c.name).where(SOURCES.c.id == source_id)).scalar()
            raise StoreError(f"the source {name} has jobs, but no snapshot", _HINT)
        return Base()
    row = last.values
    if last.misfits or snapshot_digest(row["previous_digest"], row["content_digest"], row) != row["digest"]:
        _refuse(row, "its row is not what its digest is over")
    digests = noted or dict(_recomputed(connection, source_id))
    if content_digest(digests.items()) != row["content_digest"]:
        _refuse(row, "the digests of the jobs are not those that it has")
    _check_jobs(connection, row, digests, jobs.keys())
    return Base(row, digests, noted, set(jobs), set(_column(connection, BY_NAME["findings"], source_id)))


def _column(connection: Connection, entity: Entity, source_id: int, name: str | None = None) -> dict[str, str]:
    """Return of each of a source's jobs a column of its current row; without a name, its id."""
    job_id = entity.current.c[entity.job_column]
    query = select(job_id, entity.current.c[name] if name else job_id).where(entity.current.c.source_id == source_id)
    return {str(key): str(value) for key, value in connection.execute(query)}  # SQLite may hold anything


def _recomputed(connection: Connection, source_id: int) -> Iterator[tuple[str, str]]:
    """Yield the digest of each job from its rows: where none are noted."""
    streams = [_digests(connection, entity, source_id) for entity in ENTITIES]
    for job_id, group in groupby(heapq.merge(*streams, key=itemgetter(0)), key=itemgetter(0)):
        yield job_id, job_digest(digest for _, digest in group)


def _digests(
    connection: Connection, entity: Entity, source_id: int, job_ids: Iterable[str] | None = None
) -> Iterator[tuple[str, str]]:
    """Yield job id and digest of each current row, by job; no digest where a value is none of its column."""
    for stored in stored_rows(connection, entity, entity.current, source_id, job_ids):
        row = [stored.values[name] for name in entity.names]
        yield stored.values[entity.job_column], "" if stored.misfits else row_digest(entity, row)


def _check_jobs(connection: Connection, row: dict[str, Any], digests: dict[str, str], jobs: Iterable[str]) -> None:
    """Make sure that `jobs` names the jobs of the last snapshot: who is not in it is not asked for, and leaves unseen.

    Every id in it is a job of the snapshot, as many as that has; and of each other job all rows stand elsewhere.
    """
    ids = set(jobs)
    if not ids <= digests.keys() or len(ids) != row["jobs"]:
        _refuse(row, f"it has {row['jobs']} jobs, and the table jobs has others")
    others = sorted(digests.keys() - ids)
    for at in range(0, len(others), _PIECE):
        piece = others[at : at + _PIECE]
        found: dict[str, list[str]] = {job_id: [] for job_id in piece}
        for entity in _LISTED:
            for job_id, digest in _digests(connection, entity, row["source_id"], piece):
                found[job_id].append(digest)
        for job_id, rows in found.items():
            if job_digest(rows) != digests[job_id]:
                _refuse(row, f"the rows of the job {job_id!r} are not those that it has")


def signing(connection: Connection, row: dict[str, Any] | None, signer: SigningKey, *, begin: bool) -> str:
    """Make sure that the last snapshot was signed with the key that signs the next one.

    Args:
        begin: let the key begin here, after snapshots that nobody signed, or in place of another key.

    Returns:
        What begins here, in words; '' where nothing does.

    Raises:
        StoreError: it was not, and nothing is to begin; or it was altered.
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
    raise StoreError(f"snapshot {row['id']}, the last of its source, does not prove: {why}", _HINT)
