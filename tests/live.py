"""What tests of a live project share: exports from a server, and what the database then says."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from inventory.jsontext import Json, canonical, read
from inventory.mock import DrsServer
from inventory.redact import Redactor
from tests.conftest import Command
from tests.test_properties import as_contract, as_sent

Estate = Callable[..., dict[str, Json]]
DATABASE = "sqlite:///x.db"


class Export:
    """Writes a configuration for a server and exports; the jobs are asked for by id, unless told otherwise."""

    def __init__(self, server: DrsServer, folder: Path, inventory: Command) -> None:
        self.server = server
        self.folder = folder
        self.inventory = inventory

    def configured(self, **keys: Any) -> None:
        source = {
            "name": "live", "region": "cn-north-4", "endpoint": self.server.url, "iam_endpoint": self.server.url,
            "project_id": self.server.project_id, "auth": {"token": "${TOKEN}"}, "jobs": sorted(self.server.jobs),
            "requests_per_second": 500, "timeout": 5, **keys,
        }  # fmt: skip
        (self.folder / "c.yaml").write_text(json.dumps({"sources": [source]}))

    def __call__(self, *options: str, code: int = 0, database: str = DATABASE, **keys: Any) -> Any:
        self.configured(**keys)
        done = self.inventory("--config", "c.yaml", "--database", database, "export", *options, TOKEN=self.server.token)
        assert done.returncode == code, done.stdout + done.stderr
        assert "Traceback" not in done.stderr
        return done


def shown(inventory: Command, database: str = DATABASE) -> dict[str, Json]:
    """Return the jobs that the database has, by id."""
    done = inventory("--database", database, "show", "--json")
    return {job["id"]: as_contract(job) for job in read(done.stdout)["results"]}


def last(inventory: Command, database: str = DATABASE) -> dict[str, Any]:
    rows = json.loads(inventory("--database", database, "snapshots", "--json").stdout)
    return dict(rows[-1])


def findings(inventory: Command) -> set[tuple[str, str]]:
    document = json.loads(inventory("--database", DATABASE, "diff", "--format", "json").stdout)
    return {(f["kind"], f["job_id"]) for source in document["sources"] for f in source["findings"]}


def as_stored(job: dict[str, Json]) -> Json:
    return as_contract(as_sent(read(canonical(Redactor().job(job)))))
