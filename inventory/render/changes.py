"""Change records as a person reads them: an overview, then jobs by importance; what text, Markdown and HTML share.

Everything here is plain text as it came: who prints it escapes it for where it goes.
"""

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from itertools import groupby

from inventory.common.exact_json import Json
from inventory.common.safe_text import MAX_SHOWN, count, moment, unread_jobs, value
from inventory.diff.records import Change, Found, SourceDiff
from inventory.schema import BY_NAME

__all__ = [
    "EVERYTHING", "FOLD", "MARKS", "WORDS", "Job", "Table", "cells", "findings", "heading", "headline", "jobs", "key",
    "marks", "notes", "overview", "summary",
]  # fmt: skip

MARKS = {"create": "+", "update": "~", "delete": "-"}
REPLACED = "-/+"
WORDS = {"-": "removed", REPLACED: "replaced", "+": "created", "~": "changed"}  # in order of importance
FOLD = 10  # rows of one table of one job that are shown unless all are asked for
EVERYTHING = 1 << 40  # characters that no value has
_QUIET = ("job_id", "occurrence", "item", "item_occurrence", "extra")
_FACTS = ("status", "db_use_type", "inst_info_engine_type", "job_direction")  # what a line says of a job
_NOT_COMPARED = ("id", "create_time")  # of a job that was recreated: they always differ
_HASH = re.compile("[0-9a-f]{16}")  # of an item that nothing names
_NAMED = 3  # columns that a headline names
_AHEAD = 40  # characters before the first difference of two long texts


@dataclass(frozen=True)
class Table:
    """The changes of one job in one table. folded: how many more there are."""

    name: str
    changes: list[Change]
    folded: int


@dataclass(frozen=True)
class Job:
    """The changes of one job; the mark says whether it came, went, changed, or stands for one that was removed.

    own: its row of `jobs`. facts: what a line says of it, in words.
    """

    id: str
    name: str | None
    mark: str
    own: Change | None
    tables: list[Table]
    facts: list[str]


def marks(diff: SourceDiff) -> dict[str, str]:
    """Return the mark of each job that changed in order of importance: removed, replaced, created, changed, by name.

    A job that was replaced stands under the id of the new one.
    """
    pairs = diff.pairs
    replaced = set(pairs.values())
    found = {
        job_id: REPLACED if job_id in pairs else MARKS[action]
        for job_id, action in diff.jobs.items()
        if job_id not in replaced
    }
    order = list(WORDS)
    return dict(sorted(found.items(), key=lambda each: (order.index(each[1]), diff.names.get(each[0]) or "", each[0])))


def jobs(diff: SourceDiff, *, full: bool, mark: str | None = None) -> Iterator[Job]:
    """Yield the jobs that changed in the order of `marks`, all or those of one; a few are read at a time.

    Of one that came, left or was replaced the rows below it are only counted, unless `full`.
    """
    wanted = {job_id: each for job_id, each in marks(diff).items() if mark in (None, each)}
    for job_ids in diff.pieces(wanted):
        yield from _read_jobs(diff, {job_id: wanted[job_id] for job_id in job_ids}, full=full)


def _read_jobs(diff: SourceDiff, wanted: Mapping[str, str], *, full: bool) -> Iterator[Job]:
    """Yield jobs, of which the marks are given; what was read is dropped with the last."""
    pairs = diff.pairs
    found = diff.read([*wanted, *(pairs[job_id] for job_id in wanted if job_id in pairs)])
    for job_id, mark in wanted.items():
        if job_id in pairs:
            yield _replaced(diff, job_id, pairs[job_id], found, full=full)
        else:
            yield _job(diff, job_id, mark, found[job_id][0], full=full)


def _job(diff: SourceDiff, job_id: str, mark: str, changes: list[Change], *, full: bool) -> Job:
    own = _own(changes)
    tables = _tables((change for change in changes if change is not own), EVERYTHING if full else FOLD)
    facts = [_transition(own)] if own is not None and own.action == "update" else _facts(own)
    if mark != "~":
        facts += _counts(changes)
        tables = tables if full else []
    if mark == "-":
        facts.append(_gone(diff, job_id))
    if job_id in diff.times:
        facts.append(f"changed {diff.times[job_id]:,} times in between")
    return Job(job_id, diff.names.get(job_id), mark, own, tables, [fact for fact in facts if fact])


def _own(changes: Iterable[Change]) -> Change | None:
    return next((change for change in changes if change.table == "jobs"), None)


def _replaced(diff: SourceDiff, job_id: str, old_id: str, found: Mapping[str, Found], *, full: bool) -> Job:
    """Return a job that was recreated under another id, as one: what differs in the two rows of `jobs`."""
    left, came = found[old_id][0], found[job_id][0]
    old, new = _own(left), _own(came)
    assert old is not None and new is not None and old.before is not None and new.after is not None
    before, after = old.before, new.after
    changed = [name for name in after if name not in _NOT_COMPARED and before[name] != after[name]]
    change = replace(new, action="update", before=before, changed=[name for name in changed if name != "extra"])
    name = diff.names.get(old_id)
    facts = [f"replaces {old_id}" + (f", renamed from {value(name)}" if name != diff.names.get(job_id) else "")]
    facts += [_transition(change), *_counts(came), _gone(diff, old_id)]
    rows = (each for each in (*left, *came) if each.table != "jobs")
    tables = _tables(sorted(rows, key=lambda each: each.table), EVERYTHING) if full else []
    return Job(job_id, diff.names.get(job_id), REPLACED, change, tables, [fact for fact in facts if fact])


def _tables(changes: Iterable[Change], shown: int) -> list[Table]:
    tables = []
    for name, rows in groupby(changes, key=lambda change: change.table):
        found = list(rows)
        tables.append(Table(name, found[:shown], max(0, len(found) - shown)))
    return tables


def _transition(change: Change) -> str:
    """Return how the status changed; '' where it did not."""
    if "status" not in change.changed or change.before is None or change.after is None:
        return ""
    return f"status {_word(change.before['status'])} -> {_word(change.after['status'])}"


def _facts(own: Change | None) -> list[str]:
    row = (own.after or own.before or {}) if own is not None else {}
    return [_word(row[name]) for name in _FACTS if row.get(name)]


def _word(what: Json) -> str:
    text = str(what)
    return text if re.fullmatch(r"[\w.:/+-]{1,60}", text, re.ASCII) else value(what)


def _counts(changes: Iterable[Change]) -> list[str]:
    tally = Counter(change.table for change in changes if change.table != "jobs")
    return [f"{name}: {number:,}" for name, number in sorted(tally.items())]


def headline(job: Job) -> str:
    """Return what happened to a job as one line, for where its details are folded.

    Of a job that changed: its status first, then the columns, and how many rows of other tables.
    """
    if job.mark != "~":
        return ", ".join(job.facts)
    moved, changed = (_transition(job.own), job.own.changed) if job.own is not None else ("", [])
    names = sorted((name for name in changed if name != "status"), key="update_time".__eq__)
    more = f" and {count(len(names) - _NAMED, 'more column')}" if len(names) > _NAMED else ""
    below = [f"{table.name}: {count(len(table.changes) + table.folded, 'row')}" for table in job.tables]
    facts = [fact for fact in job.facts if fact != moved]
    return "; ".join(part for part in (moved, ", ".join(names[:_NAMED]) + more, *below, *facts) if part)


def _gone(diff: SourceDiff, job_id: str) -> str:
    return f"gone: {diff.gone[job_id]}" if job_id in diff.gone else ""


def overview(diff: SourceDiff) -> Iterator[tuple[str, str]]:
    """Yield (label, text): the changes counted by job, by table and action, and by change of status."""
    tally = Counter(marks(diff).values())
    yield "jobs", ", ".join(f"{tally[mark]:,} {word}" for mark, word in WORDS.items() if tally[mark]) or "no changes"
    for name in sorted({table for table, _ in diff.rows}, key=lambda each: (each != "jobs", each)):
        counts = {action: diff.rows[name, action] for action in MARKS}
        yield "rows", f"{name}: " + ", ".join(f"{number:,} {action}d" for action, number in counts.items() if number)
    moves: Counter[tuple[str, str]] = Counter()
    for (old, new), number in diff.moves.items():
        moves[_word(old), _word(new)] += number
    for (old, new), number in sorted(moves.items(), key=lambda each: (-each[1], each[0]))[:FOLD]:
        yield "status", f"{old} -> {new}: {count(number, 'job')}"
    if len(moves) > FOLD:
        yield "status", f"and {len(moves) - FOLD} other changes of status"
    if diff.ignored:
        yield "ignored", ", ".join(f"{number:,} because {why}" for why, number in sorted(diff.ignored.items()))
    if diff.reverted:
        names = ", ".join(diff.reverted[:FOLD]) + (", …" if len(diff.reverted) > FOLD else "")
        jobs_ = count(len(diff.reverted), "job")
        yield "reverted", f"{jobs_} changed in between and changed back (--each shows it): {names}"
    if diff.findings:
        yield "findings", f"{len(diff.new_findings):,} new, {len(diff.findings):,} in all"


def findings(diff: SourceDiff, *, full: bool) -> Iterator[str]:
    """Yield the findings that are new, a line each: kind, path, job, detail."""
    shown = diff.new_findings if full else diff.new_findings[:FOLD]
    for each in shown:
        job = f" in job {each['job_id']}" if each["job_id"] else ""
        yield f"{each['kind']} at {each['path'] or '-'}{job}: {str(each['detail'])[:MAX_SHOWN]}"
    if len(diff.new_findings) > len(shown):
        yield f"and {len(diff.new_findings) - len(shown):,} more; `inventory findings --new` lists them"


def _is_quiet(change: Change, column: str) -> bool:
    return column in _QUIET and column in BY_NAME[change.table].own


def key(change: Change) -> str:
    """Return the parts of a row's key that tell a person something; '' where none does."""
    if change.table == "jobs":
        return ""  # it stands under its job
    return ", ".join(
        f"{name} = {value(v)}"
        for name, v in change.key.items()
        if v != "" and (not _is_quiet(change, name) or (name == "item" and not _HASH.fullmatch(str(v))))
    )


def cells(change: Change, *, full: bool) -> list[tuple[str, str | None, str | None]]:
    """Return (column, old, new): what differs, or what a row that came or left says; None where there is none."""
    longest = EVERYTHING if full else MAX_SHOWN
    if change.action == "update":
        return [(n, *_both(_part(change.before, n), _part(change.after, n), longest)) for n in change.changed]
    row = change.after or change.before or {}
    said = {n: v for n, v in row.items() if v is not None and n not in change.key and not _is_quiet(change, n)}
    said |= {f"extra.{path}": v for path, v in (row.get("extra") or {}).items()}
    texts = {name: value(content, longest) for name, content in said.items()}
    return [(n, None, text) if change.action == "create" else (n, text, None) for n, text in texts.items()]


def _part(row: Mapping[str, Json] | None, name: str) -> Json:
    assert row is not None  # an update has both
    if name.startswith("extra."):
        return (row["extra"] or {}).get(name.removeprefix("extra."))
    return row[name]


def _both(old: Json, new: Json, longest: int) -> tuple[str, str]:
    """Spell two values; of two long texts what they begin with alike is left out, so that the difference shows."""
    if isinstance(old, str) and isinstance(new, str) and max(len(old), len(new)) > longest:
        alike = next((at for at, (a, b) in enumerate(zip(old, new, strict=False)) if a != b), min(len(old), len(new)))
        start = max(0, alike - _AHEAD)
        lead = f"…{start:,} characters… " if start else ""
        return lead + value(old[start:], longest), lead + value(new[start:], longest)
    return value(old, longest), value(new, longest)


def heading(diff: SourceDiff) -> str:
    """Return the source and the two ends that were compared."""
    if diff.start is None:
        if diff.end["id"] is None:
            return f"{diff.source}: live state; there is no snapshot to compare it with yet"
        return f"{diff.source}: first {_end(diff.end)}: everything is new"
    if diff.start["id"] == diff.end["id"]:
        return f"{diff.source}: {_end(diff.end)} compared with itself"
    return f"{diff.source}: {_end(diff.start)} -> {_end(diff.end)}"


def _end(row: dict[str, Json]) -> str:
    if row["id"] is None:
        return "live state"
    return f"snapshot {row['id']} ({moment(row['observed_to'] or row['finished_at'])} UTC)"


def notes(diff: SourceDiff) -> Iterator[str]:
    """Yield what else must be known to read the changes right."""
    if diff.end["status"] == "partial":
        yield _unread(diff)
    if diff.not_recorded is not None and diff.start is not None:
        revisions = f"the tables changed from revision {diff.start['schema_revision']} to {diff.end['schema_revision']}"
        columns = ", ".join(diff.not_recorded[:FOLD]) + (", …" if len(diff.not_recorded) > FOLD else "")
        yield f"{revisions}; not compared, because one of them does not store them: {columns or 'nothing'}"


def _unread(diff: SourceDiff) -> str:
    """Say what the later snapshot lacks, with the first ids."""
    if not diff.end["unreadable"]:
        if diff.end["consistency"] is None:  # ids were configured: no list was read
            return "found none of the configured jobs; check project_id, region and the job ids"
        return "the list of jobs was not read completely; jobs may be missing"
    kinds = ("omitted_job", "unreadable_job")
    ids = [str(finding["job_id"])[:MAX_SHOWN] for finding in diff.findings if finding["kind"] in kinds]
    more = f" and {len(ids) - FOLD:,} more" if len(ids) > FOLD else ""
    return unread_jobs(diff.end) + (f": {', '.join(sorted(ids)[:FOLD])}{more}" if ids else "")


def summary(diffs: Iterable[SourceDiff]) -> str:
    """Return the line that counts."""
    diffs = list(diffs)
    actions = Counter(action for diff in diffs for action in diff.jobs.values())
    replaced = sum(len(diff.pairs) for diff in diffs)
    added, removed, changed = actions["create"] - replaced, actions["delete"] - replaced, actions["update"]
    rows = ", ".join(f"{sum(d.count(a) for d in diffs)} {a}d" for a in ("create", "update", "delete"))
    ignored, new = sum(diff.ignored.total() for diff in diffs), sum(len(diff.new_findings) for diff in diffs)
    said = "no changes"
    if any(diff.jobs for diff in diffs):
        again = f", {replaced} replaced" if replaced else ""
        said = f"jobs: {added} added, {changed} changed, {removed} removed{again}; rows: {rows}"
    return (
        said
        + (f"; {count(ignored, 'change')} ignored" if ignored else "")
        + (f"; {count(new, 'new finding')}" if new else "")
    )
