"""One exchange over HTTP: the exact bytes out, a bounded answer back. The only user of httpx.

Any status is an answer. Redirects are not followed, for credentials would go along; certificates are checked; proxies
and certificate authorities come from the usual variables (`proxy`, `tls`). What a status means, and whether
to ask again, is for others to decide.
"""

import contextlib
import os
import socket
import time
import zlib
from collections.abc import Iterator
from datetime import UTC, datetime
from tempfile import SpooledTemporaryFile
from threading import Lock
from typing import IO, Any
from urllib.parse import urlsplit
from weakref import WeakSet

import httpcore
import httpx

from inventory import __version__
from inventory.common.body import BodyFile
from inventory.config.endpoints import encode_path, encode_query
from inventory.source.http.body import PackedError, unpacker_for
from inventory.source.http.failure import Route
from inventory.source.http.proxy import Proxy, proxy_for
from inventory.source.http.stream import Backend, Deadline
from inventory.source.http.tls import context
from inventory.source.http.transport import HttpcoreTransport
from inventory.source.transport import Request, Response, RouteError, TransportError, bound

__all__ = ["HELD", "Http"]

_OURS = {"Accept": "application/json", "Accept-Encoding": "gzip", "User-Agent": f"drs-inventory/{__version__}"}
_PORTS = {"http": 80, "https": 443}
_MIB = 1024 * 1024
HELD = 8 * _MIB  # bytes of an answer that wait in memory; beyond, they do so in a temporary file
_KEPT_ALIVE = 5.0  # seconds that a connection waits for its next request
_FAULTS: tuple[type[Exception], ...] = (
    httpcore.TimeoutException, httpcore.NetworkError, httpcore.ProtocolError, httpcore.ProxyError,
    httpcore.UnsupportedProtocol, zlib.error, ValueError, RuntimeError,
)  # fmt: skip
_refused: set[Proxy] = set()  # proxies that did not accept who asks, for the whole process


class Http:
    """The `Transport` of this process."""

    def __init__(self, base_url: str, *, timeout: float, max_body: int, verify: bool = True) -> None:
        """Prepare; nothing is sent yet.

        Args:
            base_url: one that `check_address` accepts; a path in it stands before every path.
            timeout: seconds between two signs of life.
            max_body: bytes of an answer, after unpacking.
            verify: whether the service's certificate is checked.

        Raises:
            RouteError: the address, or a variable that the connection depends on, cannot be used.
        """
        try:
            parts = urlsplit(base_url)
            host, port, default = parts.hostname or "", parts.port, _PORTS[parts.scheme]
            host.encode("ascii")
        except (ValueError, KeyError):
            raise RouteError("the address cannot be used", "Check endpoint and iam_endpoint") from None
        self.url = base_url
        self._base = httpx.URL(base_url)
        self._scheme, self._port = parts.scheme, None if port == default else port
        bracketed = f"[{host}]" if ":" in host else host
        self.host = bracketed if self._port is None else f"{bracketed}:{self._port}"
        self.base_path = parts.path.rstrip("/")
        self._proxy = proxy_for(base_url, os.environ)
        self._route = Route(f"{self._scheme}://{bracketed}:{port or default}", self._proxy)
        self._target_host = bracketed if self._proxy and not self._proxy.is_socks else host  # httpcore adds none
        self._timeout = timeout
        self._max_body = max_body
        self._sockets: WeakSet[socket.socket] = WeakSet()
        self._lock = Lock()
        self._under_way = 0
        self._closed = False
        self._deadline = Deadline()
        self._faults = _FAULTS
        self._answered = False
        self._refusal: RouteError | None = None  # of all answers: another request would meet the same
        transport = HttpcoreTransport(self._made(verify=verify), self._scheme, self._target_host, self._port)
        self._client = httpx.Client(transport=transport, trust_env=False)

    def _made(self, *, verify: bool) -> httpcore.ConnectionPool:
        """Return the connections: as many as who asks at once, for others to bound."""
        proxy = self._proxy
        options: dict[str, Any] = {
            "ssl_context": context(verify=verify) if self._scheme == "https" else None,
            "max_connections": None,
            "keepalive_expiry": _KEPT_ALIVE,
            "network_backend": Backend(self._deadline, self._remember),
        }
        if proxy is None:
            return httpcore.ConnectionPool(**options)
        login = (proxy.user.encode(), proxy.password.encode()) if proxy.user or proxy.password else None
        url = httpcore.URL(scheme=proxy.scheme, host=proxy.host, port=proxy.port, target="/")
        if not proxy.is_socks:
            inner = context(verify=verify) if proxy.scheme == "https" else None
            return httpcore.HTTPProxy(url, login, proxy_ssl_context=inner, **options)
        try:
            import socksio  # httpcore needs it
        except ImportError:
            what = f"{proxy.variable} names a SOCKS proxy, and the package for those is not installed"
            raise RouteError(what, "Run: pip install 'drs-inventory[socks]'") from None
        self._faults += AssertionError, LookupError, socksio.SOCKSError  # what a strange answer ends in
        return httpcore.SOCKSProxy(url, login, **options)

    def send(self, request: Request) -> Response:
        """See `Transport.send`."""
        started = time.monotonic()
        seconds = bound(request, self._timeout)
        if not seconds:
            raise TransportError("timed out", detail=f"{self._route}: no time was left")
        with self._in_use(), contextlib.ExitStack() as closing:
            file = closing.enter_context(SpooledTemporaryFile(HELD))
            self._deadline.begin(seconds)
            status, headers, size = self._exchanged(request, seconds, file)
            at, took = datetime.now(UTC), time.monotonic() - started
            body = BodyFile(file)
            if size > HELD:
                closing.pop_all()  # it is closed with the body
            return Response(status, headers, body if size > HELD else body.whole(), at, took, size)

    def _exchanged(self, request: Request, seconds: float, file: IO[bytes]) -> tuple[int, dict[str, str], int]:
        """Send a request and write the body of its answer to a file; return status, headers and size."""
        if self._proxy in _refused:
            raise self._route.wants_login()
        if self._refusal is not None:
            raise self._refusal
        has_head = False
        try:
            answer = self._client.send(self._built(request), stream=True)
            has_head = True
            with contextlib.closing(answer):
                headers = dict(answer.headers)
                if answer.status_code == 407 and self._proxy and self._scheme == "http":
                    raise httpcore.ProxyError("407")
                size = self._body(answer, headers, file)
                self._answered = True
                return answer.status_code, headers, size
        except TransportError as error:
            failure = self._route.says(error.reason, retry=error.retry, hint=error.hint)
            if isinstance(error, PackedError) and not self._answered:  # then all are packed so
                self._refusal = RouteError(failure.detail, failure.hint)
                raise self._refusal from None
            raise failure from None
        except self._faults as error:
            self._deadline.fail()
            if self._closed:
                raise TransportError("closed", retry=False) from None
            waited = seconds if time.monotonic() >= self._deadline.at else min(seconds, self._timeout)
            why = self._route.failed(error, waited, has_head=has_head, ended=self._deadline.ended)
            if isinstance(why, RouteError) and self._proxy:
                _refused.add(self._proxy)
            raise why from None

    def close(self) -> None:
        """See `Transport.close`."""
        with self._lock:
            self._closed = True
            for each in list(self._sockets):
                _hang_up(each)
        self._close_unused()

    @contextlib.contextmanager
    def _in_use(self) -> Iterator[None]:
        with self._lock:
            if self._closed:
                raise TransportError("closed", retry=False)
            self._under_way += 1
        try:
            yield
        finally:
            with self._lock:
                self._under_way -= 1
            self._close_unused()

    def _close_unused(self) -> None:
        """Close what nobody waits for: else another file may get the descriptor, and be waited for in its place."""
        if self._closed and not self._under_way:
            self._client.close()

    def _built(self, request: Request) -> httpx.Request:
        path, text = encode_path(self.base_path + request.path), encode_query(request.query)
        target = (f"{path}?{text}" if text else path).encode()
        url = self._base.copy_with(raw_path=target)
        if url.raw_path != target:  # dots that are resolved on the way: the signature would not fit
            raise TransportError("the path cannot be sent as it is", retry=False)
        # A request of its own, not the client's: that would add the cookies of earlier answers.
        sent = [(name.encode("ascii"), value.encode()) for name, value in {**_OURS, **request.headers}.items()]
        extensions = {"timeout": httpx.Timeout(self._timeout).as_dict()}
        return httpx.Request(request.method, url, headers=sent, content=request.body, extensions=extensions)

    def _body(self, answer: httpx.Response, headers: dict[str, str], file: IO[bytes]) -> int:
        """Write the body to a file; return its bytes."""
        unpacker = unpacker_for(headers.get("content-encoding", ""), answer.status_code)
        size = 0
        for piece in answer.iter_raw():
            content = unpacker.unpack(piece, self._max_body + 1 - size)
            size += len(content)
            if size > self._max_body:
                raise TransportError(f"the body is larger than {self._max_body / _MIB:g} MiB", retry=False)
            try:
                file.write(content)
            except OSError as error:
                why = f"a body of this size cannot be kept: {error.strerror}"
                raise TransportError(why, retry=False) from None
        if not unpacker.is_whole():
            raise TransportError("answer cut off")
        return size

    def _remember(self, opened: socket.socket) -> None:
        """Keep every socket that is opened: closing the pool does not wake a thread that reads from one."""
        with self._lock:
            self._sockets.add(opened)
            if self._closed:
                _hang_up(opened)


def _hang_up(connection: socket.socket) -> None:
    with contextlib.suppress(OSError):
        connection.shutdown(socket.SHUT_RDWR)
