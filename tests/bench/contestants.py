"""Who takes part in the bench: what each runs, and where its rows stand then."""

import json
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from inventory.mock.parts import PROJECT_ID, REGION
from tests.bench.database import Databases, answer
from tests.bench.estate import Size
from tests.bench.measure import Turn, environment

__all__ = ["CONTESTANTS", "Contestant", "Served", "configure"]

HERE = Path(__file__).parent


@dataclass(frozen=True)
class Served:
    """An estate that is being served: its size, its files, where it is, the databases to write to, our interpreter."""

    size: Size
    files: Path
    endpoint: str
    databases: Databases
    python: str

    @property
    def call(self) -> str:
        """The address of batch-detail."""
        return f"{self.endpoint}/v3/{PROJECT_ID}/jobs/batch-detail"

    @property
    def inventory(self) -> list[str]:
        """Our command."""
        return [self.python, "-c", "from inventory.cli import main; main()"]


@dataclass(frozen=True)
class Contestant:
    """One way to get the estate into a database.

    kind: of the database that it is compared on. prepare: makes a database in a folder, returns its URL and the
    command. counts: queries that must give the number of jobs, and of objects.
    """

    name: str
    title: str
    kind: str
    prepare: Callable[[Path, Served], tuple[str, list[str]]]
    counts: tuple[str, str] = ("SELECT count(*) FROM jobs", "SELECT count(*) FROM object_infos")

    def turn(self, served: Served, urls: dict[str, str]) -> Turn:
        """Take part with an estate; `urls` is told where the rows are."""

        def command(folder: Path) -> list[str]:
            urls[self.name], words = self.prepare(folder, served)
            return words

        def check(_: Path) -> None:
            found = tuple(answer(urls[self.name], query) for query in self.counts)
            wanted = served.size.jobs, served.size.jobs * served.size.objects
            assert found == wanted, f"{self.name} wrote {found} jobs and objects, not {wanted}"

        return Turn(self.name, command, check)


def ours(folder: Path, served: Served) -> tuple[str, list[str]]:
    """`export`, start-up included: SQLite from nothing, PostgreSQL into tables that are there."""
    url = served.databases.new(folder)
    configure(folder, served)
    words = [*served.inventory, "--config", "inventory.yaml", "--database", url, "-q"]
    if url.startswith("postgresql"):
        subprocess.run([*words, "db", "upgrade"], cwd=folder, env=environment(folder), check=True)
    return url, [*words, "export"]


def configure(folder: Path, served: Served) -> None:
    """Write our configuration; JSON is YAML too."""
    source = {
        "name": "bench", "region": REGION, "project_id": PROJECT_ID, "endpoint": served.endpoint,
        "iam_endpoint": served.endpoint, "auth": {"token": "bench"}, "jobs": {"file": str(served.files / "ids.txt")},
        "concurrency": 8, "requests_per_second": 10_000,
    }  # fmt: skip
    (folder / "inventory.yaml").write_text(json.dumps({"sources": [source]}))


def floor(folder: Path, served: Served) -> tuple[str, list[str]]:
    """The fastest plain way: see floor.py."""
    return _script("floor.py", served.databases.new(folder), served, served.files / "plan.json")


def dlt_duckdb(folder: Path, served: Served) -> tuple[str, list[str]]:
    return _script("peer_dlt.py", f"duckdb:///{folder}/bench.duckdb", served)


def dlt_same(folder: Path, served: Served) -> tuple[str, list[str]]:
    return _script("peer_dlt.py", served.databases.new(folder), served)


def vendor(folder: Path, served: Served) -> tuple[str, list[str]]:
    return _script("peer_vendor.py", served.databases.new(folder), served)


def _script(name: str, url: str, served: Served, *more: Path) -> tuple[str, list[str]]:
    files = [str(file) for file in (served.files / "ids.txt", *more)]
    return url, [sys.executable, str(HERE / name), served.call, *files, url]


def counts_below(schema: str) -> tuple[str, str]:
    """Return the queries for dlt's own names."""
    return f"SELECT count(*) FROM {schema}jobs", f"SELECT count(*) FROM {schema}jobs__object_infos"


CONTESTANTS = (
    Contestant("ours", "inventory export", "sqlite", ours),
    Contestant("floor", "floor (aiohttp, orjson, executemany)", "sqlite", floor),
    Contestant("dlt-duckdb", "dlt to DuckDB", "sqlite", dlt_duckdb, counts_below("drs.")),
    Contestant("dlt", "dlt to SQLite", "sqlite", dlt_same, counts_below("")),
    Contestant("vendor", "vendor's client, sqlite-utils", "sqlite", vendor),
    Contestant("ours", "inventory export", "postgresql", ours),
    Contestant("floor", "floor (aiohttp, orjson, COPY)", "postgresql", floor),
    Contestant("dlt", "dlt to PostgreSQL", "postgresql", dlt_same, counts_below("drs.")),
)
