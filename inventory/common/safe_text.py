"""Text that is safe for a terminal: control characters from the service have no effect."""

import re
from collections.abc import Mapping
from typing import Any
from unicodedata import combining, east_asian_width

from inventory.common.exact_json import Json, pretty

__all__ = [
    "CLEAR_LINE", "MAX_SHOWN", "byte_size", "clean", "count", "cut", "display_width", "moment", "table", "unread_jobs",
    "value",
]  # fmt: skip

# C0, DEL, C1, line separators, bidirectional controls, zero-width and tag characters, lone surrogates.
_HOSTILE = re.compile(
    "[\x00-\x1f\x7f-\x9f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb\ud800-\udfff\U000e0000-\U000e007f]"
)
MAX_SHOWN = 200  # characters of a value
MAX_CELL = 60  # of a table, in cells of a terminal
MIN_CELL = 8
CLEAR_LINE = "\r\x1b[K"  # erases a progress bar, so that a line can be printed in its place


def clean(text: object) -> str:
    """Return text that is safe to print: control characters escaped as in JSON."""
    return _HOSTILE.sub(lambda match: f"\\u{ord(match[0]):04x}", str(text))


def value(what: Json, longest: int = MAX_SHOWN) -> str:
    """Return one value of a row for display: quoted, and cut if it is longer than `longest` characters."""
    if what is None:
        return "null"
    if isinstance(what, str):
        quoted = clean(what[:longest].replace("\\", "\\\\").replace('"', '\\"'))
        return f'"{quoted}"' if len(what) <= longest else f'"{quoted}…" ({len(what):,} characters)'
    text = clean(pretty(what, indent=None))
    return text if len(text) <= longest else f"{text[:longest]}… ({len(text):,} characters)"


def moment(when: object) -> str:
    """Return an instant without fractions of a second; "-" for anything else."""
    return f"{when:%Y-%m-%d %H:%M:%S}" if hasattr(when, "astimezone") else "-"


def table(headers: list[str], rows: list[list[object]], *, width: int | None = None, full: bool = False) -> str:
    """Return an aligned table; wide characters count as two.

    Args:
        width: columns of the terminal; the widest cells are cut until a row fits. None where there is none.
        full: leave cells as long as they are; else no cell is wider than 60.
    """
    from tabulate import tabulate

    cells = [[clean("-" if cell is None else cell) for cell in row] for row in rows]
    if not full:
        cells = [[cut(cell, MAX_CELL) for cell in row] for row in cells]
    if width is not None and not full and cells:
        widths = [max(map(display_width, column)) for column in zip(headers, *cells, strict=True)]
        least = [max(MIN_CELL, display_width(header)) for header in headers]
        while sum(widths) + 2 * (len(widths) - 1) > width and any(w > m for w, m in zip(widths, least, strict=True)):
            widest = max(range(len(widths)), key=lambda at: widths[at] - least[at])
            widths[widest] -= 1
        cells = [[cut(cell, most) for cell, most in zip(row, widths, strict=True)] for row in cells]
    return tabulate(cells, headers, tablefmt="plain", disable_numparse=True)


def display_width(text: str) -> int:
    """Return how many cells of a terminal a text takes."""
    if text.isascii():
        return len(text)
    return sum(2 if east_asian_width(character) in "WF" else 0 if combining(character) else 1 for character in text)


def cut(text: str, most: int) -> str:
    """Return a text that takes at most so many cells of a terminal; an ellipsis says that it was cut."""
    if len(text) <= most and display_width(text) <= most:
        return text
    taken = 0
    for at, character in enumerate(text):
        taken += display_width(character)
        if taken > most - 1:
            return f"{text[:at]}…"
    return text


def count(number: int, word: str) -> str:
    """Return a number with its noun: 1 job, 2 jobs."""
    return f"{number:,} {word if number == 1 else word + 's'}"


def byte_size(number: float) -> str:
    """Return a number of bytes in a unit for people: 77 GiB, 1.2 MiB, 512 bytes."""
    if number < 1024:
        return count(round(number), "byte")
    for unit in ("KiB", "MiB", "GiB"):  # noqa: B007  # the last one is used after the loop
        number /= 1024
        if number < 1024:
            break
    return f"{number:,.1f} {unit}" if number < 10 else f"{number:,.0f} {unit}"


def unread_jobs(row: Mapping[str, Any]) -> str:
    """Describe how many jobs of a snapshot could not be read, and what it has of them. row: of `snapshots`."""
    unread = row["unreadable"]
    kept = row["jobs"] - row["returned"]  # jobs that were carried over
    missing = unread - kept
    if not missing:
        rest = "its last known state is kept" if kept == 1 else "their last known states are kept"
    elif not kept:
        rest = f"{'it is' if missing == 1 else 'they are'} missing from this snapshot"
    else:
        rest = f"the last known state of {kept:,} is kept, {missing:,} {'is' if missing == 1 else 'are'} missing"
        rest += " from this snapshot"
    return f"{count(unread, 'job')} could not be read; {rest}"
