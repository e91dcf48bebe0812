"""Values of a configuration that remember their lines, and what is wrong with them."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

__all__ = ["Faults", "Located"]


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

    def add(self, at: Located, what: str) -> None:
        place = f"{self.file}:{at.line}: {at.key}: " if at.key else f"{self.file}:{at.line}: "
        self.lines.append((at.line, place + what))

    def warn(self, what: str) -> None:
        """Note what is allowed but probably not meant; the same text once."""
        if what not in self.warnings:
            self.warnings.append(what)

    def told(self) -> list[str]:
        """Return one line a fault, by line of the file."""
        return [text for _, text in sorted(self.lines)]
