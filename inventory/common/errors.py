"""What can go wrong, as the person at the keyboard meets it. Imports nothing of ours.

InventoryError          exit 1: failed, nothing written
├── UsageError          exit 64: the command line is wrong
│   └── ConfigError     exit 64: the configuration is wrong; carries every fault at once
├── SourceError         exit 1: the service or a recording cannot be read at all
│   └── DeadlineError   exit 1: the time that a run or a source may take is over
├── StoreError          exit 1: the database cannot be opened, is at another revision, or refused
│   ├── BusyError       exit 75: another export of that source is running
│   └── ConnectionLostError   exit 1: the connection to the database broke; what was not committed is gone
├── CompareError        exit 1: something cannot be compared or found
└── StoppedError        exit 1: somebody asked it to stop (SIGTERM, Ctrl-C)

A message names the place (file, line, key; job, path) and what to do next, never a value that may be secret.
"""

import errno

__all__ = [
    "BusyError",
    "CompareError",
    "ConfigError",
    "ConnectionLostError",
    "DeadlineError",
    "InventoryError",
    "SourceError",
    "StoppedError",
    "StoreError",
    "UsageError",
    "system_refusal",
]

_NO_THREAD = "can't start new thread"  # Python's own words, in a RuntimeError
_NO_MEMORY = ("cannot allocate memory", "failed to map segment")  # the loader's, in an ImportError


class InventoryError(Exception):
    """A failure that is told in one line: `summary`, and in `hint` what to do about it."""

    exit_code = 1

    def __init__(self, summary: str, hint: str = "") -> None:
        super().__init__(summary)
        self.summary = summary
        self.hint = hint

    def __str__(self) -> str:
        if not self.hint:
            return self.summary
        return f"{self.summary}{'' if self.summary.endswith(('?', '!', '.')) else '.'} {self.hint}"


class UsageError(InventoryError):
    """The command line asks for something that cannot be."""

    exit_code = 64


class ConfigError(UsageError):
    """The configuration is wrong: one line a fault, each with file, line and key.

    settings: what could be read nevertheless, for who tells of the failure.
    """

    def __init__(self, faults: list[str], settings: object = None) -> None:
        super().__init__("\n".join(faults))
        self.faults = faults
        self.settings = settings


class SourceError(InventoryError):
    """The service, or a recording, cannot be read."""


class DeadlineError(SourceError):
    """The time that a run or a source may take is over."""


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


def system_refusal(error: BaseException) -> str | None:
    """Say in words what the system refused: a file, memory or a thread. None where it is something else."""
    short = isinstance(error, MemoryError)
    short = short or (isinstance(error, RuntimeError) and str(error) == _NO_THREAD)
    short = short or (isinstance(error, ImportError) and any(words in str(error).lower() for words in _NO_MEMORY))
    short = short or (isinstance(error, OSError) and error.errno in {errno.EAGAIN, errno.ENOMEM})
    if short:
        return "the system gives no more memory or threads; allow more, or lower concurrency, parallel and workers"
    if isinstance(error, OSError):
        return f"{error.filename or 'the system'}: {error.strerror or type(error).__name__}"
    return None
