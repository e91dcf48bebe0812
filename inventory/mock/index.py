"""Lookups built once per estate, so that the cost of an answer depends on its page and not on the estate."""

from dataclasses import dataclass

from inventory.mock.estate import Job, sub_tasks

__all__ = ["Index"]

State = tuple[int, str | None]


@dataclass(frozen=True)
class Index:
    """by_use: db_use_type -> job ids, in the estate's order. parents: sub-task id -> job id.

    It is rebuilt if the estate is another object, has another length or another last job: added and removed jobs are
    seen at once. Changes to a job's use or children are not seen.
    """

    jobs: dict[str, Job]
    state: State
    by_use: dict[str, list[str]]
    parents: dict[str, str]

    @classmethod
    def of(cls, jobs: dict[str, Job]) -> "Index":
        """Build the index of an estate."""
        state = _state(jobs)
        by_use: dict[str, list[str]] = {}
        parents: dict[str, str] = {}
        for job_id, job in jobs.copy().items():  # a copy, because a test may change the estate meanwhile
            by_use.setdefault(str(job.get("db_use_type")), []).append(job_id)
            parents.update((child, job_id) for child, _ in sub_tasks(job))
        return cls(jobs, state, by_use, parents)

    def is_current(self, jobs: dict[str, Job]) -> bool:
        """Return whether the index was built from these jobs."""
        return self.jobs is jobs and self.state == _state(jobs)


def _state(jobs: dict[str, Job]) -> State:
    return len(jobs), next(reversed(jobs), None)
