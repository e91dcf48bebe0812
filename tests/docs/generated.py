"""The pages that are made from the code, by their paths under docs/: whole ones, and parts of pages written by hand.

A part stands between `<!-- NAME -->` and `<!-- end of NAME -->`. `python -m tests.docs` writes both kinds.
"""

from collections.abc import Callable

from tests.conftest import ROOT
from tests.docs import (
    command_line,
    configuration,
    diagram,
    errors,
    exit_codes,
    findings,
    json_documents,
    log_events,
    metrics,
    reports,
    rules,
    tables,
    variables,
    views,
)

__all__ = ["HEAD", "PAGES", "PARTS", "PICTURES", "made"]

HEAD = "<!-- Made by `python -m tests.docs`; do not edit. -->\n"

PAGES: dict[str, Callable[[], str]] = {"reference/log-events.md": log_events.page}
PARTS: dict[str, dict[str, Callable[[], str]]] = {
    "reference/command-line.md": {"commands": command_line.part},
    "reference/configuration.md": {"keys": configuration.part},
    "reference/diagram.md": {"joins": diagram.part},
    "reference/errors.md": {"messages": errors.part},
    "reference/exit-codes.md": {"codes": exit_codes.part},
    "reference/findings.md": {"kinds": findings.part},
    "reference/json.md": {"documents": json_documents.part},
    "reference/metrics.md": {"metrics": metrics.part},
    "reference/reports.md": {"reports": reports.part},
    "reference/rules.md": {"rules": rules.part},
    "reference/tables.md": {"tables": tables.part},
    "reference/variables.md": variables.PARTS,
    "reference/views.md": views.PARTS,
}
PICTURES: dict[str, Callable[[], str]] = {"images/tables.svg": diagram.picture}


def made(path: str) -> str:
    """Return the text of a page or a picture as the code has it.

    Raises:
        AssertionError: the page lacks the place of a part.
    """
    if path in PICTURES:
        return PICTURES[path]()
    if path in PAGES:
        return HEAD + PAGES[path]()
    page = (ROOT / "docs" / path).read_text()
    for name, part in PARTS[path].items():
        begin, end = f"<!-- {name} -->\n", f"<!-- end of {name} -->\n"
        assert page.count(begin) == page.count(end) == 1, f"{path}: write {begin}{end}where the part is to stand"
        before, _, rest = page.partition(begin)
        page = f"{before}{begin}\n{part().strip()}\n\n{end}{rest.partition(end)[2]}"
    return page
