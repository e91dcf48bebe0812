"""Tells a watcher, such as a dead man's switch, how a run ended: one GET of an address from the configuration.

The address is a secret: whoever knows it can tell the watcher that all is well. So it is in no message.
"""

import ssl
from http.client import HTTPException
from queue import Empty, SimpleQueue
from threading import Thread
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

__all__ = ["ping"]

# No others: urllib would also follow redirections, to where nobody chose, and open files.
_HANDLERS = (ProxyHandler, HTTPHandler, HTTPSHandler, HTTPErrorProcessor, HTTPDefaultErrorHandler, UnknownHandler)


def ping(address: str, timeout: float = 5) -> str | None:
    """Ask the address; any 2xx will do, what it says is not read.

    A thread of its own is what bounds the whole: a name server and a server that sends a byte now and then
    keep to no timeout.

    Returns:
        None where it was told, else why not, in words.
    """
    told: SimpleQueue[str | None] = SimpleQueue()
    Thread(target=lambda: told.put(_ask(address, timeout)), daemon=True).start()
    try:
        return told.get(timeout=timeout)
    except Empty:
        return _silence(timeout)


def _ask(address: str, timeout: float) -> str | None:
    opener = OpenerDirector()
    for handler in _HANDLERS:
        opener.add_handler(handler())
    try:
        with opener.open(Request(address, headers={"User-Agent": f"inventory/{__version__}"}), timeout=timeout):  # noqa: S310
            return None
    except HTTPError as error:
        error.close()
        return f"it answered {error.code}"
    except HTTPException:
        return "it did not answer as HTTP does"
    except OSError as error:
        return _why(error.reason if isinstance(error, URLError) else error, timeout)
    except ValueError:
        return "the address cannot be asked"


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
