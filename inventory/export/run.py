"""Export several sources in one run: a limited number at once, each with its own result; the worst sets the exit code.

Sources with the oldest complete snapshot come first, so that sources left out by a deadline are first the next night.
"""

import time
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Protocol, TypeVar

from inventory.common import trace
from inventory.common.errors import DeadlineError, ExitCode, InventoryError, StoppedError, StoreError, system_refusal
from inventory.common.log import bound, logger
from inventory.config.settings import Source
from inventory.diff.records import SourceDiff
from inventory.diff.select import Selection
from inventory.export.flow import Result, Run, export_source, plan_source
from inventory.export.outcome import SourceOutcome
from inventory.store.reader import last_success
from inventory.store.sources import reserve_ids

__all__ = ["Listener", "Planned", "export_all", "plan_all", "worst"]

LEFT_OUT = "left out"
T = TypeVar("T")
OnFailure = Callable[[str, int, str, float], None]  # source, exit code, why, seconds


class Listener(Protocol):
    """Callbacks for the results of sources; called in the thread of the source, with its log fields bound."""

    def result(self, source: Source, result: Result) -> None: ...

    def failed(self, source: str, code: int, error: str, seconds: float) -> None: ...

    def done(self, outcome: SourceOutcome) -> None: ...


@dataclass(frozen=True)
class Planned:
    """The result of `plan` for one source; `diff` is None if it failed, and `error` is the message."""

    source: str
    diff: SourceDiff | None
    code: int
    error: str


def export_all(sources: Sequence[Source], run: Run, listener: Listener) -> list[SourceOutcome]:
    """Export sources concurrently, as many at once as the settings allow, until the run's deadline.

    Returns:
        The outcomes, in the order of the sources.

    Raises:
        StoppedError: the run was cancelled; threads that still run end with the process.
    """
    numbered = replace(run, new_ids=_new_ids(sources, run))
    return _run_concurrently(sources, numbered, lambda source: _export(source, numbered, listener))


def plan_all(sources: Sequence[Source], run: Run, what: Selection, failed: OnFailure) -> list[Planned]:
    """Compare sources with their last snapshots, concurrently.

    Args:
        failed: called for each source that cannot be compared, in its thread.

    Raises:
        StoppedError: the run was cancelled.
    """

    def plan(source: Source) -> Planned:
        found: list[SourceDiff] = []
        code, error = _run_source(source, run, lambda: found.append(plan_source(source, run, what)), failed)
        diff = found[0] if found else None
        if diff is not None and diff.end["id"] is None and diff.end["status"] == "partial":
            code = ExitCode.PARTIAL
        return Planned(source.name, diff, code, error)

    return _run_concurrently(sources, run, plan)


def _run_concurrently(sources: Sequence[Source], run: Run, work: Callable[[Source], T]) -> list[T]:
    pool = ThreadPoolExecutor(run.settings.parallel, thread_name_prefix="source")
    futures: dict[str, Future[T]] = {source.name: pool.submit(work, source) for source in _oldest_first(sources, run)}
    waiting = set(futures.values())
    try:
        with run.stop.waits.log_long_waits():
            while waiting:
                run.stop.check()
                _, waiting = wait(waiting, timeout=0.1, return_when=FIRST_COMPLETED)
    finally:
        pool.shutdown(wait=False, cancel_futures=True)
    run.stop.check()
    return [futures[source.name].result() for source in sources]


def _new_ids(sources: Sequence[Source], run: Run) -> dict[str, int]:
    """Let new sources get ids in the order of the configuration, not in that in which they finish."""
    if len(sources) < 2:
        return {}
    try:
        return reserve_ids(run.store, [source.name for source in sources])
    except StoreError:  # if the error persists, each source reports it
        return {}


def _oldest_first(sources: Sequence[Source], run: Run) -> list[Source]:
    """Order sources by their last complete snapshot: first those without one, then the oldest."""
    if len(sources) <= run.settings.parallel:
        return list(sources)
    try:
        last = last_success(run.store)
    except StoreError:  # if the error persists, each source reports it
        last = {}
    never = datetime.min.replace(tzinfo=UTC)
    return sorted(sources, key=lambda source: last.get(source.name) or never)


def _run_source(source: Source, run: Run, work: Callable[[], None], failed: OnFailure) -> tuple[int, str]:
    """Run the work of one source; on an error call `failed` and return its exit code and message."""
    began = time.monotonic()
    about = {"inventory.source": source.name, "cloud.region": source.region}
    with bound(run_id=run.run_id, source=source.name), trace.span("source", about):
        try:
            _check_deadline(run)
            logger().info("started")
            work()
        except StoppedError:
            raise
        except InventoryError as failure:
            run.stop.check()  # an error after a cancellation is not a failure of the source
            code, error = failure.exit_code, str(failure)
            trace.record_error(type(failure).__name__, failure.summary)
        except Exception as failure:  # noqa: BLE001  # a bug must not fail the other sources
            code, error = 1, _describe(failure)
            trace.record_error(type(failure).__name__)
        else:
            return 0, ""
        failed(source.name, code, error, time.monotonic() - began)
    return code, error


def _check_deadline(run: Run) -> None:
    try:
        run.time.check()
    except DeadlineError as error:
        logger().warning("left out", why=error.summary)
        hint = "It comes first in the next run; raise `deadline`, or `parallel`, if this happens often"
        raise DeadlineError(f"{LEFT_OUT}: {error.summary} before it began", hint) from None


def _describe(failure: Exception) -> str:
    if (refusal := system_refusal(failure)) is not None:
        return refusal
    logger().debug("unexpected", exc_info=failure)
    return f"unexpected {type(failure).__name__}; run it again with -v and report the log"


def _export(source: Source, run: Run, listener: Listener) -> SourceOutcome:
    began = time.monotonic()
    results: list[Result] = []

    def work() -> None:
        for result in export_source(source, run):
            results.append(result)
            _log(result, time.monotonic() - began)
            _trace(result)
            listener.result(source, result)

    code, error = _run_source(source, run, work, listener.failed)
    rows = [result.snapshot for result in results if result.snapshot is not None]
    if not error and any(row["status"] == "partial" for row in rows):
        code = ExitCode.PARTIAL
    findings: dict[str, int] = {}
    for kind, count in (results[-1].findings if results else {}).items():
        findings[kind] = findings.get(kind, 0) + count
    outcome = SourceOutcome(
        source=source.name,
        code=code,
        snapshot=rows[-1] if rows else None,
        seconds=time.monotonic() - began,
        throttles=sum(result.throttles for result in results),
        findings=findings,
        error=error,
        left_out=error.startswith(LEFT_OUT),
    )
    listener.done(outcome)
    return outcome


def _log(result: Result, seconds: float) -> None:
    row = result.snapshot
    if row is None:
        logger().info("skipped", recording=result.label, snapshot=result.already)
        return
    names = (
        "status", "consistency", "jobs", "added", "changed", "removed", "deselected", "unreadable", "requests",
        "retries",
    )  # fmt: skip
    logger().info(
        "exported", snapshot=row["id"], **{name: row[name] for name in names}, throttles=result.throttles,
        findings=sum(result.findings.values()), seconds=round(seconds, 3), digest=row["digest"],
    )  # fmt: skip
    if result.signing:
        logger().warning("signing", snapshot=row["id"], detail=result.signing)


def _trace(result: Result) -> None:
    if result.snapshot is not None:
        names = ("status", "jobs", "added", "changed", "removed", "deselected", "unreadable", "requests", "retries")
        figures = {f"inventory.{name}": result.snapshot[name] for name in names}
        trace.annotate({"inventory.snapshot": result.snapshot["id"], **figures})


def worst(codes: Iterable[int]) -> int:
    """Return the exit code of several sources, the worst first."""
    order: list[int] = [ExitCode.FAILED, ExitCode.BUSY, ExitCode.PARTIAL, ExitCode.CHANGES, ExitCode.DONE]
    return min(codes, key=order.index, default=0)
