"""Changes as one page: an overview that ties it to the chain of snapshots, and the changed jobs for its script to draw.

The jobs stand in one block of JSON, in which equal texts are stored once. Without a script the page shows the overview
and the first lines of the first jobs.
"""

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping

from markupsafe import Markup, escape

from inventory import __version__
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

_FILTERS = Markup("""<div id="filters" role="search" hidden>
<label id="of-source">Source <select id="source"></select></label>
<label>Table <select id="table"></select></label>
<label>Changed column <select id="column"></select></label>
<label>Status, before or after <select id="status"></select></label>
<label>Text <input id="text" type="search" placeholder="job, id, column, value"></label>
<span><button id="clear" type="button">Clear filters</button>
<button id="open" type="button">Open all</button>
<button id="fold" type="button">Fold all</button></span>
</div>
<p id="told" role="status"></p>
<main id="jobs"></main>""")


def html(diffs: list[SourceDiff], title: str, signed: Mapping[int, str] | None = None) -> Markup:
    """Return the page; every row is in it, long values too.

    Args:
        signed: id of each snapshot that has a signature -> id of its key; None: the page says nothing of signatures.
    """
    document, lines = _document(diffs)
    changed = Counter(mark for diff in diffs for mark in marks(diff).values())
    body = [
        Markup("<header>\n<h1>{}</h1>\n<p>{}.</p>\n</header>").format(title, summary(diffs)),
        _sources(diffs, signed),
        _counters(diffs, changed),
        _FILTERS,
        *([_first_lines(lines, changed.total())] if lines else []),
        Markup('<footer>Page written by inventory {}. "inventory verify" checks the digests and signatures.</footer>')
        .format(__version__),
        json_block(document),
    ]  # fmt: skip
    return page(title, Markup("\n").join(body), _foot(diffs))


def _by_importance(diffs: list[SourceDiff]) -> Iterator[tuple[SourceDiff, Job]]:
    """Yield the changed jobs of all sources: those that left first."""
    for mark in _GROUPS:
        for diff in diffs:
            yield from ((diff, job) for job in jobs(diff, full=True, mark=mark))


def _sources(diffs: list[SourceDiff], signed: Mapping[int, str] | None) -> Markup:
    """Return what was compared: one source is shown unfolded, many stand behind one line."""
    sources = Markup("\n").join(_source(diff, signed, several=len(diffs) > 1) for diff in diffs)
    if len(diffs) <= _LINES:
        return sources
    line = f"{count(len(diffs), 'source')}, with the snapshots that were compared"
    return Markup('<details class="source">\n<summary>{}</summary>\n{}\n</details>').format(line, sources)


def _source(diff: SourceDiff, signed: Mapping[int, str] | None, *, several: bool) -> Markup:
    """Return what was compared: both snapshots, with all that names them in the chain."""
    ends = [("To", diff.end)] if diff.start is None else [("From", diff.start), ("To", diff.end)]
    facts = [list(_facts(end, signed)) for _, end in ends]
    rows = Markup("\n").join(
        Markup('<tr><th scope="row">{}</th>{}</tr>').format(
            name,
            Markup("").join(
                Markup('<td data-end="{}">{}</td>').format(end, fact[at][1])
                for (end, _), fact in zip(ends, facts, strict=True)
            ),
        )
        for at, (name, _) in enumerate(facts[0])
    )
    heads = Markup("").join(Markup('<th scope="col">{}</th>').format(end) for end, _ in ends)
    lines = [*([summary([diff])] if several else []), *(f"Note: {note}" for note in notes(diff))]
    said = Markup("\n").join(Markup("<p>{}.</p>").format(clean(line)) for line in lines)
    return Markup(
        '<details class="source"{open}>\n<summary>{heading}</summary>\n{notes}\n'
        '<table class="ends">\n<thead><tr><th scope="col">Snapshot</th>{heads}</tr></thead>\n'
        "<tbody>\n{rows}\n</tbody>\n</table>\n{findings}</details>"
    ).format(
        findings=_new_findings(diff),
        open=Markup("") if several else Markup(" open"), heading=clean(heading(diff)), notes=said, heads=heads,
        rows=rows,
    )  # fmt: skip


def _new_findings(diff: SourceDiff) -> Markup:
    lines = list(findings(diff, full=True))
    if not lines:
        return Markup("")
    items = Markup("\n").join(Markup("<li>{}</li>").format(clean(line)) for line in lines[:_LISTED])
    more = Markup("<li>and {:,} more</li>").format(len(lines) - _LISTED) if len(lines) > _LISTED else Markup("")
    title = count(len(lines), "new finding")
    return Markup('<details class="findings">\n<summary>{}</summary>\n<ul>\n{}\n{}</ul>\n</details>\n').format(
        title, items, more
    )


def _facts(end: Snapshot, signed: Mapping[int, str] | None) -> Iterator[tuple[str, Markup]]:
    """Yield name and value of what ties a page to a snapshot."""

    def said(name: str) -> str:
        return "-" if end.get(name) is None else clean(end[name])

    observed = moment(end.get("observed_to") or end.get("finished_at"))
    yield "Id", escape("not stored" if end["id"] is None else said("id"))
    yield "Observed", escape(observed if observed == "-" else f"{observed} UTC")
    yield "Status", escape(said("status"))
    yield "Jobs", escape(f"{end['jobs']:,}" if isinstance(end.get("jobs"), int) else "-")
    for label, name in (("Digest", "digest"), ("Content digest", "content_digest"), ("Run", "run_id")):
        yield label, Markup("<code>{}</code>").format(said(name))
    yield "Tool version", escape(said("tool_version"))
    yield "Table revision", escape(said("schema_revision"))
    if signed is not None:
        by = signed.get(end["id"])
        yield (
            "Signature",
            Markup("not signed") if by is None else Markup("by the key <code>{}</code>").format(clean(by)),
        )


def _counters(diffs: list[SourceDiff], changed: Mapping[str, int]) -> Markup:
    buttons = Markup("").join(
        Markup(
            '<button type="button" class="{action}" value="{action}" aria-pressed="false" disabled>'
            '<span aria-hidden="true">{mark}</span> <b>{count:,}</b> {word}</button>'
        ).format(action=action, mark=mark, count=changed.get(mark, 0), word=word)
        for mark, (action, word) in _GROUPS.items()
    )
    ignored = sum(diff.ignored.total() for diff in diffs)
    return Markup(
        '<div id="counts" role="group" aria-label="Changed jobs by action">{}'
        "<span><b>{:,}</b> changes ignored</span></div>"
    ).format(buttons, ignored)


def _first_lines(lines: list[Markup], changed: int) -> Markup:
    """Return what is shown of the jobs where scripts do not run."""
    more = changed - len(lines)
    rest = Markup("\n<p>And {}.</p>").format(count(more, "more job")) if more > 0 else Markup("")
    said = "The details and the filters need JavaScript. This list has the first line of each changed job"
    return Markup('<noscript>\n<p>{}.</p>\n<ul class="lines">\n{}\n</ul>{}\n</noscript>').format(
        said, Markup("\n").join(lines), rest
    )


def _first_line(job: Job, source: str) -> Markup:
    """Return the first line of a job; `source` where there are several."""
    return Markup('<li><span class="mark {}">{}</span> {} <code>{}</code> {}{}</li>').format(
        _GROUPS[job.mark][0], job.mark, _name(job), clean(job.id), clean(headline(job)),
        f" ({clean(source)})" if source else "",
    )  # fmt: skip


def _name(job: Job) -> str:
    return _short(job.name or "(no name)")


def _short(text: Json) -> str:
    return "none" if text is None else clean(str(text)[:_LONGEST])


def _document(diffs: list[SourceDiff]) -> tuple[dict[str, Json], list[Markup]]:
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
    lines: list[Markup] = []
    for diff, job in _by_importance(diffs):
        told = (clean(diff.source), job.mark, clean(job.id), _name(job), clean(headline(job)))
        listed.append([*map(at, told), [at(status) for status in _statuses(job)], rows(job)])
        if len(lines) < _LISTED:
            lines.append(_first_line(job, diff.source if len(diffs) > 1 else ""))
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
