"""The nightly flow, in order: source -> outcomes -> rows -> staging -> one snapshot. Read this first.

Nothing here knows HTTP, SQL or a terminal. A source is written wholly or not at all: whatever goes wrong
before `commit` leaves the database as it was.
"""

import uuid
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from inventory.config import Settings, Source
from inventory.digest import content_digest, job_digest, row_digest
from inventory.errors import SourceError
from inventory.findings import Finding, Findings
from inventory.normalise import NormalisedJob, normalise
from inventory.rebuild import rebuild
from inventory.redact import Redactor
from inventory.schema import BY_NAME
from inventory.source.live import LiveReading
from inventory.source.reading import Absent, Read, Reading, Unread
from inventory.source.replay import Recording
from inventory.store.engine import Store
from inventory.store.snapshots import Result, SourceRow, Writer, open_writer
from inventory.store.staging import Staging

__all__ = ["Limits", "Progress", "Result", "export_source", "worst"]

Progress = Callable[[int, int], None]  # jobs done, jobs asked for


@dataclass(frozen=True)
class Limits:
    """What an export refuses to write.

    require_complete: any job that could not be read. max_removals: removals beyond this share of the
    known jobs, 0 to 1; None for the default, half of ten jobs or more.
    """

    require_complete: bool = False
    max_removals: float | None = None


@dataclass
class _Tally:
    """What the outcomes came to: the digest of each job read, the ids absent, why each other was not read."""

    read: dict[str, str] = field(default_factory=dict)
    absent: set[str] = field(default_factory=set)
    unread: dict[str, str] = field(default_factory=dict)


def export_source(
    source: Source, settings: Settings, store: Store, limits: Limits, progress: Progress, run_id: str | None = None
) -> Iterator[Result]:
    """Export one source: a snapshot for the live project, or one for each of its recordings.

    Raises:
        InventoryError: nothing was written of the reading that failed; those before it stand.
    """
    redactor = Redactor(settings.fingerprint_key, settings.redact)
    for reading in _readings(source, redactor):
        row = SourceRow(source.name, source.region, source.project_id)
        with open_writer(store, row) as writer:
            yield _export(reading, writer, limits, progress, run_id or str(uuid.uuid4()))


def _readings(source: Source, redactor: Redactor) -> Iterator[Reading]:
    if source.replay:
        for folder in source.replay:
            yield Recording(folder, redactor, source.excluded)
    else:
        yield LiveReading(source, redactor)


def _export(reading: Reading, writer: Writer, limits: Limits, progress: Progress, run_id: str) -> Result:
    started_at = datetime.now(UTC)
    if (already := _is_recorded(reading, writer)) is not None:
        return Result(reading.label, None, already)
    staging, findings = writer.staging, Findings()

    tally = _stage(reading, staging, findings, progress)
    known = staging.known_jobs()
    deselected = known - set(reading.requested)
    carried = known & tally.unread.keys()
    _guard(reading, tally, known, limits)

    staging.carry(carried)
    _find_again(carried, staging, findings)
    findings.add(reading.seen.findings)
    rows = findings.rows()
    staging.add("findings", rows)
    digests = {**tally.read, **_digests(carried | {row[0] for row in rows}, staging)}
    changes = staging.compare()

    snapshot = writer.commit(
        {
            "started_at": started_at,
            "observed_from": reading.seen.observed_from,
            "observed_to": reading.seen.observed_to,
            "status": "partial" if tally.unread else "complete",
            "consistency": None,  # said by a sweep of the list
            "requested": len(reading.requested),
            "returned": len(tally.read),
            "absent": len(tally.absent),
            "unreadable": len(tally.unread),
            "deselected": len(deselected),
            "jobs": len(tally.read) + len(carried),
            "added": len(changes["added"]),
            "changed": len(changes["changed"]),
            "removed": len(changes["removed"] - deselected),
            "requests": reading.seen.requests,
            "retries": reading.seen.retries,
            "run_id": run_id,
        },
        content_digest(digests.items()),
    )
    kinds: dict[str, int] = {}
    for row in rows:
        kinds[row[1]] = kinds.get(row[1], 0) + 1
    return Result(reading.label, snapshot, findings=kinds)


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


def _stage(reading: Reading, staging: Staging, findings: Findings, progress: Progress) -> _Tally:
    tally = _Tally()
    for done, outcome in enumerate(reading.outcomes(), 1):
        if isinstance(outcome, Read):
            job = normalise(outcome.job_id, outcome.document)
            staging.put(job)
            findings.add(job.findings)
            tally.read[outcome.job_id] = _digest(job)
        elif isinstance(outcome, Absent):
            tally.absent.add(outcome.job_id)
            findings.add([Finding("absent_job", "id", outcome.job_id, f"{outcome.code}, asked alone")])
        else:
            assert isinstance(outcome, Unread)
            tally.unread[outcome.job_id] = outcome.detail
            findings.add([Finding(outcome.kind, "id", outcome.job_id, outcome.detail)])
        progress(done, len(reading.requested))
    return tally


def _digest(job: NormalisedJob) -> str:
    return job_digest(row_digest(BY_NAME[name], row) for name, rows in job.rows.items() for row in rows)


def _guard(reading: Reading, tally: _Tally, known: set[str], limits: Limits) -> None:
    """Refuse what looks like a fault of the service rather than a change of the estate."""
    if tally.unread and not tally.read and not tally.absent:
        raise SourceError(f"not one of {len(reading.requested)} jobs could be read", _example(tally))
    if tally.unread and limits.require_complete:
        raise SourceError(f"{len(tally.unread)} jobs could not be read, and --require-complete is set")
    removed = len(known & tally.absent)
    share = limits.max_removals if limits.max_removals is not None else 0.5 if len(known) >= 10 else 1
    if removed > share * len(known):
        raise SourceError(
            f"{removed} of {len(known)} jobs would be removed, more than --max-removals allows",
            "If they are truly gone, run it once with --max-removals 100%",
        )


def _example(tally: _Tally) -> str:
    job_id = min(tally.unread)
    return f"The first, {job_id}: {tally.unread[job_id]}"


def _find_again(carried: Iterable[str], staging: Staging, findings: Findings) -> None:
    """Jobs that are carried over keep what was odd about them."""
    for job_id in carried:
        rows: dict[str, list[Any]] = {}
        for entity, row in staging.rows_of(job_id):
            rows.setdefault(entity.name, []).append(row)
        findings.add(normalise(job_id, rebuild(rows)).findings)


def _digests(job_ids: Iterable[str], staging: Staging) -> dict[str, str]:
    """Digest the jobs whose rows are not all at hand: carried over, or with findings."""
    return {job_id: job_digest(row_digest(e, row) for e, row in staging.rows_of(job_id)) for job_id in job_ids}


def worst(codes: Iterable[int]) -> int:
    """Return the exit code of several sources: 1, 75, 3, 2, 0, the worst first."""
    order = [1, 75, 3, 2, 0]
    return min(codes, key=order.index, default=0)
