"""The lock of a source, between real processes, on both databases."""

import contextlib
import os
import signal
import subprocess
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import text

from inventory.common.cancellation import Stop
from inventory.common.errors import BusyError, StoppedError, StoreError
from inventory.config.load import normal_url
from inventory.store.engine import Store, open_store
from inventory.store.lock import holder, source_lock
from tests.conftest import program

pytestmark = pytest.mark.empty_database  # a lock needs none

HOLD = """
import sys, time
from inventory.common.cancellation import Stop
from inventory.store.engine import open_store
from inventory.store.lock import source_lock
with open_store(sys.argv[1], write=True) as store, source_lock(store, sys.argv[2], 60, Stop()):
    print("held", flush=True)
    sys.stdin.readline()
"""

COUNT = """
import sys
from pathlib import Path
from inventory.common.errors import BusyError
from inventory.common.cancellation import Stop
from inventory.store.engine import open_store
from inventory.store.lock import source_lock
counter, won = Path(sys.argv[2]), 0
with open_store(sys.argv[1], write=True) as store:
    while won < 5:
        try:  # at once, or through the wait: the first meets every moment of a release
            with source_lock(store, "s", 0 if store.is_sqlite else 100, Stop()) as lock:
                before = int(counter.read_text())
                counter.write_text(str(before + 1))
                lock.check()
                won += 1
        except BusyError:
            pass
"""


@pytest.fixture
def store(database: str) -> Iterator[Store]:
    with open_store(normal_url(database), write=True) as opened:
        yield opened


def python(code: str, *arguments: str) -> "subprocess.Popen[str]":
    pipe = subprocess.PIPE
    return program(code, *arguments, stdin=pipe, stdout=pipe, stderr=pipe)


@contextlib.contextmanager
def held(database: str, name: str) -> Iterator["subprocess.Popen[str]"]:
    """Let another process hold a lock."""
    with python(HOLD, normal_url(database), name) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "held\n", process.communicate()[1]
        try:
            yield process
        finally:
            process.kill()


def left(store: Store) -> list[str]:
    """Name the lock files that stand beside an SQLite file."""
    return [] if store.path is None else [each.name for each in store.path.parent.glob("*.lock")]


def test_the_second_is_told_who_is_first(store: Store, database: str) -> None:
    with held(database, "north") as other:
        with pytest.raises(BusyError) as refused, source_lock(store, "north", 0, Stop()):
            pass
        told = str(refused.value)
        assert refused.value.exit_code == 75
        for word in ("north", f"export, pid {other.pid} on ", "since 20", " UTC", "--lock-timeout"):
            assert word in told
        assert f"pid {other.pid} on " in (holder(store, "north") or "")
        with source_lock(store, "south", 0, Stop()):
            assert holder(store, "north") is not None
        other.communicate("\n", timeout=30)
    assert holder(store, "north") is None
    assert left(store) == []


def test_who_waits_gets_it(store: Store, database: str) -> None:
    with held(database, "s") as other:
        assert other.stdin is not None
        timer = threading.Timer(0.5, other.stdin.close)
        timer.start()
        start = time.monotonic()
        with source_lock(store, "s", 30, Stop()) as lock:
            assert 0.3 < time.monotonic() - start < 10
            lock.check()
        timer.join()
    assert left(store) == []


def test_waiting_ends(store: Store, database: str) -> None:
    with held(database, "s"):
        start = time.monotonic()
        with pytest.raises(BusyError), source_lock(store, "s", 0.5, Stop()):
            pass
        assert 0.4 < time.monotonic() - start < 5
        stop = Stop()
        timer = threading.Timer(0.3, stop.set)
        timer.start()
        start = time.monotonic()
        with pytest.raises(StoppedError), source_lock(store, "s", 60, stop):
            pass
        assert time.monotonic() - start < 5
        timer.join()


def test_a_killed_holder_leaves_no_lock(store: Store, database: str) -> None:
    with held(database, "s") as other:
        other.send_signal(signal.SIGKILL)
        other.wait(30)
        assert bool(left(store)) == store.is_sqlite
        with source_lock(store, "s", 10, Stop()) as lock:  # a server takes a moment to see it
            lock.check()
    assert left(store) == []


def test_looking_clears_what_a_killed_holder_left(tmp_path: Path) -> None:
    database = f"sqlite:///{tmp_path}/inventory.db"
    with held(database, "s") as other:
        other.send_signal(signal.SIGKILL)
        other.wait(30)
    with open_store(database, write=True) as store:
        assert left(store) == ["inventory.db.s.lock"]
        assert holder(store, "s") is None
        assert left(store) == []


def test_many_lose_no_count(store: Store, database: str, tmp_path: Path) -> None:
    counter = tmp_path / "counter"
    counter.write_text("0")
    with contextlib.ExitStack() as stack:
        processes = [stack.enter_context(python(COUNT, normal_url(database), str(counter))) for _ in range(20)]
        told = [process.communicate(timeout=120)[1] for process in processes]
    assert told == [""] * 20
    assert counter.read_text() == "100"
    assert left(store) == []


def test_threads_exclude_each_other(store: Store) -> None:
    inside, most = 0, 0

    def run() -> None:
        nonlocal inside, most
        with source_lock(store, "s", 60, Stop()):
            inside += 1
            most = max(most, inside)
            time.sleep(0.01)
            inside -= 1

    threads = [threading.Thread(target=run) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (inside, most) == (0, 1)
    with source_lock(store, "s", 0, Stop()), pytest.raises(BusyError), source_lock(store, "s", 0, Stop()):
        pass


@pytest.mark.parametrize("name", ["North", "x" * 100, "x" * 3000, "../../etc/é;\n", ""])
def test_any_name_is_a_lock(store: Store, name: str) -> None:
    with source_lock(store, name, 0, Stop()):
        assert len(left(store)) == store.is_sqlite
        with pytest.raises(BusyError), source_lock(store, name, 0, Stop()):
            pass
        with source_lock(store, name.swapcase() + "y", 0, Stop()):
            pass
    assert left(store) == []


def test_it_is_free_at_once(store: Store) -> None:
    for _ in range(30):
        with source_lock(store, "s", 0, Stop()):
            pass
    with pytest.raises(ZeroDivisionError), source_lock(store, "s", 0, Stop()):
        raise ZeroDivisionError
    with source_lock(store, "s", 0, Stop()):
        pass


def test_a_server_has_freed_it_when_the_context_ends(postgresql: str) -> None:
    with open_store(normal_url(postgresql), write=True) as store, store.engine.connect() as connection:
        connection.execution_options(isolation_level="AUTOCOMMIT")
        for _ in range(30):
            with source_lock(store, "s", 0, Stop()):
                pass
            locks = connection.execute(text("SELECT count(*) FROM pg_locks WHERE locktype = 'advisory'"))
            assert locks.scalar_one() == 0


def test_a_lock_that_another_has_is_not_ours(store: Store) -> None:
    with source_lock(store, "s", 0, Stop()) as lock:
        lock.release()
        with source_lock(store, "s", 0, Stop()), pytest.raises(StoreError, match="lost"):
            lock.check()
        assert left(store) == []


def test_an_idle_session_is_not_ended(postgresql: str) -> None:
    with open_store(normal_url(postgresql), write=True) as store:
        with store.engine.begin() as connection:
            name = connection.execute(text("SELECT current_database()")).scalar_one()
            for setting in ("idle_session_timeout", "idle_in_transaction_session_timeout"):
                known = text("SELECT count(*) FROM pg_settings WHERE name = :name")
                if connection.execute(known, {"name": setting}).scalar_one():
                    connection.execute(text(f"ALTER DATABASE {name} SET {setting} = '100ms'"))
        with source_lock(store, "s", 0, Stop()) as lock:
            time.sleep(0.4)
            lock.check()


def test_two_paths_to_one_file(tmp_path: Path) -> None:
    (tmp_path / "inventory.db").touch()
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere/link.db").symlink_to(tmp_path / "inventory.db")
    urls = ("sqlite:///inventory.db", f"sqlite:///{tmp_path}/elsewhere/../elsewhere/link.db")
    one, other = (open_store(url, write=True) for url in urls)
    with one, other, source_lock(one, "s", 0, Stop()), pytest.raises(BusyError), source_lock(other, "s", 0, Stop()):
        pass


def test_a_lock_file_that_somebody_removed(tmp_path: Path) -> None:
    with open_store("sqlite:///inventory.db", write=True) as store:
        with source_lock(store, "s", 0, Stop()) as lock:
            lock.check()
            (tmp_path / "inventory.db.s.lock").unlink()
            with source_lock(store, "s", 0, Stop()) as second:
                with pytest.raises(StoreError, match="lost"):
                    lock.check()
                second.check()
        assert left(store) == []


def test_a_folder_that_only_may_be_read() -> None:
    with tempfile.TemporaryDirectory() as folder:
        shelf = Path(folder)
        (shelf / "inventory.db").touch()
        shelf.chmod(0o555)
        user = os.geteuid()
        with open_store(f"sqlite:///{folder}/inventory.db", write=True) as store:
            if user == 0:
                os.seteuid(65534)  # nothing is forbidden to root
            try:
                assert holder(store, "s") is None
                with pytest.raises(StoreError) as refused, source_lock(store, "s", 0, Stop()):
                    pass
            finally:
                os.seteuid(user)
        shelf.chmod(0o755)
    assert refused.value.exit_code == 1
    assert "inventory.db.s.lock" in str(refused.value)
    assert "right to write" in str(refused.value)


def terminate(store: Store) -> int:
    """End every other session of this database, as an administrator or a restart would."""
    query = (
        "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity"
        " WHERE datname = current_database() AND pid <> pg_backend_pid()"
    )
    with store.engine.connect() as connection:
        return int(connection.execute(text(query)).scalar_one())


def test_a_connection_that_was_ended(postgresql: str, capfd: pytest.CaptureFixture[str]) -> None:
    with open_store(normal_url(postgresql), write=True) as store:
        with source_lock(store, "s", 0, Stop()) as lock:
            lock.check()
            assert terminate(store) == 1
            with source_lock(store, "s", 10, Stop()):
                for _ in range(2):
                    with pytest.raises(StoreError, match="the source s was lost"):
                        lock.check()
        with source_lock(store, "s", 10, Stop()):
            assert terminate(store) == 1  # and nobody asks
    assert capfd.readouterr() == ("", "")


def test_inventories_in_two_schemas_of_one_database(postgresql: str) -> None:
    with contextlib.ExitStack() as stack:
        stores = [
            stack.enter_context(open_store(f"{normal_url(postgresql)}&options=-csearch_path%3D{path}", write=True))
            for path in ("one", "two", "nothing,one")
        ]
        with stores[0].engine.begin() as connection:
            for name in ("one", "two"):
                connection.execute(text(f"CREATE SCHEMA {name}"))
                connection.execute(text(f"CREATE TABLE {name}.sources (id integer)"))
        stack.enter_context(source_lock(stores[0], "s", 0, Stop()))
        stack.enter_context(source_lock(stores[1], "s", 0, Stop()))
        with pytest.raises(BusyError), source_lock(stores[2], "s", 0, Stop()):
            pass
