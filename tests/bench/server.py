"""A DRS that costs next to nothing: answers are joined from bytes that were encoded beforehand.

``python server.py FOLDER LATENCY`` serves what `estate` wrote there, prints its port, and ends with its standard
input. LATENCY: seconds before each answer. POST /bench/night lets a night pass: every hundredth job has another status.
POST /bench/growth/1 gives each job a member that nobody has heard of, /bench/growth/0 takes it away.
Knows batch-detail alone, and lets everybody in. A process of its own, so that it shares no interpreter with anybody.
"""

import asyncio
import json
import mmap
import re
import sys
from pathlib import Path
from typing import Any

LENGTH = re.compile(rb"(?i)\r\ncontent-length: *(\d+)")
STATUS = re.compile(rb'"status":"([A-Z_]+)"')  # a job's own stands before any other
EVERY = 100
NEW = b',"new_member":{"of":"the service"}}'


class Estate:
    """Jobs by id, as bytes."""

    def __init__(self, folder: Path) -> None:
        with (folder / "jobs.bin").open("rb") as file:
            whole = memoryview(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ))
        places = json.loads((folder / "places.json").read_text())
        self._jobs: dict[str, Any] = {job_id: whole[begin:end] for job_id, begin, end in places}
        self._served = self._jobs
        self.is_grown = False

    def let_a_night_pass(self) -> None:
        """Change the status of every hundredth job; the second night is the first one's again."""
        self._served = self._jobs | {job_id: _changed(self._jobs[job_id]) for job_id in [*self._jobs][::EVERY]}

    def answer(self, asked: dict[str, Any]) -> bytes:
        """Return what batch-detail says of ids; an id that is not there is a fault of the bench."""
        page = asked.get("page_req") or {}
        size = page.get("per_page", 5) or len(asked["jobs"])
        begin = (page.get("cur_page", 1) - 1) * size
        jobs = [self._served[job_id] for job_id in asked["jobs"][begin : begin + size]]
        if self.is_grown:
            jobs = [bytes(job[:-1]) + NEW for job in jobs]
        return b"".join((b'{"count":%d,"results":[' % len(jobs), b",".join(jobs), b"]}"))


def _changed(job: Any) -> bytes:
    text = bytes(job)
    found = STATUS.search(text)
    assert found is not None  # every job has one
    other = b"PAUSING" if found[1] != b"PAUSING" else b"INCRE_TRANSFER_STARTED"
    return text[: found.start(1)] + other + text[found.end(1) :]


class Connection(asyncio.Protocol):
    """HTTP/1.1, one request after the other."""

    def __init__(self, estate: Estate, latency: float) -> None:
        self._estate = estate
        self._latency = latency
        self._came = b""

    def connection_made(self, transport: Any) -> None:
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        self._came += data
        while (end := self._came.find(b"\r\n\r\n")) >= 0:
            length = LENGTH.search(self._came, 0, end + 2)
            whole = end + 4 + (int(length[1]) if length else 0)
            if len(self._came) < whole:
                return
            head, body, self._came = self._came[:end], self._came[end + 4 : whole], self._came[whole:]
            asyncio.get_running_loop().call_later(self._latency, self._transport.write, self._answer(head, body))

    def _answer(self, head: bytes, body: bytes) -> bytes:
        status, said = b"200 OK", b"{}"
        path = head.split(b" ", 2)[1]
        if path == b"/bench/night":
            self._estate.let_a_night_pass()
        elif path.startswith(b"/bench/growth/"):
            self._estate.is_grown = path.endswith(b"1")
        elif path.endswith(b"/jobs/batch-detail"):
            said = self._estate.answer(json.loads(body))
        else:
            status = b"404 Not Found"
        form = b"HTTP/1.1 %b\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%b"
        return form % (status, len(said), said)


async def main(folder: Path, latency: float) -> None:
    estate, loop = Estate(folder), asyncio.get_running_loop()
    server = await loop.create_server(lambda: Connection(estate, latency), "127.0.0.1", 0, backlog=1000)
    print(server.sockets[0].getsockname()[1], flush=True)  # noqa: T201
    await loop.run_in_executor(None, sys.stdin.read)


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1]), float(sys.argv[2])))
