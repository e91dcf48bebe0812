"""The one wish that every wait heeds: to stop. SIGTERM and Ctrl-C set it; nothing sleeps past it."""

from threading import Event

from inventory.errors import StoppedError

__all__ = ["Stop"]


class Stop:
    """A request to end, shared by all threads of a run."""

    def __init__(self) -> None:
        self._event = Event()

    def set(self) -> None:
        """Ask everybody to end."""
        self._event.set()

    @property
    def is_set(self) -> bool:
        return self._event.is_set()

    def check(self) -> None:
        """Go on, or end here.

        Raises:
            StoppedError: it was asked to stop.
        """
        if self._event.is_set():
            raise StoppedError("stopped; what was not finished was not written")

    def wait(self, seconds: float) -> None:
        """Sleep, but not past a request to stop.

        Raises:
            StoppedError: it was asked to stop, before or meanwhile.
        """
        self._event.wait(max(0.0, seconds))
        self.check()
