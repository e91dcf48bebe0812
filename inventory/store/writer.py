"""Write a snapshot, in one short transaction."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Connection, Table, func, insert, select, update

from inventory import __version__
from inventory.common.errors import BusyError, StoreError
from inventory.proof.digest import snapshot_digest
from inventory.proof.signature import SigningKey
from inventory.schema import REVISION
from inventory.schema.ledger import SIGNATURES, SNAPSHOTS, SOURCES
from inventory.store.base import check_signing, verified_base
from inventory.store.counts import extend_calendar, store_owner_tag, write_counts
from inventory.store.engine import Store, translate_errors
from inventory.store.served import save_served, served_jobs
from inventory.store.staging import Staging

__all__ = ["Result", "SourceRow", "Writer", "open_writer"]


@dataclass(frozen=True)
class SourceRow:
    """The fields of a configured source that the database stores.

    new_id: the id that it gets if it is new (`sources.reserve_ids`); None for the next one.
    """

    name: str
    region: str | None
    project_id: str | None
    new_id: int | None = None


@dataclass(frozen=True)
class Result:
    """The result of one reading: `snapshot` is its row; None if the recording is in the database already.

    already: the id of that earlier snapshot. findings: number by kind. incomplete: why unknown jobs may be missing, or
    ''. signing: a notice that signing begins or the key changes, or ''. unread: job id -> why it was not read.
    """

    label: str
    snapshot: dict[str, Any] | None
    already: int | None = None
    findings: dict[str, int] = field(default_factory=dict)
    throttles: int = 0
    incomplete: str = ""
    signing: str = ""
    unread: Mapping[str, str] = field(default_factory=dict)


class Writer:
    """One connection that stages and writes one snapshot of one source.

    base: the last snapshot, verified. previous: its row. signing: a notice that signing begins or the key changes, or
    ''. served: the cache of `internal_served_jobs`.
    """

    def __init__(
        self, store: Store, connection: Connection, source: SourceRow, signer: SigningKey | None = None, *,
        begin_signing: bool = False,
    ) -> None:  # fmt: skip
        self._store = store
        self._connection = connection
        self._signer = signer
        self._source = source
        with connection.begin():
            if connection.dialect.name == "postgresql":  # one consistent state, as on SQLite
                connection.exec_driver_sql("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
            self._source_id = _source_id(connection, source)
            self.base = verified_base(connection, self._source_id)
            self.previous = self.base.row
            self.signing = check_signing(connection, self.previous, signer, begin=begin_signing) if signer else ""
            self.served = served_jobs(connection, self._source_id)
        self.staging = Staging(connection, self._source_id)

    def snapshot_observed(self, observed_from: datetime, observed_to: datetime) -> int | None:
        """Return the id of the snapshot that was observed in exactly this interval; None if there is none."""
        query = select(SNAPSHOTS.c.id).where(
            SNAPSHOTS.c.source_id == self._source_id,
            SNAPSHOTS.c.observed_from == observed_from,
            SNAPSHOTS.c.observed_to == observed_to,
        )
        with self._connection.begin():
            return self._connection.execute(query).scalar()

    def commit(
        self,
        row: dict[str, Any],
        content_digest: str,
        served: Mapping[str, bytes | None] = {},
        *,
        retiring: bool = False,
        owner_tag: str | None = None,
    ) -> dict[str, Any]:
        """Merge the staged rows and insert the row of `snapshots`, in one transaction.

        Args:
            row: the columns that the export knows; the rest is filled in here.
            served: see `save_served`.
            retiring: close the source with this snapshot.
            owner_tag: the key of the tag that names a task's owner, for views; None: as it is stored.

        Returns:
            The complete row.

        Raises:
            BusyError: another export of the source finished in the meantime.
        """
        with self._store.begin_write(self._connection):
            source_id = self._check_still_last() or _add_source(self._connection, self._source)
            complete = self._insert_snapshot({"source_id": source_id, **self._complete_row(row, content_digest)})
            if self._signer is not None:
                self._sign(complete)
            moved = self.staging.merge(complete["id"], source_id)
            write_counts(self._connection, complete, self.previous["id"] if self.previous else None, moved)
            extend_calendar(self._connection)
            if owner_tag is not None:
                store_owner_tag(self._connection, owner_tag)
            save_served(self._connection, source_id, served, self.served)
            if retiring:
                ended = update(SOURCES).where(SOURCES.c.id == source_id)
                self._connection.execute(ended.values(retired_at=complete["finished_at"]))
        return complete

    def _insert_snapshot(self, row: dict[str, Any]) -> dict[str, Any]:
        """Insert the row of `snapshots`, then set its digest, which covers the generated id."""
        row["finished_at"] = datetime.now(UTC)
        row["id"] = _insert_row(self._connection, SNAPSHOTS, {**row, "digest": ""})
        row["digest"] = snapshot_digest(row["previous_digest"], row["content_digest"], row)
        finished = update(SNAPSHOTS).where(SNAPSHOTS.c.id == row["id"])
        self._connection.execute(finished.values(digest=row["digest"]))
        return row

    def _sign(self, row: dict[str, Any]) -> None:
        assert self._signer is not None  # checked by the caller
        signature = {"key_id": self._signer.key_id, "signature": self._signer.sign(row["digest"])}
        self._connection.execute(insert(SIGNATURES).values(snapshot_id=row["id"], **signature))

    def planned_row(self, row: dict[str, Any], content_digest: str) -> dict[str, Any]:
        """Return the row that `commit` would insert; columns not known yet, such as `id`, are None."""
        known = {"source": self._source.name, **self._complete_row(row, content_digest)}
        unknown = {"source_id": self._source_id or None, "run_id": None}
        return {**dict.fromkeys(("source", *SNAPSHOTS.columns.keys())), **known, **unknown}

    def _complete_row(self, row: dict[str, Any], content_digest: str) -> dict[str, Any]:
        return {
            **row,
            "schema_revision": REVISION,
            "tool_version": __version__,
            "content_digest": content_digest,
            "previous_digest": self.previous["digest"] if self.previous else None,
            "pruned_at": None,
        }

    def check(self) -> None:
        """Check that `base` is still the last snapshot of the source.

        Raises:
            BusyError: another export of the source finished in the meantime.
        """
        with self._connection.begin():
            self._check_still_last()

    def _check_still_last(self) -> int:
        """Return the source's current id; refuse if there is a newer snapshot than `base`."""
        source_id = _source_id(self._connection, self._source)
        last = select(func.max(SNAPSHOTS.c.id)).where(SNAPSHOTS.c.source_id == source_id)
        if self._connection.execute(last).scalar() != (self.previous["id"] if self.previous else None):
            raise BusyError("another export of this source finished first", "Nothing was written; run it again")
        return source_id


@contextmanager
def open_writer(
    store: Store, source: SourceRow, signer: SigningKey | None = None, *, begin_signing: bool = False
) -> Iterator[Writer]:
    """Open a connection for one snapshot of one source; what is not committed is lost with it.

    Args:
        signer: signs the snapshot.
        begin_signing: accept a last snapshot that is not signed with the key of `signer`.

    Raises:
        StoreError: the database refuses; the source conflicts with a stored one (see `_source_id`); or the last
            snapshot does not verify or is signed otherwise (see `store.base`).
    """
    with translate_errors(store), store.connect() as connection:
        yield Writer(store, connection, source, signer, begin_signing=begin_signing)


def _source_id(connection: Connection, source: SourceRow) -> int:
    """Return the source's id; 0 for one that was never exported.

    Raises:
        StoreError: it is retired, it was exported with another region or project, or they belong to another name.
    """
    found = connection.execute(select(SOURCES).where(SOURCES.c.name == source.name)).mappings().first()
    if found is None:
        _refuse_second_name(connection, source)
        return 0
    if found["retired_at"] is not None:
        raise StoreError(
            f"the source {source.name} was retired at {found['retired_at']:%Y-%m-%d %H:%M:%S} UTC",
            "Remove it from the configuration; or rename it with `inventory sources rename` to use its name again",
        )
    for column, now in (("region", source.region), ("project_id", source.project_id)):
        if found[column] != now:
            raise StoreError(
                f"the source {source.name} was exported with another {column} ({found[column]}, now {now})",
                "Each project needs a source of its own: give this one another name",
            )
    return int(found["id"])


def _refuse_second_name(connection: Connection, source: SourceRow) -> None:
    """Refuse a known project under a new name: it would begin a second history of the same jobs."""
    query = select(SOURCES.c.name).where(
        SOURCES.c.region == source.region,
        SOURCES.c.project_id == source.project_id,
        SOURCES.c.retired_at.is_(None),
    )
    if source.region is None or source.project_id is None:
        return
    if (name := connection.execute(query).scalar()) is not None:
        raise StoreError(
            f"the project of the source {source.name} was exported as {name}",
            f"To keep its history, run `inventory sources rename {name} {source.name}`",
        )


def _add_source(connection: Connection, source: SourceRow) -> int:
    values = {**asdict(source), "created_at": datetime.now(UTC)}
    new_id = values.pop("new_id")
    if new_id is not None and connection.scalar(select(SOURCES.c.id).where(SOURCES.c.id == new_id)) is None:
        values["id"] = new_id  # taken only on SQLite, where a concurrent run may reserve it too
    return _insert_row(connection, SOURCES, values)


def _insert_row(connection: Connection, table: Table, values: dict[str, Any]) -> int:
    key = connection.execute(insert(table).values(values)).inserted_primary_key
    assert key is not None  # an INSERT of one row has one
    return int(key[0])
