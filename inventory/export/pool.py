"""Processes that normalise jobs beside the export: a pool of the standard library.

The export reads answers and writes rows; what lies between, from a result's bytes to rows with their digests, takes
most of a night's processor time and needs no connection to anything. A process that is killed costs the run, never
the database. All of them end with the export, however that ends.
"""

import gc
import multiprocessing
import os
import signal
import sys
import threading
import time
from collections import deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager, suppress
from functools import cache, cached_property
from multiprocessing import connection
from typing import TypeVar

from inventory.common.errors import SourceError
from inventory.config.settings import Settings, Source
from inventory.normalise.fast import Normaliser
from inventory.normalise.large import normalise_large
from inventory.normalise.prepared import PreparedJob, Unchanged
from inventory.normalise.redact import Redactor
from inventory.normalise.split import LargeResult
from inventory.source.reading import Outcome, Read, Unread

__all__ = ["NormaliserPool"]

ENOUGH = 100  # jobs that are worth a process
MANY, MUCH = 50, 256 * 1024  # jobs, and bytes of them, that are handed over together
LOST = 300.0  # seconds
_METHOD = "fork" if sys.platform == "linux" else "spawn"  # elsewhere a fork may not call the system's libraries
_SIGNALS = {number for name in ("SIGINT", "SIGTERM", "SIGHUP") if (number := getattr(signal, name, None))}
_HINT = "Run it again. With `workers: 0` in the configuration no worker processes are used"

Normalised = tuple[Outcome, PreparedJob | Unchanged | None]
_Task = tuple[bytes, str, bytes]  # see `Normaliser.job`
_masking: tuple[str | None, frozenset[str]]  # of a worker process; see `Redactor`
T = TypeVar("T")


class NormaliserPool:
    """A number of processes. Safe to share between threads; `start` is for the main thread, before there are others."""

    def __init__(self, settings: Settings, patience: float = LOST) -> None:
        """Take how many, how to mask, and after how many seconds without an answer a process counts as lost."""
        self._number = settings.workers if sys.executable else 0
        self._redactor = Redactor.of(settings)
        self._salt = settings.salt
        self._executor: ProcessPoolExecutor | None = None
        self._processes: list[multiprocessing.process.BaseProcess] = []
        self._patience = patience
        self._failure: BaseException | None = None
        self._hook = threading.excepthook

    def start(self, sources: Iterable[Source]) -> None:
        """Start the processes, if one of the sources is work enough for them.

        Raises:
            SourceError: the system gives none.
        """
        if not self._number or not any(_is_worth(source) for source in sources):
            return
        before = set(multiprocessing.active_children())
        masking = self._redactor.key, self._redactor.columns
        self._executor = ProcessPoolExecutor(self._number, multiprocessing.get_context(_METHOD), _begin, (masking,))
        self._hook, threading.excepthook = threading.excepthook, self._thread_failed
        try:
            with _signals_held():
                ready = [self._executor.submit(_ready) for _ in range(self._number)]
            for each in ready:
                self._wait(each)
        except OSError as error:
            raise SourceError(f"a worker process cannot be started: {error.strerror}", _HINT) from None
        finally:
            self._processes = [each for each in multiprocessing.active_children() if each not in before]

    def __enter__(self) -> "NormaliserPool":
        return self

    def __exit__(self, *_: object) -> None:
        """End them."""
        if self._executor is None:
            return
        threading.excepthook = self._hook
        self._executor.shutdown(wait=False, cancel_futures=True)
        for process in self._processes:
            process.join(5)
            process.kill()

    def normalised(
        self, source: Source, outcomes: Iterable[Outcome], served: Mapping[str, bytes]
    ) -> Iterator[Normalised]:
        """Yield every outcome in its turn, and with a job that was read what it comes to.

        Args:
            served: of some jobs, the digest of what was served the last time; if that comes again, the job is
                `Unchanged`.

        Raises:
            SourceError: a process is lost.
        """
        if self._executor is None or not _is_worth(source):
            for outcome in outcomes:
                yield from self._results([(outcome, None)], None, served)
            return
        waiting: deque[tuple[list[_Checked], _Jobs | None]] = deque()
        try:
            for group in _groups(self._checked(outcomes, served)):
                waiting.append((group, self._submitted(self._executor, group)))
                while len(waiting) > 2 * self._number or (waiting and _is_done(waiting[0][1])):
                    yield from self._results(*waiting.popleft(), served)
            while waiting:
                yield from self._results(*waiting.popleft(), served)
        finally:
            for _, jobs in waiting:
                if jobs is not None:
                    jobs.cancel()

    def _checked(self, outcomes: Iterable[Outcome], served: Mapping[str, bytes]) -> "Iterator[_Checked]":
        """Pair each outcome with its job if that is unchanged: most are, and to hand it over would cost more."""
        for outcome in outcomes:
            unchanged = None
            if isinstance(outcome, Read) and not _is_large(outcome):
                with suppress(ValueError):  # whoever normalises it says so
                    unchanged = self._normaliser.unchanged(*self._task(outcome), served.get(outcome.job_id))
            yield outcome, unchanged

    def _submitted(self, executor: ProcessPoolExecutor, group: "list[_Checked]") -> "_Jobs | None":
        """Hand over the jobs that were read; None where there is none, or one that stays in this process."""
        tasks = [self._task(each) for each, unchanged in group if isinstance(each, Read) and unchanged is None]
        if not tasks or _is_large(group[0][0]):
            return None
        try:
            return executor.submit(_normalise, tasks)
        except BrokenProcessPool:
            raise SourceError("a worker process ended", _HINT) from None

    def _results(
        self, group: "list[_Checked]", jobs: "_Jobs | None", served: Mapping[str, bytes]
    ) -> Iterator[Normalised]:
        found = iter(self._wait(jobs) if jobs is not None else ())
        for outcome, unchanged in group:
            if not isinstance(outcome, Read) or unchanged is not None:
                yield outcome, unchanged
                continue
            job = next(found) if jobs is not None else self._job(outcome, served)
            yield (outcome, job) if job is not None else (_unread(outcome), None)

    def _wait(self, future: Future[T]) -> T:
        """Return what a process answers.

        Raises:
            SourceError: a process ended, or stands still.
            RuntimeError, MemoryError: the system has no thread or no memory for the pool.
        """
        until = time.monotonic() + self._patience
        while True:
            try:
                return future.result(timeout=1)
            except BrokenProcessPool:
                raise SourceError("a worker process ended", _HINT) from None
            except TimeoutError:
                if self._failure is not None:
                    raise self._failure from None
                if time.monotonic() > until:
                    raise SourceError("a worker process does not answer", _HINT) from None

    def _thread_failed(self, failed: threading.ExceptHookArgs) -> None:
        """Keep why a thread of the pool ended: it would not answer any more. Whoever waits says so."""
        if isinstance(failed.exc_value, MemoryError | RuntimeError | OSError):
            self._failure = failed.exc_value
        else:
            self._hook(failed)

    def _task(self, read: Read) -> _Task:
        salt = self._salt + (read.listing.text if read.listing is not None else b"")
        return read.result.raw, read.job_id, salt

    def _job(self, read: Read, served: Mapping[str, bytes]) -> PreparedJob | Unchanged | None:
        if isinstance(read.result, LargeResult):
            return normalise_large(self._normaliser, read.result, read.job_id)
        return _normalised(self._normaliser, self._task(read), served.get(read.job_id))

    @cached_property
    def _normaliser(self) -> Normaliser:
        return Normaliser(self._redactor)


_Jobs = Future[list[PreparedJob | Unchanged | None]]
_Checked = tuple[Outcome, Unchanged | None]


def _is_worth(source: Source) -> bool:
    return not source.replay and (source.jobs is None or len(source.jobs) >= ENOUGH)


def _is_large(outcome: Outcome) -> bool:
    return isinstance(outcome, Read) and isinstance(outcome.result, LargeResult)


def _is_done(jobs: _Jobs | None) -> bool:
    return jobs is None or jobs.done()


def _groups(outcomes: Iterable[_Checked]) -> Iterator[list[_Checked]]:
    """Put together what is handed over together; a job that is too large for that stays alone."""
    group: list[_Checked] = []
    size = 0
    for outcome, unchanged in outcomes:
        if group and (_is_large(outcome) or _is_large(group[0][0]) or len(group) == MANY or size >= MUCH):
            yield group
            group, size = [], 0
        group.append((outcome, unchanged))
        size += len(outcome.result.raw) if isinstance(outcome, Read) and unchanged is None else 0
    if group:
        yield group


def _unread(read: Read) -> Unread:
    return Unread(
        read.job_id, "unreadable_job", "its result is nested too deeply, or is not text in UTF-8", read.listing
    )


@contextmanager
def _signals_held() -> Iterator[None]:
    """Let no signal reach a process that is being started before it ignores those that are the export's to hear."""
    if not hasattr(signal, "pthread_sigmask"):
        yield
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, _SIGNALS)
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


# -- in the processes


def _begin(masking: tuple[str | None, frozenset[str]]) -> None:
    global _masking  # noqa: PLW0603  # what the process is told once
    _masking = masking
    for number in _SIGNALS:  # sent to the whole group, perhaps: the export's to hear
        signal.signal(number, signal.SIG_IGN)
    if hasattr(signal, "pthread_sigmask"):
        signal.pthread_sigmask(signal.SIG_UNBLOCK, _SIGNALS)
    gc.freeze()  # what was made so far is shared, as long as nobody writes to it
    signal.set_wakeup_fd(-1)
    with suppress(RuntimeError):  # the system has no thread for it
        threading.Thread(target=_end_with_export, daemon=True).start()


def _end_with_export() -> None:
    """End when the export does, even if it is killed: nobody closes the queue then."""
    export = multiprocessing.parent_process()
    assert export is not None
    connection.wait([export.sentinel])
    os._exit(0)


def _ready() -> None:
    """Do nothing, in a process that is there."""


@cache
def _normaliser() -> Normaliser:
    return Normaliser(Redactor(*_masking))


def _normalise(tasks: Sequence[_Task]) -> list[PreparedJob | Unchanged | None]:
    return [_normalised(_normaliser(), task) for task in tasks]


def _normalised(normaliser: Normaliser, task: _Task, before: bytes | None = None) -> PreparedJob | Unchanged | None:
    """Return what a job comes to; None where its bytes cannot be read."""
    try:
        return normaliser.job(*task, before)
    except ValueError:
        return None
