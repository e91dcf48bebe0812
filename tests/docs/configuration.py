"""The keys of the configuration."""

from inventory.config.json_schema import as_markdown
from tests.docs.markdown import joined

__all__ = ["part"]


def part() -> str:
    """Return the table of keys."""
    return joined(as_markdown())
