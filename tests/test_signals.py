"""SIGTERM and Ctrl-C, sent to real processes that are busy in every way that holds a Python program."""

import os
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest

from tests.conftest import ROOT

Start = Callable[..., subprocess.Popen[str]]

BOTH = pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT], ids=lambda number: number.name)

HEAD = """
import os, signal, socket, sqlite3, sys, threading, time
from concurrent.futures import ThreadPoolExecutor
from inventory.cli.base import fail
from inventory.cli.signals import stopping
from inventory.common.errors import StoppedError
from inventory.common.cancellation import Stop

signal.signal(signal.SIGHUP, signal.SIG_DFL)  # even if whoever runs the tests uses nohup

def ready():
    print("ready", flush=True)

def blocked():  # a worker that waits for an answer
    one, other = socket.socketpair()
    ready()
    one.recv(1)

NUMBERS = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) "
FOREVER = NUMBERS + "SELECT count(*) FROM n"
stop = Stop()
"""

HELD = {
    "asleep": "with stopping(stop):\n    ready(); time.sleep(60)",
    "in SQL": "with stopping(stop):\n    ready(); sqlite3.connect(':memory:').execute(FOREVER)",
    "reading": "with stopping(stop):\n    blocked()",
    "waiting for a worker": (
        "with stopping(stop), ThreadPoolExecutor(2) as pool:\n    pool.submit(blocked).result()"
    ),
    "in a transaction": """
with stopping(stop):
    database = sqlite3.connect("x.db")
    database.execute("CREATE TABLE t (i)")
    database.execute("INSERT INTO t VALUES (1)")
    database.commit()
    database.execute("PRAGMA cache_size = 1")  # so that it writes before it commits
    database.execute("UPDATE t SET i = 2")
    database.execute(NUMBERS + "INSERT INTO t SELECT zeroblob(999) FROM n LIMIT 5000")
    ready()
    database.execute(NUMBERS + "INSERT INTO t SELECT count(*) FROM n")
""",
    "finishing": """
try:
    with stopping(stop), ThreadPoolExecutor() as pool:
        threading.Thread(target=blocked).start()  # nobody waits for it but the interpreter
        pool.submit(stop.wait, 60).result()
except StoppedError as error:
    fail(str(error), 1)
""",
    "with its error stream full": """
reading, writing = os.pipe()
os.set_blocking(writing, False)
try:
    while True:
        os.write(writing, b"x")
except BlockingIOError:
    os.set_blocking(writing, True)
mine = os.dup(2)
os.dup2(writing, 2)
with stopping(stop):
    os.write(mine, b"error: stopped by SIGNAL; what was not finished was not written\\n")
    ready(); sys.stderr.write("y"); sys.stderr.flush()
""",
}  # fmt: skip


@pytest.fixture
def start() -> Iterator[Start]:
    """Run a program until it says that it is ready."""
    started: list[subprocess.Popen[str]] = []

    def run(code: str, stderr: int = subprocess.PIPE, stdin: int | None = None) -> subprocess.Popen[str]:
        process = subprocess.Popen(
            [sys.executable, "-c", HEAD + code], stdin=stdin,
            stdout=subprocess.PIPE, stderr=stderr, text=True, env={**os.environ, "PYTHONPATH": str(ROOT)},
        )  # fmt: skip
        started.append(process)
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        return process

    yield run
    for process in started:
        process.kill()
        process.communicate()


def ended(process: subprocess.Popen[str]) -> tuple[int, str, str, float]:
    """Return the exit code, both outputs, and how long it took."""
    began = time.monotonic()
    out, err = process.communicate(timeout=30)
    return process.returncode, out, err, time.monotonic() - began


@BOTH
@pytest.mark.parametrize("code", HELD.values(), ids=HELD)
def test_whatever_holds_it_it_ends_within_a_second(code: str, number: signal.Signals, start: Start) -> None:
    process = start(code.replace("SIGNAL", number.name))
    process.send_signal(number)
    code_, out, err, seconds = ended(process)
    assert (code_, out, err) == (1, "", f"error: stopped by {number.name}; what was not finished was not written\n")
    assert seconds < 1


def test_a_session_that_is_lost_ends_it(start: Start) -> None:
    process = start(HELD["in SQL"])
    process.send_signal(signal.SIGHUP)
    said = "error: stopped by SIGHUP; what was not finished was not written\n"
    assert ended(process)[:3] == (1, "", said)


def test_nohup_keeps_it_from_hearing_that_the_session_is_lost(start: Start) -> None:
    process = start(
        "signal.signal(signal.SIGHUP, signal.SIG_IGN)\n"
        "with stopping(stop):\n    ready(); sys.stdin.readline()\n    assert not stop.is_set\n",
        stdin=subprocess.PIPE,
    )
    process.send_signal(signal.SIGHUP)
    time.sleep(0.2)  # in which it would have been heard
    process.communicate("go on\n", timeout=30)
    assert process.returncode == 0


def test_the_last_words_are_the_caller_s_where_it_ends_at_once(start: Start) -> None:
    words = "lambda message: f'first: {message}\\n' + 'last: \\u91cd\\n'"
    process = start(f"with stopping(stop, last_words={words}):\n    ready(); time.sleep(60)")
    process.terminate()
    said = "stopped by SIGTERM; what was not finished was not written"
    assert ended(process)[:3] == (1, "", f"first: {said}\nlast: \\u91cd\n")


def test_last_words_that_fail_do_not_keep_it_from_ending(start: Start) -> None:
    process = start("with stopping(stop, last_words=lambda _: 1 / 0):\n    ready(); time.sleep(60)")
    process.terminate()
    code, _, _, seconds = ended(process)
    assert (code, seconds < 5) == (1, True)


def test_an_open_transaction_is_rolled_back(start: Start, tmp_path: Path) -> None:
    process = start(HELD["in a transaction"])
    assert (tmp_path / "x.db").stat().st_size > 100_000  # it was half written
    process.terminate()
    assert ended(process)[0] == 1
    with closing(sqlite3.connect(tmp_path / "x.db")) as database:
        assert database.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        assert database.execute("SELECT i FROM t").fetchall() == [(1,)]


def test_who_heeds_the_wish_ends_at_once_and_in_order(start: Start) -> None:
    process = start("""
try:
    with stopping(stop, 60):
        try:
            ready()
            stop.wait(60)
        finally:
            print("tidied", flush=True)
except StoppedError as error:
    fail(str(error), 1)
""")
    process.terminate()
    code, out, err, seconds = ended(process)
    assert (code, out) == (1, "tidied\n")
    assert err == "error: stopped by SIGTERM; what was not finished was not written\n"
    assert seconds < 1


@pytest.mark.parametrize("inside", [True, False], ids=["inside", "on its way out"])
def test_a_second_signal_ends_at_once(inside: bool, start: Start) -> None:
    process = start(
        "with stopping(stop, 60):\n    ready()\n    try:\n        stop.wait(60)\n    finally:\n"
        "        print('heard', flush=True); time.sleep(60)" if inside else """
try:
    with stopping(stop, 60):
        ready(); stop.wait(60)
except StoppedError as error:
    print("error:", error, file=sys.stderr, flush=True); print("heard", flush=True); time.sleep(60)
"""
    )  # fmt: skip
    process.send_signal(signal.SIGINT)
    assert process.stdout is not None
    assert process.stdout.readline() == "heard\n"
    process.send_signal(signal.SIGTERM)
    code, _, err, seconds = ended(process)
    assert (code, err) == (1, "error: stopped by SIGINT; what was not finished was not written\n")
    assert seconds < 5  # of the 60 that it would have had


@BOTH
def test_it_hears_what_was_ignored_when_it_started(number: signal.Signals, start: Start) -> None:
    process = start(f"signal.signal({number:d}, signal.SIG_IGN)\n{HELD['asleep']}")
    process.send_signal(number)
    assert ended(process)[0] == 1


def test_afterwards_everything_is_as_it_was(start: Start) -> None:
    process = start("""
signal.signal(signal.SIGINT, signal.SIG_IGN)
mine, other = socket.socketpair()
mine.setblocking(False)
signal.set_wakeup_fd(mine.fileno())
before = [signal.getsignal(each) for each in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)], threading.active_count()
for _ in range(3):
    with stopping(stop):
        assert threading.active_count() == 2
assert before[0] == [signal.getsignal(each) for each in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)]
assert before[1] == threading.active_count()
assert signal.set_wakeup_fd(-1) == mine.fileno()
assert not stop.is_set
ready()
""")
    assert ended(process)[:3] == (0, "", "")


def test_an_error_of_the_block_s_own_passes_through(start: Start) -> None:
    process = start("""
try:
    with stopping(stop):
        raise KeyError("mine")
except KeyError:
    ready()
""")
    assert ended(process)[:3] == (0, "", "")


def test_in_a_terminal_the_bar_is_taken_away_before_the_line(start: Start) -> None:
    leader, follower = os.openpty()
    process = start("with stopping(stop):\n    os.write(2, b'10/20 jobs'); ready(); time.sleep(60)", stderr=follower)
    process.terminate()
    assert ended(process)[0] == 1
    assert os.read(leader, 999) == (
        b"10/20 jobs\r\x1b[Kerror: stopped by SIGTERM; what was not finished was not written\r\n"
    )
    os.close(leader)
    os.close(follower)
