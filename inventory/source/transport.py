"""One exchange with a service: a request out, an answer or none back."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple, Protocol

from inventory.common.body import Body
from inventory.common.errors import SourceError
from inventory.config.endpoints import Query

__all__ = ["Request", "Response", "RouteError", "Transport", "TransportError", "bound"]


@dataclass(frozen=True)
class Response:
    """An answer. headers: names in small letters. at: when it was complete, UTC. seconds: how long it took.

    body: unpacked, `size` bytes.
    """

    status: int
    headers: Mapping[str, str]
    body: Body
    at: datetime
    seconds: float
    size: int

    @property
    def content(self) -> bytes:
        """The body in memory, however large it is."""
        return self.body if isinstance(self.body, bytes) else self.body.whole()


class TransportError(Exception):
    """Nothing to rely on came back.

    reason: why, in a few words that do not change from night to night. detail: the same for a person, with the
    address, the proxy and what is known besides; str() gives it. hint: what to do next, or ''.
    retry: whether asking again may help. reached: whether there was anybody to answer.
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
    """No request can reach the address as it should, or no answer come back.

    A variable for proxies or certificates is wrong, a proxy wants a login, or answers are packed as nobody asked for.
    """


class Request(NamedTuple):
    """What is sent.

    path: below the base's; it and `query` go out as `encode_path` and `encode_query` write them.
    seconds: bounds the whole exchange, from connecting to the last byte of the body, whatever the server does;
    None: see `bound`.
    """

    method: str
    path: str
    query: Query = ()
    headers: Mapping[str, str] = {}
    body: bytes = b""
    seconds: float | None = None


def bound(request: Request, timeout: float) -> float:
    """Return the seconds that an exchange may take as a whole: where the request does not say, four time-outs."""
    return 4 * timeout if request.seconds is None else max(0.0, request.seconds)


class Transport(Protocol):
    """Connections to one address. Safe to share between threads."""

    url: str
    host: str
    base_path: str

    def send(self, request: Request) -> Response:
        """Send one request and read its answer.

        Raises:
            TransportError: no answer came, or it is larger than allowed.
            RouteError: a proxy does not accept who asks (407), or the first answer is packed as was not asked for.
        """

    def close(self) -> None:
        """Give the connections back; whoever still waits for an answer gets none."""
