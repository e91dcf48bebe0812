"""What is found once in an estate, so that an answer costs its page and not the estate."""

from dataclasses import dataclass

from inventory.mock.estate import Job, sub_tasks

__all__ = ["Index"]

Mark = tuple[int, str | None]


@dataclass(frozen=True)
class Index:
    """Which jobs have which use, in the estate's order, and whose the sub-tasks are.

    It is made again when the estate is another, has another length or ends in another job: whoever adds jobs or
    takes them away is noticed at once. A job's use and children count as they were when it was made.
    """

    jobs: dict[str, Job]
    mark: Mark
    by_use: dict[str, list[str]]
    parents: dict[str, str]

    @classmethod
    def of(cls, jobs: dict[str, Job]) -> "Index":
        """Go through an estate."""
        mark = _mark(jobs)
        by_use: dict[str, list[str]] = {}
        parents: dict[str, str] = {}
        for job_id, job in jobs.copy().items():  # for a test may change the estate meanwhile
            by_use.setdefault(str(job.get("db_use_type")), []).append(job_id)
            parents.update((child, job_id) for child, _ in sub_tasks(job))
        return cls(jobs, mark, by_use, parents)

    def fits(self, jobs: dict[str, Job]) -> bool:
        """Tell whether it was made of these jobs as they are."""
        return self.jobs is jobs and self.mark == _mark(jobs)


def _mark(jobs: dict[str, Job]) -> Mark:
    return len(jobs), next(reversed(jobs), None)
