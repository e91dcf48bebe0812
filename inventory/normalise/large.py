"""Normalises a job that is too large for memory, piece by piece.

A job may have a million objects: 100 MB of JSON, and ten times that as rows in memory. So the list stays in the file
of the answer, the rows go to another file, and only one piece and the digests are in memory.
"""

import marshal
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from tempfile import TemporaryFile
from typing import IO

from inventory.common.errors import StoreError
from inventory.common.exact_json import canonical
from inventory.normalise.fast import Normaliser
from inventory.normalise.findings import Finding
from inventory.normalise.prepared import PreparedJob, Unchanged
from inventory.normalise.split import LargeResult
from inventory.normalise.walk import Row
from inventory.proof.digest import DigestChunk, JobDigest, RepeatedKeyError, merge_chunks

__all__ = ["LargeJob", "RowFile", "normalise_large"]


def normalise_large(normaliser: Normaliser, result: LargeResult, job_id: str) -> PreparedJob | Unchanged:
    """Normalise a large job; it is never `Unchanged`, because `result.raw` does not contain its list.

    Raises:
        ValueError: it cannot be parsed.
    """
    try:
        return _in_pieces(normaliser, result, job_id)
    except (RepeatedKeyError, ValueError, OSError):  # a repeated key, an unexpected object, no space for the rows
        return normaliser.job(canonical(result.document()).encode(), job_id, b"", None)


def _in_pieces(normaliser: Normaliser, result: LargeResult, job_id: str) -> "LargeJob":
    rest = normaliser.job(result.raw, job_id, b"", None)
    assert isinstance(rest, PreparedJob)  # there is no cache entry
    rows = RowFile(TemporaryFile())  # noqa: SIM115  # `RowFile` closes it
    chunks = [rows.add(rest)]
    findings = dict.fromkeys(rest.findings)
    for begin, end in result.spans:
        piece = normaliser.objects(b"[%b]" % result.body.part(begin, end), job_id)
        chunks.append(rows.add(piece))
        findings |= dict.fromkeys(piece.findings)
    return _with_digest(job_id, chunks, tuple(findings), rows)


class RowFile:
    """The rows of a job in a temporary file: pieces, each with its digest chunk. Deleted with the last reference."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file
        self._size = 0

    def __del__(self) -> None:
        self._file.close()

    def add(self, piece: PreparedJob) -> DigestChunk:
        """Add a piece; return its digest chunk.

        Raises:
            OSError: there is no space.
        """
        (chunk,) = piece.chunks
        self._file.seek(0, 2)
        marshal.dump((chunk.digests, chunk.fingerprints, piece.packed), self._file)
        self._file.flush()
        self._size += 1
        return chunk

    def __iter__(self) -> Iterator[tuple[DigestChunk, bytes]]:
        self._file.seek(0)
        for _ in range(self._size):
            digests, fingerprints, packed = marshal.load(self._file)  # noqa: S302  # written by this run
            yield DigestChunk(digests, fingerprints), packed


@dataclass(frozen=True, slots=True)
class LargeJob(PreparedJob):
    """A job whose rows and digest chunks are in a file."""

    job_digest: JobDigest = field(kw_only=True)
    row_file: RowFile = field(kw_only=True)

    @property
    def pieces(self) -> Iterator[tuple[str, list[Row]]]:
        """See `PreparedJob.pieces`."""
        for _, packed in self.row_file:
            yield from marshal.loads(packed).items()  # noqa: S302  # written by this run

    def joined(self, other: PreparedJob) -> "LargeJob":
        """See `PreparedJob.joined`.

        Raises:
            StoreError: there is no space.
        """
        try:
            self.row_file.add(other)
        except OSError as error:
            hint = "Make room in the folder for temporary files (TMPDIR), and run it again"
            raise StoreError(f"a temporary file cannot be written: {error.strerror}", hint) from None
        findings = (*self.findings, *other.findings)
        return _with_digest(self.job_id, [chunk for chunk, _ in self.row_file], findings, self.row_file)


def _with_digest(
    job_id: str, chunks: Sequence[DigestChunk], findings: tuple[Finding, ...], row_file: RowFile
) -> LargeJob:
    return LargeJob(job_id, (), findings, b"", job_digest=merge_chunks(chunks), row_file=row_file)
