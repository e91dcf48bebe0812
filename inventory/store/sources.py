"""Sources as a whole: a list, another name, an end. Who changes one holds its lock."""

import uuid
from collections.abc import Iterable
from contextlib import ExitStack
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Connection, func, select, update

from inventory.common.cancellation import Stop
from inventory.common.errors import UsageError
from inventory.config.values import SOURCE_NAME
from inventory.proof.digest import content_digest
from inventory.proof.signature import SigningKey
from inventory.schema.ledger import SNAPSHOTS, SOURCES
from inventory.store import reader
from inventory.store.engine import Store
from inventory.store.lock import source_lock
from inventory.store.writer import SourceRow, open_writer

__all__ = ["listed", "rename", "retire", "unwritten"]

_LISTED = ("snapshot_id", "finished_at", "observed_to", "status", "jobs")

_COUNTS = (
    "requested", "returned", "absent", "unreadable", "jobs", "added", "changed", "removed", "requests", "retries",
)  # fmt: skip


def listed(connection: Connection, names: Iterable[str] = ()) -> list[dict[str, Any]]:
    """Return the sources by name, each with what its last snapshot says and how many seconds old its data is.

    Raises:
        UsageError: a name that the database does not have.
    """
    newest = select(func.max(SNAPSHOTS.c.id)).group_by(SNAPSHOTS.c.source_id)
    found = connection.execute(select(SNAPSHOTS).where(SNAPSHOTS.c.id.in_(newest))).mappings()
    lasts = {row["source_id"]: {**row, "snapshot_id": row["id"]} for row in found}
    now = datetime.now(UTC)
    rows = []
    for source in reader.sources(connection, names):
        last = lasts.get(source.pop("id"), {})
        told = {name: last.get(name) for name in _LISTED}
        age = round((now - (last["observed_to"] or last["finished_at"])).total_seconds()) if last else None
        rows.append({**source, **told, "age_seconds": age})
    return rows


def unwritten(source: SourceRow) -> dict[str, Any]:
    """Return the row of the list for a source of the configuration that the database does not have yet."""
    nothing = dict.fromkeys(("created_at", "retired_at", *_LISTED, "age_seconds"))
    return {"name": source.name, "region": source.region, "project_id": source.project_id, **nothing}


def rename(store: Store, old: str, new: str, timeout: float, stop: Stop) -> None:
    """Give a source another name; its history and its digests, which do not hold the name, stay as they are.

    Raises:
        UsageError: no such source, or one of that name already.
        BusyError: an export of either name is running.
    """
    if not SOURCE_NAME.match(new):
        raise UsageError(f"{new!r} is no name of a source", "Letters, digits, dot, dash and underscore, 1 to 100")
    with ExitStack() as stack:
        names = sorted({old, new})  # in one order, so that two renames never wait for each other
        locks = [stack.enter_context(source_lock(store, name, timeout, stop, "rename")) for name in names]
        connection = stack.enter_context(store.writing())
        _known(connection, old)
        if any(source["name"] == new for source in reader.sources(connection)):
            raise UsageError(f"there is a source {new!r} already", "Choose another name")
        for lock in locks:
            lock.check()
        connection.execute(update(SOURCES).where(SOURCES.c.name == old).values(name=new))


def retire(
    store: Store,
    name: str,
    timeout: float,
    stop: Stop,
    signer: SigningKey | None = None,
    *,
    begin_signing: bool = False,
) -> tuple[dict[str, Any], str]:
    """Close a source with a last snapshot: all its jobs leave as deselected, and it is never exported again.

    Returns:
        The row of that snapshot; and what about the signatures begins with it, or ''.

    Raises:
        UsageError: no such source, or it is retired already.
        BusyError: an export of it is running.
        StoreError: as `open_writer` says.
    """
    started_at = datetime.now(UTC)
    with source_lock(store, name, timeout, stop, "retire") as lock:
        with store.reading() as connection:
            source = _known(connection, name)
        if source["retired_at"] is not None:
            raise UsageError(f"the source {name} was retired at {source['retired_at']:%Y-%m-%d %H:%M:%S} UTC")
        row = SourceRow(name, source["region"], source["project_id"])
        with open_writer(store, row, signer, begin_signing=begin_signing) as writer:
            writer.staging.compare()  # with nothing: all leave
            nothing = dict.fromkeys(_COUNTS, 0)
            known = {"started_at": started_at, "status": "complete", "run_id": str(uuid.uuid4())}
            left = len(writer.base.jobs)
            lock.check()
            last = writer.commit({**nothing, **known, "deselected": left}, content_digest([]), retiring=True)
            return last, writer.signing


def _known(connection: Connection, name: str) -> dict[str, Any]:
    return reader.sources(connection, [name])[0]
