"""The nightly flow of one source: lock -> sign in -> outcomes -> rows -> staging -> one snapshot. Read this first.

Nothing here knows HTTP, SQL or a terminal. A source is written wholly or not at all: whatever goes wrong
before `commit` leaves the database as it was.
"""

from collections.abc import Callable, Iterable, Iterator
from contextlib import closing
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any

from inventory.diff.compare import compare
from inventory.diff.records import Snapshot, SourceDiff, Step
from inventory.diff.select import Selection
from inventory.digest import content_digest, job_proof
from inventory.errors import SourceError
from inventory.findings import Finding, Findings
from inventory.normalise import NormalisedJob, Row, normalise, normalise_listing
from inventory.rebuild import rebuild, rebuild_listing
from inventory.redact import Redactor
from inventory.schema import BY_NAME
from inventory.seal import Sealer
from inventory.settings import Settings, Source
from inventory.source.auth import Auths
from inventory.source.live import LiveReading
from inventory.source.reading import Absent, Listed, Listing, Outcome, Read, Reading, Unread
from inventory.source.record import Recorder
from inventory.source.replay import Recording
from inventory.source.session import sign_in
from inventory.stop import Stop
from inventory.store.engine import Store
from inventory.store.lock import source_lock
from inventory.store.snapshots import Result, SourceRow, Writer, open_writer
from inventory.store.staging import Staging

__all__ = ["Limits", "Progress", "Result", "Run", "export_source", "plan_source"]

Progress = Callable[[str, int, int], None]  # source, jobs done, jobs asked for


@dataclass(frozen=True)
class Limits:
    """What an export refuses to write.

    require_complete: any job that could not be read. max_removals: removals beyond this share of the
    known jobs, 0 to 1; None for the default, half of ten jobs or more.
    """

    require_complete: bool = False
    max_removals: float | None = None


@dataclass(frozen=True)
class Run:
    """What all sources of one run share.

    record: the folder that recordings go to, one for each source. lock_timeout: seconds to wait for another
    export of the same source. sealer: signs the snapshots.
    """

    settings: Settings
    store: Store
    limits: Limits
    stop: Stop
    auths: Auths
    run_id: str
    progress: Progress
    record: Path | None = None
    lock_timeout: float = 0.0
    sealer: Sealer | None = None

    @property
    def redactor(self) -> Redactor:
        return Redactor(self.settings.fingerprint_key, self.settings.redact)


@dataclass
class _Tally:
    """What the outcomes came to.

    read: the digest of each job read. absent: ids proven gone. unread: why each other was not read.
    listed: of what the list alone knows, the digest and the parent. before: the digests as they stand.
    """

    before: dict[str, str]

    read: dict[str, str] = field(default_factory=dict)
    absent: set[str] = field(default_factory=set)
    unread: dict[str, str] = field(default_factory=dict)
    listed: dict[str, tuple[str, str | None]] = field(default_factory=dict)


@dataclass(frozen=True)
class _Ready:
    """All that `commit` needs: the snapshot's row as far as known, what it holds, and its findings."""

    row: dict[str, Any]
    content_digest: str
    findings: list[Row]


def export_source(source: Source, run: Run) -> Iterator[Result]:
    """Export one source: a snapshot for the live project, or one for each of its recordings.

    Raises:
        InventoryError: nothing was written of the reading that failed; those before it stand.
    """
    with source_lock(run.store, source.name, run.lock_timeout, run.stop) as lock:
        for reading, row in _readings(source, run):
            with open_writer(run.store, row, run.sealer) as writer:
                yield _export(reading, writer, run, lock.check)


def _readings(source: Source, run: Run) -> Iterator[tuple[Reading, SourceRow]]:
    if source.replay:
        for folder in source.replay:
            row = SourceRow(source.name, source.region, source.project_id)
            yield Recording(folder, run.redactor, source.excluded), row
        return
    recorder = Recorder(run.record / source.name, source, run.redactor) if run.record else None
    session = sign_in(source, run.stop, run.auths)
    with closing(session.http):
        row = SourceRow(source.name, source.region, session.project_id)
        yield LiveReading(source, session, run.redactor, run.stop, recorder), row


def _export(reading: Reading, writer: Writer, run: Run, still_ours: Callable[[], None]) -> Result:
    if (already := _is_recorded(reading, writer)) is not None:
        return Result(reading.label, None, already)
    ready = _prepare(reading, writer, run)
    still_ours()
    run.stop.check()
    snapshot = writer.commit(ready.row, ready.content_digest)
    kinds: dict[str, int] = {}
    for row in ready.findings:
        kinds[row[1]] = kinds.get(row[1], 0) + 1
    return Result(reading.label, snapshot, None, kinds, reading.seen.throttles, reading.seen.incomplete)


def _prepare(reading: Reading, writer: Writer, run: Run) -> _Ready:
    """Read a source to its end and stage all that a snapshot of it would write."""
    started_at = datetime.now(UTC)
    staging, findings = writer.staging, Findings()
    known = staging.known_jobs()

    tally = _stage(reading, known, staging, findings, run.progress)
    deselected = known - reading.requested
    carried = known & tally.unread.keys()
    _guard(reading, tally, known, run.limits)

    staging.carry(carried)
    _find_again(carried, staging, findings)
    findings.add(reading.seen.findings)
    rows = findings.rows()
    staging.add("findings", rows)
    listed = {job_id: digest for job_id, (digest, _) in tally.listed.items()}
    digests = {**listed, **tally.read, **_proven(carried | {row[0] for row in rows}, staging)}
    changes = staging.compare()

    row = {
        "started_at": started_at,
        "observed_from": reading.seen.observed_from,
        "observed_to": reading.seen.observed_to,
        "status": "partial" if tally.unread or reading.seen.incomplete else "complete",
        "consistency": reading.seen.consistency,
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
        "run_id": run.run_id,
    }
    return _Ready(row, content_digest(digests.items()), rows)


def plan_source(source: Source, run: Run, what: Selection) -> SourceDiff:
    """Compare a source as it is now with its last snapshot; nothing is written, nobody is kept waiting.

    Of several recordings that no snapshot holds yet it is the first: the next one depends on it.

    Raises:
        InventoryError: what would fail the export too.
        BusyError: an export of the source finished meanwhile.
    """
    last: Snapshot | None = None
    for reading, row in _readings(source, run):
        with open_writer(run.store, row) as writer:
            last = {"source": source.name, **writer.previous} if writer.previous else None
            if _is_recorded(reading, writer) is not None:
                continue
            ready = _prepare(reading, writer, run)
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


def _stage(reading: Reading, known: set[str], staging: Staging, findings: Findings, progress: Progress) -> _Tally:
    tally = _Tally(staging.known_digests())
    told: set[str] = set()
    for outcome in reading.outcomes(known):
        if outcome.job_id in told:  # the list changed, and it was asked again: what came last counts
            _forget(outcome.job_id, tally, staging, findings)
        told.add(outcome.job_id)
        _take(outcome, known, tally, staging, findings)
        done = len(tally.read) + len(tally.absent) + len(tally.unread)
        progress(reading.label, done, len(reading.requested))
    for job_id, (_, parent) in list(tally.listed.items()):
        if parent in tally.absent:  # its task left after the list had named it
            _forget(job_id, tally, staging, findings)
    return tally


def _take(outcome: Outcome, known: set[str], tally: _Tally, staging: Staging, findings: Findings) -> None:
    job_id = outcome.job_id
    if isinstance(outcome, Read):
        parts = [normalise(job_id, outcome.document)]
        if outcome.listing is not None:
            parts.append(_of_list(job_id, outcome.listing, alone=False))
        tally.read[job_id] = _put(job_id, parts, tally, staging, findings)
    elif isinstance(outcome, Absent):
        tally.absent.add(job_id)
        findings.add([Finding("absent_job", "id", job_id, f"{outcome.code}, asked alone")])
    elif isinstance(outcome, Unread):
        tally.unread[job_id] = outcome.detail
        findings.add([Finding(outcome.kind, "id", job_id, outcome.detail)])
    if isinstance(outcome, Listed | Unread) and outcome.listing is not None and job_id not in known:
        digest = _put(job_id, [_of_list(job_id, outcome.listing, alone=True)], tally, staging, findings)
        tally.listed[job_id] = digest, outcome.listing.parent_job_id


def _of_list(job_id: str, listing: Listing, *, alone: bool) -> NormalisedJob:
    return normalise_listing(job_id, listing.parent_job_id, listing.document, alone=alone)


def _put(job_id: str, parts: list[NormalisedJob], tally: _Tally, staging: Staging, findings: Findings) -> str:
    """Stage a job's rows, unless they are what stands already; return its digest."""
    for part in parts:
        findings.add(part.findings)
    proof = job_proof((BY_NAME[name], row) for part in parts for name, rows in part.rows.items() for row in rows)
    if tally.before.get(job_id) == proof.digest:
        staging.carry([job_id])
    else:
        for part in parts:
            staging.put(part)
        staging.add("job_digests", [(job_id, proof.digest, proof.packed)])
    return proof.digest


def _forget(job_id: str, tally: _Tally, staging: Staging, findings: Findings) -> None:
    staging.discard(job_id)
    findings.forget(job_id)
    tally.read.pop(job_id, None)
    tally.absent.discard(job_id)
    tally.unread.pop(job_id, None)
    tally.listed.pop(job_id, None)


def _guard(reading: Reading, tally: _Tally, known: set[str], limits: Limits) -> None:
    """Refuse what looks like a fault of the service rather than a change of the estate."""
    if tally.unread and not tally.read and not tally.absent:
        raise SourceError(f"not one of {len(reading.requested)} jobs could be read", _example(tally))
    if tally.unread and limits.require_complete:
        raise SourceError(f"{len(tally.unread)} jobs could not be read, and --require-complete is set", _example(tally))
    if reading.seen.incomplete and limits.require_complete:
        raise SourceError(f"{reading.seen.incomplete}, and --require-complete is set")
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
        for row in rows.get("job_listings", ()):
            findings.add(normalise_listing(job_id, None, rebuild_listing(row), alone=False).findings)


def _proven(job_ids: Iterable[str], staging: Staging) -> dict[str, str]:
    """Digest anew the jobs that have findings, or could not be read; return the digests."""
    digests = {}
    for job_id in job_ids:
        proof = job_proof(staging.rows_of(job_id))
        staging.prove(job_id, proof)
        digests[job_id] = proof.digest
    return digests
