"""Sends one HTTP request with exactly the given bytes and reads a response of limited size. The only user of httpx.

Any status is returned as a response. Redirects are not followed, because credentials would be sent along; certificates
are checked; proxies and certificate authorities come from the usual variables (`proxy`, `tls`). The callers decide
what a status means and whether to retry.
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
from inventory.common import trace
from inventory.common.body import BodyFile
from inventory.config.endpoints import encode_path, encode_query
from inventory.source.http.body import EncodingError, unpacker_for
from inventory.source.http.failure import Route
from inventory.source.http.proxy import Proxy, proxy_for
from inventory.source.http.stream import Backend, Deadline
from inventory.source.http.tls import context
from inventory.source.http.transport import HttpcoreTransport
from inventory.source.transport import Request, Response, RouteError, TransportError, time_limit

__all__ = ["MAX_IN_MEMORY", "Http"]

_HEADERS = {"Accept": "application/json", "Accept-Encoding": "gzip", "User-Agent": f"drs-inventory/{__version__}"}
_PORTS = {"http": 80, "https": 443}
_MIB = 1024 * 1024
MAX_IN_MEMORY = 8 * _MIB  # bytes; a larger response is kept in a temporary file
_KEEP_ALIVE = 5.0  # seconds that an idle connection is kept open
_FAULTS: tuple[type[Exception], ...] = (
    httpcore.TimeoutException, httpcore.NetworkError, httpcore.ProtocolError, httpcore.ProxyError,
    httpcore.UnsupportedProtocol, zlib.error, ValueError, RuntimeError,
)  # fmt: skip
_rejecting_proxies: set[Proxy] = set()  # proxies that rejected the login, for the whole process


class Http:
    """The `Transport` of this process."""

    def __init__(self, base_url: str, *, timeout: float, max_body: int, verify: bool = True) -> None:
        """Prepare; nothing is sent yet.

        Args:
            base_url: an address that `check_address` accepts; its path is put before every request path.
            timeout: seconds for each step: connecting, one read, one write.
            max_body: bytes of a response, after decompression.
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
        self._permanent_error: RouteError | None = None  # the error of every further request
        transport = HttpcoreTransport(self._connection_pool(verify=verify), self._scheme, self._target_host, self._port)
        self._client = httpx.Client(transport=transport, trust_env=False)

    def _connection_pool(self, *, verify: bool) -> httpcore.ConnectionPool:
        """Return the connection pool. It has no limit: the callers limit their concurrency."""
        proxy = self._proxy
        options: dict[str, Any] = {
            "ssl_context": context(verify=verify) if self._scheme == "https" else None,
            "max_connections": None,
            "keepalive_expiry": _KEEP_ALIVE,
            "network_backend": Backend(self._deadline, self._add_socket),
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
        self._faults += AssertionError, LookupError, socksio.SOCKSError  # what an invalid SOCKS answer raises
        return httpcore.SOCKSProxy(url, login, **options)

    def send(self, request: Request) -> Response:
        """See `Transport.send`."""
        started = time.monotonic()
        seconds = time_limit(request, self._timeout)
        if not seconds:
            raise TransportError("timed out", detail=f"{self._route}: no time was left")
        with self._in_use(), trace.span(request.method, self._attributes(request)), contextlib.ExitStack() as stack:
            file = stack.enter_context(SpooledTemporaryFile(MAX_IN_MEMORY))
            self._deadline.begin(seconds)
            try:
                status, headers, size = self._exchange(request, seconds, file)
            except TransportError as error:
                trace.record_error(error.reason)
                raise
            trace.annotate({"http.response.status_code": status})
            if status >= 400:
                trace.record_error(str(status))
            received_at, took = datetime.now(UTC), time.monotonic() - started
            body = BodyFile(file)
            if size > MAX_IN_MEMORY:
                stack.pop_all()  # the file is closed with the body
            return Response(status, headers, body if size > MAX_IN_MEMORY else body.whole(), received_at, took, size)

    def _exchange(self, request: Request, seconds: float, file: IO[bytes]) -> tuple[int, dict[str, str], int]:
        """Send a request and write the response's body to a file; return status, headers and size."""
        if self._proxy in _rejecting_proxies:
            raise self._route.login_error()
        if self._permanent_error is not None:
            raise self._permanent_error
        has_head = False
        try:
            answer = self._client.send(self._build_request(request), stream=True)
            has_head = True
            with contextlib.closing(answer):
                headers = dict(answer.headers)
                if answer.status_code == 407 and self._proxy and self._scheme == "http":
                    raise httpcore.ProxyError("407")
                size = self._read_body(answer, headers, file)
                self._answered = True
                return answer.status_code, headers, size
        except TransportError as error:
            failure = self._route.error(error.reason, retry=error.retry, hint=error.hint)
            if isinstance(error, EncodingError) and not self._answered:  # then every response is encoded like this
                self._permanent_error = RouteError(failure.detail, failure.hint)
                raise self._permanent_error from None
            raise failure from None
        except self._faults as error:
            self._deadline.fail()
            if self._closed:
                raise TransportError("closed", retry=False) from None
            waited = seconds if time.monotonic() >= self._deadline.at else min(seconds, self._timeout)
            why = self._route.convert(error, waited, has_head=has_head, ended=self._deadline.ended)
            if isinstance(why, RouteError) and self._proxy:
                _rejecting_proxies.add(self._proxy)
            raise why from None

    def _attributes(self, request: Request) -> trace.Attributes:
        return {
            "http.request.method": request.method,
            "server.address": self._base.host,
            "server.port": self._base.port or _PORTS[self._scheme],
            "url.scheme": self._scheme,
            "url.full": self.url.rstrip("/") + request.path,  # without the query, which may have names of projects
        }

    def close(self) -> None:
        """See `Transport.close`."""
        with self._lock:
            self._closed = True
            for each in list(self._sockets):
                _shut_down(each)
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
        """Close the client once no request runs: a waiting thread could otherwise read from a reused descriptor."""
        if self._closed and not self._under_way:
            self._client.close()

    def _build_request(self, request: Request) -> httpx.Request:
        path, text = encode_path(self.base_path + request.path), encode_query(request.query)
        target = (f"{path}?{text}" if text else path).encode()
        url = self._base.copy_with(raw_path=target)
        if url.raw_path != target:  # httpx resolved dots in the path: the signature would not match
            raise TransportError("the path cannot be sent as it is", retry=False)
        # Not `client.build_request`: it would add cookies of earlier responses.
        sent = [(name.encode("ascii"), value.encode()) for name, value in {**_HEADERS, **request.headers}.items()]
        extensions = {"timeout": httpx.Timeout(self._timeout).as_dict()}
        return httpx.Request(request.method, url, headers=sent, content=request.body, extensions=extensions)

    def _read_body(self, answer: httpx.Response, headers: dict[str, str], file: IO[bytes]) -> int:
        """Write the body to a file; return its size in bytes."""
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

    def _add_socket(self, opened: socket.socket) -> None:
        """Remember an opened socket: closing the pool does not wake a thread that reads from one."""
        with self._lock:
            self._sockets.add(opened)
            if self._closed:
                _shut_down(opened)


def _shut_down(connection: socket.socket) -> None:
    with contextlib.suppress(OSError):
        connection.shutdown(socket.SHUT_RDWR)
