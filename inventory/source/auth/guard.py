"""Limits the use of a credential that no host accepted yet: one request at a time, and none after a refusal.

Otherwise many threads and sources would try a wrong key at once and lock the key or the user: five wrong
signatures in a row lock it (API facts, 3.3).
"""

from collections.abc import Hashable, Iterator
from contextlib import contextmanager
from threading import Lock

from inventory.common.cancellation import Stop
from inventory.common.errors import SourceError

__all__ = ["CredentialGuard"]

_EVERYWHERE = ("everywhere",)


class CredentialGuard:
    """Allows one request at a time to each host until that host accepted one. Shared by threads and sources.

    A scope is one source and its project. A refusal counts only for its scope if the credential was accepted before,
    or if the refusal is about the region; otherwise it counts for all scopes.
    """

    def __init__(self, stop: Stop) -> None:
        self._stop = stop
        self._first_use = Lock()
        self._accepted_hosts: set[str] = set()
        self._refusals: dict[Hashable, SourceError] = {}

    @contextmanager
    def request(self, host: str, scope: Hashable = None) -> Iterator[None]:
        """Hold this during a request.

        Raises:
            SourceError: the credential was refused, perhaps while this request waited.
            StoppedError: the run was stopped meanwhile.
        """
        is_first_use = self._wait(host)
        try:
            error = self._refusals.get(_EVERYWHERE) or self._refusals.get(scope)
            if error:
                raise SourceError(error.summary, error.hint)
            yield
        finally:
            if is_first_use:
                self._first_use.release()

    @property
    def is_accepted(self) -> bool:
        """Whether any host accepted the credential in this run."""
        return bool(self._accepted_hosts)

    def accepted(self, host: str) -> None:
        """Note that the host accepted the credential: from now on requests to it run concurrently."""
        self._accepted_hosts.add(host)

    def refused(self, error: SourceError, scope: Hashable, *, scope_only: bool = False) -> None:
        """Note a refusal: the credential is not used again in this run, or in this scope."""
        self._refusals.setdefault(scope if scope_only or self.is_accepted else _EVERYWHERE, error)

    def _wait(self, host: str) -> bool:
        """Wait until the host accepted the credential (False), or until this thread may try it alone (True)."""
        while host not in self._accepted_hosts:
            if self._first_use.acquire(timeout=0.1):
                if host not in self._accepted_hosts:
                    return True
                self._first_use.release()  # at once, for the next waiting thread
            self._stop.check()
        return False
