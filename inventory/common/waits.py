"""Logs long waits, so that a silent run can be understood, and tells a run that waits or works from one that hangs.

A thread that waits registers the reason. One thread of the run checks the register once a second.
"""

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from threading import Event, Lock, Thread
from typing import Any

__all__ = ["MAX_IDS", "Waits"]

FIRST = 10.0  # seconds until a wait is logged
GROWTH = 3  # the factor from one interval between log lines of a wait to the next
MAX_INTERVAL = 600.0  # seconds, of such an interval
MAX_IDS = 3  # in one log line


@dataclass(frozen=True, slots=True)
class _Wait:
    what: str
    fields: tuple[tuple[str, Any], ...]
    ids: Sequence[str]
    log: Any
    since: float
    until: float


class Waits:
    """The current waits. Safe to share between threads."""

    def __init__(self, first: float = FIRST) -> None:
        """`first`: the seconds after which a wait is logged."""
        self.first = first
        self._lock = Lock()
        self._current: dict[int, _Wait] = {}
        self._number = 0
        self._last_sign = time.monotonic()
        self._next: dict[Any, tuple[float, float]] = {}  # kind of wait -> when to log it again, the next interval

    def sign(self) -> None:
        """Give a sign of life: a step of the work is done."""
        self._last_sign = time.monotonic()

    def last_sign(self) -> float:
        """Return when there was a sign of life, on the monotonic clock.

        Each wait that begins or ends is one. As long as one is in its time, that is now.
        """
        now = time.monotonic()
        with self._lock:
            in_time = any(now < wait.until for wait in self._current.values())
        return now if in_time else self._last_sign

    @contextmanager
    def register(
        self, what: str, *, seconds: float = 0, log: Any = None, ids: Sequence[str] = (), **fields: Any
    ) -> Iterator[None]:
        """Register a wait during the block.

        Args:
            what: what is waited for, for the log.
            seconds: how long the wait may last at most, if that is known. After that it is no sign of life.
            log: the logger; by default one with the fields that are bound in this thread.
            ids: the jobs that wait. The log has the first ids, and their number.
            fields: further fields for the log. Waits with equal `what` and fields are logged together.
        """
        from inventory.common.log import logger  # imported late: commands that only read do not need it

        now = time.monotonic()
        wait = _Wait(what, tuple(sorted(fields.items())), ids, log or logger(), now, now + seconds)
        self.sign()
        with self._lock:
            self._number += 1
            number = self._number
            self._current[number] = wait
        try:
            yield
        finally:
            self.sign()
            with self._lock:
                del self._current[number]

    @contextmanager
    def log_long_waits(self) -> Iterator[None]:
        """Log long waits during the block."""
        ended = Event()

        def watch() -> None:
            while not ended.wait(min(1.0, self.first)):
                self.report()

        with suppress(RuntimeError):  # no more threads: the run works without this one
            Thread(target=watch, name="waits", daemon=True).start()
        try:
            yield
        finally:
            ended.set()

    def report(self) -> None:
        """Log the long waits, one line for each kind."""
        now = time.monotonic()
        kinds: dict[Any, list[_Wait]] = {}
        with self._lock:
            waits = list(self._current.values())
        for wait in waits:
            if now - wait.since >= self.first:
                kinds.setdefault((wait.what, wait.fields), []).append(wait)
        for kind, found in kinds.items():
            due, interval = self._next.get(kind, (0.0, self.first))
            if now >= due:
                interval = min(interval * GROWTH, MAX_INTERVAL)
                self._next[kind] = now + interval, interval
                _log(found, now)


def _log(waits: list[_Wait], now: float) -> None:
    first = min(waits, key=lambda wait: wait.since)
    fields = {"what": first.what, "seconds": round(now - first.since), **dict(first.fields)}
    ids = [job_id for wait in waits for job_id in wait.ids]
    if ids:
        fields |= {"ids": ids[:MAX_IDS], "jobs": len(ids)}
    if len(waits) > 1:
        fields["requests"] = len(waits)
    first.log.warning("waiting", **fields)
