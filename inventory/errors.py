"""What can go wrong, as the person at the keyboard meets it. Imports nothing of ours.

InventoryError          exit 1: failed, nothing written
├── UsageError          exit 64: the command line is wrong
│   └── ConfigError     exit 64: the configuration is wrong; carries every fault at once
├── SourceError         exit 1: the service or a recording cannot be read at all
├── StoreError          exit 1: the database cannot be opened, is at another revision, or refused
│   ├── BusyError       exit 75: another export of that source is running
│   └── ConnectionLostError   exit 1: the connection to the database broke; what was not committed is gone
├── CompareError        exit 1: something cannot be compared or found
└── StoppedError        exit 1: somebody asked it to stop (SIGTERM, Ctrl-C)

A message names the place (file, line, key; job, path) and what to do next, never a value that may be secret.
"""

__all__ = [
    "BusyError",
    "CompareError",
    "ConfigError",
    "ConnectionLostError",
    "InventoryError",
    "SourceError",
    "StoppedError",
    "StoreError",
    "UsageError",
]


class InventoryError(Exception):
    """A failure that is told in one line: `summary`, and in `hint` what to do about it."""

    exit_code = 1

    def __init__(self, summary: str, hint: str = "") -> None:
        super().__init__(summary)
        self.summary = summary
        self.hint = hint

    def __str__(self) -> str:
        return f"{self.summary}. {self.hint}" if self.hint else self.summary


class UsageError(InventoryError):
    """The command line asks for something that cannot be."""

    exit_code = 64


class ConfigError(UsageError):
    """The configuration is wrong: one line a fault, each with file, line and key."""

    def __init__(self, faults: list[str]) -> None:
        super().__init__("\n".join(faults))
        self.faults = faults


class SourceError(InventoryError):
    """The service, or a recording, cannot be read."""


class StoreError(InventoryError):
    """The database cannot be opened or did not take what it was given."""


class BusyError(StoreError):
    """Another export of the same source is running, or finished first."""

    exit_code = 75


class ConnectionLostError(StoreError):
    """The connection to the database broke; what was not committed is gone."""


class CompareError(InventoryError):
    """Something that was asked for is not there, or cannot be compared."""


class StoppedError(InventoryError):
    """Somebody asked the run to stop before it was done."""
