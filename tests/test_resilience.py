"""Exports that are killed, stopped, starved and crowded: the database is whole, and the next export completes.

`INVENTORY_KILLS` says how many exports are killed on each database; `-rP` then shows when they were. What a failed test
printed has its `INVENTORY_SEED`.
"""

import contextlib
import json
import os
import random
import signal
import subprocess
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from inventory.mock import DrsServer, make_estate
from inventory.store import reader
from inventory.store.engine import open_store
from inventory.store.migrate import upgrade
from tests.conftest import Command, running_postgresql
from tests.live import Export
from tests.trouble import (
    Archive,
    at_the_lock,
    commits,
    committing,
    completes,
    last_batch_held,
    locked_out,
    reading,
    told_to_wait,
    until,
)

KILLS = int(os.environ.get("INVENTORY_KILLS", "6"))
Way = Callable[[Archive, Export], contextlib.AbstractContextManager["subprocess.Popen[str]"]]


@pytest.fixture
def export(export: Export) -> Export:
    return export.as_it_comes()


@pytest.fixture
def server() -> Iterator[DrsServer]:
    with DrsServer(make_estate(60, objects=10)) as running:
        running.share = 0.2
        yield running


@pytest.fixture
def archive(database: str, server: DrsServer) -> Archive:
    """A database that is ready, on each of the two kinds."""
    return prepared(Archive(database, server))


@pytest.fixture
def beside(server: DrsServer, tmp_path: Path) -> Archive:
    """An SQLite file that is not there yet."""
    return Archive(f"sqlite:///{tmp_path}/inventory.db", server)


def prepared(archive: Archive) -> Archive:
    with open_store(archive.url, write=True) as store:
        upgrade(store)
    return archive


def first_night(archive: Archive, export: Export) -> None:
    """Export, and let a night pass."""
    export(database=archive.url, jobs="all")
    assert archive.check() == [1]
    archive.server.next_night()


@dataclass(frozen=True)
class Usual:
    """How an export goes that nobody disturbs: its requests, and seconds.

    first: from the start to the first request. read: from the last request to the commit. commit: how long that is.
    """

    requests: int
    first: float
    read: float
    commit: float


def undisturbed(archive: Archive, export: Export) -> Usual:
    """Export a night, and learn how that goes."""
    server, began, offset = archive.server, time.monotonic(), time.time() - time.monotonic()
    before = len(server.requests)
    with export.started(database=archive.url, log="json", jobs="all") as process:
        out, err = process.communicate(timeout=60)
    assert process.returncode == 0, out + err
    requests = server.requests[before:]
    (told,) = [event for event in map(json.loads, err.splitlines()) if event["event"] == "exported"]
    with open_store(archive.url, write=False) as store, store.reading() as connection:
        finished = reader.snapshots(connection, 1)[-1]["finished_at"]
    commit = datetime.fromisoformat(told["timestamp"]) - finished
    read = finished.timestamp() - offset - requests[-1].time
    return Usual(len(requests), requests[0].time - began, read, commit.total_seconds())


def at_some_moment(
    moment: str, archive: Archive, usual: Usual, process: "subprocess.Popen[str]", dice: random.Random
) -> None:
    """Wait until an export is at a moment."""
    server, before = archive.server, len(archive.server.requests)
    if moment == "starting":
        time.sleep(dice.uniform(0, usual.first))
    elif moment == "reading":
        wanted = dice.randint(1, usual.requests)
        until(lambda: len(server.requests) - before >= wanted, process)
        time.sleep(dice.uniform(0, 0.01))
    elif moment == "comparing":
        until(lambda: len(server.requests) - before >= usual.requests, process)
        time.sleep(dice.uniform(0, usual.read))
    else:
        with open_store(archive.url, write=False) as store:
            until(commits(store), process, 0)
        time.sleep(dice.uniform(0, usual.commit))


@pytest.mark.soak
def test_killed_at_any_moment(archive: Archive, export: Export, dice: random.Random) -> None:
    for _ in range(2):  # the first is another than those that follow
        usual = undisturbed(archive, export)
        archive.check()
        archive.server.next_night()
    met: Counter[str] = Counter()
    killed = 0
    for number in range(3 * KILLS):  # a machine that becomes faster meanwhile is met too late
        if number >= KILLS and killed > KILLS / 2:
            break
        moment = ("starting", "reading", "comparing", "committing", "comparing", "committing")[number % 6]
        with export.started(database=archive.url, jobs="all") as process:
            at_some_moment(moment, archive, usual, process, dice)
            process.kill()
            running = process.wait() == -signal.SIGKILL
        killed += running
        written = len(archive.check())
        assert written <= 1
        met[f"{moment}: {'killed' if running else 'too late'}, {'written' if written else 'not'}"] += 1
        with archive.locked():
            pass
        export(database=archive.url, jobs="all")
        assert len(archive.check()) == 1
        archive.server.next_night()
    archive.check(far=10**6)
    print(usual, *sorted(met.items()), sep="\n")  # noqa: T201  # for who kills many
    assert killed > KILLS / 2


def test_killed_in_its_first_night(archive: Archive, export: Export) -> None:
    """Most rows are staged by then; none of them is seen, nor in the way of the next export."""
    archive.server.jobs = make_estate(60, objects=500)
    with export.started(database=archive.url, jobs="all", timeout=60) as process:
        with last_batch_held(archive.server) as asked:
            until(asked.is_set, process)
            assert process.poll() is None
            process.kill()
            process.wait()
        completes(archive, export)


@pytest.mark.parametrize(
    ("way", "number"),
    [
        (reading, signal.SIGTERM),
        (told_to_wait, signal.SIGINT),
        (locked_out, signal.SIGTERM),
        (committing, signal.SIGINT),
    ],
    ids=["reading", "told to wait", "locked out", "committing"],
)
def test_asked_to_stop_it_ends_within_a_second(
    archive: Archive, export: Export, way: Way, number: signal.Signals
) -> None:
    first_night(archive, export)
    with way(archive, export) as process:
        began = time.monotonic()
        process.send_signal(number)
        out, err = process.communicate(timeout=30)
        seconds = time.monotonic() - began
        assert archive.check() == []
    assert (process.returncode, out) == (1, "")
    *events, last = map(json.loads, err.splitlines())
    (failed,) = (event for event in events if event["event"] == "failed")
    assert failed["error"] == f"stopped by {number.name}; what was not finished was not written"
    assert (last["event"], last["code"], last["complete"]) == ("finished", 1, 0)
    assert "Traceback" not in err
    assert seconds < 1
    completes(archive, export)


@pytest.fixture
def tiny(tmp_path: Path) -> Iterator[Path]:
    """A folder on a file system of its own, of 8 MB."""
    folder = tmp_path / "tiny"
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=8m", "tmpfs", str(folder)]
    try:
        subprocess.run(mount, capture_output=True, check=True)
    except (OSError, subprocess.CalledProcessError):
        pytest.skip("no file system can be mounted here")
    yield folder
    subprocess.run(["umount", "-l", folder], check=True)


@contextlib.contextmanager
def filled(folder: Path, room: int = 0) -> Iterator[None]:
    """Let a file system be full, but for `room` bytes."""
    filler = folder / "filler"
    with filler.open("wb", buffering=0) as file, contextlib.suppress(OSError):
        while True:
            file.write(bytes(4096))
    os.truncate(filler, filler.stat().st_size - room)
    yield
    filler.unlink()


def refused(archive: Archive, export: Export, *options: str) -> str:
    """Export in vain, and return the one line that it told."""
    done = export(*options, database=archive.url, jobs="all", code=1)
    assert done.stdout == ""
    (line,) = done.stderr.splitlines()
    return str(line)


@pytest.mark.parametrize("room", [0, 200_000])
def test_a_full_disk(tiny: Path, server: DrsServer, export: Export, room: int) -> None:
    archive = Archive(f"sqlite:///{tiny}/inventory.db", server)
    full = f"the database {archive.url} failed: database or disk is full. Nothing was written; free some space"
    with filled(tiny, room):
        assert full in refused(archive, export)
    first_night(archive, export)
    server.jobs = make_estate(60, seed=2, objects=30)
    with filled(tiny, room):
        assert full in refused(archive, export, "--max-removals", "100%")
        assert archive.check() == []
    export("--max-removals", "100%", database=archive.url, jobs="all")
    assert archive.check() == [2]


def test_a_full_folder_for_temporary_files(
    tiny: Path, beside: Archive, export: Export, monkeypatch: pytest.MonkeyPatch
) -> None:
    export(database=beside.url, jobs="all")  # a first night needs none
    assert beside.check() == [1]
    beside.server.jobs = make_estate(60, objects=300)
    monkeypatch.setenv("SQLITE_TMPDIR", str(tiny))
    with filled(tiny):
        told = refused(beside, export)
    assert f"the database {beside.url} failed: database or disk is full" in told
    assert "SQLITE_TMPDIR" in told
    completes(beside, export)


def test_a_full_folder_for_recordings(tiny: Path, beside: Archive, export: Export) -> None:
    with filled(tiny):
        assert refused(beside, export, "--record", f"{tiny}/one") == (
            f"error: live: the recording {tiny}/one/live cannot be written: No space left on device."
            " Nothing was exported"
        )
    completes(beside, export)


def test_a_full_folder_for_metrics(tiny: Path, beside: Archive, export: Export) -> None:
    options = ("--metrics-file", f"{tiny}/inventory.prom")
    export(*options, database=beside.url, jobs="all")
    before = (tiny / "inventory.prom").read_text()
    with filled(tiny):
        done = export(*options, database=beside.url, jobs="all")
        assert sorted(each.name for each in tiny.iterdir()) == ["filler", "inventory.prom"]
    assert f"warning: the metrics file {tiny}/inventory.prom cannot be written: No space left" in done.stderr
    assert (tiny / "inventory.prom").read_text() == before
    assert beside.check() == [1, 2]


def test_a_result_that_cannot_be_printed_is_written(beside: Archive, export: Export) -> None:
    full = Path("/dev/full")
    if not full.exists():
        pytest.skip("this system has no device that is always full")
    with full.open("w") as stdout, export.started(database=beside.url, jobs="all", stdout=stdout, cold=True) as process:
        assert (process.communicate(timeout=60)[1], process.returncode) == ("", 0)
    assert beside.check() == [1]


@pytest.fixture(scope="module")
def own_postgresql() -> Iterator[Any]:
    """A server that may be ended."""
    with running_postgresql() as running:
        yield running


def kill(server: Any) -> None:
    """End a server with all its processes, as a power cut would."""
    query = "COPY (SELECT pid FROM pg_stat_activity) TO STDOUT"
    pids = [server.get_pid(), *map(int, server.psql(query).split())]
    for pid in pids:
        with contextlib.suppress(ProcessLookupError):  # the session that asked
            os.kill(pid, signal.SIGKILL)
    while any(Path(f"/proc/{pid}").exists() for pid in pids):
        time.sleep(0.02)


@pytest.mark.soak
@pytest.mark.parametrize("end", [lambda server: server.stop(), kill], ids=["stopped", "killed"])
@pytest.mark.parametrize("way", [reading, committing], ids=lambda way: way.__name__)
def test_a_server_that_is_started_again(
    own_postgresql: Any, server: DrsServer, export: Export, way: Way, end: Callable[[Any], None]
) -> None:
    archive = Archive(str(own_postgresql.get_uri()), server)
    archive.run("DROP SCHEMA IF EXISTS public, public_internal CASCADE", "CREATE SCHEMA public")
    first_night(prepared(archive), export)
    with way(archive, export, log="text") as process:  # type: ignore[call-arg]
        if way is committing:  # the next commit is as quick as usual
            archive.run("CREATE OR REPLACE FUNCTION slow() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END'")
        end(own_postgresql)
        own_postgresql.ensure_postgres_running()
        server.latency = 0
        _, err = process.communicate(timeout=60)
    assert (process.returncode, err.count("reading the source once more")) == (0, 1), err
    assert len(archive.check()) == 1


@pytest.fixture
def other(inventory: Command, tmp_path: Path) -> Iterator[Export]:
    """Exports of another server."""
    (tmp_path / "other").mkdir()
    with DrsServer(make_estate(10), project_id="1" * 32) as running:
        yield Export(running, tmp_path / "other", inventory)


def test_nobody_waits_for_who_reads(archive: Archive, export: Export, other: Export, inventory: Command) -> None:
    url = archive.url
    archive.server.jobs = make_estate(60, objects=100)  # so many that some are staged by then
    first_night(archive, export)
    with export.started(database=url, jobs="all", timeout=99) as process:
        with last_batch_held(archive.server) as asked:
            until(asked.is_set, process)
            other(database=url, name="other", jobs="all")
            assert len(json.loads(inventory("--database", url, "show", "--json").stdout)["results"]) == 70
            rows = json.loads(inventory("--database", url, "snapshots", "--json").stdout)["snapshots"]
            assert [row["source"] for row in rows] == ["live", "other"]
            assert process.poll() is None
        assert process.wait(30) == 0


def test_sources_of_one_process_do_not_wait_for_each_other(archive: Archive, export: Export, other: Export) -> None:
    archive.server.jobs = make_estate(60, objects=100)  # so many that some are staged by then
    how: dict[str, Any] = {"database": archive.url, "jobs": "all", "timeout": 99}
    how["beside"] = [other.source(name="other", jobs="all")]
    with last_batch_held(archive.server), export.started(**how) as process:
        assert process.stdout is not None
        assert process.stdout.readline().startswith("other: snapshot 1")
        assert process.poll() is None


def test_the_second_of_two_leaves_or_waits(archive: Archive, export: Export) -> None:
    how: dict[str, Any] = {"database": archive.url, "jobs": "all", "timeout": 99}
    with contextlib.ExitStack() as stack:
        first = stack.enter_context(export.started(**how))
        with last_batch_held(archive.server) as asked:
            until(asked.is_set, first)
            told = export(**how, code=75).stderr
            assert f"error: live: another run is using the source live (export, pid {first.pid} on " in told
            second = stack.enter_context(export.started("--lock-timeout", "60", log="json", **how))
            at_the_lock(second)
            assert archive.check() == []
        assert first.wait(30) == second.wait(30) == 0
    assert archive.check() == [1, 2]


def test_eight_at_once(archive: Archive, export: Export) -> None:
    archive.url = archive.url.replace("/inventory.db", "/new.db")  # a file is created and prepared by one of them
    with contextlib.ExitStack() as stack:
        processes = [stack.enter_context(export.started(database=archive.url, jobs="all")) for _ in range(8)]
        told = [process.communicate(timeout=60)[1] for process in processes]
    codes = [process.returncode for process in processes]
    for code, err in zip(codes, told, strict=True):
        assert (code, err) == (0, "") or (code == 75 and "error: live: another run is using the source live (" in err)
    assert len(archive.check(far=8)) == codes.count(0) >= 1
