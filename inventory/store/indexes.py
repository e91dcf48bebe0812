"""Keys and indexes, taken off the tables while a database gets its first snapshot.

An index that is made over rows that are there costs a fraction of one that is kept up row by row; the keys
too, on PostgreSQL (200,000 rows: 3.5 s with them, 1.1 without). SQLite's key is the table, and stays.
"""

from sqlalchemy import Connection, select, text
from sqlalchemy.exc import DBAPIError

from inventory.schema import ENTITIES, JOB_DIGESTS
from inventory.schema.ledger import SNAPSHOTS

__all__ = ["make", "strip"]

_TABLES = [entity.name for entity in (*ENTITIES, JOB_DIGESTS)]

_INDEXES = text("SELECT name, sql FROM sqlite_master WHERE type = 'index' AND sql IS NOT NULL AND tbl_name = :table")

# In the order to make them again: keys, what else is unique, indexes, and references to keys.
_PARTS = text(
    "SELECT 1 AS nth, contype = 'f' AS refers, conname AS name,"
    " format('ALTER TABLE %s DROP CONSTRAINT %I', CAST(conrelid AS regclass), conname) AS off,"
    " format('ALTER TABLE %s ADD CONSTRAINT %I %s', CAST(conrelid AS regclass), conname, pg_get_constraintdef(oid))"
    " AS again FROM pg_constraint WHERE conrelid = ANY(CAST(:tables AS regclass[])) AND contype IN ('p', 'u', 'f', 'x')"
    " UNION ALL SELECT 2, false, '', format('DROP INDEX %s', CAST(indexrelid AS regclass)), pg_get_indexdef(indexrelid)"
    " FROM pg_index WHERE indrelid = ANY(CAST(:tables AS regclass[]))"
    " AND NOT EXISTS (SELECT FROM pg_constraint WHERE conindid = indexrelid AND conrelid = indrelid)"
    " ORDER BY refers, nth, name"
)

# Another role's tables; somebody is at them just now; somebody's own key refers to one of these.
_LEFT_ON = ("42501", "55P03", "2BP01")


def strip(connection: Connection) -> list[str]:
    """Take keys and indexes off the tables of the current state, if this transaction added the first snapshot.

    Returns:
        What makes them again, by the very definitions that they had; nothing where they are left on.
    """
    if not _is_first(connection):
        return []
    return _sqlite(connection) if connection.dialect.name == "sqlite" else _postgresql(connection)


def make(connection: Connection, statements: list[str]) -> None:
    """Make again what `strip` took off."""
    for statement in statements:
        connection.execute(text(statement.replace(":", "\\:")))  # which else would name a parameter


def _sqlite(connection: Connection) -> list[str]:
    found = [row for table in _TABLES for row in connection.execute(_INDEXES, {"table": table})]
    make(connection, [f"DROP INDEX {name}" for name, _ in found])
    return [statement for _, statement in found]


def _postgresql(connection: Connection) -> list[str]:
    try:
        with connection.begin_nested():
            # All at once or not at all: who waits for a lock while holding others may wait for ever.
            make(connection, [f"LOCK TABLE sources, {', '.join(_TABLES)} IN ACCESS EXCLUSIVE MODE NOWAIT"])
            if not _is_first(connection):
                return []
            parts = connection.execute(_PARTS, {"tables": _TABLES}).all()
            make(connection, [part.off for part in reversed(parts)])
            return [part.again for part in parts]
    except DBAPIError as error:
        if getattr(error.orig, "sqlstate", None) in _LEFT_ON:
            return []
        raise


def _is_first(connection: Connection) -> bool:
    two = select(SNAPSHOTS.c.id).limit(2)
    return len(connection.execute(two).all()) == 1
