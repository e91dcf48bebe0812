"""Values of a configuration that remember their lines, and what is wrong with them."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

__all__ = ["ELSEWHERE", "FAULTY", "Ambiguous", "Faults", "Located"]


@dataclass(frozen=True, slots=True)
class Ambiguous:
    """A scalar without quotes that YAML 1.1 reads as something other than its text: `010`, `1:30`, `yes`, a date.

    what: the kind of it, for people. The text itself is not kept: it may be a secret.
    """

    what: str


class _Faulty:
    def __repr__(self) -> str:
        return "FAULTY"


ELSEWHERE = "\0"  # in a text, for what it takes from the environment or another file; no YAML has it
FAULTY = _Faulty()  # a value whose fault is reported already; nothing more is said about it


@dataclass(frozen=True, slots=True)
class Located:
    """A value of the document: a scalar, a list of Located, or a dict of name -> Located; and where it stands."""

    value: Any
    line: int
    key: str


class Faults:
    """Gathers every fault of one file, to tell them all at once, and its warnings. Neither quotes a value."""

    def __init__(self, file: Path) -> None:
        self.file = file
        self.lines: list[tuple[int, str]] = []
        self.warnings: list[str] = []
        self._known: set[tuple[int, str]] = set()

    def add(self, at: Located, what: str) -> None:
        """Note a fault, once: a key of `defaults` is read for each source."""
        place = f"{self.file}:{at.line}: {at.key}: " if at.key else f"{self.file}:{at.line}: "
        fault = at.line, place + what
        if at.value is not FAULTY and fault not in self._known:
            self._known.add(fault)
            self.lines.append(fault)

    def warn(self, what: str) -> None:
        """Note what is allowed but probably not meant; the same text once."""
        if what not in self.warnings:
            self.warnings.append(what)

    def told(self) -> list[str]:
        """Return one line a fault, by line of the file."""
        return [text for _, text in sorted(self.lines, key=lambda fault: fault[0])]
