"""Verify a source: recompute every digest from the tables, in one pass over its rows.

Memory holds one job at a time, and a running digest for each snapshot. Writes nothing.
"""

import heapq
import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from typing import Any

from sqlalchemy import Connection, Table, select

from inventory.common.errors import UsageError
from inventory.proof.check import Problem, SourceCheck, Version
from inventory.proof.digest import row_digest, row_key
from inventory.proof.signature import VerifyKey
from inventory.schema import JOB_DIGESTS
from inventory.schema.entities import Entity
from inventory.schema.ledger import SIGNATURES, SNAPSHOT_COUNTS, SNAPSHOTS, SOURCES
from inventory.store.counts import NOTHING, count_rows, stored_counts
from inventory.store.raw import StoredRow, orphans, read_invalid_utf8, stored_rows, stored_snapshots
from inventory.store.staging import TABLES

__all__ = ["Verified", "compare_evidence", "verify"]

_NO_SOURCE = "of a source that does not exist"


@dataclass
class Verified:
    """The result of verifying one source.

    source: its name; '' for rows without a source. pruned: the number of pruned snapshots. digests: digest -> id of
    each snapshot whose own row is unaltered. ids: of all snapshots, oldest first. signed: the number of valid
    signatures. unsigned_before: the number of snapshots before the first valid signature. compared_to: the newest
    snapshot that was compared with outside evidence, which covers all earlier ones too; or None. check_runs: runs of
    `check`, and how many of these were recomputed from the snapshot; None if they were not looked at.
    """

    source: str
    snapshots: int = 0
    pruned: int = 0
    jobs: int = 0
    rows: int = 0
    signed: int = 0
    unsigned_before: int = 0
    compared_to: int | None = None
    check_runs: int | None = None
    check_runs_recomputed: int | None = None
    ids: list[int] = field(default_factory=list)
    digest: str | None = None
    digests: dict[str, int] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)


def verify(connection: Connection, names: Iterable[str] = ()) -> Iterator[Verified]:
    """Yield the result for each source, ordered by name; without names, also for rows without a source.

    Raises:
        UsageError: a name that the database does not have.
    """
    read_invalid_utf8(connection)
    known = {str(name): int(at) for at, name in connection.execute(select(SOURCES.c.id, SOURCES.c.name))}
    wanted = sorted(set(names))
    for name in wanted:
        if name not in known:
            raise UsageError(f"the database has no source {name!r}", "`inventory sources list` shows them")
    for name in wanted or sorted(known):
        yield _verify_source(connection, name, known[name])
    if not wanted:
        orphaned = [*_orphans(connection)]
        if orphaned:
            yield Verified("", problems=orphaned)


def compare_evidence(
    connection: Connection, found: list[Verified], public_keys: Sequence[VerifyKey], digests: Iterable[str]
) -> dict[str, tuple[str, int] | None]:
    """Compare verified sources with outside evidence; add what is wrong to their problems.

    Args:
        public_keys: that snapshots may be signed with; without any, signatures are not checked.
        digests: of snapshots that must exist.

    Returns:
        digest -> source and snapshot id; None if no snapshot has it.
    """
    known = {digest: (each, at) for each in found for digest, at in each.digests.items()}
    located: dict[str, tuple[str, int] | None] = {}
    for digest in digests:
        each, at = known.get(digest, (None, 0))
        located[digest] = (each.source, at) if each else None
        if each:
            each.compared_to = max(at, each.compared_to or 0)
    if public_keys or located:
        for each in found:
            if each.source and not each.ids:
                each.problems.append(Problem("missing", SNAPSHOTS.name, None, None, None, "the source has none"))
        if not any(each.source for each in found):
            none = Problem("missing", SNAPSHOTS.name, None, None, None, "the database has none")
            found.append(Verified("", problems=[none]))
    for each in found if public_keys else ():
        _check_signatures(connection, each, public_keys)
    return located


def _check_signatures(connection: Connection, source: Verified, public_keys: Sequence[VerifyKey]) -> None:
    """Check the signatures of one source.

    The last snapshot must be signed, because its digest covers the whole chain. Every snapshot after the first signed
    one must be signed: an unsigned one was written without the key. Every existing signature must be valid.
    """
    digests = {snapshot_id: digest for digest, snapshot_id in source.digests.items()}
    ids = select(SNAPSHOTS.c.id).join(SOURCES).where(SOURCES.c.name == source.source)
    query = select(SIGNATURES).where(SIGNATURES.c.snapshot_id.in_(ids))
    signed = {row.snapshot_id: row for row in connection.execute(query)}
    keys = " or ".join(key.key_id for key in public_keys)
    valid = [
        at
        for at in source.ids
        if at in signed and any(key.verify(digests.get(at, ""), str(signed[at].signature)) for key in public_keys)
    ]
    first = min(valid, default=None)
    for at in source.ids:
        if at in valid:
            continue
        if at in signed:
            detail = f"the signature, recorded as of the key {signed[at].key_id}, is not valid for the key {keys}"
        elif first is not None and at > first:
            detail = f"not signed, although snapshot {first} before it is"
        elif at == source.ids[-1]:
            detail = f"the last snapshot is not signed with the key {keys}"
        else:
            continue
        source.problems.append(Problem("unsigned", SIGNATURES.name, {"snapshot_id": at}, at, at, detail))
    source.signed = len(valid)
    if valid:
        source.unsigned_before = sum(at < valid[0] for at in source.ids)
        source.compared_to = max(valid[-1], source.compared_to or 0)


def _verify_source(connection: Connection, name: str, source_id: int) -> Verified:
    stored = stored_snapshots(connection, source_id)
    check = SourceCheck([each.values for each in stored])
    result = Verified(name, len(stored), check.kept.count(False))
    for place, each in enumerate(stored):
        if each.invalid:
            key = json.dumps([each.values["id"]])
            check.report("invalid", SNAPSHOTS.name, key, place, place + 1, _invalid_detail(each))
    streams = [
        _versions(connection, entity, table, source_id, check)
        for entity in TABLES
        for table in (entity.current, entity.history)
    ]
    for job_id, group in groupby(heapq.merge(*streams, key=lambda pair: pair[0]), key=lambda pair: pair[0]):
        versions = [version for _, version in group]
        rows = [version for version in versions if version.table != JOB_DIGESTS.name]
        check.job(job_id, rows, [version for version in versions if version.table == JOB_DIGESTS.name])
        last = len(stored) - 1  # `jobs` counts as the last row of `snapshots` does
        result.jobs += any(row.table == "jobs" and row.begin <= last < row.end for row in rows)
        result.rows += len(rows)
    result.problems = check.finish() or list(_miscounted(connection, source_id))
    result.digests = {row["digest"]: row["id"] for place, row in enumerate(check.snapshots) if check.is_intact[place]}
    result.ids = check.ids
    result.digest = check.snapshots[-1]["digest"] if stored else None
    return result


def _miscounted(connection: Connection, source_id: int) -> Iterator[Problem]:
    """Yield the rows of `snapshot_counts` that are not what the rows of the estate give, which are right."""
    counted = count_rows(connection, source_id)
    ids = select(SNAPSHOTS.c.id).where(SNAPSHOTS.c.source_id == source_id)
    stored = stored_counts(connection, connection.execute(ids).scalars())
    for at, name in sorted(counted.keys() | stored.keys()):
        was, now = counted.get((at, name)), stored.get((at, name))
        if was != now and (now is not None or was not in NOTHING):  # a later revision may have brought the table
            word = "missing" if now is None else "added" if was is None else "altered"
            yield Problem(word, SNAPSHOT_COUNTS.name, {"snapshot_id": at, "table_name": name}, at, at)


def _versions(
    connection: Connection, entity: Entity, table: Table, source_id: int, check: SourceCheck
) -> Iterator[tuple[str, Version]]:
    """Yield job id and version of each row with a valid job and validity; report problems of the row itself."""
    for stored in stored_rows(connection, entity, table, source_id):
        row = [stored.values[name] for name in entity.names]
        key = row_key(entity, row)
        if {"valid_from", "valid_to", entity.job_column} & set(stored.invalid):
            check.report("invalid", table.name, key, 0, 0, _invalid_detail(stored))
            continue
        begin, end = check.places(stored.values["valid_from"], stored.values.get("valid_to"))
        if stored.invalid:
            check.report("invalid", table.name, key, begin, end, _invalid_detail(stored))
        if problem := _dangling(stored.values, check):
            check.report("dangling", table.name, key, begin, end, problem)
        if entity is JOB_DIGESTS:
            packed = stored.values["row_digests"] if "row_digests" not in stored.invalid else b""
            digest = stored.values["digest"]
        else:
            packed, digest = b"", "" if stored.invalid else row_digest(entity, row)
        version = Version(entity.name, table.name, key, digest, begin, end, packed)
        yield stored.values[entity.job_column], version


def _dangling(values: dict[str, Any], check: SourceCheck) -> str:
    """Return what is wrong with a row's validity; '' if nothing."""
    for name in ("valid_from", "valid_to"):
        if name in values and values[name] not in check.known:
            return f"{name} {values[name]} is not a snapshot of its source"
    if "valid_to" in values and values["valid_from"] >= values["valid_to"]:
        return f"valid_from {values['valid_from']} is not before valid_to {values['valid_to']}"
    return ""


def _invalid_detail(stored: StoredRow) -> str:
    return f"{', '.join(stored.invalid)}: not a value that inventory writes"


def _orphans(connection: Connection) -> Iterator[Problem]:
    for stored in orphans(connection, SNAPSHOTS):
        snapshot_id = stored.values["id"]
        yield Problem("dangling", SNAPSHOTS.name, {"id": snapshot_id}, snapshot_id, snapshot_id, _NO_SOURCE)
    for entity in TABLES:
        for table in (entity.current, entity.history):
            for stored in orphans(connection, table):
                key = {name: stored.values[name] for name in entity.key}
                yield Problem("dangling", table.name, key, None, None, _NO_SOURCE)
