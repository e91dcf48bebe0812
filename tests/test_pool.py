"""With workers or without, an export is the same; and one that is killed costs the run, never the database."""

import errno
import io
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest

from inventory.common.body import BodyFile
from inventory.common.errors import SourceError
from inventory.config.settings import Settings, Source
from inventory.export.pool import NormaliserPool
from inventory.mock import DrsServer, make_estate
from inventory.normalise.split import JobResult, LargeResult, read_answer
from inventory.source.reading import Absent, Outcome, Read, Unread
from tests.live import Export, as_stored, last, shown

MANY = 120  # jobs that are worth a process
WORKERS = Settings.workers
MANY_JOBS = Source("s", jobs=None)


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
    for job in crowded.jobs.values():  # what is unchanged goes to no worker
        job["name"] += "-renamed"
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


def read_of(job: dict[str, Any]) -> Read:
    return Read(job["id"], JobResult.of(job))


def digests(found: Iterable[Any]) -> dict[str, str]:
    return {outcome.job_id: job.job_digest.digest for outcome, job in found}


@pytest.mark.parametrize("method", ["fork", "spawn"])
def test_the_order_is_kept_and_a_large_job_stays(method: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("inventory.export.pool._METHOD", method)
    jobs = list(make_estate(45, objects=60).values())
    body = json.dumps({"results": [jobs[7]]}).encode()
    (large,) = read_answer(BodyFile(io.BytesIO(body)), piece=1000)["results"]
    assert isinstance(large, LargeResult)
    outcomes: list[Outcome] = [read_of(job) for job in jobs]
    outcomes[7:8] = [Absent("gone", "DRS.M05004"), Read(jobs[7]["id"], large)]
    with NormaliserPool(Settings(workers=0)) as alone, NormaliserPool(Settings(workers=2)) as pool:
        pool.start([MANY_JOBS])
        found = list(pool.normalised(MANY_JOBS, outcomes, {}))
        assert [outcome for outcome, _ in found] == outcomes
        assert found[7][1] is None
        expected = alone.normalised(MANY_JOBS, map(read_of, jobs), {})
        assert digests(each for each in found if each[1] is not None) == digests(expected)


def test_a_job_that_cannot_be_read_is_told() -> None:
    deep = JobResult(b'{"id":"a","name":"n","new":%b1%b}' % (b"[" * 250, b"]" * 250))
    with NormaliserPool(Settings(workers=0)) as pool:
        (found,) = pool.normalised(MANY_JOBS, [Read("a", deep)], {})
    assert found == (Unread("a", "unreadable_job", "its result is nested too deeply, or is not text in UTF-8"), None)


@pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc")
def test_a_process_that_stands_still_is_not_waited_for() -> None:
    before = descendants(os.getpid())
    with NormaliserPool(Settings(workers=1), timeout=1) as pool:
        pool.start([MANY_JOBS])
        (worker,) = set(descendants(os.getpid())) - set(before)
        os.kill(worker, signal.SIGSTOP)
        outcomes = [read_of(job) for job in make_estate(1).values()]
        with pytest.raises(SourceError, match="a worker process does not answer"):
            list(pool.normalised(MANY_JOBS, outcomes, {}))
    awaited_end([worker])


def test_the_system_s_own_words_where_it_gives_no_process(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "fork", refused)
    with (
        NormaliserPool(Settings(workers=1)) as pool,
        pytest.raises(SourceError, match="a worker process cannot be started: Cannot allocate memory"),
    ):
        pool.start([MANY_JOBS])


def refused() -> int:
    raise OSError(errno.ENOMEM, os.strerror(errno.ENOMEM))
