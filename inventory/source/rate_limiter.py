"""Keeps a number of threads to what a service bears: evenly spaced, slower when throttled, faster again after."""

import time
from threading import Lock
from typing import Any

from inventory.common.cancellation import Stop

__all__ = ["AHEAD", "RateLimiter"]

SLOWEST = 0.1  # requests a second
AHEAD = 1.0  # seconds that a turn is taken before it comes
RECOVERY = 50  # answers without a throttle that bring the full rate back


class RateLimiter:
    """Hands out moments to send at.

    Additive increase, multiplicative decrease, as TCP does: a throttle halves the rate, every answer adds a
    fiftieth of the full one. Throttles of requests that were under way together count as one.
    """

    def __init__(self, per_second: float, stop: Stop) -> None:
        """Take the most requests a second, and who may end the waiting."""
        self._most = self._rate = per_second
        self._stop = stop
        self._last = 0.0  # the last turn that was taken
        self._closed_until = 0.0
        self._slowed = 0.0
        self._lock = Lock()

    @property
    def per_second(self) -> float:
        """The rate of the moment."""
        return self._rate

    def wait(self, until: float = float("inf"), **about: Any) -> bool:
        """Sleep until it is this thread's turn.

        Args:
            until: on the monotonic clock; a turn that comes later is not waited for.
            about: what the log says of a long wait; see `Waits.noted`.

        Returns:
            Whether it is its turn; False where that comes too late.

        Raises:
            StoppedError, DeadlineError: see `Stop.wait`.
        """
        with self._stop.waits.noted("the rate limit", **about):
            while (turn := self._turn(until)) is not None:
                pause = turn - time.monotonic()
                self._stop.wait(min(pause, AHEAD))
                if pause <= AHEAD and turn >= self._closed_until:  # nobody was told to pause while this thread slept
                    return True
        return False

    def _turn(self, until: float) -> float | None:
        """Return the next turn, taken where it is near: the rate may rise until a distant one."""
        with self._lock:
            now = time.monotonic()
            turn = max(now, self._last + 1 / self._rate, self._closed_until)
            if turn > until:
                return None
            if turn - now <= AHEAD:
                self._last = turn
            return turn

    def throttled(self, sent: float, pause: float) -> None:
        """Slow down: the service said that it is too much.

        Args:
            sent: when the request left, on the monotonic clock.
            pause: seconds in which nobody sends: what Retry-After says, or 0.
        """
        with self._lock:
            now = time.monotonic()
            if sent >= self._slowed:
                self._rate = max(min(SLOWEST, self._most), self._rate / 2)
                self._slowed = now
            self._closed_until = max(self._closed_until, now + pause)

    def answered(self) -> None:
        """Speed up a little: the service bore it."""
        with self._lock:
            self._rate = min(self._most, self._rate + self._most / RECOVERY)
