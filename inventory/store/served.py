"""A cache of the last response of each job (`PreparedJob.cache_entry`): unchanged jobs need not be normalised again."""

from collections.abc import Container, Mapping
from itertools import islice

from sqlalchemy import Connection, bindparam, delete, exists, select

from inventory.schema import BY_NAME
from inventory.schema.ledger import SERVED
from inventory.store.bulk import row_stream

__all__ = ["note_served", "served_jobs"]

_PIECE = 1000  # jobs


def served_jobs(connection: Connection, source_id: int) -> dict[str, bytes]:
    """Return what was noted of each job of a source."""
    query = select(SERVED.c.job_id, SERVED.c.digest).where(SERVED.c.source_id == source_id)
    return dict(connection.execute(query).all())


def note_served(
    connection: Connection, source_id: int, served: Mapping[str, bytes | None], before: Container[str]
) -> None:
    """Note what was served of some jobs, None for what is to be looked at each time; forget the jobs that left.

    Args:
        before: the jobs that something is noted of.
    """
    mine = SERVED.c.source_id == source_id
    jobs = BY_NAME["jobs"].current
    stands = exists().where(jobs.c.source_id == source_id, jobs.c.id == SERVED.c.job_id)
    connection.execute(delete(SERVED).where(mine, ~stands))
    stale = delete(SERVED).where(mine, SERVED.c.job_id == bindparam("job"))
    note = row_stream(connection, SERVED.name, list(SERVED.columns))
    jobs_served = iter(served.items())
    while some := list(islice(jobs_served, _PIECE)):
        if noted := [{"job": job_id} for job_id, _ in some if job_id in before]:
            connection.execute(stale, noted)
        note([(source_id, job_id, digest) for job_id, digest in some if digest])
