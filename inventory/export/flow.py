"""The nightly flow of one source: lock -> sign in -> outcomes -> rows -> staging -> one snapshot. Read this first.

Nothing here knows HTTP, SQL or a terminal. A source is written wholly or not at all: whatever goes wrong
before `commit` leaves the database as it was.
"""

from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from decimal import Decimal
from functools import cache
from itertools import islice
from pathlib import Path
from typing import Any

from inventory.common.cancellation import Stop
from inventory.common.errors import ConnectionLostError, SourceError
from inventory.common.log import logger
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
    """What an export refuses to write.

    require_complete: any job that could not be read. max_removals: removals beyond this share of the
    known jobs, 0 to 1; None for the default, half of ten jobs or more. max_deselections: the same for jobs that
    the configuration names no more.
    """

    require_complete: bool = False
    max_removals: Decimal | None = None
    max_deselections: Decimal | None = None


@dataclass(frozen=True)
class Run:
    """What all sources of one run share.

    time: `stop` with the run's deadline, which bounds reading and waiting; what was read is written after it too.
    record: the folder that recordings go to, one for each source. lock_timeout: seconds to wait for another
    export of the same source. signer: signs the snapshots. begin_signing: also where its key did not sign the last.
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

    @property
    def redactor(self) -> Redactor:
        return Redactor.of(self.settings)


@dataclass(frozen=True)
class _Ready:
    """All that `commit` needs: the snapshot's row as far as known, what it holds, its findings, what was not read."""

    row: dict[str, Any]
    content_digest: str
    findings: list[Row]
    served: dict[str, bytes | None]
    unread: dict[str, str]


def export_source(source: Source, run: Run) -> Iterator[Result]:
    """Export one source: a snapshot for the live project, or one for each of its recordings.

    If the connection to the database breaks, the source is read once more; what was written stays.

    Raises:
        InventoryError: nothing was written of the reading that failed; those before it stand.
    """
    time = run.time.within(source.deadline, "the source")
    run = replace(run, store=run.store.patient(source.retry_seconds, run.stop))
    done: list[Result] = []
    try:
        yield from _exported(source, run, time, done)
    except ConnectionLostError as error:  # what was staged went with it; a server that is restarted is back soon
        logger().warning("reading the source once more", why=error.summary)
        # The server may not have noticed yet that the first lock's session is gone.
        run = replace(run, lock_timeout=max(run.lock_timeout, source.retry_seconds))
        yield from _exported(source, run, time, done)


def _exported(source: Source, run: Run, time: Stop, done: list[Result]) -> Iterator[Result]:
    """Export the readings of a source, but for the first ones that are `done`; each is added to them."""
    begin = len(done)
    with source_lock(run.store, source.name, run.lock_timeout, time) as lock:
        for reading, row in islice(_readings(source, run, time), begin, None):
            signing = run.begin_signing
            with open_writer(run.store, row, run.signer, begin_signing=signing) as writer:
                committed = _committed(writer, run, done)
                if committed is None:
                    done.append(_export(reading, source, writer, run, lock.check))
                else:
                    done.append(Result(reading.label, committed))
                yield done[-1]


def _committed(writer: Writer, run: Run, done: list[Result]) -> dict[str, Any] | None:
    """Return the snapshot that this run wrote without learning so: its connection broke during the commit."""
    last = writer.previous
    if last is None or last["run_id"] != run.run_id:
        return None
    known = {result.snapshot["id"] for result in done if result.snapshot is not None}
    return None if last["id"] in known else last


def _readings(source: Source, run: Run, time: Stop) -> Iterator[tuple[Reading, SourceRow]]:
    if source.replay:
        for folder in source.replay:
            row = SourceRow(source.name, source.region, source.project_id)
            yield Recording(folder, run.redactor, source.excluded), row
        return
    recorder = Recorder(run.record / source.name, source, run.redactor) if run.record else None
    with time.waits.register("sign-in", host=source.endpoint):
        session = sign_in(source, time, run.auths)
    with closing(session.http):
        row = SourceRow(source.name, source.region, session.project_id)
        yield LiveReading(source, session, run.redactor, time, recorder), row


def _export(reading: Reading, source: Source, writer: Writer, run: Run, still_ours: Callable[[], None]) -> Result:
    if (already := _is_recorded(reading, writer)) is not None:
        return Result(reading.label, None, already)
    ready = _prepare(reading, source, writer, run)
    still_ours()
    run.stop.check()
    snapshot = writer.commit(ready.row, ready.content_digest, ready.served)
    kinds: dict[str, int] = {}
    for row in ready.findings:
        kinds[row[1]] = kinds.get(row[1], 0) + 1
    seen = reading.seen
    return Result(reading.label, snapshot, None, kinds, seen.throttles, seen.incomplete, writer.signing, ready.unread)


def _prepare(reading: Reading, source: Source, writer: Writer, run: Run) -> _Ready:
    """Read a source to its end and stage all that a snapshot of it would write."""
    started_at = datetime.now(UTC)
    collector = Collector(writer.staging, writer.base)
    outcomes = reading.outcomes(collector.known, collector.not_found)
    for outcome, job in run.pool.normalised(source, outcomes, collector.known_of(writer.served)):
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
    return _Ready(row, content_digest(digests.items()), findings, collector.served, collector.unread)


def plan_source(source: Source, run: Run, what: Selection) -> SourceDiff:
    """Compare a source as it is now with its last snapshot; nothing is written, nobody is kept waiting.

    Of several recordings that no snapshot holds yet it is the first: the next one depends on it.

    Raises:
        InventoryError: what would fail the export too.
        BusyError: an export of the source finished meanwhile.
    """
    run = replace(run, store=run.store.patient(source.retry_seconds, run.stop))
    last: Snapshot | None = None
    for reading, row in _readings(source, run, run.time.within(source.deadline, "the source")):
        with open_writer(run.store, row) as writer:
            last = {"source": source.name, **writer.previous} if writer.previous else None
            if _is_recorded(reading, writer) is not None:
                continue
            ready = _prepare(reading, source, writer, run)
            end = writer.planned(ready.row, ready.content_digest)
            staging = writer.staging
            diff = compare(
                Step(source.name, last, end, cache(staging.differing), staging.standing, ready.findings), what
            )
            writer.check()
            return diff
    assert last is not None  # a source without a reading is refused by the configuration
    return SourceDiff(source.name, last, last)


def _is_recorded(reading: Reading, writer: Writer) -> int | None:
    """Return the snapshot that a recording became earlier; refuse one that is older than the last."""
    if not isinstance(reading, Recording) or writer.previous is None:
        return None
    begin, end = reading.seen.observed_from, reading.seen.observed_to
    assert begin is not None and end is not None  # a recording has at least one page
    if (already := writer.has(begin, end)) is not None:
        return already
    last = writer.previous["observed_to"]
    if last is not None and end <= last:
        raise SourceError(
            f"the recording {reading.label} ends at {end:%Y-%m-%d %H:%M:%S} UTC, before the last snapshot",
            "History is written forward only: export older recordings first, into a new database",
        )
    return None


def _guard(reading: Reading, collector: Collector, limits: Limits) -> None:
    """Refuse what looks like a fault of the service rather than a change of the estate."""
    known, unread, absent = collector.known, collector.unread, collector.absent
    if unread and not collector.read and not absent:
        raise SourceError(f"not one of {len(reading.requested)} jobs could be read", _example(unread))
    if unread and limits.require_complete:
        jobs = "1 job" if len(unread) == 1 else f"{len(unread)} jobs"
        raise SourceError(f"{jobs} could not be read, and --require-complete is set", _example(unread))
    if reading.seen.incomplete and limits.require_complete:
        raise SourceError(f"{reading.seen.incomplete}, and --require-complete is set")
    _guard_share(len(known & absent), len(known), limits.max_removals, "max-removals", "would be removed")
    left = len(known - reading.requested)
    _guard_share(left, len(known), limits.max_deselections, "max-deselections", "are no longer in the configuration")


def _guard_share(leaving: int, known: int, share: Decimal | None, option: str, what: str) -> None:
    """Refuse more jobs than a share of the known ones; by default half of ten jobs or more, and all of fewer."""
    most = share if share is not None else Decimal("0.5") if known >= 10 else Decimal(1)
    if leaving > most * known:
        raise SourceError(
            f"{leaving} of {known} jobs {what}, more than --{option} allows ({float(most * 100):g}%)",
            f"If that is meant, run it once with --{option} 100%",
        )


def _example(unread: dict[str, str]) -> str:
    job_id = min(unread)
    return f"The first, {job_id}: {unread[job_id]}"
