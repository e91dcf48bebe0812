"""Report a run to monitoring: a metrics file at its end, pings, messages to systemd, traces by OpenTelemetry."""

import os
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from inventory import __version__
from inventory.common.cancellation import Stop
from inventory.common.errors import InventoryError, UsageError
from inventory.config.settings import Settings
from inventory.export.outcome import OpenResults, SourceOutcome
from inventory.export.telemetry import Telemetry

if TYPE_CHECKING:
    from prometheus_client.core import Sample

    from inventory.export.ping import StartPing
    from inventory.export.systemd import ServiceManager

__all__ = ["Watch"]

HURRIED_PING_TIMEOUT = 0.3  # seconds, after the run was cancelled
_DEVICES = (Path("/dev"), Path("/proc"))
_IN_MEMORY = Path("/dev/shm")  # noqa: S108  # holds ordinary files


@dataclass
class Watch:
    """What a run reports; filled during the run, reported at its end, even if it failed.

    settings: defaults until the configuration was read. names: the sources to export. last_success: source -> time of
    its last complete snapshot, None if it has none; empty if the database could not be read. checks: what is open
    after a check of the sources.
    """

    metrics_file: Path | None = None
    settings: Settings = field(default_factory=Settings)
    names: Sequence[str] = ()
    outcomes: list[SourceOutcome] = field(default_factory=list)
    last_success: dict[str, datetime | None] = field(default_factory=dict)
    checks: Sequence[OpenResults] = ()
    telemetry: Telemetry = field(default_factory=Telemetry)
    _start_ping: "StartPing | None" = None
    _systemd: "ServiceManager | None" = None

    def check(self) -> None:
        """Check before the run that the metrics file can be written.

        Raises:
            UsageError: it is not a file, or its folder is not writable.
        """
        path = self.metrics_file
        if path is not None and (reason := _unusable_reason(path)):
            raise UsageError(f"--metrics-file {path}: {reason}", "Name a file in a folder that exists and is writable")

    def start(self, stop: Stop) -> None:
        """Tell systemd that the run is ready, and send the ping for the start without waiting for the response."""
        if os.environ.get("NOTIFY_SOCKET"):
            from inventory.export.systemd import ServiceManager

            self._systemd = ServiceManager(os.environ, stop.waits)
            self._systemd.start()
        if self.settings.ping_start is not None:
            from inventory.export.ping import StartPing

            self._start_ping = StartPing(self.settings.ping_start)

    def advance(self, source: str, done: int, total: int) -> None:
        """Take the progress of a source, for systemd."""
        if self._systemd is not None:
            self._systemd.advance(source, done, total)

    def stopping(self, code: int) -> None:
        """Tell systemd that the run ends with an exit code."""
        if self._systemd is not None:
            self._systemd.stopping(code)

    def metrics(self, code: int, error: InventoryError | None = None) -> list[str]:
        """Write the metrics; `error` ended the run before every source had an outcome.

        Returns:
            Error messages.
        """
        done = {outcome.source for outcome in self.outcomes}
        if error is not None:
            ended = [SourceOutcome(name, error.exit_code, None, 0.0, error=str(error)) for name in self.names]
            self.outcomes += [outcome for outcome in ended if outcome.source not in done]
        if self.metrics_file is None or _unusable_reason(self.metrics_file):
            return []
        from inventory.export.metrics import write

        try:
            write(
                self.metrics_file, self.outcomes, self.last_success, __version__, code, datetime.now(UTC), self.checks
            )
        except InventoryError as failure:
            return [str(failure)]
        return []

    def trace(self, code: int, error: InventoryError | None, *, hurry: bool = False) -> list[str]:
        """Send the rest of the traces, and the metrics, if that is asked for; after `metrics`.

        Returns:
            Error messages.
        """

        def samples() -> "list[Sample]":
            from inventory.export.metrics import samples_of

            return samples_of(self.outcomes, self.last_success, code, datetime.now(UTC), self.checks)

        return self.telemetry.end(code, error, samples, hurry=hurry)

    def ping(self, code: int, *, hurry: bool = False) -> list[str]:
        """Send the ping for the end of the run: up to three attempts, or one if `hurry` is set.

        Returns:
            Error messages.
        """
        result = "failure" if code else "success"
        address = self.settings.ping_failure if code else self.settings.ping_success
        errors = []
        if self._start_ping is not None and (reason := self._start_ping.end(0 if hurry else None)):
            errors.append(f"the address under ping.start was not notified: {reason}")
        if address is not None:
            from inventory.export.ping import PING_TIMEOUT, RETRY_PAUSES, ping

            reason = ping(address, HURRIED_PING_TIMEOUT) if hurry else ping(address, PING_TIMEOUT, RETRY_PAUSES)
            errors += [f"the address under ping.{result} was not notified: {reason}"] if reason else []
        return errors


def _unusable_reason(path: Path) -> str:
    """Return why a path cannot be replaced by a file, or ''. Opens nothing, because a FIFO would block."""
    target = path.resolve()
    folder = target.parent
    if path.is_dir():
        return "it is a folder"
    if (path.exists() and not path.is_file()) or _is_device(path.absolute()) or _is_device(target):
        return "it is a device or a pipe, not a file"
    if not folder.is_dir():
        return f"the folder {folder} does not exist"
    if not os.access(folder, os.W_OK | os.X_OK):
        return f"the folder {folder} is not writable"
    if target.exists() and not os.access(target, os.R_OK):
        return "the file there is not readable"
    return ""


def _is_device(path: Path) -> bool:
    return _IN_MEMORY not in path.parents and any(device in path.parents for device in _DEVICES)
