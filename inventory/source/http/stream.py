"""Connections with one deadline for the whole exchange.

httpcore limits each step (name resolution, connect, TLS, each read and write), but not all of them together. Here
each step may take only the time left until the deadline. One thread runs a whole exchange, so the deadline is
thread-local.
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

__all__ = ["RESOLVE_ERROR", "Backend", "Deadline", "TlsError", "TlsTimeout"]

T = TypeVar("T")
RESOLVE_ERROR = "look-up"  # the text of a name resolution error
_TLS_RECORD_SIZE = 16 * 1024  # bytes: the size of a TLS record


class Deadline(threading.local):
    """The deadline of the calling thread's exchange, on the monotonic clock. ended: the peer closed the connection."""

    at = math.inf
    ended = False

    def __init__(self) -> None:
        self._streams: list[httpcore.NetworkStream] = []

    def begin(self, seconds: float) -> None:
        """Begin an exchange with a time limit."""
        self.at = time.monotonic() + seconds
        self.ended = False
        self._streams.clear()

    def add(self, stream: httpcore.NetworkStream) -> None:
        """Note a connection that was opened for the exchange."""
        self._streams.append(stream)

    def fail(self) -> None:
        """Close the connections of the exchange: httpcore does not if the connection through a proxy fails."""
        for stream in self._streams:
            stream.close()
        self._streams.clear()

    def left(self, timeout: float | None) -> float:
        """Return the seconds that a step may take: `timeout`, but not more than the time left.

        Raises:
            httpcore.ReadTimeout: no time is left.
        """
        seconds = self.at - time.monotonic()
        if seconds <= 0:
            raise httpcore.ReadTimeout
        return seconds if timeout is None else min(timeout, seconds)


class TlsError(httpcore.ConnectError):
    """The TLS handshake failed. nested: the handshake ran through the TLS connection of a proxy."""

    nested = False


class TlsTimeout(httpcore.ConnectTimeout):
    """The peer did not finish the TLS handshake in time."""

    nested = False


class Backend(httpcore.NetworkBackend):
    """Opens connections that keep to the deadline."""

    def __init__(self, deadline: Deadline, on_socket: Callable[[socket.socket], None]) -> None:
        """`on_socket` is called with each new socket."""
        self._deadline = deadline
        self._on_socket = on_socket
        self._sockets = httpcore.SyncBackend()

    def connect_tcp(
        self, host: str, port: int, timeout: float | None = None, local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.NetworkStream:  # fmt: skip
        """Connect to the first address of a host that accepts; each address gets an equal part of the time."""
        seconds = self._deadline.left(timeout)
        ends = time.monotonic() + seconds
        addresses = _resolve(host, port, seconds)
        while True:
            address = addresses.pop(0)
            seconds = max(0.001, (ends - time.monotonic()) / (len(addresses) + 1))
            try:
                stream = self._sockets.connect_tcp(address, port, seconds, local_address, socket_options)
            except (httpcore.ConnectError, httpcore.ConnectTimeout):
                if not addresses:
                    raise
            else:
                return _Stream(stream, self._deadline, self._on_socket)


class _Stream(httpcore.NetworkStream):
    """A connection of httpcore that keeps to the deadline."""

    def __init__(
        self, stream: httpcore.NetworkStream, deadline: Deadline, on_socket: Callable[[socket.socket], None]
    ) -> None:
        self._stream = stream
        self._deadline = deadline
        self._on_socket = on_socket
        self._is_tls = stream.get_extra_info("ssl_object") is not None
        on_socket(stream.get_extra_info("socket"))
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
                return _TlsInTls(self, ssl_context, host, timeout)
            stream = self._stream.start_tls(ssl_context, host, self._deadline.left(timeout))
            return _Stream(stream, self._deadline, self._on_socket)
        except (httpcore.TimeoutException, httpcore.NetworkError, OSError) as error:
            self.close()
            is_late = isinstance(error, httpcore.TimeoutException)
            failure = TlsTimeout() if is_late else TlsError()
            failure.nested = self._is_tls
            raise failure from error

    def get_extra_info(self, info: str) -> Any:
        return self._stream.get_extra_info(info)


class _TlsInTls(httpcore.NetworkStream):
    """TLS inside the TLS connection of a proxy."""

    def __init__(self, stream: _Stream, context: ssl.SSLContext, host: str | None, timeout: float | None) -> None:
        self._stream = stream
        self._in, self._out = ssl.MemoryBIO(), ssl.MemoryBIO()
        self._tls = context.wrap_bio(self._in, self._out, server_hostname=host)
        self._run(self._tls.do_handshake, timeout)

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        try:
            return self._run(partial(self._tls.read, max_bytes), timeout)
        except ssl.SSLEOFError:
            return b""
        except ssl.SSLError as error:
            raise httpcore.ReadError from error

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        try:
            while buffer:
                buffer = buffer[self._run(partial(self._tls.write, buffer), timeout) :]
        except ssl.SSLError as error:
            raise httpcore.WriteError from error

    def close(self) -> None:
        self._stream.close()

    def get_extra_info(self, info: str) -> Any:
        return self._tls if info == "ssl_object" else self._stream.get_extra_info(info)

    def _run(self, step: Callable[[], T], timeout: float | None) -> T:
        """Run a TLS operation, and send and receive the records that it needs."""
        while True:
            try:
                return step()
            except ssl.SSLWantReadError:
                self._flush(timeout)
                content = self._stream.read(_TLS_RECORD_SIZE, timeout)
                if content:
                    self._in.write(content)
                else:
                    self._in.write_eof()
            finally:
                self._flush(timeout)

    def _flush(self, timeout: float | None) -> None:
        if content := self._out.read():
            self._stream.write(content, timeout)


def _resolve(host: str, port: int, seconds: float) -> list[str]:
    """Return the addresses of a host.

    Raises:
        httpcore.ConnectError: it has none; the text is `RESOLVE_ERROR`, as for every error of name resolution.
        httpcore.ConnectTimeout: the resolver did not answer in time. Its thread cannot be stopped.
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
        raise httpcore.ConnectTimeout(RESOLVE_ERROR) from None
    except (OSError, UnicodeError) as error:
        raise httpcore.ConnectError(RESOLVE_ERROR) from error
    return answer
