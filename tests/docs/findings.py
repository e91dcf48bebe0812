"""The kinds of findings: what each means, and what to do."""

from inventory.schema.finding_kinds import FINDING_KINDS
from tests.docs.markdown import joined, table

__all__ = ["part"]


def part() -> str:
    """Return the table of kinds."""
    rows = (
        (f"`{name}`", kind.meaning, kind.remedy, "path" if kind.shared else "job")
        for name, kind in sorted(FINDING_KINDS.items())
    )
    return joined(table(("kind", "meaning", "what to do", "one for each"), rows))
