"""Two snapshots become change records: data first; how they look is the business of `render`.

A change is a row that is there in one snapshot and not, or otherwise, in the other. Rows are told apart
by their declared key. Findings and listings are no changes.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Connection

from inventory.digest import rfc3339
from inventory.errors import CompareError
from inventory.jsontext import Json, canonical, read
from inventory.normalise import Row
from inventory.redact import is_mask, same_fingerprint_key
from inventory.schema import BY_NAME, ENTITIES
from inventory.schema.fields import Entity, api
from inventory.store.reader import SnapshotRow, resolve, rows_at, rows_between, snapshots

__all__ = ["Change", "Selection", "SourceDiff", "choose", "compare"]

APART = ("job_listings", "findings")


@dataclass(frozen=True)
class Change:
    """One row that differs. `before` and `after`: column -> value, `extra` an object; None where there is no row."""

    table: str
    action: str
    job_id: str
    key: dict[str, Json]
    before: dict[str, Json] | None
    after: dict[str, Json] | None
    changed: list[str]


@dataclass(frozen=True)
class Selection:
    """What to look at: one table, one job, columns to ignore; None and empty mean all and none."""

    table: str | None = None
    job_id: str | None = None
    ignore: frozenset[str] = frozenset()


@dataclass
class SourceDiff:
    """The changes of one source between two of its snapshots; `start` is None before the first."""

    source: str
    start: SnapshotRow | None
    end: SnapshotRow
    changes: list[Change] = field(default_factory=list)
    ignored: int = 0
    findings: list[dict[str, Json]] = field(default_factory=list)
    names: dict[str, str | None] = field(default_factory=dict)  # job id -> its name

    def count(self, action: str) -> int:
        """Count rows by action: create, update, delete."""
        return sum(change.action == action for change in self.changes)


def choose(
    connection: Connection, sources: Iterable[dict[str, Any]], start: str | None, end: str | None
) -> list[tuple[dict[str, Any], SnapshotRow | None, SnapshotRow]]:
    """Choose the two snapshots of each source; without references its last two.

    Raises:
        CompareError: no source has what was asked for.
    """
    chosen = []
    for source in sources:
        rows = snapshots(connection, source["id"])
        last = resolve(end or "latest", rows)
        first = resolve(start, rows) if start else _before(last, rows)
        if last is not None and (first is not None or not start or not start.isdigit()):
            chosen.append((source, first, last))
    if not chosen:
        what = f"snapshots {start or ''} {end or ''}".rstrip() if start or end else "a snapshot"
        raise CompareError(f"no source has {what} to compare", "`inventory snapshots` shows what there is")
    return chosen


def _before(last: SnapshotRow | None, rows: list[SnapshotRow]) -> SnapshotRow | None:
    older = [row for row in rows if last is not None and row["id"] < last["id"] and row["pruned_at"] is None]
    return older[-1] if older else None


def compare(
    connection: Connection, source: dict[str, Any], start: SnapshotRow | None, end: SnapshotRow, what: Selection
) -> SourceDiff:
    """Compare two snapshots of one source, in either direction; reads only rows that began or ended between them."""
    diff = SourceDiff(source["name"], start, end)
    for entity in ENTITIES:
        if entity.name in APART or (what.table and what.table != entity.name):
            continue
        before, after = _rows(connection, entity, source["id"], start, end)
        _compare(diff, entity, before, after, what)
    diff.changes.sort(key=lambda c: (c.job_id, list(BY_NAME).index(c.table), [str(v) for v in c.key.values()]))
    diff.findings = [
        _public(BY_NAME["findings"], row)
        for row in sorted(rows_at(connection, BY_NAME["findings"], source["id"], end["id"]), key=lambda row: row[:4])
    ]
    touched = sorted({change.job_id for change in diff.changes})
    for snapshot in (start, end):
        if snapshot is not None and touched:
            diff.names.update(_names(connection, source["id"], snapshot["id"], touched))
    return diff


def _rows(
    connection: Connection, entity: Entity, source_id: int, start: SnapshotRow | None, end: SnapshotRow
) -> tuple[list[Row], list[Row]]:
    if start is None:
        return [], rows_at(connection, entity, source_id, end["id"])
    low, high = sorted((start["id"], end["id"]))
    ended, began = rows_between(connection, entity, source_id, low, high)
    return (ended, began) if start["id"] <= end["id"] else (began, ended)


def _names(connection: Connection, source_id: int, snapshot_id: int, job_ids: list[str]) -> dict[str, str | None]:
    jobs = BY_NAME["jobs"]
    at = [column.name for column in jobs.columns].index("name")
    found: dict[str, str | None] = {}
    for piece in range(0, len(job_ids), 500):
        wanted = job_ids[piece : piece + 500]
        found.update({row[0]: row[at] for row in rows_at(connection, jobs, source_id, snapshot_id, wanted)})
    return found


def _compare(diff: SourceDiff, entity: Entity, before: list[Row], after: list[Row], what: Selection) -> None:
    place = {column.name: at for at, column in enumerate(entity.columns)}
    keys = [place[name] for name in entity.key]
    olds = {tuple(row[at] for at in keys): row for row in before}
    news = {tuple(row[at] for at in keys): row for row in after}
    for key in olds.keys() | news.keys():
        if what.job_id is not None and key[0] != what.job_id:
            continue
        old, new = olds.get(key), news.get(key)
        if old == new:
            continue  # it left and came back the same
        action = "update" if old and new else "create" if new else "delete"
        was, now = (_public(entity, old) if old else None), (_public(entity, new) if new else None)
        changed = _changed(entity, was, now, diff, what) if was and now else []
        if action == "update" and not changed:
            diff.ignored += 1
            continue
        named = dict(zip(entity.key, key, strict=True))
        diff.changes.append(Change(entity.name, action, key[0], named, was, now, changed))


def _public(entity: Entity, row: Row) -> dict[str, Json]:
    values = {column.name: _json(value) for column, value in zip(entity.columns, row, strict=True)}
    values["extra"] = read(values["extra"]) if values["extra"] else None
    return values


def _json(value: Any) -> Json:
    return rfc3339(value) if hasattr(value, "astimezone") else value


def _changed(
    entity: Entity, was: dict[str, Json], now: dict[str, Json], diff: SourceDiff, what: Selection
) -> list[str]:
    recorded = _recorded(entity, diff)
    names = [
        name
        for name in was
        if name != "extra"
        and f"{entity.name}.{name}" not in what.ignore
        and recorded(name)
        and _differs(was[name], now[name])
    ]
    if f"{entity.name}.extra" not in what.ignore:
        old, new = was["extra"] or {}, now["extra"] or {}
        paths = sorted(old.keys() | new.keys())
        names += [f"extra.{path}" for path in paths if _differs(old.get(path), new.get(path))]
    return names


def _recorded(entity: Entity, diff: SourceDiff) -> Callable[[str], bool]:
    """Tell a column that both snapshots' revisions had from one that was "not recorded then"."""
    oldest = min(row["schema_revision"] for row in (diff.start, diff.end) if row is not None)
    return lambda name: api(entity.current.c[name]).since <= oldest


def _differs(old: Json, new: Json) -> bool:
    """Masked to masked says nothing, unless both are fingerprints under one key."""
    if is_mask(old) and is_mask(new) and not same_fingerprint_key(old, new):
        return False
    stars = [value for value in (old, new) if isinstance(value, str) and value and not value.strip("*")]
    if stars and old is not None and new is not None:
        return False
    return canonical(old) != canonical(new)
