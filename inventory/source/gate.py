"""How a credential is used the first time: alone, and after a refusal never again.

A wrong key that many threads and sources try at once would lock the key, or the user: five wrong
signatures in a row do (API facts, 3.3).
"""

from collections.abc import Iterator
from contextlib import contextmanager
from threading import Lock

from inventory.errors import SourceError
from inventory.stop import Stop

__all__ = ["Gate"]


class Gate:
    """Lets one request at a time through to each host until that host accepted one. Shared by threads and sources."""

    def __init__(self, stop: Stop) -> None:
        self._stop = stop
        self._alone = Lock()
        self._open: set[str] = set()
        self._refusal: SourceError | None = None

    @contextmanager
    def turn(self, host: str) -> Iterator[None]:
        """Hold this while a request is under way.

        Raises:
            SourceError: the credential was refused, perhaps while this one waited.
            StoppedError: it was asked to stop meanwhile.
        """
        alone = self._wait(host)
        try:
            if self._refusal:
                raise SourceError(self._refusal.summary, self._refusal.hint)
            yield
        finally:
            if alone:
                self._alone.release()

    def accepted(self, host: str) -> None:
        """The host knows the credential: from now on requests go side by side."""
        self._open.add(host)

    def refused(self, error: SourceError) -> None:
        """The credential is no good: nobody uses it again in this run."""
        self._refusal = self._refusal or error

    def _wait(self, host: str) -> bool:
        """Wait until the host is known (False), or until it is this thread's turn to try it alone (True)."""
        while host not in self._open:
            if self._alone.acquire(timeout=0.1):
                if host not in self._open:
                    return True
                self._alone.release()  # at once, for the next who waits
            self._stop.check()
        return False
