"""When a request is sent again: tenacity's loop with the service's rules, bounded by time."""

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

__all__ = ["Attempt", "Limits", "Patience", "backoff", "left", "repeated", "retry_after"]

SHORTEST, LONGEST = 0.5, 30.0  # seconds, of a pause between two attempts


@dataclass(frozen=True, slots=True)
class Attempt:
    """One response, and whether to ask again.

    throttled: the service said that it is too much. pause: seconds that it wants to be left alone, from Retry-After.
    """

    page: Page
    again: bool = False
    throttled: bool = False
    pause: float = 0.0


class Patience:
    """How long the service has answered nothing to rely on; shared by all requests that depend on it.

    So a service that is away for good costs `seconds` once, not once for each request.
    """

    def __init__(self, seconds: float) -> None:
        """Take the seconds for which failed requests are retried."""
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
    def fruitless(self) -> float:
        """The seconds since the first of the attempts that failed one after another; 0 where the last did not."""
        since = self._since
        return 0.0 if since is None else time.monotonic() - since

    @property
    def is_over(self) -> bool:
        """Whether nothing was answered for as long as it is bearable."""
        return self._since is not None and self.fruitless >= self.seconds


@dataclass(frozen=True, slots=True)
class Limits:
    """What bounds the attempts of one request.

    deadline: on the monotonic clock; no attempt begins after it, but for the first. attempts: so many, where a fault
    may be that of one job; a service that is out of reach, or throttles, is retried until time is over. latest: the
    first attempt waits no longer for its turn.
    """

    deadline: float
    attempts: int | None = None
    latest: float = float("inf")


def repeated(
    attempt: Callable[[], Attempt], limits: Limits, patience: Patience, stop: Stop,
    on_retry: Callable[[Attempt, int, float], None], **about: Any,
) -> Attempt:  # fmt: skip
    """Attempt until an answer is final, or the limits are reached; then the last one counts.

    Args:
        on_retry: called before each pause, with the attempt before it, its number, and the seconds.
        about: what the log says of a long pause; see `Waits.noted`.

    Raises:
        StoppedError, DeadlineError: see `Stop.wait`.
    """

    def time_left() -> float:
        return min(left(limits.deadline), max(0.0, patience.seconds - patience.fruitless))

    def pause(state: RetryCallState) -> float:
        return max(_last(state).pause, min(backoff(state.attempt_number, patience.fruitless), time_left()))

    def used_up(state: RetryCallState) -> bool:
        last, rest = _last(state), time_left()
        if limits.attempts and state.attempt_number >= limits.attempts and not last.page.unreachable:
            return True
        return rest <= 0 or last.pause > rest

    loop = Retrying(
        retry=retry_if_result(lambda last: last.again),
        wait=pause,
        stop=used_up,
        sleep=lambda seconds: stop.wait(seconds, "the next attempt", **about),
        before_sleep=lambda state: on_retry(_last(state), state.attempt_number, state.upcoming_sleep),
        retry_error_callback=_last,
    )
    result: Attempt = loop(attempt)
    return result


def backoff(number: int, fruitless: float = 0.0) -> float:
    """Return the seconds to wait after the attempt of a number, from 1: exponential, half of it jitter.

    Args:
        fruitless: for how long nobody was answered. The longer that is, the less often each request asks.
    """
    longest = max(SHORTEST * 2.0 ** min(number - 1, 10), fruitless / 4)
    return min(longest, LONGEST) * random.uniform(0.5, 1)  # noqa: S311  # nobody has to guess it


def _last(state: RetryCallState) -> Attempt:
    assert state.outcome is not None  # tenacity asks only after an attempt
    last: Attempt = state.outcome.result()
    return last


def retry_after(text: str | None) -> float:
    """Return the seconds that a Retry-After header asks for, in either of its forms; 0 where it says nothing."""
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


def left(deadline: float) -> float:
    """Return the seconds until a moment of the monotonic clock."""
    return max(0.0, deadline - time.monotonic())
