"""When to end: cooperative cancellation and deadlines, shared by all threads of a run.

SIGTERM and Ctrl-C set it. Nothing sleeps past it, nor past its deadline.
"""

import time
from threading import Event
from typing import Any

from inventory.common.errors import DeadlineError, StoppedError
from inventory.common.waits import Waits

__all__ = ["Stop"]

_UNITS = ((3600, "h"), (60, "m"))


class Stop:
    """A request to end, and the time until which to end by oneself.

    waits: where waits are registered that may take long.
    """

    def __init__(self, waits: Waits | None = None) -> None:
        """Begin without a deadline."""
        self.waits = waits or Waits()
        self._event = Event()
        self._ends = float("inf")
        self._deadline = ""

    def within(self, seconds: float, whose: str) -> "Stop":
        """Return this request to end with a deadline, unless its own is earlier.

        Args:
            seconds: from now on.
            whose: what has the deadline, as messages name it: the run, the source.
        """
        inner = Stop(self.waits)
        inner._event = self._event
        ends = time.monotonic() + seconds
        mine = ends, f"the deadline of {whose} ({_spelled(seconds)})"
        inner._ends, inner._deadline = mine if ends < self._ends else (self._ends, self._deadline)
        return inner

    def set(self) -> None:
        """Ask everybody to end."""
        self._event.set()

    @property
    def is_set(self) -> bool:
        return self._event.is_set()

    @property
    def left(self) -> float:
        """The seconds until the deadline; endless without one."""
        return max(0.0, self._ends - time.monotonic())

    def check(self) -> None:
        """Go on, or end here.

        Raises:
            StoppedError: it was asked to stop.
            DeadlineError: the deadline passed.
        """
        if self._event.is_set():
            raise StoppedError("stopped; what was not finished was not written")
        if time.monotonic() >= self._ends:
            raise DeadlineError(f"{self._deadline} passed", "Raise it, or see in the log what was waited for")

    def wait(self, seconds: float, what: str = "a pause", **about: Any) -> None:
        """Sleep, but not past a request to stop or the deadline.

        Args:
            what: what is waited for, and `about` more of it: see `Waits.noted`.

        Raises:
            StoppedError: it was asked to stop, before or meanwhile.
            DeadlineError: the deadline passed, before or meanwhile.
        """
        seconds = max(0.0, min(seconds, self.left))
        if seconds < self.waits.first:
            self._event.wait(seconds)
        else:
            with self.waits.noted(what, **about):
                self._event.wait(seconds)
        self.check()


def _spelled(seconds: float) -> str:
    for size, unit in _UNITS:
        if seconds >= size and seconds % size == 0:
            return f"{seconds / size:g}{unit}"
    return f"{seconds:g}s"
