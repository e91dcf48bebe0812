"""Values of a configuration with their lines, and the faults found in them."""

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

__all__ = ["ELSEWHERE", "FAULTY", "FOR_EXPORT", "Ambiguous", "Faults", "Lines", "Located", "Reading"]

FOR_EXPORT = re.compile(r"\.auth|^ping|^signing")  # keys that only an export needs
Lines = Callable[[], Iterable[str]]


@dataclass(frozen=True)
class Reading:
    """The purpose for which a configuration is read.

    for_export: credentials are read too. no_env: variables and files of references are not read, and their values not
    checked. recordings: the folders of recordings are checked. standard_input: the lines for `jobs: {file: "-"}`.
    """

    for_export: bool
    no_env: bool = False
    recordings: bool = False
    standard_input: Lines | None = None


@dataclass(frozen=True, slots=True)
class Ambiguous:
    """A scalar without quotes whose value in YAML 1.1 differs from its text: `010`, `1:30`, `yes`, a date.

    what: its kind, for messages. The text itself is not kept: it may be a secret.
    """

    what: str


class _Faulty:
    def __repr__(self) -> str:
        return "FAULTY"


ELSEWHERE = "\0"  # in a text, in place of a value from the environment or another file; NUL is not valid in YAML
FAULTY = _Faulty()  # a value whose fault was reported already, or that is unknown; no further fault is reported


@dataclass(frozen=True, slots=True)
class Located:
    """A value of the document with its line and key: a scalar, a list of Located, or a dict of name -> Located."""

    value: Any
    line: int
    key: str

    @property
    def place(self) -> "Located":
        """The place without the value: a fault of the key is reported even if its value is FAULTY."""
        return Located(None, self.line, self.key)


class Faults:
    """Collects all faults of one file, its warnings, and what was not checked. Contains no values."""

    def __init__(self, file: Path) -> None:
        self.file = file
        self.lines: list[tuple[int, str]] = []
        self.warnings: list[str] = []
        self.skipped: list[tuple[int, str]] = []
        self._known: set[tuple[int, str]] = set()

    def add(self, at: Located, what: str) -> None:
        """Add a fault. Equal faults count once: a key of `defaults` is read for each source."""
        place = f"{self.file}:{at.line}: {at.key}: " if at.key else f"{self.file}:{at.line}: "
        fault = at.line, place + what
        if at.value is not FAULTY and fault not in self._known:
            self._known.add(fault)
            self.lines.append(fault)

    def warn(self, what: str) -> None:
        """Add a warning: allowed, but probably a mistake. Equal warnings count once."""
        if what not in self.warnings:
            self.warnings.append(what)

    def skip(self, at: Located, what: str) -> None:
        """Add something that is not checked."""
        self.skipped.append((at.line, f"line {at.line}, {at.key}: {what}"))

    def messages(self) -> list[str]:
        """Return one line for each fault, in the order of the file."""
        return [text for _, text in sorted(self.lines, key=lambda fault: fault[0])]
