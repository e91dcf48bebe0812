"""Tells whoever watches the nightly job: a metrics file at its end, and addresses at its start and its end."""

import os
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from inventory import __version__
from inventory.common.errors import InventoryError, UsageError
from inventory.config.settings import Settings
from inventory.export.outcome import SourceOutcome

if TYPE_CHECKING:
    from inventory.export.ping import StartPing

__all__ = ["Watch"]

HURRY = 0.3  # seconds for an address to answer once somebody asked to stop
_DEVICES = (Path("/dev"), Path("/proc"))


@dataclass
class Watch:
    """What a run has to tell; filled while it runs, told at its end, whatever the end is.

    settings: as far as they could be read. names: the sources that were to be exported. last_success: when the last
    complete snapshot of each was observed, None where there is none, as far as the database could say it.
    """

    metrics_file: Path | None = None
    settings: Settings = field(default_factory=Settings)
    names: Sequence[str] = ()
    outcomes: list[SourceOutcome] = field(default_factory=list)
    last_success: dict[str, datetime | None] = field(default_factory=dict)
    _started: "StartPing | None" = None

    def check(self) -> None:
        """Refuse a metrics file that could not be written when the night is over.

        Raises:
            UsageError: it is no file, or in no folder that may be written to.
        """
        path = self.metrics_file
        if path is not None and (why := _unfit(path)):
            raise UsageError(f"--metrics-file {path}: {why}", "Name a file in a folder that exists and is writable")

    def start(self) -> None:
        """Ask the address that is told of a start; the run need not wait for it."""
        if self.settings.ping_start is not None:
            from inventory.export.ping import StartPing

            self._started = StartPing(self.settings.ping_start)

    def metrics(self, code: int, error: InventoryError | None = None) -> list[str]:
        """Write the metrics; `error` is what ended the run before every source had its outcome.

        Returns:
            What could not be told, in words.
        """
        done = {outcome.source for outcome in self.outcomes}
        if error is not None:
            ended = [SourceOutcome(name, error.exit_code, None, 0.0, error=str(error)) for name in self.names]
            self.outcomes += [outcome for outcome in ended if outcome.source not in done]
        if self.metrics_file is None or _unfit(self.metrics_file):
            return []
        from inventory.export.metrics import write

        try:
            write(self.metrics_file, self.outcomes, self.last_success, __version__, code, datetime.now(UTC))
        except InventoryError as failure:
            return [str(failure)]
        return []

    def ping(self, code: int, *, hurry: bool = False) -> list[str]:
        """Ask the address for this end: three times where it does not answer, once `hurry` says so.

        Returns:
            What could not be told, in words.
        """
        result = "failure" if code else "success"
        address = self.settings.ping_failure if code else self.settings.ping_success
        complaints = []
        if self._started is not None and (why := self._started.end(0 if hurry else None)):
            complaints.append(f"the address under ping.start was not told: {why}")
        if address is not None:
            from inventory.export.ping import PATIENCE, PAUSES, ping

            why = ping(address, HURRY) if hurry else ping(address, PATIENCE, PAUSES)
            complaints += [f"the address under ping.{result} was not told: {why}"] if why else []
        return complaints


def _unfit(path: Path) -> str:
    """Say why a path cannot be replaced by a file; '' where it can. Nothing is opened: a FIFO would wait for ever."""
    target = path.resolve()
    folder = target.parent
    if path.is_dir():
        return "it is a folder"
    if (path.exists() and not path.is_file()) or any(
        device in (*path.absolute().parents, *target.parents) for device in _DEVICES
    ):
        return "it is a device or a pipe, not a file"
    if not folder.is_dir():
        return f"the folder {folder} does not exist"
    if not os.access(folder, os.W_OK | os.X_OK):
        return f"the folder {folder} is not writable"
    if target.exists() and not os.access(target, os.R_OK):
        return "the file there is not readable"
    return ""
