"""Opening a database: SQLite or PostgreSQL, and foreign errors told in our words. The only caller of create_engine."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import Any
from urllib.parse import quote

from sqlalchemy import URL, Connection, Engine, RootTransaction, create_engine, event, make_url
from sqlalchemy.exc import ArgumentError, DBAPIError, NoSuchModuleError, OperationalError, SQLAlchemyError
from sqlalchemy.pool import NullPool

from inventory.errors import StoreError, UsageError

__all__ = ["Store", "begun", "begun_at_once", "is_absent", "open_store", "translated"]

LOCK_WAIT = 60  # seconds a short transaction waits for another source's


class Store:
    """A database that is open: `engine`, and for SQLite the file's `path`."""

    def __init__(self, engine: Engine, path: Path | None) -> None:
        self.engine = engine
        self.path = path

    @property
    def is_sqlite(self) -> bool:
        return self.engine.dialect.name == "sqlite"

    def __str__(self) -> str:
        """Name the database without its password."""
        if self.path is not None:
            return f"sqlite:///{self.path}"
        return self.engine.url.render_as_string(hide_password=True)

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """A transaction in which every statement sees the same committed state."""
        with translated(self), self.engine.connect() as connection:
            if not self.is_sqlite:  # sets it on this connection, in place
                connection.execution_options(isolation_level="REPEATABLE READ", postgresql_readonly=True)
            with connection.begin():
                yield connection

    @contextmanager
    def writing(self) -> Iterator[Connection]:
        """A transaction that writes: all of it, or nothing."""
        with translated(self), self.engine.connect() as connection, begun(connection):
            yield connection

    def close(self) -> None:
        """Give the connections back."""
        self.engine.dispose()

    def __enter__(self) -> "Store":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def open_store(url: str, *, write: bool, create: bool = True) -> Store:
    """Open the database of a URL; nothing is created for who only reads.

    Args:
        create: make an SQLite file where there is none, for who writes.

    Raises:
        UsageError: not a URL of SQLite or PostgreSQL.
        StoreError: no such file, no driver.
    """
    try:
        parsed = make_url(url)
    except ArgumentError:
        raise UsageError("the database is not a URL", "For instance sqlite:///inventory.db") from None
    backend = parsed.get_backend_name()
    if backend == "sqlite":
        return _sqlite(parsed, "ro" if not write else "rwc" if create else "rw")
    if backend != "postgresql":
        raise UsageError(f"the database {backend} is not supported", "SQLite and PostgreSQL are")
    try:
        engine = create_engine(parsed, hide_parameters=True, poolclass=NullPool)
    except (ImportError, NoSuchModuleError):
        hint = "pip install 'drs-inventory[postgresql]'"
        raise StoreError(f"the driver for {parsed.drivername} is not installed", hint) from None
    return Store(engine, None)


def is_absent(url: str) -> bool:
    """Tell whether it is an SQLite file that an export would create.

    Raises:
        UsageError, StoreError: an export could not; see `open_store`.
    """
    with open_store(url, write=True) as store:  # which connects to nothing yet
        return store.path is not None and not store.path.exists()


def _sqlite(url: URL, mode: str) -> Store:
    if not url.database or url.database == ":memory:" or url.database.startswith("file:"):
        raise UsageError("the SQLite database needs a file's name", "For instance sqlite:///inventory.db")
    path = Path(url.database)
    if mode != "rwc" and not path.exists():
        raise StoreError(f"there is no database {path}", "`inventory export` creates it")
    if path.is_dir() or not path.parent.is_dir():
        raise StoreError(f"the database {path} cannot be opened: no such folder, or it is one")

    # Where sqlite3 has no adapter for a value other than a number or a text, it makes and drops the text of an error:
    # a NULL, of which some rows are half made, takes 0.95 us then, and 0.2 with one.
    sqlite3.register_adapter(type(None), dict[None, None]().get)
    sqlite3.register_adapter(bool, int)

    def connect() -> sqlite3.Connection:
        if mode == "ro":
            _take_back(path)
        # autocommit at the driver: SQLAlchemy's BEGIN below is the only one, for DDL too.
        name = f"file:{quote(str(path.absolute()))}?mode={mode}"
        return sqlite3.connect(name, uri=True, isolation_level=None, timeout=LOCK_WAIT, check_same_thread=False)

    engine = create_engine("sqlite://", creator=connect, hide_parameters=True, poolclass=NullPool)

    @event.listens_for(engine, "connect")
    def _configure(connection: Any, _record: Any) -> None:
        connection.execute("PRAGMA foreign_keys = ON")
        connection.execute("PRAGMA trusted_schema = ON")  # SQLite 3.40 lets no view use json_object without it
        connection.execute("PRAGMA synchronous = FULL")

    @event.listens_for(engine, "begin")
    def _begin(connection: Connection) -> None:
        connection.exec_driver_sql(connection.get_execution_options().get("sqlite_begin", "BEGIN"))

    return Store(engine, path)


def _take_back(path: Path) -> None:
    """Let SQLite take back what a killed writer left half written: who only reads may not, and could not read.

    Beside a writer that lives this only waits for it, as reading does. Where nothing may be written, reading fails.
    """
    if Path(f"{path.resolve()}-journal").exists():
        name = f"file:{quote(str(path.absolute()))}?mode=rw"
        with suppress(sqlite3.Error), closing(sqlite3.connect(name, uri=True, timeout=LOCK_WAIT)) as connection:
            connection.execute("PRAGMA schema_version")


def begun(connection: Connection) -> RootTransaction:
    """Begin a transaction that writes: on SQLite the lock comes first, so that nothing it read can be out of date."""
    return connection.execution_options(sqlite_begin="BEGIN IMMEDIATE").begin()


def begun_at_once(connection: Connection) -> RootTransaction | None:
    """Begin a transaction that writes to SQLite; None where another process does so now."""
    driver: Any = connection.connection.driver_connection
    driver.execute("PRAGMA busy_timeout = 0")
    try:
        return begun(connection)
    except OperationalError:
        return None
    finally:
        connection.execution_options(sqlite_begin="BEGIN")
        driver.execute(f"PRAGMA busy_timeout = {LOCK_WAIT * 1000}")


@contextmanager
def translated(store: Store) -> Iterator[None]:
    """Turn the driver's errors into StoreError: what the database said, without any row of ours."""
    try:
        yield
    except DBAPIError as error:
        raise StoreError(f"the database {store} failed: {_first_line(error.orig)}", _hint(error.orig)) from None
    except SQLAlchemyError as error:
        raise StoreError(f"the database {store} failed: {type(error).__name__}") from None


def _first_line(error: object) -> str:
    # PostgreSQL's later lines (DETAIL) quote the row, and its data exceptions (class 22) the value.
    state = getattr(error, "sqlstate", None) or ""
    if state.startswith("22"):
        return f"{type(error).__name__} ({state})"
    lines = str(error).strip().splitlines()
    return lines[0] if lines else type(error).__name__


def _hint(error: object) -> str:
    text = str(error)
    if "database is locked" in text:
        return f"Another process has been writing to it, or reading from it, for {LOCK_WAIT} seconds"
    if "disk is full" in text:
        return "Nothing was written; make room, for temporary files too (SQLITE_TMPDIR), and run it again"
    if "No space left" in text:
        return "Nothing was written; make room and run it again"
    if "readonly database" in text:
        return "Grant the right to write to the file and its folder"
    if "not a database" in text:
        return "Name another file; this one was left as it is"
    return ""
