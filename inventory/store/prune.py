"""Pruning: delete the history rows that only old snapshots need; keep the snapshots' own rows for the digest chain.

A history row may be deleted if no kept snapshot lies in its validity. Current rows are never deleted, because the last
snapshot is kept and contains all of them. So the content of every kept snapshot stays the same.
"""

import sqlite3
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Connection,
    Table,
    bindparam,
    delete,
    exists,
    func,
    literal_column,
    select,
    text,
    update,
)

from inventory.common.cancellation import Stop
from inventory.common.errors import StoreError
from inventory.config.retention import Policy, choose
from inventory.schema import ENTITIES, JOB_DIGESTS
from inventory.schema.ledger import MAINTENANCE, SNAPSHOTS
from inventory.store import reader
from inventory.store.base import verified_base
from inventory.store.counts import recount
from inventory.store.engine import Store, translate_errors
from inventory.store.lock import source_lock

__all__ = ["Pruned", "Space", "preview", "prune", "reclaim", "unused"]

HISTORY_TABLES = tuple(entity.history for entity in (*ENTITIES, JOB_DIGESTS))
VACUUM_TIMEOUT = 2  # seconds; the next night can reclaim the space as well
LOCK_NOT_AVAILABLE = "55P03"  # the state of a table that SKIP_LOCKED skipped
_OWNERS = text(
    "SELECT current_user, string_agg(DISTINCT CAST(pg_get_userbyid(relowner) AS text), ', ') FROM pg_class"
    " WHERE oid IN (SELECT to_regclass(n) FROM unnest(CAST(:tables AS text[])) n)"
)
ITEM_POINTER_BYTES = 4  # in a PostgreSQL page, for each row


@dataclass(frozen=True)
class Pruned:
    """What is to be pruned of one source, or was: snapshots, and the number of rows by table.

    kept: the number of snapshots left. size: approximate bytes of the rows; 0 on SQLite, where `unused` tells it.
    """

    source: str
    snapshots: list[reader.SnapshotRow]
    kept: int
    rows: dict[str, int]
    size: int


@dataclass(frozen=True)
class Space:
    """Bytes of an SQLite file: its size, and its unused pages."""

    whole: int
    unused: int


def preview(connection: Connection, name: str, policy: Policy) -> Pruned:
    """Return what a policy would prune of a source; writes nothing.

    Raises:
        UsageError: the database has no such source.
    """
    source = reader.sources(connection, [name])[0]
    snapshots = reader.snapshots(connection, source["id"])
    chosen = set(choose(snapshots, policy))
    gone = [row for row in snapshots if row["id"] in chosen]
    kept = sum(row["pruned_at"] is None for row in snapshots) - len(gone)
    rows, size = {}, 0
    for history in HISTORY_TABLES if gone else ():
        query = select(func.count(), _size(connection, history)).where(_unseen_rows(history, source["id"], chosen))
        count, took = connection.execute(query).one()
        if count:
            rows[history.name] = count
            size += took
    return Pruned(name, gone, kept, rows, size)


def prune(store: Store, name: str, policy: Policy, timeout: float, stop: Stop) -> Pruned:
    """Prune one source in one transaction, under its lock.

    Pruned snapshots can no longer be verified. So nothing is pruned unless the last snapshot verifies, which is a
    quick check; run `verify` first to check all rows.

    Raises:
        UsageError: no such source.
        BusyError: an export of it is running.
        StoreError: the last snapshot does not verify.
    """
    with source_lock(store, name, timeout, stop, "prune") as lock:
        with store.reading() as connection:  # blocks nobody; the lock keeps the result valid
            found = preview(connection, name, policy)
        if found.snapshots:
            with store.writing(stop) as connection:
                verified_base(connection, found.snapshots[0]["source_id"])
                _delete(connection, found)
                lock.check()
    return found


def _delete(connection: Connection, found: Pruned) -> None:
    chosen, source_id = {row["id"] for row in found.snapshots}, found.snapshots[0]["source_id"]
    connection.execute(update(MAINTENANCE).values(pruning=True))  # lets the triggers allow it, in this transaction only
    for history in HISTORY_TABLES:
        if history.name in found.rows:
            connection.execute(delete(history).where(_unseen_rows(history, source_id, chosen)))
    pruned = update(SNAPSHOTS).where(SNAPSHOTS.c.id.in_(_literal_ids(chosen)))
    connection.execute(pruned.values(pruned_at=datetime.now(UTC)))
    connection.execute(update(MAINTENANCE).values(pruning=False))
    recount(connection, source_id)


def _unseen_rows(history: Table, source_id: int, chosen: set[int]) -> ColumnElement[bool]:
    """Match the history rows that no snapshot of the source needs, apart from the chosen and the pruned ones."""
    sees = exists().where(
        SNAPSHOTS.c.source_id == history.c.source_id,
        SNAPSHOTS.c.id >= history.c.valid_from,
        SNAPSHOTS.c.id < history.c.valid_to,
        SNAPSHOTS.c.pruned_at.is_(None),
        SNAPSHOTS.c.id.not_in(_literal_ids(chosen)),
    )
    return (history.c.source_id == source_id) & ~sees


def _literal_ids(ids: set[int]) -> ColumnElement[list[int]]:
    """Write ids as literals: a database limits the number of parameters."""
    return bindparam("ids", sorted(ids), expanding=True, literal_execute=True, unique=True)


def _size(connection: Connection, history: Table) -> ColumnElement[int]:
    if connection.dialect.name == "sqlite":
        return literal_column("0", BigInteger)
    return func.sum(literal_column(f"pg_column_size({history.name}) + {ITEM_POINTER_BYTES}"))


def unused(store: Store) -> Space | None:
    """Return the unused space of an SQLite file; None on a server."""
    if store.path is None:
        return None
    with store.reading() as connection:
        page, free = (
            connection.exec_driver_sql(f"PRAGMA {name}").scalar_one() for name in ("page_size", "freelist_count")
        )
    return Space(store.path.stat().st_size, page * free)


def reclaim(store: Store, tables: list[str]) -> None:
    """Return an SQLite file's unused pages to the file system; on a server, vacuum these tables.

    Raises:
        StoreError: others use the file, there is no room for its copy, or the user may not vacuum; no data is lost.
    """
    space = unused(store)
    if store.path is not None and space is not None and space.unused:
        _vacuum_file(store.path)
    elif store.path is None and tables:
        _vacuum_tables(store, tables)


def _vacuum_tables(store: Store, tables: list[str]) -> None:
    """Vacuum tables; those that another session has locked are left out.

    Raises:
        StoreError: the user has no right to; the server only warns.
    """
    refused: list[str] = []

    def note(diagnostic: Any) -> None:
        if diagnostic.severity_nonlocalized == "WARNING" and diagnostic.sqlstate != LOCK_NOT_AVAILABLE:
            refused.append(diagnostic.message_primary)

    with translate_errors(store), store.connect() as connection:
        autocommit = connection.execution_options(isolation_level="AUTOCOMMIT")
        driver: Any = autocommit.connection.driver_connection
        driver.add_notice_handler(note)
        autocommit.exec_driver_sql(f"VACUUM (ANALYZE, SKIP_LOCKED) {', '.join(tables)}")
        if refused:
            me, owners = autocommit.execute(_OWNERS, {"tables": tables}).one()
            raise StoreError(
                f"VACUUM was not done: the user {me} does not own {', '.join(tables)}",
                f"What was pruned is gone, but its space is not free yet. The owner ({owners}) or a superuser can run"
                " VACUUM; autovacuum does it too, where it is on",
            )


def _vacuum_file(path: Path) -> None:
    """Rewrite a file without its unused pages, on a connection with a short timeout and no transaction."""
    try:
        with closing(sqlite3.connect(path, timeout=VACUUM_TIMEOUT, isolation_level=None)) as connection:
            connection.execute("VACUUM")
    except sqlite3.Error as error:
        hint = "Run it again when no other process uses the file and there is space for a copy of it"
        raise StoreError(f"the space was not returned to the system: {error}", hint) from None
