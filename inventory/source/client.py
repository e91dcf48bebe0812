"""The two calls of the service: batch-detail and the list, each page asked until its answer is final.

A status is an answer; only what ends every hope for the source is an error: credentials that are refused, an
address that is none, a project that does not exist, a redirect.
"""

import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import replace
from datetime import UTC, datetime
from threading import BoundedSemaphore, Lock
from typing import Any

from inventory.errors import SourceError
from inventory.exchange import NoAnswerError, Request, Response
from inventory.jsontext import DEEPEST, Json, canonical, is_empty, read
from inventory.log import logger
from inventory.prepare import Asked
from inventory.settings import Source
from inventory.source.answers import ABSENT_CODES, Page, error_code
from inventory.source.auth import ask
from inventory.source.pace import Pace
from inventory.source.reading import Seen
from inventory.source.record import Recorder
from inventory.source.retry import Attempt, left, repeated, retry_after
from inventory.source.session import Session
from inventory.stop import Stop

__all__ = ["BATCH", "LIST_PAGE", "Client"]

BATCH = 10  # "You can call a maximum of 10 APIs in batches" (the reference's constraint)
LIST_PAGE = 100  # the most jobs that a page of the list holds (API facts, 2.1)
GROUP_ATTEMPTS = 3  # a request for several ids is halved when it fails, which is one more way to ask again

_HINTS = {
    404: "No such address: check region, endpoint and project_id",
    407: "The proxy wants to know who asks: put user and password into the proxy variable",
}
# 429, the gateway's own 5xx, and what the service calls a passing fault (API facts, 5.2).
_AGAIN = frozenset({408, 425, 429, 500, 502, 503, 504})
_TOO_OFTEN, _ABNORMAL = frozenset({"APIGW.0308", "DRS.M01503"}), frozenset({"DRS.M00004", "DRS.M01501"})
_NO_SUCH_PROJECT = "DRS.M00261"
NOTHING_FOUND = "DRS.M00002"  # "empty result" (422): a list without jobs


class Client:
    """Asks batch-detail (Tables 1 to 5) and the list of one project. Safe to share between threads."""

    def __init__(
        self, source: Source, session: Session, pace: Pace, seen: Seen, recorder: Recorder | None, stop: Stop,
        *, looks: bool = True,
    ) -> None:  # fmt: skip
        """Take who asks, how fast, who is told what was seen, and whether anybody looks into a job."""
        self._source = source
        self._session = session
        self._pace = pace
        self._seen = seen
        self._recorder = recorder
        self._stop = stop
        self._looks = looks
        self._turns = BoundedSemaphore(source.concurrency)
        self._lock = Lock()
        self._log = logger()
        self._path = f"/v3/{session.project_id}/jobs"

    def details(self, ids: tuple[str, ...], cur_page: int, deadline: float, asked: Asked) -> Page:
        """Ask for one page of one batch.

        Args:
            ids: at most 10, each once.
            cur_page: from 1.
            asked: the same ids, and what each depends on.
            deadline: on the monotonic clock; no attempt begins after it, but for the first.

        Raises:
            SourceError: the service refuses this source as a whole.
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
            return ""

        blank = Page(ids, cur_page, None, None, datetime.now(UTC))
        attempts = self._source.attempts if len(ids) == 1 else min(GROUP_ATTEMPTS, self._source.attempts)
        return self._final(blank, judge, attempts, deadline, None if self._looks or len(ids) > wanted else asked)

    def listing(self, use: str, cur_page: int) -> Page:
        """Ask for one page of the list.

        Args:
            use: the db_use_type, which the service demands.

        Raises:
            SourceError: the service refuses this source as a whole.
        """
        blank = Page((), cur_page, None, None, datetime.now(UTC), use=use)
        deadline = time.monotonic() + self._source.retry_seconds

        def judge(page: Page) -> str:
            return "" if page.items("jobs") is not None else "without jobs"

        return self._final(blank, judge, self._source.attempts, deadline)

    def relied_on(self, page: Page) -> None:
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

    def _final(
        self, blank: Page, judge: Callable[[Page], str], attempts: int, deadline: float, asked: Asked | None = None
    ) -> Page:
        number = 0
        call = "list" if blank.use else "detail"

        def attempt() -> Attempt:
            nonlocal number
            number += 1
            return self._attempt(call, blank, judge, number, deadline, asked)

        def told(last: Attempt, attempt_number: int) -> None:
            with self._lock:
                self._seen.retries += 1
            why = last.page.problem or f"HTTP {last.page.status}"
            self._log.warning("again", call=call, ids=len(blank.ids), attempt=attempt_number, why=why)

        return repeated(attempt, attempts=attempts, seconds=left(deadline), stop=self._stop, told=told)

    def _attempt(
        self, call: str, blank: Page, judge: Callable[[Page], str], number: int, deadline: float, asked: Asked | None
    ) -> Attempt:
        with ExitStack() as turn:  # for as long as the service is at work: what is made of its answer takes none
            turn.enter_context(self._turns)
            return self._exchange(call, blank, judge, number, deadline, asked, turn.close)

    def _exchange(
        self, call: str, blank: Page, judge: Callable[[Page], str], number: int, deadline: float, asked: Asked | None,
        arrived: Callable[[], None],
    ) -> Attempt:  # fmt: skip
        path, body = self._request(blank)
        self._pace.wait()
        sent = time.monotonic()
        with self._lock:
            self._seen.requests += 1
        try:
            request = Request(
                "POST", path,
                headers={"Content-Type": "application/json", "X-Language": self._source.language},
                body=canonical(body).encode(), seconds=max(self._source.timeout, left(deadline)),
                jobs=asked,
            )  # fmt: skip
            response = ask(self._session.http, self._session.auth, request, arrived)
        except NoAnswerError as error:
            self._log.debug("no answer", call=call, attempt=number, why=error.reason)
            page = replace(
                blank, observed_at=datetime.now(UTC), problem=f"no answer: {error.reason}",
                unreachable=not error.reached,
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
            self._pace.throttled(sent, min(attempt.pause, self._source.retry_seconds))
        else:
            self._pace.answered()
        return attempt

    def _judged(self, blank: Page, response: Response, judge: Callable[[Page], str]) -> Attempt:
        document, problem = _document(response)
        status, code = response.status, error_code(document)
        page = replace(
            blank, status=status, document=document, observed_at=datetime.now(UTC),
            problem=problem and f"HTTP {status} {problem}", request_id=response.headers.get("x-request-id", "")[:100],
        )  # fmt: skip
        self._refuse(page, code)
        if status == 429 or (status >= 400 and code in _TOO_OFTEN):
            return Attempt(page, again=True, throttled=True, pause=retry_after(response.headers.get("retry-after")))
        if status in _AGAIN or (status >= 400 and code in _ABNORMAL):
            pause = retry_after(response.headers.get("retry-after"))
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


def _document(response: Response) -> tuple[Json, str]:
    """Return the JSON document of a body, or what is wrong with it."""
    if response.prepared is not None:
        return response.prepared, ""
    content = response.content
    if not content.strip():
        return None, "with an empty body"
    try:
        document = read(content, deepest=DEEPEST)
    except ValueError:
        return None, "with a body that is not JSON"
    return (None, "with an empty document") if is_empty(document) else (document, "")
