"""Long waits are logged, so that a silent run can be understood.

Whoever waits registers what for; one thread for the whole run looks through the register once a second.
"""

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from threading import Event, Lock, Thread
from typing import Any

__all__ = ["NAMED", "Waits"]

FIRST = 10.0  # seconds until a wait is logged
GROWTH = 3  # each further line about the same wait comes after an interval so many times as long
LONGEST = 600.0  # seconds, of such an interval
NAMED = 3  # ids in one log line


@dataclass(frozen=True, slots=True)
class _Wait:
    what: str
    fields: tuple[tuple[str, Any], ...]
    ids: Sequence[str]
    log: Any
    since: float


class Waits:
    """The waits that are under way. Safe to share between threads."""

    def __init__(self, first: float = FIRST) -> None:
        """Take the seconds after which a wait is logged."""
        self.first = first
        self._lock = Lock()
        self._under_way: dict[int, _Wait] = {}
        self._number = 0
        self._next: dict[Any, tuple[float, float]] = {}  # of waits of one kind: when to log again, the interval then

    @contextmanager
    def noted(self, what: str, *, log: Any = None, ids: Sequence[str] = (), **fields: Any) -> Iterator[None]:
        """Register a wait for as long as the block lasts.

        Args:
            what: what is waited for, as the log says it.
            log: where to log; by default with the fields that are bound in this thread.
            ids: the jobs that wait. The log names the first of them, and their number.
            fields: what else the log says. Waits that are equal in it and in `what` are logged together.
        """
        from inventory.common.log import logger  # who only reads a database waits for nothing, and needs none

        wait = _Wait(what, tuple(sorted(fields.items())), ids, log or logger(), time.monotonic())
        with self._lock:
            self._number += 1
            number = self._number
            self._under_way[number] = wait
        try:
            yield
        finally:
            with self._lock:
                del self._under_way[number]

    @contextmanager
    def watched(self) -> Iterator[None]:
        """Log long waits while the block lasts."""
        ended = Event()

        def watch() -> None:
            while not ended.wait(min(1.0, self.first)):
                self.report()

        with suppress(RuntimeError):  # the system gives no more threads: the run does without this one
            Thread(target=watch, name="waits", daemon=True).start()
        try:
            yield
        finally:
            ended.set()

    def report(self) -> None:
        """Log the waits that have lasted long, those of one kind in one line."""
        now = time.monotonic()
        kinds: dict[Any, list[_Wait]] = {}
        with self._lock:
            waits = list(self._under_way.values())
        for wait in waits:
            if now - wait.since >= self.first:
                kinds.setdefault((wait.what, wait.fields), []).append(wait)
        for kind, found in kinds.items():
            due, interval = self._next.get(kind, (0.0, self.first))
            if now >= due:
                interval = min(interval * GROWTH, LONGEST)
                self._next[kind] = now + interval, interval
                _log(found, now)


def _log(waits: list[_Wait], now: float) -> None:
    first = min(waits, key=lambda wait: wait.since)
    fields = {"what": first.what, "seconds": round(now - first.since), **dict(first.fields)}
    ids = [job_id for wait in waits for job_id in wait.ids]
    if ids:
        fields |= {"ids": ids[:NAMED], "jobs": len(ids)}
    if len(waits) > 1:
        fields["requests"] = len(waits)
    first.log.warning("waiting", **fields)
