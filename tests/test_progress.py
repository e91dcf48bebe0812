"""The progress line, drawn by a real process on a pseudo-terminal."""

import os
import re
import termios
import time
from collections.abc import Callable

import pytest

from tests.conftest import program

Draw = Callable[..., list[str]]

HEAD = """
import sys, threading, time
sys.stderr.reconfigure(encoding="utf-8")
from inventory.cli.progress import Progress
def tick(): time.sleep(0.11)
"""


@pytest.fixture
def draw() -> Draw:
    """Run a program whose stderr is a terminal; return what it drew, a string for each time the line was cleared."""

    def run(code: str, columns: int = 100) -> list[str]:
        leader, follower = os.openpty()
        termios.tcsetwinsize(follower, (24, columns))
        with program(HEAD + code, stderr=follower) as process:
            os.close(follower)
            drawn = b""
            try:
                while piece := os.read(leader, 9999):
                    drawn += piece
            except OSError:  # how Linux says that nobody holds the other side any more
                pass
        os.close(leader)
        assert process.returncode == 0, drawn
        return drawn.decode().split("\r\x1b[K")

    return run


def test_several_sources_on_one_line(draw: Draw) -> None:
    drawn = draw("""
with Progress("export", True) as progress:
    tick(); progress.advance("north", 0, 50)
    tick(); progress.advance("north", 20, 1000)
    tick(); progress.advance("south", 5, 100)
    tick(); progress.advance("south", 100, 100)
""")
    rate = r"\d+\.\d/s  \d+:\d\d left"
    expected = [
        "",
        r"export 0/50 jobs  0\.0/s  north 0/50",
        rf"export 20/1,000 jobs  {rate}  north 20/1,000",
        rf"export 25/1,100 jobs  {rate}  north 20/1,000  south 5/100",
        rf"export 120/1,100 jobs  {rate}  north 20/1,000",
        "",
    ]
    assert len(drawn) == len(expected)
    for line, pattern in zip(drawn, expected, strict=True):
        assert re.fullmatch(pattern, line)


@pytest.mark.parametrize(("total", "pattern"), [(100_000, r"\d+:\d\d:\d\d"), (20_000, r"\d\d:\d\d"), (100, r"0:\d\d")])
def test_rate_and_time_left_agree(total: int, pattern: str, draw: Draw) -> None:
    (_, *_, line, _) = draw(f"""
with Progress("export", True) as progress:
    for done in range(1, 6):
        tick(); progress.advance("north", done * 2, {total})
""")
    found = re.search(rf"  (\d+\.\d)/s  ({pattern}) left", line)
    assert found
    rate, left = float(found[1]), 0
    for part in found[2].split(":"):
        left = left * 60 + int(part)
    assert 1 < rate <= 2 / 0.1  # less what the machine was busy with
    assert left == pytest.approx((total - 10) / rate, rel=0.02, abs=1)


def test_it_draws_ten_times_a_second_at_most(draw: Draw) -> None:
    began = time.monotonic()
    drawn = draw("""
with Progress("export", True) as progress:
    end = time.monotonic() + 0.55
    while time.monotonic() < end:
        progress.advance("north", 1, 2)
""")
    assert len(drawn) - 2 in range(2, 6)
    assert time.monotonic() - began < 5


def test_other_output_has_the_line_to_itself(draw: Draw) -> None:
    drawn = draw("""
with Progress("export", True) as progress:
    tick(); progress.advance("north", 1, 2)
    progress.close()
    progress.close()
    print("result", file=sys.stderr)
    tick(); progress.advance("north", 2, 2)
""")
    assert [line.split(" ")[0] for line in drawn] == ["", "export", "result\r\n", "export", ""]


@pytest.mark.parametrize("name", ["n" * 500, "北京" * 100, "a\nb\r\x1b[2J\u202e" * 20])
@pytest.mark.parametrize("columns", [20, 80, 0])
def test_a_hostile_name_neither_steers_nor_wraps(name: str, columns: int, draw: Draw) -> None:
    (_, line, last) = draw(
        f"with Progress('export', True) as progress:\n    tick(); progress.advance({name!r}, 1, 2)", columns
    )
    assert last == ""
    assert line.isprintable()
    cells = sum(2 if character in "北京" else 1 for character in line)
    assert cells in {(columns or 80) - 1, (columns or 80) - 2}


def test_nothing_where_it_is_not_shown(draw: Draw) -> None:
    assert draw("""
with Progress("export", False) as progress:
    tick(); progress.advance("north", 1, 2)
    progress.close()
""") == [""]


def test_threads_share_it(draw: Draw) -> None:
    drawn = draw(
        """
def work(name):
    for done in range(1, 20001):
        progress.advance(name, done, 20000)
with Progress("export", True) as progress:
    threads = [threading.Thread(target=work, args=(f"s{number}",)) for number in range(8)]
    for thread in threads: thread.start()
    for thread in threads: thread.join()
    tick(); progress.advance("s0", 20000, 20000)
""",
        300,
    )
    assert drawn[-2].startswith("export 160,000/160,000 jobs  ")
    assert drawn[-2].endswith(" left")
    for line in drawn[1:-1]:
        assert re.fullmatch(r"export [\d,]+/[\d,]+ jobs  [\d,.]+/s  (\d+:)+\d\d left(  s\d [\d,]+/20,000)*", line)
