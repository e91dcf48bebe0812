"""The tables of the results, as Markdown."""

import os
import platform
from collections.abc import Sequence
from dataclasses import dataclass, field
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from tests.bench.measure import Cost, median

__all__ = ["Section", "machine", "save"]

HEAD = "# What the bench measured\n\nWritten by `python -m tests.bench.speed --all`; `--help` tells what is measured.\n"
LIBRARIES = (
    "SQLAlchemy", "httpx", "msgspec", "psycopg", "aiohttp", "orjson", "dlt", "duckdb", "huaweicloudsdkdrs",
    "sqlite-utils",
)  # fmt: skip


@dataclass
class Section:
    """One table under a title, with lines of text before it."""

    title: str
    text: list[str]
    rows: list[dict[str, str]] = field(default_factory=list)

    def add(self, name: str, costs: Sequence[Cost], floor: Sequence[Cost] | None, *, cpu: bool) -> None:
        """Begin a row: the median, the range, and the ratio to the floor."""
        self.rows.append({"": name})
        if not costs:
            return
        middle = median(costs)
        times = [cost.seconds for cost in costs]
        self.more({"seconds": f"{middle.seconds:.3f}", "range": f"{min(times):.3f} - {max(times):.3f}"})
        if floor:
            self.more({"x floor": f"{middle.seconds / median(floor).seconds:.2f}"})
        if cpu:
            self.more({"CPU seconds": f"{middle.cpu:.2f}"})
        if cpu and floor:
            self.more({"x floor (CPU)": f"{middle.cpu / median(floor).cpu:.2f}"})

    def more(self, cells: dict[str, str]) -> None:
        """Go on with the last row."""
        self.rows[-1].update(cells)

    def markdown(self) -> str:
        """Return the section; a column stands where any row has it."""
        names = list(dict.fromkeys(name for row in self.rows for name in row))
        lines = [names, ["---"] + ["---:"] * (len(names) - 1)]
        lines += [[row.get(name, "") for name in names] for row in self.rows]
        table = "\n".join(f"| {' | '.join(line)} |" for line in lines)
        return "\n\n".join([f"## {self.title}", *self.text, table]) + "\n"


def machine() -> str:
    """Say what it ran on, without saying whose it is."""
    known = []
    for name in LIBRARIES:
        try:
            known.append(f"{name} {version(name)}")
        except PackageNotFoundError:
            continue
    return (
        f"{len(os.sched_getaffinity(0))} cores, {platform.system()}, Python {platform.python_version()}, "
        f"{', '.join(known)}."
    )


def save(file: Path, section: Section) -> None:
    """Put a section in place of the one with its title, or at the end."""
    old = file.read_text() if file.exists() else HEAD
    head, *sections = old.split("\n## ")
    new = section.markdown().removeprefix("## ")
    titles = [text.partition("\n")[0] for text in sections]
    if section.title in titles:
        sections[titles.index(section.title)] = new
    else:
        sections.append(new)
    file.write_text("\n\n## ".join(text.strip("\n") for text in (head, *sections)) + "\n")
