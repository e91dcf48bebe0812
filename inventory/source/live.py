"""Reading a project over the network: batches of at most 10 ids, every page, split where it must be.

A request that fails as a whole is halved until the id that spoils it stands alone; an id that an answer
leaves out, answers doubtfully or calls absent is asked once more, alone; a batch whose
`data_transformation` belongs to no one job is asked again one id at a time.
"""

from collections import deque
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from threading import Lock

from inventory.config import Source
from inventory.errors import SourceError
from inventory.redact import Redactor
from inventory.source.answers import Answer, Page, interpret
from inventory.source.client import Client
from inventory.source.pace import Pace
from inventory.source.reading import Absent, Outcome, Read, Seen, Unread

__all__ = ["LiveReading"]

BATCH = 10  # "You can call a maximum of 10 APIs in batches" (the reference's constraint)
HOPELESS = 5  # requests in a row without any answer, none before with one: the service is not there


class LiveReading:
    """One pass over a project's jobs, by their ids."""

    def __init__(self, source: Source, redactor: Redactor) -> None:
        """Take what to ask from the source; nothing is sent before `outcomes`."""
        self.label = source.name
        self.requested = source.jobs
        self.seen = Seen()
        self._source = source
        self._redactor = redactor
        self._pace = Pace(source.requests_per_second)
        self._lock = Lock()
        self._answered = False
        self._silent = 0

    def outcomes(self) -> Iterator[Outcome]:
        """Ask for every id and yield an outcome for each, a few batches ahead of who takes them.

        Raises:
            SourceError: the service refuses the source, or does not answer at all.
        """
        batches = deque(self.requested[at : at + BATCH] for at in range(0, len(self.requested), BATCH))
        client = Client(self._source)
        pool = ThreadPoolExecutor(self._source.concurrency, thread_name_prefix=f"read-{self.label}")
        under_way: deque[Future[list[Outcome]]] = deque()
        try:
            while batches or under_way:
                while batches and len(under_way) < 2 * self._source.concurrency:
                    under_way.append(pool.submit(self._batch, client, batches.popleft()))
                yield from under_way.popleft().result()
        finally:
            pool.shutdown(wait=False, cancel_futures=True)
            client.close()

    def _batch(self, client: Client, ids: tuple[str, ...]) -> list[Outcome]:
        answer = interpret(self._pages(client, ids), self._redactor)
        outcomes: list[Outcome] = []
        for part in self._again(answer):
            outcomes.extend(self._batch(client, part))
        told = {outcome.job_id for outcome in outcomes}
        with self._lock:
            self.seen.findings.extend(f for f in answer.findings if not _settled_later(answer, f.kind, f.job_id, told))
        for job_id in ids:
            if job_id in told:
                continue
            if job_id in answer.read:
                outcomes.append(Read(job_id, answer.read[job_id]))
            elif job_id in answer.absent:
                outcomes.append(Absent(job_id, answer.absent[job_id]))
            else:
                outcomes.append(Unread(job_id, *answer.unread[job_id]))
        return outcomes

    @staticmethod
    def _again(answer: Answer) -> list[tuple[str, ...]]:
        """Say which ids are asked once more, and together with which others."""
        ids = answer.ids
        if len(ids) == 1:
            return []
        if answer.failed:
            if answer.silent:
                return []  # nobody answers: fewer ids at a time would not help
            return [ids[: len(ids) // 2], ids[len(ids) // 2 :]]
        if answer.unattributed:
            return [(job_id,) for job_id in ids]
        return [(job_id,) for job_id in ids if job_id in answer.unread or job_id in answer.doubtful]

    def _pages(self, client: Client, ids: tuple[str, ...]) -> list[Page]:
        size = self._source.page_size or len(ids)
        pages: list[Page] = []
        came: set[str] = set()
        for cur_page in range(1, -(-len(ids) // size) + 1):
            self._pace.wait()
            page = client.page(ids, cur_page)
            self._witness(page)
            pages.append(page)
            results = page.document.get("results") if isinstance(page.document, dict) else None
            if page.status != 200 or not isinstance(results, list):
                break
            came.update(str(result.get("id")) for result in results if isinstance(result, dict))
            if came.issuperset(ids):
                break
        return pages

    def _witness(self, page: Page) -> None:
        with self._lock:
            self.seen.at(page.observed_at)
            self.seen.requests += 1
            self._answered = self._answered or page.status is not None
            self._silent = 0 if page.status is not None else self._silent + 1
            if self._silent >= HOPELESS and not self._answered:
                raise SourceError(
                    f"{self._source.endpoint} does not answer: {page.problem}",
                    "Check the address, the network and its proxies",
                )


def _settled_later(answer: Answer, kind: str, job_id: str, told: set[str]) -> bool:
    """A finding about an answer that was asked again and settled is none."""
    if kind == "unattributed_field":
        return answer.unattributed and bool(told)
    return kind == "repeated_job" and job_id in told
