"""The comparison: rows of two ends become change records. Pure; rows are told apart by their declared key.

What is ignored is counted: columns that were to be ignored, what masks hide, and columns that the older end's
tables did not have ("not recorded then" is not NULL).
"""

from collections.abc import Iterable, Iterator
from datetime import datetime

from inventory.diff.items import renamed
from inventory.diff.masks import agree
from inventory.diff.records import Change, SourceDiff, Step
from inventory.diff.select import Selection
from inventory.digest import rfc3339
from inventory.jsontext import Json, read
from inventory.normalise import Row
from inventory.schema import BY_NAME, ESTATE
from inventory.schema.entities import Entity

__all__ = ["compare"]

_PIECE = 500  # jobs that are asked for together
_JOBS = BY_NAME["jobs"]
Pairs = list[tuple[Row | None, Row | None]]
Rows = dict[str, tuple[list[Row], list[Row]]]


def compare(step: Step, what: Selection) -> SourceDiff:
    """Compare the two ends of a step, in either direction."""
    rows = {entity.name: step.between(entity) for entity in ESTATE if what.table in (None, entity.name)}
    touched = {row[0] for pair in rows.values() for part in pair for row in part}
    if what.job_id is not None:
        touched &= {what.job_id}
    jobs = _both_ends(step, _JOBS, touched)
    if what.status is not None or what.tags:
        touched &= _chosen(step, touched, jobs, what)
    recorded = _Recorded(step)
    diff = SourceDiff(step.source, step.start, step.end, not_recorded=recorded.missing)
    _fill(diff, rows, touched, what, recorded)
    diff.changes.sort(key=lambda change: (change.job_id, change.table, tuple(change.key.values())))
    diff.findings = [_public(BY_NAME["findings"], row) for row in sorted(step.findings, key=lambda row: row[:4])]
    name = _JOBS.names.index("name")
    known = {row[0]: row[name] for end in jobs for row in end}
    diff.names = {change.job_id: known.get(change.job_id) for change in diff.changes}
    return diff


def _fill(diff: SourceDiff, rows: Rows, touched: set[str], what: Selection, recorded: "_Recorded") -> None:
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
    olds, news = ({_key(entity, row): row for row in rows if row[0] in jobs} for rows in (before, after))
    for key, old in olds.items():
        if old != (new := news.get(key)):  # else it left and came back the same
            yield old, new
    yield from ((None, new) for key, new in news.items() if key not in olds)


def _key(entity: Entity, row: Row) -> Row:
    return tuple(row[at] for at in entity.key_places)


def _change(entity: Entity, old: Row | None, new: Row | None, what: Selection, recorded: "_Recorded") -> Change | None:
    """Return the change; None where it is to be ignored."""
    if entity.name in recorded.new_tables:
        return None
    was, now = (_public(entity, old) if old else None), (_public(entity, new) if new else None)
    changed: list[str] = []
    if was and now:
        changed = [name for name in _changed(entity, was, now, recorded) if not _is_ignored(entity, name, what)]
        if not changed:
            return None
    row = now or was or {}
    action = "update" if was and now else "create" if now else "delete"
    key = {name: row[name] for name in entity.key}
    return Change(entity.name, action, key[entity.job_column], key, was, now, changed)


def _is_ignored(entity: Entity, name: str, what: Selection) -> bool:
    return f"{entity.name}.{name.partition('.')[0]}" in what.ignore


def _changed(entity: Entity, was: dict[str, Json], now: dict[str, Json], recorded: "_Recorded") -> Iterator[str]:
    for name in entity.names:
        if name != "extra" and recorded.has(entity, name) and not agree(was[name], now[name]):
            yield name
    old, new = was["extra"] or {}, now["extra"] or {}
    for path in sorted(old.keys() | new.keys()):
        if not recorded.moved(entity, path) and not agree(old.get(path), new.get(path)):
            yield f"extra.{path}"


def _public(entity: Entity, row: Row) -> dict[str, Json]:
    values: dict[str, Json] = {
        name: rfc3339(value) if isinstance(value, datetime) else value
        for name, value in zip(entity.names, row, strict=True)
    }
    values["extra"] = read(values["extra"]) if values["extra"] else None
    return values


class _Recorded:
    """Tells a column that both ends' tables had from one that was "not recorded then".

    missing: those, as TABLE.COLUMN; None where the tables are the same. new_tables: those that are new whole.
    """

    def __init__(self, step: Step) -> None:
        revisions = {row["schema_revision"] for row in (step.start, step.end) if row is not None}
        oldest = min(revisions)
        new = [(entity, field) for entity in ESTATE for field in entity.fields if field.api.since > oldest]
        self._columns = {(entity.name, field.name) for entity, field in new}
        self._paths = {(entity.name, field.api.path) for entity, field in new}
        self.missing = [f"{entity.name}.{field.name}" for entity, field in new] if len(revisions) > 1 else None
        self.new_tables = {
            entity.name
            for entity in ESTATE
            if all((entity.name, field.name) in self._columns for field in entity.fields if field.api.path)
        }

    def has(self, entity: Entity, column: str) -> bool:
        return (entity.name, column) not in self._columns

    def moved(self, entity: Entity, path: str) -> bool:
        """Tell whether what stood in `extra` has a column since."""
        return (entity.name, path) in self._paths


def _both_ends(step: Step, entity: Entity, job_ids: Iterable[str]) -> tuple[list[Row], list[Row]]:
    """Return the rows of some jobs at the start, and at the end: those, less what left, and what came."""
    wanted = sorted(job_ids)
    pieces = (wanted[at : at + _PIECE] for at in range(0, len(wanted), _PIECE))
    start = [row for piece in pieces for row in step.at_start(entity, piece)]
    left, came = step.between(entity)
    gone = {_key(entity, row) for row in left}
    stayed = [row for row in start if _key(entity, row) not in gone]
    asked = set(wanted)
    return start, stayed + [row for row in came if row[0] in asked]


def _chosen(step: Step, touched: set[str], jobs: tuple[list[Row], list[Row]], what: Selection) -> set[str]:
    """Return the jobs that have the status and the tags, both at one of the two ends."""
    tags = _both_ends(step, BY_NAME["tags"], touched) if what.tags else ([], [])
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
