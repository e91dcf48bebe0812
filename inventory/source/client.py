"""The two calls of the service, batch-detail and the list: sends a request for a page, with retries.

Any HTTP status is returned as an answer. An error is raised only if no request of this source can succeed: refused
credentials, a wrong address, a project that does not exist, a redirect.
"""

import time
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from threading import BoundedSemaphore, Lock
from typing import Any

from inventory.common import trace
from inventory.common.cancellation import Stop
from inventory.common.errors import SourceError
from inventory.common.exact_json import MAX_DEPTH, Json, canonical, is_empty, read
from inventory.common.log import logger
from inventory.common.waits import MAX_IDS
from inventory.config.settings import Source
from inventory.normalise.split import JobResult, read_answer, with_results
from inventory.source.answers import ABSENT_CODES, Page, error_code
from inventory.source.auth import send_with_auth
from inventory.source.auth.session import Session
from inventory.source.rate_limiter import RESERVE_AHEAD, RateLimiter
from inventory.source.reading import Seen
from inventory.source.record import Recorder
from inventory.source.retry import Attempt, Limits, RetryBudget, retry_after, run_with_retries, seconds_until
from inventory.source.transport import Request, Response, TransportError

__all__ = ["BATCH", "LIST_PAGE", "Client"]

BATCH = 10  # "You can call a maximum of 10 APIs in batches" (the reference's constraint)
LIST_PAGE = 100  # the most jobs that a page of the list holds (API facts, 2.1)
# For one batch-detail request, while the service answers at all. After that a batch is bisected, and a single job is
# deferred to the last rounds. More attempts would delay the other jobs.
MAX_ATTEMPTS = 3

_CHECK_ADDRESS = "Check region, endpoint and project_id. If they are right, the vendor may have withdrawn this API (v3)"
_HINTS = {
    404: _CHECK_ADDRESS,
    407: "The proxy requires a login: put user and password into the proxy variable",
    410: _CHECK_ADDRESS,
}
# 5xx statuses are transient too, except the permanent ones. So are some error codes, under any status: DRS.M00004
# comes with 422 and with 500 (API facts, 5.2).
_TRANSIENT, _PERMANENT = frozenset({408, 425}), frozenset({501, 505})
_THROTTLE_CODES, _TRANSIENT_CODES = frozenset({"APIGW.0308", "DRS.M01503"}), frozenset({"DRS.M00004", "DRS.M01501"})
_NOT_REQUESTED = "not requested: the rate limit left no time for it"
_NO_SUCH_PROJECT = "DRS.M00261"
NOTHING_FOUND = "DRS.M00002"  # "empty result" (422): a list without jobs


class Client:
    """Calls batch-detail (Tables 1 to 5) and the list of one project. Safe to share between threads."""

    def __init__(
        self,
        source: Source,
        session: Session,
        rate_limiter: RateLimiter,
        seen: Seen,
        recorder: Recorder | None,
        stop: Stop,
    ) -> None:
        """Share one session and rate limiter; count requests in `seen`, and record pages if there is a recorder."""
        self._source = source
        self._session = session
        self._rate_limiter = rate_limiter
        self._seen = seen
        self._recorder = recorder
        self._stop = stop
        self._slots = BoundedSemaphore(source.concurrency)
        self._lock = Lock()
        self._log = logger()
        self._span = trace.here()  # of the source: requests are sent by other threads
        self._host = session.http.host
        self._list_budget = RetryBudget(source.retry_seconds)
        self._detail_budget = RetryBudget(source.retry_seconds)
        self._path = f"/v3/{session.project_id}/jobs"

    @property
    def url(self) -> str:
        """The address of the service."""
        return self._session.http.url

    @property
    def is_exhausted(self) -> bool:
        """Whether no batch-detail request was answered for `retry_seconds`."""
        return self._detail_budget.is_exhausted

    def details(self, ids: tuple[str, ...], cur_page: int, deadline: float, *, last_round: bool = False) -> Page:
        """Request one page of one batch.

        Args:
            ids: at most 10, each once.
            cur_page: from 1.
            deadline: on the monotonic clock; only the first attempt may begin after it.
            last_round: one attempt if the fault may be in the job itself, and none after the deadline.

        Raises:
            SourceError: the service refuses this source as a whole, or its deadline passed.
        """
        size = self._source.page_size
        wanted = min(size or len(ids), len(ids) - (cur_page - 1) * size)

        def check(page: Page) -> str:
            results = page.items("results")
            if results is None:
                return "without results"
            promised = {str(wanted), str(len(ids))} - {"0"}
            if len(results) < wanted and str(page.document.get("count")) in promised:
                return "with fewer results than it counts"
            code = _failed_look_up(results)
            return code if code in _THROTTLE_CODES | _TRANSIENT_CODES else ""

        template = Page(ids, cur_page, None, None, datetime.now(UTC))
        limits = Limits(deadline, 1, deadline) if last_round else Limits(deadline, MAX_ATTEMPTS)
        return self._fetch(template, check, limits, self._detail_budget)

    def new_sweep(self) -> None:
        """Start a new sweep of the list: reset its retry budget to `retry_seconds`."""
        self._list_budget = RetryBudget(self._source.retry_seconds)

    def listing(self, use: str, cur_page: int) -> Page:
        """Request one page of the list.

        Args:
            use: the db_use_type, which the service requires.

        Raises:
            SourceError: the service refuses this source as a whole, or its deadline passed.
        """
        template = Page((), cur_page, None, None, datetime.now(UTC), use=use)
        limits = Limits(time.monotonic() + self._source.retry_seconds)

        def check(page: Page) -> str:
            return "" if page.items("jobs") is not None else "without jobs"

        return self._fetch(template, check, limits, self._list_budget)

    def record_page(self, page: Page) -> None:
        """Record a page that was used. A page that was fetched ahead and never used is not recorded."""
        with self._lock:
            self._seen.at(page.observed_at)
        if self._recorder is not None:
            self._recorder.page(*self._request(page), page)

    def _request(self, page: Page) -> tuple[str, dict[str, Any]]:
        """Return the path and the body of the request for a page."""
        if not page.use:
            page_req = {"cur_page": page.cur_page, "per_page": self._source.page_size}
            return f"{self._path}/batch-detail", {"jobs": list(page.ids), "page_req": page_req}
        # engine_type is "" as in the published sample: the documented default, mysql, seems not to be applied.
        body = {"cur_page": page.cur_page, "per_page": LIST_PAGE, "db_use_type": page.use, "engine_type": ""}
        if self._source.filters.enterprise_project_id:
            body["enterprise_project_id"] = self._source.filters.enterprise_project_id
        return self._path, body

    def _fetch(self, template: Page, check: Callable[[Page], str], limits: Limits, budget: RetryBudget) -> Page:
        """Request the page of `template`, with retries. check: returns what is wrong with an answer with status 200."""
        number = 0
        call = "list" if template.use else "detail"
        about = {"host": self._host, "call": call}
        waiting: dict[str, Any] = {**about, "log": self._log, "ids": template.ids}
        last: Attempt | None = None

        def attempt() -> Attempt:
            nonlocal number, last
            number += 1
            until = limits.deadline if last else max(limits.latest, time.monotonic() + RESERVE_AHEAD)
            with self._slots:
                if not self._rate_limiter.wait(until, **waiting):
                    last = last or Attempt(replace(template, problem=_NOT_REQUESTED, unreachable=True), retry=True)
                    return replace(last, retry=False)
                sent = time.monotonic()
                last = self._send(call, template, check, number, limits.deadline)
            if last.retry:
                budget.failed(sent)
            elif last.page.status is not None:
                budget.answered()
            return last

        def on_retry(failed: Attempt, attempt_number: int, pause: float) -> None:
            with self._lock:
                self._seen.retries += 1
            why = failed.page.status_text
            trace.event("retry", {"inventory.attempt": attempt_number, "inventory.pause": pause, "inventory.why": why})
            most = {"attempts": limits.attempts} if limits.attempts and not failed.page.unreachable else {}
            self._log.warning(
                "retrying", **about, ids=list(template.ids[:MAX_IDS]), jobs=len(template.ids), attempt=attempt_number,
                **most, pause=round(pause, 1), why=why,
            )  # fmt: skip

        with trace.span("list" if template.use else "batch", _traced(template), self._span):
            run_with_retries(attempt, limits, budget, self._stop, on_retry, **waiting)
            assert last is not None  # there is at least one attempt
            page: Page = replace(last.page, transient=last.retry)
            trace.annotate({"http.response.status_code": page.status, "inventory.retries": number - 1})
            if page.problem or page.status != 200:
                trace.record_error(page.problem or str(page.status), page.status_text)
            return page

    def _send(self, call: str, template: Page, check: Callable[[Page], str], number: int, deadline: float) -> Attempt:
        path, body = self._request(template)
        sent = time.monotonic()
        with self._lock:
            self._seen.requests += 1
        try:
            request = Request(
                "POST",
                path,
                headers={"Content-Type": "application/json", "X-Language": self._source.language},
                body=canonical(body).encode(),
                seconds=min(self._stop.left, max(self._source.timeout, seconds_until(deadline))),
                until=self._stop.ends,
            )
            with self._stop.waits.register(
                "an answer", seconds=request.seconds or 0, log=self._log, ids=template.ids, host=self._host, call=call
            ):
                response = send_with_auth(self._session.http, self._session.auth, request)
        except TransportError as error:
            self._log.debug("no answer", call=call, attempt=number, why=error.reason)
            page = replace(
                template, observed_at=datetime.now(UTC), problem=error.reason, detail=str(error),
                hint=error.hint, unreachable=not error.reached,
            )  # fmt: skip
            return Attempt(page, retry=error.retry)
        self._log.debug(
            "answer", call=call, attempt=number, status=response.status, seconds=round(response.seconds, 3),
            bytes=response.size, request_id=response.headers.get("x-request-id", ""),
        )  # fmt: skip
        trace.annotate({"inventory.bytes": response.size})
        attempt = self._classify(template, response, check)
        if attempt.throttled:
            with self._lock:
                self._seen.throttles += 1
            self._rate_limiter.throttled(sent, min(attempt.pause, self._source.retry_seconds))
        else:
            self._rate_limiter.answered()
        return attempt

    def _classify(self, template: Page, response: Response, check: Callable[[Page], str]) -> Attempt:
        exact = bool(template.use) or self._recorder is not None
        document, problem = _document(response, exact=exact)
        status = response.status
        page = replace(
            template, status=status, document=document, observed_at=datetime.now(UTC),
            problem=problem and f"HTTP {status} {problem}", request_id=response.headers.get("x-request-id", "")[:100],
        )  # fmt: skip
        code = error_code(document) or _failed_look_up(page.items("results") or [])
        self._raise_if_refused(page, code)
        pause = retry_after(response.headers.get("retry-after"))
        if status == 429 or (status == 413 and pause) or (status >= 400 and code in _THROTTLE_CODES):
            return Attempt(replace(page, unreachable=True), retry=True, throttled=True, pause=pause)
        if (
            status in _TRANSIENT
            or (status >= 500 and status not in _PERMANENT)
            or (status >= 400 and code in _TRANSIENT_CODES)
        ):
            return Attempt(page, retry=True, pause=pause)
        if status == 200 and (why := problem or check(page)):
            return Attempt(replace(page, problem=f"HTTP 200 {why}"), retry=True)
        return Attempt(page)

    def _raise_if_refused(self, page: Page, code: str) -> None:
        """Raise `SourceError` if no request of this source can succeed."""
        status = page.status or 0
        if 300 <= status < 400:
            raise SourceError(
                self._describe(status, code), "Redirects are not followed; set endpoint to the address it leads to"
            )
        if code == _NO_SUCH_PROJECT:
            raise SourceError(self._describe(status, code), "project_id is wrong, or belongs to another region")
        if status in _HINTS and page.items("results") is None and code not in ABSENT_CODES:
            raise SourceError(self._describe(status, code), _HINTS[status])

    def _describe(self, status: int, code: str) -> str:
        return f"{self._session.http.url} answered HTTP {status} {code}".rstrip()


def _traced(page: Page) -> trace.Attributes:
    """Return what the span of a request for a page says of it."""
    if page.use:
        return {"inventory.scenario": page.use, "inventory.page": page.cur_page}
    return {"inventory.ids": len(page.ids), "inventory.page": page.cur_page}


def _document(response: Response, *, exact: bool) -> tuple[Json, str]:
    """Return the JSON document of a body, or what is wrong with it.

    Args:
        exact: parse all of it here; otherwise each result is parsed when its job is normalised.
    """
    body = response.body
    if isinstance(body, bytes) and not body.strip():
        return None, "with an empty body"
    try:
        document = with_results(read(response.content, max_depth=MAX_DEPTH)) if exact else read_answer(body)
    except ValueError:
        return None, "with a body that is not JSON"
    return (None, "with an empty document") if is_empty(document) else (document, "")


def _failed_look_up(results: list[Json]) -> str:
    """Return the error code if the only result says that its job could not be looked up, or ''."""
    result = results[0] if len(results) == 1 else None
    members = result.members if isinstance(result, JobResult) else None
    if members is None or not is_empty(members.get("status")) or not is_empty(members.get("name")):
        return ""
    return error_code(members)
