"""Connections whose every wait ends at the deadline of the exchange, whatever the other side does.

An exchange is one thread's from its beginning to its end, so the deadline is the thread's. Each step (to look a name
up, to connect, TLS, every read and write) may take what is left of it; the steps of httpcore have no bound in common.
"""

import contextlib
import ipaddress
import math
import queue
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterable
from functools import partial
from typing import Any, TypeVar

import httpcore

__all__ = ["LOOK_UP", "Backend", "Deadline", "TlsError", "TlsTimeout"]

T = TypeVar("T")
LOOK_UP = "look-up"  # the text of an error of the resolver
_RECORD = 16 * 1024  # bytes, of TLS


class Deadline(threading.local):
    """When the exchange of the calling thread ends, on the monotonic clock. ended: the other side sends no more."""

    at = math.inf
    ended = False

    def __init__(self) -> None:
        self._opened: list[httpcore.NetworkStream] = []

    def begin(self, seconds: float) -> None:
        """Begin an exchange that may take so long."""
        self.at = time.monotonic() + seconds
        self.ended = False
        self._opened.clear()

    def add(self, stream: httpcore.NetworkStream) -> None:
        """Note a connection that was opened for the exchange."""
        self._opened.append(stream)

    def fail(self) -> None:
        """Close what was opened for the exchange: where a proxy's part of it fails, httpcore does not."""
        for stream in self._opened:
            stream.close()
        self._opened.clear()

    def left(self, timeout: float | None) -> float:
        """Return the seconds that a step may take: `timeout`, but no more than are left.

        Raises:
            httpcore.ReadTimeout: none are left.
        """
        seconds = self.at - time.monotonic()
        if seconds <= 0:
            raise httpcore.ReadTimeout
        return seconds if timeout is None else min(timeout, seconds)


class TlsError(httpcore.ConnectError):
    """No TLS with the other side. nested: within that of a proxy."""

    nested = False


class TlsTimeout(httpcore.ConnectTimeout):
    """The other side did not finish the TLS handshake."""

    nested = False


class Backend(httpcore.NetworkBackend):
    """Opens connections."""

    def __init__(self, deadline: Deadline, opened: Callable[[socket.socket], None]) -> None:
        """Take when to end, and who is told of each socket."""
        self._deadline = deadline
        self._opened = opened
        self._sockets = httpcore.SyncBackend()

    def connect_tcp(
        self, host: str, port: int, timeout: float | None = None, local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.NetworkStream:  # fmt: skip
        """Connect to the first address of a host that answers; each may take its part of the time."""
        seconds = self._deadline.left(timeout)
        ends = time.monotonic() + seconds
        addresses = _resolved(host, port, seconds)
        while True:
            address = addresses.pop(0)
            seconds = max(0.001, (ends - time.monotonic()) / (len(addresses) + 1))
            try:
                stream = self._sockets.connect_tcp(address, port, seconds, local_address, socket_options)
            except (httpcore.ConnectError, httpcore.ConnectTimeout):
                if not addresses:
                    raise
            else:
                return _Stream(stream, self._deadline, self._opened)


class _Stream(httpcore.NetworkStream):
    """One of httpcore's connections, with the deadline."""

    def __init__(
        self, stream: httpcore.NetworkStream, deadline: Deadline, opened: Callable[[socket.socket], None]
    ) -> None:
        self._stream = stream
        self._deadline = deadline
        self._opened = opened
        self._is_tls = stream.get_extra_info("ssl_object") is not None
        opened(stream.get_extra_info("socket"))
        deadline.add(self)

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        content = self._stream.read(max_bytes, self._deadline.left(timeout))
        if not content:
            self._deadline.ended = True
        return content

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        self._stream.write(buffer, self._deadline.left(timeout))

    def close(self) -> None:
        self._stream.close()

    def start_tls(
        self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> httpcore.NetworkStream:
        host = server_hostname and server_hostname.strip("[]")
        try:
            if self._is_tls:
                return _Nested(self, ssl_context, host, timeout)
            stream = self._stream.start_tls(ssl_context, host, self._deadline.left(timeout))
            return _Stream(stream, self._deadline, self._opened)
        except (httpcore.TimeoutException, httpcore.NetworkError, OSError) as error:
            self.close()
            is_late = isinstance(error, httpcore.TimeoutException)
            failure = TlsTimeout() if is_late else TlsError()
            failure.nested = self._is_tls
            raise failure from error

    def get_extra_info(self, info: str) -> Any:
        return self._stream.get_extra_info(info)


class _Nested(httpcore.NetworkStream):
    """TLS through the TLS of a proxy."""

    def __init__(self, stream: _Stream, context: ssl.SSLContext, host: str | None, timeout: float | None) -> None:
        self._stream = stream
        self._in, self._out = ssl.MemoryBIO(), ssl.MemoryBIO()
        self._tls = context.wrap_bio(self._in, self._out, server_hostname=host)
        self._done(self._tls.do_handshake, timeout)

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        try:
            return self._done(partial(self._tls.read, max_bytes), timeout)
        except ssl.SSLEOFError:
            return b""
        except ssl.SSLError as error:
            raise httpcore.ReadError from error

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        try:
            while buffer:
                buffer = buffer[self._done(partial(self._tls.write, buffer), timeout) :]
        except ssl.SSLError as error:
            raise httpcore.WriteError from error

    def close(self) -> None:
        self._stream.close()

    def get_extra_info(self, info: str) -> Any:
        return self._tls if info == "ssl_object" else self._stream.get_extra_info(info)

    def _done(self, step: Callable[[], T], timeout: float | None) -> T:
        """Take a step of TLS, and send and receive what it needs meanwhile."""
        while True:
            try:
                return step()
            except ssl.SSLWantReadError:
                self._flush(timeout)
                content = self._stream.read(_RECORD, timeout)
                if content:
                    self._in.write(content)
                else:
                    self._in.write_eof()
            finally:
                self._flush(timeout)

    def _flush(self, timeout: float | None) -> None:
        if content := self._out.read():
            self._stream.write(content, timeout)


def _resolved(host: str, port: int, seconds: float) -> list[str]:
    """Return the addresses of a host.

    Raises:
        httpcore.ConnectError: it has none; like every error of a look-up with the text `LOOK_UP`.
        httpcore.ConnectTimeout: the resolver did not answer in time. Its own wait cannot be ended.
    """
    with contextlib.suppress(ValueError):
        return [str(ipaddress.ip_address(host))]
    found: queue.SimpleQueue[list[str] | Exception] = queue.SimpleQueue()

    def look_up() -> None:
        try:
            answers = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
            found.put([str(address[0]) for *_, address in answers])
        except (OSError, UnicodeError) as error:
            found.put(error)

    try:
        threading.Thread(target=look_up, daemon=True).start()
    except RuntimeError:  # too many threads
        look_up()
    try:
        answer = found.get(timeout=seconds)
        if isinstance(answer, Exception):
            raise answer
    except queue.Empty:
        raise httpcore.ConnectTimeout(LOOK_UP) from None
    except (OSError, UnicodeError) as error:
        raise httpcore.ConnectError(LOOK_UP) from error
    return answer
