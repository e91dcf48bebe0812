"""The digests that prove a snapshot, by one rule that anybody can repeat (README, "Digests").

row      SHA-256 of canonical JSON {"table", "key", "columns", "extra"}: names sorted, no spaces, ASCII;
         NULL left out; times as 2020-12-21T02:57:49.412000Z; without source_id, valid_from, valid_to.
job      SHA-256 over the hex row digests, sorted, a line feed after each; findings and listings are
         rows of their job, job '' holds the source's own.
content  SHA-256 over lines "job_id<TAB>job digest", sorted by code point, a line feed after each.
snapshot SHA-256 over three lines: previous digest ('' for the first), content digest, the hex row digest
         of the row of `snapshots` without digest, previous_digest, content_digest and pruned_at.
"""

import hashlib
import heapq
import json
import zlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import islice
from operator import itemgetter
from typing import Any

from inventory.common.exact_json import Json, canonical, read
from inventory.schema.entities import Entity
from inventory.schema.fields import KEY_BYTES

__all__ = [
    "Mark",
    "Part",
    "Proof",
    "RepeatedKeyError",
    "chain_digest",
    "content_digest",
    "job_digest",
    "job_marks",
    "job_parts",
    "job_proof",
    "key_of",
    "lines_digest",
    "pack",
    "part_of",
    "proof_of",
    "rfc3339",
    "row_digest",
    "row_text",
    "sha256",
    "snapshot_digest",
    "snapshot_text",
    "unpack",
]

SHORT = 3  # bytes of a row's digest that are kept: they name a row, the job's whole digest proves it
SIZE = 32  # bytes of a digest

MANY = 10_000  # rows, or lines, that are looked at together: a job may have millions
_STROKE = 2000  # bytes
_PIECE = 2**16  # bytes that are unpacked at a time
LONGEST = 32 * KEY_BYTES  # characters of a line: a table and its key of up to five parts, a byte as \u0001 at worst

Mark = tuple[str, bytes]  # table and key of a row, with a tab between; its digest, or the beginning of it

OUTSIDE = frozenset({"source_id", "digest", "previous_digest", "content_digest", "pruned_at"})


def row_digest(entity: Entity, row: Sequence[Any]) -> str:
    """Return the digest of one row, given in the order of the entity's columns."""
    return sha256(row_text(entity, row))


def row_text(entity: Entity, row: Sequence[Any]) -> str:
    """Return what a row's digest is over: its canonical JSON."""
    values = {name: _json(value) for name, value in zip(entity.names, row, strict=True) if value is not None}
    extra = values.pop("extra", None)
    key = {name: values.pop(name) for name in entity.key}
    return _row(entity.name, key, values, read(extra) if extra else None)


def _row(table: str, key: dict[str, Json], columns: dict[str, Json], extra: Json) -> str:
    whole = {"table": table, "key": key, "columns": columns}
    if extra is not None:
        whole["extra"] = extra
    return canonical(whole)


def sha256(text: str) -> str:
    """Return the digest of a text, in hex."""
    digest: str = hashed(text.encode()).hexdigest()
    return digest


def hashed(content: bytes) -> Any:
    """Hash bytes in strokes of 2 KB: beyond that hashlib lets other threads run, and waits for them to be done."""
    total = hashlib.sha256(content[:_STROKE])
    for at in range(_STROKE, len(content), _STROKE):
        total.update(content[at : at + _STROKE])
    return total


def _json(value: Any) -> Json:
    return rfc3339(value) if isinstance(value, datetime) else value


def rfc3339(moment: datetime) -> str:
    """Spell an instant in UTC with six digits after the second."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ").rjust(27, "0")


@dataclass(frozen=True, slots=True)
class Proof:
    """The digest of a job, and packed beside it what tells its rows apart (`unpack`)."""

    digest: str
    packed: bytes


def job_proof(rows: Iterable[tuple[Entity, Sequence[Any]]]) -> Proof:
    """Return a job's proof from all its rows, each in the order of its entity's columns."""
    return proof_of(job_parts(rows))


def job_parts(rows: Iterable[tuple[Entity, Sequence[Any]]]) -> list["Part"]:
    """Return what proves some of a job's rows, each in the order of its entity's columns."""
    named = ((entity.name, key_of(entity, row), row_digest(entity, row)) for entity, row in rows)
    return [part_of(job_marks(some)) for some in _some(named)]


class RepeatedKeyError(Exception):
    """Two rows have the same key."""


@dataclass(frozen=True, slots=True)
class Part:
    """What proves some of a job's rows: their digests, sorted, and their marks as `pack` packs them."""

    digests: bytes
    marks: bytes


def _cut(digests: bytes, size: int) -> Iterator[bytes]:
    return (digests[at : at + size] for at in range(0, len(digests), size))


def part_of(marks: Sequence[Mark]) -> Part:
    """Return what proves some rows, from their sorted marks with whole digests."""
    lines = "\n".join([line for line, _ in marks])
    digests = [digest for _, digest in marks]
    # As `pack` does, in one call: in each of zlib's, other threads may run and are waited for.
    packed = zlib.compress(lines.encode(), 1) + b"".join([digest[:SHORT] for digest in digests])
    return Part(b"".join(sorted(digests)), packed)


def proof_of(parts: Sequence[Part]) -> Proof:
    """Return the proof of a job from those of its parts, none of which is unpacked as a whole.

    Raises:
        RepeatedKeyError: two parts have rows of the same key.
    """
    if len(parts) == 1:
        lines = parts[0].digests.hex("\n", SIZE) + "\n" if parts[0].digests else ""
        return Proof(sha256(lines), parts[0].marks)
    digest = lines_digest(heapq.merge(*(_digests(part) for part in parts)))
    return Proof(digest, pack(_distinct(heapq.merge(*(_marks(part) for part in parts)))))


def _digests(part: Part) -> Iterator[str]:
    return (digest.hex() for digest in _cut(part.digests, SIZE))


def _marks(part: Part) -> Iterator[Mark]:
    begin = len(part.marks) - len(part.digests) // SIZE * SHORT
    lines = _lines(zlib.decompressobj(), part.marks[:begin])
    return zip(lines, _cut(part.marks[begin:], SHORT), strict=False)  # of no rows there is a line


def _lines(stream: Any, came: bytes) -> Iterator[str]:
    """Yield the lines that were packed; a small piece at a time, for a kilobyte can unpack to a megabyte.

    Raises:
        ValueError: it is not what was packed.
    """
    line = ""
    while not stream.eof:
        try:
            piece = stream.decompress(came, _PIECE)
        except zlib.error:
            raise ValueError("not packed") from None
        if not (piece or stream.eof or stream.unconsumed_tail):
            raise ValueError("cut off")
        *lines, line = (line + piece.decode()).split("\n")
        if len(line) > LONGEST:
            raise ValueError("a line that no key makes")
        came = stream.unconsumed_tail
        yield from lines
    yield line


def _distinct(marks: Iterable[Mark]) -> Iterator[Mark]:
    last = ""
    for mark in marks:
        if mark[0] == last:
            raise RepeatedKeyError
        last = mark[0]
        yield mark


def _some(items: Iterable[Any]) -> Iterator[list[Any]]:
    left = iter(items)
    while some := list(islice(left, MANY)):
        yield some


def job_digest(rows: Iterable[str]) -> str:
    """Return a job's digest from those of its rows."""
    return lines_digest(sorted(rows))


def job_marks(named: Iterable[tuple[str, str, str]]) -> list[Mark]:
    """Return the mark of each row of a job (table, key, digest in hex), sorted: what is packed beside its digest."""
    return sorted((f"{table}\t{key}", bytes.fromhex(digest)) for table, key, digest in named)


def key_of(entity: Entity, row: Sequence[Any]) -> str:
    """Return the key of a row as JSON: the key's columns in order, without source_id."""
    return json.dumps([row[at] for at in entity.key_places])


def pack(marks: Iterable[Mark]) -> bytes:
    """Pack sorted marks: table and key of each, a line a row, zlib; behind it the beginning of each digest."""
    stream, packed, digests, between = zlib.compressobj(1), [], [], b""
    for some in _some(marks):
        packed.append(stream.compress(between + "\n".join(map(itemgetter(0), some)).encode()))
        digests.append(b"".join([digest[:SHORT] for _, digest in some]))
        between = b"\n"
    return b"".join((*packed, stream.flush(), *digests))


def unpack(packed: bytes, most: int) -> list[Mark]:
    """Return the marks that `pack` packed, each with the beginning of its digest.

    Args:
        most: how many there may be: whoever owns the database may put millions there, in a kilobyte.

    Raises:
        ValueError: it is not what was packed, or there are more.
    """
    stream = zlib.decompressobj()
    lines = list(islice(_lines(stream, packed), most + 1))
    if not stream.eof or len(lines) > most:
        raise ValueError("more lines than there may be")
    digests = stream.unused_data
    lines = [] if lines == [""] else lines
    if len(digests) != len(lines) * SHORT:
        raise ValueError("cut off, or something behind it")
    return list(zip(lines, _cut(digests, SHORT), strict=True))


def content_digest(jobs: Iterable[tuple[str, str]]) -> str:
    """Return what a snapshot holds, from each job's id and digest."""
    return lines_digest(f"{job_id}\t{digest}" for job_id, digest in sorted(jobs))


def snapshot_digest(previous: str | None, content: str, snapshot: dict[str, Any]) -> str:
    """Return the digest that chains a snapshot to the one before it.

    Args:
        snapshot: the row of `snapshots`, column -> value.
    """
    return chain_digest(previous, content, snapshot_text(snapshot))


def snapshot_text(snapshot: dict[str, Any]) -> str:
    """Return what the digest of a row of `snapshots` is over: its canonical JSON."""
    columns = {n: _json(v) for n, v in snapshot.items() if v is not None and n not in OUTSIDE and n != "id"}
    return _row("snapshots", {"id": snapshot["id"]}, columns, None)


def chain_digest(previous: str | None, content: str, text: str) -> str:
    """Return a snapshot's digest from the one before it, what it holds, and its row's canonical JSON."""
    return lines_digest([previous or "", content, sha256(text)])


def lines_digest(lines: Iterable[str]) -> str:
    """Return the digest of lines, each with a line feed after it."""
    total = hashlib.sha256()
    for line in lines:
        total.update(line.encode() + b"\n")
    return total.hexdigest()
