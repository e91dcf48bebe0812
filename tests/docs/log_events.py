"""The page of the log's events."""

from inventory.common.log_events import markdown

__all__ = ["page"]


def page() -> str:
    """Return the text of docs/reference/log-events.md."""
    return "\n".join(["# Log events", "", *markdown(), ""])
