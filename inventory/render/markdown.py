"""Changes as Markdown, for a ticket: a heading for each source, a list for each job.

Whatever the service sent stands in a code span, in which nothing is a link, a mention, an issue or markup on
any of the usual renderers. No tables: a pipe in a code span still ends a table's cell.
"""

import re
from collections.abc import Iterator

from inventory.common.safe_text import clean, value
from inventory.diff.records import SourceDiff
from inventory.render.changes import MARKS, Table, cells, findings, heading, jobs, key, notes, overview, summary

__all__ = ["code", "markdown"]


def markdown(diffs: list[SourceDiff], *, full: bool = False, only_overview: bool = False) -> Iterator[str]:
    """Yield lines."""
    for diff in diffs:
        yield f"## {code(heading(diff))}"
        yield ""
        yield from (f"Note: {code(note)}\n" for note in notes(diff))
        yield f"{summary([diff])}."
        yield ""
        yield from (f"- {label}: {code(text)}" for label, text in overview(diff))
        yield ""
        for job in () if only_overview else jobs(diff, full=full):
            yield f"### {code(job.mark)} job {code(value(job.name))} {code(job.id)}"
            yield ""
            if job.facts:
                yield f"{code(', '.join(job.facts))}\n"
            if job.mark != "~" and not full:
                continue
            if job.own is not None:
                yield from (f"- {line}" for line in _cells(cells(job.own, full=full)))
            for table in job.tables:
                yield from _table(table, full=full)
            yield ""
        if new := list(findings(diff, full=full)):
            yield "### New findings"
            yield ""
            yield from (f"- {code(line)}" for line in new)
            yield ""
    if len(diffs) > 1:
        yield f"In all: {summary(diffs)}."


def _table(table: Table, *, full: bool) -> Iterator[str]:
    for change in table.changes:
        named = key(change)
        yield f"- {code(MARKS[change.action])} {table.name}{f' {code(named)}' if named else ''}"
        yield from (f"  - {line}" for line in _cells(cells(change, full=full)))
    if table.folded:
        yield f"- and {table.folded:,} more"


def _cells(found: list[tuple[str, str | None, str | None]]) -> Iterator[str]:
    for name, old, new in found:
        yield f"{code(name)}: {' → '.join(code(text) for text in (old, new) if text is not None)}"


def code(text: str) -> str:
    """Return a code span that its content cannot end: fenced by more backticks than it has in a row."""
    text = clean(text)
    fence = "`" * (max(map(len, re.findall("`+", text)), default=0) + 1)
    pad = " " if text.startswith(("`", " ")) or text.endswith(("`", " ")) or not text else ""
    return f"{fence}{pad}{text}{pad}{fence}"
