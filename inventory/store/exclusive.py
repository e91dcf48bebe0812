"""A transaction that changes tables: it waits for other sessions, reports them, and gives up after a timeout."""

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from threading import Event, Thread
from typing import Any

from sqlalchemy import Connection, RootTransaction, text
from sqlalchemy.exc import DBAPIError, SQLAlchemyError

from inventory.common.errors import StoreError
from inventory.store.engine import Store
from inventory.store.sqlite_lock import QUIET_SECONDS, LockWait, begin_exclusive, holders

__all__ = ["exclusive"]

_BLOCKERS = text(
    "SELECT a.pid, a.usename, a.application_name, a.state FROM unnest(pg_blocking_pids(:pid)) b(pid)"
    " JOIN pg_stat_activity a ON a.pid = b.pid ORDER BY a.pid"
)


@contextmanager
def exclusive(store: Store, waiting: LockWait) -> Iterator[Connection]:
    """A transaction that may change tables.

    Raises:
        StoreError: others still use the tables after the timeout.
    """
    with store.connect() as connection:
        if store.path is not None:
            with _locked_file(store, store.path, connection, waiting):
                yield connection
        else:
            with connection.begin(), _with_lock_timeout(store, connection, waiting):
                yield connection


def _locked_file(store: Store, path: Path, connection: Connection, waiting: LockWait) -> RootTransaction:
    if (found := begin_exclusive(connection, path, waiting)) is not None:
        return found
    raise StoreError(
        f"{holders(path) or 'another process'} uses the database {store} for longer than {waiting.seconds:.0f} seconds",
        "Nothing was changed; run it again when that is done, or with a longer --lock-timeout",
    )


@contextmanager
def _with_lock_timeout(store: Store, connection: Connection, waiting: LockWait) -> Iterator[None]:
    """Limit each wait for a lock; a second connection looks up the sessions that hold it."""
    milliseconds = max(1, int(waiting.seconds * 1000))
    connection.exec_driver_sql(f"SET LOCAL lock_timeout = {milliseconds}")
    pid = connection.scalar(text("SELECT pg_backend_pid()"))
    done, blockers = Event(), _Blockers(store, pid, waiting)
    watcher = Thread(target=blockers.watch, args=(done,), name="blockers", daemon=True)
    watcher.start()
    try:
        yield
    except DBAPIError as error:
        if getattr(error.orig, "sqlstate", None) != "55P03":
            raise
        raise StoreError(
            f"the tables of {store} are in use for longer than {waiting.seconds:.0f} seconds"
            + (f" by {blockers.last}" if blockers.last else ""),
            "Nothing was changed; end those sessions, or run it again with a longer --lock-timeout",
        ) from None
    finally:
        done.set()
        watcher.join()


class _Blockers:
    """Reports the sessions that another session waits for; once for each group of them."""

    def __init__(self, store: Store, pid: int, waiting: LockWait) -> None:
        self._store = store
        self._pid = pid
        self._waiting = waiting
        self.last = ""

    def watch(self, done: Event) -> None:
        with suppress(StoreError, SQLAlchemyError):  # reporting is optional
            if done.wait(min(QUIET_SECONDS, self._waiting.seconds / 2)):
                return
            with self._store.connect() as connection:
                observer = connection.execution_options(isolation_level="AUTOCOMMIT")
                while True:
                    names = ", ".join(map(_session, observer.execute(_BLOCKERS, {"pid": self._pid})))
                    if names and names != self.last:
                        self._waiting.on_wait(f"waiting for sessions that use the tables: {names}")
                    self.last = names or self.last
                    if done.wait(1):
                        return


def _session(row: Any) -> str:
    name = f" {row.application_name}" if row.application_name else ""
    known = ", ".join(filter(None, (row.usename, row.state)))  # NULL where this user may not see the other's
    return f"pid {row.pid}{name}{f' ({known})' if known else ''}"
