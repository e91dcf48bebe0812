"""Open a database, SQLite or PostgreSQL, and translate driver errors. The only caller of create_engine."""

import random
import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any
from urllib.parse import quote

from sqlalchemy import Connection, Engine, RootTransaction, create_engine, event
from sqlalchemy.exc import DBAPIError, NoSuchModuleError, SQLAlchemyError
from sqlalchemy.pool import NullPool

from inventory.common.cancellation import Stop, with_unit
from inventory.common.errors import ConnectionLostError, StoreError, UsageError
from inventory.config.database_url import check_database_url, parse_database_url, safe_url
from inventory.store import postgresql
from inventory.store.sqlite_lock import READ_TIMEOUT, LockWait, begin_exclusive, holders

__all__ = ["ConnectRetry", "Store", "is_absent", "open_store", "translate_errors"]

MAX_RETRY_PAUSE = 5.0  # seconds between two attempts to connect


@dataclass(frozen=True)
class ConnectRetry:
    """For how many seconds failed connections are retried, and what cancels the wait."""

    seconds: float
    stop: Stop


class Store:
    """An open database: `engine`, and for SQLite the `path` of the file. `str()` is its URL without secrets."""

    def __init__(
        self, engine: Engine, path: Path | None, shown: str = "", retry: ConnectRetry | None = None, *,
        write: bool = False, lock: LockWait | None = None,
    ) -> None:  # fmt: skip
        self.engine = engine
        self.path = path
        self.role = "writer" if write else "reader"  # of `rights`: what its user needs
        self._shown = shown or f"sqlite:///{path}"
        self._retry = retry
        self._lock = lock or LockWait()

    @property
    def is_sqlite(self) -> bool:
        return self.engine.dialect.name == "sqlite"

    def __str__(self) -> str:
        """Return the URL without its password."""
        return self._shown

    def with_retry(self, seconds: float, stop: Stop) -> "Store":
        """Return the same database with retries for failed connections."""
        retry = ConnectRetry(seconds, stop)
        lock = replace(self._lock, stop=stop)
        return Store(self.engine, self.path, self._shown, retry, write=self.role == "writer", lock=lock)

    def connect(self) -> Connection:
        """Connect. Transient failures are retried for the seconds of `with_retry`.

        Raises:
            StoreError: the database cannot be reached, or refuses.
            StoppedError: the run was cancelled while waiting.
        """
        until = time.monotonic() + (self._retry.seconds if self._retry else 0)
        pause = 0.25
        while True:
            try:
                return self.engine.connect()
            except StoreError as error:  # raised by `postgresql.connect`
                raise StoreError(f"{self} cannot be used: {error.summary}", error.hint) from None
            except DBAPIError as error:
                left = until - time.monotonic()
                if self._retry is None or left <= 0 or not postgresql.is_transient(error.orig):
                    raise _no_connection(self, error.orig) from None
                why = postgresql.reason(error.orig)
            seconds = min(left, pause * random.uniform(0.5, 1))  # noqa: S311  # jitter, so that sources do not retry together
            from inventory.common.log import logger  # read-only commands do not import it

            logger().warning("retrying the connection to the database", why=why, seconds=round(seconds, 1))
            self._retry.stop.wait(seconds)
            pause = min(MAX_RETRY_PAUSE, pause * 2)

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """A read-only transaction in which every statement sees the same committed state.

        After a rollback of the connection the next statement begins another.
        """
        with translate_errors(self), self.connect() as connection:
            if not self.is_sqlite:  # changes this connection in place
                connection.execution_options(isolation_level="REPEATABLE READ", postgresql_readonly=True)
            yield connection

    @contextmanager
    def writing(self, stop: Stop | None = None) -> Iterator[Connection]:
        """A transaction that writes; rolled back on an error. `stop` cancels the wait for it."""
        with translate_errors(self), self.connect() as connection, self.begin_write(connection, stop):
            yield connection

    def begin_write(self, connection: Connection, stop: Stop | None = None) -> RootTransaction:
        """Begin a transaction that writes; on SQLite lock first, so that no value it reads can be outdated.

        Raises:
            StoreError: others still use the SQLite file after its `sqlite_lock_timeout`.
            StoppedError: the run was cancelled while waiting.
        """
        if self.path is None:
            return connection.begin()
        waiting = self._lock if stop is None else replace(self._lock, stop=stop)
        found = begin_exclusive(connection, self.path, waiting)
        if found is None:
            who = holders(self.path) or "another process"
            raise StoreError(
                f"the database {self} is locked: {who} has been using it for {with_unit(waiting.seconds)}",
                "Nothing was written; end that transaction, or set sqlite_lock_timeout, and run it again",
            )
        return found

    def unusable_reason(self) -> str | None:
        """Return why no user could export into the database; None if no reason is known."""
        if self.is_sqlite:
            return None
        with translate_errors(self), self.connect() as connection:
            return postgresql.unusable_reason(connection.connection.driver_connection)

    def close(self) -> None:
        """Close the connections."""
        self.engine.dispose()

    def __enter__(self) -> "Store":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def open_store(url: str, *, write: bool, create: bool = True, lock: LockWait | None = None) -> Store:
    """Open the database of a URL.

    Args:
        write: open for writing; a read-only store never creates a file.
        create: with `write`, create a missing SQLite file.
        lock: how long a transaction that writes waits for others that use an SQLite file.

    Raises:
        UsageError: not a URL of SQLite or PostgreSQL.
        StoreError: no such file, no driver.
    """
    why = check_database_url(url)
    if why is not None:
        raise UsageError(f"the database URL ({safe_url(url)}) cannot be used: {why}")
    found = parse_database_url(url)
    if found.kind == "sqlite":
        return _sqlite(Path(found.path), "ro" if not write else "rwc" if create else "rw", lock)
    return _postgresql(dict(found.parameters), safe_url(url), write=write)


def _postgresql(parameters: dict[str, str], shown: str, *, write: bool) -> Store:
    try:
        engine = create_engine("postgresql+psycopg://", hide_parameters=True, poolclass=NullPool)
    except (ImportError, NoSuchModuleError):
        hint = "Run: pip install 'drs-inventory[postgresql]'"
        raise StoreError("the driver for PostgreSQL is not installed", hint) from None

    @event.listens_for(engine, "do_connect")
    def _connect(dialect: Any, *_: Any) -> Any:
        return postgresql.connect(dialect, parameters, write=write)

    return Store(engine, None, shown, write=write)


def is_absent(url: str) -> bool:
    """Return whether the URL names an SQLite file that does not exist and that an export would create.

    Raises:
        UsageError, StoreError: an export could not open it; see `open_store`.
    """
    with open_store(url, write=True) as store:  # does not connect yet
        return store.path is not None and not store.path.exists()


def _sqlite(path: Path, mode: str, lock: LockWait | None) -> Store:
    if mode != "rwc" and not path.exists():
        raise StoreError(f"the database {path} does not exist", "Run `inventory export` to create it")
    if path.is_dir():
        raise StoreError(f"the database {path} cannot be opened: it is a folder, not a file")
    if not path.parent.is_dir():
        raise StoreError(f"the database {path} cannot be opened: the folder {path.parent} does not exist")

    # Without an adapter for NULL, sqlite3 builds and drops an error text for each: 0.95 us per NULL, 0.2 us with one.
    sqlite3.register_adapter(type(None), dict[None, None]().get)
    sqlite3.register_adapter(bool, int)

    def connect() -> sqlite3.Connection:
        if mode == "ro":
            _roll_back(path)
        # Driver autocommit: only `_begin` below begins a transaction, so that DDL is transactional too.
        name = f"file:{quote(str(path.absolute()))}?mode={mode}"
        return sqlite3.connect(name, uri=True, isolation_level=None, timeout=READ_TIMEOUT, check_same_thread=False)

    engine = create_engine("sqlite://", creator=connect, hide_parameters=True, poolclass=NullPool)

    @event.listens_for(engine, "connect")
    def _configure(connection: Any, _record: Any) -> None:
        connection.execute("PRAGMA foreign_keys = ON")
        connection.execute("PRAGMA trusted_schema = OFF")  # no view needs more; 3.40 has it on
        connection.execute("PRAGMA synchronous = FULL")

    @event.listens_for(engine, "begin")
    def _begin(connection: Connection) -> None:
        connection.exec_driver_sql(connection.get_execution_options().get("sqlite_begin", "BEGIN"))

    return Store(engine, path, write=mode != "ro", lock=lock)


def _roll_back(path: Path) -> None:
    """Let SQLite roll back the journal of a killed writer: a read-only connection cannot, and would fail.

    If a writer is active, this waits for it. Without the right to write, it does nothing, and reading fails.
    """
    if Path(f"{path.resolve()}-journal").exists():
        name = f"file:{quote(str(path.absolute()))}?mode=rw"
        with (
            suppress(sqlite3.Error),
            closing(sqlite3.connect(name, uri=True, timeout=READ_TIMEOUT)) as connection,
        ):
            connection.execute("PRAGMA schema_version")


@contextmanager
def translate_errors(store: Store, role: str = "") -> Iterator[None]:
    """Turn driver errors into StoreError, without the values of rows.

    Args:
        role: what the user has to be, if a right is missing; by default what the store was opened for.
    """
    try:
        yield
    except DBAPIError as error:
        if not store.is_sqlite and (error.connection_invalidated or postgresql.is_lost(error.orig)):
            message = f"the connection to the database {store} broke: {_first_line(error.orig)}"
            raise ConnectionLostError(message, "Nothing was written; run it again") from None
        summary, hint = f"failed: {_first_line(error.orig)}", _hint(error.orig)
        if getattr(error.orig, "sqlstate", None) in (_NO_RIGHT, _NO_TABLE):
            summary, hint = _missing_rights(store, role or store.role, error.orig) or (summary, hint)
        raise StoreError(f"the database {store} {summary}", hint) from None
    except SQLAlchemyError as error:
        raise StoreError(f"the database {store} failed: {type(error).__name__}") from None


def _missing_rights(store: Store, role: str, error: object) -> tuple[str, str] | None:
    """Name the rights that are missing, as the catalogue has them; None if it cannot be told."""
    from inventory.store.rights import explain

    with suppress(StoreError, SQLAlchemyError), store.connect() as connection:
        found = explain(connection, role, _first_line(error))
        return found and (f"refused: {found[0]}", found[1])
    return None


def _no_connection(store: Store, error: object) -> StoreError:
    if store.is_sqlite:
        return StoreError(f"the database {store} failed: {_first_line(error)}", _hint(error))
    why, hint = postgresql.reason(error), ""
    if "permission denied for database" in why:
        why, hint = "missing CONNECT on the database", "Grants needed: `inventory db grants`, run by its owner"
    return StoreError(f"cannot connect to the database {store}: {why}", hint)


def _first_line(error: object) -> str:
    # PostgreSQL's later lines (DETAIL) quote the row, and its data exceptions (class 22) the value.
    state = getattr(error, "sqlstate", None) or ""
    if state.startswith("22"):
        return f"{type(error).__name__} ({state})"
    lines = str(error).strip().splitlines()
    return lines[0] if lines else type(error).__name__


def _hint(error: object) -> str:
    text, state = str(error), getattr(error, "sqlstate", None) or ""
    return next((hint for sign, hint in _HINTS.items() if sign == state or (" " in sign and sign in text)), "")


_NO_RIGHT = "42501"
_NO_TABLE = "42P01"  # so it looks to a user who may not use the schema of the internal tables
_HINTS = {  # SQLSTATE, or words of SQLite
    "database is locked": f"Another process has been writing to it for {READ_TIMEOUT} seconds; run it again",
    "disk is full": "Nothing was written; free some space, for temporary files too (SQLITE_TMPDIR), and run it again",
    "readonly database": "Grant the right to write to the file and its folder",
    "not a database": "Name another file; this one was not changed",
    "No space left": "Nothing was written; free some space and run it again",
    "53100": "Nothing was written; free some space and run it again",
    "25006": "The server is a standby, or default_transaction_read_only is on; name one that can be written",
    _NO_RIGHT: "The user of the URL lacks this right; `inventory doctor` names each that is missing",
    "55P03": "Another session holds a lock on it; end that, or wait longer",
}
