"""A cache: the digest of each job's last response (`PreparedJob.cache_entry`); an unchanged job is known by it."""

from collections.abc import Container, Mapping
from itertools import islice

from sqlalchemy import Connection, bindparam, delete, exists, select

from inventory.schema import BY_NAME
from inventory.schema.ledger import SERVED
from inventory.store.bulk import row_writer

__all__ = ["save_served", "served_jobs"]

_JOBS_PER_BATCH = 1000


def served_jobs(connection: Connection, source_id: int) -> dict[str, bytes]:
    """Return job id -> digest of the last response, for a source."""
    query = select(SERVED.c.job_id, SERVED.c.digest).where(SERVED.c.source_id == source_id)
    return dict(connection.execute(query).all())


def save_served(
    connection: Connection, source_id: int, served: Mapping[str, bytes | None], before: Container[str]
) -> None:
    """Save the digests of some responses; delete the entries of jobs that no longer exist.

    Args:
        served: job id -> digest; None: do not cache this job.
        before: the ids of jobs that have an entry.
    """
    mine = SERVED.c.source_id == source_id
    jobs = BY_NAME["jobs"].current
    still_exists = exists().where(jobs.c.source_id == source_id, jobs.c.id == SERVED.c.job_id)
    connection.execute(delete(SERVED).where(mine, ~still_exists))
    stale = delete(SERVED).where(mine, SERVED.c.job_id == bindparam("job"))
    write = row_writer(connection, SERVED.name, list(SERVED.columns))
    jobs_served = iter(served.items())
    while some := list(islice(jobs_served, _JOBS_PER_BATCH)):
        if cached := [{"job": job_id} for job_id, _ in some if job_id in before]:
            connection.execute(stale, cached)
        write([(source_id, job_id, digest) for job_id, digest in some if digest])
