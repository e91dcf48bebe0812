"""Change an estate from one night to the next: a few jobs change, a few are removed, a few are added."""

import copy
from collections.abc import Callable, Iterator
from itertools import cycle

from inventory.mock.estate import STATUSES, make_job
from inventory.mock.parts import NEWEST, Job, Random

__all__ = ["evolve"]

DAY = 86_400_000  # milliseconds
MAX_NEW_PER_NIGHT = 10_000  # negative job numbers reserved for each night


def evolve(jobs: dict[str, Job], night: int, seed: int = 1, share: float = 0.02) -> dict[str, Job]:
    """Return the estate of a night (1, 2, ...) from that of the night before; the same for the same seed.

    A `share` of the jobs changes. A tenth of that number, at least one, is removed, and as many new jobs are put first.
    The given jobs are not modified; unchanged jobs are the same objects.
    """
    rng = Random(f"{seed}/night {night}")
    ids = list(jobs)
    turnover = max(1, round(len(ids) * share / 10)) if ids else 0
    chosen = rng.sample(ids, min(len(ids), turnover + max(len(CHANGES), round(len(ids) * share))))
    gone, differing = set(chosen[:turnover]), chosen[turnover:]
    changed = {job_id: _changed(jobs[job_id], change, rng, night) for job_id, change in zip(differing, cycle(CHANGES))}
    new = dict(_new_jobs(night, seed, [jobs[job_id] for job_id in chosen[:turnover]]))
    return new | {job_id: changed.get(job_id, job) for job_id, job in jobs.items() if job_id not in gone}


def _new_jobs(night: int, seed: int, like: list[Job]) -> Iterator[tuple[str, Job]]:
    """Create a job for each removed one, with as many objects, newest first."""
    for place, model in enumerate(reversed(like[:MAX_NEW_PER_NIGHT])):
        number = place - len(like) - (night - 1) * MAX_NEW_PER_NIGHT
        job = make_job(number, seed, len(model.get("object_infos") or []))
        yield job["id"], job | {"name": f"DRS-night-{night}-{place}"}


def _changed(job: Job, change: Callable[[Job, Random], None], rng: Random, night: int) -> Job:
    job = copy.deepcopy(job)
    change(job, rng)
    return job | {"update_time": str(NEWEST + night * DAY + rng.randrange(DAY))}


def _change_status(job: Job, rng: Random) -> None:
    job["status"] = rng.choice([status for status in sorted(set(STATUSES)) if status != job.get("status")])


def _change_address(job: Job, rng: Random) -> None:
    job["source_endpoint"] = (job.get("source_endpoint") or {}) | {"ip": rng.ip("10.99")}


def _add_table(job: Job, rng: Random) -> None:
    name = f"table_{rng.hex(6)}"
    table = {"id": f"db00-*-*-{name}", "type": "table", "name": name, "select": "true", "parent_id": "db00"}
    job["object_infos"] = [*(job.get("object_infos") or []), table]


def _remove_table(job: Job, rng: Random) -> None:
    found = list(job.get("object_infos") or [])
    tables = [place for place, item in enumerate(found) if item.get("type") == "table"]
    if tables:
        del found[rng.choice(tables)]
    job["object_infos"] = found


def _change_tags(job: Job, rng: Random) -> None:
    job["tags"] = [{"key": "stage", "value": rng.choice(("test", "prod"))}, {"key": "run", "value": rng.hex(6)}]


CHANGES = (_change_status, _change_address, _add_table, _remove_table, _change_tags)
