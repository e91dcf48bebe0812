"""One lock for each source, so that two exports of one source never run together, on one machine or on several.

SQLite: a lock on a file beside the database, which the system drops with the process. PostgreSQL: an
advisory lock of a session, which the server drops with the connection. So a holder that is killed leaves
none behind. Both belong to who took them: threads of one process exclude each other too.
"""

import hashlib
import os
import re
import socket
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout
from sqlalchemy import Connection, text
from sqlalchemy.exc import SQLAlchemyError

from inventory.common.cancellation import Stop
from inventory.common.errors import BusyError, ConnectionLostError, DeadlineError, StoreError
from inventory.store.engine import Store, translated
from inventory.store.exclusive import SILENT

__all__ = ["UPGRADE", "SourceLock", "holder", "source_lock"]

POLL = 0.2  # seconds between two attempts
UPGRADE = "db upgrade"  # what the lock of an upgrade is called; no source can be
_PLAIN = re.compile(r"[a-z0-9._-]{1,100}\Z")  # no capitals: some file systems do not tell them apart


class SourceLock(ABC):
    """The lock of one source, held while the context of `source_lock` lasts."""

    _lost: type[StoreError] = StoreError

    def __init__(self, name: str) -> None:
        self._name = name

    @abstractmethod
    def take(self) -> bool:
        """Take the lock if it is free."""

    @abstractmethod
    def holder(self) -> str | None:
        """Say who holds it; None where nobody does."""

    @abstractmethod
    def is_held(self) -> bool:
        """Tell whether it is still ours."""

    @abstractmethod
    def release(self) -> None:
        """Give it back; lost or not."""

    def check(self) -> None:
        """Make sure that nobody else can have it: the last thing to do before a commit.

        Raises:
            StoreError: it was lost, with its connection or its file.
        """
        if not self.is_held():
            raise self._lost(f"the lock of the source {self._name} was lost", "Nothing was written; run it again")


@contextmanager
def source_lock(
    store: Store, name: str, timeout: float, stop: Stop, about: str = "export",
    on_wait: Callable[[str], None] = lambda _: None,
) -> Iterator[SourceLock]:  # fmt: skip
    """Hold the lock of a source.

    Args:
        timeout: seconds to wait for it.
        about: what it is held for, told to whoever meets it.
        on_wait: called once if it waits for long, with what for.

    Raises:
        BusyError: somebody else holds it.
        StoreError: the database, or its folder, allows no lock.
        StoppedError: it was asked to stop while it waited.
    """
    with _lock_of(store, name, about) as lock:
        _wait(lock, name, timeout, stop, on_wait)
        try:
            yield lock
        finally:
            lock.release()


def holder(store: Store, name: str) -> str | None:
    """Say who holds the lock of a source; None where nobody does."""
    with _lock_of(store, name, "look") as lock:
        return lock.holder()


def _wait(lock: SourceLock, name: str, timeout: float, stop: Stop, on_wait: Callable[[str], None]) -> None:
    began = time.monotonic()
    until = began + min(timeout, stop.left)
    silent = True
    with stop.waits.register("the lock", lock=name):
        while not lock.take():
            now = time.monotonic()
            if now >= until:
                who = lock.holder() or "it has just ended"
                what = "upgrades the database" if name == UPGRADE else f"has the source {name}"
                raise BusyError(f"another run {what} ({who})", "`--lock-timeout SECONDS` waits for it")
            if silent and now >= began + SILENT:
                silent = False
                on_wait(f"waiting for another run: {lock.holder() or 'it has just ended'}")
            with suppress(DeadlineError):  # who has it is the better answer
                stop.wait(min(POLL, until - now))


@contextmanager
def _lock_of(store: Store, name: str, about: str) -> Iterator[SourceLock]:
    who = f"{about}, pid {os.getpid()} on {socket.gethostname()}"
    if store.path is not None:
        yield _FileLock(store.path, name, who)
        return
    with translated(store), store.connect() as connection:
        # Without a transaction, which would hold back the server's clean-up for as long as the lock lasts.
        yield _AdvisoryLock(connection.execution_options(isolation_level="AUTOCOMMIT"), name, who)


class _FileLock(SourceLock):
    """A lock on a file that exists while it is held; a killed holder's file locks nothing and is taken over."""

    def __init__(self, database: Path, name: str, who: str) -> None:
        super().__init__(name)
        self._who = who
        database = database.resolve()  # two paths to one database, one lock
        plain = name if _PLAIN.match(name) else hashlib.sha256(name.encode()).hexdigest()[:32]
        self._path = database.with_name(f"{database.name}.{plain}.lock")
        # Not the fallback for file systems without locks: it outlives a killed holder.
        self._lock = FileLock(self._path, thread_local=False, fallback_to_soft=False)
        self._taken: os.stat_result | None = None

    def take(self) -> bool:
        try:
            self._lock.acquire(blocking=False)
        except Timeout:
            return False
        except OSError as error:
            hint = "Grant the right to write to it and its folder, on a file system with locks"
            raise StoreError(f"the lock {self._path} cannot be taken: {error.strerror}", hint) from None
        with suppress(OSError):  # it only helps whoever waits
            self._path.write_text(f"{self._who}, since {_utc(datetime.now(UTC))}\n", encoding="utf-8")
        self._taken = self._path.lstat()
        return True

    def holder(self) -> str | None:
        if not self._path.exists():
            return None
        if self.take():  # left behind by a killed holder
            self.release()
            return None
        with suppress(OSError):
            return self._path.read_text(encoding="utf-8", errors="replace")[:200].strip() or None
        return None

    def is_held(self) -> bool:
        with suppress(OSError):
            return self._taken is not None and os.path.samestat(self._taken, self._path.lstat())
        return False

    def release(self) -> None:
        if self.is_held():
            with suppress(OSError):  # before the lock is given back: whoever waits on this file sees it gone
                self._path.unlink()
        self._taken = None
        self._lock.release()


class _AdvisoryLock(SourceLock):
    """A session's advisory lock, on a connection of its own: it is lost with that alone."""

    _lost = ConnectionLostError
    _FOUND = text(
        "SELECT l.pid = pg_backend_pid() AS mine, a.application_name AS who, a.backend_start AS since"
        " FROM pg_locks l JOIN pg_database d ON d.oid = l.database LEFT JOIN pg_stat_activity a ON a.pid = l.pid"
        " WHERE l.locktype = 'advisory' AND l.granted AND l.objsubid = 1 AND d.datname = current_database()"
        " AND (CAST(l.classid AS bigint) << 32) | CAST(l.objid AS bigint) = :key"
    )

    def __init__(self, connection: Connection, name: str, who: str) -> None:
        super().__init__(name)
        self._connection = connection
        named = text("SELECT set_config('application_name', :who, false)")
        connection.execute(named, {"who": f"inventory {who}"[:63]})
        # Of this table, not of this database: it may hold several inventories in schemas of their own.
        table = connection.execute(text("SELECT CAST(CAST(to_regclass('sources') AS oid) AS bigint)")).scalar()
        whole = hashlib.sha256(f"inventory\n{table}\n{name}".encode()).digest()
        self._key = int.from_bytes(whole[:8], signed=True)

    def take(self) -> bool:
        return bool(self._ask("SELECT pg_try_advisory_lock(:key)"))

    def holder(self) -> str | None:
        found = self._found()
        if found is None:
            return None
        who = (found.who or "another session").removeprefix("inventory ")
        return f"{who}, since {_utc(found.since)}" if found.since else who  # some users may not see the time

    def is_held(self) -> bool:
        with suppress(SQLAlchemyError):
            found = self._found()
            return found is not None and bool(found.mine)
        return False

    def release(self) -> None:
        with suppress(SQLAlchemyError):  # else the server does it, once it sees the connection gone
            self._ask("SELECT pg_advisory_unlock(:key)")

    def _found(self) -> Any:
        return self._connection.execute(self._FOUND, {"key": self._key}).first()

    def _ask(self, query: str) -> Any:
        return self._connection.execute(text(query), {"key": self._key}).scalar()


def _utc(moment: datetime) -> str:
    return f"{moment.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC"
