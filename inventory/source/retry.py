"""When a request is sent again: tenacity's loop with the service's rules, bounded in attempts and in time."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

from tenacity import RetryCallState, Retrying, retry_if_result, stop_after_attempt, stop_before_delay
from tenacity.wait import wait_random_exponential

from inventory.source.answers import Page
from inventory.stop import Stop

__all__ = ["Attempt", "left", "repeated", "retry_after"]

_BACKOFF = wait_random_exponential(multiplier=0.5, max=20)  # seconds; the whole of each is jitter


@dataclass(frozen=True, slots=True)
class Attempt:
    """One response, and whether to ask again.

    throttled: the service said that it is too much; such attempts are bounded by time alone.
    pause: seconds that it wants to be left alone, from Retry-After.
    """

    page: Page
    again: bool = False
    throttled: bool = False
    pause: float = 0.0


def repeated(
    attempt: Callable[[], Attempt], *, attempts: int, seconds: float, stop: Stop, told: Callable[[Attempt, int], None]
) -> Page:
    """Attempt until an answer is final, or the attempts or the seconds are used up; then the last one counts.

    Args:
        told: called before each further attempt, with the one before and its number.
    """
    tries, time_is_up = stop_after_attempt(attempts), stop_before_delay(seconds)

    def used_up(state: RetryCallState) -> bool:
        return time_is_up(state) or (not _last(state).throttled and tries(state))

    loop = Retrying(
        retry=retry_if_result(lambda last: last.again),
        wait=lambda state: max(_BACKOFF(state), _last(state).pause),
        stop=used_up,
        sleep=stop.wait,
        before_sleep=lambda state: told(_last(state), state.attempt_number),
        retry_error_callback=_last,
    )
    return loop(attempt).page


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
