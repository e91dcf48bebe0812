"""The comparison: rows of two ends become change records. Pure; rows are told apart by their declared key.

What is ignored is counted: columns that were to be ignored, what masks hide, and columns that the older end's
tables did not have ("not recorded then" is not NULL). What these kept in `extra` for want of a column is compared.
"""

from collections.abc import Iterable, Iterator
from datetime import datetime

from inventory.common.exact_json import Json, read
from inventory.diff.findings import identity
from inventory.diff.items import renamed
from inventory.diff.masks import agree
from inventory.diff.older import Recorded, Rows
from inventory.diff.pairs import replacements
from inventory.diff.records import Change, SourceDiff, Step
from inventory.diff.select import Selection
from inventory.normalise.walk import Row
from inventory.schema import BY_NAME
from inventory.schema.entities import Entity
from inventory.schema.kinds import rfc3339

__all__ = ["compare"]

_JOBS, _ENDPOINTS, _FINDINGS = BY_NAME["jobs"], BY_NAME["endpoints"], BY_NAME["findings"]
_NO_EVIDENCE = "deselected (the configuration no longer names it), or the evidence was pruned"
_MASKS, _COLUMN, _THEN = "the masks cannot be compared", "the column is ignored", "its table was not recorded then"


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
    diff.findings = [_public(_FINDINGS, row) for row in sorted(step.findings, key=lambda row: row[:4])]
    name = _JOBS.names.index("name")
    known = {row[0]: row[name] for end in jobs for row in end}
    counted = (change for change, _ in diff.ignored)
    diff.names = {change.job_id: known.get(change.job_id) for change in (*diff.changes, *counted)}
    _explain(diff, step, jobs, what)
    return diff


def _explain(diff: SourceDiff, step: Step, jobs: tuple[list[Row], list[Row]], what: Selection) -> None:
    """Add what a person asks next: which job replaced which, why one is gone, how often one changed, what is new."""
    start, end = ({row[0]: row for row in rows} for rows in jobs)
    removed = {job_id: row for job_id, row in start.items() if job_id not in end}
    created = {job_id: row for job_id, row in end.items() if job_id not in start}
    if removed and created:
        diff.replaced = replacements(removed, created, *step.between(_ENDPOINTS))
    if removed:
        evidence = step.absences(list(removed)) | {
            row[0]: str(row[4]) for row in step.findings if row[1] == "absent_job"
        }
        diff.gone = {job_id: evidence.get(job_id, _NO_EVIDENCE) for job_id in removed}
    moments = step.moments()
    chosen = start.keys() | end.keys()
    diff.times = {job_id: len(moments[job_id]) for job_id in diff.names if len(moments.get(job_id, ())) > 1}
    if not (what.status or what.tags or what.table):
        same = moments.keys() - diff.names.keys()
        diff.reverted = sorted(same if what.job_id is None else same & {what.job_id})
    if step.findings:
        left, came = step.between(_FINDINGS)
        began = {row[:4] for row in came}
        before = {identity(row) for row in (*left, *(row for row in step.findings if row[:4] not in began))}
        narrowed = what.job_id is not None or what.status is not None or what.tags
        diff.new_findings = [
            shown
            for row, shown in zip(sorted(step.findings, key=lambda row: row[:4]), diff.findings, strict=True)
            if identity(row) not in before
            and (not narrowed or row[0] in chosen)
            and what.table in (None, _table_of(str(row[2])))
        ]


def _table_of(path: str) -> str:
    """Return the table that a finding's path is about."""
    first, brackets, _ = path.partition("[]")
    return first if brackets and first in BY_NAME else "jobs"


def _fill(diff: SourceDiff, rows: Rows, touched: set[str], what: Selection, recorded: Recorded) -> None:
    paired = {name: list(_pair(BY_NAME[name], *pair, touched)) for name, pair in rows.items()}
    left = ((BY_NAME[name], old) for name, pairs in paired.items() for old, new in pairs if old and not new)
    came = ((BY_NAME[name], new) for name, pairs in paired.items() for old, new in pairs if new and not old)
    same = renamed(left, came)
    diff.ignored += [(_record(BY_NAME[name], old, new), _MASKS) for (name, old), (_, new) in same]
    hidden = {each for pair in same for each in pair}
    for name, pairs in paired.items():
        for old, new in pairs:
            if (name, old) in hidden or (name, new) in hidden:
                continue
            change = _record(BY_NAME[name], old, new)
            why = _reason_to_ignore(BY_NAME[name], change, what, recorded)
            if why:
                diff.ignored.append((change, why))
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


def _record(entity: Entity, old: Row | None, new: Row | None) -> Change:
    """Return the change record of two rows; `changed` has every column that differs, masks included."""
    was, now = (_public(entity, old) if old else None), (_public(entity, new) if new else None)
    there = now or was or {}
    action = "update" if was and now else "create" if now else "delete"
    key = {name: there[name] for name in entity.key}
    changed = [name for name in entity.names if was and now and was[name] != now[name]]
    return Change(entity.name, action, key[entity.job_column], key, was, now, changed)


def _reason_to_ignore(entity: Entity, change: Change, what: Selection, recorded: Recorded) -> str:
    """Return why a change is only counted, or '' where it is shown; then `changed` has the columns that are shown."""
    was, now = change.before, change.after
    if was is None or now is None:
        lacks = recorded.lacks_rows(0 if was is None else 1, entity, change.job_id)
        return _THEN if lacks else ""
    differs = list(_changed(entity, was, now, recorded))
    shown = [name for name in differs if not _is_ignored(entity, name, what)]
    if not shown:
        return _COLUMN if differs else _MASKS
    change.changed[:] = shown
    return ""


def _is_ignored(entity: Entity, name: str, what: Selection) -> bool:
    return f"{entity.name}.{name.partition('.')[0]}" in what.ignore


def _changed(entity: Entity, was: dict[str, Json], now: dict[str, Json], recorded: Recorded) -> Iterator[str]:
    ends = (0, was), (1, now)
    for name in entity.names:
        old, new = was[name], now[name]
        if name == "extra" or (old == new and type(old) is type(new)):  # most are
            continue
        if any(end[name] is None and recorded.lacks(at, entity, name) for at, end in ends):
            continue
        if not agree(old, new):
            yield name
    left, came = was["extra"] or {}, now["extra"] or {}
    for path in sorted(left.keys() | came.keys()):
        if any(path not in end and recorded.lacks(at, entity, path) for at, end in enumerate((left, came))):
            continue
        if not agree(left.get(path), came.get(path)):
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
