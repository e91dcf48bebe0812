"""Commands that begin warm: each is a fork of a process that has imported all modules already.

To import them is most of what a short command takes. A fork is a process of its own as any other: it can be killed,
and has its own streams. That each command imports what it needs is seen in `tests/test_cold.py`, where each starts as a
new Python.
"""

import atexit
import contextlib
import gc
import importlib
import json
import os
import pkgutil
import select
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import threading
import time
import traceback
from collections import deque
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import IO, Any, NoReturn

import inventory
from inventory.cli import main

__all__ = ["WARM", "Forked", "Stream", "WarmStart", "early"]

WARM = sys.platform == "linux"  # elsewhere a fork may not call the system's libraries
LIBRARIES = (  # that our modules import where they need them
    "alembic.autogenerate", "alembic.config", "asyncio", "cryptography.hazmat.primitives.serialization", "filelock",
    "httpx", "prometheus_client.parser", "psycopg", "sqlalchemy.dialects.postgresql.psycopg",
    "sqlalchemy.dialects.sqlite.pysqlite", "structlog", "tabulate", "yaml",
)  # fmt: skip
START = "import sys; from tests.warm import serve; serve(int(sys.argv.pop()))"
EARLY = ("LANG", "LC_", "LD_", "MALLOC_", "PYTHON", "SQLITE_", "TMPDIR", "TZ")  # variables that are read at the start
SECONDS = 120
NUMBER = struct.Struct("q")


Stream = int | IO[Any] | None  # as `subprocess` takes them: PIPE, DEVNULL, a descriptor, a file; None is ours


class WarmStart:
    """Starts commands by turns from two processes, so that texts hash otherwise from one command to the next."""

    def __init__(self, environment: Mapping[str, str], folder: Path | None = None) -> None:
        """Take the variables to start with, and the folder where the package is, unless it is the present one."""
        self._environment = dict(environment)
        self._folder = folder
        self._controls: deque[socket.socket] = deque()
        self._processes: list[subprocess.Popen[bytes]] = []
        for _ in range(2):
            self._controls.append(self._started())

    def suits(self, environment: Mapping[str, str]) -> bool:
        """Tell whether a command's environment differs in nothing that a process heeds as it starts."""
        return early(environment) == early(self._environment)

    def start(
        self, arguments: Sequence[str], environment: Mapping[str, str], *, folder: Path | None = None,
        code: str | None = None, stdin: Stream = None, stdout: Stream = None, stderr: Stream = None,
    ) -> "Forked":  # fmt: skip
        """Start the command, or the program `code`, in a folder or in the present one, as `subprocess.Popen` does."""
        with contextlib.ExitStack() as stack:
            ours, theirs = socket.socketpair()
            stack.enter_context(theirs)
            asked = stack.enter_context(tempfile.TemporaryFile("w+"))
            json.dump([[*arguments], str(folder or Path.cwd()), dict(environment), code], asked)
            asked.seek(0)
            pipes: list[IO[str] | None] = []
            descriptors = [theirs.fileno(), asked.fileno()]
            for standard, stream in enumerate((stdin, stdout, stderr)):
                pipe, descriptor = _opened(standard, stream, stack)
                pipes.append(pipe)
                descriptors.append(descriptor)
            self._controls.rotate()
            socket.send_fds(self._controls[0], [b"+"], descriptors)
        return Forked(arguments, ours, pipes)

    def run(
        self, arguments: Sequence[str], environment: Mapping[str, str], folder: Path | None = None
    ) -> "subprocess.CompletedProcess[str]":
        """Run a command, in a folder or in the present one, as `subprocess.run` does that captures text."""
        with tempfile.TemporaryFile("w+") as out, tempfile.TemporaryFile("w+") as err:
            code = self.start(arguments, environment, folder=folder, stdout=out, stderr=err).wait()
            for file in out, err:
                file.seek(0)
            return subprocess.CompletedProcess(arguments, code, out.read(), err.read())

    def close(self) -> None:
        """End the processes; no command may run any more."""
        while self._controls:
            self._controls.pop().close()
        for process in self._processes:
            process.wait()

    def _started(self) -> socket.socket:
        ours, theirs = socket.socketpair()
        with theirs:
            words = [sys.executable, "-c", START, str(theirs.fileno())]
            process = subprocess.Popen(words, pass_fds=[theirs.fileno()], env=self._environment, cwd=self._folder)
        self._processes.append(process)
        return ours


def _opened(standard: int, stream: Stream, stack: contextlib.ExitStack) -> tuple[IO[str] | None, int]:
    """Return our end, if it is a pipe, and the descriptor of a standard stream of a process that is to start."""
    if stream == subprocess.PIPE:
        read, write = os.pipe()
        ours, theirs = (write, read) if standard == 0 else (read, write)
        stack.callback(os.close, theirs)
        return os.fdopen(ours, "w" if standard == 0 else "r"), theirs
    if stream == subprocess.DEVNULL:
        return None, stack.enter_context(Path(os.devnull).open("r+b", buffering=0)).fileno()
    if stream is None:
        return None, standard
    return None, stream if isinstance(stream, int) else stream.fileno()


class Forked(subprocess.Popen[str]):
    """A process that a warm one forked: it is no child of ours, but is used as one."""

    def __init__(self, arguments: Sequence[str], told: socket.socket, pipes: Sequence[IO[str] | None]) -> None:
        """Take the socket on which its pid is told, and then its exit code."""
        self.args = arguments
        self.stdin, self.stdout, self.stderr = pipes
        self.returncode: int | None = None
        self._told = told
        self.pid = self._next()

    def _next(self) -> int:
        number: int = NUMBER.unpack(self._told.recv(NUMBER.size, socket.MSG_WAITALL))[0]
        return number

    def poll(self) -> int | None:
        if self.returncode is None and select.select([self._told], [], [], 0)[0]:
            self.returncode = self._next()
            self._told.close()
        return self.returncode

    def wait(self, timeout: float | None = None) -> int:
        if self.returncode is None and not select.select([self._told], [], [], timeout)[0]:
            raise subprocess.TimeoutExpired(self.args, timeout or 0)
        code = self.poll()
        assert code is not None
        return code

    def send_signal(self, sig: int) -> None:
        if self.poll() is None:
            with contextlib.suppress(ProcessLookupError):  # it has just ended
                os.kill(self.pid, sig)

    def communicate(self, input: str | None = None, timeout: float | None = None) -> tuple[str, str]:  # noqa: A002
        until = None if timeout is None else time.monotonic() + timeout
        read = {"stdout": "", "stderr": ""}
        readers = []
        for name in read:
            if (stream := getattr(self, name)) is not None and not stream.closed:
                reader = threading.Thread(
                    target=lambda n, s: read.update({n: s.read()}), args=(name, stream), daemon=True
                )
                reader.start()
                readers.append(reader)
        if self.stdin is not None and not self.stdin.closed:
            with contextlib.suppress(BrokenPipeError), self.stdin:
                self.stdin.write(input or "")
        for reader in readers:
            reader.join(None if until is None else max(0, until - time.monotonic()))
            if reader.is_alive():
                raise subprocess.TimeoutExpired(self.args, timeout or 0)
        for stream in (self.stdout, self.stderr):
            if stream is not None:
                stream.close()
        self.wait(None if until is None else max(0, until - time.monotonic()))
        return read["stdout"], read["stderr"]

    def __exit__(self, *_: object) -> None:
        for stream in (self.stdin, self.stdout, self.stderr):
            if stream is not None:
                with contextlib.suppress(BrokenPipeError):
                    stream.close()
        self.wait()


def early(environment: Mapping[str, str]) -> dict[str, str]:
    """Return the variables that a process reads as it starts."""
    return {name: value for name, value in environment.items() if name.startswith(EARLY)}


def serve(descriptor: int) -> None:
    """Fork for each command that is asked for."""
    for name in (*LIBRARIES, *(module.name for module in pkgutil.walk_packages(inventory.__path__, "inventory."))):
        importlib.import_module(name)
    gc.freeze()  # what all forks share is not to be copied for being looked at
    with socket.socket(fileno=descriptor) as control:
        while True:
            _, files, _, _ = socket.recv_fds(control, 1, 5)
            if not files:
                os._exit(0)
            if not os.fork():
                os.close(control.detach())
                _attend(*files)
            for file in files:
                os.close(file)
            with contextlib.suppress(ChildProcessError):
                while os.waitpid(-1, os.WNOHANG)[0]:
                    pass


def _attend(told: int, asked: int, *standard: int) -> NoReturn:
    """Fork once more, tell the pid of the command's process, and how it ends."""
    child = os.fork()
    if not child:
        os.close(told)
        _become(asked, *standard)
    for file in (asked, *standard):
        os.close(file)
    os.write(told, NUMBER.pack(child))
    _, status = os.waitpid(child, 0)
    os.write(told, NUMBER.pack(os.waitstatus_to_exitcode(status)))
    os._exit(0)


def _become(asked: int, *files: int) -> NoReturn:
    with open(asked) as file:
        sys.argv[1:], folder, environment, code = json.load(file)
    for standard, file_of_it in enumerate(files):
        os.dup2(file_of_it, standard)
        os.close(file_of_it)
    _open_streams()
    os.chdir(folder)
    os.environ.clear()
    os.environ.update(environment)
    time.tzset()
    if hasattr(signal, "SIGHUP"):  # nohup, of whoever runs the tests, is not meant for them
        signal.signal(signal.SIGHUP, signal.SIG_DFL)
    signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell ignores it in the background
    signal.alarm(SECONDS)  # whoever hangs is killed
    _run(code)


def _open_streams() -> None:
    """Make the objects of the standard streams anew, as Python does at its start: they know a terminal from a file."""
    for number, name in enumerate(("stdin", "stdout", "stderr")):
        old = getattr(sys, name)
        mode, buffering = (
            ("w", 1) if name == "stderr" or (number and os.isatty(number)) else ("w" if number else "r", -1)
        )
        new = os.fdopen(number, mode, buffering, encoding=old.encoding, errors=old.errors, closefd=False)
        setattr(sys, name, new)
        setattr(sys, f"__{name}__", new)


def _run(program: str | None) -> NoReturn:
    """Run the command and end as Python does, but for destroying all objects, which would copy all shared memory."""
    code: object = 70
    try:
        main() if program is None else exec(compile(program, "<string>", "exec"), {"__name__": "__main__"})
        code = 0
    except SystemExit as ended:
        code = ended.code
        if not isinstance(code, int | None):
            print(code, file=sys.stderr)  # noqa: T201
    except BaseException:  # noqa: BLE001  # as Python tells it
        traceback.print_exc()
        code = 1
    threading._shutdown()  # type: ignore[attr-defined]  # waits for threads
    atexit._run_exitfuncs()
    for stream in sys.stdout, sys.stderr:
        with contextlib.suppress(OSError, ValueError):  # a reader that left, or closed by the command
            stream.flush()
    os._exit((code or 0) if isinstance(code, int | None) else 1)
