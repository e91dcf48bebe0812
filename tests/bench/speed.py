"""Ours beside a floor and its peers: ``python -m tests.bench.speed [--estate A] [--database sqlite] [--repeat N] ...``.

An estate is made, served from a process of its own, and exported by each in turn, N rounds of whole processes with
start-up; what counts is the median, as a ratio to the floor of the same run. Every run's rows are counted. Memory is
looked at in one more round, since that costs time. Targets are for two cores. The table is printed, and put in
place of the one of the same title in RESULTS.md, or in the file of --out.
"""

import argparse
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.bench.contestants import CONTESTANTS, Served
from tests.bench.database import Databases, databases, size
from tests.bench.estate import ESTATES, prepare
from tests.bench.measure import compile_all, environment, in_turn, median
from tests.bench.table import Section, machine, save

HERE = Path(__file__).parent


def main() -> None:
    """Measure what the options choose."""
    options = parse()
    compile_all()
    with (
        tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as name,
        databases(options.database, Path(name)) as store,
        served(options.estate, options.latency, Path(name), store) as estate,
    ):
        section = first_night(estate, options, Path(name))
    say(section.markdown())
    save(options.out, section)


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--database", choices=["sqlite", "postgresql"], default="sqlite")
    parser.add_argument("--estate", choices=ESTATES, default="A")
    parser.add_argument("--repeat", type=int, default=5, metavar="N", help="rounds; 0: the memory alone")
    parser.add_argument("--latency", type=int, default=0, metavar="MS", help="of each answer")
    parser.add_argument("--only", type=lambda text: text.split(","), metavar="NAME,...", help="of the contestants")
    parser.add_argument("--cpu", action="store_true", help="seconds of processor time too")
    parser.add_argument("--no-memory", dest="memory", action="store_false", help="leave out the round for the memory")
    parser.add_argument("--out", type=Path, default=HERE / "RESULTS.md")
    return parser.parse_args()


@contextmanager
def served(estate: str, latency: int, folder: Path, store: Databases) -> Iterator[Served]:
    """Make an estate and serve it."""
    files = folder / "estate"
    files.mkdir()
    prepare(ESTATES[estate], files)
    command = [sys.executable, str(HERE / "server.py"), str(files), str(latency / 1000)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=environment(folder)) as server:
        assert server.stdout is not None
        port = int(server.stdout.readline())
        yield Served(ESTATES[estate], files, f"http://127.0.0.1:{port}", store)


def first_night(estate: Served, options: argparse.Namespace, folder: Path) -> Section:
    """Let all write a database that holds nothing yet."""
    chosen = [
        each
        for each in CONTESTANTS
        if each.kind == options.database and (options.only is None or each.name in options.only)
    ]
    urls: dict[str, str] = {}
    turns = [each.turn(estate, urls) for each in chosen]
    timed = in_turn(turns, options.repeat, folder)
    looked = in_turn(turns, 1, folder, memory=True) if options.memory else {}
    section = Section(
        f"First night, {options.estate}, {estate.databases.version().split()[0]}"
        + (f", {options.latency} ms latency" if options.latency else ""),
        [f"{estate.size}, {(estate.files / 'jobs.bin').stat().st_size / 1e6:.1f} MB of JSON. {machine()}"],
    )
    for each in chosen:
        costs = timed[each.name]
        section.add(each.title, costs, timed.get("floor"), cpu=options.cpu)
        if looked:
            seen = median(looked[each.name])
            section.more({"peak MiB (PSS)": f"{seen.pss:.0f}", "(RSS)": f"{seen.rss:.0f}"})
        section.more({"database MB": f"{size(urls[each.name]) / 1e6:.1f}"})
    return section


def say(line: str) -> None:
    print(line, flush=True)  # noqa: T201


if __name__ == "__main__":
    main()
