"""Changes as text, in the manner of `terraform plan`: grouped by job, old -> new, counted at the end."""

from collections.abc import Callable, Iterable, Iterator

from inventory.common.safe_text import clean, moment, value
from inventory.diff.life import Event
from inventory.diff.records import Change, SourceDiff
from inventory.render.changes import MARKS, Job, Table, cells, heading, jobs, key, notes, summary

__all__ = ["plan", "timeline"]

Paint = Callable[[str, str], str]  # mark, text -> text


def plan(diffs: list[SourceDiff], paint: Paint, *, full: bool = False) -> Iterator[str]:
    """Yield lines. Rows of a job that came or left as a whole are counted, long lists cut, unless `full`."""
    for diff in diffs:
        yield clean(heading(diff))
        yield from (f"  note: {clean(note)}" for note in notes(diff))
        yield ""
        for job in jobs(diff, full=full):
            yield paint(job.mark, f"  {job.mark} job {value(job.name)} ({clean(job.id)})")
            yield from _rows(job, paint, "      ", full=full)
            yield ""
    if len(diffs) > 1:
        yield from (f"{clean(diff.source)}: {summary([diff])}." for diff in diffs)
    yield f"{'in all' if len(diffs) > 1 else clean(diffs[0].source)}: {summary(diffs)}."


def timeline(source: str, job_id: str, events: Iterable[Event], paint: Paint, *, full: bool = False) -> Iterator[str]:
    """Yield the lines of a job's life, oldest first; rows that came or left are only named unless `full`."""
    for at, event in enumerate(events):
        (job,) = jobs(event.diff, full=full)
        if not at:
            yield f"{clean(source)}: job {value(job.name)} ({clean(job_id)})"
        yield f"  {_when(event)}"
        word = {"+": "created" if event.diff.start else "first seen", "-": "gone", "~": ""}[job.mark]
        if word:
            yield paint(job.mark, f"    {job.mark} {word}{_status(job)}")
        if full or not word:
            yield from _rows(job, paint, "    ", full=full, brief=True)
        else:
            yield from (paint(job.mark, f"    {job.mark} {_folded(table)}") for table in job.tables)


def _when(event: Event) -> str:
    start, end = event.diff.start, event.diff.end
    at = moment(end["observed_to"] or end["finished_at"])
    if event.exact:
        return f"{at} UTC, snapshot {end['id']}"
    if start is None:
        return f"by {at} UTC, snapshot {end['id']}; those before it were pruned"
    return f"by {at} UTC, between snapshots {start['id']} and {end['id']}; those in between were pruned"


def _status(job: Job) -> str:
    row = (job.own.after or job.own.before or {}) if job.own else {}
    return f", status {value(row.get('status'))}"


def _rows(job: Job, paint: Paint, indent: str, *, full: bool, brief: bool = False) -> Iterator[str]:
    if job.own is not None:
        yield from _cells(job.own, paint, indent, full=full)
    for table in job.tables:
        for change in table.changes:
            mark, named = MARKS[change.action], key(change)
            yield paint(mark, f"{indent}{mark} {table.name}{f' [{named}]' if named else ''}")
            if full or not brief or change.action == "update":
                yield from _cells(change, paint, indent + "    ", full=full)
        if table.folded and not table.changes:
            yield paint(job.mark, f"{indent}{job.mark} {_folded(table)}")
        elif table.folded:
            yield f"{indent}  and {table.folded:,} more; --full shows them"


def _folded(table: Table) -> str:
    number = len(table.changes) + table.folded
    return f"{table.name}: {number:,} {'row' if number == 1 else 'rows'}"


def _cells(change: Change, paint: Paint, indent: str, *, full: bool) -> Iterator[str]:
    mark, found = MARKS[change.action], cells(change, full=full)
    width = max((len(clean(name)) for name, _, _ in found), default=0)
    for name, old, new in found:
        text = f"{old} -> {new}" if old is not None and new is not None else new if old is None else old
        yield paint(mark, f"{indent}{mark} {clean(name):<{width}} = {text}")
