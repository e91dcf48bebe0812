"""The comparison: rows of two ends become change records. Pure; rows are told apart by their declared key.

What is ignored is counted: columns that were to be ignored, what masks hide, and columns that the older end's
tables did not have ("not recorded then" is not NULL). What these kept in `extra` for want of a column is compared.

Nearly all of it is about one job, so a few jobs are compared at a time. A first pass over all jobs that differ counts
their changes and keeps no row; a printer then asks for the changes of a few jobs, in its own order, and these are
read and compared again.
"""

from collections.abc import Callable, Collection, Iterable, Iterator
from datetime import datetime
from itertools import compress
from operator import ne

from inventory.common.errors import CompareError
from inventory.common.exact_json import Json, read
from inventory.diff.findings import identity
from inventory.diff.items import renamed
from inventory.diff.masks import agree
from inventory.diff.older import Recorded, Rows
from inventory.diff.pairs import replacements
from inventory.diff.records import PIECE, Change, Found, SourceDiff, Step, Values, pieces
from inventory.diff.select import Selection
from inventory.normalise.walk import Row
from inventory.schema import BY_NAME
from inventory.schema.entities import Entity
from inventory.schema.kinds import rfc3339

__all__ = ["compare"]

_JOBS, _ENDPOINTS, _FINDINGS, _TAGS = (BY_NAME[name] for name in ("jobs", "endpoints", "findings", "tags"))
_NAME, _STATUS = _JOBS.names.index("name"), _JOBS.names.index("status")
_NO_EVIDENCE = "deselected (the configuration no longer names it), or the evidence was pruned"
_MASKS, _COLUMN, _THEN = "the masks cannot be compared", "the column is ignored", "its table was not recorded then"
Names = dict[str, str | None]  # of jobs
Ends = tuple[dict[str, Row], dict[str, Row]]  # the rows of `jobs` at the start and at the end, by job id


def compare(
    step: Step, what: Selection, wanted: Callable[[Change], bool] = lambda _: True, piece: int = PIECE
) -> SourceDiff:
    """Compare the two ends of a step, in either direction.

    Args:
        wanted: which changes to keep; the others are as if they were none.
        piece: how many rows are compared at a time.

    Raises:
        CompareError: from the result, when it is read: a snapshot was pruned in the meantime.
    """
    jobs = _Jobs(step, what, wanted)

    def read_again(job_ids: list[str]) -> dict[str, Found]:
        found = jobs.read(job_ids)
        now = {job_id: len(changes) + len(ignored) for job_id, (changes, ignored) in found.items()}
        if any(now.get(job_id) != diff.sizes[job_id] for job_id in job_ids):
            raise CompareError(f"{step.source}: a snapshot was pruned while it was compared", "Run it again")
        return found

    diff = SourceDiff(step.source, step.start, step.end, read_again, piece, not_recorded=jobs.recorded.missing)
    removed: Names = {}
    created: Names = {}
    for job_ids in pieces(jobs.ids, piece, jobs.rows):
        for job_id, found in jobs.read(job_ids).items():
            old, new = (rows.get(job_id) for rows in jobs.ends)
            own = new or old
            name = own[_NAME] if own else None
            diff.add(job_id, name, found)
            if job_id in diff.names and not (old and new):
                (created if new else removed)[job_id] = name
    diff.findings = [dict(Values(_FINDINGS, row)) for row in sorted(step.findings, key=lambda row: row[:4])]
    _explain(diff, step, removed, created, what)
    if step.findings:
        diff.new_findings = list(_new_findings(diff, step, what))
    step.release()
    return diff


def _explain(diff: SourceDiff, step: Step, removed: Names, created: Names, what: Selection) -> None:
    """Add what a person asks next: which job replaced which, why one is gone, how often one changed."""
    if removed and created:
        parts = [step.between(_ENDPOINTS, job_ids) for job_ids in pieces([*removed, *created])]
        left, came = ([row for part in parts for row in part[end]] for end in (0, 1))
        diff.replaced = replacements(removed, created, left, came)
    if removed:
        evidence = step.absences(list(removed)) | {
            row[0]: str(row[4]) for row in step.findings if row[1] == "absent_job"
        }
        diff.gone = {job_id: evidence.get(job_id, _NO_EVIDENCE) for job_id in removed}
    moments = step.moments()
    diff.times = {job_id: len(moments[job_id]) for job_id in diff.names if len(moments.get(job_id, ())) > 1}
    if not (what.status or what.tags or what.table):
        same = moments.keys() - diff.names.keys()
        diff.reverted = sorted(same if what.job_id is None else same & {what.job_id})


def _new_findings(diff: SourceDiff, step: Step, what: Selection) -> Iterator[dict[str, Json]]:
    """Yield the findings that the first end had not, narrowed as the changes are."""
    left, came = step.between(_FINDINGS, None)
    began = {row[:4] for row in came}
    before = {identity(row) for row in (*left, *(row for row in step.findings if row[:4] not in began))}
    narrowed = what.job_id is not None or what.status is not None or what.tags
    for row, shown in zip(sorted(step.findings, key=lambda row: row[:4]), diff.findings, strict=True):
        if identity(row) in before or (narrowed and row[0] not in diff.names):
            continue
        if what.table in (None, _table_of(str(row[2]))):
            yield shown


def _table_of(path: str) -> str:
    """Return the table that a finding's path is about."""
    first, brackets, _ = path.partition("[]")
    return first if brackets and first in BY_NAME else "jobs"


class _Jobs:
    """The jobs that differ, and the changes of some of them.

    ids: sorted. rows: how many differ, by job. ends: the rows of `jobs` of those that were read last.
    """

    def __init__(self, step: Step, what: Selection, wanted: Callable[[Change], bool]) -> None:
        self._step, self._what, self._wanted = step, what, wanted
        self.recorded = Recorded(step)
        self._tables = [*self.recorded.wanted(what.table)]
        self._differing, self.rows = _differing(step, self._tables)
        self.ids = sorted(job_id for job_id in self._differing if what.job_id in (None, job_id))
        self.ends: Ends = ({}, {})
        self._last: dict[str, Found] = {}

    def read(self, job_ids: list[str]) -> dict[str, Found]:
        """Return the changes of some jobs that are selected; what was read last is kept, so few are compared once."""
        if not self._last or not self._last.keys() >= set(job_ids):
            self._last = {}
            self._last = self._compare(job_ids)
            self._step.release()
        return self._last

    def _compare(self, job_ids: list[str]) -> dict[str, Found]:
        rows = {entity.name: self._between(entity, job_ids) for entity in self._tables}
        own = rows[_JOBS.name] if _JOBS.name in rows else self._step.between(_JOBS, job_ids)
        self.ends = self._both_ends(job_ids, *own)
        found: dict[str, Found] = {job_id: ([], []) for job_id in self._chosen(job_ids)}
        for change, why in self._changes(self.recorded.rewritten(rows), found.keys()):
            changes, ignored = found[change.job_id]
            if why:
                ignored.append((change, why))
            elif self._wanted(change):
                changes.append(change)
        for changes, ignored in found.values():
            if len(changes) > 1:
                changes.sort(key=_place)
            if len(ignored) > 1:
                ignored.sort(key=lambda each: _place(each[0]))
        return found

    def _between(self, entity: Entity, job_ids: list[str]) -> tuple[list[Row], list[Row]]:
        differing = [job_id for job_id in job_ids if entity.name in self._differing[job_id]]
        return self._step.between(entity, differing) if differing else ([], [])

    def _both_ends(self, job_ids: list[str], left: list[Row], came: list[Row]) -> Ends:
        """Return the rows of `jobs` at both ends, from those that differ and those that do not."""
        start, end = ({row[0]: row for row in rows} for rows in (left, came))
        same = [job_id for job_id in job_ids if job_id not in start and job_id not in end]
        for some in pieces(same):
            stayed = {row[0]: row for row in self._step.at_start(_JOBS, some)}
            start |= stayed
            end |= stayed
        return start, end

    def _chosen(self, job_ids: list[str]) -> Iterator[str]:
        """Yield the jobs that have the status and the tags, both at one of the two ends."""
        what = self._what
        tags = self._step.both_ends(_TAGS, job_ids) if what.tags else ([], [])
        tagged = [_tags_of(rows) for rows in tags]
        for job_id in job_ids:
            for rows, pairs in zip(self.ends, tagged, strict=True):
                row = rows.get(job_id)
                has_status = row is not None and what.status in (None, row[_STATUS])
                if has_status and pairs.get(job_id, set()).issuperset(what.tags):
                    yield job_id
                    break

    def _changes(self, rows: Rows, jobs: Collection[str]) -> Iterator[tuple[Change, str]]:
        """Yield the changes of some jobs, each with why it is only counted, or ''."""
        table = self._what.table
        paired = {name: list(_pair(BY_NAME[name], *pair, jobs)) for name, pair in rows.items() if table in (None, name)}
        left = ((BY_NAME[name], old) for name, pairs in paired.items() for old, new in pairs if old and not new)
        came = ((BY_NAME[name], new) for name, pairs in paired.items() for old, new in pairs if new and not old)
        same = renamed(left, came)
        for (name, was), (_, now) in same:
            yield _record(BY_NAME[name], was, now, _all_differing(BY_NAME[name], was, now)), _MASKS
        hidden = {each for pair in same for each in pair}
        for name, pairs in paired.items():
            entity = BY_NAME[name]
            for old, new in pairs:
                if not hidden or ((name, old) not in hidden and (name, new) not in hidden):
                    changed, why = self._changed(entity, old, new)
                    yield _record(entity, old, new, changed), why

    def _changed(self, entity: Entity, old: Row | None, new: Row | None) -> tuple[list[str], str]:
        """Return the columns that are shown, and ''; or all that differ, and why the change is only counted."""
        if old is None or new is None:
            (row,) = (each for each in (old, new) if each is not None)
            return [], _THEN if self.recorded.lacks_rows(0 if old is None else 1, entity, row[0]) else ""
        differs = _differing_columns(entity, old, new, self.recorded)
        ignore = self._what.ignore
        shown = [name for name in differs if f"{entity.name}.{name.partition('.')[0]}" not in ignore]
        if shown:
            return shown, ""
        return _all_differing(entity, old, new), _COLUMN if differs else _MASKS


def _differing(step: Step, entities: Iterable[Entity]) -> tuple[dict[str, tuple[str, ...]], dict[str, int]]:
    """Return the jobs that have rows that differ: each with the tables of these rows, and with their number."""
    tables: dict[str, tuple[str, ...]] = {}
    rows: dict[str, int] = {}
    shared: dict[tuple[str, ...], tuple[str, ...]] = {}  # most jobs differ in the same tables
    for entity in entities:
        for job_id, number in step.jobs(entity).items():
            names = (*tables.get(job_id, ()), entity.name)
            tables[job_id] = shared.setdefault(names, names)
            rows[job_id] = rows.get(job_id, 0) + number
    return tables, rows


def _pair(
    entity: Entity, before: Iterable[Row], after: Iterable[Row], jobs: Collection[str]
) -> Iterator[tuple[Row | None, Row | None]]:
    olds, news = ({entity.key_of(row): row for row in rows if row[0] in jobs} for rows in (before, after))
    for key, old in olds.items():
        if old != (new := news.get(key)):  # else it left and came back the same
            yield old, new
    yield from ((None, new) for key, new in news.items() if key not in olds)


def _record(entity: Entity, old: Row | None, new: Row | None, changed: list[str]) -> Change:
    was = None if old is None else Values(entity, old)
    now = None if new is None else Values(entity, new)
    action = "create" if was is None else "delete" if now is None else "update"
    key = dict(zip(entity.key, entity.key_of(new or old or ()), strict=True))
    return Change(entity.name, action, key[entity.job_column], key, was, now, changed)


def _place(change: Change) -> tuple[str, tuple[Json, ...]]:
    return change.table, tuple(change.key.values())


def _all_differing(entity: Entity, old: Row, new: Row) -> list[str]:
    """Return every column that differs, masks included."""
    return list(compress(entity.names, map(ne, old, new)))


def _differing_columns(entity: Entity, old: Row, new: Row, recorded: Recorded) -> list[str]:
    """Return the columns that differ as far as can be told; of `extra`, which is the last, its paths."""
    found = []
    for name, was, now in compress(zip(entity.names, old, new, strict=True), map(ne, old, new)):
        if name == "extra" or (was is None and recorded.lacks(0, entity, name)):
            continue
        if not (now is None and recorded.lacks(1, entity, name)) and not agree(_json(was), _json(now)):
            found.append(name)
    if old[-1] == new[-1]:
        return found
    left, came = (read(row[-1]) if row[-1] else {} for row in (old, new))
    for path in sorted(left.keys() | came.keys()):
        if (path not in left and recorded.lacks(0, entity, path)) or (
            path not in came and recorded.lacks(1, entity, path)
        ):
            continue
        if not agree(left.get(path), came.get(path)):
            found.append(f"extra.{path}")
    return found


def _json(value: object) -> Json:
    return rfc3339(value) if isinstance(value, datetime) else value


def _tags_of(rows: list[Row]) -> dict[str, set[tuple[str, str]]]:
    """Return the tags of each job, as pairs of key and value."""
    found: dict[str, set[tuple[str, str]]] = {}
    for row in rows:
        values = Values(_TAGS, row)
        found.setdefault(row[0], set()).add((values["key"], values["value"] or ""))
    return found
