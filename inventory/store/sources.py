"""List, rename and retire sources. Changing a source needs its lock."""

import uuid
from collections.abc import Iterable
from contextlib import ExitStack
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Connection, func, select, text, update

from inventory.common.cancellation import Stop
from inventory.common.errors import UsageError
from inventory.config.values import NAME_RULE, SOURCE_NAME
from inventory.proof.digest import content_digest
from inventory.proof.signature import SigningKey
from inventory.schema import BY_NAME
from inventory.schema.ledger import SNAPSHOTS, SOURCES
from inventory.store import reader
from inventory.store.engine import Store
from inventory.store.lock import source_lock
from inventory.store.writer import SourceRow, open_writer

__all__ = ["list_sources", "never_exported", "open_jobs", "rename", "reserve_ids", "retire"]

_SNAPSHOT_COLUMNS = ("snapshot_id", "finished_at", "observed_to", "status", "jobs")

_COUNT_COLUMNS = (
    "requested", "returned", "absent", "unreadable", "jobs", "added", "changed", "removed", "requests", "retries",
)  # fmt: skip


def list_sources(connection: Connection, names: Iterable[str] = ()) -> list[dict[str, Any]]:
    """Return the sources, ordered by name, each with columns of its last snapshot and `age_seconds` of its data.

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
        last_values = {name: last.get(name) for name in _SNAPSHOT_COLUMNS}
        age = round((now - (last["observed_to"] or last["finished_at"])).total_seconds()) if last else None
        rows.append({**source, **last_values, "age_seconds": age})
    return rows


def never_exported(source: SourceRow) -> dict[str, Any]:
    """Return a row as of `list_sources` for a configured source that was never exported."""
    nothing = dict.fromkeys(("created_at", "retired_at", *_SNAPSHOT_COLUMNS, "age_seconds"))
    return {"name": source.name, "region": source.region, "project_id": source.project_id, **nothing}


def reserve_ids(store: Store, names: Iterable[str]) -> dict[str, int]:
    """Return an id for each source that is new, in the order of the names, whichever is written first.

    No row is written: a source that fails has none. Its id is not used again on PostgreSQL, where ids are drawn.

    Raises:
        StoreError: the database cannot be used.
    """
    with store.reading() as connection:
        known = set(connection.execute(select(SOURCES.c.name)).scalars())
        new = [name for name in names if name not in known]
        if len(new) < 2:
            return {}
        if store.is_sqlite:
            last = connection.scalar(text("SELECT seq FROM sqlite_sequence WHERE name = 'sources'")) or 0
            return {name: last + at for at, name in enumerate(new, 1)}
    with store.writing() as connection:
        drawn = text("SELECT nextval('sources_id_seq') FROM generate_series(1, :count)")
        return dict(zip(new, sorted(connection.execute(drawn, {"count": len(new)}).scalars()), strict=True))


def rename(store: Store, old: str, new: str, timeout: float, stop: Stop) -> None:
    """Rename a source; its history and digests do not contain the name and stay the same.

    Raises:
        UsageError: no such source, or the new name is in use.
        BusyError: an export of either name is running.
    """
    if not SOURCE_NAME.match(new):
        raise UsageError(f"{new!r} is not a valid source name", f"Use {NAME_RULE}")
    with ExitStack() as stack:
        names = sorted({old, new})  # in a fixed order, so that two renames cannot deadlock
        locks = [stack.enter_context(source_lock(store, name, timeout, stop, "rename")) for name in names]
        connection = stack.enter_context(store.writing(stop))
        _source_row(connection, old)
        if any(source["name"] == new for source in reader.sources(connection)):
            raise UsageError(f"a source {new!r} exists already", "Choose another name")
        for lock in locks:
            lock.check()
        connection.execute(update(SOURCES).where(SOURCES.c.name == old).values(name=new))


def open_jobs(connection: Connection, name: str) -> int:
    """Return how many jobs `retire` would close.

    Raises:
        UsageError: no such source, or it is retired already.
    """
    source = _active_source(connection, name)
    jobs = BY_NAME["jobs"].current
    return int(connection.scalar(select(func.count()).where(jobs.c.source_id == source["id"])) or 0)


def retire(
    store: Store,
    name: str,
    timeout: float,
    stop: Stop,
    signer: SigningKey | None = None,
    *,
    begin_signing: bool = False,
) -> tuple[dict[str, Any], str]:
    """Close a source with a last snapshot that deselects all its jobs; it is never exported again.

    Returns:
        The row of that snapshot; and a notice if signing begins or the key changes, or ''.

    Raises:
        UsageError: no such source, or it is retired already.
        BusyError: an export of it is running.
        StoreError: see `open_writer`.
    """
    started_at = datetime.now(UTC)
    with source_lock(store, name, timeout, stop, "retire") as lock:
        with store.reading() as connection:
            source = _active_source(connection, name)
        row = SourceRow(name, source["region"], source["project_id"])
        with open_writer(store, row, signer, begin_signing=begin_signing) as writer:
            writer.staging.compare()  # nothing is staged: all jobs are removed
            zeros = dict.fromkeys(_COUNT_COLUMNS, 0)
            known = {"started_at": started_at, "status": "complete", "run_id": str(uuid.uuid4())}
            left = len(writer.base.jobs)
            lock.check()
            last = writer.commit({**zeros, **known, "deselected": left}, content_digest([]), retiring=True)
            return last, writer.signing


def _source_row(connection: Connection, name: str) -> dict[str, Any]:
    return reader.sources(connection, [name])[0]


def _active_source(connection: Connection, name: str) -> dict[str, Any]:
    source = _source_row(connection, name)
    if source["retired_at"] is not None:
        raise UsageError(f"the source {name} was retired at {source['retired_at']:%Y-%m-%d %H:%M:%S} UTC")
    return source
