"""The workers of one export: processes beside it that send requests and prepare answers while it writes.

`Workers.open` gives an `Exchange` either way: one that hands its requests to the workers, or without any
the one of this process. Nobody else knows the difference.
"""

import os
import socket
import subprocess
import sys
from collections.abc import Callable, Iterable
from contextlib import suppress
from itertools import count
from pathlib import Path
from threading import Lock

from inventory.errors import SourceError
from inventory.exchange import Exchange, NoAnswerError, Request, Response, bound, nothing
from inventory.redact import Redactor
from inventory.settings import Settings, Source
from inventory.workers.wire import Channel, Frame, pack_request, unpack_answer

__all__ = ["Workers"]

ENOUGH = 100  # jobs that are worth a process
GRACE = 10.0  # seconds beyond those of a request, which ends in the worker by itself
LOST = 300.0  # seconds to prepare an answer, or to start, until a worker counts as lost
FORKS = sys.platform == "linux"  # elsewhere a fork may not call the system's libraries, for proxies say
ROOM = {"MALLOC_ARENA_MAX": "2"}  # else glibc keeps memory for each thread: a fifth of a worker's
_START = (
    "import gc, sys; gc.disable(); sys.path.insert(0, sys.argv[1]); from inventory.workers.worker import serve; "
    "gc.enable(); serve([int(word) for word in sys.argv[2:]])"
)
_HINT = "Run it again. With `workers: 0` in the configuration no worker processes are used"


class Workers:
    """A number of processes, started when the first is needed. Safe to share between threads."""

    def __init__(self, settings: Settings) -> None:
        self._number = settings.workers if hasattr(socket, "send_fds") and sys.executable else 0
        self._redactor = Redactor.of(settings)
        self._lock = Lock()
        self._next = count()
        self._processes: list[subprocess.Popen[bytes]] = []
        self._controls: list[socket.socket] = []
        self._early: dict[tuple[str, str], _Remote] = {}

    def start_early(self, sources: Iterable[Source]) -> None:
        """Let them prepare for the first source that will need them, while the database is opened."""
        for source in sources:
            if source.endpoint and self.are_worth(source):
                self._early[source.endpoint, source.name] = self._remote(source.endpoint, source)
                return

    def are_worth(self, source: Source) -> bool:
        """Tell whether reading a source is work enough."""
        return self._number > 0 and not source.replay and (source.jobs is None or len(source.jobs) >= ENOUGH)

    def open(self, url: str, source: Source) -> Exchange:
        """Connect to a source's endpoint.

        Raises:
            SourceError: the address, or a variable that the connection depends on, cannot be used.
        """
        if self.are_worth(source):
            remote = self._early.pop((url, source.name), None) or self._remote(url, source)
            remote.wait()
            return remote
        from inventory.http import Http
        from inventory.strict.big import AnySize

        prepare = AnySize(self._redactor).body
        return Http(url, timeout=source.timeout, max_body=source.max_body, prepare=prepare)

    def __enter__(self) -> "Workers":
        return self

    def __exit__(self, *_: object) -> None:
        """End them."""
        with self._lock:
            for control in self._controls:
                control.close()
            self._controls.clear()
            for process in self._processes:
                with suppress(subprocess.TimeoutExpired):
                    process.wait(timeout=5)
                process.kill()
                process.wait()
            self._processes.clear()

    def _remote(self, url: str, source: Source) -> "_Remote":
        masking = self._redactor.key, tuple(sorted(self._redactor.columns))
        about = url, source.timeout, source.max_body, *masking
        with self._lock:
            while len(self._controls) < self._number:
                process, controls = _started(self._number if FORKS else 1, about)
                self._processes.append(process)
                self._controls += controls
        return _Remote(url, about, source.timeout, self._channel)

    def _channel(self) -> socket.socket:
        """Return a new connection to the worker whose turn it is."""
        ours, theirs = socket.socketpair()
        with theirs, self._lock:
            try:
                control = self._controls[next(self._next) % len(self._controls)]
                socket.send_fds(control, [b"+"], [theirs.fileno()])
            except (ZeroDivisionError, OSError):  # there are none any more; it is gone
                ours.close()
                raise SourceError("a worker process ended", _HINT) from None
        return ours


def _started(number: int, about: Frame) -> tuple[subprocess.Popen[bytes], list[socket.socket]]:
    """Start a process that becomes a number of workers; return it, and what controls each.

    Args:
        about: a source that all of them will be for: what it takes is made once.
    """
    pairs = [socket.socketpair() for _ in range(number)]
    theirs = [each.fileno() for _, each in pairs]
    words = [sys.executable, "-P", "-c", _START, str(Path(__file__).parent.parent.parent), *map(str, theirs)]
    nothing = subprocess.DEVNULL
    try:
        process = subprocess.Popen(  # noqa: S603  # the interpreter that runs this, with the same package
            words, pass_fds=theirs, env=ROOM | os.environ, stdin=nothing, stdout=nothing, stderr=nothing
        )
    except OSError as error:
        for ours, _ in pairs:
            ours.close()
        raise SourceError(f"a worker process cannot be started: {error.strerror}", _HINT) from None
    finally:
        for _, each in pairs:
            each.close()
    with suppress(OSError):  # it is gone: who asks it hears of it
        Channel(pairs[0][0]).send(about)
    return process, [ours for ours, _ in pairs]


class _Remote:
    """The `Exchange` that workers do: a channel for each thread that asks. Complete after `wait`."""

    def __init__(self, url: str, about: Frame, timeout: float, connect: Callable[[], socket.socket]) -> None:
        self.url = url
        self._about = about
        self._timeout = timeout
        self._connect = connect
        self._lock = Lock()
        self._idle: list[Channel] = []
        self._all: list[Channel] = []
        self._closed = False
        self.host, self.base_path = "", ""
        self._first = self._asking(LOST)

    def wait(self) -> None:
        """Wait until a worker is ready to send.

        Raises:
            SourceError: it cannot; see `Http`.
        """
        self._put_back(self._opened(self._first))

    def send(self, request: Request, arrived: Callable[[], None] = nothing) -> Response:
        """See `Exchange.send`."""
        seconds = bound(request, self._timeout)
        patience = seconds + GRACE
        late = NoAnswerError("timed out", detail=f"{self.url}: timed out after {patience:.3g} s")
        with self._lock:
            channel = self._idle.pop() if self._idle else None
        channel = channel or self._opened(self._asking(patience), late)
        self._ask(channel, pack_request(request._replace(seconds=seconds)), patience)
        frame = self._received(channel, late)
        if frame[0] == "arrived":
            arrived()
            channel.patience(LOST)
            frame = self._received(channel)
        self._put_back(channel)
        if frame[0] == "error":
            raise SourceError(*frame[1:])
        if frame[0] == "none":
            reason, retry, reached, detail, hint = frame[1:]
            raise NoAnswerError(reason, retry=retry, reached=reached, detail=detail, hint=hint)
        return unpack_answer(frame[1:])

    def close(self) -> None:
        """See `Exchange.close`."""
        with self._lock:
            self._closed = True
            for channel in self._all:
                channel.hang_up()
            while self._idle:
                self._idle.pop().close()

    def _put_back(self, channel: Channel) -> None:
        with self._lock:
            if self._closed:
                channel.close()
            else:
                self._idle.append(channel)

    def _asking(self, patience: float) -> Channel:
        """Return a channel whose worker was told which source it is for, and has so many seconds to open it."""
        channel = Channel(self._connect())
        with self._lock:
            self._all.append(channel)
            if self._closed:
                channel.hang_up()
        self._ask(channel, self._about, patience)
        return channel

    def _opened(self, channel: Channel, late: NoAnswerError | None = None) -> Channel:
        frame = self._received(channel, late)
        if frame[0] == "error":
            raise SourceError(*frame[1:])
        _, self.host, self.base_path = frame
        return channel

    @staticmethod
    def _ask(channel: Channel, frame: Frame, patience: float | None) -> None:
        with suppress(OSError):  # then nothing will come back either
            channel.patience(patience)
            channel.send(frame)

    def _received(self, channel: Channel, late: NoAnswerError | None = None) -> Frame:
        """Wait for a frame.

        Args:
            late: raised where it does not come in time; None: then the worker counts as lost.
        """
        try:
            answer = channel.receive()
        except TimeoutError:
            channel.hang_up()  # an answer that comes later is nobody's
            channel.close()
            raise late or SourceError("a worker process does not answer", _HINT) from None
        except OSError:
            answer = None
        if answer is None:
            channel.close()
            if self._closed:
                raise NoAnswerError("closed", retry=False)
            raise SourceError("a worker process ended", _HINT)
        return answer
