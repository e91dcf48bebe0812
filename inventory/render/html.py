"""Changes as one page: a block that folds for each job, a row for each column that differs."""

from markupsafe import Markup, escape

from inventory.common.safe_text import clean, value
from inventory.diff.records import Change, SourceDiff
from inventory.render.changes import MARKS, Job, cells, heading, jobs, key, notes, summary
from inventory.render.page import page

__all__ = ["html"]

_OPEN = 30  # jobs that a page shows unfolded; more would bury the overview
_WORDS = {"+": "create", "~": "update", "-": "delete", "-/+": "update"}
_TOOLS = Markup(
    '<div id="tools" hidden><input id="search" type="search" placeholder="Search jobs, columns, values"'
    ' aria-label="Search"><span id="told" role="status"></span>'
    '<button id="open" type="button">Unfold all</button><button id="close" type="button">Fold all</button></div>'
)


def html(diffs: list[SourceDiff], title: str) -> Markup:
    """Return the page; every row is in it, long values too."""
    blocks = [(diff, list(jobs(diff, full=True))) for diff in diffs]
    few = sum(len(found) for _, found in blocks) <= _OPEN
    counts = Markup("").join(
        Markup('<li class="{word}">{mark} <b>{count:,}</b> rows {word}d</li>').format(
            word=word, mark=mark, count=sum(diff.count(word) for diff in diffs)
        )
        for word, mark in MARKS.items()
    )
    ignored = Markup("<li><b>{:,}</b> ignored</li>").format(sum(len(diff.ignored) for diff in diffs))
    body = [
        Markup("<h1>{}</h1>").format(title),
        Markup('<ul class="counts">{}{}</ul>').format(counts, ignored),
        _TOOLS,
    ]
    if len(diffs) > 1:
        body.insert(1, Markup("<p>In all: {}.</p>").format(summary(diffs)))
    for diff, found in blocks:
        body.append(Markup("<h2>{}</h2>\n<p>{}.</p>").format(clean(heading(diff)), summary([diff])))
        body.extend(Markup("<p>Note: {}.</p>").format(clean(note)) for note in notes(diff))
        body.extend(_job(job, unfolded=few) for job in found)
    return page(title, Markup("\n").join(body))


def _job(job: Job, *, unfolded: bool) -> Markup:
    sections = [] if job.own is None else [_section(job.own)]
    sections.extend(_section(change) for table in job.tables for change in table.changes)
    size = len(sections)
    return Markup(
        '<details class="job"{open}>\n<summary><span class="mark {word}">{mark}</span>'
        '<b>{name}</b><code class="id">{id}</code><span class="size">{size:,} {rows}</span></summary>\n'
        "{sections}\n</details>"
    ).format(
        open=Markup(" open") if unfolded else "", word=_WORDS[job.mark], mark=job.mark, name=value(job.name),
        id=clean(job.id), size=size, rows="row" if size == 1 else "rows", sections=Markup("\n").join(sections),
    )  # fmt: skip


def _section(change: Change) -> Markup:
    rows = Markup("").join(
        Markup("<tr><th>{}</th><td>{}</td><td>{}</td></tr>").format(
            clean(name), _cell("del", old), _cell("ins", new)
        )
        for name, old, new in cells(change, full=True)
    )  # fmt: skip
    return Markup(
        '<section><h3><span class="{word}">{mark}</span> {table} <code>{key}</code></h3>'
        "<table>{rows}</table></section>"
    ).format(
        word=change.action, mark=MARKS[change.action], table=change.table,
        key=key(change), rows=rows,
    )  # fmt: skip


def _cell(tag: str, text: str | None) -> Markup:
    return Markup("") if text is None else Markup("<{0}>{1}</{0}>").format(tag, escape(text))
