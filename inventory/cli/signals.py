"""SIGTERM, SIGHUP and Ctrl-C end a run within a second, whatever it is at.

Python runs a signal's handler between two steps of the main thread, so a long SQL statement or a worker that
waits for the network would keep it waiting. Here the C level writes each signal to a socket at once, and a
thread of its own reads it there: first it wishes everybody to stop, then it ends the process the hard way.
That leaves nothing half written, since what a transaction did not commit was not written.
"""

import os
import select
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from socket import socketpair
from threading import Thread

from inventory.common.cancellation import Stop
from inventory.common.errors import StoppedError
from inventory.common.safe_text import CLEAR_LINE

__all__ = ["stopping"]

SIGNALS = (signal.SIGTERM, signal.SIGINT)
LastWords = Callable[[str], str]  # what ended the run -> what is still to be written to stderr


@contextmanager
def stopping(stop: Stop, grace: float = 0.7, last_words: LastWords | None = None) -> Iterator[None]:
    """Heed SIGTERM and Ctrl-C, also where they were ignored before; for the main thread alone.

    So too SIGHUP, which a lost session sends, unless it is ignored: `nohup` asks for that.

    The first sets `stop`, and the block has `grace` seconds to be left; a second ends the process at once.
    After a signal the process is bound to end: the handlers stay, and threads that still wait do not hold it.

    Args:
        last_words: gives what is written where the process ends at once; it must wait for nothing. Without it the
            error's line, unless the block was left, whose caller tells the person.

    Raises:
        StoppedError: a signal came while the block ran.
    """
    watch = _Watch(stop, grace, last_words)
    watch.start()  # before anything is changed: the system may refuse a thread
    old_descriptor = signal.set_wakeup_fd(watch.writing.fileno(), warn_on_full_buffer=False)
    old_handlers = {each: signal.signal(each, lambda *_: None) for each in _heeded()}
    try:
        yield
    finally:
        if watch.heard:
            watch.left = True
            raise StoppedError(watch.message)
        for each, handler in old_handlers.items():
            signal.signal(each, handler)
        signal.set_wakeup_fd(old_descriptor)
        watch.writing.close()
        watch.join()


def _heeded() -> list[signal.Signals]:
    hangup = getattr(signal, "SIGHUP", None)  # which Windows has not
    if hangup is None or signal.getsignal(hangup) == signal.SIG_IGN:
        return [*SIGNALS]
    return [*SIGNALS, hangup]


class _Watch(Thread):
    """Waits for signals. `heard`: the first one's name; `left`: the block was left, whose caller tells the person."""

    def __init__(self, stop: Stop, grace: float, last_words: LastWords | None) -> None:
        super().__init__(name="signals", daemon=True)
        self._stop_all = stop
        self._grace = grace
        self._reading, self.writing = socketpair()
        self.writing.settimeout(0)
        self.heard = ""
        self.left = False
        self._last_words = last_words or (lambda message: "" if self.left else f"error: {message}\n")

    @property
    def message(self) -> str:
        return f"stopped by {self.heard}; what was not finished was not written"

    def run(self) -> None:
        with self._reading:
            number = self._reading.recv(1)
            if not number:  # the block was left in peace
                return
            self.heard = signal.Signals(number[0]).name
            self._stop_all.set()
            select.select([self._reading], [], [], self._grace)  # a second signal, or time
            try:
                _tell(self._last_words(self.message))
            finally:
                os._exit(1)


def _tell(text: str) -> None:
    """Write to stderr unless that would wait: past Python's buffer and its lock, which the main thread may hold."""
    with suppress(OSError, ValueError):
        if text and select.select([], [2], [], 0)[1]:
            os.write(2, ((CLEAR_LINE if os.isatty(2) else "") + text).encode("ascii", "backslashreplace"))
