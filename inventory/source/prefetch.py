"""Runs tasks in a pool ahead of the caller, a bounded number at once; results in order or unordered."""

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Executor, Future
from itertools import islice
from queue import SimpleQueue
from typing import TypeVar

__all__ = ["map_unordered", "prefetch"]

T = TypeVar("T")


def prefetch(pool: Executor, width: int, tasks: Iterable[Callable[[], T]]) -> Iterator[T]:
    """Run tasks in a pool and yield their results in the tasks' order, at most `width` ahead of the caller."""
    waiting: deque[Future[T]] = deque()
    try:
        for task in tasks:
            waiting.append(pool.submit(task))
            if len(waiting) >= width:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()
    finally:
        for future in waiting:
            future.cancel()


def map_unordered(pool: Executor, width: int, tasks: Iterable[Callable[[], T]]) -> Iterator[T]:
    """Like `prefetch`, but yield results as they complete: a task that waits for a retry delays no other."""
    left, done = iter(tasks), SimpleQueue[Future[T]]()
    waiting: set[Future[T]] = set()
    try:
        while True:
            for task in islice(left, width - len(waiting)):
                future = pool.submit(task)
                waiting.add(future)
                future.add_done_callback(done.put)
            if not waiting:
                return
            future = done.get()
            waiting.remove(future)
            yield future.result()
    finally:
        for future in waiting:
            future.cancel()
