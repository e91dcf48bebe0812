"""What a command costs: whole processes, from start to end, one at a time and in turn."""

import os
import statistics
import subprocess
import time
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from tests.conftest import ROOT

__all__ = ["Cost", "Turn", "compile_all", "environment", "in_turn", "median", "run"]

MIB = 1024 * 1024
PAUSE = 0.02  # seconds between two looks at the memory


@dataclass(frozen=True)
class Cost:
    """Seconds on the clock and of processor time; peak MiB of all processes together, where it was looked at."""

    seconds: float
    cpu: float
    pss: float = 0.0
    rss: float = 0.0


@dataclass(frozen=True)
class Turn:
    """One who takes part: `command` prepares a run in an empty folder and says what to run; `check` looks after it."""

    name: str
    command: Callable[[Path], list[str]]
    check: Callable[[Path], None] = lambda _: None


def in_turn(turns: Sequence[Turn], repeat: int, folder: Path, *, memory: bool = False) -> dict[str, list[Cost]]:
    """Let each run once, then each again, and so on: who is disturbed by the machine is so in one round only."""
    costs: dict[str, list[Cost]] = {turn.name: [] for turn in turns}
    for _ in range(repeat):
        for turn in turns:
            place = folder / turn.name
            subprocess.run(["rm", "-rf", place], check=True)
            place.mkdir()
            command = turn.command(place)
            os.sync()  # nobody pays for what another left unwritten
            costs[turn.name].append(run(command, place, memory=memory))
            turn.check(place)
    return costs


def run(command: list[str], folder: Path, *, memory: bool = False) -> Cost:
    """Run a command that must succeed; looking at its memory costs time, so it is not done for the clock."""
    log = folder / "log"
    with log.open("w") as file:
        began = time.perf_counter()
        process = subprocess.Popen(command, cwd=folder, env=environment(folder), stdout=file, stderr=file)
        pss, rss = _watch(process.pid) if memory else (0, 0)
        _, status, used = os.wait4(process.pid, 0)
        seconds = time.perf_counter() - began
    process.returncode = os.waitstatus_to_exitcode(status)
    assert process.returncode == 0, f"{' '.join(command)}\n{log.read_text()[-2000:]}"
    return Cost(seconds, used.ru_utime + used.ru_stime, pss / MIB, rss / MIB)


def median(costs: Sequence[Cost]) -> Cost:
    """Return the median of each quantity."""
    names = ("seconds", "cpu", "pss", "rss")
    return Cost(*(statistics.median(getattr(cost, name) for cost in costs) for name in names))


def environment(folder: Path) -> dict[str, str]:
    """Return what every process is given: compiled code, this tree's package, its own home, no proxy, no secret."""
    kept = {name: os.environ[name] for name in ("PATH", "LANG", "TMPDIR", "LD_LIBRARY_PATH") if name in os.environ}
    return kept | {"HOME": str(folder), "PYTHONPATH": str(ROOT), "NO_COLOR": "1"}


def compile_all(pythons: Iterable[str]) -> None:
    """Compile the environments of some interpreters, and our package, so that no first run pays for it."""
    code = "from compileall import compile_dir as c; import sysconfig, sys; "
    code += "c(sysconfig.get_path('purelib'), quiet=2, workers=0); c(sys.argv[1], quiet=2)"
    for python in pythons:
        subprocess.run([python, "-c", code, str(ROOT / "inventory")], env=environment(ROOT), check=True)


def _watch(pid: int) -> tuple[int, int]:
    """Return the largest sums over a process and its descendants, until it ends: bytes of PSS and of RSS."""
    most = (0, 0)
    while os.waitid(os.P_PID, pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is None:
        memory = [_memory(each) for each in _tree(pid)]
        most = max(most[0], sum(pss for pss, _ in memory)), max(most[1], sum(rss for _, rss in memory))
        time.sleep(PAUSE)
    return most


def _tree(pid: int) -> list[int]:
    found = [pid]
    for each in found:  # which grows meanwhile
        with suppress(OSError):
            for task in Path(f"/proc/{each}/task").iterdir():
                found += map(int, (task / "children").read_text().split())
    return found


def _memory(pid: int) -> tuple[int, int]:
    sizes = {"Pss": 0, "Rss": 0}
    with suppress(OSError):
        for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
            name, _, size = line.partition(":")
            if name in sizes:
                sizes[name] = int(size.split()[0]) * 1024
    return sizes["Pss"], sizes["Rss"]
