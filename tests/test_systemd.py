"""Messages to systemd, read from a real datagram socket: ready, progress, signs of life and the end."""

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from sqlalchemy import create_engine, text

from inventory.common.cancellation import Stop
from inventory.common.waits import Waits
from inventory.config.load import normal_url
from inventory.export.systemd import ServiceManager
from inventory.mock import DrsServer, RecordedRequest
from inventory.mock.estate import Job
from inventory.store.engine import open_store
from inventory.store.lock import source_lock
from tests.conftest import ROOT, here
from tests.live import DATABASE, Export

WATCHDOG = 0.4  # seconds
SAMPLES = ("--config", str(ROOT / "samples/inventory.yaml"), "--database", "sqlite:///s.db")


class Manager:
    """Stands for systemd: receives what a service says."""

    def __init__(self, address: str) -> None:
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.bind(address)
        self._socket.settimeout(30)
        self.environment = {"NOTIFY_SOCKET": address.replace("\0", "@")}
        self.watched = {**self.environment, "WATCHDOG_USEC": str(int(WATCHDOG * 1_000_000))}

    def close(self) -> None:
        self._socket.close()

    def next(self) -> dict[str, str]:
        lines = self._socket.recv(65536).decode().splitlines()
        return dict(line.split("=", 1) for line in lines)

    def until(self, name: str, times: int = 1) -> list[dict[str, str]]:
        """Return the messages up to the one that has a name so many times."""
        found: list[dict[str, str]] = []
        while sum(name in each for each in found) < times:
            found.append(self.next())
        return found

    def silent_for(self, seconds: float) -> bool:
        """Tell whether no WATCHDOG=1 comes in a time."""
        ends = time.monotonic() + seconds
        while (left := ends - time.monotonic()) > 0:
            self._socket.settimeout(left)
            try:
                if "WATCHDOG" in self.next():
                    return False
            except TimeoutError:
                break
        self._socket.settimeout(30)
        return True


@pytest.fixture(params=["path", "abstract"])
def manager(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Manager]:
    abstract = request.param == "abstract"
    found = Manager(f"\0inventory-test-{id(request)}-{time.time_ns()}" if abstract else str(tmp_path / "notify"))
    yield found
    found.close()


def test_an_export_tells_that_it_is_ready_and_how_it_ends(manager: Manager) -> None:
    assert here(*SAMPLES, "export", **manager.environment).returncode == 0
    first, *_, last = manager.until("STOPPING")
    assert first == {"READY": "1", "STATUS": "exporting"}
    assert last == {"STOPPING": "1", "STATUS": "ending with exit code 0"}


def test_a_failed_export_tells_its_exit_code(manager: Manager) -> None:
    Path("c.yaml").write_text("sources: [{name: prod, replay: night}]")
    Path("night").mkdir()
    Path("night/1.json").write_text("{")
    assert here("--config", "c.yaml", "export", **manager.environment).returncode == 1
    assert manager.until("STOPPING")[-1]["STATUS"] == "ending with exit code 1"


def test_a_run_that_is_refused_is_never_ready(manager: Manager) -> None:
    Path("c.yaml").write_text("sources: []")
    assert here("--config", "c.yaml", "export", **manager.environment).returncode == 64
    assert manager.silent_for(0.05)


@pytest.mark.parametrize("address", ["nowhere", "", "@", "x" * 300, "/", "vsock:2:1234", "a\tb"])
def test_a_socket_that_cannot_be_reached_fails_no_run(address: str) -> None:
    done = here(*SAMPLES, "export", NOTIFY_SOCKET=address, WATCHDOG_USEC="100000")
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize(
    "variables",
    [{}, {"WATCHDOG_USEC": "0"}, {"WATCHDOG_USEC": "1s"}, {"WATCHDOG_USEC": "9" * 5000},
     {"WATCHDOG_USEC": "100000", "WATCHDOG_PID": "1"}],
)  # fmt: skip
def test_who_has_no_watchdog_is_not_fed(manager: Manager, variables: dict[str, str]) -> None:
    waits = Waits()
    run = ServiceManager(manager.environment | variables, waits)
    run.start()
    manager.next()
    waits.sign()
    assert manager.silent_for(0.2)
    run.stopping(0)


def test_a_status_is_one_line_whatever_a_source_is_called(manager: Manager) -> None:
    run = ServiceManager(manager.watched, Waits())
    run.start()
    run.advance("prod\nREADY=0\x1b[2J", 3, 1200)
    for number in range(6):
        run.advance(f"s{number}", 0, 1)
    found = manager.until("STATUS", 2)[-1]
    assert found == {
        "STATUS": "exporting: 3 of 1,206 jobs (prod\\u000aREADY=0\\u001b[2J 3/1,200, s0 0/1, s1 0/1, s2 0/1, s3 0/1 "
        "and 2 more)"
    }
    run.stopping(0)


@contextmanager
def held(server: DrsServer) -> Iterator[threading.Event]:
    """Let the server answer nothing until the block ends; gives what tells that somebody was asked."""
    asked, released = threading.Event(), threading.Event()

    def hold(_: RecordedRequest, document: Job) -> Job:
        asked.set()
        released.wait(60)
        return document

    server.hooks.append(hold)
    try:
        yield asked
    finally:
        released.set()
        server.hooks.remove(hold)


@pytest.fixture
def watched(tmp_path: Path) -> Iterator[Manager]:
    found = Manager(str(tmp_path / "notify"))
    yield found
    found.close()


def test_the_watchdog_is_fed_while_an_answer_may_still_come(
    watched: Manager, export: Export, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NOTIFY_SOCKET", watched.environment["NOTIFY_SOCKET"])
    monkeypatch.setenv("WATCHDOG_USEC", watched.watched["WATCHDOG_USEC"])
    with held(export.server) as asked, export.started(timeout=60) as process:
        assert asked.wait(30)
        watched.until("WATCHDOG", 6)  # more than the time of the watchdog
        assert process.poll() is None


def test_the_watchdog_is_fed_while_a_lock_is_waited_for(
    watched: Manager, export: Export, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NOTIFY_SOCKET", watched.environment["NOTIFY_SOCKET"])
    monkeypatch.setenv("WATCHDOG_USEC", watched.watched["WATCHDOG_USEC"])
    with open_store(normal_url(DATABASE), write=True) as store, export.started("--lock-timeout", "60") as process:
        with source_lock(store, "live", 0, Stop()):
            watched.until("WATCHDOG", 6)
            assert process.poll() is None
        assert watched.until("STOPPING")[-1]["STATUS"] == "ending with exit code 0"
        assert process.wait() == 0


def test_the_watchdog_is_not_fed_while_the_database_hangs(
    watched: Manager, export: Export, postgresql: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A table lock has no time limit on PostgreSQL: nothing of the run moves, and no wait of it is in its time."""
    monkeypatch.setenv("NOTIFY_SOCKET", watched.environment["NOTIFY_SOCKET"])
    monkeypatch.setenv("WATCHDOG_USEC", watched.watched["WATCHDOG_USEC"])
    engine = create_engine(normal_url(postgresql))
    with engine.connect() as connection:
        connection.execute(text("LOCK TABLE jobs IN ACCESS EXCLUSIVE MODE"))
        with export.started(database=postgresql) as process:
            watched.until("READY")
            _until_it_hangs(connection)
            watched.silent_for(WATCHDOG)  # a sign of life from before may still be told
            assert watched.silent_for(2 * WATCHDOG)
            assert process.poll() is None
            connection.rollback()
            assert watched.until("STOPPING")[-1]["STATUS"] == "ending with exit code 0"
    engine.dispose()


def _until_it_hangs(connection: object) -> None:
    waiting = text("SELECT count(*) FROM pg_locks WHERE NOT granted AND relation = 'jobs'::regclass")
    while not connection.scalar(waiting):  # type: ignore[attr-defined]
        time.sleep(0.02)


def test_a_wait_beyond_its_time_is_no_sign_of_life() -> None:
    waits = Waits()
    before = waits.last_sign()
    with waits.register("an answer", seconds=60):
        first = waits.last_sign()
        assert waits.last_sign() >= first > before
    with waits.register("an answer", seconds=0.02):
        time.sleep(0.03)
        assert waits.last_sign() == waits.last_sign() < time.monotonic() - 0.02
    stop = Stop(waits)
    before = waits.last_sign()
    stop.wait(0.001)
    assert waits.last_sign() > before
