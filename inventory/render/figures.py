"""The parts of a page of figures: tables, lists of bars, and how values are written."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from markupsafe import Markup

from inventory.common.exact_json import Json
from inventory.common.safe_text import clean, count
from inventory.render import svg
from inventory.report.page import Answer

__all__ = [
    "LINES", "Bar", "Figure", "Section", "Table", "bars_of", "first_of", "joined", "left_out", "number_of", "signed",
    "table_of", "text_of",
]  # fmt: skip

LINES = 8  # of a short table
_LONGEST = 120  # characters of a cell
_BARS = 12  # of a list of bars
_TIME = re.compile(r"(\d{4}-\d\d-\d\d)T(\d\d:\d\d)(?::\d\d(?:\.\d+)?)?Z\Z", re.ASCII)


@dataclass(frozen=True)
class Table:
    """A table for people. heads: name, and whether its cells are numbers. said: what is left out."""

    heads: Sequence[tuple[str, bool]]
    rows: Sequence[Sequence[str]]
    said: str = ""


@dataclass(frozen=True)
class Bar:
    """A line of a list: a text, what it belongs to, the bar, and its number with the unit."""

    label: str
    detail: str
    drawing: Markup
    number: str


@dataclass(frozen=True)
class Figure:
    """One figure, with all that it shows as a table, and the report that it comes from.

    lead: its message in a sentence. empty: what is said where there is nothing. One of these draws it: drawing, a
    chart; bars, a list; strips, a name, a line of days and a text each, with what stands below; shown, a short table.
    legend: sample, word and number of each mark; hidden on a wide page where the chart is labelled.
    """

    key: str
    title: str
    lead: str
    answer: Answer
    table: Table
    empty: str = ""
    drawing: Markup | None = None
    legend: Sequence[tuple[Markup, str, str]] = ()
    bars: Sequence[Bar] = ()
    shown: Table | None = None
    strips: Sequence[tuple[str, Markup, str]] = ()
    below: Markup | None = None
    labelled: bool = False


@dataclass(frozen=True)
class Section:
    """A heading with its figures; a section of one figure has its title."""

    key: str
    title: str
    figures: Sequence[Figure]
    notes: Sequence[str] = field(default=())


def bars_of(rows: Iterable[tuple[str, str, list[tuple[str, int]], str]]) -> list[Bar]:
    """Return the first rows as bars: label, detail, kind and size of each part, and the number as it is written."""
    shown = list(rows)[:_BARS]
    longest = max((sum(size for _, size in parts) for _, _, parts, _ in shown), default=0) or 1
    return [
        Bar(label, detail, svg.bar(f"{label}: {number}", [(kind, size / longest) for kind, size in parts if size]),
            number)
        for label, detail, parts, number in shown
    ]  # fmt: skip


def first_of(shown: int, total: int, noun: str) -> str:
    """Return the sentence that says how much is left out of a drawing; nothing where nothing is."""
    return f" The first {shown:,} of {count(total, noun)} are shown." if total > shown else ""


def left_out(most: int, total: int) -> str:
    """Return how many rows a table has, and of how many."""
    return f"{most:,} of {total:,} rows" if total > most else count(total, "row")


def table_of(answer: Answer, most: int) -> Table:
    """Return the rows of a report as a table of at most so many rows."""
    heads = [(each.name.replace("_", " "), each.kind in {"integer", "number"}) for each in answer.columns]
    names = [each.name for each in answer.columns]
    rows = [[text_of(row[name]) for name in names] for row in answer.rows[:most]]
    return Table(heads, rows, left_out(most, len(answer.rows)))


def text_of(value: Json) -> str:
    """Return a cell: no control characters, not too long, times to the minute, numbers with their thousands."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int):
        return f"{value:,}"
    if found := _TIME.match(str(value)):
        return f"{found[1]} {found[2]}"
    text = clean(str(value)[: _LONGEST + 1])
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}…"


def joined(*parts: Json) -> str:
    """Return what is known of some values as one text."""
    return " · ".join(text_of(each) for each in parts if each)


def number_of(value: Any) -> int:
    """Return a number of a row; 0 for NULL."""
    return int(value or 0)


def signed(number: int) -> str:
    """Return a difference with its sign."""
    return "±0" if number == 0 else f"{number:+,}".replace("-", "−")
