"""Changes as text, in the manner of `terraform plan`: an overview, then jobs by importance, old -> new."""

import textwrap
from collections.abc import Callable, Iterable, Iterator
from itertools import groupby

from inventory.common.safe_text import clean, count, display_width, moment, value
from inventory.diff.life import Event
from inventory.diff.records import Change, SourceDiff
from inventory.render.changes import (
    FOLD,
    MARKS,
    WORDS,
    Job,
    cells,
    findings,
    heading,
    jobs,
    key,
    notes,
    overview,
    summary,
)

__all__ = ["changes_in_time", "plan"]

Paint = Callable[[str, str], str]  # mark, text -> text


def plan(
    diffs: Iterable[SourceDiff], paint: Paint, *, full: bool = False, only_overview: bool = False,
    width: int | None = None,
) -> Iterator[str]:  # fmt: skip
    """Yield lines. A job that came or left as a whole is one line, long lists are cut, unless `full`.

    Args:
        width: columns of the terminal, so that what a line says of a job is wrapped; None where there is none.
    """
    done: list[str] = []
    diffs = list(diffs)
    for diff in diffs:
        yield clean(heading(diff))
        yield from (f"  note: {clean(note)}" for note in notes(diff))
        yield from _overview(diff)
        yield ""
        if not only_overview:
            yield from _jobs(diff, paint, full=full, width=width)
        done.append(f"{clean(diff.source)}: {summary([diff])}.")
    if len(diffs) > 1:
        yield from done
    yield f"{'in all' if len(diffs) > 1 else clean(diffs[0].source)}: {summary(diffs)}."


def _overview(diff: SourceDiff) -> Iterator[str]:
    found = list(overview(diff))
    width = max(len(label) for label, _ in found)
    before = None
    for label, text in found:
        yield f"  {label if label != before else '':<{width}}  {clean(text)}"
        before = label


def _jobs(diff: SourceDiff, paint: Paint, *, full: bool, width: int | None) -> Iterator[str]:
    for mark, group in groupby(jobs(diff, full=full), key=lambda job: job.mark):
        yield f"  {WORDS[mark].capitalize()}:"
        for job in group:
            yield from (paint(mark, line) for line in _title(job, width))
            if mark == "~" or full:
                yield from _rows(job, paint, "      ", full=full)
        yield ""
    if found := list(findings(diff, full=full)):
        yield "  New findings:"
        yield from (f"    {clean(line)}" for line in found)
        yield ""


def _title(job: Job, width: int | None) -> Iterator[str]:
    """Yield what is said of a job as a whole: one line, or in a terminal as many as that takes."""
    name = f"  {job.mark} job {value(job.name)} ({clean(job.id)})"
    facts = clean(", ".join(job.facts))
    whole = f"{name}: {facts}" if facts else name
    if width is None or display_width(whole) <= width:
        yield whole
        return
    yield name
    yield from textwrap.wrap(facts, max(width, 40), initial_indent=" " * 6, subsequent_indent=" " * 6)


def changes_in_time(
    events: Iterable[Event], paint: Paint, *, full: bool = False, width: int | None = None
) -> Iterator[str]:
    """Yield the lines of events: each snapshot with its time and short digest, and the jobs that it changed."""
    for event in events:
        diff = event.diff
        yield f"{_when(event)}  {clean(diff.source)}"
        if diff.start is None and len(diff.jobs) > FOLD and not full:
            yield f"  first snapshot: {count(len(diff.jobs), 'job')}; --full lists them"
            continue
        for job in jobs(diff, full=full):
            yield from (paint(job.mark, line) for line in _title(job, width))
            if job.mark == "~" or full:
                yield from _rows(job, paint, "      ", full=full, brief=True)


def _when(event: Event) -> str:
    start, end = event.diff.start, event.diff.end
    at = f"{moment(end['observed_to'] or end['finished_at'])} UTC"
    digest = f"digest {end['digest'][:16]}"
    if event.exact:
        return f"{at}  snapshot {end['id']}  {digest}"
    if start is None:
        return f"by {at}  snapshot {end['id']}  {digest} (those before it were pruned)"
    return f"by {at}  snapshots {start['id']} to {end['id']}  {digest} (those in between were pruned)"


def _rows(job: Job, paint: Paint, indent: str, *, full: bool, brief: bool = False) -> Iterator[str]:
    if job.own is not None:
        yield from _cells(job.own, paint, indent, full=full)
    for table in job.tables:
        for change in table.changes:
            mark, named = MARKS[change.action], key(change)
            yield paint(mark, f"{indent}{mark} {table.name}{f' [{clean(named)}]' if named else ''}")
            if full or not brief or change.action == "update":
                yield from _cells(change, paint, indent + "    ", full=full)
        if table.folded:
            yield f"{indent}  and {count(table.folded, 'more row')} of {table.name}; --full shows them"


def _cells(change: Change, paint: Paint, indent: str, *, full: bool) -> Iterator[str]:
    mark, found = MARKS[change.action], cells(change, full=full)
    width = max((len(clean(name)) for name, _, _ in found), default=0)
    for name, old, new in found:
        text = f"{old} -> {new}" if old is not None and new is not None else new if old is None else old
        yield paint(mark, f"{indent}{mark} {clean(name):<{width}} = {text}")
