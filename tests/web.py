"""Small servers for tests: HTTP, where a function answers and every request is kept; any bytes; proxies."""

import contextlib
import socket
import ssl
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self


@dataclass(frozen=True)
class Sent:
    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes


@dataclass(frozen=True)
class Reply:
    """pieces: sent one after another, `pause` seconds apart. length: announced; None: the true one."""

    status: int = 200
    pieces: tuple[bytes, ...] = (b"{}",)
    headers: Mapping[str, str] = field(default_factory=dict)
    pause: float = 0.0
    length: int | None = None


class Web:
    """Runs between `with` and its end. `busiest`: the most requests that were under way at once."""

    def __init__(self, answer: Callable[[Sent], Reply], tls: ssl.SSLContext | None = None) -> None:
        self.answer = answer
        self.sent: list[Sent] = []
        self.busiest = self._busy = 0
        self._lock = threading.Lock()
        web = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            disable_nagle_algorithm = True

            def do_GET(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length", "0")))
                headers = {name.lower(): value for name, value in self.headers.items()}
                reply = web.take(Sent(self.command, self.path, headers, body))
                self.send_response_only(reply.status)
                length = sum(map(len, reply.pieces)) if reply.length is None else reply.length
                for name, value in {"Content-Length": str(length), **reply.headers}.items():
                    self.send_header(name, value)
                self.end_headers()
                for piece in reply.pieces:
                    self.wfile.write(piece)
                    time.sleep(reply.pause)
                self.close_connection = reply.length is not None

            do_POST = do_GET  # noqa: N815  # the parent's name

            def log_message(self, *args: Any) -> None:
                pass

        class Server(ThreadingHTTPServer):
            daemon_threads = True
            request_queue_size = 64

            def handle_error(self, request: Any, client_address: Any) -> None:
                pass  # clients hang up on purpose

        self.server = Server(("127.0.0.1", 0), Handler)
        self.port = self.server.server_port
        self.url = f"http://127.0.0.1:{self.port}"
        if tls is not None:  # the handshake is the handler's, in its thread
            self.server.socket = tls.wrap_socket(self.server.socket, server_side=True, do_handshake_on_connect=False)
            self.url = f"https://localhost:{self.port}"

    def take(self, sent: Sent) -> Reply:
        with self._lock:
            self.sent.append(sent)
            self._busy += 1
            self.busiest = max(self.busiest, self._busy)
        try:
            return self.answer(sent)
        finally:
            with self._lock:
                self._busy -= 1

    def __enter__(self) -> Self:
        threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self.server.shutdown()
        self.server.server_close()


class Wire:
    """Accepts connections between `with` and its end; a function speaks on each, in a thread of its own."""

    def __init__(self, speak: Callable[[socket.socket], None], tls: ssl.SSLContext | None = None) -> None:
        self._speak = speak
        self._tls = tls
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._open: list[socket.socket] = []
        self.port = self._listener.getsockname()[1]
        self.address = f"127.0.0.1:{self.port}"
        self.connections = 0

    def __enter__(self) -> Self:
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        for each in (self._listener, *self._open):
            with contextlib.suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)
            each.close()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                connection, _ = self._listener.accept()
                self.connections += 1
                self._open.append(connection)
                threading.Thread(target=self._run, args=(connection,), daemon=True).start()

    def _run(self, connection: socket.socket) -> None:
        with contextlib.suppress(OSError, EOFError):
            if self._tls is not None:
                connection = self._tls.wrap_socket(connection, server_side=True)
                self._open.append(connection)
            with connection:
                self._speak(connection)


def head_of(connection: socket.socket) -> bytes:
    """Read up to the empty line that ends a head."""
    head = b""
    while not head.endswith(b"\r\n\r\n"):
        head += exactly(connection, 1)
    return head


def exactly(connection: socket.socket, size: int) -> bytes:
    content = b""
    while len(content) < size:
        piece = connection.recv(size - len(content))
        if not piece:
            raise EOFError
        content += piece
    return content


def relay(one: socket.socket, other: socket.socket) -> None:
    """Pass on what comes from either end until one closes."""

    def pump(source: socket.socket, target: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while piece := source.recv(65536):
                target.sendall(piece)
        with contextlib.suppress(OSError):
            target.shutdown(socket.SHUT_WR)

    back = threading.Thread(target=pump, args=(other, one), daemon=True)
    back.start()
    pump(one, other)
    back.join()


class Tunnel(Wire):
    """A proxy that takes CONNECT, to any port of this machine. heads: what it was asked."""

    def __init__(self, answer: bytes = b"", tls: ssl.SSLContext | None = None) -> None:
        """Take an answer to give in place of a tunnel."""
        super().__init__(self._connect, tls)
        self.heads: list[str] = []
        self._answer = answer

    def _connect(self, connection: socket.socket) -> None:
        head = head_of(connection).decode()
        self.heads.append(head)
        if self._answer:
            connection.sendall(self._answer)
            return
        port = int(head.split()[1].rpartition(":")[2])
        with socket.create_connection(("127.0.0.1", port)) as target:
            connection.sendall(b"HTTP/1.1 200 Connection established\r\n\r\n")
            relay(connection, target)


class Socks(Wire):
    """A SOCKS5 proxy, to any port of this machine. asked: the hosts. login: that it wants."""

    def __init__(self, login: tuple[bytes, bytes] | None = None, code: int = 0) -> None:
        super().__init__(self._connect)
        self.asked: list[bytes] = []
        self._login = login
        self._code = code

    def _connect(self, connection: socket.socket) -> None:
        exactly(connection, exactly(connection, 2)[1])
        if self._login is None:
            connection.sendall(b"\5\0")
        else:
            connection.sendall(b"\5\2")
            user = exactly(connection, exactly(connection, 2)[1])
            password = exactly(connection, exactly(connection, 1)[0])
            connection.sendall(b"\1\0" if (user, password) == self._login else b"\1\1")
        kind = exactly(connection, 4)[3]
        self.asked.append(exactly(connection, {1: 4, 4: 16}.get(kind) or exactly(connection, 1)[0]))
        port = int.from_bytes(exactly(connection, 2))
        connection.sendall(bytes([5, self._code, 0, 1, 0, 0, 0, 0, 0, 0]))
        if not self._code:
            with socket.create_connection(("127.0.0.1", port)) as target:
                relay(connection, target)
