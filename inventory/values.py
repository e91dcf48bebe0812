"""Kinds of values in a configuration: each reads one located value, or tells a fault and returns None."""

import re
from collections.abc import Iterable, Sequence
from typing import Any

from inventory.located import Ambiguous, Faults, Located

__all__ = ["DURATION", "Values", "nearest", "seconds_of"]

DURATION = "a duration of 1 second or more is needed: seconds, or a number with s, m or h, such as 90s, 30m, 6h"
_DURATION = re.compile(r"([0-9]{1,9}(?:\.[0-9]{1,3})?)([smh]?)")
_LONGEST = 30 * 86_400

_WHOLE = re.compile(r"[-+]?(0|[1-9][0-9]*)\Z")
_DECIMAL = re.compile(r"[-+]?(?=\.?[0-9])(0|[1-9][0-9]*)?(\.[0-9]*)?([eE][-+]?[0-9]+)?\Z")


class Values:
    """Reads located values; what is wrong with them goes to `faults`, with line and key, never with the value."""

    def __init__(self, faults: Faults) -> None:
        self.faults = faults

    def mapping(self, at: Located | None, known: Iterable[str]) -> dict[str, Located]:
        """Return the members that are known; every other is a fault that names the nearest known one."""
        if at is None:
            return {}
        names = tuple(known)
        if not isinstance(at.value, dict):
            self.faults.add(at, f"keys are needed here: {', '.join(names)}")
            return {}
        for name, entry in at.value.items():
            if name not in names:
                self.faults.add(entry, f"unknown key{nearest(name, names)}")
        return {name: entry for name, entry in at.value.items() if name in names}

    def text(self, at: Located | None) -> str | None:
        """Return a text that says something."""
        if at is None:
            return None
        if isinstance(at.value, str) and at.value:
            return at.value
        if isinstance(at.value, bool | int | float | Ambiguous):
            kind = at.value.what if isinstance(at.value, Ambiguous) else "a number"
            kind = "true or false" if isinstance(at.value, bool) else kind
            self.faults.add(at, f"a text is needed, and this is {kind}: put it in quotes")
        else:
            self.faults.add(at, "a text is needed")
        return None

    def matching(self, at: Located | None, pattern: re.Pattern[str], what: str) -> str | None:
        """Return a text of a certain form; `what` names the form."""
        text = self.text(at)
        if at is not None and text is not None and not pattern.match(text):
            self.faults.add(at, f"not {what}")
            return None
        return text

    def header(self, at: Located | None) -> str | None:
        """Return a text that an HTTP header can carry."""
        text = self.text(at)
        if at is not None and text is not None and not (text.isascii() and text.isprintable()):
            self.faults.add(at, "holds a character that no header can carry, a line break perhaps")
            return None
        return text

    def choice(self, at: Located | None, known: Sequence[str]) -> str | None:
        """Return one of the known words."""
        if at is None or at.value in known:
            return None if at is None else str(at.value)
        self.faults.add(at, f"one of {', '.join(known)} is needed")
        return None

    def flag(self, at: Located | None) -> bool | None:
        """Return true or false."""
        if at is None or isinstance(at.value, bool):
            return None if at is None else at.value
        if at.value in ("true", "false"):  # a variable that was expanded is text
            return bool(at.value == "true")
        instead = ", not a word such as yes, no, on or off" if isinstance(at.value, Ambiguous) else ""
        self.faults.add(at, f"true or false is needed{instead}")
        return None

    def number(self, at: Located | None, least: float, most: float, *, whole: bool = True) -> Any:
        """Return a number between two bounds, both included; a text, such as a variable's, where it is decimal."""
        if at is None:
            return None
        text = str(at.value) if isinstance(at.value, str | int | float) and not isinstance(at.value, bool) else ""
        try:
            if not (_WHOLE if whole else _DECIMAL).match(text):
                raise ValueError
            number = int(text) if whole else float(text)
            if not least <= number <= most:
                raise ValueError
        except ValueError:
            what = f"a {'whole ' if whole else ''}number from {least:g} to {most:g} is needed"
            odd = isinstance(at.value, Ambiguous) or (re.match(r"[-+]?0[0-9a-zA-Z_]|[0-9]+[_:]", text) is not None)
            hint = ", as a plain decimal number: YAML reads 010 as 8 and 1:30 as 90" if odd else ""
            self.faults.add(at, what + hint)
            return None
        return number

    def duration(self, at: Located | None) -> float | None:
        """Return the seconds of a duration, as `seconds_of` reads it."""
        if at is None:
            return None
        seconds = None if isinstance(at.value, bool) else seconds_of(str(at.value))
        if seconds is None:
            self.faults.add(at, DURATION)
        return seconds

    def items(self, at: Located | None, what: str) -> list[Located]:
        """Return the entries of a list; `what` says what it lists."""
        if at is None:
            return []
        if not isinstance(at.value, list) or not at.value:
            self.faults.add(at, f"a list of {what} is needed")
            return []
        return at.value

    def texts(self, at: Located | None, what: str) -> list[str]:
        """Return a list of texts, or one text as a list of one."""
        if at is not None and isinstance(at.value, str):
            return [text] if (text := self.text(at)) else []
        return [text for entry in self.items(at, what) if (text := self.text(entry))]


def seconds_of(text: str) -> float | None:
    """Return the seconds of a duration such as 90, 90s, 30m or 6h, from 1 second to 30 days; None if it is none."""
    found = _DURATION.fullmatch(text)
    seconds = float(found[1]) * {"": 1, "s": 1, "m": 60, "h": 3600}[found[2]] if found else 0
    return seconds if 1 <= seconds <= _LONGEST else None


def nearest(name: str, known: Iterable[str]) -> str:
    """Suggest the known name that looks most like a wrong one, as the end of a message."""
    import difflib

    close = difflib.get_close_matches(name, list(known), n=1)
    return f"; do you mean {close[0]}?" if close else ""
