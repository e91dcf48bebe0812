"""The findings of each source's last snapshot, and which of them the snapshot before did not have."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection

from inventory.common.exact_json import Json, read
from inventory.diff.records import Snapshot
from inventory.normalise.walk import Row
from inventory.schema import BY_NAME
from inventory.schema.finding_kinds import FINDING_KINDS, UNKNOWN_KIND
from inventory.store.reader import rows_at, snapshots

__all__ = ["FoundFinding", "SourceFindings", "identity", "last_findings"]

_FINDINGS = BY_NAME["findings"]


@dataclass(frozen=True)
class FoundFinding:
    """A row of `findings`. new: the snapshot before has no such finding; evidence: path -> value, masked."""

    kind: str
    path: str
    job_id: str
    detail: str
    evidence: dict[str, Json]
    new: bool


@dataclass(frozen=True)
class SourceFindings:
    """The findings of a source's last snapshot, sorted; `before` is None where it is the first that is left."""

    source: str
    snapshot: Snapshot
    before: Snapshot | None
    findings: list[FoundFinding]


def last_findings(
    connection: Connection, sources: Iterable[dict[str, Any]], kinds: Collection[str] = (), *, new: bool = False
) -> list[SourceFindings]:
    """Return the findings of each source's last snapshot; a source without a snapshot has none.

    Args:
        kinds: only these; empty: all.
        new: only those that the snapshot before does not have. Where there is no snapshot before, all are new.
    """
    found = []
    for source in sources:
        rows = [row for row in snapshots(connection, source["id"]) if row["pruned_at"] is None]
        if not rows:
            continue
        before = rows[-2] if len(rows) > 1 else None
        known = {identity(row) for row in _rows(connection, before)} if before else set()
        findings = [
            _found(row, new=identity(row) not in known)
            for row in sorted(_rows(connection, rows[-1]), key=lambda row: (row[1], row[2], row[0], row[3]))
        ]
        wanted = [f for f in findings if (not kinds or f.kind in kinds) and (f.new or not new)]
        found.append(SourceFindings(source["name"], rows[-1], before, wanted))
    return found


def identity(row: Row) -> tuple[Any, ...]:
    """Return what makes two rows of `findings` the same: two snapshots may give a shared one other jobs as examples."""
    job_id, kind, path, occurrence = row[:4]
    return (kind, path) if FINDING_KINDS.get(kind, UNKNOWN_KIND).shared else (kind, path, job_id, occurrence)


def _rows(connection: Connection, snapshot: Snapshot) -> list[Row]:
    return rows_at(connection, _FINDINGS, snapshot["source_id"], snapshot["id"])


def _found(row: Row, *, new: bool) -> FoundFinding:
    values = dict(zip(_FINDINGS.names, row, strict=True))
    evidence = read(values["extra"]) if values["extra"] else {}
    return FoundFinding(values["kind"], values["path"], values["job_id"], values["detail"] or "", evidence, new)
