"""DuckDB, which attaches either database and runs its views, as a notebook would."""

from importlib.util import find_spec
from pathlib import Path
from typing import Any

__all__ = ["duck", "duck_rows"]


def duck(url: str) -> Any:
    """Open a database in DuckDB, from files alone: the extension is a package."""
    import duckdb

    kind = "sqlite" if url.startswith("sqlite") else "postgres"
    spec = find_spec(f"duckdb_extension_{kind}_scanner")
    assert spec is not None and spec.origin is not None
    (extension,) = Path(spec.origin).parent.glob("extensions/*/*.duckdb_extension")
    connection = duckdb.connect()
    connection.execute("SET autoinstall_known_extensions = false")
    connection.execute("SET TimeZone = 'UTC'")
    connection.execute(f"LOAD '{extension}'")
    where = url.removeprefix("sqlite:///") if kind == "sqlite" else url
    connection.execute(f"ATTACH '{where}' AS estate (TYPE {kind}, READ_ONLY)")
    connection.execute("USE estate")
    return connection


def duck_rows(connection: Any, chosen: str, name: str) -> list[tuple[Any, ...]]:
    """Select from DuckDB; times with a zone as times of UTC, which need no further package."""
    described = connection.execute(f"DESCRIBE SELECT {chosen} FROM {name}").fetchall()
    columns = [
        f"make_timestamp(epoch_us({column}))" if kind == "TIMESTAMP WITH TIME ZONE" else f'"{column}"'
        for column, kind, *_ in described
    ]
    found: list[tuple[Any, ...]] = connection.execute(f"SELECT {', '.join(columns)} FROM {name}").fetchall()
    return found
