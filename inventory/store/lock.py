"""One lock for each source, so that two exports of one source never run together, on one machine or on several.

SQLite: a lock on a file beside the database, which the system releases with the process. PostgreSQL: a session's
advisory lock, which the server releases with the connection. So a killed holder leaves no lock. Both exclude the
threads of one process too.
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
from inventory.store.engine import Store, translate_errors
from inventory.store.sqlite_lock import QUIET_SECONDS

__all__ = ["UPGRADE", "SourceLock", "holder", "source_lock"]

POLL_SECONDS = 0.2  # seconds between two attempts
UPGRADE = "db upgrade"  # the name of the lock of an upgrade; no valid name of a source
_SAFE_NAME = re.compile(r"[a-z0-9._-]{1,100}\Z")  # lower case: some file systems ignore case


class SourceLock(ABC):
    """The lock of one source, held while the context of `source_lock` lasts."""

    _lost_error: type[StoreError] = StoreError

    def __init__(self, name: str) -> None:
        self._name = name

    @abstractmethod
    def take(self) -> bool:
        """Take the lock if it is free."""

    @abstractmethod
    def holder(self) -> str | None:
        """Describe the holder; None if the lock is free."""

    @abstractmethod
    def is_held(self) -> bool:
        """Return whether this object still holds the lock."""

    @abstractmethod
    def release(self) -> None:
        """Release the lock, even if it was lost."""

    def check(self) -> None:
        """Check that the lock is still held; the last step before a commit.

        Raises:
            StoreError: it was lost with its connection or its file.
        """
        if not self.is_held():
            raise self._lost_error(f"the lock of the source {self._name} was lost", "Nothing was written; run it again")


@contextmanager
def source_lock(
    store: Store, name: str, timeout: float, stop: Stop, purpose: str = "export",
    on_wait: Callable[[str], None] = lambda _: None,
) -> Iterator[SourceLock]:  # fmt: skip
    """Hold the lock of a source.

    Args:
        timeout: seconds to wait for it.
        purpose: shown to others that wait for the lock.
        on_wait: called once, with a message, if the wait is long.

    Raises:
        BusyError: another run still holds it after the timeout.
        StoreError: the database, or its folder, allows no lock.
        StoppedError: the run was cancelled while waiting.
    """
    with _lock_of(store, name, purpose) as lock:
        _wait(lock, name, timeout, stop, on_wait)
        try:
            yield lock
        finally:
            lock.release()


def holder(store: Store, name: str) -> str | None:
    """Describe who holds the lock of a source; None if it is free."""
    with _lock_of(store, name, "look") as lock:
        return lock.holder()


def _wait(lock: SourceLock, name: str, timeout: float, stop: Stop, on_wait: Callable[[str], None]) -> None:
    began = time.monotonic()
    until = began + min(timeout, stop.left)
    quiet = True
    with stop.waits.register("the lock", lock=name):
        while not lock.take():
            now = time.monotonic()
            if now >= until:
                who = lock.holder() or "it has just ended"
                what = "is upgrading the database" if name == UPGRADE else f"is using the source {name}"
                raise BusyError(f"another run {what} ({who})", "Wait for it with `--lock-timeout SECONDS`")
            if quiet and now >= began + QUIET_SECONDS:
                quiet = False
                on_wait(f"waiting for another run: {lock.holder() or 'it has just ended'}")
            with suppress(DeadlineError):  # the error above, which names the holder, says more
                stop.wait(min(POLL_SECONDS, until - now))


@contextmanager
def _lock_of(store: Store, name: str, purpose: str) -> Iterator[SourceLock]:
    who = f"{purpose}, pid {os.getpid()} on {socket.gethostname()}"
    if store.path is not None:
        yield _FileLock(store.path, name, who)
        return
    with translate_errors(store), store.connect() as connection:
        # Without a transaction, which would delay VACUUM for as long as the lock is held.
        yield _AdvisoryLock(connection.execution_options(isolation_level="AUTOCOMMIT"), name, who)


class _FileLock(SourceLock):
    """A lock on a file that exists while it is held; the file of a killed holder is reused."""

    def __init__(self, database: Path, name: str, who: str) -> None:
        super().__init__(name)
        self._who = who
        database = database.resolve()  # the same lock for every path to the database
        safe = name if _SAFE_NAME.match(name) else hashlib.sha256(name.encode()).hexdigest()[:32]
        self._path = database.with_name(f"{database.name}.{safe}.lock")
        # No fallback for file systems without locks: its lock would outlive a killed holder.
        self._lock = FileLock(self._path, thread_local=False, fallback_to_soft=False)
        self._held_file: os.stat_result | None = None

    def take(self) -> bool:
        try:
            self._lock.acquire(blocking=False)
        except Timeout:
            return False
        except OSError as error:
            hint = "Grant the right to write to it and its folder, on a file system with locks"
            raise StoreError(f"the lock {self._path} cannot be taken: {error.strerror}", hint) from None
        with suppress(OSError):  # the text is only information for others
            self._path.write_text(f"{self._who}, since {_utc(datetime.now(UTC))}\n", encoding="utf-8")
        self._held_file = self._path.lstat()
        return True

    def holder(self) -> str | None:
        if not self._path.exists():
            return None
        if self.take():  # the holder was killed
            self.release()
            return None
        with suppress(OSError):
            return self._path.read_text(encoding="utf-8", errors="replace")[:200].strip() or None
        return None

    def is_held(self) -> bool:
        with suppress(OSError):
            return self._held_file is not None and os.path.samestat(self._held_file, self._path.lstat())
        return False

    def release(self) -> None:
        if self.is_held():
            with suppress(OSError):  # before the release, so that a waiting process sees that this file is gone
                self._path.unlink()
        self._held_file = None
        self._lock.release()


class _AdvisoryLock(SourceLock):
    """A session's advisory lock on a separate connection: it is lost only with that connection."""

    _lost_error = ConnectionLostError
    _HOLDER_QUERY = text(
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
        # The key depends on the table, because a database may hold several inventories in different schemas.
        table = connection.execute(text("SELECT CAST(CAST(to_regclass('sources') AS oid) AS bigint)")).scalar()
        digest = hashlib.sha256(f"inventory\n{table}\n{name}".encode()).digest()
        self._key = int.from_bytes(digest[:8], signed=True)

    def take(self) -> bool:
        return bool(self._scalar("SELECT pg_try_advisory_lock(:key)"))

    def holder(self) -> str | None:
        found = self._holder_row()
        if found is None:
            return None
        who = (found.who or "another session").removeprefix("inventory ")
        return f"{who}, since {_utc(found.since)}" if found.since else who  # NULL without the right to see it

    def is_held(self) -> bool:
        with suppress(SQLAlchemyError):
            found = self._holder_row()
            return found is not None and bool(found.mine)
        return False

    def release(self) -> None:
        with suppress(SQLAlchemyError):  # the server releases it when the connection ends
            self._scalar("SELECT pg_advisory_unlock(:key)")

    def _holder_row(self) -> Any:
        return self._connection.execute(self._HOLDER_QUERY, {"key": self._key}).first()

    def _scalar(self, query: str) -> Any:
        return self._connection.execute(text(query), {"key": self._key}).scalar()


def _utc(moment: datetime) -> str:
    return f"{moment.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC"
