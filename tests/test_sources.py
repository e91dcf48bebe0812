"""Sources as a whole, with the real command on both databases: list, rename, retire, and what export then refuses."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import insert, select, text

from inventory.common.cancellation import Stop
from inventory.common.errors import StoreError
from inventory.config.load import normal_url
from inventory.proof.digest import content_digest, snapshot_digest
from inventory.schema import ENTITIES
from inventory.schema.ledger import SNAPSHOTS, SOURCES
from inventory.store.engine import Store, open_store
from inventory.store.lock import source_lock
from inventory.store.sources import reserve_ids
from inventory.store.writer import SourceRow, open_writer
from tests.conftest import ROOT, Command, write_page

CONFIG = str(ROOT / "samples/inventory.yaml")
History = dict[str, list[tuple[Any, ...]]]


@pytest.fixture
def store(inventory: Command, database: str) -> Iterator[Store]:
    """The samples, exported."""
    if not database.startswith("sqlite"):
        assert inventory("--database", database, "db", "upgrade").returncode == 0
    assert inventory("--config", CONFIG, "--database", database, "export").returncode == 0
    with open_store(normal_url(database), write=True) as opened:
        yield opened


def rows(store: Store, table: Any) -> list[dict[str, Any]]:
    with store.reading() as connection:
        return [dict(row) for row in connection.execute(select(table).order_by(table.c.id)).mappings()]


def seen(store: Store, ids: list[int]) -> History:
    """Return all that the views show as of some snapshots, the source's name aside."""
    found: History = {}
    with store.reading() as connection:
        for entity in ENTITIES:
            names = ", ".join(column.name for column in entity.columns)
            for snapshot in ids:
                query = text(f"SELECT {names} FROM {entity.name}_as_of WHERE snapshot_id = {snapshot}")
                found[f"{entity.name} {snapshot}"] = sorted((tuple(row) for row in connection.execute(query)), key=repr)
    return found


def ran(inventory: Command, database: str, *arguments: str, code: int = 0) -> str:
    done = inventory("--config", CONFIG, "--database", database, *arguments)
    assert done.returncode == code, done.stdout + done.stderr
    assert "Traceback" not in done.stderr
    return done.stderr if code else done.stdout


def listed(inventory: Command, database: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(ran(inventory, database, "sources", "list", "--json"))["sources"]
    return found


def test_the_list(store: Store, inventory: Command, database: str) -> None:
    last = rows(store, SNAPSHOTS)[-1]
    (found,) = listed(inventory, database)
    assert list(found) == [
        "name", "region", "project_id", "created_at", "retired_at",
        "snapshot_id", "finished_at", "observed_to", "status", "jobs", "age_seconds",
    ]  # fmt: skip
    assert (found["name"], found["retired_at"], found["status"]) == ("sample", None, last["status"])
    assert (found["snapshot_id"], found["jobs"]) == (last["id"], last["jobs"])
    age = datetime.now(UTC) - last["observed_to"]
    assert found["age_seconds"] == pytest.approx(age.total_seconds(), abs=120)
    head, line = ran(inventory, database, "sources", "list").splitlines()
    assert head.split()[:3] == ["name", "region", "project"]
    assert line.startswith("sample")
    assert line.endswith(f" {age.days} d")
    assert "no source 'x'" in ran(inventory, database, "sources", "list", "--source", "x", code=64)


def test_rename_keeps_the_history(store: Store, inventory: Command, database: str) -> None:
    before, ids = rows(store, SNAPSHOTS), [row["id"] for row in rows(store, SNAPSHOTS)]
    was = seen(store, ids)
    said = ran(inventory, database, "sources", "rename", "sample", "prod.north_1")
    assert said.startswith("Renamed sample to prod.north_1.")
    assert rows(store, SNAPSHOTS) == before
    assert seen(store, ids) == was
    assert [row["name"] for row in rows(store, SOURCES)] == ["prod.north_1"]
    shown = json.loads(ran(inventory, database, "show", "--source", "prod.north_1", "--json"))
    assert shown["count"] == before[-1]["jobs"]
    ran(inventory, database, "export")  # the samples, under their own name: another source
    assert [row["name"] for row in listed(inventory, database)] == ["prod.north_1", "sample"]


def test_what_cannot_be_renamed(store: Store, inventory: Command, database: str) -> None:
    before = rows(store, SOURCES)
    for old, new, said in (
        ("nobody", "other", "no source 'nobody'"), ("sample", "sample", "exists already"),
        ("sample", "", "not a valid"),
        ("sample", "a/b", "not a valid"), ("sample", "-x", "option"), ("sample", "x" * 101, "not a valid"),
    ):  # fmt: skip
        assert said.lower() in ran(inventory, database, "sources", "rename", old, new, code=64).lower()
    assert rows(store, SOURCES) == before
    for name in ("sample", "other"):
        with source_lock(store, name, 0, Stop()):
            told = ran(inventory, database, "sources", "rename", "sample", "other", code=75)
            assert f"the source {name} (export, pid" in told
    assert rows(store, SOURCES) == before


def test_retire_closes_the_rows(store: Store, inventory: Command, database: str) -> None:
    before = rows(store, SNAPSHOTS)
    ids = [row["id"] for row in before]
    was = seen(store, ids)
    said = ran(inventory, database, "sources", "retire", "sample", "--yes")
    assert f"Retired sample. Its final snapshot {ids[-1] + 1} closes {before[-1]['jobs']} jobs.\n" in said
    *earlier, last = rows(store, SNAPSHOTS)
    assert earlier == before
    assert seen(store, ids) == was
    assert not any(seen(store, [last["id"]]).values())
    with store.reading() as connection:
        for entity in ENTITIES:
            assert connection.execute(select(entity.current)).all() == [], entity.name
    assert last["deselected"] == before[-1]["jobs"] > 0
    assert [last[name] for name in ("jobs", "requested", "requests", "added", "changed", "removed")] == [0] * 6
    assert (last["status"], last["observed_from"], last["observed_to"]) == ("complete", None, None)
    assert last["content_digest"] == content_digest([])
    assert last["previous_digest"] == before[-1]["digest"]
    assert last["digest"] == snapshot_digest(last["previous_digest"], last["content_digest"], last)
    (source,) = rows(store, SOURCES)
    assert source["retired_at"] == last["finished_at"]
    shown = json.loads(ran(inventory, database, "show", "--json", "--snapshot", str(ids[-1])))
    assert shown["count"] == before[-1]["jobs"]
    assert json.loads(ran(inventory, database, "diff", "--format", "json"))["sources"][0]["summary"]["create"] == 0


def test_a_retired_source_is_not_exported(store: Store, inventory: Command, database: str) -> None:
    ran(inventory, database, "sources", "retire", "sample", "--yes")
    before = rows(store, SNAPSHOTS)
    told = ran(inventory, database, "export", code=1)
    assert "sample was retired at 20" in told
    assert "inventory sources rename" in told
    assert "was retired at 20" in ran(inventory, database, "sources", "retire", "sample", "--yes", code=64)
    assert "no source 'nobody'" in ran(inventory, database, "sources", "retire", "nobody", code=64)
    assert rows(store, SNAPSHOTS) == before
    ran(inventory, database, "sources", "rename", "sample", "sample-old")
    ran(inventory, database, "export")
    assert [(row["name"], row["jobs"] > 0) for row in listed(inventory, database)] == [
        ("sample", True), ("sample-old", False),
    ]  # fmt: skip


def test_retire_waits_for_an_export(store: Store, inventory: Command, database: str) -> None:
    with source_lock(store, "sample", 0, Stop()):
        ran(inventory, database, "sources", "retire", "sample", "--yes", code=75)
        ran(inventory, database, "sources", "retire", "sample", "--yes", "--lock-timeout", "1", code=75)
    assert rows(store, SOURCES)[0]["retired_at"] is None
    ran(inventory, database, "sources", "retire", "sample", "--yes", "--lock-timeout", "1")
    if store.path is not None:
        assert [each.name for each in store.path.parent.iterdir()] == ["inventory.db"]


def test_a_project_has_one_name(store: Store) -> None:
    old = {
        "name": "old",
        "region": "cn-north-4",
        "project_id": "p",
        "created_at": rows(store, SOURCES)[0]["created_at"],
    }
    with store.engine.begin() as connection:
        connection.execute(insert(SOURCES).values(**old))
    with pytest.raises(StoreError, match="inventory sources rename old new"):
        write(store, SourceRow("new", "cn-north-4", "p"))
    for region, project in (("cn-north-1", "p"), ("cn-north-4", "q"), ("cn-north-4", None), (None, "p"), (None, None)):
        write(store, SourceRow("new", region, project))
    write(store, SourceRow("old", "cn-north-4", "p"))
    with store.engine.begin() as connection:
        connection.execute(text("UPDATE sources SET retired_at = created_at WHERE name = 'old'"))
    write(store, SourceRow("new", "cn-north-4", "p"))
    with pytest.raises(StoreError, match="was retired at"):
        write(store, SourceRow("old", "cn-north-4", "p"))


def write(store: Store, source: SourceRow) -> None:
    with open_writer(store, source):
        pass


def exported(store: Store, source: SourceRow) -> int:
    """Write an empty snapshot of a source, as a run does that finishes; return the source's id."""
    counts = ("requested", "returned", "absent", "unreadable", "deselected", "jobs", "added", "changed", "removed")
    row: dict[str, Any] = dict.fromkeys((*counts, "requests", "retries"), 0)
    with open_writer(store, source) as writer:
        writer.staging.compare()
        row |= {"started_at": datetime.now(UTC), "status": "complete", "run_id": "run"}
        return int(writer.commit(row, content_digest([]))["source_id"])


def test_ids_follow_the_configuration_whoever_finishes_first(database: str) -> None:
    with open_store(normal_url(database), write=True) as store:
        ids = reserve_ids(store, ["north", "south", "east"])
        assert list(ids) == ["north", "south", "east"] == sorted(ids, key=lambda name: ids[name])
        assert rows(store, SOURCES) == []  # one that fails has no row
        for name in ("east", "north"):  # south fails
            assert exported(store, SourceRow(name, None, None, ids[name])) == ids[name]
        again = reserve_ids(store, ["north", "south", "west"])
        assert list(again) == ["south", "west"]
        assert again["west"] > again["south"] > ids["east"]
        assert reserve_ids(store, ["north", "south"]) == {}  # the only new one gets the next id
        later = exported(store, SourceRow("later", None, None))
        assert exported(store, SourceRow("west", None, None, later)) not in (later, *ids.values())


def test_ids_of_a_run_follow_the_configuration(inventory: Command, database: str, tmp_path: Path) -> None:
    names = ["zeta", "broken", "alpha", "mid"]
    for name in names:
        job = {"count": 1, "results": [{"id": "j", "name": name}]}
        write_page(tmp_path / name, 1, ["j"], "{" if name == "broken" else job)
    sources = [{"name": name, "replay": [name]} for name in names]
    (tmp_path / "c.yaml").write_text(json.dumps({"sources": sources, "parallel": 3}))
    words = ("--config", "c.yaml", "--database", database)
    assert inventory(*words, "export").returncode == 1
    with open_store(normal_url(database), write=False) as store:
        assert [row["name"] for row in rows(store, SOURCES)] == ["zeta", "alpha", "mid"]
        with store.reading() as connection:
            fresh = connection.execute(text("SELECT source FROM freshness ORDER BY source_id")).scalars().all()
    assert fresh == ["zeta", "alpha", "mid"]


@pytest.mark.parametrize("arguments", [("list",), ("rename", "a", "b"), ("retire", "a")])
def test_nothing_is_created(inventory: Command, tmp_path: Path, arguments: tuple[str, ...]) -> None:
    done = inventory("--database", "sqlite:///none.db", "sources", *arguments)
    assert (done.returncode, "the database none.db does not exist" in done.stderr) == (1, True)
    assert list(tmp_path.iterdir()) == []


def test_a_list_without_sources(inventory: Command, database: str) -> None:
    assert inventory("--database", database, "db", "upgrade").returncode == 0
    assert "no sources yet" in inventory("--database", database, "sources", "list").stdout
    assert [row["name"] for row in listed(inventory, database)] == ["sample"]  # the configuration's
