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

__all__ = ["FoundFinding", "SourceFindings", "last_findings"]

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
        known = {_identity(row) for row in _read(connection, before)} if before else set()
        findings = [
            _found(row, new=_identity(row) not in known) for row in sorted(_read(connection, rows[-1]), key=_order)
        ]
        wanted = [f for f in findings if (not kinds or f.kind in kinds) and (f.new or not new)]
        found.append(SourceFindings(source["name"], rows[-1], before, wanted))
    return found


def _read(connection: Connection, snapshot: Snapshot) -> list[dict[str, Any]]:
    rows: list[Row] = rows_at(connection, _FINDINGS, snapshot["source_id"], snapshot["id"])
    return [dict(zip(_FINDINGS.names, row, strict=True)) for row in rows]


def _order(row: dict[str, Any]) -> tuple[Any, ...]:
    return row["kind"], row["path"], row["job_id"], row["occurrence"]


def _identity(row: dict[str, Any]) -> tuple[Any, ...]:
    """Return what makes two findings the same. The example of a shared one may be another job each night."""
    if FINDING_KINDS.get(row["kind"], UNKNOWN_KIND).shared:
        return row["kind"], row["path"]
    return _order(row)


def _found(row: dict[str, Any], *, new: bool) -> FoundFinding:
    evidence = read(row["extra"]) if row["extra"] else {}
    return FoundFinding(row["kind"], row["path"], row["job_id"], row["detail"] or "", evidence, new)
