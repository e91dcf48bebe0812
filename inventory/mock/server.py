"""The HTTP/1.1 server of the service: persistent connections, one thread for each.

It uses the standard library only, listens on this machine by default, and has no TLS.
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
from inventory.mock.faults import Fault, RecordedRequest, Reply, take_fault
from inventory.mock.nights import evolve
from inventory.mock.service import Service

__all__ = ["DrsServer"]

Hook = Callable[[RecordedRequest, Job], Job]

CONTROL_PREFIX = "/mock/"
DRIP_CHUNKS = 20  # a slow body or head is sent in at most this many parts


class DrsServer(Service):
    """A DRS service for one project, running inside `with` (or between `start` and `stop`).

    jobs: the estate, not copied, so that changes are visible in the next response. requests: all requests in order of
    arrival; hold `lock` to read it while clients are active. faults: the first one that matches a request is applied.
    hooks: called in order with each 200 document, one request at a time; they must return a new document to change it.
    rewrite: called last, with a copy of the document. latency: delays every response, in seconds. keep_requests: set
    it to False for many requests. log: called with each reply.

    POST /mock/night calls `next_night`; it needs no credentials, and faults do not affect it.
    """

    def __init__(
        self,
        jobs: dict[str, Job] | None = None,
        *,
        project_id: str = "",
        token: str = "mock-token",  # noqa: S107  # not a real credential
        host: str = "127.0.0.1",
        port: int = 0,
    ) -> None:
        super().__init__(jobs, project_id, token)
        self.requests: list[RecordedRequest] = []
        self.faults: list[Fault] = []
        self.rewrite: Callable[[RecordedRequest, Job], Job] | None = None
        self.hooks: list[Hook] = []
        self.log: Callable[[RecordedRequest, Reply], None] | None = None
        self.keep_requests = True
        self.latency = 0.0
        self.night, self.seed, self.share = 0, 1, 0.02
        self.lock = threading.RLock()  # `when` of a fault may read `requests`
        self._request_count = 0
        self._address = (host, port)
        self._stopping = threading.Event()
        self._transport: _Transport | None = None
        self._thread: threading.Thread | None = None

    @property
    def url(self) -> str:
        """The base URL; its port is known after `bind`."""
        return "http://{}:{}".format(*self._address)

    def bind(self) -> None:
        """Open the port without answering: clients wait for `start`."""
        self._stopping.clear()
        self._transport = _Transport(self._address, functools.partial(_Handler, self))
        self._address = (self._address[0], self._transport.server_address[1])

    def start(self) -> None:
        """Serve in a background thread; call `bind` first if that was not done."""
        if self._transport is None:
            self.bind()
        assert self._transport is not None
        serve = functools.partial(self._transport.serve_forever, poll_interval=0.02)
        self._thread = threading.Thread(target=serve, name="mock-drs", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Close the port and every connection, even those waiting for a response; `start` reopens the same port."""
        if self._transport is not None:
            self._stopping.set()
            if self._thread is not None:
                self._transport.shutdown()
                self._thread = None
            self._transport.server_close()
            self._transport.close_connections()
            self._transport = None

    def __enter__(self) -> "DrsServer":
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def pause(self, seconds: float) -> None:
        """Wait, or return early when the server stops."""
        if seconds > 0:
            self._stopping.wait(seconds)

    def record(self, method: str, path: str, headers: dict[str, str], body: bytes) -> RecordedRequest:
        """Record a request under a new id."""
        with self.lock:
            self._request_count += 1
            request = RecordedRequest(method, path, headers, body, time.monotonic(), f"{self._request_count:032x}")
            if self.keep_requests:
                self.requests.append(request)
        return request

    def next_night(self) -> None:
        """Simulate a night: change a share of the jobs; removed jobs are known as deleted."""
        with self.lock:
            before, self.night = self.jobs, self.night + 1
            self.jobs = evolve(before, self.night, self.seed, self.share)
            gone = before.keys() - self.jobs.keys()
            self.deleted |= gone
            self.last_known |= {job_id: before[job_id] for job_id in gone}

    def reply(self, request: RecordedRequest) -> Reply:
        """Return the reply to a request, with faults applied."""
        reply = self._control(request) if request.path.startswith(CONTROL_PREFIX) else self._with_faults(request)
        if self.log is not None:
            self.log(request, reply)
        return reply

    def _control(self, request: RecordedRequest) -> Reply:
        if (request.method, request.path) != ("POST", f"{CONTROL_PREFIX}night"):
            return Reply.of(404, {"error_msg": f"POST {CONTROL_PREFIX}night is all there is"})
        self.next_night()
        return Reply.of(200, {"night": self.night, "jobs": len(self.jobs)})

    def _with_faults(self, request: RecordedRequest) -> Reply:
        with self.lock:
            fault = take_fault(self.faults, request)
        normal = functools.partial(self._normal, request)
        return fault.apply_to(request, normal) if fault else normal()

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
    """The HTTP server: a thread ends with its connection, and connections end with the server."""

    daemon_threads = True
    request_queue_size = 128

    def __init__(self, address: tuple[str, int], handler: Callable[..., BaseHTTPRequestHandler]) -> None:
        self._connections: set[socket.socket] = set()
        super().__init__(address, handler)

    def server_bind(self) -> None:
        """Bind without the DNS lookup of the parent class."""
        socketserver.TCPServer.server_bind(self)
        self.server_name, self.server_port = str(self.server_address[0]), self.server_address[1]

    def process_request(self, request: Any, client_address: Any) -> None:
        """Register the connection, then serve it in a new thread."""
        self._connections.add(request)
        super().process_request(request, client_address)

    def shutdown_request(self, request: Any) -> None:
        """Unregister a connection that has ended."""
        self._connections.discard(request)
        super().shutdown_request(request)

    def close_connections(self) -> None:
        """Shut down open connections, so that their threads end."""
        for connection in list(self._connections):
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Ignore connection errors; print any other error, which is a bug of the mock."""
        if not isinstance(sys.exception(), OSError):
            super().handle_error(request, client_address)


class _Handler(BaseHTTPRequestHandler):
    """Reads a request, sends a reply."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True  # otherwise the body waits for the ACK of the head

    def __init__(self, drs: DrsServer, *connection: Any) -> None:
        self._drs = drs
        super().__init__(*connection)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002  # the parent's name
        """Print nothing; see `DrsServer.log`."""

    def do_POST(self) -> None:
        """Answer any request."""
        length = self.headers.get("Content-Length", "0")
        if "Transfer-Encoding" in self.headers:  # a chunked body is not read, so the connection cannot be reused
            self.close_connection = True
        body = self.rfile.read(int(length)) if length.isdecimal() else b""
        headers = {name.lower(): value for name, value in self.headers.items()}
        request = self._drs.record(self.command, self.path, headers, body)
        self._drs.pause(self._drs.latency)
        self._send(request, self._drs.reply(request))

    do_GET = do_PUT = do_DELETE = do_PATCH = do_POST  # noqa: N815  # names that the parent class calls

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
        """Send the head so far, then further header lines over some seconds."""
        for number in range(DRIP_CHUNKS if seconds else 0):
            self.flush_headers()
            self._drs.pause(seconds / DRIP_CHUNKS)
            self.send_header(f"X-Drip-{number}", "drip")

    def _send_body(self, reply: Reply) -> None:
        if reply.keep is not None:
            self.wfile.write(reply.body[: reply.keep])
            self.close_connection = True
            return
        if not reply.drip:
            self.wfile.write(reply.body)
            return
        size = max(1, -(-len(reply.body) // DRIP_CHUNKS))
        for start in range(0, len(reply.body), size):
            self._drs.pause(reply.drip / DRIP_CHUNKS)
            self.wfile.write(reply.body[start : start + size])

    def _reset(self) -> None:
        """Reset the connection: close the descriptor only, because `socket.close` would shut down cleanly."""
        self.close_connection = True
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        os.close(self.connection.detach())
