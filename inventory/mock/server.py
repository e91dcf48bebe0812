"""The service behind a socket: HTTP/1.1 with connections that stay open, one thread for each.

Only the standard library, only this machine unless told otherwise, no TLS.
"""

import contextlib
import copy
import functools
import os
import socket
import socketserver
import struct
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any

from inventory.mock.estate import Job
from inventory.mock.faults import Fault, RecordedRequest, Reply, take
from inventory.mock.nights import evolve
from inventory.mock.service import Service

__all__ = ["DrsServer"]

Hook = Callable[[RecordedRequest, Job], Job]

CONTROL = "/mock/"
PIECES = 20  # what drips comes in at most so many


class DrsServer(Service):
    """A DRS service for one project, running between `with` and its end (or `start` and `stop`).

    `jobs` is the estate, shared and not copied: change it and the next answer tells so. `requests` is the log,
    in order of arrival; hold `lock` to read it while clients are at work. `faults` go wrong in order, the first
    that strikes. `rewrite` has the last word on a normal 200 document, on a copy of its own; `hooks` come before it
    in order, one request at a time, see the documents themselves and return others. `latency` delays all. `remember`
    may be turned off where many requests come. `log` is told each reply.

    Who controls the rehearsal has a path of his own, past credentials and faults: POST /mock/night is `next_night`.
    """

    def __init__(
        self,
        jobs: dict[str, Job] | None = None,
        *,
        project_id: str = "",
        token: str = "mock-token",  # noqa: S107  # it opens nothing else
        host: str = "127.0.0.1",
        port: int = 0,
    ) -> None:
        super().__init__(jobs, project_id, token)
        self.requests: list[RecordedRequest] = []
        self.faults: list[Fault] = []
        self.rewrite: Callable[[RecordedRequest, Job], Job] | None = None
        self.hooks: list[Hook] = []
        self.log: Callable[[RecordedRequest, Reply], None] | None = None
        self.remember = True
        self.latency = 0.0
        self.night, self.seed, self.share = 0, 1, 0.02
        self.lock = threading.RLock()  # `when` of a fault may read the log
        self._count = 0
        self._address = (host, port)
        self._stopping = threading.Event()
        self._transport: _Transport | None = None
        self._thread: threading.Thread | None = None

    @property
    def url(self) -> str:
        """Where the service is to be reached; known once it runs, and afterwards still."""
        return "http://{}:{}".format(*self._address)

    def bind(self) -> None:
        """Open the port and answer nobody yet: whoever connects waits for `start`."""
        self._stopping.clear()
        self._transport = _Transport(self._address, functools.partial(_Handler, self))
        self._address = (self._address[0], self._transport.server_address[1])

    def start(self) -> None:
        """Serve in the background, on the port that `bind` opened or else opens now."""
        if self._transport is None:
            self.bind()
        assert self._transport is not None
        serve = functools.partial(self._transport.serve_forever, poll_interval=0.02)
        self._thread = threading.Thread(target=serve, name="mock-drs", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Close the port and every connection, also those that wait for an answer; `start` opens the same port."""
        if self._transport is not None:
            self._stopping.set()
            if self._thread is not None:
                self._transport.shutdown()
                self._thread = None
            self._transport.server_close()
            self._transport.hang_up()
            self._transport = None

    def __enter__(self) -> "DrsServer":
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def pause(self, seconds: float) -> None:
        """Wait, but not longer than the server runs."""
        if seconds > 0:
            self._stopping.wait(seconds)

    def record(self, method: str, path: str, headers: dict[str, str], body: bytes) -> RecordedRequest:
        """Log a request under a number of its own."""
        with self.lock:
            self._count += 1
            request = RecordedRequest(method, path, headers, body, time.monotonic(), f"{self._count:032x}")
            if self.remember:
                self.requests.append(request)
        return request

    def next_night(self) -> None:
        """Let a night pass: a share of the estate is another then, and what is gone is known to be deleted."""
        with self.lock:
            before, self.night = self.jobs, self.night + 1
            self.jobs = evolve(before, self.night, self.seed, self.share)
            gone = before.keys() - self.jobs.keys()
            self.deleted |= gone
            self.remembered |= {job_id: before[job_id] for job_id in gone}

    def reply(self, request: RecordedRequest) -> Reply:
        """Return what goes over the wire."""
        reply = self._control(request) if request.path.startswith(CONTROL) else self._spoilt(request)
        if self.log is not None:
            self.log(request, reply)
        return reply

    def _control(self, request: RecordedRequest) -> Reply:
        if (request.method, request.path) != ("POST", f"{CONTROL}night"):
            return Reply.of(404, {"error_msg": f"POST {CONTROL}night is all there is"})
        self.next_night()
        return Reply.of(200, {"night": self.night, "jobs": len(self.jobs)})

    def _spoilt(self, request: RecordedRequest) -> Reply:
        with self.lock:
            fault = take(self.faults, request)
        normal = functools.partial(self._normal, request)
        return fault.spoil(request, normal) if fault else normal()

    def _normal(self, request: RecordedRequest) -> Reply:
        status, document, headers = self.answer(request)
        if status == 200:
            with self.lock if self.hooks else contextlib.nullcontext():
                for hook in self.hooks:
                    document = hook(request, document)
            if self.rewrite is not None:
                document = self.rewrite(request, copy.deepcopy(document))
        return replace(Reply.of(status, document), headers=headers)


class _Transport(ThreadingHTTPServer):
    """Threads that end with their connection, and connections that end with the server."""

    daemon_threads = True
    request_queue_size = 128

    def __init__(self, address: tuple[str, int], handler: Callable[..., BaseHTTPRequestHandler]) -> None:
        self._connections: set[socket.socket] = set()
        super().__init__(address, handler)

    def server_bind(self) -> None:
        """Bind without asking the network for the host's name, as the parent would."""
        socketserver.TCPServer.server_bind(self)
        self.server_name, self.server_port = str(self.server_address[0]), self.server_address[1]

    def process_request(self, request: Any, client_address: Any) -> None:
        """Remember the connection, then serve it in a thread of its own."""
        self._connections.add(request)
        super().process_request(request, client_address)

    def shutdown_request(self, request: Any) -> None:
        """Forget a connection that has ended."""
        self._connections.discard(request)
        super().shutdown_request(request)

    def hang_up(self) -> None:
        """End what is still open; its thread then finds nothing more to read."""
        for connection in list(self._connections):
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say nothing of clients that hang up; anything else is a fault of ours and is shown."""
        if not isinstance(sys.exception(), OSError):
            super().handle_error(request, client_address)


class _Handler(BaseHTTPRequestHandler):
    """Reads a request, sends a reply."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True  # or head and body would wait for each other

    def __init__(self, drs: DrsServer, *connection: Any) -> None:
        self._drs = drs
        super().__init__(*connection)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002  # the parent's name
        """Keep silent: `requests` is the log."""

    def do_POST(self) -> None:
        """Answer any request."""
        length = self.headers.get("Content-Length", "0")
        if "Transfer-Encoding" in self.headers:  # a body in chunks is not read, so nothing can follow it
            self.close_connection = True
        body = self.rfile.read(int(length)) if length.isdecimal() else b""
        headers = {name.lower(): value for name, value in self.headers.items()}
        request = self._drs.record(self.command, self.path, headers, body)
        self._drs.pause(self._drs.latency)
        self._send(request, self._drs.reply(request))

    do_GET = do_PUT = do_DELETE = do_PATCH = do_POST  # noqa: N815  # the parent looks for these names

    def _send(self, request: RecordedRequest, reply: Reply) -> None:
        self._drs.pause(reply.wait)
        if reply.reset:
            self._reset()
            return
        headers = {"Server": "api-gateway", "Date": self._date(), "X-Request-Id": request.id}
        headers |= {"Content-Type": reply.content_type, "Content-Length": str(len(reply.body))}
        self.send_response_only(reply.status)
        for name, value in {**headers, **reply.headers}.items():
            self.send_header(name, value)
        self._drip_head(reply.drip_head)
        self.end_headers()
        self._send_body(reply)

    def _date(self) -> str:
        return self.date_time_string(self._drs.now().timestamp())

    def _drip_head(self, seconds: float) -> None:
        """Send what the head has so far, and further lines over a time."""
        for number in range(PIECES if seconds else 0):
            self.flush_headers()
            self._drs.pause(seconds / PIECES)
            self.send_header(f"X-Drip-{number}", "drip")

    def _send_body(self, reply: Reply) -> None:
        if reply.keep is not None:
            self.wfile.write(reply.body[: reply.keep])
            self.close_connection = True
            return
        if not reply.drip:
            self.wfile.write(reply.body)
            return
        size = max(1, -(-len(reply.body) // PIECES))
        for start in range(0, len(reply.body), size):
            self._drs.pause(reply.drip / PIECES)
            self.wfile.write(reply.body[start : start + size])

    def _reset(self) -> None:
        """Close without a farewell: the descriptor alone, for closing the socket politely would say goodbye."""
        self.close_connection = True
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        os.close(self.connection.detach())
