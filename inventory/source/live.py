"""Reads a project over the network: finds the jobs, requests them in batches, and resolves failures.

A batch that fails as a whole is bisected until the failing job is isolated. An id that an answer omits, answers twice
with different contents or calls absent is requested once more, alone. A batch whose `data_transformation` cannot be
attributed to a job is requested again one id at a time. If the list API finds the jobs, it is read again at the end,
and jobs that appeared or disappeared meanwhile are requested. At the end, jobs that failed for a transient fault are
requested again, alone, until `retry_seconds` are over.
"""

import time
from collections.abc import Iterable, Iterator, Set
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from functools import partial
from threading import Lock

from inventory.common.cancellation import Stop
from inventory.common.errors import DeadlineError, SourceError
from inventory.common.log import logger
from inventory.common.safe_text import count
from inventory.common.waits import MAX_IDS
from inventory.config.settings import Source
from inventory.normalise.redact import Redactor
from inventory.source.answers import Answer, Page, final_findings, interpret, outcome_of
from inventory.source.auth.session import Session
from inventory.source.client import BATCH, Client
from inventory.source.listing import Listings, Sweep, sweep, with_listing
from inventory.source.prefetch import map_unordered
from inventory.source.rate_limiter import RateLimiter
from inventory.source.reading import DELETED, UNLISTED, Absent, Listed, Outcome, Read, Seen, Unread
from inventory.source.record import Recorder

__all__ = ["LiveReading"]

# Consecutive failed requests. One that failed for a transient fault counts only after `retry_seconds`.
# If none succeeded before, the source cannot be read. If the service is unreachable, the rest is not requested.
FAIL_FAST_AFTER = 5
CIRCUIT_OPENS_AFTER = 20  # if each fault may be in the job itself: the rest is not requested
NO_ANSWERS = frozenset({401, 403, 408, 429})
MAX_SWEEPS_AGAIN = 3  # how often the list is read again while it changes
FIRST_PAUSE, MAX_PAUSE = 2.0, 30.0  # seconds before the last rounds; each pause is twice the previous one


class LiveReading:
    """One pass over a project's jobs."""

    def __init__(
        self, source: Source, session: Session, redactor: Redactor, stop: Stop, recorder: Recorder | None = None
    ) -> None:
        """Prepare; nothing is sent before `outcomes`."""
        self.label = source.name
        self.requested: set[str] = set()
        self.seen = Seen()
        self._source = source
        self._redactor = redactor
        self._recorder = recorder
        rate_limiter = RateLimiter(source.requests_per_second, stop)
        self._client = Client(source, session, rate_limiter, self.seen, recorder, stop)
        self._listings = Listings(redactor, source.filters)
        self._stop = stop
        self._lock = Lock()
        self._answered = False
        self._consecutive_failures = 0
        self._circuit_open = False
        self._deferred: set[str] = set()
        self._last_sweep: Sweep | None = None
        self._ever_requested: set[str] = set()
        self._filtered_out: set[str] = set()
        self._unlisted: set[str] = set()
        self._yielded_children: set[str] = set()
        self._deleted: set[str] = set()
        self._listing_only: set[str] = set()
        self._requested_alone: Set[str] = frozenset()
        self._not_absent: set[str] = set()
        self._project_id = session.project_id

    def outcomes(self, known: set[str], not_found: Set[str] = frozenset()) -> Iterator[Outcome]:
        """Find the jobs, request every id and yield an outcome for each; reads a little ahead of the caller.

        Raises:
            SourceError: the service refuses the source, or does not answer at all.
            StoppedError: the run was stopped.
        """
        self._requested_alone = not_found
        pool = ThreadPoolExecutor(2 * self._source.concurrency, thread_name_prefix=f"read-{self.label}")
        try:
            if self._source.jobs is None:
                yield from self._read_all_listed(pool, known)
            else:
                yield from self._read(pool, self._source.jobs, known, None)
            yield from self._last_rounds(pool, known)
            if self._source.jobs and self.requested and not known and not self._not_absent:
                self.seen.incomplete = self._none_found()
        finally:
            self._circuit_open = True  # threads that still run send no further requests
            pool.shutdown(wait=False, cancel_futures=True)
        if self._recorder is not None:
            self._recorder.finish(self.seen, self._filtered_out, self._unlisted, self._deleted, self._listing_only)

    def _none_found(self) -> str:
        """Describe that every configured id is absent, and none was ever known: more likely a wrong project."""
        ids = count(len(self.requested), "configured job")
        return f"found 0 of {ids} in project {self._project_id}; check project_id, region and the job ids"

    def _read_all_listed(self, pool: ThreadPoolExecutor, known: set[str]) -> Iterator[Outcome]:
        """Read all listed and all known jobs, until two sweeps of the list agree."""
        try:
            before = self._sweep(pool)
        except DeadlineError as error:
            raise DeadlineError(
                f"cannot read the job list from {self._client.url}: {error.summary}", error.hint
            ) from None
        if before.problem and not before.named:
            raise self._list_error(before)
        yield from self._read(pool, self._chosen(before) | (known - self._source.excluded), known, before)
        for number in range(MAX_SWEEPS_AGAIN):
            try:
                after = self._sweep(pool)
            except DeadlineError as error:
                self.seen.incomplete, self.seen.consistency = f"the list was not read again: {error.summary}", "torn"
                return
            appeared = {i for i in self._chosen(after) if i not in self._ever_requested or i not in before.named}
            yield from self._read(pool, appeared, known, after)
            self.seen.incomplete, self.seen.consistency = after.problem, "torn"
            if after.problem:
                return  # a job missing from an incomplete list may still exist
            disappeared = (self._followed_ids(before) - self._followed_ids(after)) & self.requested
            yield from self._read(pool, disappeared, known, after)
            if not appeared and not disappeared:
                self.seen.consistency = "repaired" if number or before.problem else "one pass"
                return
            before = after

    def _sweep(self, pool: ThreadPoolExecutor) -> Sweep:
        width = 2 * self._source.concurrency
        self._client.new_sweep()
        found = sweep(
            self._client.listing, self._client.record_page, pool, width, self._listings, self._source.scenarios
        )
        self.seen.findings.extend(found.findings)
        if self._recorder is not None:
            self._recorder.add_findings(found.findings)
        self._last_sweep = found
        return found

    def _list_error(self, found: Sweep) -> SourceError:
        page, what = found.unread, "cannot read the job list from"
        if page is None:
            return SourceError(
                f"{what} {self._client.url}: {found.problem}",
                "No job can be found without the list; run `inventory doctor`",
            )
        return SourceError(f"{what} {self._failure(page)}", _advice(page))

    def _failure(self, page: Page) -> str:
        """Describe a failure: the address, the proxy if there is one, and the cause."""
        has_address = page.detail and page.detail != page.problem
        retried = f" (retried for {self._source.retry_seconds:g} s)" if page.transient else ""
        return (page.detail if has_address else f"{self._client.url}: {page.status_text}") + retried

    def _followed_ids(self, found: Sweep) -> set[str]:
        """Return the listed ids that are requested: sub-tasks only if the configuration includes them."""
        return {job_id for job_id, parent in found.named.items() if parent is None or self._source.children}

    def _chosen(self, found: Sweep) -> set[str]:
        chosen = found.wanted
        if self._source.children:
            chosen = chosen | {child for job_id in chosen for child, _ in self._listings.children_of(job_id)}
        return chosen - self._source.excluded

    def _last_rounds(self, pool: ThreadPoolExecutor, known: set[str]) -> Iterator[Outcome]:
        """Request jobs again, alone and with growing pauses, that failed for a transient fault."""
        pause, until = FIRST_PAUSE, time.monotonic() + self._source.retry_seconds
        while self._deferred and not self._circuit_open:
            pause = min(pause, until - time.monotonic(), MAX_PAUSE)
            if pause <= 0:
                return
            ids = sorted(self._deferred)
            logger().warning(
                "last round", host=self._source.endpoint, ids=ids[:MAX_IDS], jobs=len(ids), pause=round(pause, 1)
            )
            try:
                self._stop.wait(pause, "the last round", ids=ids)
            except DeadlineError:
                return
            yield from self._read(pool, ids, known, self._last_sweep, last_round=until)
            pause *= 2

    def _read(
        self, pool: ThreadPoolExecutor, ids: Iterable[str], known: set[str], listed: Sweep | None,
        last_round: float | None = None,
    ) -> Iterator[Outcome]:  # fmt: skip
        """Request ids in batches. Ids that are not listed are requested alone: only that can prove an absence.

        Args:
            last_round: the deadline of a last round, which requests each id alone, once; None for other rounds.
        """
        wanted = sorted(ids)
        again = self._ever_requested.intersection(wanted)  # the later answer counts
        self.seen.findings = [finding for finding in self.seen.findings if finding.job_id not in again]
        self._filtered_out -= again
        self.requested.update(wanted)
        self._ever_requested.update(wanted)
        self._deferred.difference_update(wanted)
        alone = {i for i in wanted if i in self._requested_alone or (listed is not None and i not in listed.named)}
        together = [job_id for job_id in wanted if job_id not in alone]
        size = 1 if last_round else BATCH
        batches = [tuple(together[at : at + size]) for at in range(0, len(together), size)]
        batches += [(job_id,) for job_id in sorted(alone)]
        tasks = (
            partial(self._batch, batch, last_round, last_round=last_round is not None, is_listed=listed is not None)
            for batch in batches
        )
        for outcomes in map_unordered(pool, 2 * self._source.concurrency, tasks):
            if self._stop.is_set:
                self._stop.check()
            for outcome in outcomes:
                concluded = self._conclude_absence(outcome, listed)
                if isinstance(concluded, Absent):
                    self._not_absent.discard(concluded.job_id)
                else:
                    self._not_absent.add(concluded.job_id)
                if not isinstance(concluded, Unread):
                    self._deferred.discard(concluded.job_id)
                yield from self._with_list(concluded, known, listed)

    def _conclude_absence(self, outcome: Outcome, listed: Sweep | None) -> Outcome:
        """Conclude that an unlisted job is absent if its status is DELETED, or if the answer omits it.

        An omission proves an absence only together with a complete sweep of the whole list.
        """
        job_id = outcome.job_id
        self._unlisted.discard(job_id)
        self._deleted.discard(job_id)
        if listed is not None and job_id in listed.named:
            return outcome
        if isinstance(outcome, Read) and outcome.says_deleted:
            self._deleted.add(job_id)
            return Absent(job_id, DELETED)
        if not isinstance(outcome, Unread) or outcome.kind != "omitted_job" or listed is None:
            return outcome
        if listed.problem or listed.narrow or self._source.filters.enterprise_project_id:
            return outcome
        self._unlisted.add(job_id)
        return Absent(job_id, UNLISTED)

    def _with_list(self, outcome: Outcome, known: set[str], listed: Sweep | None) -> Iterator[Outcome]:
        """Add the listing to an outcome, and its unrequested sub-tasks; drop jobs that the tag filter excludes."""
        job_id = outcome.job_id
        if isinstance(outcome, Read) and job_id not in known and not self._has_tags(outcome):
            self.requested.discard(job_id)
            self._filtered_out.add(job_id)
            return
        self._listing_only.discard(job_id)
        if isinstance(outcome, Absent) and listed is not None and job_id in listed.named:
            self._listing_only.add(job_id)
        if not isinstance(outcome, Absent) or job_id in self._listing_only:
            outcome = with_listing(outcome, self._listings)
        yield outcome
        for child, listing in self._listings.children_of(job_id):
            if child not in self.requested and child not in self._yielded_children:
                self._yielded_children.add(child)
                yield Listed(child, listing)

    def _has_tags(self, outcome: Read) -> bool:
        wanted = self._source.filters.tags
        if not wanted:
            return True
        try:
            tags = self._redactor.job({"tags": outcome.result.document().get("tags")})["tags"]
        except ValueError:  # nested too deeply: normalising it reports this
            return True
        found: set[tuple[str, str]] = set()
        for tag in tags if isinstance(tags, list) else ():
            if isinstance(tag, dict):
                pairs = [(tag["key"], tag.get("value"))] if "key" in tag else tag.items()
                found.update((str(key), "" if value is None else str(value)) for key, value in pairs)
        return found.issuperset(wanted)

    def _batch(
        self, ids: tuple[str, ...], deadline: float | None, *, last_round: bool, is_listed: bool
    ) -> list[Outcome]:
        deadline = deadline or time.monotonic() + self._source.retry_seconds
        pages = self._pages(ids, deadline, last_round=last_round)
        answer = interpret(pages, self._redactor)
        parts = _batches_to_repeat(answer, set() if is_listed else answer.deleted)
        again = partial(self._batch, deadline=deadline, last_round=last_round, is_listed=is_listed)
        outcomes = [outcome for part in parts for outcome in again(part)]
        known = {outcome.job_id for outcome in outcomes}
        final = [outcome_of(answer, job_id) for job_id in ids if job_id not in known]
        with self._lock:
            self.seen.findings.extend(final_findings(answer, known))
            if pages[-1].transient:
                self._deferred.update(outcome.job_id for outcome in final if isinstance(outcome, Unread))
        return outcomes + final

    def _pages(self, ids: tuple[str, ...], deadline: float, *, last_round: bool) -> list[Page]:
        if self._circuit_open:
            return [self._page_not_requested(ids, "the last requests before it failed")]
        size = self._source.page_size or len(ids)
        pages: list[Page] = []
        answered: set[str] = set()
        for cur_page in range(1, -(-len(ids) // size) + 1):
            try:
                page = self._client.details(ids, cur_page, deadline, last_round=last_round)
            except DeadlineError as error:
                return [*pages, self._page_not_requested(ids, error.summary, cur_page)]
            self._client.record_page(page)
            self._count_failures(page)
            pages.append(page)
            results = page.items("results")
            if page.status != 200 or results is None:
                break
            answered |= page.result_ids()
            if answered.issuperset(ids):
                break
        return pages

    def _page_not_requested(self, ids: tuple[str, ...], why: str, cur_page: int = 1) -> Page:
        """Return a page for a request that was not sent, with the reason."""
        why = f"not requested: {why}"
        page = Page(ids, cur_page, None, None, datetime.now(UTC), problem=why, unreachable=True)
        self._client.record_page(page)
        return page

    def _count_failures(self, page: Page) -> None:
        """Count consecutive failures: fail early if the source never answered, stop requesting later if it did."""
        if page.transient and not page.unreachable and not self._client.is_exhausted:
            return  # it is deferred; an unreachable service was retried until the time was over
        with self._lock:
            if page.status is not None and page.status < 500 and page.status not in NO_ANSWERS and not page.problem:
                self._answered, self._consecutive_failures = True, 0
            elif len(page.ids) == 1 or page.unreachable:
                self._consecutive_failures += 1
                most = FAIL_FAST_AFTER if page.transient and page.unreachable else CIRCUIT_OPENS_AFTER
                self._circuit_open = (
                    self._circuit_open or self._consecutive_failures >= most
                )  # from now on nothing more is requested
            if self._consecutive_failures >= FAIL_FAST_AFTER and not self._answered:
                raise SourceError(f"cannot read any job from {self._failure(page)}", _advice(page))


def _advice(page: Page) -> str:
    if page.hint:
        return page.hint
    if page.status in (401, 403):
        return "Check the permissions of the user; run `inventory doctor`"
    return "Check the endpoint, the network and its proxies; run `inventory doctor`"


def _batches_to_repeat(answer: Answer, deleted: set[str]) -> list[tuple[str, ...]]:
    """Return the batches of ids that are requested once more.

    Args:
        deleted: unlisted ids answered with the status DELETED: requested alone, this proves an absence.
    """
    ids = answer.ids
    if len(ids) == 1:
        return []
    if answer.failed:
        if answer.unreachable:
            return []  # a smaller batch would not help
        return [ids[: len(ids) // 2], ids[len(ids) // 2 :]]
    if answer.unattributed:
        return [(job_id,) for job_id in ids]
    return [(job_id,) for job_id in ids if job_id in answer.unread or job_id in answer.conflicting | deleted]
