"""The interface to HTTP: a request, and its response or an error."""

import math
import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple, Protocol

from inventory.common.body import Body
from inventory.common.errors import SourceError
from inventory.config.endpoints import Query

__all__ = ["Request", "Response", "RouteError", "Transport", "TransportError", "time_limit"]


@dataclass(frozen=True)
class Response:
    """A response. headers: names in lower case. at: when it was complete, UTC. seconds: how long it took.

    body: decompressed, `size` bytes.
    """

    status: int
    headers: Mapping[str, str]
    body: Body
    at: datetime
    seconds: float
    size: int

    @property
    def content(self) -> bytes:
        """The whole body in memory."""
        return self.body if isinstance(self.body, bytes) else self.body.whole()


class TransportError(Exception):
    """There was no usable response.

    reason: why, in a few words that are the same in every run. detail: the same for the user, with the address, the
    proxy and other known facts; str() returns it. hint: what to do next, or ''.
    retry: whether a retry may help. reached: whether the service could be reached.
    """

    def __init__(
        self, reason: str, *, retry: bool = True, reached: bool = True, detail: str = "", hint: str = ""
    ) -> None:
        super().__init__(detail or reason)
        self.reason = reason
        self.retry = retry
        self.reached = reached
        self.detail = detail or reason
        self.hint = hint


class RouteError(SourceError):
    """No request to this address can succeed.

    A variable for proxies or certificates is wrong, a proxy requires a login, or responses have an encoding that was
    not requested.
    """


class Request(NamedTuple):
    """A request to send.

    path: below the base address; it and `query` are encoded by `encode_path` and `encode_query`.
    seconds: the time limit of the whole exchange, from connecting to the last byte of the body; None: see
    `time_limit`. until: when it must be over whatever `seconds` says, on the monotonic clock.
    """

    method: str
    path: str
    query: Query = ()
    headers: Mapping[str, str] = {}
    body: bytes = b""
    seconds: float | None = None
    until: float = math.inf


def time_limit(request: Request, timeout: float) -> float:
    """Return the seconds that the whole exchange may take: four time-outs if the request sets no limit."""
    seconds = 4 * timeout if request.seconds is None else request.seconds
    return max(0.0, min(seconds, request.until - time.monotonic()))


class Transport(Protocol):
    """Connections to one address. Safe to share between threads."""

    url: str
    host: str
    base_path: str

    def send(self, request: Request) -> Response:
        """Send one request and read its response.

        Raises:
            TransportError: there was no response, or it is larger than allowed.
            RouteError: a proxy rejects the login (407), or the first response has an encoding that was not requested.
        """

    def close(self) -> None:
        """Close the connections; a thread that still waits for a response gets an error."""
