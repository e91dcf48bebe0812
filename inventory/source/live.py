"""Reading a project over the network: jobs found and read, what fails halved, what is doubtful asked again.

A request that fails as a whole is halved until the id that spoils it stands alone; an id that an answer
leaves out, answers doubtfully or calls absent is asked once more, alone; a batch whose
`data_transformation` belongs to no one job is asked again one id at a time. Where the list API finds the
jobs, it is read again at the end, and what came or went meanwhile is read or proven absent.
"""

import time
from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from functools import partial
from threading import Lock

from inventory.errors import SourceError
from inventory.redact import Redactor
from inventory.settings import Source
from inventory.source.ahead import as_they_come
from inventory.source.answers import Answer, Page, error_code, interpret, outcome_of, settled
from inventory.source.client import BATCH, Client
from inventory.source.listing import Listings, Sweep, sweep, with_listing
from inventory.source.pace import Pace
from inventory.source.reading import UNLISTED, Absent, Listed, Outcome, Read, Seen, Unread
from inventory.source.record import Recorder
from inventory.source.session import Session
from inventory.stop import Stop

__all__ = ["LiveReading"]

HOPELESS = 5  # requests in a row for nothing, none before with success: the source cannot be read
GIVEN_UP = 20  # requests in a row for nothing, later on: the rest is not asked for
NO_ANSWERS = frozenset({401, 403, 408, 429})
ROUNDS = 3  # how often the list is read again when it changed


class LiveReading:
    """One pass over a project's jobs."""

    def __init__(
        self, source: Source, session: Session, redactor: Redactor, stop: Stop, recorder: Recorder | None = None,
        salt: bytes = b"",
    ) -> None:  # fmt: skip
        """Take what to ask from the source; nothing is sent before `outcomes`."""
        self.label = source.name
        self.requested: set[str] = set()
        self.seen = Seen()
        self._source = source
        self._redactor = redactor
        self._recorder = recorder
        pace = Pace(source.requests_per_second, stop)
        looks = recorder is not None or bool(source.filters.tags)
        self._client = Client(source, session, pace, self.seen, recorder, stop, looks=looks)
        self._listings = Listings(redactor, source.filters)
        self._stop = stop
        self._salt = salt
        self._lock = Lock()
        self._served: Mapping[str, bytes] = {}
        self._answered = False
        self._in_vain = 0
        self._asked: set[str] = set()
        self._left_out: set[str] = set()
        self._unlisted: set[str] = set()
        self._children_told: set[str] = set()

    def outcomes(self, known: set[str], served: Mapping[str, bytes]) -> Iterator[Outcome]:
        """Find the jobs, ask for every id and yield an outcome for each, a little ahead of who takes them.

        Raises:
            SourceError: the service refuses the source, or does not answer at all.
            StoppedError: it was asked to stop.
        """
        self._served = served
        # Twice as many as ask at once: while some answers are looked at, others are under way.
        pool = ThreadPoolExecutor(2 * self._source.concurrency, thread_name_prefix=f"read-{self.label}")
        try:
            if self._source.jobs is None:
                yield from self._all(pool, known)
            else:
                yield from self._read(pool, self._source.jobs, known, None)
        finally:
            self._in_vain = GIVEN_UP  # threads that are still at work ask for nothing more
            pool.shutdown(wait=False, cancel_futures=True)
        if self._recorder is not None:
            self._recorder.finish(self.seen, self._left_out, self._unlisted)

    def _all(self, pool: ThreadPoolExecutor, known: set[str]) -> Iterator[Outcome]:
        """Read all that the list names and all that was known, until the list says the same twice."""
        before = self._sweep(pool)
        if before.problem and not before.named:
            raise SourceError(before.problem, "Without the list no job can be found")
        yield from self._read(pool, self._chosen(before) | (known - self._source.excluded), known, before)
        for number in range(ROUNDS):
            after = self._sweep(pool)
            came = {i for i in self._chosen(after) if i not in self._asked or i not in before.named}
            yield from self._read(pool, came, known, after)
            self.seen.incomplete, self.seen.consistency = after.problem, "torn"
            if after.problem:
                return  # what an unreliable list does not name has not left it
            went = (self._told(before) - self._told(after)) & self.requested
            yield from self._read(pool, went, known, after)
            if not came and not went:
                self.seen.consistency = "repaired" if number or before.problem else "one pass"
                return
            before = after

    def _sweep(self, pool: ThreadPoolExecutor) -> Sweep:
        width = 2 * self._source.concurrency
        found = sweep(self._client.listing, self._client.relied_on, pool, width, self._listings)
        self.seen.findings.extend(found.findings)
        if self._recorder is not None:
            self._recorder.note(found.findings)
        return found

    def _told(self, found: Sweep) -> set[str]:
        """Return the ids that a sweep named, as far as they are asked for: sub-tasks only where they are followed."""
        return {job_id for job_id, parent in found.named.items() if parent is None or self._source.children}

    def _chosen(self, found: Sweep) -> set[str]:
        chosen = found.wanted
        if self._source.children:
            chosen = chosen | {child for job_id in chosen for child, _ in self._listings.children_of(job_id)}
        return chosen - self._source.excluded

    def _read(
        self, pool: ThreadPoolExecutor, ids: Iterable[str], known: set[str], listed: Sweep | None
    ) -> Iterator[Outcome]:
        """Ask for ids in batches; those that the list does not name are asked alone, since alone counts as proof."""
        wanted = sorted(ids)
        again = self._asked.intersection(wanted)  # the later answer counts
        self.seen.findings = [finding for finding in self.seen.findings if finding.job_id not in again]
        self._left_out -= again
        self.requested.update(wanted)
        self._asked.update(wanted)
        named = [job_id for job_id in wanted if listed is None or job_id in listed.named]
        batches = [tuple(named[at : at + BATCH]) for at in range(0, len(named), BATCH)]
        batches += [(job_id,) for job_id in wanted if listed is not None and job_id not in listed.named]
        tasks = (partial(self._batch, batch, None) for batch in batches)
        for outcomes in as_they_come(pool, 2 * self._source.concurrency, tasks):
            self._stop.check()
            for outcome in outcomes:
                yield from self._told_of(self._proven(outcome, listed), known)

    def _proven(self, outcome: Outcome, listed: Sweep | None) -> Outcome:
        """Conclude an absence from silence only where a complete sweep of the whole list names the id no more."""
        job_id = outcome.job_id
        self._unlisted.discard(job_id)
        if not isinstance(outcome, Unread) or outcome.kind != "omitted_job" or listed is None:
            return outcome
        if listed.problem or job_id in listed.named or self._source.filters.enterprise_project_id:
            return outcome
        self._unlisted.add(job_id)
        return Absent(job_id, UNLISTED)

    def _told_of(self, outcome: Outcome, known: set[str]) -> Iterator[Outcome]:
        """Complete an outcome by what the list says, and leave out what the filter on tags does not want."""
        job_id = outcome.job_id
        if isinstance(outcome, Read) and job_id not in known and not self._has_tags(outcome):
            self.requested.discard(job_id)
            self._left_out.add(job_id)
            return
        yield with_listing(outcome, self._listings)
        for child, listing in self._listings.children_of(job_id):
            if child not in self.requested and child not in self._children_told:
                self._children_told.add(child)
                yield Listed(child, listing)

    def _has_tags(self, outcome: Read) -> bool:
        wanted = self._source.filters.tags
        if not wanted:
            return True
        assert isinstance(outcome.document, dict)  # none comes prepared where it is to be looked at
        tags = outcome.document.get("tags")
        found: set[tuple[str, str]] = set()
        for tag in tags if isinstance(tags, list) else ():
            if isinstance(tag, dict):
                pairs = [(tag["key"], tag.get("value"))] if "key" in tag else tag.items()
                found.update((str(key), "" if value is None else str(value)) for key, value in pairs)
        return found.issuperset(wanted)

    def _batch(self, ids: tuple[str, ...], deadline: float | None) -> list[Outcome]:
        deadline = deadline or time.monotonic() + self._source.retry_seconds
        answer = interpret(self._pages(ids, deadline), self._redactor)
        outcomes = [outcome for part in _again(answer) for outcome in self._batch(part, deadline)]
        told = {outcome.job_id for outcome in outcomes}
        with self._lock:
            self.seen.findings.extend(settled(answer, told))
        outcomes.extend(outcome_of(answer, job_id) for job_id in ids if job_id not in told)
        return outcomes

    def _pages(self, ids: tuple[str, ...], deadline: float) -> list[Page]:
        if self._in_vain >= GIVEN_UP:
            why = "not asked: the service answers no more"
            page = Page(ids, 1, None, None, datetime.now(UTC), problem=why, unreachable=True)
            self._client.relied_on(page)
            return [page]
        size = self._source.page_size or len(ids)
        pages: list[Page] = []
        asked = {job_id: (self._salt + self._listings.text_of(job_id), self._served.get(job_id)) for job_id in ids}
        came: set[str] = set()
        for cur_page in range(1, -(-len(ids) // size) + 1):
            page = self._client.details(ids, cur_page, deadline, asked)
            self._client.relied_on(page)
            self._witness(page)
            pages.append(page)
            results = page.items("results")
            if page.status != 200 or results is None:
                break
            came |= page.named()
            if came.issuperset(ids):
                break
        return pages

    def _witness(self, page: Page) -> None:
        """Notice a source that gives nothing: at once where it never did, after a while where it did before."""
        with self._lock:
            if page.status is not None and page.status < 500 and page.status not in NO_ANSWERS and not page.problem:
                self._answered, self._in_vain = True, 0
            elif len(page.ids) == 1 or page.unreachable:
                self._in_vain += 1
            if self._in_vain >= HOPELESS and not self._answered:
                said = page.problem or f"HTTP {page.status} {error_code(page.document)}".rstrip()
                raise SourceError(
                    f"{self._source.endpoint} answers nothing to rely on: {said}",
                    "Check the address, the network and its proxies, and what the user may read",
                )


def _again(answer: Answer) -> list[tuple[str, ...]]:
    """Say which ids are asked once more, and together with which others."""
    ids = answer.ids
    if len(ids) == 1:
        return []
    if answer.failed:
        if answer.unreachable:
            return []  # nobody is there: fewer ids at a time would not help
        return [ids[: len(ids) // 2], ids[len(ids) // 2 :]]
    if answer.unattributed:
        return [(job_id,) for job_id in ids]
    return [(job_id,) for job_id in ids if job_id in answer.unread or job_id in answer.doubtful]
