"""Commands that begin warm: each is a fork of a process that has imported all modules already.

To import them is most of what a short command takes. A fork is a process of its own as any other. That each command
imports what it needs, in an order that works, is seen where it runs cold: the first time in each test process, and
wherever a test starts one and goes on.
"""

import atexit
import contextlib
import gc
import importlib
import json
import os
import pkgutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import traceback
from collections import deque
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NoReturn

import inventory
from inventory.cli import main

__all__ = ["WARM", "WarmStart", "early"]

WARM = sys.platform == "linux"  # elsewhere a fork may not call the system's libraries
LIBRARIES = (  # that our modules import where they need them
    "alembic.autogenerate", "alembic.config", "asyncio", "cryptography.hazmat.primitives.serialization", "filelock",
    "httpx", "prometheus_client.parser", "psycopg", "sqlalchemy.dialects.postgresql.psycopg",
    "sqlalchemy.dialects.sqlite.pysqlite", "structlog", "tabulate", "yaml",
)  # fmt: skip
START = "import sys; from tests.warm import serve; serve(int(sys.argv.pop()))"
EARLY = ("LANG", "LC_", "LD_", "MALLOC_", "PYTHON", "SQLITE_", "TMPDIR", "TZ")  # variables that are read at the start
SECONDS = 120


class WarmStart:
    """Starts commands by turns from two processes, so that texts hash otherwise from one command to the next."""

    def __init__(self, environment: Mapping[str, str], folder: Path | None = None) -> None:
        """Take the variables to start with, and the folder where the package is, unless it is the present one."""
        self._environment = dict(environment)
        self._folder = folder
        self._idle: deque[socket.socket] = deque()
        self._processes: list[subprocess.Popen[bytes]] = []
        for _ in range(2):
            self._idle.append(self._started())

    def suits(self, environment: Mapping[str, str]) -> bool:
        """Tell whether a command's environment differs in nothing that a process heeds as it starts."""
        return early(environment) == early(self._environment)

    def run(
        self, arguments: Sequence[str], environment: Mapping[str, str], folder: Path | None = None
    ) -> "subprocess.CompletedProcess[str]":
        """Run a command, in a folder or in the present one, as `subprocess.run` does that captures text."""
        control = self._idle.popleft() if self._idle else self._started()  # threads may ask at once
        with contextlib.ExitStack() as stack:
            asked, out, err = files = [stack.enter_context(tempfile.TemporaryFile("w+")) for _ in range(3)]
            json.dump([arguments, str(folder or Path.cwd()), dict(environment)], asked)
            asked.seek(0)
            socket.send_fds(control, [b"+"], [file.fileno() for file in files])
            code = int(control.recv(16))
            self._idle.append(control)
            for file in out, err:
                file.seek(0)
            return subprocess.CompletedProcess(arguments, code, out.read(), err.read())

    def close(self) -> None:
        """End the processes; no command may run any more."""
        while self._idle:
            self._idle.pop().close()
        for process in self._processes:
            process.wait()

    def _started(self) -> socket.socket:
        ours, theirs = socket.socketpair()
        with theirs:
            words = [sys.executable, "-c", START, str(theirs.fileno())]
            process = subprocess.Popen(words, pass_fds=[theirs.fileno()], env=self._environment, cwd=self._folder)
        self._processes.append(process)
        return ours


def early(environment: Mapping[str, str]) -> dict[str, str]:
    """Return the variables that a process reads as it starts."""
    return {name: value for name, value in environment.items() if name.startswith(EARLY)}


def serve(descriptor: int) -> None:
    """Fork for each command that is asked for, and tell how it ended."""
    for name in (*LIBRARIES, *(module.name for module in pkgutil.walk_packages(inventory.__path__, "inventory."))):
        importlib.import_module(name)
    gc.freeze()  # what all forks share is not to be copied for being looked at
    with socket.socket(fileno=descriptor) as control:
        while True:
            _, files, _, _ = socket.recv_fds(control, 1, 3)
            if not files:
                os._exit(0)
            child = os.fork()
            if not child:
                control.detach()
                _become(*files)
            for file in files:
                os.close(file)
            _, status = os.waitpid(child, 0)
            control.send(str(os.waitstatus_to_exitcode(status)).encode())


def _become(asked: int, out: int, err: int) -> NoReturn:
    with open(asked) as file:
        sys.argv[1:], folder, environment = json.load(file)
    for captured, standard in ((out, 1), (err, 2)):
        os.dup2(captured, standard)
        os.close(captured)
    os.chdir(folder)
    os.environ.clear()
    os.environ.update(environment)
    signal.alarm(SECONDS)  # whoever hangs is killed
    _run()


def _run() -> NoReturn:
    """Run the command and end as Python does, but for destroying all objects, which would copy all shared memory."""
    code: int | None = 70
    try:
        main()
    except SystemExit as ended:
        code = ended.code if isinstance(ended.code, int | None) else 70
    except BaseException:  # noqa: BLE001  # as Python tells it
        traceback.print_exc()
        code = 1
    threading._shutdown()  # type: ignore[attr-defined]  # waits for threads
    atexit._run_exitfuncs()
    for stream in sys.stdout, sys.stderr:
        stream.flush()
    os._exit(code or 0)
