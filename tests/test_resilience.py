"""Exports that are killed, stopped, starved and crowded: the database is whole, and the next export completes.

`INVENTORY_KILLS` says how many exports are killed on each database.
"""

import contextlib
import json
import os
import random
import signal
import subprocess
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import psutil
import pytest
from sqlalchemy import Connection, select, text

from inventory.config import normal_url
from inventory.jsontext import read
from inventory.mock import DrsServer, Fault, RecordedRequest, make_estate
from inventory.render import estate
from inventory.schema import ENTITIES
from inventory.stop import Stop
from inventory.store import reader
from inventory.store.engine import Store, open_store
from inventory.store.lock import source_lock
from tests.conftest import Command, running_postgresql
from tests.live import Export, as_stored
from tests.test_properties import as_contract

KILLS = int(os.environ.get("INVENTORY_KILLS", "12"))


@pytest.fixture
def server() -> Iterator[DrsServer]:
    with DrsServer(make_estate(60, objects=20)) as running:
        running.share = 0.2
        yield running


@pytest.fixture
def database(database: str, inventory: Command) -> str:
    """The URL of a database that is ready, on each of the two kinds."""
    assert inventory("--database", database, "db", "upgrade").returncode == 0
    return database


class Archive:
    """A database, and what each of its snapshots was found to say: that it must say for ever."""

    def __init__(self, url: str, server: DrsServer) -> None:
        self.url = normal_url(url)
        self.server = server
        self.said: dict[int, str] = {}

    def check(self, *, far: int = 3) -> list[int]:
        """Check that all is whole: what was said before is said again, of the last few, and what is new is so.

        Returns:
            The ids of the snapshots that were not there at the last check; each says the estate as it is.
        """
        with open_store(self.url, write=False) as store, store.reading() as connection:
            sound(store, connection)
            rows = [row for each in reader.sources(connection) for row in reader.snapshots(connection, each["id"])]
            ids = [row["id"] for row in rows]
            digests = [row["digest"] for row in rows]
            assert [row["previous_digest"] for row in rows] == [None, *digests][: len(rows)]
            assert set(ids) >= self.said.keys()
            new = [each for each in ids if each not in self.said]
            for each in ids[-far:]:
                said = "".join(estate.as_json(connection, estate.find(connection, (), str(each), None)))
                assert said == self.said.setdefault(each, said)
        for each in new:
            found = {job["id"]: as_contract(job) for job in read(self.said[each])["results"]}
            assert found == {job_id: as_stored(job) for job_id, job in self.server.jobs.items()}
        return new

    @contextlib.contextmanager
    def locked(self, patience: float = 0.0) -> Iterator[None]:
        """Take the lock of the source, which must be free."""
        with open_store(self.url, write=True) as store, source_lock(store, "live", patience, Stop()):
            yield


def sound(store: Store, connection: Connection) -> None:
    """Check what the database can tell by itself: no page, no key and no reference is broken."""
    if store.is_sqlite:
        assert connection.execute(text("PRAGMA integrity_check")).scalar() == "ok"
        assert connection.execute(text("PRAGMA foreign_key_check")).all() == []
    known = set(connection.execute(text("SELECT source_id, id FROM snapshots")))
    for entity in ENTITIES:
        current, history = entity.current.c, entity.history.c
        begun = connection.execute(select(current.source_id, current.valid_from).distinct())
        assert {tuple(row) for row in begun} <= known
        for owner, start, end in connection.execute(
            select(history.source_id, history.valid_from, history.valid_to).distinct()
        ):
            assert {(owner, start), (owner, end)} <= known
            assert start < end


@pytest.fixture
def archive(database: str, server: DrsServer) -> Archive:
    return Archive(database, server)


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
    read_ = finished.timestamp() - offset - requests[-1].time
    return Usual(len(requests), requests[0].time - began, read_, commit.total_seconds())


def until(true: Callable[[], bool], process: "subprocess.Popen[str]", pause: float = 0.001) -> None:
    """Wait until something is so, or the process has ended."""
    while process.poll() is None and not true():
        time.sleep(pause)


def commits(store: Store) -> Callable[[], bool]:
    """Return what tells that a commit has begun: the journal is there, or the sequence, which no rollback moves back."""
    if store.path is not None:
        return Path(f"{store.path}-journal").exists

    def last() -> object:
        with store.engine.connect() as connection:
            return connection.execute(text("SELECT last_value, is_called FROM snapshots_id_seq")).one()

    before = last()
    return lambda: last() != before


def at_some_moment(moment: str, archive: Archive, usual: Usual, process: "subprocess.Popen[str]") -> None:
    """Wait until an export is at a moment."""
    server, before = archive.server, len(archive.server.requests)
    if moment == "starting":
        time.sleep(random.uniform(0, usual.first))
    elif moment == "reading":
        wanted = random.randint(1, usual.requests)
        until(lambda: len(server.requests) - before >= wanted, process)
        time.sleep(random.uniform(0, 0.01))
    elif moment == "comparing":
        until(lambda: len(server.requests) - before >= usual.requests, process)
        time.sleep(random.uniform(0, usual.read))
    else:
        with open_store(archive.url, write=False) as store:
            until(commits(store), process, 0)
        time.sleep(random.uniform(0, usual.commit))


def test_killed_at_any_moment(archive: Archive, export: Export) -> None:
    for _ in range(2):  # the first is another than those that follow
        usual = undisturbed(archive, export)
        archive.check()
        archive.server.next_night()
    met: Counter[str] = Counter()
    for number in range(KILLS):
        moment = ("starting", "reading", "comparing", "committing", "comparing", "committing")[number % 6]
        with export.started(database=archive.url, jobs="all") as process:
            at_some_moment(moment, archive, usual, process)
            process.kill()
            running = process.wait() == -signal.SIGKILL
        written = len(archive.check())
        assert written <= 1
        met[f"{moment}: {'killed' if running else 'too late'}, {'written' if written else 'not'}"] += 1
        with archive.locked(0 if archive.url.startswith("sqlite") else 2):  # a server takes a moment to see it
            pass
        export(database=archive.url, jobs="all")
        assert archive.check() != []
        archive.server.next_night()
    archive.check(far=10**6)
    print(usual, *sorted(met.items()), sep="\n")  # noqa: T201  # for who runs many; -rP shows it
    assert sum(count for what, count in met.items() if "killed" in what) > KILLS / 2


@contextlib.contextmanager
def endless_commit(url: str) -> Iterator[None]:
    """Let the transaction of a commit last: half of it written, and then for ever."""
    sqlite = url.startswith("sqlite")
    numbers = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT i FROM n"
    many = (
        "INSERT INTO waste SELECT zeroblob(999) FROM numbers LIMIT 9999; INSERT INTO waste SELECT sum(i) FROM numbers"
    )
    sleep = "CREATE FUNCTION sleep() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN PERFORM pg_sleep(60); RETURN NEW; END'"
    begin = ["CREATE TABLE waste (i)", f"CREATE VIEW numbers AS {numbers}"] if sqlite else [sleep]
    does = f"BEGIN {many}; END" if sqlite else "FOR EACH ROW EXECUTE FUNCTION sleep()"
    begin.append(f"CREATE TRIGGER slow AFTER INSERT ON snapshots {does}")
    ended = (
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid <> pg_backend_pid() AND query LIKE 'INSERT%'"
    )
    end = ["DROP TRIGGER slow"] if sqlite else [ended, "DROP TRIGGER slow ON snapshots"]
    ran(url, begin)
    yield
    ran(url, end)


def ran(url: str, statements: list[str]) -> None:
    with open_store(url, write=True) as store, store.engine.connect() as connection:
        for statement in statements:
            connection.execute(text(statement))
            connection.commit()


def at_the_lock(process: "subprocess.Popen[str]") -> None:
    """Wait until an export, which logs as JSON, waits for the lock."""
    assert process.stderr is not None
    assert '"started"' in process.stderr.readline()
    time.sleep(0.2)
    assert process.poll() is None


class Busy:
    """The ways in which an export can be busy; each lasts long, and its context is entered once it is so."""

    def __init__(self, archive: Archive, export: Export, *, latency: float = 30, log: str = "json") -> None:
        self.archive = archive
        self.export = export
        self.latency = latency
        self.log = log

    @contextlib.contextmanager
    def reading(self) -> Iterator["subprocess.Popen[str]"]:
        self.archive.server.latency = self.latency
        with self._started(self._asked) as process:
            yield process
        self.archive.server.latency = 0

    @contextlib.contextmanager
    def told_to_wait(self) -> Iterator["subprocess.Popen[str]"]:
        patience = Fault("status", times=None, status=429, headers={"Retry-After": "60"})
        self.archive.server.faults = [patience]
        with self._started(self._asked) as process:
            yield process
        self.archive.server.faults = []

    @contextlib.contextmanager
    def locked_out(self) -> Iterator["subprocess.Popen[str]"]:
        with self.archive.locked(), self._started(lambda: True, "--lock-timeout", "60") as process:
            at_the_lock(process)
            yield process

    @contextlib.contextmanager
    def committing(self) -> Iterator["subprocess.Popen[str]"]:
        with endless_commit(self.archive.url), open_store(self.archive.url, write=False) as store:
            with self._started(commits(store)) as process:
                time.sleep(0.5)
                yield process

    def _asked(self) -> bool:
        return len(self.archive.server.requests) > self._before

    @contextlib.contextmanager
    def _started(self, true: Callable[[], bool], *options: str) -> Iterator["subprocess.Popen[str]"]:
        self._before = len(self.archive.server.requests)
        with self.export.started(*options, database=self.archive.url, log=self.log, jobs="all", timeout=60) as process:
            until(true, process)
            assert process.poll() is None
            yield process


def first_exported(archive: Archive, export: Export, **how: Any) -> Busy:
    """Export, so that the next one can be busy with changes."""
    export(database=archive.url, jobs="all")
    assert archive.check() == [1]
    archive.server.next_night()
    return Busy(archive, export, **how)


def completes(archive: Archive, export: Export) -> None:
    """Check that what the last export did is as if it had never been, and that the next one completes."""
    assert archive.check() == []
    with archive.locked(2):
        pass
    export(database=archive.url, jobs="all")
    assert len(archive.check(far=99)) == 1


@pytest.mark.parametrize(
    ("way", "number"),
    [
        ("reading", signal.SIGTERM),
        ("told_to_wait", signal.SIGINT),
        ("locked_out", signal.SIGTERM),
        ("committing", signal.SIGINT),
    ],
    ids=lambda each: str(getattr(each, "name", each)),
)
def test_asked_to_stop_it_ends_within_a_second(
    archive: Archive, export: Export, way: str, number: signal.Signals
) -> None:
    with getattr(first_exported(archive, export), way)() as process:
        began = time.monotonic()
        process.send_signal(number)
        out, err = process.communicate(timeout=30)
        seconds = time.monotonic() - began
        assert archive.check() == []
    assert (process.returncode, out) == (1, "")
    told = [line for line in err.splitlines() if not line.startswith("{")]
    assert told == [f"error: stopped by {number.name}; what was not finished was not written"]
    assert "Traceback" not in err
    assert seconds < 1
    completes(archive, export)


@pytest.fixture
def tiny(tmp_path: Path) -> Iterator[Path]:
    """A folder on a file system of its own, of 8 MB."""
    folder = tmp_path / "tiny"
    folder.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=8m", "tmpfs", folder], capture_output=True, check=False
    )
    if mounted.returncode:
        pytest.skip("a file system can be mounted by root alone")
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


@pytest.fixture
def beside(server: DrsServer, tmp_path: Path) -> Archive:
    """A database that has room."""
    return Archive(f"sqlite:///{tmp_path}/inventory.db", server)


def complaint(done: "subprocess.CompletedProcess[str]") -> str:
    """Return the one line that an export told."""
    assert done.stdout == ""
    (line,) = done.stderr.splitlines()
    return str(line)


@pytest.mark.parametrize("room", [0, 200_000])
def test_a_full_disk(tiny: Path, server: DrsServer, export: Export, room: int) -> None:
    archive = Archive(f"sqlite:///{tiny}/inventory.db", server)
    with filled(tiny, room):
        told = complaint(export(database=archive.url, jobs="all", code=1))
    assert f"the database {archive.url} failed: database or disk is full. Nothing was written" in told
    export(database=archive.url, jobs="all")
    assert archive.check() == [1]
    server.share = 1
    server.next_night()
    with filled(tiny, room):
        told = complaint(export(database=archive.url, jobs="all", code=1))
        assert archive.check() == []
    assert f"the database {archive.url} failed: database or disk is full. Nothing was written" in told
    completes(archive, export)


def test_a_full_folder_for_temporary_files(
    tiny: Path, beside: Archive, export: Export, monkeypatch: pytest.MonkeyPatch
) -> None:
    beside.server.jobs = make_estate(60, objects=300)
    monkeypatch.setenv("SQLITE_TMPDIR", str(tiny))
    with filled(tiny):
        told = complaint(export(database=beside.url, jobs="all", code=1))
    assert f"the database {beside.url} failed: database or disk is full" in told
    assert "SQLITE_TMPDIR" in told
    completes(beside, export)


def test_a_full_folder_for_recordings(tiny: Path, beside: Archive, export: Export) -> None:
    with filled(tiny):
        told = complaint(export("--record", f"{tiny}/one", database=beside.url, jobs="all", code=1))
    assert told == (
        f"error: live: the recording {tiny}/one/live cannot be written: No space left on device. Nothing was exported"
    )
    assert beside.check() == []
    export("--record", f"{tiny}/two", database=beside.url, jobs="all")
    assert beside.check() == [1]


def test_a_full_folder_for_metrics(tiny: Path, beside: Archive, export: Export) -> None:
    export("--metrics-file", f"{tiny}/inventory.prom", database=beside.url, jobs="all")
    before = (tiny / "inventory.prom").read_text()
    beside.check()
    beside.server.next_night()
    with filled(tiny):
        done = export("--metrics-file", f"{tiny}/inventory.prom", database=beside.url, jobs="all")
        assert sorted(each.name for each in tiny.iterdir()) == ["filler", "inventory.prom"]
    assert f"warning: the metrics file {tiny}/inventory.prom cannot be written: No space left" in done.stderr
    assert (tiny / "inventory.prom").read_text() == before
    assert len(beside.check()) == 1


def test_a_result_that_cannot_be_printed_is_written(beside: Archive, export: Export) -> None:
    full = Path("/dev/full")
    if not full.exists():
        pytest.skip("this system has no device that is always full")
    with full.open("w") as stdout, export.started(database=beside.url, jobs="all", stdout=stdout) as process:
        assert (process.communicate(timeout=60)[1], process.returncode) == ("", 0)
    assert beside.check() == [1]


class Restartable:
    """A PostgreSQL server of one's own, with an inventory, that can be stopped and started."""

    def __init__(self, server: Any) -> None:
        self.server = server
        self.url = str(server.get_uri())

    def stop(self) -> None:
        self.server.stop()

    def kill(self) -> None:
        """End it with all that belongs to it, as a power cut would."""
        main = psutil.Process(self.server.get_pid())
        processes = [main, *main.children(recursive=True)]
        for each in processes:
            each.kill()
        psutil.wait_procs(processes, 10)

    def start(self) -> None:
        self.server.ensure_postgres_running()


@pytest.fixture(scope="module")
def own_postgresql() -> Iterator[Restartable]:
    with running_postgresql() as server:
        yield Restartable(server)


@pytest.mark.parametrize("end", [Restartable.stop, Restartable.kill], ids=lambda end: end.__name__)
@pytest.mark.parametrize("way", ["reading", "committing"])
def test_a_server_that_is_started_again(
    own_postgresql: Restartable, server: DrsServer, export: Export, inventory: Command, way: str,
    end: Callable[[Restartable], None],
) -> None:  # fmt: skip
    archive = Archive(own_postgresql.url, server)
    ran(archive.url, ["DROP SCHEMA public CASCADE", "CREATE SCHEMA public"])
    assert inventory("--database", archive.url, "db", "upgrade").returncode == 0
    with getattr(first_exported(archive, export, latency=2, log="text"), way)() as process:
        end(own_postgresql)
        own_postgresql.start()
        server.latency = 0
        out, err = process.communicate(timeout=30)
        assert archive.check() == []
    assert (process.returncode, out) == (1, "")
    (told,) = err.splitlines()
    assert told.startswith("error: live: the database postgresql+psycopg://postgres:***@")
    completes(archive, export)


@pytest.fixture
def other(inventory: Command, tmp_path: Path) -> Iterator[Export]:
    """Exports of another server."""
    (tmp_path / "other").mkdir()
    with DrsServer(make_estate(10), project_id="1" * 32) as running:
        yield Export(running, tmp_path / "other", inventory)


@contextlib.contextmanager
def last_batch_held(server: DrsServer) -> Iterator[threading.Event]:
    """Hold back the last batch until the end of the block; the event tells that it was asked for."""
    last, asked, over = max(server.jobs), threading.Event(), threading.Event()

    def rewrite(request: RecordedRequest, document: Any) -> Any:
        if last in request.jobs:
            asked.set()
            over.wait(60)
        return document

    server.rewrite = rewrite
    try:
        yield asked
    finally:
        over.set()


def test_nobody_waits_for_who_reads(archive: Archive, export: Export, other: Export, inventory: Command) -> None:
    url = archive.url
    archive.server.jobs = make_estate(60, objects=100)  # so many that some are staged by then
    export(database=url, jobs="all")
    archive.server.next_night()
    with export.started(database=url, jobs="all", timeout=99) as process:
        with last_batch_held(archive.server) as asked:
            until(asked.is_set, process)
            other(database=url, name="other", jobs="all")
            assert len(json.loads(inventory("--database", url, "show", "--json").stdout)["results"]) == 70
            rows = json.loads(inventory("--database", url, "snapshots", "--json").stdout)
            assert [row["source"] for row in rows] == ["live", "other"]
            assert process.poll() is None
        assert process.wait(30) == 0


def test_sources_of_one_process_do_not_wait_for_each_other(archive: Archive, export: Export, other: Export) -> None:
    beside = [other.source(name="other", jobs="all")]
    with last_batch_held(archive.server):
        with export.started(database=archive.url, jobs="all", timeout=99, beside=beside) as process:
            assert process.stdout is not None
            assert process.stdout.readline().startswith("other: snapshot 1")
            assert process.poll() is None


def test_the_second_of_two_leaves_or_waits(archive: Archive, export: Export) -> None:
    with contextlib.ExitStack() as stack:
        first = stack.enter_context(export.started(database=archive.url, jobs="all", timeout=99))
        with last_batch_held(archive.server) as asked:
            until(asked.is_set, first)
            refused = export(database=archive.url, jobs="all", code=75)
            assert f"error: live: another run has the source live (export, pid {first.pid} on " in refused.stderr
            waiting = stack.enter_context(
                export.started("--lock-timeout", "60", database=archive.url, log="json", jobs="all")
            )
            at_the_lock(waiting)
            assert archive.check() == []
        assert first.wait(30) == waiting.wait(30) == 0
    assert archive.check() == [1, 2]


def test_eight_at_once(archive: Archive, export: Export) -> None:
    archive.url = archive.url.replace("/inventory.db", "/new.db")  # a file is created and prepared by one of them
    with contextlib.ExitStack() as stack:
        processes = [stack.enter_context(export.started(database=archive.url, jobs="all")) for _ in range(8)]
        told = [process.communicate(timeout=60)[1] for process in processes]
    codes = [process.returncode for process in processes]
    for code, err in zip(codes, told, strict=True):
        assert (code, err) == (0, "") or (code == 75 and "error: live: another run has the source live (" in err)
    assert len(archive.check(far=8)) == codes.count(0) >= 1
