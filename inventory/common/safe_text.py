"""Text that is safe for a terminal: control characters from the service have no effect."""

import re
from collections.abc import Mapping
from typing import Any

from inventory.common.exact_json import Json, pretty

__all__ = ["CLEAR_LINE", "MAX_SHOWN", "clean", "count", "moment", "table", "unread_jobs", "value"]

# C0, DEL, C1, line separators, bidirectional controls, zero-width and tag characters, lone surrogates.
_HOSTILE = re.compile(
    "[\x00-\x1f\x7f-\x9f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb\ud800-\udfff\U000e0000-\U000e007f]"
)
MAX_SHOWN = 200  # characters of a value
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


def table(headers: list[str], rows: list[list[object]]) -> str:
    """Return an aligned table; wide characters count as two."""
    from tabulate import tabulate

    cells = [[clean("-" if cell is None else cell) for cell in row] for row in rows]
    return tabulate(cells, headers, tablefmt="plain", disable_numparse=True)


def count(number: int, word: str) -> str:
    """Return a number with its noun: 1 job, 2 jobs."""
    return f"{number:,} {word if number == 1 else word + 's'}"


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
