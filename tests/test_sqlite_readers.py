"""Processes that read an SQLite file while `export` wants to write it: nobody loses anything."""

import contextlib
import json
import os
import signal
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import IO

from inventory.common.cancellation import Stop
from inventory.store.engine import open_store
from inventory.store.sqlite_lock import LockWait
from tests.conftest import COMMAND, ROOT, Command

DATABASE = "inventory.db"
# Tables whose `count(*)` a notebook would have open, in a transaction that nobody ends.
NOTEBOOK = f"""
import sqlite3, sys
connection = sqlite3.connect({DATABASE!r}, isolation_level=None)
connection.execute("BEGIN")
print(connection.execute("SELECT count(*) FROM snapshots").fetchone()[0], flush=True)
sys.stdin.readline()
"""


def configure(**top: object) -> None:
    """Two sources, the first night in the database already."""
    samples = ROOT / "samples"
    for name, nights in (("first", ["night-1"]), ("inventory", ["night-1", "night-2"])):
        replay = [str(samples / night) for night in nights]
        document = {"sources": [{"name": each, "replay": replay} for each in ("north", "south")], **top}
        Path(f"{name}.yaml").write_text(json.dumps(document))


@contextlib.contextmanager
def started(*words: str) -> Iterator["subprocess.Popen[str]"]:
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    pipe = subprocess.PIPE
    with subprocess.Popen(words, stdin=pipe, stdout=pipe, stderr=pipe, text=True, env=environment) as process:
        try:
            yield process
        finally:
            process.kill()


@contextlib.contextmanager
def notebook() -> Iterator["subprocess.Popen[str]"]:
    """Let another process hold a transaction open that has read the file."""
    with started(sys.executable, "-c", NOTEBOOK) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "2\n"
        yield process


def line_with(word: str, stream: IO[str] | None) -> str:
    """Read up to a line that has a word."""
    assert stream is not None
    return next(line for line in stream if word in line)


def snapshots(timeout: float = 5) -> int:
    with contextlib.closing(sqlite3.connect(DATABASE, timeout=timeout)) as connection:
        return int(connection.execute("SELECT count(*) FROM snapshots").fetchone()[0])


def test_a_notebook_costs_nobody_the_night(inventory: Command) -> None:
    configure()
    assert inventory("export", "--config", "first.yaml").returncode == 0
    with notebook() as reader, started(*COMMAND, "export") as export:
        told = line_with("waiting for", export.stderr)
        if sys.platform == "linux":
            assert f"pid {reader.pid} (" in told
        assert DATABASE in told
        # SQLite's own way to wait would refuse each of these.
        assert [snapshots(timeout=1) for _ in range(20)] == [2] * 20
        reader.communicate("\n", timeout=30)
        assert export.wait(60) == 0, export.communicate()
    assert snapshots() == 4


def test_the_wait_ends_and_says_who(inventory: Command) -> None:
    configure(sqlite_lock_timeout=1)
    assert inventory("export", "--config", "first.yaml").returncode == 0
    with notebook() as reader:
        done = inventory("export", process=True)
        assert done.returncode == 1
        assert "is locked: " in done.stderr
        assert "has been using it for 1s" in done.stderr
        assert "set sqlite_lock_timeout" in done.stderr
        if sys.platform == "linux":
            assert f"pid {reader.pid} (" in done.stderr
        assert "Traceback" not in done.stderr
    assert snapshots() == 2
    assert inventory("export").returncode == 0
    assert snapshots() == 4


def test_a_wait_can_be_stopped(inventory: Command) -> None:
    configure()
    assert inventory("export", "--config", "first.yaml").returncode == 0
    with notebook(), started(*COMMAND, "export") as export:
        line_with("waiting for", export.stderr)
        export.send_signal(signal.SIGTERM)
        assert "stopped by SIGTERM; what was not finished was not written" in export.communicate(timeout=30)[1]
        assert export.returncode == 1
    assert snapshots() == 2


def test_readers_without_a_gap_do_not_keep_a_writer_out_for_ever(inventory: Command) -> None:
    configure()
    assert inventory("export", "--config", "first.yaml").returncode == 0
    done, refused = threading.Event(), []

    def dashboard(late: float) -> None:
        done.wait(late)
        while not done.is_set():
            try:
                with contextlib.closing(sqlite3.connect(DATABASE, timeout=5, isolation_level=None)) as connection:
                    connection.execute("BEGIN")
                    connection.execute("SELECT count(*) FROM jobs").fetchone()
                    done.wait(0.3)
            except sqlite3.Error as error:
                refused.append(error)

    threads = [threading.Thread(target=dashboard, args=(late,)) for late in (0, 0.1, 0.2)]
    for thread in threads:
        thread.start()
    try:
        lock = LockWait(4, Stop())
        with open_store(f"sqlite:///{DATABASE}", write=True, lock=lock) as store, store.writing() as connection:
            connection.exec_driver_sql("UPDATE internal_maintenance SET pruning = 0")
    finally:
        done.set()
        for thread in threads:
            thread.join()
    assert refused == []
