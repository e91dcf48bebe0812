"""The errors that a user can see, and the exit codes. Imports no other module of the package.

InventoryError          exit 1: failed, nothing written
├── UsageError          exit 64: the command line is wrong
│   └── ConfigError     exit 64: the configuration is wrong; contains all faults
├── SourceError         exit 1: the service or a recording cannot be read at all
│   └── DeadlineError   exit 1: the deadline of a run or a source passed
├── StoreError          exit 1: the database cannot be opened, is at another revision, or refused
│   ├── BusyError       exit 75: another export of that source is running
│   └── ConnectionLostError   exit 1: the connection to the database broke; uncommitted changes are lost
├── CompareError        exit 1: something cannot be compared or found
└── StoppedError        exit 1: the run was stopped (SIGTERM, Ctrl-C)

A message has the place (file, line, key; job, path) and what to do next, never a value that may be secret.
"""

import errno
from enum import IntEnum

__all__ = [
    "BusyError",
    "CompareError",
    "ConfigError",
    "ConnectionLostError",
    "DeadlineError",
    "ExitCode",
    "InventoryError",
    "SourceError",
    "StoppedError",
    "StoreError",
    "UsageError",
    "system_refusal",
]

_NO_THREAD = "can't start new thread"  # Python's text, in a RuntimeError
_NO_MEMORY = ("cannot allocate memory", "failed to map segment")  # the loader's text, in an ImportError


class ExitCode(IntEnum):
    """What a command came to. meaning: for people; docs/reference/exit-codes.md has it."""

    meaning: str

    def __new__(cls, code: int, meaning: str) -> "ExitCode":
        found = int.__new__(cls, code)
        found._value_ = code
        found.meaning = meaning
        return found

    DONE = 0, "Done, and nothing that was asked for is amiss."
    FAILED = 1, "Failed. Of the source that failed nothing was written."
    CHANGES = 2, "Done, and there is what `--detailed-exitcode`, `--fail-on` or `--severity` asked about."
    PARTIAL = 3, "Written, but some jobs could not be read; or no configured id exists, and none ever did."
    USAGE = 64, "The command line or the configuration is wrong. Nothing was begun."
    BUSY = 75, "Another run of the same source, or another upgrade, was first. Nothing was written."


class InventoryError(Exception):
    """A failure that is shown in one line. summary: what is wrong. hint: what to do about it."""

    exit_code: int = ExitCode.FAILED

    def __init__(self, summary: str, hint: str = "") -> None:
        super().__init__(summary)
        self.summary = summary
        self.hint = hint

    def __str__(self) -> str:
        if not self.hint:
            return self.summary
        return f"{self.summary}{'' if self.summary.endswith(('?', '!', '.')) else '.'} {self.hint}"


class UsageError(InventoryError):
    """The command line is wrong."""

    exit_code: int = ExitCode.USAGE


class ConfigError(UsageError):
    """The configuration is wrong: one line for each fault, with file, line and key.

    settings: the valid settings, so that the failure can be reported (ping, metrics).
    """

    def __init__(self, faults: list[str], settings: object = None) -> None:
        super().__init__("\n".join(faults))
        self.faults = faults
        self.settings = settings


class SourceError(InventoryError):
    """The service, or a recording, cannot be read."""


class DeadlineError(SourceError):
    """The deadline of a run or a source passed."""


class StoreError(InventoryError):
    """The database cannot be opened, or refused an operation."""


class BusyError(StoreError):
    """Another export of the same source is running, or finished first."""

    exit_code: int = ExitCode.BUSY


class ConnectionLostError(StoreError):
    """The connection to the database broke; uncommitted changes are lost."""


class CompareError(InventoryError):
    """Something requested does not exist, or cannot be compared."""


class StoppedError(InventoryError):
    """The run was stopped before it was complete."""


def system_refusal(error: BaseException) -> str | None:
    """Describe what the system refused: a file, memory or a thread. None for any other error."""
    is_short = isinstance(error, MemoryError)
    is_short = is_short or (isinstance(error, RuntimeError) and str(error) == _NO_THREAD)
    is_short = is_short or (isinstance(error, ImportError) and any(words in str(error).lower() for words in _NO_MEMORY))
    is_short = is_short or (isinstance(error, OSError) and error.errno in {errno.EAGAIN, errno.ENOMEM})
    if is_short:
        return "no more memory or threads are available; allow more, or lower concurrency, parallel and workers"
    if isinstance(error, OSError):
        return f"{error.filename or 'the system'}: {error.strerror or type(error).__name__}"
    return None
