"""What passes between an export and its workers: frames of plain values, over a pair of sockets.

A job that is too large to hold stays in the file that the worker wrote it to, which is handed over open.
"""

import marshal
import os
import socket
from collections.abc import Sequence
from contextlib import suppress
from datetime import datetime
from typing import Any

from inventory.digest import Part, Proof
from inventory.exchange import Request, Response
from inventory.findings import Finding
from inventory.prepare import PreparedJob, Unchanged
from inventory.strict.big import Big, Spool

__all__ = ["Channel", "Frame", "pack_answer", "pack_request", "unpack_answer"]

Frame = tuple[Any, ...]


class Channel:
    """One end of a pair of sockets. A frame out is answered by a frame in."""

    def __init__(self, connection: socket.socket) -> None:
        self._connection = connection

    def send(self, frame: Frame, files: Sequence[Spool] = ()) -> None:
        """Send one frame, and open files behind it.

        Raises:
            OSError: the other end is gone.
        """
        content = marshal.dumps(frame)
        self._connection.sendall(len(content).to_bytes(8) + len(files).to_bytes(1) + content)
        if files:
            socket.send_fds(self._connection, [b"+"], [file.fileno() for file in files])

    def receive(self) -> Frame | None:
        """Wait for one frame, the descriptors of its files at its end; None where the other end is gone.

        Raises:
            TimeoutError: it did not come in time; see `patience`.
        """
        head = self._read(9)
        content = self._read(int.from_bytes(head[:8])) if head is not None else None
        if head is None or content is None:
            return None
        files = socket.recv_fds(self._connection, 1, head[8])[1] if head[8] else ()
        return *marshal.loads(content), *files  # noqa: S302  # from a process of ours

    def patience(self, seconds: float | None) -> None:
        """Bound each wait."""
        self._connection.settimeout(seconds)

    def hang_up(self) -> None:
        """Wake whoever waits at either end.

        To `close` is for who waits at this one: another file may get the descriptor, which he would wait for then.
        """
        with suppress(OSError):  # the other end was first
            self._connection.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        """Give it back; nobody waits at this end."""
        self._connection.close()

    def _read(self, size: int) -> memoryview | None:
        content = memoryview(bytearray(size))
        at = 0
        while at < size:
            try:
                came = self._connection.recv_into(content[at:])
            except TimeoutError:
                raise
            except OSError:
                return None
            if not came:
                return None
            at += came
        return content


def pack_request(request: Request) -> Frame:
    """Return a request as plain values, of which `Request` makes it again."""
    jobs = None if request.jobs is None else dict(request.jobs)
    return tuple(request._replace(query=tuple(request.query), headers=dict(request.headers), jobs=jobs))


def pack_answer(answer: Response) -> tuple[Frame, list[Spool]]:
    """Return an answer as plain values, and the files that go with it."""
    head = answer.status, dict(answer.headers), answer.content, answer.at.isoformat(), answer.seconds, answer.size
    if answer.prepared is None:
        return (*head, None), []
    jobs = answer.prepared["results"]
    spools = [job.spool for job in jobs if isinstance(job, Big)]
    return (*head, (answer.prepared["count"], [_packed_job(job) for job in jobs])), spools


def unpack_answer(frame: Frame) -> Response:
    """Return the answer that `pack_answer` packed."""
    status, headers, content, at, seconds, size, body, *files = frame
    prepared = None
    if body is not None:
        count, jobs = body
        prepared = {"count": count, "results": [_unpacked_job(files, *job) for job in jobs]}
    return Response(status, headers, content, datetime.fromisoformat(at), seconds, size, prepared)


def _packed_job(job: PreparedJob | Unchanged) -> Frame:
    if isinstance(job, Unchanged):
        return job.job_id, tuple(map(_plain, job.findings))
    findings = tuple(map(_plain, job.findings))
    if isinstance(job, Big):
        return job.job_id, job.spool.size, (job.proof.digest, job.proof.packed), findings, job.packed, job.served
    parts = tuple((part.digests, part.marks) for part in job.parts)
    return job.job_id, 0, parts, findings, job.packed, job.served


def _unpacked_job(files: list[int], job_id: str, *more: Any) -> PreparedJob | Unchanged:
    if len(more) == 1:
        return Unchanged(job_id, tuple(Finding(*finding) for finding in more[0]))
    pieces, proof, findings, packed, served = more
    plain = tuple(Finding(*finding) for finding in findings), packed, served
    if not pieces:
        return PreparedJob(job_id, tuple(Part(*part) for part in proof), *plain)
    spool = Spool(os.fdopen(files.pop(0), "r+b"), pieces)
    return Big(job_id, (), *plain, proof=Proof(*proof), spool=spool)


def _plain(finding: Finding) -> tuple[str, str, str, str, bool]:
    assert not finding.evidence  # what a job holds stands in its rows
    return finding.kind, finding.path, finding.job_id, finding.detail, finding.shared
