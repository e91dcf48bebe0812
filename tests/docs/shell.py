"""The shell in which a page's commands run: one for each page, in an empty folder."""

import contextlib
import json
import os
import shlex
import socket
import stat
import subprocess
import sys
import threading
from pathlib import Path
from types import TracebackType

from tests.warm import WarmStart

__all__ = ["Shell"]

END = "\x1e"
# Asks the tests' process to fork the command: a new Python for each would be most of the time that pages take.
CLIENT = """\
#!{python} -ISB
import json, os, socket, sys
ask = socket.socket(socket.AF_UNIX)
ask.connect({address!r})
socket.send_fds(ask, [b"+"], [0, 1, 2])
ask.sendall(json.dumps([sys.argv[1:], os.getcwd(), dict(os.environ)]).encode())
ask.shutdown(socket.SHUT_WR)
code = ask.makefile().read()
os._exit(int(code or 70) % 256)
"""


class Shell:
    """Runs commands with Bash, one after the other, and returns what each printed."""

    def __init__(self, folder: Path, warm: WarmStart | None, root: Path) -> None:
        self.folder = folder
        self.shown: dict[str, str] = {}  # what stands in what is printed, and what pages have in its place
        self._warm = warm
        self._tools = folder.with_name(folder.name + ".bin")
        self._tools.mkdir()
        self._listener = socket.socket(socket.AF_UNIX)
        self._running: list[subprocess.Popen[str]] = []
        self._install(root)
        path = f"{self._tools}:{os.environ['PATH']}"
        variables = {**os.environ, "PATH": path, "HOME": str(folder), "PYTHONPATH": "", "COLUMNS": "100"}
        self._bash = subprocess.Popen(
            ["bash", "--noprofile", "--norc"], cwd=folder, env=variables, text=True, bufsize=1,
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, start_new_session=True,
        )  # fmt: skip

    def run(self, command: str) -> str:
        """Run a command and return what it printed on both streams; `$?` is its code for the next one."""
        assert self._bash.stdin is not None
        assert self._bash.stdout is not None
        self._bash.stdin.write(f"{command}\n__code=$?; printf '{END}\\n'; (exit $__code)\n")
        printed: list[str] = []
        for line in self._bash.stdout:
            if line.endswith(f"{END}\n"):
                text = "".join([*printed, line.removesuffix(f"{END}\n")])
                for found, shown in self.shown.items():
                    text = text.replace(found, shown)
                return text
            printed.append(line)
        raise AssertionError(f"the shell ended: {command}\n{''.join(printed)}")

    def code(self) -> int:
        """Return the exit code of the last command."""
        return int(self.run("echo $?"))

    def export(self, **variables: str) -> None:
        """Set variables for the commands that follow."""
        for name, value in variables.items():
            self.run(f"export {name}={shlex.quote(value)}")

    def on_path(self, folder: Path) -> None:
        """Let the commands of a folder be found, after ours."""
        self.run(f"PATH=$PATH:{shlex.quote(str(folder))}")

    def _install(self, root: Path) -> None:
        """Put the command `inventory` on the path: what forks it, or where that cannot be, what starts it."""
        file = self._tools / "inventory"
        if self._warm is None:
            words = f"PYTHONPATH={shlex.quote(str(root))} exec {sys.executable} -m inventory"
            file.write_text(f'#!/bin/sh\n{words} "$@"\n')
        else:
            address = str(self._tools / "socket")
            self._listener.bind(address)
            self._listener.listen()
            file.write_text(CLIENT.format(python=sys.executable, address=address))
            threading.Thread(target=self._serve, daemon=True).start()
        python = self._tools / "python3"  # with the packages of the tests
        python.write_text(f'#!/bin/sh\nexec {sys.executable} "$@"\n')
        for each in (file, python):
            each.chmod(each.stat().st_mode | stat.S_IXUSR)

    def _serve(self) -> None:
        while True:
            try:
                asking, _ = self._listener.accept()
            except OSError:  # closed
                return
            threading.Thread(target=self._attend, args=(asking,), daemon=True).start()

    def _attend(self, asking: socket.socket) -> None:
        assert self._warm is not None
        with asking:
            _, files, _, _ = socket.recv_fds(asking, 1, 3)
            arguments, folder, environment = json.loads(asking.makefile().read())
            stdin, stdout, stderr = files
            process = self._warm.start(
                arguments, environment, folder=Path(folder), stdin=stdin, stdout=stdout, stderr=stderr
            )
            self._running.append(process)
            for file in files:
                os.close(file)
            code = process.wait()
            with contextlib.suppress(OSError):  # who asked was killed
                asking.sendall(str(code if code >= 0 else 128 - code).encode())

    def __enter__(self) -> "Shell":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._listener.close()
        for process in self._running:
            process.kill()
        assert self._bash.stdin is not None
        assert self._bash.stdout is not None
        self._bash.stdin.close()
        self._bash.kill()
        self._bash.stdout.close()
        self._bash.wait()
