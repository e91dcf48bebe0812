"""Tables in Markdown, for the pages that are made from the code."""

import html
import re
from collections.abc import Iterable, Sequence

__all__ = ["code", "joined", "rows_of", "table"]

_CODE = re.compile(r"(`` .+? ``|`[^`]*`)")


def table(head: Sequence[str], rows: Iterable[Sequence[object]]) -> Iterable[str]:
    """Yield the lines of a table. None is an empty cell."""
    yield _line(head)
    yield "|" + "---|" * len(head)
    for row in rows:
        yield _line([_cell(cell) for cell in row])


def _line(cells: Iterable[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _cell(cell: object) -> str:
    """Return a cell: in one line, and with nothing in it that would end the cell or begin a tag."""
    parts = _CODE.split("" if cell is None else str(cell).replace("\n", " "))
    return "".join(_in_code(part) if number % 2 else _in_text(part) for number, part in enumerate(parts))


def _in_text(text: str) -> str:
    return re.sub(r"<(?!/?(?:br|code)\b)", "&lt;", text).replace("|", "\\|").replace("*", "\\*") if text else ""


def _in_code(text: str) -> str:
    if "|" not in text:
        return text
    return f"<code>{html.escape(text.strip('` '), quote=False).replace('|', '&#124;')}</code>"


def rows_of(page: str) -> Iterable[list[str]]:
    """Yield the cells of each line of a table on a page."""
    for line in page.splitlines():
        if line.startswith("| "):
            yield line[2:].removesuffix(" |").removesuffix("|").split(" | ")


def code(text: object) -> str:
    """Return a text as code; nothing for none."""
    if text is None or text == "":
        return ""
    return f"`` {text} ``" if "`" in str(text) else f"`{text}`"


def joined(lines: Iterable[str]) -> str:
    """Return lines as a text, each with its line feed."""
    return "".join(f"{line}\n" for line in lines)
