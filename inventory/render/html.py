"""Changes as one page: an overview that ties it to the chain of snapshots, and the changed jobs for its script to draw.

The jobs stand in one block of JSON, in which equal texts are stored once. Without a script the page shows the overview
and the first lines of the first jobs.
"""

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from markupsafe import Markup

from inventory.common.exact_json import Json
from inventory.common.safe_text import clean, count, moment
from inventory.diff.records import Change, Snapshot, SourceDiff
from inventory.render.changes import WORDS, Job, cells, findings, heading, headline, jobs, key, marks, notes, summary
from inventory.render.page import json_block, page

__all__ = ["html"]

_LONGEST = 200  # characters of a name or a status
_LISTED = 500  # jobs whose first line is shown without a script
_LINES = 5  # sources that have a line each
_DIGEST = re.compile("[0-9a-f]{64}")
_ACTIONS = ("create", "delete", "update")  # a row's, as the block counts them
# Mark of a job -> its action in the address and the style sheet, and the word for people. In order of importance.
_IN_ADDRESS = {"-": "delete", "-/+": "replace", "+": "create", "~": "update"}
_GROUPS = {mark: (_IN_ADDRESS[mark], word) for mark, word in WORDS.items()}


@dataclass(frozen=True)
class _Source:
    """What was compared. ends: From and To. facts: name -> of each end a text, and one that is set as code.

    more_findings: those that are not shown.
    """

    heading: str
    notes: Sequence[str]
    ends: Sequence[str]
    facts: Sequence[tuple[str, Sequence[tuple[str, str]]]]
    findings_title: str
    findings: Sequence[str]
    more_findings: int


@dataclass(frozen=True)
class _Line:
    """The first line of a job. source: where there are several."""

    action: str
    mark: str
    name: str
    id: str
    headline: str
    source: str


def html(diffs: list[SourceDiff], title: str, signed: Mapping[int, str] | None = None) -> Markup:
    """Return the page; every row is in it, long values too.

    Args:
        signed: id of each snapshot that has a signature -> id of its key; None: the page says nothing of signatures.
    """
    document, lines = _document(diffs)
    changed = Counter(mark for diff in diffs for mark in marks(diff).values())
    more = changed.total() - len(lines)
    is_folded = len(diffs) > _LINES  # one source is shown unfolded, many stand behind one line
    return page(
        "diff", title, _foot(diffs), data=json_block(document), summary=summary(diffs), lines=lines,
        folded=f"{count(len(diffs), 'source')}, with the snapshots that were compared" if is_folded else "",
        sources=[_source(diff, signed, several=len(diffs) > 1) for diff in diffs],
        counts=[(action, mark, f"{changed[mark]:,}", word) for mark, (action, word) in _GROUPS.items()],
        ignored=f"{sum(diff.ignored.total() for diff in diffs):,}",
        more=count(more, "more job") if more > 0 else "",
    )  # fmt: skip


def _by_importance(diffs: list[SourceDiff]) -> Iterator[tuple[SourceDiff, Job]]:
    """Yield the changed jobs of all sources: those that left first."""
    for mark in _GROUPS:
        for diff in diffs:
            yield from ((diff, job) for job in jobs(diff, full=True, mark=mark))


def _source(diff: SourceDiff, signed: Mapping[int, str] | None, *, several: bool) -> _Source:
    """Return what was compared: both snapshots, with all that names them in the chain."""
    ends = [("To", diff.end)] if diff.start is None else [("From", diff.start), ("To", diff.end)]
    facts = [list(_facts(end, signed)) for _, end in ends]
    lines = [*([summary([diff])] if several else []), *(f"Note: {note}" for note in notes(diff))]
    found = list(findings(diff, full=True))
    return _Source(
        clean(heading(diff)), [clean(line) for line in lines], [name for name, _ in ends],
        [(of_ends[0][0], [fact[1:] for fact in of_ends]) for of_ends in zip(*facts, strict=True)],
        count(len(found), "new finding"), [clean(line) for line in found[:_LISTED]], max(0, len(found) - _LISTED),
    )  # fmt: skip


def _facts(end: Snapshot, signed: Mapping[int, str] | None) -> Iterator[tuple[str, str, str]]:
    """Yield what ties a page to a snapshot: name, value, and what of the value is set as code."""

    def said(name: str) -> str:
        return "-" if end.get(name) is None else clean(end[name])

    observed = moment(end.get("observed_to") or end.get("finished_at"))
    yield "Id", "not stored" if end["id"] is None else said("id"), ""
    yield "Observed", observed if observed == "-" else f"{observed} UTC", ""
    yield "Status", said("status"), ""
    yield "Jobs", f"{end['jobs']:,}" if isinstance(end.get("jobs"), int) else "-", ""
    for label, name in (("Digest", "digest"), ("Content digest", "content_digest"), ("Run", "run_id")):
        yield label, "", said(name)
    yield "Tool version", said("tool_version"), ""
    yield "Table revision", said("schema_revision"), ""
    if signed is not None:
        by = signed.get(end["id"])
        yield ("Signature", "not signed", "") if by is None else ("Signature", "by the key ", clean(by))


def _name(job: Job) -> str:
    return _short(job.name or "(no name)")


def _short(text: Json) -> str:
    return "none" if text is None else clean(str(text)[:_LONGEST])


def _document(diffs: list[SourceDiff]) -> tuple[dict[str, Json], list[_Line]]:
    """Return what the script draws: numbers that stand for texts, and the texts; and the first lines of the first jobs.

    A job is [source, mark, id, name, line, statuses, rows]; a row [table, action, key, column, old, new, column, …];
    all of them places in `texts`, but for the action, and -1 where there is no text.
    """
    texts: dict[str, int] = {}

    def at(text: str | None) -> int:
        return -1 if text is None else texts.setdefault(text, len(texts))

    def row(change: Change) -> list[int]:
        parts = (part for name, old, new in cells(change, full=True) for part in (at(clean(name)), at(old), at(new)))
        return [at(change.table), _ACTIONS.index(change.action), at(key(change)), *parts]

    def rows(job: Job) -> list[list[int]]:
        own = [] if job.own is None else [job.own]
        return [row(change) for change in (*own, *(change for table in job.tables for change in table.changes))]

    listed = []
    lines: list[_Line] = []
    for diff, job in _by_importance(diffs):
        source, job_id, name, line = clean(diff.source), clean(job.id), _name(job), clean(headline(job))
        told = map(at, (source, job.mark, job_id, name, line))
        listed.append([*told, [at(status) for status in _statuses(job)], rows(job)])
        if len(lines) < _LISTED:
            action, of = _GROUPS[job.mark][0], source if len(diffs) > 1 else ""
            lines.append(_Line(action, job.mark, name, job_id, line, of))
    groups = {mark: list(group) for mark, group in _GROUPS.items()}
    return {"jobs": listed, "actions": _ACTIONS, "groups": groups, "texts": [*texts]}, lines


def _statuses(job: Job) -> list[str]:
    """Return the statuses that a job is known to have had at either end; none where only rows below it changed."""
    changes = [job.own] if job.own else []
    changes += [change for table in job.tables if table.name == "jobs" for change in table.changes]
    rows: Iterable[Mapping[str, Json] | None] = (row for change in changes for row in (change.before, change.after))
    return list(dict.fromkeys(_short(row["status"]) for row in rows if row is not None and row.get("status")))


def _foot(diffs: list[SourceDiff]) -> str:
    """Return what stands at the foot of each printed page: the digest of the one snapshot that the page ends in."""
    digests = [str(diff.end.get("digest")) for diff in diffs]
    if len(digests) != 1 or not _DIGEST.fullmatch(digests[0]):
        return ""
    return f"snapshot {int(diffs[0].end['id'])}, digest {digests[0]}"
