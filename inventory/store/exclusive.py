"""A transaction that changes tables: it waits for all who use them, says for whom, and not without end."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from threading import Event, Thread
from typing import Any

from sqlalchemy import Connection, RootTransaction, text
from sqlalchemy.exc import DBAPIError, OperationalError, SQLAlchemyError

from inventory.common.cancellation import Stop
from inventory.common.errors import StoreError
from inventory.store.engine import Store

__all__ = ["SILENT", "Waiting", "exclusive"]

SILENT = 3.0  # seconds of waiting that nobody needs to hear of

_BLOCKERS = text(
    "SELECT a.pid, a.usename, a.application_name, a.state FROM unnest(pg_blocking_pids(:pid)) b(pid)"
    " JOIN pg_stat_activity a ON a.pid = b.pid ORDER BY a.pid"
)


def _nobody(_: str) -> None:
    pass


@dataclass(frozen=True)
class Waiting:
    """How long others are waited for, what ends the wait, and who is told of it after a few seconds."""

    seconds: float = 60
    stop: Stop = field(default_factory=Stop)
    on_wait: Callable[[str], None] = _nobody


@contextmanager
def exclusive(store: Store, waiting: Waiting) -> Iterator[Connection]:
    """A transaction that may change tables.

    Raises:
        StoreError: others use them for longer than it waits.
    """
    with store.connect() as connection:
        if store.is_sqlite:
            with _locked_file(store, connection, waiting):
                yield connection
        else:
            with connection.begin(), _watched(store, connection, waiting):
                yield connection


def _locked_file(store: Store, connection: Connection, waiting: Waiting) -> RootTransaction:
    driver: Any = connection.connection.driver_connection
    begin = connection.execution_options(sqlite_begin="BEGIN EXCLUSIVE").begin
    silent = min(SILENT, waiting.seconds / 2)
    for seconds, last in ((silent, False), (waiting.seconds - silent, True)):
        driver.execute(f"PRAGMA busy_timeout = {int(seconds * 1000)}")
        try:
            return begin()
        except OperationalError as error:
            if "locked" not in str(error.orig):
                raise
        waiting.stop.check()
        if not last:
            waiting.on_wait("waiting for another process that uses the file")
    raise StoreError(
        f"another process uses the database {store} for longer than {waiting.seconds:.0f} seconds",
        "Nothing was changed; run it again when that is done, or with a longer --lock-timeout",
    )


@contextmanager
def _watched(store: Store, connection: Connection, waiting: Waiting) -> Iterator[None]:
    """Bound each wait for a lock; another connection looks for whom it waits."""
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
    """Tells once for each group of sessions that a session waits for them."""

    def __init__(self, store: Store, pid: int, waiting: Waiting) -> None:
        self._store = store
        self._pid = pid
        self._waiting = waiting
        self.last = ""

    def watch(self, done: Event) -> None:
        with suppress(StoreError, SQLAlchemyError):  # it only tells
            if done.wait(min(SILENT, self._waiting.seconds / 2)):
                return
            with self._store.connect() as connection:
                looking = connection.execution_options(isolation_level="AUTOCOMMIT")
                while True:
                    said = ", ".join(map(_session, looking.execute(_BLOCKERS, {"pid": self._pid})))
                    if said and said != self.last:
                        self._waiting.on_wait(f"waiting for sessions that use the tables: {said}")
                    self.last = said or self.last
                    if done.wait(1):
                        return


def _session(row: Any) -> str:
    name = f" {row.application_name}" if row.application_name else ""
    return f"pid {row.pid}{name} ({row.usename}, {row.state})"
