"""Pruning: old snapshots lose the history that only they saw, and keep their row, so that the chain of digests holds.

A row of history may go when no snapshot that is left lies between its first and its last. Current rows never
go: the last snapshot stays, and sees them all. So every snapshot that is left stays exactly as it was.
"""

import sqlite3
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

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
    update,
)

from inventory.common.cancellation import Stop
from inventory.common.errors import StoreError
from inventory.config.retention import Policy, choose
from inventory.schema import ENTITIES, JOB_DIGESTS
from inventory.schema.ledger import MAINTENANCE, SNAPSHOTS
from inventory.store import reader
from inventory.store.base import proven
from inventory.store.engine import Store, translated
from inventory.store.lock import source_lock

__all__ = ["Pruned", "Space", "preview", "prune", "reclaim", "unused"]

HISTORIES = tuple(entity.history for entity in (*ENTITIES, JOB_DIGESTS))
VACUUM_WAIT = 2  # seconds: space can be given back another night
TUPLE = 4  # bytes of a PostgreSQL page that point at a row, beside the row


@dataclass(frozen=True)
class Pruned:
    """What goes of one source, or went: snapshots, and rows by table.

    kept: how many snapshots are left. size: about how many bytes the rows take; 0 on SQLite, whose file tells.
    """

    source: str
    snapshots: list[reader.SnapshotRow]
    kept: int
    rows: dict[str, int]
    size: int


@dataclass(frozen=True)
class Space:
    """Bytes of an SQLite file: of all of it, and of its pages that hold nothing."""

    whole: int
    unused: int


def preview(connection: Connection, name: str, policy: Policy) -> Pruned:
    """Tell what a policy would prune of a source; reads only.

    Raises:
        UsageError: the database has no such source.
    """
    source = reader.sources(connection, [name])[0]
    snapshots = reader.snapshots(connection, source["id"])
    chosen = set(choose(snapshots, policy))
    gone = [row for row in snapshots if row["id"] in chosen]
    kept = sum(row["pruned_at"] is None for row in snapshots) - len(gone)
    rows, size = {}, 0
    for history in HISTORIES if gone else ():
        query = select(func.count(), _size(connection, history)).where(_unseen(history, source["id"], chosen))
        count, took = connection.execute(query).one()
        if count:
            rows[history.name] = count
            size += took
    return Pruned(name, gone, kept, rows, size)


def prune(store: Store, name: str, policy: Policy, timeout: float, stop: Stop) -> Pruned:
    """Prune one source, in one transaction, while nobody exports it.

    What goes can be verified no more. So nothing goes where the last snapshot does not prove, which is known in a
    moment; whether all rows of those that go are as they were written, `verify` says before.

    Raises:
        UsageError: no such source.
        BusyError: an export of it is running.
        StoreError: the last snapshot does not prove.
    """
    with source_lock(store, name, timeout, stop, "prune") as lock:
        with store.reading() as connection:  # which holds up nobody; under the lock, what it finds stays true
            found = preview(connection, name, policy)
        if found.snapshots:
            with store.writing() as connection:
                proven(connection, found.snapshots[0]["source_id"])
                _delete(connection, found)
                lock.check()
    return found


def _delete(connection: Connection, found: Pruned) -> None:
    chosen, source_id = {row["id"] for row in found.snapshots}, found.snapshots[0]["source_id"]
    connection.execute(update(MAINTENANCE).values(pruning=True))  # seen by this transaction alone
    for history in HISTORIES:
        if history.name in found.rows:
            connection.execute(delete(history).where(_unseen(history, source_id, chosen)))
    pruned = update(SNAPSHOTS).where(SNAPSHOTS.c.id.in_(_numbers(chosen)))
    connection.execute(pruned.values(pruned_at=datetime.now(UTC)))
    connection.execute(update(MAINTENANCE).values(pruning=False))


def _unseen(history: Table, source_id: int, chosen: set[int]) -> ColumnElement[bool]:
    """Tell a row that none of its source's snapshots sees, but for the chosen ones and those pruned before."""
    sees = exists().where(
        SNAPSHOTS.c.source_id == history.c.source_id,
        SNAPSHOTS.c.id >= history.c.valid_from,
        SNAPSHOTS.c.id < history.c.valid_to,
        SNAPSHOTS.c.pruned_at.is_(None),
        SNAPSHOTS.c.id.not_in(_numbers(chosen)),
    )
    return (history.c.source_id == source_id) & ~sees


def _numbers(ids: set[int]) -> ColumnElement[list[int]]:
    """Spell ids within the statement: there may be more than a database takes as parameters."""
    return bindparam("ids", sorted(ids), expanding=True, literal_execute=True, unique=True)


def _size(connection: Connection, history: Table) -> ColumnElement[int]:
    if connection.dialect.name == "sqlite":
        return literal_column("0", BigInteger)
    return func.sum(literal_column(f"pg_column_size({history.name}) + {TUPLE}"))


def unused(store: Store) -> Space | None:
    """Tell how much of an SQLite file holds nothing; None on a server, which keeps that to itself."""
    if store.path is None:
        return None
    with store.reading() as connection:
        page, free = (
            connection.exec_driver_sql(f"PRAGMA {name}").scalar_one() for name in ("page_size", "freelist_count")
        )
    return Space(store.path.stat().st_size, page * free)


def reclaim(store: Store, tables: list[str]) -> None:
    """Give an SQLite file's unused pages back to the file system; on a server, make these tables' room usable again.

    Raises:
        StoreError: somebody else uses it, or there is no room to copy the file; nothing is lost by that.
    """
    space = unused(store)
    if store.path is not None and space is not None and space.unused:
        _vacuum_file(store.path)
    elif store.path is None and tables:
        _vacuum_tables(store, tables)


def _vacuum_tables(store: Store, tables: list[str]) -> None:
    with translated(store), store.connect() as connection:
        alone = connection.execution_options(isolation_level="AUTOCOMMIT")
        alone.exec_driver_sql(f"VACUUM (ANALYZE, SKIP_LOCKED) {', '.join(tables)}")


def _vacuum_file(path: Path) -> None:
    """Rewrite a file without its unused pages: on a connection with little patience and no transaction."""
    try:
        with closing(sqlite3.connect(path, timeout=VACUUM_WAIT, isolation_level=None)) as connection:
            connection.execute("VACUUM")
    except sqlite3.Error as error:
        hint = "Run it again when nobody uses the file and there is room for a copy of it"
        raise StoreError(f"the space was not given back: {error}", hint) from None
