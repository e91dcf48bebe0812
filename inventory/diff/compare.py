"""The comparison: rows of two ends become change records. Pure; rows are told apart by their declared key.

What is ignored is counted: columns that were to be ignored, what masks hide, and columns that the older end's
tables did not have ("not recorded then" is not NULL). What these kept in `extra` for want of a column is compared.
"""

from collections.abc import Iterable, Iterator
from datetime import datetime

from inventory.common.exact_json import Json, read
from inventory.diff.items import renamed
from inventory.diff.masks import agree
from inventory.diff.older import Recorded, Rows
from inventory.diff.records import Change, SourceDiff, Step
from inventory.diff.select import Selection
from inventory.normalise.walk import Row
from inventory.proof.digest import rfc3339
from inventory.schema import BY_NAME
from inventory.schema.entities import Entity

__all__ = ["compare"]

_JOBS = BY_NAME["jobs"]
Pairs = list[tuple[Row | None, Row | None]]


def compare(step: Step, what: Selection) -> SourceDiff:
    """Compare the two ends of a step, in either direction."""
    recorded = Recorded(step)
    differing = {entity.name: step.between(entity) for entity in recorded.wanted(what.table)}
    rows = {name: pair for name, pair in recorded.rewritten(differing).items() if what.table in (None, name)}
    touched = {row[0] for pair in rows.values() for part in pair for row in part}
    if what.job_id is not None:
        touched &= {what.job_id}
    jobs = step.both_ends(_JOBS, touched)
    if what.status is not None or what.tags:
        touched &= _chosen(step, touched, jobs, what)
    diff = SourceDiff(step.source, step.start, step.end, not_recorded=recorded.missing)
    _fill(diff, rows, touched, what, recorded)
    diff.changes.sort(key=lambda change: (change.job_id, change.table, tuple(change.key.values())))
    diff.findings = [_public(BY_NAME["findings"], row) for row in sorted(step.findings, key=lambda row: row[:4])]
    name = _JOBS.names.index("name")
    known = {row[0]: row[name] for end in jobs for row in end}
    diff.names = {change.job_id: known.get(change.job_id) for change in diff.changes}
    return diff


def _fill(diff: SourceDiff, rows: Rows, touched: set[str], what: Selection, recorded: Recorded) -> None:
    paired = {name: list(_pair(BY_NAME[name], *pair, touched)) for name, pair in rows.items()}
    left = ((BY_NAME[name], old) for name, pairs in paired.items() for old, new in pairs if old and not new)
    came = ((BY_NAME[name], new) for name, pairs in paired.items() for old, new in pairs if new and not old)
    same = renamed(left, came)
    diff.ignored += len(same)
    hidden = {each for pair in same for each in pair}
    for name, pairs in paired.items():
        for old, new in pairs:
            if (name, old) in hidden or (name, new) in hidden:
                continue
            change = _change(BY_NAME[name], old, new, what, recorded)
            if change is None:
                diff.ignored += 1
            else:
                diff.changes.append(change)


def _pair(
    entity: Entity, before: Iterable[Row], after: Iterable[Row], jobs: set[str]
) -> Iterator[tuple[Row | None, Row | None]]:
    olds, news = ({entity.key_of(row): row for row in rows if row[0] in jobs} for rows in (before, after))
    for key, old in olds.items():
        if old != (new := news.get(key)):  # else it left and came back the same
            yield old, new
    yield from ((None, new) for key, new in news.items() if key not in olds)


def _change(entity: Entity, old: Row | None, new: Row | None, what: Selection, recorded: Recorded) -> Change | None:
    """Return the change; None where it is to be ignored."""
    row = old or new or ()
    if (old is None or new is None) and recorded.lacks_rows(0 if old is None else 1, entity, row[0]):
        return None
    was, now = (_public(entity, old) if old else None), (_public(entity, new) if new else None)
    changed: list[str] = []
    if was and now:
        changed = [name for name in _changed(entity, was, now, recorded) if not _is_ignored(entity, name, what)]
        if not changed:
            return None
    there = now or was or {}
    action = "update" if was and now else "create" if now else "delete"
    key = {name: there[name] for name in entity.key}
    return Change(entity.name, action, key[entity.job_column], key, was, now, changed)


def _is_ignored(entity: Entity, name: str, what: Selection) -> bool:
    return f"{entity.name}.{name.partition('.')[0]}" in what.ignore


def _changed(entity: Entity, was: dict[str, Json], now: dict[str, Json], recorded: Recorded) -> Iterator[str]:
    ends = (0, was), (1, now)
    for name in entity.names:
        if name == "extra" or any(end[name] is None and recorded.lacks(at, entity, name) for at, end in ends):
            continue
        if not agree(was[name], now[name]):
            yield name
    old, new = was["extra"] or {}, now["extra"] or {}
    for path in sorted(old.keys() | new.keys()):
        if any(path not in end and recorded.lacks(at, entity, path) for at, end in enumerate((old, new))):
            continue
        if not agree(old.get(path), new.get(path)):
            yield f"extra.{path}"


def _public(entity: Entity, row: Row) -> dict[str, Json]:
    values: dict[str, Json] = {
        name: rfc3339(value) if isinstance(value, datetime) else value
        for name, value in zip(entity.names, row, strict=True)
    }
    values["extra"] = read(values["extra"]) if values["extra"] else None
    return values


def _chosen(step: Step, touched: set[str], jobs: tuple[list[Row], list[Row]], what: Selection) -> set[str]:
    """Return the jobs that have the status and the tags, both at one of the two ends."""
    tags = step.both_ends(BY_NAME["tags"], touched) if what.tags else ([], [])
    chosen: set[str] = set()
    for end, tagged in zip(jobs, tags, strict=True):
        pairs: dict[str, set[tuple[str, str]]] = {}
        for row in (_public(BY_NAME["tags"], row) for row in tagged):
            pairs.setdefault(row["job_id"], set()).add((row["key"], row["value"] or ""))
        chosen |= {
            row["id"]
            for row in (_public(_JOBS, row) for row in end)
            if what.status in (None, row["status"]) and pairs.get(row["id"], set()).issuperset(what.tags)
        }
    return chosen
