"""How far a run is, on one line of a terminal: jobs done of all, rate, time left, and which sources.

Not click's own bar: here the total grows while it runs, and several threads tell of several sources.
"""

import os
import time
from collections import deque
from contextlib import suppress
from threading import Lock
from unicodedata import east_asian_width

from inventory.cli.base import echo, safe
from inventory.common.safe_text import CLEAR_LINE

__all__ = ["Progress"]

REDRAW = 0.1  # seconds between two drawings, at least
WINDOW = 100  # drawings that the rate looks back on: ten seconds or more


class Progress:
    """A line on stderr that is drawn over and over; nothing at all unless `shown`. Threads may share it."""

    def __init__(self, label: str, shown: bool) -> None:
        self._label = label
        self._shown = shown
        self._lock = Lock()
        self._sources: dict[str, tuple[int, int]] = {}
        self._drawn: deque[tuple[float, int]] = deque([(time.monotonic(), 0)], maxlen=WINDOW)
        self._visible = False

    def __enter__(self) -> "Progress":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def advance(self, source: str, done: int, total: int) -> None:
        """Tell how many jobs of a source are done, of how many that are known by now."""
        if not self._shown:
            return
        with self._lock:
            self._sources[source] = done, total
            now = time.monotonic()
            if now - self._drawn[-1][0] >= REDRAW:
                self._draw(now)

    def close(self) -> None:
        """Clear the line before anything else is printed; the next `advance` may draw it anew."""
        with self._lock:
            if self._visible:
                echo(CLEAR_LINE, nl=False, err=True)
            self._visible = False

    def _draw(self, now: float) -> None:
        done = sum(done for done, _ in self._sources.values())
        total = sum(total for _, total in self._sources.values())
        before, fewer = self._drawn[0]
        rate = (done - fewer) / (now - before)
        self._drawn.append((now, done))
        parts = [f"{self._label} {done:,}/{total:,} jobs", f"{rate:,.1f}/s"]
        if rate > 0:
            parts.append(f"{_clock((total - done) / rate)} left")
        parts += [f"{safe(name)} {d:,}/{t:,}" for name, (d, t) in self._sources.items() if d < t]
        line = _cut("  ".join(parts), _columns() - 1)
        echo(CLEAR_LINE + line, nl=False, err=True)
        self._visible = True


def _columns() -> int:
    """Return the width of stderr's terminal: stdout may be a file."""
    with suppress(OSError):
        return os.get_terminal_size(2).columns or 80  # 0: it does not say
    return 80


def _clock(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


def _cut(text: str, cells: int) -> str:
    """Cut a text to what fits into one line, since a second one would not be cleared; wide characters count as two."""
    for end, character in enumerate(text):
        cells -= 2 if east_asian_width(character) in "WF" else 1
        if cells < 0:
            return text[:end]
    return text
