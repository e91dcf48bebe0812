"""Verifying: every digest of a source recomputed from the tables, in one pass over its rows.

Memory holds one job at a time and a running digest a snapshot, however large the estate. Reads only.
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
from inventory.schema.ledger import SIGNATURES, SNAPSHOTS, SOURCES
from inventory.store.raw import Stored, orphans, stored_rows, stored_snapshots, tolerate
from inventory.store.staging import TABLES

__all__ = ["Verified", "outside", "verify"]

_NO_SOURCE = "of a source that does not exist"


@dataclass
class Verified:
    """What verifying one source came to.

    source: its name; '' for what is of no source. pruned: of the snapshots, those whose content is gone.
    digests: of each snapshot whose own row is whole, the digest -> its id. ids: of all snapshots, oldest first.
    signed: how many have a signature that fits. unsigned_before: how many were written before the first of these.
    compared_to: the newest snapshot that was compared with evidence from outside, and with it all before; or None.
    """

    source: str
    snapshots: int = 0
    pruned: int = 0
    jobs: int = 0
    rows: int = 0
    signed: int = 0
    unsigned_before: int = 0
    compared_to: int | None = None
    ids: list[int] = field(default_factory=list)
    digest: str | None = None
    digests: dict[str, int] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)


def verify(connection: Connection, names: Iterable[str] = ()) -> Iterator[Verified]:
    """Yield what became of each source, by name; of all of them, the rows of no source too.

    Raises:
        UsageError: a name that the database does not have.
    """
    tolerate(connection)
    known = {str(name): int(at) for at, name in connection.execute(select(SOURCES.c.id, SOURCES.c.name))}
    wanted = sorted(set(names))
    for name in wanted:
        if name not in known:
            raise UsageError(f"the database has no source {name!r}", "`inventory sources list` shows those it has")
    for name in wanted or sorted(known):
        yield _source(connection, name, known[name])
    if not wanted:
        lost = [*_orphans(connection)]
        if lost:
            yield Verified("", problems=lost)


def outside(
    connection: Connection, found: list[Verified], seals: Sequence[VerifyKey], digests: Iterable[str]
) -> dict[str, tuple[str, int] | None]:
    """Compare what was verified with evidence from outside; what is wrong is added to its problems.

    Args:
        seals: the public keys that snapshots may be signed with; none: signatures are not looked at.
        digests: of snapshots that must be there.

    Returns:
        For each digest the source and the snapshot that have it, None where none has.
    """
    known = {digest: (each, at) for each in found for digest, at in each.digests.items()}
    noted: dict[str, tuple[str, int] | None] = {}
    for digest in digests:
        each, at = known.get(digest, (None, 0))
        noted[digest] = (each.source, at) if each else None
        if each:
            each.compared_to = max(at, each.compared_to or 0)
    if seals or noted:
        for each in found:
            if each.source and not each.ids:
                each.problems.append(Problem("missing", SNAPSHOTS.name, None, None, None, "the source has none"))
        if not any(each.source for each in found):
            none = Problem("missing", SNAPSHOTS.name, None, None, None, "the database has none")
            found.append(Verified("", problems=[none]))
    for each in found if seals else ():
        _signatures(connection, each, seals)
    return noted


def _signatures(connection: Connection, each: Verified, seals: Sequence[VerifyKey]) -> None:
    """Check the signatures of one source.

    Its last snapshot must be signed: its digest is over the one before it, and so over all of the chain. After the
    first that is signed each must be: one that is not was written without the key. Each signature that is there
    must fit.
    """
    digests = {snapshot_id: digest for digest, snapshot_id in each.digests.items()}
    mine = select(SNAPSHOTS.c.id).join(SOURCES).where(SOURCES.c.name == each.source)
    query = select(SIGNATURES).where(SIGNATURES.c.snapshot_id.in_(mine))
    signed = {row.snapshot_id: row for row in connection.execute(query)}
    keys = " or ".join(seal.key_id for seal in seals)
    fitting = [
        at
        for at in each.ids
        if at in signed and any(seal.verify(digests.get(at, ""), str(signed[at].signature)) for seal in seals)
    ]
    first = min(fitting, default=None)
    for at in each.ids:
        if at in fitting:
            continue
        if at in signed:
            detail = f"the signature, by its own account of the key {signed[at].key_id}, does not fit the key {keys}"
        elif first is not None and at > first:
            detail = f"not signed, although snapshot {first} before it is"
        elif at == each.ids[-1]:
            detail = f"the last snapshot is not signed with the key {keys}"
        else:
            continue
        each.problems.append(Problem("unsigned", SIGNATURES.name, {"snapshot_id": at}, at, at, detail))
    each.signed = len(fitting)
    if fitting:
        each.unsigned_before = sum(at < fitting[0] for at in each.ids)
        each.compared_to = max(fitting[-1], each.compared_to or 0)


def _source(connection: Connection, name: str, source_id: int) -> Verified:
    stored = stored_snapshots(connection, source_id)
    check = SourceCheck([each.values for each in stored])
    result = Verified(name, len(stored), check.kept.count(False))
    for place, each in enumerate(stored):
        if each.misfits:
            key = json.dumps([each.values["id"]])
            check.report("invalid", SNAPSHOTS.name, key, place, place + 1, _misfits(each))
    streams = [
        _versions(connection, entity, table, source_id, check)
        for entity in TABLES
        for table in (entity.current, entity.history)
    ]
    for job_id, group in groupby(heapq.merge(*streams, key=lambda pair: pair[0]), key=lambda pair: pair[0]):
        versions = [version for _, version in group]
        rows = [version for version in versions if version.table != JOB_DIGESTS.name]
        check.job(job_id, rows, [version for version in versions if version.table == JOB_DIGESTS.name])
        result.jobs += bool(rows)
        result.rows += len(rows)
    result.problems = check.finish()
    result.digests = {row["digest"]: row["id"] for place, row in enumerate(check.snapshots) if check.is_intact[place]}
    result.ids = check.ids
    result.digest = check.snapshots[-1]["digest"] if stored else None
    return result


def _versions(
    connection: Connection, entity: Entity, table: Table, source_id: int, check: SourceCheck
) -> Iterator[tuple[str, Version]]:
    """Yield job id and version of each row that belongs to a job and a time; report what is wrong with it alone."""
    for stored in stored_rows(connection, entity, table, source_id):
        row = [stored.values[name] for name in entity.names]
        key = row_key(entity, row)
        if {"valid_from", "valid_to", entity.job_column} & set(stored.misfits):
            check.report("invalid", table.name, key, 0, 0, _misfits(stored))
            continue
        begin, end = check.places(stored.values["valid_from"], stored.values.get("valid_to"))
        if stored.misfits:
            check.report("invalid", table.name, key, begin, end, _misfits(stored))
        if problem := _dangling(stored.values, check):
            check.report("dangling", table.name, key, begin, end, problem)
        if entity is JOB_DIGESTS:
            packed = stored.values["row_digests"] if "row_digests" not in stored.misfits else b""
            digest = stored.values["digest"]
        else:
            packed, digest = b"", "" if stored.misfits else row_digest(entity, row)
        version = Version(entity.name, table.name, key, digest, begin, end, packed)
        yield stored.values[entity.job_column], version


def _dangling(values: dict[str, Any], check: SourceCheck) -> str:
    """Tell what is wrong with a row's validity, or ''."""
    for name in ("valid_from", "valid_to"):
        if name in values and values[name] not in check.known:
            return f"{name} {values[name]} is no snapshot of its source"
    if "valid_to" in values and values["valid_from"] >= values["valid_to"]:
        return f"valid_from {values['valid_from']} is not before valid_to {values['valid_to']}"
    return ""


def _misfits(stored: Stored) -> str:
    return f"{', '.join(stored.misfits)}: not as this tool writes it"


def _orphans(connection: Connection) -> Iterator[Problem]:
    for stored in orphans(connection, SNAPSHOTS):
        snapshot_id = stored.values["id"]
        yield Problem("dangling", SNAPSHOTS.name, {"id": snapshot_id}, snapshot_id, snapshot_id, _NO_SOURCE)
    for entity in TABLES:
        for table in (entity.current, entity.history):
            for stored in orphans(connection, table):
                key = {name: stored.values[name] for name in entity.key}
                yield Problem("dangling", table.name, key, None, None, _NO_SOURCE)
