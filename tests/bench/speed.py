"""Ours beside a floor and its peers: ``python -m tests.bench.speed [--estate A] [--database sqlite] [--repeat N] ...``.

An estate is made, served from a process of its own, and exported by each in turn, N rounds of whole processes with
start-up; what counts is the median, and its ratio to the floor's of the same run. Every run's rows are counted. Memory
is looked at in one more round, since that costs time: the sum over a process and all that it started, without the
database's server. Each table is printed, and put in place of the one of the same title in RESULTS.md, or in the file of
--out. Meant for two cores; needs the extra `bench`.
"""

import argparse
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.bench.contestants import Served
from tests.bench.database import Databases, databases
from tests.bench.estate import ESTATES, prepare
from tests.bench.measure import compile_all, environment
from tests.bench.nights import WHAT
from tests.bench.table import save

HERE = Path(__file__).parent
BOTH = ["ours", "floor"]
ALL: tuple[dict[str, Any], ...] = (
    {},
    {"database": "postgresql"},
    {"latency": 100},
    {"estate": "B"},
    {"estate": "B", "database": "postgresql", "only": BOTH},
    {"estate": "C", "repeat": 0, "only": BOTH},
    {"estate": "one", "repeat": 0, "only": BOTH},
    {"what": "second"},
    {"what": "second", "database": "postgresql"},
    {"what": "growing"},
    {"what": "growing", "estate": "B"},
    {"what": "help"},
)


def main() -> None:
    """Measure what the options choose."""
    options = parse()
    compile_all({sys.executable, options.python})
    for changed in ALL if options.all else ({},):
        measure(argparse.Namespace(**{**vars(options), **changed}))


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "--what", choices=WHAT, default="first", help="a first night, a second one, both of a growing API, or --help"
    )
    parser.add_argument("--database", choices=["sqlite", "postgresql"], default="sqlite")
    sizes = "; ".join(f"{name}: {estate}" for name, estate in ESTATES.items())
    parser.add_argument("--estate", choices=ESTATES, default="A", help=sizes)
    parser.add_argument("--repeat", type=int, default=5, metavar="N", help="rounds; 0: the memory alone")
    parser.add_argument("--latency", type=int, default=0, metavar="MS", help="of each answer")
    parser.add_argument("--only", type=lambda text: text.split(","), metavar="NAME,...", help="of the contestants")
    parser.add_argument("--cpu", action="store_true", help="seconds of processor time too")
    parser.add_argument("--no-memory", dest="memory", action="store_false", help="leave out the round for the memory")
    parser.add_argument(
        "--python", default=sys.executable, help="ours, where it has less: httpx and structlog import rich where dlt is"
    )
    parser.add_argument("--all", action="store_true", help="everything, with these options where it leaves a choice")
    parser.add_argument("--out", type=Path, default=HERE / "RESULTS.md", metavar="FILE")
    return parser.parse_args()


def measure(options: argparse.Namespace) -> None:
    """Print one table, and save it."""
    with (
        tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as name,
        databases(options.database, Path(name)) as store,
        served(options.estate, options.latency, Path(name), store, options.python) as estate,
    ):
        section = WHAT[options.what](estate, options, Path(name))
    print(section.markdown(), flush=True)  # noqa: T201
    save(options.out, section)


@contextmanager
def served(estate: str, latency: int, folder: Path, store: Databases, python: str) -> Iterator[Served]:
    """Make an estate and serve it."""
    files = folder / "estate"
    files.mkdir()
    prepare(ESTATES[estate], files)
    command = [sys.executable, str(HERE / "server.py"), str(files), str(latency / 1000)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=environment(folder)) as server:
        assert server.stdout is not None
        port = int(server.stdout.readline())
        yield Served(ESTATES[estate], files, f"http://127.0.0.1:{port}", store, python)


if __name__ == "__main__":
    main()
