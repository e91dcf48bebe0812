"""What tests of a live project share: exports from a server, and what the database then says."""

import json
import subprocess
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path
from typing import IO, Any

from inventory.common.exact_json import Json, canonical, read
from inventory.mock import DrsServer, make_estate
from inventory.normalise.redact import Redactor
from tests.conftest import Command, ran, started
from tests.test_properties import as_contract, as_sent

Estate = Callable[..., dict[str, Json]]
DATABASE = "sqlite:///x.db"


def long_list(count: int, **how: int) -> dict[str, dict[str, Json]]:
    """Make an estate with `count` jobs of one use, for a list of many pages, and a few of each other."""
    jobs: dict[str, dict[str, Json]] = {}
    found: Counter[Json] = Counter()
    for job_id, job in make_estate(2 * count, **how).items():
        found[job["db_use_type"]] += 1
        if found[job["db_use_type"]] <= (count if job["db_use_type"] == "sync" else 6):
            jobs[job_id] = job
    assert found["sync"] >= count
    return jobs


class Export:
    """Writes a configuration for a server and exports; the jobs are asked for by id, unless told otherwise."""

    def __init__(self, server: DrsServer, folder: Path, inventory: Command) -> None:
        self.server = server
        self.folder = folder
        self.inventory = inventory
        # Keys beside `sources`. Workers change nothing (test_pool); where it is about them, or about all that
        # can happen, exports have them; elsewhere half the time of a test would be their start.
        self.top: dict[str, Any] = {"workers": 0}
        self.environment: dict[str, str] = {}

    def source(self, **keys: Any) -> dict[str, Any]:
        """Return the entry of a configuration."""
        return {
            "name": "live", "region": "cn-north-4", "endpoint": self.server.url, "iam_endpoint": self.server.url,
            "project_id": self.server.project_id, "auth": {"token": "${TOKEN}"}, "jobs": sorted(self.server.jobs),
            "requests_per_second": 500, "timeout": 5, **keys,
        }  # fmt: skip

    def configured(self, beside: Sequence[dict[str, Any]] = (), **keys: Any) -> None:
        """Write the configuration: the source, and others `beside` it, all at once."""
        document = {"parallel": 1 + len(beside), **self.top, "sources": [self.source(**keys), *beside]}
        (self.folder / "c.yaml").write_text(json.dumps(document))

    def __call__(self, *options: str, code: int = 0, database: str = DATABASE, **keys: Any) -> Any:
        self.configured(**keys)
        done = self.inventory(
            *self._arguments(database), "export", *options, TOKEN=self.server.token, **self.environment
        )
        assert done.returncode == code, done.stdout + done.stderr
        assert "Traceback" not in done.stderr
        return done

    def as_it_comes(self) -> "Export":
        """Leave every key beside `sources` to its default."""
        self.top = {}
        return self

    @contextmanager
    def started(
        self, *options: str, database: str = DATABASE, log: str = "text", stdout: int | IO[str] = subprocess.PIPE,
        cold: bool = False, **keys: Any,
    ) -> Iterator[subprocess.Popen[str]]:  # fmt: skip
        """Start an export and go on; if it still runs at the block's end, it is killed."""
        self.configured(**keys)
        with started(
            *self._arguments(database), "--log-format", log, "export", *options,
            stdout=stdout, stderr=subprocess.PIPE, cold=cold, TOKEN=self.server.token,
        ) as process:  # fmt: skip
            try:
                yield process
            finally:
                process.kill()

    def _arguments(self, database: str) -> tuple[str, ...]:
        return "--config", str(self.folder / "c.yaml"), "--database", database


def shown(database: str = DATABASE) -> dict[str, Json]:
    """Return the jobs that the database has, by id."""
    return {job["id"]: as_contract(job) for job in read(ran("--database", database, "show", "--json"))["results"]}


def last(database: str = DATABASE) -> dict[str, Any]:
    rows = json.loads(ran("--database", database, "snapshots", "--json"))["snapshots"]
    return dict(rows[-1])


def findings() -> set[tuple[str, str]]:
    document = json.loads(ran("--database", DATABASE, "diff", "--format", "json"))
    return {(f["kind"], f["job_id"]) for source in document["sources"] for f in source["findings"]}


def as_stored(job: dict[str, Json]) -> Json:
    """Return a job as it is shown after an export; nobody changes what is returned."""
    return _as_stored(canonical(job))


@lru_cache(4096)
def _as_stored(text: str) -> Json:
    return as_contract(as_sent(read(canonical(Redactor().job(read(text))))))
