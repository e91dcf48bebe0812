"""A pool of worker processes that normalise jobs, based on `ProcessPoolExecutor`.

The export process reads responses and writes rows. The step between, from a result's bytes to rows with digests, takes
most of the CPU time and needs no connection. A killed worker fails the run and leaves the database unchanged. All
workers end with the export, even if it is killed.
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

MIN_JOBS = 100  # of a source; for fewer, starting workers takes longer than it saves
BATCH_SIZE, MAX_BATCH_BYTES = 50, 256 * 1024  # jobs, and bytes, per task of a worker
WORKER_TIMEOUT = 300.0  # seconds without a result
_METHOD = "fork" if sys.platform == "linux" else "spawn"  # system libraries of macOS are not safe to use after a fork
_SIGNALS = {number for name in ("SIGINT", "SIGTERM", "SIGHUP") if (number := getattr(signal, name, None))}
_HINT = "Run it again. With `workers: 0` in the configuration no worker processes are used"

Normalised = tuple[Outcome, PreparedJob | Unchanged | None]
_Task = tuple[bytes, str, bytes]  # see `Normaliser.job`
_masking: tuple[str | None, frozenset[str]]  # in a worker process: the arguments of `Redactor`
T = TypeVar("T")


class NormaliserPool:
    """A pool of workers, thread-safe. Call `start` in the main thread, before other threads are started."""

    def __init__(self, settings: Settings, timeout: float = WORKER_TIMEOUT) -> None:
        """Store the number of workers, how to mask, and the seconds after which a worker counts as lost."""
        self._workers = settings.workers if sys.executable else 0
        self._redactor = Redactor.of(settings)
        self._salt = settings.salt
        self._executor: ProcessPoolExecutor | None = None
        self._processes: list[multiprocessing.process.BaseProcess] = []
        self._timeout = timeout
        self._failure: BaseException | None = None
        self._previous_hook = threading.excepthook

    def start(self, sources: Iterable[Source]) -> None:
        """Start the workers, if one of the sources has enough jobs.

        Raises:
            SourceError: a process cannot be started.
        """
        if not self._workers or not any(_needs_workers(source) for source in sources):
            return
        before = set(multiprocessing.active_children())
        masking = self._redactor.key, self._redactor.columns
        context = multiprocessing.get_context(_METHOD)
        self._executor = ProcessPoolExecutor(self._workers, context, _init_worker, (masking,))
        self._previous_hook, threading.excepthook = threading.excepthook, self._on_thread_failure
        try:
            with _signals_blocked():
                ready = [self._executor.submit(_do_nothing) for _ in range(self._workers)]
            for each in ready:
                self._result_of(each)
        except OSError as error:
            raise SourceError(f"a worker process cannot be started: {error.strerror}", _HINT) from None
        finally:
            self._processes = [each for each in multiprocessing.active_children() if each not in before]

    def __enter__(self) -> "NormaliserPool":
        return self

    def __exit__(self, *_: object) -> None:
        """Stop the workers."""
        if self._executor is None:
            return
        threading.excepthook = self._previous_hook
        self._executor.shutdown(wait=False, cancel_futures=True)
        for process in self._processes:
            process.join(5)
            process.kill()

    def normalised(
        self, source: Source, outcomes: Iterable[Outcome], served: Mapping[str, bytes]
    ) -> Iterator[Normalised]:
        """Yield every outcome in order, with the normalised job if it was read.

        Args:
            served: job id -> digest of the last response; a job with the same response is `Unchanged`.

        Raises:
            SourceError: a worker is lost.
        """
        if self._executor is None or not _needs_workers(source):
            for outcome in outcomes:
                yield from self._batch_results([(outcome, None)], None, served)
            return
        waiting: deque[tuple[list[_Checked], _Jobs | None]] = deque()
        try:
            for batch in _batches(self._with_unchanged(outcomes, served)):
                waiting.append((batch, self._submit(self._executor, batch)))
                while len(waiting) > 2 * self._workers or (waiting and _is_done(waiting[0][1])):
                    yield from self._batch_results(*waiting.popleft(), served)
            while waiting:
                yield from self._batch_results(*waiting.popleft(), served)
        finally:
            for _, jobs in waiting:
                if jobs is not None:
                    jobs.cancel()

    def _with_unchanged(self, outcomes: Iterable[Outcome], served: Mapping[str, bytes]) -> "Iterator[_Checked]":
        """Pair each outcome with its job if it is unchanged: a check here costs less than a task of a worker."""
        for outcome in outcomes:
            unchanged = None
            if isinstance(outcome, Read) and not _is_large(outcome):
                with suppress(ValueError):  # reported when the job is normalised
                    unchanged = self._normaliser.unchanged(*self._task(outcome), served.get(outcome.job_id))
            yield outcome, unchanged

    def _submit(self, executor: ProcessPoolExecutor, batch: "list[_Checked]") -> "_Jobs | None":
        """Submit the jobs of a batch; None if there are none, or if a large one is normalised in this process."""
        tasks = [self._task(each) for each, unchanged in batch if isinstance(each, Read) and unchanged is None]
        if not tasks or _is_large(batch[0][0]):
            return None
        try:
            return executor.submit(_normalise_batch, tasks)
        except BrokenProcessPool:
            raise SourceError("a worker process ended", _HINT) from None

    def _batch_results(
        self, batch: "list[_Checked]", jobs: "_Jobs | None", served: Mapping[str, bytes]
    ) -> Iterator[Normalised]:
        found = iter(self._result_of(jobs) if jobs is not None else ())
        for outcome, unchanged in batch:
            if not isinstance(outcome, Read) or unchanged is not None:
                yield outcome, unchanged
                continue
            job = next(found) if jobs is not None else self._normalise_here(outcome, served)
            yield (outcome, job) if job is not None else (_unread(outcome), None)

    def _result_of(self, future: Future[T]) -> T:
        """Return the result of a worker.

        Raises:
            SourceError: a worker ended, or does not answer.
            RuntimeError, MemoryError, OSError: a thread of the pool failed for lack of threads or memory.
        """
        until = time.monotonic() + self._timeout
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

    def _on_thread_failure(self, failed: threading.ExceptHookArgs) -> None:
        """Keep the error of a thread of the pool for `_result_of`, which would wait for a result for ever."""
        if isinstance(failed.exc_value, MemoryError | RuntimeError | OSError):
            self._failure = failed.exc_value
        else:
            self._previous_hook(failed)

    def _task(self, read: Read) -> _Task:
        salt = self._salt + (read.listing.text if read.listing is not None else b"")
        return read.result.raw, read.job_id, salt

    def _normalise_here(self, read: Read, served: Mapping[str, bytes]) -> PreparedJob | Unchanged | None:
        if isinstance(read.result, LargeResult):
            return normalise_large(self._normaliser, read.result, read.job_id)
        return _normalise_task(self._normaliser, self._task(read), served.get(read.job_id))

    @cached_property
    def _normaliser(self) -> Normaliser:
        return Normaliser(self._redactor)


_Jobs = Future[list[PreparedJob | Unchanged | None]]
_Checked = tuple[Outcome, Unchanged | None]


def _needs_workers(source: Source) -> bool:
    return not source.replay and (source.jobs is None or len(source.jobs) >= MIN_JOBS)


def _is_large(outcome: Outcome) -> bool:
    return isinstance(outcome, Read) and isinstance(outcome.result, LargeResult)


def _is_done(jobs: _Jobs | None) -> bool:
    return jobs is None or jobs.done()


def _batches(outcomes: Iterable[_Checked]) -> Iterator[list[_Checked]]:
    """Group outcomes into batches; a large job is a batch of its own."""
    batch: list[_Checked] = []
    size = 0
    for outcome, unchanged in outcomes:
        is_full = len(batch) == BATCH_SIZE or size >= MAX_BATCH_BYTES
        if batch and (is_full or _is_large(outcome) or _is_large(batch[0][0])):
            yield batch
            batch, size = [], 0
        batch.append((outcome, unchanged))
        size += len(outcome.result.raw) if isinstance(outcome, Read) and unchanged is None else 0
    if batch:
        yield batch


def _unread(read: Read) -> Unread:
    return Unread(
        read.job_id, "unreadable_job", "its result is nested too deeply, or is not text in UTF-8", read.listing
    )


@contextmanager
def _signals_blocked() -> Iterator[None]:
    """Block signals while workers start, until each ignores them: only the export handles signals."""
    if not hasattr(signal, "pthread_sigmask"):
        yield
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, _SIGNALS)
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


# -- in the workers


def _init_worker(masking: tuple[str | None, frozenset[str]]) -> None:
    global _masking  # noqa: PLW0603  # set once per process
    _masking = masking
    for number in _SIGNALS:  # a signal may go to the whole process group; the export handles it
        signal.signal(number, signal.SIG_IGN)
    if hasattr(signal, "pthread_sigmask"):
        signal.pthread_sigmask(signal.SIG_UNBLOCK, _SIGNALS)
    gc.freeze()  # keeps memory shared with the parent: the collector would write to it
    signal.set_wakeup_fd(-1)
    with suppress(RuntimeError):  # no thread available
        threading.Thread(target=_exit_with_parent, daemon=True).start()


def _exit_with_parent() -> None:
    """Exit with the export: if it is killed, nothing else ends this process."""
    parent = multiprocessing.parent_process()
    assert parent is not None
    connection.wait([parent.sentinel])
    os._exit(0)


def _do_nothing() -> None:
    """Do nothing: its result shows that a worker has started."""


@cache
def _normaliser() -> Normaliser:
    return Normaliser(Redactor(*_masking))


def _normalise_batch(tasks: Sequence[_Task]) -> list[PreparedJob | Unchanged | None]:
    return [_normalise_task(_normaliser(), task) for task in tasks]


def _normalise_task(normaliser: Normaliser, task: _Task, before: bytes | None = None) -> PreparedJob | Unchanged | None:
    """Normalise one job; None if its bytes cannot be read."""
    try:
        return normaliser.job(*task, before)
    except ValueError:
        return None
