"""One exchange with a service as the rooms beyond see it: a request out, an answer or none back."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import IO, NamedTuple, Protocol

from inventory.address import Query
from inventory.errors import SourceError
from inventory.jsontext import Json
from inventory.prepare import Asked

__all__ = ["Body", "Exchange", "NoAnswerError", "Prepare", "Request", "Response", "RouteError", "bound", "nothing"]

# One that is too large to hold is the file that it was written to.
Body = bytes | IO[bytes]

# Makes of a body, and the jobs that were asked, an answer with its jobs prepared; None where that cannot be done.
Prepare = Callable[[Body, Asked], dict[str, Json] | None]


@dataclass(frozen=True)
class Response:
    """An answer. headers: names in small letters. at: when it was complete, UTC. seconds: how long it took.

    prepared: the document of the body with its jobs prepared; then `content` is empty, and `size` its bytes.
    """

    status: int
    headers: Mapping[str, str]
    content: bytes
    at: datetime
    seconds: float
    size: int
    prepared: dict[str, Json] | None = None


class NoAnswerError(Exception):
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


def nothing() -> None:
    """Do nothing."""


class Request(NamedTuple):
    """What is sent.

    path: below the base's; it and `query` go out as `encode_path` and `encode_query` write them.
    seconds: bounds the whole exchange, from connecting to the last byte of the body, whatever the server does;
    None: see `bound`.
    jobs: that are asked, where they may come prepared.
    """

    method: str
    path: str
    query: Query = ()
    headers: Mapping[str, str] = {}
    body: bytes = b""
    seconds: float | None = None
    jobs: Asked | None = None


def bound(request: Request, timeout: float) -> float:
    """Return the seconds that an exchange may take as a whole: where the request does not say, four time-outs."""
    return 4 * timeout if request.seconds is None else max(0.0, request.seconds)


class Exchange(Protocol):
    """Connections to one address. Safe to share between threads."""

    url: str
    host: str
    base_path: str

    def send(self, request: Request, arrived: Callable[[], None] = nothing) -> Response:
        """Send one request and read its answer.

        Args:
            arrived: called before anything is made of an answer, where that is to be.

        Raises:
            NoAnswerError: no answer came, or it is larger than allowed.
            RouteError: a proxy does not accept who asks (407), or the first answer is packed as was not asked for.
            SourceError: a worker is lost.
        """

    def close(self) -> None:
        """Give the connections back; whoever still waits for an answer gets none."""
