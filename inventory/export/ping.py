"""Report the start and the end of a run to a monitoring service, such as a dead man's switch, with a GET request.

The address is a secret: with it anyone can report a success. So it is in no message.
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

__all__ = ["PING_TIMEOUT", "RETRY_PAUSES", "StartPing", "ping"]

PING_TIMEOUT = 5.0  # seconds for one request
RETRY_PAUSES = (1.0, 4.0)  # seconds between the attempts: three take 20 seconds at most

# Only these: urllib's defaults also follow redirections and open files.
_HANDLERS = (ProxyHandler, HTTPHandler, HTTPSHandler, HTTPErrorProcessor, HTTPDefaultErrorHandler, UnknownHandler)


Attempt = tuple[str | None, bool]  # the error or None; whether a retry may help


def ping(
    address: str, timeout: float = PING_TIMEOUT, pauses: Sequence[float] = (), stop: Event | None = None
) -> str | None:
    """Request the address; any 2xx is a success, the body is not read.

    Args:
        timeout: seconds for each attempt.
        pauses: seconds to wait before each retry of a transient failure.
        stop: once it is set, there are no retries.

    Returns:
        None on success, otherwise the error message.
    """
    stop = stop or Event()
    why, is_transient = _request_with_timeout(address, timeout)
    for pause in pauses:
        if why is None or not is_transient or stop.wait(pause):
            break
        why, is_transient = _request_with_timeout(address, timeout)
    return why


class StartPing:
    """Reports the start of a run in a thread, because the run must not wait for it."""

    def __init__(self, address: str, timeout: float = PING_TIMEOUT, pauses: Sequence[float] = RETRY_PAUSES) -> None:
        self._timeout = timeout
        self._stop = Event()
        self._result: SimpleQueue[str | None] = SimpleQueue()
        work = Thread(target=lambda: self._result.put(ping(address, timeout, pauses, self._stop)), daemon=True)
        try:
            work.start()
        except RuntimeError:
            self._result.put(_NO_THREAD)

    def end(self, timeout: float | None = None) -> str | None:
        """Stop retries, so that none comes after the ping of the run's end; return the result of `ping`."""
        self._stop.set()
        try:
            return self._result.get(timeout=self._timeout if timeout is None else timeout)
        except Empty:
            return _timeout_message(self._timeout)


_NO_THREAD = "the system gives no more threads"


def _request_with_timeout(address: str, timeout: float) -> Attempt:
    """Request once, in a thread: urllib's timeout covers neither name resolution nor a slow response."""
    attempts: SimpleQueue[Attempt] = SimpleQueue()
    try:
        Thread(target=lambda: attempts.put(_request(address, timeout)), daemon=True).start()
        return attempts.get(timeout=timeout)
    except Empty:
        return _timeout_message(timeout), True
    except RuntimeError:
        return _NO_THREAD, True


def _request(address: str, timeout: float) -> Attempt:
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
        transient = isinstance(reason, OSError) and not isinstance(reason, ssl.SSLCertVerificationError)
        return _describe(reason, timeout), transient
    except ValueError:
        return "the address cannot be asked", False


def _describe(reason: object, timeout: float) -> str:
    """Describe a failure without the address."""
    if isinstance(reason, TimeoutError):
        return _timeout_message(timeout)
    if isinstance(reason, ssl.SSLCertVerificationError):
        return "its certificate is not trusted"
    if isinstance(reason, OSError):
        return f"no connection: {reason.strerror}" if reason.strerror else "no connection"
    return "the address cannot be asked"


def _timeout_message(timeout: float) -> str:
    return f"no answer within {timeout:g} seconds"
