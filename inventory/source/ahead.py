"""Working ahead: results in order, a bounded number of them under way or waiting."""

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Executor, Future
from typing import TypeVar

__all__ = ["ahead"]

T = TypeVar("T")


def ahead(pool: Executor, width: int, tasks: Iterable[Callable[[], T]]) -> Iterator[T]:
    """Run tasks in a pool and yield their results in the tasks' order, at most `width` ahead of who takes them."""
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
