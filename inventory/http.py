"""One exchange over HTTP: the exact bytes out, a bounded answer back. The only user of httpx.

Any status is an answer. Redirects are not followed, for credentials would go along; certificates are
checked; proxies and certificate authorities come from the usual variables (HTTPS_PROXY, NO_PROXY,
SSL_CERT_FILE ...). What a status means, and whether to ask again, is for others to decide.
"""

import contextlib
import socket
import ssl
import time
import zlib
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from tempfile import SpooledTemporaryFile
from threading import Lock
from typing import IO, Any
from weakref import WeakSet

import httpx

from inventory import __version__
from inventory.address import encode_path, encode_query
from inventory.errors import SourceError
from inventory.exchange import Body, NoAnswerError, Prepare, Request, Response, nothing
from inventory.jsontext import Json
from inventory.prepare import Asked

__all__ = ["HELD", "Http"]

_OURS = {"Accept": "application/json", "Accept-Encoding": "gzip", "User-Agent": f"drs-inventory/{__version__}"}
_MIB = 1024 * 1024
HELD = 8 * _MIB  # bytes of an answer that wait in memory; beyond, they do so in a temporary file


class Http:
    """The `Exchange` of this process."""

    def __init__(self, base_url: str, *, timeout: float, max_body: int, prepare: Prepare | None = None) -> None:
        """Prepare; nothing is sent yet.

        Args:
            base_url: one that `check_address` accepts; a path in it stands before every path.
            timeout: seconds between two signs of life.
            max_body: bytes of an answer, after unpacking.
            prepare: makes more of a body than its bytes; of one beyond `HELD`, it is given the file.

        Raises:
            SourceError: the address, or a variable that the connection depends on, cannot be used.
        """
        try:
            self._base = httpx.URL(base_url)
            self._client = httpx.Client(limits=httpx.Limits())  # as many as who asks at once: for others to bound
        except (httpx.InvalidURL, ValueError, ImportError, OSError) as error:  # never its text: proxies have passwords
            hint = "Check the address, and the variables HTTPS_PROXY, ALL_PROXY, NO_PROXY, SSL_CERT_FILE, SSL_CERT_DIR"
            raise SourceError(f"no connection can be prepared ({type(error).__name__})", hint) from None
        self.url = base_url
        self.host = self._base.netloc.decode()
        self.base_path = self._base.path.rstrip("/")
        self._timeout = timeout
        self._max_body = max_body
        self._prepare = prepare
        self._sockets: WeakSet[socket.socket] = WeakSet()
        self._lock = Lock()
        self._under_way = 0
        self._closed = False

    def send(self, request: Request, arrived: Callable[[], None] = nothing) -> Response:
        """See `Exchange.send`."""
        started = time.monotonic()
        seconds = float("inf") if request.seconds is None else request.seconds
        if seconds <= 0:
            raise NoAnswerError("timed out")
        with self._in_use(), SpooledTemporaryFile(HELD) as file:
            try:
                answer = self._client.send(self._built(request, min(self._timeout, seconds)), stream=True)
                with contextlib.closing(answer):
                    size = self._body(answer, started + seconds, file)
            except (httpx.HTTPError, zlib.error, ValueError, RuntimeError) as error:
                raise NoAnswerError("closed", retry=False) if self._closed else _no_answer(error) from None
            at, took = datetime.now(UTC), time.monotonic() - started
            jobs = request.jobs if answer.status_code == 200 else None
            if jobs:
                arrived()
            content, prepared = self._looked_at(file, size, jobs)
        return Response(answer.status_code, dict(answer.headers), content, at, took, size, prepared)

    def _looked_at(self, file: IO[bytes], size: int, jobs: Asked | None) -> tuple[bytes, dict[str, Json] | None]:
        """Return a body's bytes, or none and what was made of it."""
        file.seek(0)
        content: Body = file.read() if size <= HELD else file
        prepared = self._prepare(content, jobs) if self._prepare and jobs else None
        if prepared is not None:
            return b"", prepared
        file.seek(0)
        return (content if isinstance(content, bytes) else file.read()), None

    def close(self) -> None:
        """See `Exchange.close`."""
        with self._lock:
            self._closed = True
            for each in list(self._sockets):
                _hang_up(each)
        self._close_unused()

    @contextlib.contextmanager
    def _in_use(self) -> Iterator[None]:
        with self._lock:
            if self._closed:
                raise NoAnswerError("closed", retry=False)
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

    def _built(self, request: Request, timeout: float) -> httpx.Request:
        text = encode_query(request.query)
        target = (encode_path(self.base_path + request.path) + (f"?{text}" if text else "")).encode()
        url = self._base.copy_with(raw_path=target)
        if url.raw_path != target:  # dots that httpx resolves: the signature would not fit
            raise NoAnswerError("the path cannot be sent as it is", retry=False)
        extensions = {"timeout": httpx.Timeout(timeout).as_dict(), "trace": self._remember}
        # A request of its own, not the client's: that would add the cookies of earlier answers.
        sent = [(name.encode("ascii"), value.encode()) for name, value in {**_OURS, **request.headers}.items()]
        return httpx.Request(request.method, url, headers=sent, content=request.body, extensions=extensions)

    def _body(self, answer: httpx.Response, deadline: float, file: IO[bytes]) -> int:
        """Write the body to a file; return its bytes."""
        unpack = _unpacker(answer)
        size = 0
        for piece in answer.iter_raw():
            content = unpack(piece, self._max_body + 1 - size)
            size += len(content)
            if size > self._max_body:
                raise NoAnswerError(f"the body is larger than {self._max_body / _MIB:g} MiB", retry=False)
            if time.monotonic() > deadline:
                raise NoAnswerError("timed out")
            try:
                file.write(content)
            except OSError as error:
                why = f"a body of this size cannot be kept: {error.strerror}"
                raise NoAnswerError(why, retry=False) from None
        return size

    def _remember(self, _event: str, info: dict[str, Any]) -> None:
        """Keep every socket that is opened: closing a client does not wake a thread that reads from one."""
        stream: Any = info.get("return_value")
        opened = stream.get_extra_info("socket") if hasattr(stream, "get_extra_info") else None
        if opened is not None:
            with self._lock:
                self._sockets.add(opened)
                if self._closed:
                    _hang_up(opened)


def _hang_up(connection: socket.socket) -> None:
    with contextlib.suppress(OSError):
        connection.shutdown(socket.SHUT_RDWR)


def _unpacker(answer: httpx.Response) -> Callable[[bytes, int], bytes]:
    """Return what unpacks a piece into so many bytes at most. httpx's own has no bound: a few KiB become GiB."""
    encoding = answer.headers.get("Content-Encoding", "identity").strip().lower()
    if encoding == "identity":
        return lambda piece, _: piece
    if encoding == "gzip":
        return zlib.decompressobj(zlib.MAX_WBITS | 16).decompress
    raise NoAnswerError("the body is packed in a way that was not asked for", retry=False)


def _no_answer(error: Exception) -> NoAnswerError:
    """Translate, without the error's own text: it may quote a header, and changes between versions."""
    if isinstance(error, httpx.ConnectError):
        return _not_connected(error)
    for kinds, reason in (
        ((httpx.TimeoutException,), "timed out"),
        ((httpx.ProxyError,), "the proxy does not let it through"),
        ((httpx.RemoteProtocolError, httpx.NetworkError), "the connection broke off"),
        ((zlib.error,), "the body cannot be unpacked"),
    ):
        if isinstance(error, kinds):
            return NoAnswerError(reason)
    return NoAnswerError("the request cannot be sent", retry=False)


def _not_connected(error: httpx.ConnectError) -> NoAnswerError:
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, ssl.SSLCertVerificationError):
            return NoAnswerError("TLS: certificate not trusted", retry=False, reached=False)
        if isinstance(cause, ssl.SSLError):
            return NoAnswerError("TLS: no handshake", reached=False)
        if isinstance(cause, socket.gaierror):
            return NoAnswerError("no such host is known", reached=False)
        cause = cause.__cause__ or cause.__context__
    return NoAnswerError("cannot connect", reached=False)
