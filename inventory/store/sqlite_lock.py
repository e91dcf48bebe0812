"""SQLite's lock on the whole file: how a writer waits for readers without keeping other readers out.

A writer needs the file alone for its commit. SQLite's own way to wait for it (`busy_timeout`) refuses every new reader
meanwhile, so that one forgotten notebook would stop every dashboard. Here a writer asks again and again and holds
nothing in between. Readers that follow each other without a gap would keep it waiting for ever; so in the second half
of its time it insists: it refuses new readers for a second, lets them in for a second, and so on.
"""

import os
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, RootTransaction
from sqlalchemy.exc import OperationalError

from inventory.common.cancellation import Stop

__all__ = ["QUIET_SECONDS", "READ_TIMEOUT", "LockWait", "begin_exclusive", "holders"]

READ_TIMEOUT = 60  # seconds that a connection waits for a writer, before it reads
QUIET_SECONDS = 3.0  # of waiting before it is reported
POLL_SECONDS = 0.1  # between two attempts
INSIST_SECONDS = 1.0  # for which new readers are refused, in the second half of the time


def _noop(_: str) -> None:
    pass


@dataclass(frozen=True)
class LockWait:
    """How many seconds to wait for a lock, what cancels the wait, and a callback that reports a long wait."""

    seconds: float = 60
    stop: Stop = field(default_factory=Stop)
    on_wait: Callable[[str], None] = _noop


def begin_exclusive(connection: Connection, path: Path, waiting: LockWait) -> RootTransaction | None:
    """Begin a transaction that has an SQLite file for itself; None if others still use it after the time.

    Raises:
        StoppedError: the run was cancelled while waiting.
    """
    driver: Any = connection.connection.driver_connection
    begin = connection.execution_options(sqlite_begin="BEGIN EXCLUSIVE").begin
    began = time.monotonic()
    reported = False
    while True:
        waited = time.monotonic() - began
        insists = waited > waiting.seconds / 2
        driver.execute(f"PRAGMA busy_timeout = {int(INSIST_SECONDS * 1000) if insists else 0}")
        try:
            transaction = begin()
        except OperationalError as error:
            if "locked" not in str(error.orig):
                raise
        else:
            connection.execution_options(sqlite_begin="BEGIN")  # of the next, which may only read
            driver.execute(f"PRAGMA busy_timeout = {READ_TIMEOUT * 1000}")
            return transaction
        if waited >= waiting.seconds:
            return None
        if not reported and waited >= min(QUIET_SECONDS, waiting.seconds / 2):
            reported = True
            who = holders(path)
            waiting.on_wait(f"waiting for {who or 'another process'} to end its transaction on {path}")
        waiting.stop.wait(INSIST_SECONDS if insists else POLL_SECONDS)


def holders(path: Path) -> str:
    """Name the other processes that hold a lock on a file, such as `pid 4242 (python3)`; '' where nobody can tell.

    Linux lists them in /proc/locks: number, POSIX, ADVISORY, READ or WRITE, pid, device:inode, range.
    """
    found: set[int] = set()
    with suppress(OSError):
        inode = str(path.stat().st_ino)
        for line in Path("/proc/locks").read_text().splitlines():
            fields = [each for each in line.split() if each != "->"]  # marks one that waits
            if fields[5].rpartition(":")[2] == inode:
                found.add(int(fields[4]))
    return ", ".join(_process(pid) for pid in sorted(found - {os.getpid()}) if pid > 0)


def _process(pid: int) -> str:
    with suppress(OSError):
        return f"pid {pid} ({Path(f'/proc/{pid}/comm').read_text().strip()})"
    return f"pid {pid}"
