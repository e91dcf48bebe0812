"""The next version of the tables, by the recipe of `tests.draft_migration`: with rows, on both databases."""

import json
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text

from inventory.common.exact_json import Json
from inventory.config.load import normal_url
from inventory.schema import REVISION
from inventory.store.engine import open_store
from tests.conftest import ran, write_page
from tests.next_version import NEXT, NextVersion

JOBS = {
    "same": {"status": "HIBERNATING", "inst_info": {"engine_version": "5.7", "disks": [{"id": "a", "size": 40}]}},
    "other": {"status": "PAUSING", "inst_info": {"engine_version": "8.0", "disks": [{"id": "a", "size": 40}]}},
    "less": {"status": "PAUSING", "inst_info": {"engine_version": "8.0", "disks": [{"id": "a"}, {"id": "b"}]}},
    "more": {"status": "PAUSING", "inst_info": {"ip": "10.0.0.1"}},
    "apart": {"status": "PAUSING", "inst_info": {"engine_version": [1], "disks": "none"}},
}
LATER = JOBS | {
    "other": {
        "status": "PAUSING",
        "inst_info": {"engine_version": "8.1", "disks": [{"id": "a", "size": 60}, {"id": "c"}]},
    },
    "less": {"status": "PAUSING", "inst_info": {"disks": [{"id": "b"}]}},
    "more": {"status": "CREATING", "inst_info": {"ip": "10.0.0.1", "engine_version": "5.6", "disks": [{"id": "a"}]}},
}  # fmt: skip


def configured(folder: Path, *nights: dict[str, dict[str, Json]]) -> str:
    for day, jobs in enumerate(nights, 1):
        results = [{"id": job_id, **job} for job_id, job in jobs.items()]
        answer = {"count": len(results), "results": results}
        write_page(folder / f"night-{day}", 1, sorted(jobs), answer, time=f"2026-11-0{day}T01:00:00Z")
    source = {"name": "s", "replay": [f"night-{day}" for day in range(1, len(nights) + 1)]}
    (folder / "c.yaml").write_text(json.dumps({"workers": 0, "sources": [source]}))
    return str(folder / "c.yaml")


@pytest.fixture
def upgraded(database: str, tmp_path: Path, next_version: NextVersion) -> str:
    """A database that this version wrote a snapshot to, at the next revision."""
    ran("--database", database, "db", "upgrade")
    ran("--config", configured(tmp_path, JOBS), "--database", database, "export")
    next_version.ran("--database", database, "db", "upgrade")
    return database


def changes(document: str) -> set[tuple[str, str, str, str]]:
    (source,) = json.loads(document)["sources"]
    return {
        (each["action"], each["table"], each["job_id"], ",".join(each["changed"]) or each["key"].get("id", ""))
        for each in source["changes"]
    }


def test_the_draft_is_a_few_lines_a_field(next_version: NextVersion) -> None:
    assert f'REVISION = "{NEXT}"' in next_version.refused
    lines = [line for line in next_version.migration.read_text().splitlines() if "engine_version" in line]
    assert len(lines) == 6  # two tables: add, drop, and refuse to lose
    assert "nothing differs" not in next_version.drafted(code=1)  # the revision is taken


def test_an_upgraded_database_is_as_declared(upgraded: str, database: str, next_version: NextVersion) -> None:
    assert "as declared" in next_version.ran("--database", upgraded, "db", "check")
    assert next_version.ran("--database", upgraded, "db", "current").strip() == NEXT


def test_old_snapshots_are_as_they_were(database: str, tmp_path: Path, next_version: NextVersion) -> None:
    ran("--database", database, "db", "upgrade")
    ran("--config", configured(tmp_path, JOBS), "--database", database, "export")
    words = ("--database", database, "show", "--snapshot", "1", "--json")
    before, digests = ran(*words), ran("--database", database, "snapshots", "--json")
    next_version.ran("--database", database, "db", "upgrade")
    assert next_version.ran("--database", database, "snapshots", "--json") == digests
    assert next_version.ran(*words) == before
    config = configured(tmp_path, JOBS, LATER)
    next_version.ran("--config", config, "--database", database, "export")
    assert next_version.ran(*words) == before
    assert next_version.ran("--database", database, "verify")
    with open_store(normal_url(database), write=True) as store, store.reading() as connection:
        query = "SELECT id, inst_info_engine_version, extra FROM jobs_as_of WHERE snapshot_id = :at ORDER BY id"
        first, second = (connection.execute(text(query), {"at": at}).all() for at in (1, 2))
        disks = connection.execute(text("SELECT job_id, id, size FROM disks WHERE job_id = 'other' ORDER BY id")).all()
    assert {row.inst_info_engine_version for row in first} == {None}
    versions = {row.id: row.inst_info_engine_version for row in second}
    assert versions == {"same": "5.7", "other": "8.1", "less": None, "more": "5.6", "apart": None}
    assert [tuple(row) for row in disks] == [("other", "a", 60), ("other", "c", None)]


def test_what_stood_in_extra_is_compared(upgraded: str, tmp_path: Path, next_version: NextVersion) -> None:
    """The engine's version of `more` was in no answer of the first night: that is "not recorded then"."""
    expected = {
        ("update", "jobs", "other", "inst_info_engine_version"),
        ("update", "disks", "other", "size"),
        ("create", "disks", "other", "c"),
        ("update", "jobs", "less", "inst_info_engine_version"),
        ("delete", "disks", "less", "a"),
        ("update", "jobs", "more", "status"),
    }
    next_version.ran("--config", configured(tmp_path, JOBS, LATER), "--database", upgraded, "export")
    database = ("--database", upgraded)
    document = next_version.ran(*database, "diff", "--format", "json")
    assert changes(document) == expected
    (update,) = (
        each
        for each in json.loads(document)["sources"][0]["changes"]
        if each["table"] == "jobs" and each["job_id"] == "other"
    )
    column = "inst_info_engine_version"
    assert (update["before"][column], update["after"][column], update["before"]["extra"]) == ("8.0", "8.1", None)
    other_way = {"create": "delete", "delete": "create", "update": "update"}
    back = changes(next_version.ran(*database, "diff", "2", "1", "--format", "json"))
    assert back == {(other_way[action], *rest) for action, *rest in expected}
    told = next_version.ran(*database, "log", "other")
    assert "inst_info_engine_version" in told
    assert changes(next_version.ran(*database, "diff", "--format", "json", "--table", "disks")) == {
        each for each in expected if each[1] == "disks"
    }


def test_two_old_snapshots_are_compared_by_columns_that_came_later(
    database: str, tmp_path: Path, next_version: NextVersion
) -> None:
    ran("--database", database, "db", "upgrade")
    ran("--config", configured(tmp_path, JOBS, LATER), "--database", database, "export")
    next_version.ran("--database", database, "db", "upgrade")
    found = changes(next_version.ran("--database", database, "diff", "--format", "json"))
    assert ("update", "jobs", "other", "inst_info_engine_version") in found
    assert ("update", "disks", "other", "size") in found
    assert ("delete", "disks", "less", "a") in found


def test_a_downgrade_loses_nothing(upgraded: str, tmp_path: Path, next_version: NextVersion) -> None:
    database = ("--database", upgraded)
    assert "makes its views" in next_version.ran(*database, "db", "downgrade", REVISION, "--yes")
    assert "is missing" in ran(*database, "db", "check", code=1)
    assert "recreated" in ran(*database, "db", "upgrade")
    assert "as declared" in ran(*database, "db", "check")
    assert "same" in ran(*database, "show")
    next_version.ran(*database, "db", "upgrade")
    next_version.ran("--config", configured(tmp_path, JOBS, LATER), *database, "export")
    refused = next_version.ran(*database, "db", "downgrade", REVISION, "--yes", code=1)
    assert "the column jobs.inst_info_engine_version has values" in refused
    assert "as declared" in next_version.ran(*database, "db", "check")


def test_the_new_value_is_documented(upgraded: str, tmp_path: Path, next_version: NextVersion) -> None:
    assert "HIBERNATING" in unknown(upgraded)
    next_version.ran("--config", configured(tmp_path, JOBS, LATER), "--database", upgraded, "export")
    assert "HIBERNATING" not in unknown(upgraded)


def unknown(database: str) -> str:
    with open_store(normal_url(database), write=True) as store, store.reading() as connection:
        found: list[Any] = list(connection.execute(text("SELECT detail FROM findings WHERE kind = 'unknown_value'")))
    return str(found)
