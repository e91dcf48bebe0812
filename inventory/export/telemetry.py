"""Traces and metrics of a run by OpenTelemetry, where its variables ask for them; otherwise nothing is imported.

A fault here never fails a run: what could not be sent is a warning at the end.
"""

import os
import time
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from inventory.common import trace
from inventory.common.errors import InventoryError
from inventory.config.telemetry import Wanted, wanted

if TYPE_CHECKING:
    from prometheus_client.core import Sample

    from inventory.export.otlp import Sender

__all__ = ["Telemetry", "collector_error", "problem"]

Mask = Callable[[Mapping[str, Any]], Mapping[str, Any]]  # takes secrets out of the values of named fields
MAX_SECONDS = 5.0  # that the end of a run waits for the collector
HURRIED_SECONDS = 0.2  # after the run was cancelled


class Telemetry:
    """What one run sends."""

    def __init__(self) -> None:
        """Read what is asked for; the run begins now."""
        self._began = time.time_ns()
        self._wanted = wanted(os.environ)
        self._sender: Sender | None = None
        self._problem = ""

    @property
    def is_wanted(self) -> bool:
        """Whether it is to be started: it is asked for, and was not tried yet."""
        return bool(self._wanted) and self._sender is None and not self._problem

    def start(self, run_id: str, mask: Mask) -> None:
        """Start sending, if `is_wanted`. Call it after processes were forked."""
        self._problem = _unusable(self._wanted)
        if self._problem:
            return
        from inventory.export.otlp import Sender

        try:
            self._sender = Sender(self._wanted, run_id, self._began, mask)
        except Exception as error:  # noqa: BLE001  # a value that a library does not take must not cost the night
            self._problem = f"a variable of OpenTelemetry cannot be used ({type(error).__name__})"
            return
        trace.use(self._sender)

    def end(
        self, code: int, error: InventoryError | None, samples: "Callable[[], list[Sample]]", *, hurry: bool
    ) -> list[str]:
        """End the span of the run and send what is left.

        Args:
            code: the exit code of the run.
            error: what ended it before every source was done.
            samples: returns the gauges of the run.
            hurry: the process must end within a second.

        Returns:
            Warnings.
        """
        trace.use(None)
        if self._sender is not None:
            failure = (type(error).__name__, error.summary) if error is not None else None
            seconds = HURRIED_SECONDS if hurry else MAX_SECONDS
            self._problem = self._sender.end(code, failure, samples(), seconds)
        return [f"traces and metrics were not sent: {self._problem}"] if self._problem else []


def problem() -> str:
    """Return why what the variables ask for cannot be sent, or ''; sends nothing."""
    asked = wanted(os.environ)
    return _unusable(asked) if asked else ""


def collector_error() -> str | None:
    """Send nothing to each collector that is named; return why one does not take it, '' if all do, None without any."""
    asked = wanted(os.environ)
    if not asked or _unusable(asked):
        return None
    from inventory.export.otlp import probe

    return probe(asked, MAX_SECONDS)


def _unusable(asked: Wanted) -> str:
    if asked.problem:
        return asked.problem
    try:
        import inventory.export.otlp  # noqa: F401  # only whether it can be imported
    except ImportError:
        return "the packages of OpenTelemetry are not installed. Run: pip install 'drs-inventory[otel]'"
    return ""
