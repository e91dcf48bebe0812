"""The two calls of the service: batch-detail and the list, each page requested until its answer is final.

A status is an answer; only what ends every hope for the source is an error: credentials that are refused, an
address that is none, a project that does not exist, a redirect.
"""

import time
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from threading import BoundedSemaphore, Lock
from typing import Any

from inventory.common.cancellation import Stop
from inventory.common.errors import SourceError
from inventory.common.exact_json import DEEPEST, Json, canonical, is_empty, read
from inventory.common.log import logger
from inventory.common.waits import NAMED
from inventory.config.settings import Source
from inventory.normalise.split import JobResult, read_answer, with_results
from inventory.source.answers import ABSENT_CODES, Page, error_code
from inventory.source.auth import ask
from inventory.source.auth.session import Session
from inventory.source.rate_limiter import AHEAD, RateLimiter
from inventory.source.reading import Seen
from inventory.source.record import Recorder
from inventory.source.retry import Attempt, Limits, Patience, left, repeated, retry_after
from inventory.source.transport import Request, Response, TransportError

__all__ = ["BATCH", "LIST_PAGE", "Client"]

BATCH = 10  # "You can call a maximum of 10 APIs in batches" (the reference's constraint)
LIST_PAGE = 100  # the most jobs that a page of the list holds (API facts, 2.1)
# Of one request for details, while the service answers at all: then a batch is bisected, and one job put off to the
# last round. More would hold up the others.
ATTEMPTS = 3

_WITHDRAWN = "Check region, endpoint and project_id. If they are right, the vendor may have withdrawn this API (v3)"
_HINTS = {
    404: _WITHDRAWN,
    407: "The proxy wants to know who asks: put user and password into the proxy variable",
    410: _WITHDRAWN,
}
# Any 5xx but those that say "never", and what the service calls a transient fault, under whichever status: DRS.M00004
# comes under 422 and under 500 (API facts, 5.2).
_TRANSIENT, _NEVER = frozenset({408, 425}), frozenset({501, 505})
_TOO_OFTEN, _ABNORMAL = frozenset({"APIGW.0308", "DRS.M01503"}), frozenset({"DRS.M00004", "DRS.M01501"})
_NO_TURN = "not requested: the rate limit left no time for it"
_NO_SUCH_PROJECT = "DRS.M00261"
NOTHING_FOUND = "DRS.M00002"  # "empty result" (422): a list without jobs


class Client:
    """Asks batch-detail (Tables 1 to 5) and the list of one project. Safe to share between threads."""

    def __init__(
        self,
        source: Source,
        session: Session,
        rate_limiter: RateLimiter,
        seen: Seen,
        recorder: Recorder | None,
        stop: Stop,
    ) -> None:
        """Take who asks, how fast, and who is told what was seen."""
        self._source = source
        self._session = session
        self._rate_limiter = rate_limiter
        self._seen = seen
        self._recorder = recorder
        self._stop = stop
        self._turns = BoundedSemaphore(source.concurrency)
        self._lock = Lock()
        self._log = logger()
        self._host = session.http.host
        self._listed = Patience(source.retry_seconds)
        self._detailed = Patience(source.retry_seconds)
        self._path = f"/v3/{session.project_id}/jobs"

    @property
    def url(self) -> str:
        """The address that is asked."""
        return self._session.http.url

    @property
    def is_exhausted(self) -> bool:
        """Whether no request for details was answered for `retry_seconds`."""
        return self._detailed.is_over

    def details(self, ids: tuple[str, ...], cur_page: int, deadline: float, *, last_round: bool = False) -> Page:
        """Ask for one page of one batch.

        Args:
            ids: at most 10, each once.
            cur_page: from 1.
            deadline: on the monotonic clock; no attempt begins after it, but for the first.
            last_round: only one attempt, where the fault may be that of one job, and none after the deadline.

        Raises:
            SourceError: the service refuses this source as a whole, or its deadline passed.
        """
        size = self._source.page_size
        wanted = min(size or len(ids), len(ids) - (cur_page - 1) * size)

        def judge(page: Page) -> str:
            results = page.items("results")
            if results is None:
                return "without results"
            promised = {str(wanted), str(len(ids))} - {"0"}
            if len(results) < wanted and str(page.document.get("count")) in promised:
                return "with fewer results than it counts"
            code = _failed_look_up(results)
            return code if code in _TOO_OFTEN | _ABNORMAL else ""

        blank = Page(ids, cur_page, None, None, datetime.now(UTC))
        limits = Limits(deadline, 1, deadline) if last_round else Limits(deadline, ATTEMPTS)
        return self._final(blank, judge, limits, self._detailed)

    def new_sweep(self) -> None:
        """Begin to read the list: from now on it may fail for `retry_seconds` before it is given up."""
        self._listed = Patience(self._source.retry_seconds)

    def listing(self, use: str, cur_page: int) -> Page:
        """Ask for one page of the list.

        Args:
            use: the db_use_type, which the service demands.

        Raises:
            SourceError: the service refuses this source as a whole, or its deadline passed.
        """
        blank = Page((), cur_page, None, None, datetime.now(UTC), use=use)
        limits = Limits(time.monotonic() + self._source.retry_seconds)

        def judge(page: Page) -> str:
            return "" if page.items("jobs") is not None else "without jobs"

        return self._final(blank, judge, limits, self._listed)

    def record_page(self, page: Page) -> None:
        """Note a page that counts: what was fetched ahead and never looked at does not."""
        with self._lock:
            self._seen.at(page.observed_at)
        if self._recorder is not None:
            self._recorder.page(*self._request(page), page)

    def _request(self, page: Page) -> tuple[str, dict[str, Any]]:
        """Return the path and the body that ask for a page."""
        if not page.use:
            page_req = {"cur_page": page.cur_page, "per_page": self._source.page_size}
            return f"{self._path}/batch-detail", {"jobs": list(page.ids), "page_req": page_req}
        # engine_type "" as the published sample has it: the documented default, mysql, seems not to be applied.
        body = {"cur_page": page.cur_page, "per_page": LIST_PAGE, "db_use_type": page.use, "engine_type": ""}
        if self._source.filters.enterprise_project_id:
            body["enterprise_project_id"] = self._source.filters.enterprise_project_id
        return self._path, body

    def _final(self, blank: Page, judge: Callable[[Page], str], limits: Limits, patience: Patience) -> Page:
        number = 0
        call = "list" if blank.use else "detail"
        about = {"host": self._host, "call": call}
        waiting: dict[str, Any] = {**about, "log": self._log, "ids": blank.ids}
        last: Attempt | None = None

        def attempt() -> Attempt:
            nonlocal number, last
            number += 1
            until = limits.deadline if last else max(limits.latest, time.monotonic() + AHEAD)
            with self._turns:
                if not self._rate_limiter.wait(until, **waiting):
                    last = last or Attempt(replace(blank, problem=_NO_TURN, unreachable=True), again=True)
                    return replace(last, again=False)
                sent = time.monotonic()
                last = self._exchange(call, blank, judge, number, limits.deadline)
            if last.again:
                patience.failed(sent)
            elif last.page.status is not None:
                patience.answered()
            return last

        def on_retry(failed: Attempt, attempt_number: int, pause: float) -> None:
            with self._lock:
                self._seen.retries += 1
            self._log.warning(
                "retrying", **about, ids=list(blank.ids[:NAMED]), jobs=len(blank.ids), attempt=attempt_number,
                pause=round(pause, 1), why=failed.page.said,
            )  # fmt: skip

        repeated(attempt, limits, patience, self._stop, on_retry, **waiting)
        assert last is not None  # there is at least one attempt
        return replace(last.page, transient=last.again)

    def _exchange(self, call: str, blank: Page, judge: Callable[[Page], str], number: int, deadline: float) -> Attempt:
        path, body = self._request(blank)
        sent = time.monotonic()
        with self._lock:
            self._seen.requests += 1
        try:
            request = Request(
                "POST",
                path,
                headers={"Content-Type": "application/json", "X-Language": self._source.language},
                body=canonical(body).encode(),
                seconds=min(self._stop.left, max(self._source.timeout, left(deadline))),
            )
            with self._stop.waits.noted("an answer", log=self._log, ids=blank.ids, host=self._host, call=call):
                response = ask(self._session.http, self._session.auth, request)
        except TransportError as error:
            self._log.debug("no answer", call=call, attempt=number, why=error.reason)
            page = replace(
                blank, observed_at=datetime.now(UTC), problem=error.reason, detail=str(error),
                hint=error.hint, unreachable=not error.reached,
            )  # fmt: skip
            return Attempt(page, again=error.retry)
        self._log.debug(
            "answer", call=call, attempt=number, status=response.status, seconds=round(response.seconds, 3),
            bytes=response.size, request_id=response.headers.get("x-request-id", ""),
        )  # fmt: skip
        attempt = self._judged(blank, response, judge)
        if attempt.throttled:
            with self._lock:
                self._seen.throttles += 1
            self._rate_limiter.throttled(sent, min(attempt.pause, self._source.retry_seconds))
        else:
            self._rate_limiter.answered()
        return attempt

    def _judged(self, blank: Page, response: Response, judge: Callable[[Page], str]) -> Attempt:
        exact = bool(blank.use) or self._recorder is not None
        document, problem = _document(response, exact=exact)
        status = response.status
        page = replace(
            blank, status=status, document=document, observed_at=datetime.now(UTC),
            problem=problem and f"HTTP {status} {problem}", request_id=response.headers.get("x-request-id", "")[:100],
        )  # fmt: skip
        code = error_code(document) or _failed_look_up(page.items("results") or [])
        self._refuse(page, code)
        pause = retry_after(response.headers.get("retry-after"))
        if status == 429 or (status == 413 and pause) or (status >= 400 and code in _TOO_OFTEN):
            return Attempt(replace(page, unreachable=True), again=True, throttled=True, pause=pause)
        if status in _TRANSIENT or (status >= 500 and status not in _NEVER) or (status >= 400 and code in _ABNORMAL):
            return Attempt(page, again=True, pause=pause)
        if status == 200 and (why := problem or judge(page)):
            return Attempt(replace(page, problem=f"HTTP 200 {why}"), again=True)
        return Attempt(page)

    def _refuse(self, page: Page, code: str) -> None:
        """Give up where no request of this source can succeed."""
        status = page.status or 0
        if 300 <= status < 400:
            raise SourceError(self._said(status, code), "A redirect is not followed; give the address it leads to")
        if code == _NO_SUCH_PROJECT:
            raise SourceError(self._said(status, code), "The project id is wrong, or of another region")
        if status in _HINTS and page.items("results") is None and code not in ABSENT_CODES:
            raise SourceError(self._said(status, code), _HINTS[status])

    def _said(self, status: int, code: str) -> str:
        return f"{self._session.http.url} answered {status} {code}".rstrip()


def _document(response: Response, *, exact: bool) -> tuple[Json, str]:
    """Return the JSON document of a body, or what is wrong with it.

    Args:
        exact: whether all of it is read here; else each result when its job is normalised.
    """
    body = response.body
    if isinstance(body, bytes) and not body.strip():
        return None, "with an empty body"
    try:
        document = with_results(read(response.content, deepest=DEEPEST)) if exact else read_answer(body)
    except ValueError:
        return None, "with a body that is not JSON"
    return (None, "with an empty document") if is_empty(document) else (document, "")


def _failed_look_up(results: list[Json]) -> str:
    """Return the code of an only result that says that its job could not be looked up, or ''."""
    result = results[0] if len(results) == 1 else None
    members = result.members if isinstance(result, JobResult) else None
    if members is None or not is_empty(members.get("status")) or not is_empty(members.get("name")):
        return ""
    return error_code(members)
