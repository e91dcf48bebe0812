"""Keeps a number of threads to so many requests a second."""

import time
from threading import Lock

__all__ = ["Pace"]


class Pace:
    """Hands out moments to send at, evenly spaced."""

    def __init__(self, per_second: float) -> None:
        """Take the rate, in requests per second."""
        self._gap = 1 / per_second
        self._next = 0.0
        self._lock = Lock()

    def wait(self) -> None:
        """Sleep until it is this thread's turn."""
        with self._lock:
            now = time.monotonic()
            turn = max(now, self._next)
            self._next = turn + self._gap
        time.sleep(max(0.0, turn - now))
