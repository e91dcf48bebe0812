"""Logs through structlog: one event a line on stderr, as text or JSON. Never a value of a job."""

import sys
from collections.abc import MutableMapping
from typing import Any

import structlog

__all__ = ["set_up"]


def set_up(style: str, level: int) -> None:
    """Configure the process's log.

    Args:
        style: text or json.
        level: the least that is shown, as in logging.
    """
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.JSONRenderer() if style == "json" else _line,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
        cache_logger_on_first_use=False,
    )


def _line(_logger: object, _method: str, event: MutableMapping[str, Any]) -> str:
    from inventory.render.text import clean

    head = f"{event.pop('timestamp')} {event.pop('level'):<7} {event.pop('event')}"
    return clean(head + "".join(f" {name}={value}" for name, value in event.items()))
