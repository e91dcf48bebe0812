"""Spans: what a run does and how long each step takes, for OpenTelemetry.

Without a tracer, which `export.telemetry` sets only where it is asked for, every function here does nothing.
"""

from collections.abc import Mapping
from contextlib import AbstractContextManager, nullcontext
from typing import Protocol

__all__ = ["Attributes", "Tracer", "annotate", "event", "here", "record_error", "span", "use"]

Attributes = Mapping[str, str | int | float | bool | None]  # a member that is None is left out
_NOTHING = nullcontext()


class Tracer(Protocol):
    """Keeps spans. The functions of this module of the same names say what each does."""

    def span(self, name: str, attributes: Attributes, parent: object | None) -> AbstractContextManager[None]: ...

    def annotate(self, attributes: Attributes) -> None: ...

    def event(self, name: str, attributes: Attributes) -> None: ...

    def record_error(self, error_type: str, message: str) -> None: ...

    def here(self) -> object: ...


_tracer: Tracer | None = None


def use(tracer: Tracer | None) -> None:
    """Send spans to this tracer from here on; None: to nobody."""
    global _tracer  # noqa: PLW0603  # one for the process, as there is one log
    _tracer = tracer


def span(name: str, attributes: Attributes, parent: object | None = None) -> AbstractContextManager[None]:
    """Return a span that lasts as long as the block; an exception marks it as failed.

    Args:
        name: one of a few, without values.
        attributes: figures, names and addresses; never a text of a job.
        parent: of `here`, for a span of another thread; otherwise it is the span around it in this thread, or that of
            the run.
    """
    return _NOTHING if _tracer is None else _tracer.span(name, attributes, parent)


def annotate(attributes: Attributes) -> None:
    """Add attributes to the current span of this thread."""
    if _tracer is not None:
        _tracer.annotate(attributes)


def event(name: str, attributes: Attributes) -> None:
    """Add an event to the current span of this thread, at this moment."""
    if _tracer is not None:
        _tracer.event(name, attributes)


def record_error(error_type: str, message: str = "") -> None:
    """Mark the current span of this thread as failed.

    Args:
        error_type: one of a few: the name of an exception, an HTTP status.
        message: what is said of it, without the text of a job.
    """
    if _tracer is not None:
        _tracer.record_error(error_type, message)


def here() -> object | None:
    """Return the current span of this thread, as the `parent` of spans in other threads."""
    return None if _tracer is None else _tracer.here()
