"""A part of the sources: `--shard I/N` splits them in the same way on every machine."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from inventory.common.errors import UsageError

__all__ = ["Shard"]

VARIABLE = "JOB_COMPLETION_INDEX"  # set by Kubernetes in the pods of an indexed Job: 0, 1, …
MOST = 1000
_FORM = re.compile(r"([0-9]{1,4}|auto)/([0-9]{1,4})\Z")
_INDEX = re.compile(r"[0-9]{1,4}\Z")


@dataclass(frozen=True)
class Shard:
    """Part `index`, from 1, of `count` parts."""

    index: int
    count: int

    @classmethod
    def parse(cls, text: str, environment: Mapping[str, str]) -> "Shard":
        """Read `I/N`, or `auto/N` in a pod of a Kubernetes indexed Job.

        Raises:
            UsageError: not of these forms, or out of range.
        """
        match = _FORM.match(text)
        if not match or not 1 <= int(match[2]) <= MOST:
            raise UsageError(f"--shard {text!r} is not valid", f"Give I/N or auto/N, with N from 1 to {MOST}")
        count = int(match[2])
        if match[1] == "auto":
            return cls(_from_job(environment.get(VARIABLE, ""), count), count)
        if not 1 <= int(match[1]) <= count:
            raise UsageError(
                f"--shard {text} is out of range", f"The first part is 1/{count}, the last {count}/{count}"
            )
        return cls(int(match[1]), count)

    def pick(self, names: Iterable[str]) -> list[str]:
        """Return this part of the names, sorted: every count-th, so that part sizes differ by at most one.

        Args:
            names: all configured names, before other filters; otherwise machines would split differently.
        """
        return sorted(set(names))[self.index - 1 :: self.count]


def _from_job(text: str, count: int) -> int:
    if not text:
        raise UsageError(f"--shard auto/{count}: {VARIABLE} is not set", "An indexed Kubernetes Job sets it")
    if not _INDEX.match(text) or int(text) >= count:
        hint = "Set the Job's completions to the N of --shard auto/N"
        raise UsageError(f"--shard auto/{count}: {VARIABLE} is not a number from 0 to {count - 1}", hint)
    return int(text) + 1
