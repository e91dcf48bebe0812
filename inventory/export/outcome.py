"""The outcome of one source in a run of `export`, for its output line, its metrics and the exit code."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

__all__ = ["OpenResults", "SourceOutcome"]


@dataclass(frozen=True)
class SourceOutcome:
    """How the export of one source ended.

    code: its exit code. snapshot: the last row of `snapshots` that was written; None if there was none. seconds: the
    duration. throttles: responses that asked to slow down. findings: number by kind. error: the error message.
    left_out: it did not begin before the run's deadline.
    """

    source: str
    code: int
    snapshot: Mapping[str, Any] | None
    seconds: float
    throttles: int = 0
    findings: Mapping[str, int] = field(default_factory=dict)
    error: str = ""
    left_out: bool = False


@dataclass(frozen=True)
class OpenResults:
    """How many results of a rule of `check` are open in a source, and since when; None: none is."""

    source: str
    rule: str
    severity: str
    number: int
    oldest: datetime | None
