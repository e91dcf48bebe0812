"""PostgreSQL's keys and indexes, dropped while a database gets its first snapshot, and made again over its rows.

For 200,000 rows: 1.0 to 1.3 s so, 3.5 to 5.5 s with them. SQLite's key is the table, and stays.
"""

from sqlalchemy import Connection, select, text
from sqlalchemy.exc import DBAPIError

from inventory.schema import ENTITIES, JOB_DIGESTS
from inventory.schema.ledger import SNAPSHOTS

__all__ = ["drop_constraints", "restore_constraints"]

_TABLES = [entity.name for entity in (*ENTITIES, JOB_DIGESTS)]

# In the order to make them again: keys, what else is unique, indexes, and references to keys.
_PARTS = text(
    "SELECT 1 AS nth, contype = 'f' AS refers, conname AS name,"
    " format('ALTER TABLE %s DROP CONSTRAINT %I', CAST(conrelid AS regclass), conname) AS dropped,"
    " format('ALTER TABLE %s ADD CONSTRAINT %I %s', CAST(conrelid AS regclass), conname, pg_get_constraintdef(oid))"
    " AS again FROM pg_constraint WHERE conrelid = ANY(CAST(:tables AS regclass[])) AND contype IN ('p', 'u', 'f', 'x')"
    " UNION ALL SELECT 2, false, '', format('DROP INDEX %s', CAST(indexrelid AS regclass)), pg_get_indexdef(indexrelid)"
    " FROM pg_index WHERE indrelid = ANY(CAST(:tables AS regclass[]))"
    " AND NOT EXISTS (SELECT FROM pg_constraint WHERE conindid = indexrelid AND conrelid = indrelid)"
    " ORDER BY refers, nth, name"
)

# Another role's tables; somebody is at them just now; somebody's own key refers to one of these.
_LEFT_ON = ("42501", "55P03", "2BP01")


def drop_constraints(connection: Connection) -> list[str]:
    """Drop keys and indexes of the tables of the current state, if this transaction added the first snapshot.

    Returns:
        What makes them again, by the very definitions that they had; nothing where they could not be dropped.
    """
    if not _is_first(connection):
        return []
    try:
        with connection.begin_nested():
            # All at once or not at all: who waits for a lock while holding others may wait for ever.
            connection.exec_driver_sql(f"LOCK TABLE sources, {', '.join(_TABLES)} IN ACCESS EXCLUSIVE MODE NOWAIT")
            if not _is_first(connection):  # another source's came in between
                return []
            parts = connection.execute(_PARTS, {"tables": _TABLES}).all()
            restore_constraints(connection, [part.dropped for part in reversed(parts)])
            return [part.again for part in parts]
    except DBAPIError as error:
        if getattr(error.orig, "sqlstate", None) in _LEFT_ON:
            return []
        raise


def restore_constraints(connection: Connection, statements: list[str]) -> None:
    """Make again what `drop_constraints` dropped: in one message, as they are, whatever % or : they hold."""
    if statements:
        connection.exec_driver_sql("; ".join(statements), execution_options={"no_parameters": True})


def _is_first(connection: Connection) -> bool:
    return len(connection.execute(select(SNAPSHOTS.c.id).limit(2)).all()) == 1
