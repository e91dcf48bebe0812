"""Cooperative cancellation and deadlines, shared by all threads of a run.

SIGTERM and Ctrl-C request a stop. No thread sleeps longer than that, or than its deadline.
"""

import time
from threading import Event
from typing import Any

from inventory.common.errors import DeadlineError, StoppedError
from inventory.common.waits import Waits

__all__ = ["Stop", "with_unit"]

_UNITS = ((3600, "h"), (60, "m"))


class Stop:
    """A stop request shared by threads, and a deadline.

    waits: the register of long waits.
    """

    def __init__(self, waits: Waits | None = None) -> None:
        """Start without a deadline."""
        self.waits = waits or Waits()
        self._event = Event()
        self._ends = float("inf")
        self._deadline = ""

    def within(self, seconds: float, whose: str) -> "Stop":
        """Return the same stop request with a deadline; an earlier deadline of this one stays.

        Args:
            seconds: from now.
            whose: what has the deadline, for messages: the run, the source.
        """
        inner = Stop(self.waits)
        inner._event = self._event
        ends = time.monotonic() + seconds
        own = ends, f"the deadline of {whose} ({with_unit(seconds)})"
        inner._ends, inner._deadline = own if ends < self._ends else (self._ends, self._deadline)
        return inner

    def set(self) -> None:
        """Request a stop of all threads."""
        self._event.set()

    @property
    def is_set(self) -> bool:
        return self._event.is_set()

    @property
    def left(self) -> float:
        """The seconds until the deadline; infinite without one."""
        return max(0.0, self._ends - time.monotonic())

    def check(self) -> None:
        """Return if the thread may go on.

        Raises:
            StoppedError: a stop was requested.
            DeadlineError: the deadline passed.
        """
        if self._event.is_set():
            raise StoppedError("stopped; what was not finished was not written")
        if time.monotonic() >= self._ends:
            raise DeadlineError(f"{self._deadline} passed", "Raise it, or see in the log what was waited for")

    def wait(self, seconds: float, what: str = "a pause", **about: Any) -> None:
        """Sleep, at most until a stop request or the deadline.

        Args:
            what: what is waited for; with the further fields `about` for the log, see `Waits.register`.

        Raises:
            StoppedError: a stop was requested, before or meanwhile.
            DeadlineError: the deadline passed, before or meanwhile.
        """
        seconds = max(0.0, min(seconds, self.left))
        if seconds < self.waits.first:
            self.waits.sign()
            self._event.wait(seconds)
        else:
            with self.waits.register(what, seconds=seconds, **about):
                self._event.wait(seconds)
        self.check()


def with_unit(seconds: float) -> str:
    """Spell seconds in the largest unit that leaves no fraction: 90s, 30m, 6h."""
    for size, unit in _UNITS:
        if seconds >= size and seconds % size == 0:
            return f"{seconds / size:g}{unit}"
    return f"{seconds:g}s"
