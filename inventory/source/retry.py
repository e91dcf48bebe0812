"""Retries of a request: tenacity's loop with the service's rules, limited by time."""

import random
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from threading import Lock
from typing import Any

from tenacity import RetryCallState, Retrying, retry_if_result

from inventory.common.cancellation import Stop
from inventory.source.answers import Page

__all__ = ["Attempt", "Limits", "RetryBudget", "backoff", "retry_after", "run_with_retries", "seconds_until"]

MIN_PAUSE, MAX_PAUSE = 0.5, 30.0  # seconds, of a pause between two attempts


@dataclass(frozen=True, slots=True)
class Attempt:
    """One response, and whether to retry.

    throttled: the service rejected it for too many requests. pause: seconds from Retry-After.
    """

    page: Page
    retry: bool = False
    throttled: bool = False
    pause: float = 0.0


class RetryBudget:
    """The time in which failing requests are retried; shared by all requests to the service.

    So an unreachable service costs `seconds` once, not once for each request.
    """

    def __init__(self, seconds: float) -> None:
        """Start with the full time."""
        self.seconds = seconds
        self._since: float | None = None
        self._answered = 0.0
        self._lock = Lock()

    def answered(self) -> None:
        """Note an answer: the service is there."""
        with self._lock:
            self._since, self._answered = None, time.monotonic()

    def failed(self, sent: float) -> None:
        """Note an attempt that failed, sent at a moment of the monotonic clock."""
        with self._lock:
            if self._since is None:
                self._since = max(sent, self._answered)

    @property
    def failing_for(self) -> float:
        """The seconds since the first of the latest consecutive failures; 0 if the last attempt did not fail."""
        since = self._since
        return 0.0 if since is None else time.monotonic() - since

    @property
    def is_exhausted(self) -> bool:
        """Whether all attempts failed for `seconds`."""
        return self._since is not None and self.failing_for >= self.seconds


@dataclass(frozen=True, slots=True)
class Limits:
    """The limits for the attempts of one request.

    deadline: on the monotonic clock; only the first attempt may begin after it. attempts: how many, if the fault may
    be in one job; an unreachable or throttling service is retried until the deadline. latest: until when the first
    attempt may wait for the rate limiter.
    """

    deadline: float
    attempts: int | None = None
    latest: float = float("inf")


def run_with_retries(
    attempt: Callable[[], Attempt], limits: Limits, budget: RetryBudget, stop: Stop,
    on_retry: Callable[[Attempt, int, float], None], **about: Any,
) -> Attempt:  # fmt: skip
    """Retry until an attempt is final or a limit is reached; return the last attempt.

    Args:
        on_retry: called before each pause, with the failed attempt, its number, and the seconds of the pause.
        about: fields for the log entry of a long pause; see `Waits.register`.

    Raises:
        StoppedError, DeadlineError: see `Stop.wait`.
    """

    def time_left() -> float:
        return min(seconds_until(limits.deadline), max(0.0, budget.seconds - budget.failing_for))

    def pause(state: RetryCallState) -> float:
        return max(_last(state).pause, min(backoff(state.attempt_number, budget.failing_for), time_left()))

    def must_stop(state: RetryCallState) -> bool:
        last, rest = _last(state), time_left()
        if limits.attempts and state.attempt_number >= limits.attempts and not last.page.unreachable:
            return True
        return rest <= 0 or last.pause > rest

    loop = Retrying(
        retry=retry_if_result(lambda last: last.retry),
        wait=pause,
        stop=must_stop,
        sleep=lambda seconds: stop.wait(seconds, "the next attempt", **about),
        before_sleep=lambda state: on_retry(_last(state), state.attempt_number, state.upcoming_sleep),
        retry_error_callback=_last,
    )
    result: Attempt = loop(attempt)
    return result


def backoff(number: int, failing_for: float = 0.0) -> float:
    """Return the seconds to wait after attempt `number`, from 1: exponential backoff, half of it jitter.

    Args:
        failing_for: the seconds since the service last answered. The longer, the less often each request is retried.
    """
    longest = max(MIN_PAUSE * 2.0 ** min(number - 1, 10), failing_for / 4)
    return min(longest, MAX_PAUSE) * random.uniform(0.5, 1)  # noqa: S311  # not for security


def _last(state: RetryCallState) -> Attempt:
    assert state.outcome is not None  # tenacity calls this only after an attempt
    last: Attempt = state.outcome.result()
    return last


def retry_after(text: str | None) -> float:
    """Return the seconds that a Retry-After header asks for, in either of its forms; 0 if absent or invalid."""
    if not text:
        return 0.0
    if text.strip().isdecimal():
        return float(text.strip()[:9])
    try:
        moment = parsedate_to_datetime(text)
    except ValueError:
        return 0.0
    moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return max(0.0, (moment - datetime.now(UTC)).total_seconds())


def seconds_until(deadline: float) -> float:
    """Return the seconds until a moment of the monotonic clock."""
    return max(0.0, deadline - time.monotonic())
