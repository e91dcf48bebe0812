"""Change records as a person reads them: by job, then by table; what text, Markdown and HTML share.

Everything here is plain text as it came: who prints it escapes it for where it goes.
"""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import groupby

from inventory.common.exact_json import Json
from inventory.common.safe_text import MAX_SHOWN, moment, unread_jobs, value
from inventory.diff.records import Change, SourceDiff
from inventory.schema import BY_NAME

__all__ = ["EVERYTHING", "FOLD", "MARKS", "Job", "Table", "cells", "heading", "jobs", "key", "notes", "summary"]

MARKS = {"create": "+", "update": "~", "delete": "-"}
FOLD = 10  # rows of one table of one job that are shown unless all are asked for
EVERYTHING = 1 << 40  # characters that no value has
_QUIET = ("job_id", "occurrence", "item", "item_occurrence", "extra")
_HASH = re.compile("[0-9a-f]{16}")  # of an item that nothing names
_AHEAD = 40  # characters before the first difference of two long texts


@dataclass(frozen=True)
class Table:
    """The changes of one job in one table. folded: how many more there are."""

    name: str
    changes: list[Change]
    folded: int


@dataclass(frozen=True)
class Job:
    """The changes of one job; the mark says whether it came, went or changed. own: its row of `jobs`."""

    id: str
    name: str | None
    mark: str
    own: Change | None
    tables: list[Table]


def jobs(diff: SourceDiff, *, full: bool) -> Iterator[Job]:
    """Yield the jobs that changed; of one that came or left as a whole the rows below it are only counted."""
    for job_id, group in groupby(diff.changes, key=lambda change: change.job_id):
        changes = list(group)
        own = next((change for change in changes if change.table == "jobs"), None)
        whole = own is not None and own.action != "update"
        shown = EVERYTHING if full else 0 if whole else FOLD
        tables = []
        for name, rows in groupby((c for c in changes if c is not own), key=lambda change: change.table):
            found = list(rows)
            tables.append(Table(name, found[:shown], max(0, len(found) - shown)))
        yield Job(job_id, diff.names.get(job_id), MARKS[own.action if own else "update"], own, tables)


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


def _part(row: dict[str, Json] | None, name: str) -> Json:
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
        return f"{diff.source}: {_end(diff.end)}, the first"
    if diff.start["id"] == diff.end["id"]:
        return f"{diff.source}: {_end(diff.end)}, at both ends"
    return f"{diff.source}: {_end(diff.start)} -> {_end(diff.end)}"


def _end(row: dict[str, Json]) -> str:
    if row["id"] is None:
        return "as it is now"
    return f"snapshot {row['id']} ({moment(row['observed_to'] or row['finished_at'])} UTC)"


def notes(diff: SourceDiff) -> Iterator[str]:
    """Yield what else must be known to read the changes right."""
    if diff.end["status"] == "partial":
        yield _unread(diff)
    if diff.not_recorded is not None and diff.start is not None:
        revisions = f"the tables changed from revision {diff.start['schema_revision']} to {diff.end['schema_revision']}"
        columns = ", ".join(diff.not_recorded[:FOLD]) + (", …" if len(diff.not_recorded) > FOLD else "")
        yield f"{revisions}; not recorded at both ends: {columns or 'nothing'}"


def _unread(diff: SourceDiff) -> str:
    """Say what the later snapshot lacks, with the first ids."""
    if not diff.end["unreadable"]:
        return "the list of jobs was not whole; jobs may be missing"
    kinds = ("omitted_job", "unreadable_job")
    ids = [str(finding["job_id"])[:MAX_SHOWN] for finding in diff.findings if finding["kind"] in kinds]
    more = f" and {len(ids) - FOLD:,} more" if len(ids) > FOLD else ""
    return unread_jobs(diff.end) + (f": {', '.join(sorted(ids)[:FOLD])}{more}" if ids else "")


def summary(diffs: Iterable[SourceDiff]) -> str:
    """Return the line that counts."""
    diffs = list(diffs)
    own = [change.action for diff in diffs for change in diff.changes if change.table == "jobs"]
    added, removed = own.count("create"), own.count("delete")
    changed = sum(len({change.job_id for change in diff.changes}) for diff in diffs) - added - removed
    rows = ", ".join(f"{sum(d.count(a) for d in diffs)} {a}d" for a in ("create", "update", "delete"))
    ignored, findings = sum(diff.ignored for diff in diffs), sum(len(diff.findings) for diff in diffs)
    said = "no changes"
    if any(diff.changes for diff in diffs):
        said = f"jobs: {added} added, {changed} changed, {removed} removed; rows: {rows}"
    return said + (f"; {ignored} ignored" if ignored else "") + (f"; findings: {findings}" if findings else "")
