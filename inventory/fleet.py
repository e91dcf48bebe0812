"""Several sources in one run: a bounded number at once, each written or not on its own, the worst telling the exit."""

import time
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait

from inventory.collect import Result, Run, export_source
from inventory.errors import InventoryError, StoppedError
from inventory.log import bound, logger
from inventory.outcome import SourceOutcome
from inventory.settings import Source

__all__ = ["export_all", "worst"]

PARTIAL = 3
Told = Callable[[Source, Result], None]


def export_all(sources: Sequence[Source], run: Run, told: Told) -> list[SourceOutcome]:
    """Export sources side by side, as many at once as the settings allow.

    Args:
        told: called for each result, from the thread that has it.

    Returns:
        What became of each source, in their order.

    Raises:
        StoppedError: it was asked to stop; what still runs is left to end with the process.
    """
    pool = ThreadPoolExecutor(run.settings.parallel, thread_name_prefix="source")
    futures: list[Future[SourceOutcome]] = [pool.submit(_export, source, run, told) for source in sources]
    waiting = set(futures)
    try:
        while waiting:
            run.stop.check()
            _, waiting = wait(waiting, timeout=0.1, return_when=FIRST_COMPLETED)
    finally:
        pool.shutdown(wait=False, cancel_futures=True)
    run.stop.check()
    return [future.result() for future in futures]


def _export(source: Source, run: Run, told: Told) -> SourceOutcome:
    """Export one source; whatever goes wrong is its own outcome."""
    began = time.monotonic()
    results: list[Result] = []
    code, error = 0, ""
    with bound(run_id=run.run_id, source=source.name):
        logger().info("started")
        try:
            for result in export_source(source, run):
                results.append(result)
                _log(result, time.monotonic() - began)
                told(source, result)
        except StoppedError:
            raise
        except InventoryError as failure:
            code, error = failure.exit_code, str(failure)
        except OSError as failure:
            code, error = 1, f"{failure.filename or 'the system'}: {failure.strerror or type(failure).__name__}"
        except Exception as failure:  # noqa: BLE001  # a fault of ours must not take the other sources along
            code, error = 1, f"an unexpected {type(failure).__name__}; run it with -v and report what it logs"
            logger().debug("unexpected", exc_info=failure)
    rows = [result.snapshot for result in results if result.snapshot is not None]
    if not error and any(row["status"] == "partial" for row in rows):
        code = PARTIAL
    findings: dict[str, int] = {}
    for kind, count in (results[-1].findings if results else {}).items():
        findings[kind] = findings.get(kind, 0) + count
    return SourceOutcome(
        source=source.name,
        code=code,
        snapshot=rows[-1] if rows else None,
        seconds=time.monotonic() - began,
        throttles=sum(result.throttles for result in results),
        findings=findings,
        error=error,
    )


def _log(result: Result, seconds: float) -> None:
    row = result.snapshot
    if row is None:
        logger().info("skipped", recording=result.label, snapshot=result.already)
        return
    names = ("status", "consistency", "jobs", "added", "changed", "removed", "unreadable", "requests", "retries")
    logger().info(
        "exported", snapshot=row["id"], **{name: row[name] for name in names}, throttles=result.throttles,
        findings=sum(result.findings.values()), seconds=round(seconds, 3), digest=row["digest"],
    )  # fmt: skip


def worst(codes: Iterable[int]) -> int:
    """Return the exit code of several sources: 1, 75, 3, 2, 0, the worst first."""
    order = [1, 75, 3, 2, 0]
    return min(codes, key=order.index, default=0)
