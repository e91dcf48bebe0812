"""With workers or without, an export is the same; and one that is killed costs the run, never the database."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from inventory.errors import SourceError
from inventory.exchange import NoAnswerError, Request
from inventory.mock import DrsServer, make_estate
from inventory.settings import Settings, Source
from inventory.workers import Workers
from tests.live import Export, as_stored, last, shown
from tests.web import Reply, Tunnel, Web, Wire

MANY = 120  # jobs that are worth a process
WORKERS = Settings.workers


@pytest.fixture
def export(export: Export) -> Export:
    return export.as_it_comes()


@pytest.fixture
def crowded(server: DrsServer) -> DrsServer:
    server.jobs.clear()
    server.jobs.update(make_estate(MANY, objects=3))
    return server


def descendants(pid: int) -> list[int]:
    """Return the processes that a process started, and those that they did."""
    found = []
    for folder in Path("/proc").iterdir():
        try:
            if folder.name.isdecimal() and int((folder / "stat").read_text().rsplit(")", 1)[1].split()[1]) == pid:
                found += [int(folder.name), *descendants(int(folder.name))]
        except OSError:
            continue
    return found


@pytest.mark.parametrize("jobs", ["all", "ids"])
def test_workers_change_nothing(crowded: DrsServer, export: Export, jobs: str) -> None:
    keys: dict[str, Any] = {"jobs": "all"} if jobs == "all" else {}
    job = next(iter(crowded.jobs.values()))
    job["brand_new"] = {"password": "Pl4ntedS3cret"}
    digests = []
    for workers in (0, 1, 2, 3):
        export.top = {"workers": workers}
        database = f"sqlite:///{workers}.db"
        export(database=database, **keys)
        digests.append(last(database)["content_digest"])
    assert len(set(digests)) == 1
    assert shown("sqlite:///2.db") == {i: as_stored(job) for i, job in crowded.jobs.items()}


def test_a_few_jobs_are_not_worth_a_process(server: DrsServer, export: Export) -> None:
    server.latency = 0.5
    with export.started() as process:
        time.sleep(0.8)
        assert descendants(process.pid) == []


@pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc")
@pytest.mark.parametrize("which", range(WORKERS))
def test_a_worker_that_is_killed_fails_the_export_and_nothing_else(
    crowded: DrsServer, export: Export, which: int
) -> None:
    export()
    crowded.latency = 0.3
    with export.started() as process:
        workers = awaited(process)
        os.kill(workers[which], signal.SIGKILL)
        out, err = process.communicate(timeout=30)
        awaited_end(workers)
    assert process.returncode == 1, out
    assert "a worker process ended" in err
    assert "Traceback" not in err
    crowded.latency = 0
    export()
    assert len(shown()) == MANY


@pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc")
def test_a_worker_leaves_it_to_its_export_to_stop(crowded: DrsServer, export: Export) -> None:
    crowded.latency = 0.3
    with export.started() as process:
        for worker in awaited(process):
            for number in (signal.SIGTERM, signal.SIGINT):
                os.kill(worker, number)
        process.communicate(timeout=30)
    assert process.returncode == 0


@pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc")
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGKILL], ids=lambda number: number.name)
def test_a_worker_ends_with_its_export(crowded: DrsServer, export: Export, number: signal.Signals) -> None:
    crowded.latency = 20
    with export.started(timeout=30) as process:
        workers = awaited(process)
        process.send_signal(number)
        process.communicate(timeout=10)
        awaited_end(workers)


def is_running(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except OSError:
        return False


def awaited_end(workers: list[int]) -> None:
    """Wait until none of them runs."""
    until = time.monotonic() + 5
    while any(map(is_running, workers)):
        assert time.monotonic() < until
        time.sleep(0.01)


def awaited(process: "subprocess.Popen[str]") -> list[int]:
    """Wait until the workers of an export are asked something."""
    until = time.monotonic() + 20
    while time.monotonic() < until:
        if len(found := descendants(process.pid)) == WORKERS:
            time.sleep(0.5)
            return found
        time.sleep(0.02)
    raise AssertionError("the workers did not come up")


@pytest.fixture
def workers() -> Iterator[Workers]:
    with Workers(Settings(workers=1)) as running:
        yield running


def test_a_worker_keeps_to_the_bound_of_a_request(workers: Workers) -> None:
    def drip(connection: socket.socket) -> None:
        while True:
            connection.sendall(b"HTTP/1.1 102 Processing\r\n\r\n")
            time.sleep(0.02)

    with (
        Wire(drip) as wire,
        closing(workers.open(f"http://{wire.address}", Source("s", jobs=None))) as exchange,
        pytest.raises(NoAnswerError) as caught,
    ):
        exchange.send(Request("GET", "/", seconds=0.5))
    error = caught.value
    assert (error.reason, error.retry, error.reached) == ("timed out", True, True)
    assert str(error) == f"http://{wire.address}: timed out after 0.5 s"


@pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc")
def test_a_worker_that_stands_still_is_late_and_not_waited_for(
    workers: Workers, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("inventory.workers.GRACE", 1)
    before = descendants(os.getpid())
    with Web(lambda _: Reply()) as web, closing(workers.open(web.url, Source("s", jobs=None))) as exchange:
        assert exchange.send(Request("GET", "/", seconds=30)).status == 200
        (worker,) = set(descendants(os.getpid())) - set(before)
        os.kill(worker, signal.SIGSTOP)
        try:
            for _ in range(2):  # with a channel that is open, and with a new one
                with pytest.raises(NoAnswerError) as caught:
                    exchange.send(Request("GET", "/", seconds=0.1))
                assert (caught.value.reason, caught.value.retry) == ("timed out", True)
        finally:
            os.kill(worker, signal.SIGCONT)
        assert exchange.send(Request("GET", "/", seconds=30)).status == 200


def test_a_proxy_that_wants_a_login_is_told_by_a_worker(workers: Workers, monkeypatch: pytest.MonkeyPatch) -> None:
    with Tunnel(b"HTTP/1.1 407 No\r\nContent-Length: 0\r\n\r\n") as proxy:
        monkeypatch.setenv("HTTPS_PROXY", f"http://me:hush@{proxy.address}")
        with closing(workers.open("https://drs.example", Source("s", jobs=None))) as exchange:
            for _ in range(2):
                with pytest.raises(SourceError, match=r"407.*HTTPS_PROXY"):
                    exchange.send(Request("GET", "/", seconds=5))
        assert proxy.connections == 1
