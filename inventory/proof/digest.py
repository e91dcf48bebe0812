"""The digests of rows, jobs and snapshots (docs/reference/digests.md).

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
from datetime import datetime
from itertools import islice
from operator import itemgetter
from typing import Any

from inventory.common.exact_json import Json, canonical, read
from inventory.schema.entities import Entity
from inventory.schema.fields import KEY_BYTES
from inventory.schema.kinds import rfc3339

__all__ = [
    "DigestChunk",
    "JobDigest",
    "RepeatedKeyError",
    "RowFingerprint",
    "chain_digest",
    "content_digest",
    "decode_fingerprints",
    "digest_chunk",
    "digest_chunks",
    "digest_job",
    "encode_fingerprints",
    "job_digest",
    "lines_digest",
    "merge_chunks",
    "row_digest",
    "row_fingerprints",
    "row_key",
    "row_text",
    "sha256",
    "snapshot_digest",
    "snapshot_text",
]

PREFIX_SIZE = 3  # bytes of a row's digest that are stored, to find an altered row; the job's digest is the proof
DIGEST_SIZE = 32  # bytes of a digest

BATCH = 10_000  # rows, or lines, that are processed together: a job may have millions
_HASH_CHUNK = 2000  # bytes
_DECODE_CHUNK = 2**16  # bytes that are decompressed at a time
MAX_LINE = 32 * KEY_BYTES  # characters of a line: a table and a key of up to five parts, each byte at most as \u0001

RowFingerprint = tuple[str, bytes]  # "TABLE<TAB>KEY" of a row; its digest, or the first bytes of it

NOT_DIGESTED = frozenset({"source_id", "digest", "previous_digest", "content_digest", "pruned_at"})


def row_digest(entity: Entity, row: Sequence[Any]) -> str:
    """Return the digest of one row, given in the order of the entity's columns."""
    return sha256(row_text(entity, row))


def row_text(entity: Entity, row: Sequence[Any]) -> str:
    """Return the text that a row's digest is computed from: its canonical JSON."""
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
    """Hash in 2,000-byte chunks: above 2,047 bytes hashlib releases the GIL, and taking it back costs more."""
    total = hashlib.sha256(content[:_HASH_CHUNK])
    for at in range(_HASH_CHUNK, len(content), _HASH_CHUNK):
        total.update(content[at : at + _HASH_CHUNK])
    return total


def _json(value: Any) -> Json:
    return rfc3339(value) if isinstance(value, datetime) else value


@dataclass(frozen=True, slots=True)
class JobDigest:
    """The digest of a job, and the encoded fingerprints of its rows (`decode_fingerprints`)."""

    digest: str
    fingerprints: bytes


def digest_job(rows: Iterable[tuple[Entity, Sequence[Any]]]) -> JobDigest:
    """Return a job's digest from all its rows, each in the order of its entity's columns."""
    return merge_chunks(digest_chunks(rows))


def digest_chunks(rows: Iterable[tuple[Entity, Sequence[Any]]]) -> list["DigestChunk"]:
    """Return digest chunks for a part of a job's rows, each in the order of its entity's columns."""
    named = ((entity.name, row_key(entity, row), row_digest(entity, row)) for entity, row in rows)
    return [digest_chunk(row_fingerprints(batch)) for batch in _batches(named)]


class RepeatedKeyError(Exception):
    """Two rows have the same key."""


@dataclass(frozen=True, slots=True)
class DigestChunk:
    """A part of a job's rows: their digests, sorted and joined, and their fingerprints, encoded."""

    digests: bytes
    fingerprints: bytes


def _split(digests: bytes, size: int) -> Iterator[bytes]:
    return (digests[at : at + size] for at in range(0, len(digests), size))


def digest_chunk(fingerprints: Sequence[RowFingerprint]) -> DigestChunk:
    """Return the chunk of rows from their sorted fingerprints, which must have whole digests."""
    lines = "\n".join([line for line, _ in fingerprints])
    digests = [digest for _, digest in fingerprints]
    # Like `encode_fingerprints`, but in one call of zlib: each call releases the GIL.
    packed = zlib.compress(lines.encode(), 1) + b"".join([digest[:PREFIX_SIZE] for digest in digests])
    return DigestChunk(b"".join(sorted(digests)), packed)


def merge_chunks(chunks: Sequence[DigestChunk]) -> JobDigest:
    """Return the digest of a job from its chunks; they are decoded as streams.

    Raises:
        RepeatedKeyError: two chunks have rows of the same key.
    """
    if len(chunks) == 1:
        lines = chunks[0].digests.hex("\n", DIGEST_SIZE) + "\n" if chunks[0].digests else ""
        return JobDigest(sha256(lines), chunks[0].fingerprints)
    digest = lines_digest(heapq.merge(*(_digests(chunk) for chunk in chunks)))
    return JobDigest(digest, encode_fingerprints(_distinct(heapq.merge(*(_fingerprints(chunk) for chunk in chunks)))))


def _digests(chunk: DigestChunk) -> Iterator[str]:
    return (digest.hex() for digest in _split(chunk.digests, DIGEST_SIZE))


def _fingerprints(chunk: DigestChunk) -> Iterator[RowFingerprint]:
    begin = len(chunk.fingerprints) - len(chunk.digests) // DIGEST_SIZE * PREFIX_SIZE
    lines = _lines(zlib.decompressobj(), chunk.fingerprints[:begin])
    return zip(lines, _split(chunk.fingerprints[begin:], PREFIX_SIZE), strict=False)  # no rows: one empty line


def _lines(stream: Any, compressed: bytes) -> Iterator[str]:
    """Yield the compressed lines; in small pieces, because a kilobyte can decompress to a megabyte.

    Raises:
        ValueError: the data is not valid.
    """
    line = ""
    while not stream.eof:
        try:
            piece = stream.decompress(compressed, _DECODE_CHUNK)
        except zlib.error:
            raise ValueError("not packed") from None
        if not (piece or stream.eof or stream.unconsumed_tail):
            raise ValueError("cut off")
        *lines, line = (line + piece.decode()).split("\n")
        if len(line) > MAX_LINE:
            raise ValueError("a line that no key makes")
        compressed = stream.unconsumed_tail
        yield from lines
    yield line


def _distinct(fingerprints: Iterable[RowFingerprint]) -> Iterator[RowFingerprint]:
    last = ""
    for fingerprint in fingerprints:
        if fingerprint[0] == last:
            raise RepeatedKeyError
        last = fingerprint[0]
        yield fingerprint


def _batches(items: Iterable[Any]) -> Iterator[list[Any]]:
    left = iter(items)
    while batch := list(islice(left, BATCH)):
        yield batch


def job_digest(rows: Iterable[str]) -> str:
    """Return a job's digest from the digests of its rows."""
    return lines_digest(sorted(rows))


def row_fingerprints(named: Iterable[tuple[str, str, str]]) -> list[RowFingerprint]:
    """Return the fingerprint of each row of a job, given as (table, key, digest in hex), sorted."""
    return sorted((f"{table}\t{key}", bytes.fromhex(digest)) for table, key, digest in named)


def row_key(entity: Entity, row: Sequence[Any]) -> str:
    """Return the key of a row as JSON: the key's columns in order, without source_id."""
    return json.dumps([row[at] for at in entity.key_places])


def encode_fingerprints(fingerprints: Iterable[RowFingerprint]) -> bytes:
    """Encode sorted fingerprints: lines of table and key, compressed; then the first bytes of each digest."""
    stream, packed, digests, separator = zlib.compressobj(1), [], [], b""
    for batch in _batches(fingerprints):
        packed.append(stream.compress(separator + "\n".join(map(itemgetter(0), batch)).encode()))
        digests.append(b"".join([digest[:PREFIX_SIZE] for _, digest in batch]))
        separator = b"\n"
    return b"".join((*packed, stream.flush(), *digests))


def decode_fingerprints(packed: bytes, most: int) -> list[RowFingerprint]:
    """Return the fingerprints from `encode_fingerprints`, each with the first bytes of its digest.

    Args:
        most: the allowed number: an altered database may contain millions, in a kilobyte.

    Raises:
        ValueError: the data is not valid, or there are more.
    """
    stream = zlib.decompressobj()
    lines = list(islice(_lines(stream, packed), most + 1))
    if not stream.eof or len(lines) > most:
        raise ValueError("more lines than there may be")
    digests = stream.unused_data
    lines = [] if lines == [""] else lines
    if len(digests) != len(lines) * PREFIX_SIZE:
        raise ValueError("cut off, or something behind it")
    return list(zip(lines, _split(digests, PREFIX_SIZE), strict=True))


def content_digest(jobs: Iterable[tuple[str, str]]) -> str:
    """Return the digest of a snapshot's content, from each job's id and digest."""
    return lines_digest(f"{job_id}\t{digest}" for job_id, digest in sorted(jobs))


def snapshot_digest(previous: str | None, content: str, snapshot: dict[str, Any]) -> str:
    """Return the digest that chains a snapshot to the previous one.

    Args:
        snapshot: the row of `snapshots`, column -> value.
    """
    return chain_digest(previous, content, snapshot_text(snapshot))


def snapshot_text(snapshot: dict[str, Any]) -> str:
    """Return the text that the digest of a row of `snapshots` is computed from: its canonical JSON."""
    columns = {n: _json(v) for n, v in snapshot.items() if v is not None and n not in NOT_DIGESTED and n != "id"}
    return _row("snapshots", {"id": snapshot["id"]}, columns, None)


def chain_digest(previous: str | None, content: str, text: str) -> str:
    """Return a snapshot's digest from the previous one, its content digest, and its row's canonical JSON."""
    return lines_digest([previous or "", content, sha256(text)])


def lines_digest(lines: Iterable[str]) -> str:
    """Return the digest of lines, each with a line feed after it."""
    total = hashlib.sha256()
    for line in lines:
        total.update(line.encode() + b"\n")
    return total.hexdigest()
