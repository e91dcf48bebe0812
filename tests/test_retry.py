"""When a request is sent again: what Retry-After says, and where patience ends."""

import time
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest

from inventory.errors import StoppedError
from inventory.mock import DrsServer, Fault
from inventory.source.answers import Page
from inventory.source.retry import Attempt, repeated, retry_after
from inventory.stop import Stop
from tests.live import Export, last

PAGE = Page(("a",), 1, 500, None, datetime.now(UTC))


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("0", 0), ("7", 7), (" 12 ", 12), ("007", 7), ("9" * 400, 999_999_999), (None, 0), ("", 0), ("soon", 0),
        ("-5", 0),
        ("1.5", 0), ("Wed, 21 Oct 2015 07:28:00 GMT", 0), ("Wed, 99 Oct 2015 07:28:00 GMT", 0), ("²", 0),
        ("Fri, 31 Dec 99999 23:59:59 GMT", 0),
    ],
)  # fmt: skip
def test_retry_after_in_seconds_and_nonsense(text: str | None, seconds: float) -> None:
    assert retry_after(text) == seconds


@pytest.mark.parametrize("usegmt", [True, False])
def test_retry_after_as_a_date(usegmt: bool) -> None:
    moment = datetime.now(UTC) + timedelta(seconds=90)
    assert 88 <= retry_after(format_datetime(moment, usegmt=usegmt)) <= 90
    assert 88 <= retry_after(f"{moment:%a, %d %b %Y %H:%M:%S}") <= 90


def attempts_of(attempt: Attempt, *, attempts: int, seconds: float, stop: Stop | None = None) -> int:
    """Count how often it is tried until patience ends."""
    tries = 0

    def counted() -> Attempt:
        nonlocal tries
        tries += 1
        return attempt

    assert repeated(counted, attempts=attempts, seconds=seconds, stop=stop or Stop(), told=lambda *_: None) is PAGE
    return tries


def test_a_final_answer_ends_it() -> None:
    assert attempts_of(Attempt(PAGE), attempts=5, seconds=60) == 1


@pytest.mark.parametrize("attempts", [1, 2, 3])
def test_failures_are_bounded_by_attempts(attempts: int) -> None:
    assert attempts_of(Attempt(PAGE, again=True), attempts=attempts, seconds=60) == attempts


def test_failures_are_bounded_by_time_too() -> None:
    began = time.monotonic()
    assert attempts_of(Attempt(PAGE, again=True, pause=0.2), attempts=100, seconds=0.5) <= 3
    assert time.monotonic() - began < 2


def test_throttles_are_bounded_by_time_alone() -> None:
    began = time.monotonic()
    assert attempts_of(Attempt(PAGE, again=True, throttled=True), attempts=1, seconds=2) > 1
    assert time.monotonic() - began < 4


def test_a_pause_beyond_the_time_is_not_begun() -> None:
    began = time.monotonic()
    assert attempts_of(Attempt(PAGE, again=True, throttled=True, pause=1e12), attempts=5, seconds=5) == 1
    assert time.monotonic() - began < 1


def test_stop_ends_it() -> None:
    stop = Stop()
    stop.set()
    with pytest.raises(StoppedError):
        attempts_of(Attempt(PAGE, again=True), attempts=5, seconds=60, stop=stop)


def test_a_job_that_always_fails_is_asked_so_often_and_no_more(server: DrsServer, export: Export) -> None:
    bad = min(server.jobs)
    server.faults.append(Fault("poison", times=None, job_id=bad))
    export(attempts=4, code=3)
    alone = [request for request in server.requests if request.jobs == [bad]]
    assert len(alone) == 4
    assert all(len(request.jobs) > 1 or request.jobs == [bad] or bad not in request.jobs for request in server.requests)
    together = [tuple(request.jobs) for request in server.requests if len(request.jobs) > 1 and bad in request.jobs]
    assert all(together.count(batch) <= 3 for batch in together)
    assert last()["unreadable"] == 1
