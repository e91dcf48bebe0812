"""When a request is sent again: what Retry-After says, how pauses grow, and what bounds them."""

import time
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest

from inventory.common.cancellation import Stop
from inventory.common.errors import DeadlineError, StoppedError
from inventory.source.answers import Page
from inventory.source.retry import MAX_PAUSE, Attempt, Limits, RetryBudget, backoff, retry_after, run_with_retries

PAGE = Page(("a",), 1, 500, None, datetime.now(UTC))
AWAY = Page(("a", "b"), 1, None, None, datetime.now(UTC), problem="cannot connect", unreachable=True)


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


@pytest.mark.parametrize(
    ("number", "fruitless", "whole"),
    [(1, 0, 0.5), (2, 0, 1), (5, 0, 8), (7, 0, 30), (99, 0, 30), (1, 20, 5), (1, 1e6, 30)],
)
def test_pauses_double_half_of_each_is_jitter_and_they_grow_while_nobody_is_answered(
    number: int, fruitless: float, whole: float
) -> None:
    found = [backoff(number, fruitless) for _ in range(200)]
    assert all(whole / 2 <= pause <= whole <= MAX_PAUSE for pause in found)
    assert max(found) - min(found) > whole / 4


def attempts_of(
    attempt: Attempt, *, seconds: float, attempts: int | None = None, stop: Stop | None = None,
    patience: RetryBudget | None = None,
) -> int:  # fmt: skip
    """Count how often it is tried until patience ends."""
    tries, shared = 0, patience or RetryBudget(seconds)

    def counted() -> Attempt:
        nonlocal tries
        tries += 1
        shared.failed(time.monotonic())
        return attempt

    limits = Limits(time.monotonic() + seconds, attempts)
    assert run_with_retries(counted, limits, shared, stop or Stop(), lambda *_: None) is attempt
    return tries


def test_a_final_answer_ends_it() -> None:
    assert attempts_of(Attempt(PAGE), seconds=60) == 1


@pytest.mark.parametrize("attempts", [1, 2])
def test_a_fault_that_may_be_one_job_s_is_bounded_by_attempts(attempts: int) -> None:
    assert attempts_of(Attempt(PAGE, retry=True), attempts=attempts, seconds=60) == attempts


@pytest.mark.parametrize("page", [PAGE, AWAY])
def test_the_time_is_used_to_its_end(page: Page) -> None:
    """Bounded by attempts with full jitter, they waited for a fraction of it."""
    began = time.monotonic()
    attempts = None if page is PAGE else 2  # nobody there is no fault of a job
    assert attempts_of(Attempt(page, retry=True), seconds=2, attempts=attempts) >= 3
    assert time.monotonic() - began >= 2


def test_no_time_is_one_attempt() -> None:
    assert attempts_of(Attempt(AWAY, retry=True), seconds=0) == 1


def test_patience_is_shared() -> None:
    """A service that was away for all of it gets one attempt of each further request."""
    patience = RetryBudget(0.5)
    assert attempts_of(Attempt(AWAY, retry=True), seconds=60, patience=patience) > 1
    assert patience.is_exhausted
    assert attempts_of(Attempt(AWAY, retry=True), seconds=60, patience=patience) == 1
    patience.answered()
    assert not patience.is_exhausted
    assert attempts_of(Attempt(AWAY, retry=True), seconds=60, patience=patience) > 1


def test_an_attempt_that_fails_after_an_answer_counts_from_that_answer() -> None:
    patience = RetryBudget(60)
    sent = time.monotonic() - 100
    patience.answered()
    patience.failed(sent)
    assert patience.failing_for < 50


def test_a_pause_beyond_the_time_is_not_begun() -> None:
    began = time.monotonic()
    assert attempts_of(Attempt(AWAY, retry=True, throttled=True, pause=1e12), seconds=5) == 1
    assert time.monotonic() - began < 4


def test_a_pause_is_kept_to() -> None:
    began = time.monotonic()
    assert attempts_of(Attempt(PAGE, retry=True, pause=0.4), attempts=2, seconds=60) == 2
    assert time.monotonic() - began >= 0.4


def test_stop_and_deadline_end_it() -> None:
    stop = Stop()
    with pytest.raises(DeadlineError, match=r"the deadline of the source \(0\.2s\) passed"):
        attempts_of(Attempt(AWAY, retry=True), seconds=60, stop=stop.within(0.2, "the source"))
    stop.set()
    with pytest.raises(StoppedError):
        attempts_of(Attempt(AWAY, retry=True), seconds=60, stop=stop)
