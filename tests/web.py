"""A small HTTP server for tests: a function answers, every request is kept."""

import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


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

    def __init__(self, answer: Callable[[Sent], Reply]) -> None:
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
        self.url = f"http://127.0.0.1:{self.server.server_port}"

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

    def __enter__(self) -> "Web":
        threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self.server.shutdown()
        self.server.server_close()
