"""Keeps a number of threads to what a service bears: evenly spaced, slower when throttled, faster again after."""

import time
from threading import Lock

from inventory.stop import Stop

__all__ = ["Pace"]

SLOWEST = 0.1  # requests a second
RECOVERY = 50  # answers without a throttle that bring the full rate back


class Pace:
    """Hands out moments to send at.

    Additive increase, multiplicative decrease, as TCP does: a throttle halves the rate, every answer adds a
    fiftieth of the full one. Throttles of requests that were under way together count as one.
    """

    def __init__(self, per_second: float, stop: Stop) -> None:
        """Take the most requests a second, and who may end the waiting."""
        self._most = self._rate = per_second
        self._stop = stop
        self._next = 0.0
        self._closed_until = 0.0
        self._slowed = 0.0
        self._lock = Lock()

    @property
    def per_second(self) -> float:
        """The rate of the moment."""
        return self._rate

    def wait(self) -> None:
        """Sleep until it is this thread's turn.

        Raises:
            StoppedError: it was asked to stop.
        """
        turn = self._turn()
        self._stop.wait(turn - time.monotonic())
        while turn < self._closed_until:  # somebody was told to pause while this thread slept
            turn = self._turn()
            self._stop.wait(turn - time.monotonic())

    def _turn(self) -> float:
        with self._lock:
            turn = max(time.monotonic(), self._next, self._closed_until)
            self._next = turn + 1 / self._rate
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
