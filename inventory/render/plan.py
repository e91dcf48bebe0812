"""Changes as text, in the manner of `terraform plan`: grouped by job, old -> new, counted at the end."""

from collections.abc import Callable, Iterable, Iterator
from itertools import groupby

from inventory.diff import Change, SourceDiff
from inventory.jsontext import Json
from inventory.render.text import clean, moment, value

__all__ = ["plan"]

_MARKS = {"create": "+", "update": "~", "delete": "-"}
_QUIET = ("job_id", "occurrence", "item", "item_occurrence", "extra")
Paint = Callable[[str, str], str]  # mark, text -> text


def plan(diffs: Iterable[SourceDiff], paint: Paint, *, full: bool = False) -> Iterator[str]:
    """Yield lines. Rows of a job that came or left as a whole are counted unless `full`."""
    for diff in diffs:
        yield _heading(diff)
        yield ""
        for job_id, changes in groupby(diff.changes, key=lambda change: change.job_id):
            yield from _job(diff, job_id, list(changes), paint, full=full)
            yield ""
        yield _summary(diff)
        yield ""


def _heading(diff: SourceDiff) -> str:
    end = f"{diff.end['id']} ({moment(diff.end['observed_to'])} UTC)"
    if diff.start is None:
        return f"{clean(diff.source)}: snapshot {end}, the first"
    return f"{clean(diff.source)}: snapshot {diff.start['id']} ({moment(diff.start['observed_to'])} UTC) -> {end}"


def _job(diff: SourceDiff, job_id: str, changes: list[Change], paint: Paint, *, full: bool) -> Iterator[str]:
    own = next((change.action for change in changes if change.table == "jobs"), "update")
    name = diff.names.get(job_id)
    yield paint(_MARKS[own], f"  {_MARKS[own]} job {value(name)} ({clean(job_id)})")
    for table, group in groupby(changes, key=lambda change: change.table):
        rows = list(group)
        if own != "update" and table != "jobs" and not full:
            yield paint(_MARKS[own], f"      {_MARKS[own]} {table}: {len(rows)} {'row' if len(rows) == 1 else 'rows'}")
            continue
        for change in rows:
            yield from _row(change, paint)


def _row(change: Change, paint: Paint) -> Iterator[str]:
    mark = _MARKS[change.action]
    key = ", ".join(f"{n} = {value(v)}" for n, v in change.key.items() if n not in _QUIET and v != "")
    what = f"{change.table} [{key}]" if change.table != "jobs" and key else change.table
    yield paint(mark, f"      {mark} {what}")
    if change.action == "update":
        pairs = [(name, _part(change.before, name), _part(change.after, name)) for name in change.changed]
        width = max(len(name) for name, _, _ in pairs)
        for name, old, new in pairs:
            yield paint("~", f"          ~ {clean(name):<{width}} = {value(old)} -> {value(new)}")
        return
    row = change.after or change.before or {}
    shown = {n: v for n, v in row.items() if v is not None and n not in change.key and n not in _QUIET}
    shown |= {f"extra.{path}": v for path, v in (row.get("extra") or {}).items()}
    width = max((len(name) for name in shown), default=0)
    for name, content in shown.items():
        yield paint(mark, f"          {mark} {clean(name):<{width}} = {value(content)}")


def _part(row: dict[str, Json] | None, name: str) -> Json:
    assert row is not None  # an update has both
    if name.startswith("extra."):
        return (row["extra"] or {}).get(name.removeprefix("extra."))
    return row[name]


def _summary(diff: SourceDiff) -> str:
    jobs = {change.job_id: change.action for change in diff.changes if change.table == "jobs"}
    added = sum(action == "create" for action in jobs.values())
    removed = sum(action == "delete" for action in jobs.values())
    changed = len({change.job_id for change in diff.changes}) - added - removed
    rows = f"{diff.count('create')} created, {diff.count('update')} updated, {diff.count('delete')} deleted"
    if not diff.changes:
        rows = "no changes"
    else:
        rows = f"jobs: {added} added, {changed} changed, {removed} removed; rows: {rows}"
    ignored = f"; {diff.ignored} ignored" if diff.ignored else ""
    found = f"; findings: {len(diff.findings)}" if diff.findings else ""
    return f"{clean(diff.source)}: {rows}{ignored}{found}."
