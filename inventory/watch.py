"""Tells whoever watches the nightly job how it ended: a metrics file, and one of two addresses."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from inventory import __version__
from inventory.errors import InventoryError, StoppedError
from inventory.outcome import SourceOutcome
from inventory.settings import Settings

__all__ = ["Watch"]

PATIENCE, HURRY = 5.0, 0.3  # seconds for an address to answer; the second once somebody asked to stop


@dataclass
class Watch:
    """What a run has to tell; filled while it runs, told at its end, whatever the end is.

    names: the sources that were to be exported. last_success: when the last complete snapshot of each was
    written, as far as the database could say it.
    """

    settings: Settings
    names: Sequence[str]
    metrics_file: Path | None = None
    outcomes: list[SourceOutcome] = field(default_factory=list)
    last_success: dict[str, datetime] = field(default_factory=dict)

    def tell(self, error: InventoryError | None = None) -> list[str]:
        """Write the metrics and ask the address; `error` is what ended the run before every source had its outcome.

        Returns:
            What could not be told, in words.
        """
        told = {outcome.source for outcome in self.outcomes}
        if error is not None:
            ended = [SourceOutcome(name, error.exit_code, None, 0.0, error=str(error)) for name in self.names]
            self.outcomes += [outcome for outcome in ended if outcome.source not in told]
        return [*self._metrics(), *self._ping(hurry=isinstance(error, StoppedError))]

    def _metrics(self) -> list[str]:
        if self.metrics_file is None:
            return []
        from inventory.metrics import write

        try:
            write(self.metrics_file, self.outcomes, self.last_success, __version__)
        except InventoryError as error:
            return [str(error)]
        return []

    def _ping(self, *, hurry: bool) -> list[str]:
        failed = any(outcome.code for outcome in self.outcomes)
        address = self.settings.ping_failure if failed else self.settings.ping_success
        if address is None:
            return []
        from inventory.ping import ping

        why = ping(address, HURRY if hurry else PATIENCE)
        return [f"the address under ping.{'failure' if failed else 'success'} was not told: {why}"] if why else []
