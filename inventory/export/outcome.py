"""What became of one source in one run of `export`: what its line, its metrics and the exit code are made of."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

__all__ = ["SourceOutcome"]


@dataclass(frozen=True)
class SourceOutcome:
    """How the export of one source ended.

    code: what it adds to the exit code. snapshot: the row of `snapshots` as it was written, the last where
    there were several; None where nothing was. throttles: answers that asked for patience. findings: how
    many of each kind. error: what the person was told where it failed. left_out: it did not begin before the run's
    deadline.
    """

    source: str
    code: int
    snapshot: Mapping[str, Any] | None
    seconds: float
    throttles: int = 0
    findings: Mapping[str, int] = field(default_factory=dict)
    error: str = ""
    left_out: bool = False
