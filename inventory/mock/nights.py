"""What becomes of an estate from one night to the next: a few jobs differ, a few are gone, a few are new."""

import copy
from collections.abc import Callable, Iterator
from itertools import cycle

from inventory.mock.estate import STATUSES, make_job
from inventory.mock.parts import NEWEST, Dice, Job

__all__ = ["evolve"]

DAY = 86_400_000  # milliseconds
NEW_A_NIGHT = 10_000  # numbers below 0 that one night may give to new jobs


def evolve(jobs: dict[str, Job], night: int, seed: int = 1, share: float = 0.02) -> dict[str, Job]:
    """Return the estate as it is in a night (1, 2, ...), made of the night before; the same for the same seed.

    `share` of the jobs differ, a tenth of that (one at least) are gone, as many are new and stand first. The jobs
    that came in are left as they are; those that do not differ are the same objects.
    """
    dice = Dice(f"{seed}/night {night}")
    ids = list(jobs)
    moved = max(1, round(len(ids) * share / 10)) if ids else 0
    chosen = dice.sample(ids, min(len(ids), moved + max(len(CHANGES), round(len(ids) * share))))
    gone, differing = set(chosen[:moved]), chosen[moved:]
    changed = {job_id: _changed(jobs[job_id], change, dice, night) for job_id, change in zip(differing, cycle(CHANGES))}
    new = dict(_new(night, seed, [jobs[job_id] for job_id in chosen[:moved]]))
    return new | {job_id: changed.get(job_id, job) for job_id, job in jobs.items() if job_id not in gone}


def _new(night: int, seed: int, like: list[Job]) -> Iterator[tuple[str, Job]]:
    """Make as many jobs as are gone, each with as many objects, the newest first."""
    for place, model in enumerate(reversed(like[:NEW_A_NIGHT])):
        number = place - len(like) - (night - 1) * NEW_A_NIGHT
        job = make_job(number, seed, len(model.get("object_infos") or []))
        yield job["id"], job | {"name": f"DRS-night-{night}-{place}"}


def _changed(job: Job, change: Callable[[Job, Dice], None], dice: Dice, night: int) -> Job:
    job = copy.deepcopy(job)
    change(job, dice)
    return job | {"update_time": str(NEWEST + night * DAY + dice.randrange(DAY))}


def _status(job: Job, dice: Dice) -> None:
    job["status"] = dice.choice([status for status in sorted(set(STATUSES)) if status != job.get("status")])


def _address(job: Job, dice: Dice) -> None:
    job["source_endpoint"] = (job.get("source_endpoint") or {}) | {"ip": dice.ip("10.99")}


def _table_added(job: Job, dice: Dice) -> None:
    name = f"table_{dice.hex(6)}"
    table = {"id": f"db00-*-*-{name}", "type": "table", "name": name, "select": "true", "parent_id": "db00"}
    job["object_infos"] = [*(job.get("object_infos") or []), table]


def _table_removed(job: Job, dice: Dice) -> None:
    found = list(job.get("object_infos") or [])
    tables = [place for place, item in enumerate(found) if item.get("type") == "table"]
    if tables:
        del found[dice.choice(tables)]
    job["object_infos"] = found


def _tags(job: Job, dice: Dice) -> None:
    job["tags"] = [{"key": "stage", "value": dice.choice(("test", "prod"))}, {"key": "run", "value": dice.hex(6)}]


CHANGES = (_status, _address, _table_added, _table_removed, _tags)
