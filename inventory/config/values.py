"""Rules for values that the configuration and the command line share. Imports little: `--help` uses it."""

import re
from collections.abc import Iterable

__all__ = [
    "DECIMAL", "DURATION", "DURATION_PATTERN", "LONGEST_DURATION", "NAME_RULE", "SOURCE_NAME", "WHOLE", "nearest",
    "seconds_of",
]  # fmt: skip

SOURCE_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}\Z")
NAME_RULE = "1 to 100 letters, digits, dots, dashes and underscores, beginning with a letter or a digit"
WHOLE = re.compile(r"[-+]?(0|[1-9][0-9]*)")  # decimal numbers, with the same value in YAML 1.1 and everywhere else
DECIMAL = re.compile(r"[-+]?(?=\.?[0-9])(0|[1-9][0-9]*)?(\.[0-9]*)?([eE][-+]?[0-9]+)?")

DURATION = "a duration of 1 second or more is needed: seconds, or a number with s, m or h, such as 90s, 30m, 6h"
DURATION_PATTERN = r"([0-9]{1,9}(?:\.[0-9]{1,3})?)([smh]?)"
LONGEST_DURATION = 30 * 86_400


def seconds_of(text: str) -> float | None:
    """Return the seconds of a duration such as 90, 90s, 30m or 6h, from 1 second to 30 days; None if it is invalid."""
    found = re.fullmatch(DURATION_PATTERN, text)
    seconds = float(found[1]) * {"": 1, "s": 1, "m": 60, "h": 3600}[found[2]] if found else 0
    return seconds if 1 <= seconds <= LONGEST_DURATION else None


def nearest(name: str, known: Iterable[str]) -> str:
    """Return a suggestion of the most similar known name, as the end of a message, or ''."""
    import difflib

    close = difflib.get_close_matches(name, list(known), n=1)
    return f". Did you mean {close[0]!r}?" if close else ""
