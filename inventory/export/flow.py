"""The nightly flow of one source: lock -> sign in -> outcomes -> rows -> staging -> one snapshot. Read this first.

This module contains no HTTP, SQL or terminal code. A source is written completely or not at all: any failure before
`commit` leaves the database unchanged.
"""

import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from decimal import Decimal
from functools import cache
from itertools import islice
from pathlib import Path
from typing import Any

from inventory.common import trace
from inventory.common.cancellation import Stop
from inventory.common.errors import ConnectionLostError, SourceError
from inventory.common.log import logger
from inventory.common.safe_text import count
from inventory.config.settings import Settings, Source
from inventory.diff.compare import compare
from inventory.diff.records import Snapshot, SourceDiff, Step
from inventory.diff.select import Selection
from inventory.export.collector import Collector
from inventory.export.pool import NormaliserPool
from inventory.normalise.redact import Redactor
from inventory.normalise.walk import Row
from inventory.proof.digest import content_digest
from inventory.proof.signature import SigningKey
from inventory.source.auth import AuthCache
from inventory.source.auth.session import sign_in
from inventory.source.live import LiveReading
from inventory.source.reading import Reading
from inventory.source.record import Recorder
from inventory.source.replay import Recording
from inventory.store.engine import Store
from inventory.store.lock import source_lock
from inventory.store.writer import Result, SourceRow, Writer, open_writer

__all__ = ["Limits", "Progress", "Result", "Run", "export_source", "plan_source"]

Progress = Callable[[str, int, int], None]  # source, jobs done, jobs asked for


@dataclass(frozen=True)
class Limits:
    """Limits beyond which an export fails.

    require_complete: fail if any job could not be read. max_removals: the largest share of the known jobs that may be
    removed, 0 to 1; None for the default, half of ten jobs or more. max_deselections: the same for jobs that are no
    longer in the configuration.
    """

    require_complete: bool = False
    max_removals: Decimal | None = None
    max_deselections: Decimal | None = None


@dataclass(frozen=True)
class Run:
    """What all sources of one run share.

    time: `stop` with the run's deadline, which limits reading and waiting but not the commit. record: the folder for
    recordings, with a subfolder for each source. lock_timeout: seconds to wait for another export of the same source.
    signer: signs the snapshots. begin_signing: accept a last snapshot that its key did not sign. new_ids: the ids of
    sources that are new, by name.
    """

    settings: Settings
    store: Store
    limits: Limits
    stop: Stop
    time: Stop
    auths: AuthCache
    pool: NormaliserPool
    run_id: str
    progress: Progress
    record: Path | None = None
    lock_timeout: float = 0.0
    signer: SigningKey | None = None
    begin_signing: bool = False
    new_ids: Mapping[str, int] = field(default_factory=dict)

    @property
    def redactor(self) -> Redactor:
        return Redactor.of(self.settings)


@dataclass(frozen=True)
class _StagedSnapshot:
    """The arguments of `commit`, and what the result reports: rows of findings, and why jobs were not read."""

    row: dict[str, Any]
    content_digest: str
    findings: list[Row]
    served: dict[str, bytes | None]
    unread: dict[str, str]


def export_source(source: Source, run: Run) -> Iterator[Result]:
    """Export one source: a snapshot for the live project, or one for each of its recordings.

    If the connection to the database breaks, the source is read once more; snapshots already written are kept.

    Raises:
        InventoryError: nothing was written of the failed reading; earlier readings are kept.
    """
    time = run.time.within(source.deadline, "the source")
    run = replace(run, store=run.store.with_retry(source.retry_seconds, run.stop))
    done: list[Result] = []
    try:
        yield from _export_readings(source, run, time, done)
    except ConnectionLostError as error:  # staged rows are lost; a restarted server is soon back
        logger().warning("reading the source once more", why=error.summary)
        # The server may not have noticed yet that the first lock's session is gone.
        run = replace(run, lock_timeout=max(run.lock_timeout, source.retry_seconds))
        yield from _export_readings(source, run, time, done)


def _export_readings(source: Source, run: Run, time: Stop, done: list[Result]) -> Iterator[Result]:
    """Export the readings of a source that are not `done` yet; append each result to `done`."""
    begin = len(done)
    with source_lock(run.store, source.name, run.lock_timeout, time) as lock:
        for reading, row in islice(_open_readings(source, run, time), begin, None):
            signing = run.begin_signing
            with open_writer(run.store, row, run.signer, begin_signing=signing) as writer:
                unconfirmed = _unconfirmed_commit(writer, run, done)
                if unconfirmed is None:
                    done.append(_export(reading, source, writer, run, lock.check))
                else:
                    done.append(Result(reading.label, unconfirmed))
                yield done[-1]


def _unconfirmed_commit(writer: Writer, run: Run, done: list[Result]) -> dict[str, Any] | None:
    """Return a snapshot that this run committed although the connection broke before the confirmation."""
    last = writer.previous
    if last is None or last["run_id"] != run.run_id:
        return None
    known = {result.snapshot["id"] for result in done if result.snapshot is not None}
    return None if last["id"] in known else last


def _open_readings(source: Source, run: Run, time: Stop) -> Iterator[tuple[Reading, SourceRow]]:
    new_id = run.new_ids.get(source.name)
    if source.replay:
        for folder in source.replay:
            row = SourceRow(source.name, source.region, source.project_id, new_id)
            yield Recording(folder, run.redactor, source.excluded), row
        return
    recorder = Recorder(run.record / source.name, source, run.redactor) if run.record else None
    longest = source.retry_seconds + 4 * source.timeout
    with time.waits.register("sign-in", seconds=longest, host=source.endpoint):
        session = sign_in(source, time, run.auths)
    with closing(session.http):
        row = SourceRow(source.name, source.region, session.project_id, new_id)
        yield LiveReading(source, session, run.redactor, time, recorder), row


def _export(reading: Reading, source: Source, writer: Writer, run: Run, check_lock: Callable[[], None]) -> Result:
    if (already := _earlier_snapshot(reading, writer)) is not None:
        return Result(reading.label, None, already)
    staged = _prepare(reading, source, writer, run)
    check_lock()
    run.stop.check()
    with trace.span("commit", {"db.system.name": "sqlite" if run.store.is_sqlite else "postgresql"}):
        snapshot = writer.commit(staged.row, staged.content_digest, staged.served, owner_tag=run.settings.owner_tag)
        trace.annotate({"inventory.snapshot": snapshot["id"], "inventory.digest": snapshot["digest"]})
    kinds: dict[str, int] = {}
    for row in staged.findings:
        kinds[row[1]] = kinds.get(row[1], 0) + 1
    seen = reading.seen
    return Result(reading.label, snapshot, None, kinds, seen.throttles, seen.incomplete, writer.signing, staged.unread)


def _prepare(reading: Reading, source: Source, writer: Writer, run: Run) -> _StagedSnapshot:
    """Read all of a source and stage the rows of its next snapshot."""
    started_at = datetime.now(UTC)
    collector = Collector(writer.staging, writer.base)
    outcomes = reading.outcomes(collector.known, collector.not_found)
    for outcome, job in run.pool.normalised(source, outcomes, collector.usable_served(writer.served)):
        collector.add(outcome, job)
        run.progress(reading.label, collector.done, len(reading.requested))
    _guard(reading, collector, run.limits)
    digests, findings = collector.finish(reading.seen.findings)
    changes = writer.staging.compare()
    deselected = collector.known - reading.requested

    row = {
        "started_at": started_at,
        "observed_from": reading.seen.observed_from,
        "observed_to": reading.seen.observed_to,
        "status": "partial" if collector.unread or reading.seen.incomplete else "complete",
        "consistency": reading.seen.consistency,
        "requested": len(reading.requested),
        "returned": len(collector.read),
        "absent": len(collector.absent),
        "unreadable": len(collector.unread),
        "deselected": len(deselected),
        "jobs": len(collector.read) + len(collector.carried),
        "added": len(changes["added"]),
        "changed": len(changes["changed"]),
        "removed": len(changes["removed"] - deselected),
        "requests": reading.seen.requests,
        "retries": reading.seen.retries,
        "run_id": run.run_id,
    }
    return _StagedSnapshot(row, content_digest(digests.items()), findings, collector.served, collector.unread)


def plan_source(source: Source, run: Run, what: Selection) -> SourceDiff:
    """Compare the current state of a source with its last snapshot; writes nothing, takes no lock.

    Of several new recordings only the first is compared, because each depends on the one before.

    Raises:
        InventoryError: the export would fail too.
        BusyError: an export of the source finished in the meantime.
    """
    run = replace(run, store=run.store.with_retry(source.retry_seconds, run.stop))
    last: Snapshot | None = None
    for reading, row in _open_readings(source, run, run.time.within(source.deadline, "the source")):
        with open_writer(run.store, row) as writer:
            last = {"source": source.name, **writer.previous} if writer.previous else None
            if _earlier_snapshot(reading, writer) is not None:
                continue
            staged = _prepare(reading, source, writer, run)
            end = writer.planned_row(staged.row, staged.content_digest)
            staging = writer.staging
            differing = cache(staging.differing_rows)
            step = Step.held(source.name, last, end, differing, staging.current_rows, findings=staged.findings)
            # All jobs in one piece, which is kept: what is staged is gone before anything is printed.
            diff = compare(step, what, piece=sys.maxsize)
            writer.check()
            return diff
    assert last is not None  # the configuration allows no source without a reading
    return SourceDiff(source.name, last, last)


def _earlier_snapshot(reading: Reading, writer: Writer) -> int | None:
    """Return the id of the snapshot of a recording that was exported before; refuse an outdated recording."""
    if not isinstance(reading, Recording) or writer.previous is None:
        return None
    begin, end = reading.seen.observed_from, reading.seen.observed_to
    assert begin is not None and end is not None  # a recording has at least one page
    if (already := writer.snapshot_observed(begin, end)) is not None:
        return already
    last = writer.previous["observed_to"]
    if last is not None and end <= last:
        raise SourceError(
            f"the recording {reading.label} ends at {end:%Y-%m-%d %H:%M:%S} UTC, before the last snapshot",
            "History is written forward only: export older recordings first, into a new database",
        )
    return None


def _guard(reading: Reading, collector: Collector, limits: Limits) -> None:
    """Fail if the result looks like a fault of the service rather than a change of the jobs."""
    known, unread, absent = collector.known, collector.unread, collector.absent
    if unread and not collector.read and not absent:
        jobs = count(len(reading.requested), "job")
        raise SourceError(f"could not read any of {jobs}; nothing was written", _example(unread))
    if unread and limits.require_complete:
        jobs = f"{len(unread):,} of {count(len(reading.requested), 'job')}"
        raise SourceError(f"could not read {jobs}, and --require-complete is set", _example(unread))
    if reading.seen.incomplete and limits.require_complete:
        raise SourceError(f"{reading.seen.incomplete}, and --require-complete is set")
    _guard_share(len(known & absent), len(known), limits.max_removals, "max-removals", "would be removed")
    left = len(known - reading.requested)
    _guard_share(left, len(known), limits.max_deselections, "max-deselections", "are no longer in the configuration")


def _guard_share(leaving: int, known: int, share: Decimal | None, option: str, what: str) -> None:
    """Fail if more than a share of the known jobs leaves; default: half of ten or more jobs, all of fewer."""
    most = share if share is not None else Decimal("0.5") if known >= 10 else Decimal(1)
    if leaving > most * known:
        raise SourceError(
            f"{leaving:,} of {count(known, 'job')} {what}, more than --{option} allows ({float(most * 100):g}%)",
            f"Nothing was written. If this is intended, run it once with --{option} 100%",
        )


def _example(unread: dict[str, str]) -> str:
    job_id = min(unread)
    return f"The first is {job_id}: {unread[job_id]}"
