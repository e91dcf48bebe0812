"""Values of a configuration that remember their lines, and what is wrong with them."""

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

__all__ = ["ELSEWHERE", "FAULTY", "FOR_EXPORT", "Ambiguous", "Faults", "Lines", "Located", "Reading"]

FOR_EXPORT = re.compile(r"\.auth|^ping|^signing")  # keys that only who exports needs
Lines = Callable[[], Iterable[str]]


@dataclass(frozen=True)
class Reading:
    """What a configuration is read for.

    for_export: credentials too. no_env: no variable and no file of a reference is read, and what they stand for is not
    checked. recordings: whether folders of recordings are there. standard_input: the lines for `jobs: {file: "-"}`.
    """

    for_export: bool
    no_env: bool = False
    recordings: bool = False
    standard_input: Lines | None = None


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
FAULTY = _Faulty()  # a value whose fault is reported already, or that is unknown; nothing more is said about it


@dataclass(frozen=True, slots=True)
class Located:
    """A value of the document: a scalar, a list of Located, or a dict of name -> Located; and where it stands."""

    value: Any
    line: int
    key: str

    @property
    def place(self) -> "Located":
        """The place alone: a fault of the key is told whatever is wrong with its value."""
        return Located(None, self.line, self.key)


class Faults:
    """Gathers every fault of one file, to tell them all at once, its warnings, and what was not checked: no values."""

    def __init__(self, file: Path) -> None:
        self.file = file
        self.lines: list[tuple[int, str]] = []
        self.warnings: list[str] = []
        self.skipped: list[tuple[int, str]] = []
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

    def skip(self, at: Located, what: str) -> None:
        """Note what is not checked."""
        self.skipped.append((at.line, f"line {at.line}, {at.key}: {what}"))

    def messages(self) -> list[str]:
        """Return one line a fault, by line of the file."""
        return [text for _, text in sorted(self.lines, key=lambda fault: fault[0])]
