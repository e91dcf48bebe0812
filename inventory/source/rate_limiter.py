"""The rate limiter of a source: spaces the requests of all threads evenly, and slows down when throttled."""

import time
from threading import Lock
from typing import Any

from inventory.common.cancellation import Stop

__all__ = ["RESERVE_AHEAD", "RateLimiter"]

SLOWEST = 0.1  # requests a second
RESERVE_AHEAD = 1.0  # seconds: the longest time that a send slot is reserved in advance
RECOVERY = 50  # answers without a throttle until the full rate is reached again


class RateLimiter:
    """Gives each request a time slot.

    Additive increase, multiplicative decrease, as in TCP: a throttle halves the rate, every answer adds a
    fiftieth of the full rate. Throttles of concurrent requests count as one.
    """

    def __init__(self, per_second: float, stop: Stop) -> None:
        """Start at the full rate, `per_second` requests a second; `stop` can end a wait."""
        self._max_rate = self._rate = per_second
        self._stop = stop
        self._last_slot = 0.0  # the last reserved slot
        self._paused_until = 0.0
        self._slowed_at = 0.0
        self._lock = Lock()

    @property
    def per_second(self) -> float:
        """The current rate."""
        return self._rate

    def wait(self, until: float = float("inf"), **about: Any) -> bool:
        """Sleep until this thread may send.

        Args:
            until: on the monotonic clock; a later slot is not waited for.
            about: fields for the log entry of a long wait; see `Waits.register`.

        Returns:
            Whether it may send; False if the next slot is later than `until`.

        Raises:
            StoppedError, DeadlineError: see `Stop.wait`.
        """
        with self._stop.waits.register("the rate limit", **about):
            while (slot := self._reserve(until)) is not None:
                pause = slot - time.monotonic()
                self._stop.wait(min(pause, RESERVE_AHEAD))
                if pause <= RESERVE_AHEAD and slot >= self._paused_until:  # no throttle came while this thread slept
                    return True
        return False

    def _reserve(self, until: float) -> float | None:
        """Return the next slot; reserve it only if it is near, because the rate may rise before a distant one."""
        with self._lock:
            now = time.monotonic()
            slot = max(now, self._last_slot + 1 / self._rate, self._paused_until)
            if slot > until:
                return None
            if slot - now <= RESERVE_AHEAD:
                self._last_slot = slot
            return slot

    def throttled(self, sent: float, pause: float) -> None:
        """Slow down: the service throttled a request.

        Args:
            sent: when the request left, on the monotonic clock.
            pause: seconds in which no request is sent, from Retry-After, or 0.
        """
        with self._lock:
            now = time.monotonic()
            if sent >= self._slowed_at:
                self._rate = max(min(SLOWEST, self._max_rate), self._rate / 2)
                self._slowed_at = now
            self._paused_until = max(self._paused_until, now + pause)

    def answered(self) -> None:
        """Speed up a little: a request was answered without a throttle."""
        with self._lock:
            self._rate = min(self._max_rate, self._rate + self._max_rate / RECOVERY)
