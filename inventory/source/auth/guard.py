"""How a credential is used the first time: alone, and after a refusal never again.

A wrong key that many threads and sources try at once would lock the key, or the user: five wrong
signatures in a row do (API facts, 3.3).
"""

from collections.abc import Hashable, Iterator
from contextlib import contextmanager
from threading import Lock

from inventory.common.cancellation import Stop
from inventory.common.errors import SourceError

__all__ = ["CredentialGuard"]

_EVERYWHERE = ("everywhere",)


class CredentialGuard:
    """Lets one request at a time through to each host until that host accepted one. Shared by threads and sources.

    A scope is what a request is for: one source and its project. A refusal counts for the scope alone where the
    credential was accepted before, or the refusal is about the place; else it counts everywhere.
    """

    def __init__(self, stop: Stop) -> None:
        self._stop = stop
        self._alone = Lock()
        self._open: set[str] = set()
        self._refusals: dict[Hashable, SourceError] = {}

    @contextmanager
    def request(self, host: str, scope: Hashable = None) -> Iterator[None]:
        """Hold this while a request is under way.

        Raises:
            SourceError: the credential was refused, perhaps while this one waited.
            StoppedError: it was asked to stop meanwhile.
        """
        alone = self._wait(host)
        try:
            error = self._refusals.get(_EVERYWHERE) or self._refusals.get(scope)
            if error:
                raise SourceError(error.summary, error.hint)
            yield
        finally:
            if alone:
                self._alone.release()

    @property
    def is_accepted(self) -> bool:
        """Whether any host accepted the credential in this run."""
        return bool(self._open)

    def accepted(self, host: str) -> None:
        """Note that the host knows the credential: from now on requests go side by side."""
        self._open.add(host)

    def refused(self, error: SourceError, scope: Hashable, *, here_only: bool = False) -> None:
        """Note a refusal: nobody uses the credential again in this run, or in this scope."""
        self._refusals.setdefault(scope if here_only or self.is_accepted else _EVERYWHERE, error)

    def _wait(self, host: str) -> bool:
        """Wait until the host is known (False), or until it is this thread's turn to try it alone (True)."""
        while host not in self._open:
            if self._alone.acquire(timeout=0.1):
                if host not in self._open:
                    return True
                self._alone.release()  # at once, for the next who waits
            self._stop.check()
        return False
