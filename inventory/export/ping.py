"""Tells a watcher, such as a dead man's switch, that a run starts and how it ended: a GET of an address.

The address is a secret: whoever knows it can tell the watcher that all is well. So it is in no message.
"""

import ssl
from collections.abc import Sequence
from http.client import HTTPException
from queue import Empty, SimpleQueue
from threading import Event, Thread
from urllib.error import HTTPError, URLError
from urllib.request import (
    HTTPDefaultErrorHandler,
    HTTPErrorProcessor,
    HTTPHandler,
    HTTPSHandler,
    OpenerDirector,
    ProxyHandler,
    Request,
    UnknownHandler,
)

from inventory import __version__

__all__ = ["PATIENCE", "PAUSES", "StartPing", "ping"]

PATIENCE = 5.0  # seconds for one answer
PAUSES = (1.0, 4.0)  # seconds between the attempts: three take 20 seconds at most

# No others: urllib would also follow redirections, to where nobody chose, and open files.
_HANDLERS = (ProxyHandler, HTTPHandler, HTTPSHandler, HTTPErrorProcessor, HTTPDefaultErrorHandler, UnknownHandler)


Answer = tuple[str | None, bool]  # why it was not told, or None; whether another attempt may help


def ping(
    address: str, timeout: float = PATIENCE, pauses: Sequence[float] = (), enough: Event | None = None
) -> str | None:
    """Ask the address; any 2xx will do, what it says is not read.

    Args:
        timeout: seconds for each attempt.
        pauses: seconds to wait before each further attempt, where one may help.
        enough: once it is set, there are no further attempts.

    Returns:
        None where it was told, else why not, in words.
    """
    enough = enough or Event()
    why, may_pass = _bounded(address, timeout)
    for pause in pauses:
        if why is None or not may_pass or enough.wait(pause):
            break
        why, may_pass = _bounded(address, timeout)
    return why


class StartPing:
    """Tells a watcher beside the run that it starts, since the run must not wait for it."""

    def __init__(self, address: str, timeout: float = PATIENCE, pauses: Sequence[float] = PAUSES) -> None:
        self._timeout = timeout
        self._enough = Event()
        self._told: SimpleQueue[str | None] = SimpleQueue()
        work = Thread(target=lambda: self._told.put(ping(address, timeout, pauses, self._enough)), daemon=True)
        try:
            work.start()
        except RuntimeError:
            self._told.put(_NO_THREAD)

    def end(self, timeout: float | None = None) -> str | None:
        """Make no further attempt, so that none comes after the ping of the run's end; return as `ping` does."""
        self._enough.set()
        try:
            return self._told.get(timeout=self._timeout if timeout is None else timeout)
        except Empty:
            return _silence(self._timeout)


_NO_THREAD = "the system gives no more threads"


def _bounded(address: str, timeout: float) -> Answer:
    """Ask once, in a thread: a name server, or a server that sends a byte now and then, keeps to no timeout."""
    answers: SimpleQueue[Answer] = SimpleQueue()
    try:
        Thread(target=lambda: answers.put(_ask(address, timeout)), daemon=True).start()
        return answers.get(timeout=timeout)
    except Empty:
        return _silence(timeout), True
    except RuntimeError:
        return _NO_THREAD, True


def _ask(address: str, timeout: float) -> Answer:
    opener = OpenerDirector()
    for handler in _HANDLERS:
        opener.add_handler(handler())
    try:
        with opener.open(Request(address, headers={"User-Agent": f"inventory/{__version__}"}), timeout=timeout):  # noqa: S310
            return None, False
    except HTTPError as error:
        error.close()
        return f"it answered {error.code}", error.code >= 500 or error.code in {408, 425, 429}
    except HTTPException:
        return "it did not answer as HTTP does", True
    except OSError as error:
        reason = error.reason if isinstance(error, URLError) else error
        passing = isinstance(reason, OSError) and not isinstance(reason, ssl.SSLCertVerificationError)
        return _why(reason, timeout), passing
    except ValueError:
        return "the address cannot be asked", False


def _why(reason: object, timeout: float) -> str:
    """Say what went wrong in words that cannot hold the address."""
    if isinstance(reason, TimeoutError):
        return _silence(timeout)
    if isinstance(reason, ssl.SSLCertVerificationError):
        return "its certificate is not trusted"
    if isinstance(reason, OSError):
        return f"no connection: {reason.strerror}" if reason.strerror else "no connection"
    return "the address cannot be asked"


def _silence(timeout: float) -> str:
    return f"no answer within {timeout:g} seconds"
