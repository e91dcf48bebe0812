"""Tell systemd how a run is: ready, how far, alive, ending. This is the protocol of sd_notify(3).

A service of `Type=notify` is started when READY=1 comes. With `WatchdogSec=` systemd ends a service from which no
WATCHDOG=1 comes in that time. It is sent only if there was a sign of life since the last one, so a run that hangs is
ended. A message that cannot be sent fails no run.
"""

import os
import re
import socket
import time
from collections.abc import Mapping
from contextlib import suppress
from threading import Event, Thread

from inventory.common.safe_text import clean
from inventory.common.waits import Waits

__all__ = ["ServiceManager"]

TICK = 1.0  # seconds between two messages about progress, at least
SEND_TIMEOUT = 0.5  # seconds, for a manager that does not read its socket
NAMED = 5  # sources that the status names
_MICROSECONDS = 1_000_000
_NUMBER = re.compile(r"[1-9][0-9]{0,19}\Z")


class ServiceManager:
    """Sends messages to the socket that NOTIFY_SOCKET names, some of them from a thread of its own."""

    def __init__(self, environment: Mapping[str, str], waits: Waits) -> None:
        """Take the variables that systemd sets, and the register that has the run's signs of life."""
        address = environment["NOTIFY_SOCKET"]
        self._address = "\0" + address[1:] if address.startswith("@") else address  # in the abstract name space
        self._watchdog = _watchdog_seconds(environment)
        self._waits = waits
        self._ended = Event()
        self._sources: dict[str, tuple[int, int]] = {}
        self._fed_at = self._fed_for = time.monotonic()

    def start(self) -> None:
        """Tell that the run is ready, and go on telling how it is."""
        self._send("READY=1\nSTATUS=exporting")
        with suppress(RuntimeError):  # no more threads: the watchdog will not be fed
            Thread(target=self._work, name="systemd", daemon=True).start()

    def advance(self, source: str, done: int, total: int) -> None:
        """Note how many jobs of a source are done, of how many that are known by now: a sign of life."""
        self._sources[source] = done, total
        self._waits.sign()

    def stopping(self, code: int) -> None:
        """Tell that the run ends."""
        self._ended.set()
        self._send(f"STOPPING=1\nSTATUS=ending with exit code {code}")

    def _work(self) -> None:
        told = ""
        tick = TICK if self._watchdog is None else min(TICK, self._watchdog / 4)
        while not self._ended.wait(tick):
            self._feed()
            if (status := self._status()) != told:
                told = status
                self._send(f"STATUS={status}")

    def _feed(self) -> None:
        """Feed the watchdog, four times in its time at most, if there was a sign of life since the last time."""
        now, sign = time.monotonic(), self._waits.last_sign()
        if self._watchdog is None or now - self._fed_at < self._watchdog / 4 or sign <= self._fed_for:
            return
        self._fed_at, self._fed_for = now, sign
        self._send("WATCHDOG=1")

    def _status(self) -> str:
        sources = dict(self._sources)
        done, total = (sum(each[at] for each in sources.values()) for at in (0, 1))
        under_way = [f"{clean(name)} {d:,}/{t:,}" for name, (d, t) in sources.items() if d < t]
        more = f" and {len(under_way) - NAMED} more" if len(under_way) > NAMED else ""
        names = f" ({', '.join(under_way[:NAMED])}{more})" if under_way else ""
        return f"exporting: {done:,} of {total:,} jobs{names}"

    def _send(self, message: str) -> None:
        with suppress(OSError, ValueError), socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sender:
            sender.settimeout(SEND_TIMEOUT)
            sender.sendto(message.encode("utf-8", "replace"), self._address)


def _watchdog_seconds(environment: Mapping[str, str]) -> float | None:
    """Return the watchdog's time; None if there is none, or it is another process's."""
    text, pid = environment.get("WATCHDOG_USEC", ""), environment.get("WATCHDOG_PID", "")
    if not _NUMBER.match(text) or pid not in ("", str(os.getpid())):
        return None
    return int(text) / _MICROSECONDS
