"""What passes between an export and its workers: frames of plain values, over a pair of sockets."""

import marshal
import socket
from contextlib import suppress
from datetime import datetime
from typing import Any

from inventory.exchange import Response
from inventory.findings import Finding
from inventory.prepare import Prepared, Same

__all__ = ["Channel", "Frame", "pack_answer", "unpack_answer"]

Frame = tuple[Any, ...]


class Channel:
    """One end of a pair of sockets. A frame out is answered by a frame in."""

    def __init__(self, connection: socket.socket) -> None:
        self._connection = connection

    def send(self, frame: Frame) -> None:
        """Send one frame.

        Raises:
            OSError: the other end is gone.
        """
        content = marshal.dumps(frame)
        self._connection.sendall(len(content).to_bytes(8) + content)

    def receive(self) -> Frame | None:
        """Wait for one frame; None where the other end is gone.

        Raises:
            TimeoutError: none came in the time that the socket has.
        """
        head = self._read(8)
        content = self._read(int.from_bytes(head)) if head is not None else None
        if content is None:
            return None
        frame: Frame = marshal.loads(content)  # noqa: S302  # from a process of ours
        return frame

    def patience(self, seconds: float | None) -> None:
        """Bound each wait."""
        self._connection.settimeout(seconds)

    def close(self) -> None:
        """Wake whoever waits at either end."""
        with suppress(OSError):  # the other end was first
            self._connection.shutdown(socket.SHUT_RDWR)
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


def pack_answer(answer: Response) -> Frame:
    """Return an answer as plain values."""
    head = answer.status, dict(answer.headers), answer.content, answer.at.isoformat(), answer.seconds, answer.size
    if answer.prepared is None:
        return (*head, None)
    jobs = [_packed_job(each) for each in answer.prepared["results"]]
    return (*head, (answer.prepared["count"], jobs))


def unpack_answer(frame: Frame) -> Response:
    """Return the answer that `pack_answer` packed."""
    status, headers, content, at, seconds, size, body = frame
    prepared = None
    if body is not None:
        count, jobs = body
        prepared = {"count": count, "results": [_unpacked_job(*job) for job in jobs]}
    return Response(status, headers, content, datetime.fromisoformat(at), seconds, size, prepared)


def _packed_job(job: Prepared | Same) -> Frame:
    if isinstance(job, Same):
        return (job.job_id,)
    findings = tuple(_plain(finding) for finding in job.findings)
    return job.job_id, job.digest, job.digests, job.marks, findings, job.packed, job.served


def _unpacked_job(job_id: str, *more: Any) -> Prepared | Same:
    if not more:
        return Same(job_id)
    digest, digests, marks, findings, packed, served = more
    return Prepared(job_id, digest, digests, marks, tuple(Finding(*f) for f in findings), packed, served)


def _plain(finding: Finding) -> tuple[str, str, str, str, bool]:
    assert not finding.evidence  # what a job holds stands in its rows
    return finding.kind, finding.path, finding.job_id, finding.detail, finding.shared
