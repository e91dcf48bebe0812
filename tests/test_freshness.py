"""How fresh each source is: its last complete snapshot with that snapshot's own times, in the view and elsewhere."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import BigInteger, Text, insert, text

from inventory.config.load import normal_url
from inventory.schema.ledger import SNAPSHOTS, SOURCES
from inventory.store import migrate
from inventory.store.engine import Store, open_store
from inventory.store.reader import last_success
from tests.conftest import ran

NOW = datetime.now(UTC).replace(microsecond=0)
HOUR = timedelta(hours=1)


@pytest.fixture
def store(database: str) -> Iterator[Store]:
    with open_store(normal_url(database), write=True) as opened:
        migrate.upgrade(opened)
        yield opened


def add_source(store: Store, name: str, *, retired: bool = False) -> None:
    row = {"name": name, "created_at": NOW, "retired_at": NOW if retired else None}
    with store.writing() as connection:
        connection.execute(insert(SOURCES).values(**row))


def add_snapshot(store: Store, source: str, finished: datetime, *, observed: datetime | None, status: str) -> None:
    """Add a row of `snapshots` alone, with what the test is about."""
    nothing: dict[type, Any] = {Text: "", BigInteger: 0}
    values = {
        column.name: nothing[kind]
        for column in SNAPSHOTS.columns
        for kind in nothing
        if isinstance(column.type, kind) and not column.nullable and not column.primary_key
    }
    values |= {"started_at": finished, "finished_at": finished, "observed_to": observed, "status": status}
    with store.writing() as connection:
        source_id = connection.execute(text("SELECT id FROM sources WHERE name = :name"), {"name": source}).scalar()
        connection.execute(insert(SNAPSHOTS).values(**{**values, "source_id": source_id}))


def fresh(store: Store) -> dict[str, dict[str, Any]]:
    with store.reading() as connection:
        query = text("SELECT * FROM freshness").columns(
            finished_at=SNAPSHOTS.c.finished_at.type, observed_to=SNAPSHOTS.c.observed_to.type
        )
        return {row["source"]: dict(row) for row in connection.execute(query).mappings()}


def since_now() -> float:
    """Return the seconds since the tests were collected."""
    return (datetime.now(UTC) - NOW).total_seconds()


def nights(store: Store) -> None:
    """Two sources and an end: of one the last night but one was written by a clock that was a day ahead."""
    for name in ("ahead", "partial", "new"):
        add_source(store, name)
    add_source(store, "gone", retired=True)
    ahead = NOW + 24 * HOUR
    add_snapshot(store, "ahead", ahead, observed=ahead, status="complete")
    add_snapshot(store, "ahead", NOW - HOUR, observed=NOW - 2 * HOUR, status="complete")
    add_snapshot(store, "ahead", NOW, observed=NOW, status="partial")
    add_snapshot(store, "partial", NOW, observed=NOW, status="partial")
    add_snapshot(store, "gone", NOW, observed=None, status="complete")


def test_the_last_complete_snapshot_has_its_own_times(store: Store) -> None:
    nights(store)
    found = fresh(store)
    assert found.keys() == {"ahead", "partial", "new"}
    row = found["ahead"]
    assert (row["snapshot_id"], row["finished_at"], row["observed_to"]) == (2, NOW - HOUR, NOW - 2 * HOUR)
    assert 7200 <= row["age_seconds"] <= 7201 + since_now()
    for name in ("partial", "new"):
        empty = ("snapshot_id", "finished_at", "observed_to", "age_seconds")
        assert [found[name][column] for column in empty] == [None] * 4


def test_without_an_answer_the_age_counts_from_the_end(store: Store) -> None:
    add_source(store, "empty")
    add_snapshot(store, "empty", NOW - HOUR, observed=None, status="complete")
    assert 3600 <= fresh(store)["empty"]["age_seconds"] <= 3601 + since_now()


def test_the_metrics_mean_the_same_snapshot(store: Store) -> None:
    nights(store)
    assert last_success(store) == {"ahead": NOW - 2 * HOUR, "partial": None, "new": None, "gone": NOW}


def test_the_list_has_every_source(store: Store, database: str, tmp_path: Path) -> None:
    """One that was never written stands in the configuration alone."""
    nights(store)
    common = {"region": "cn-north-4", "jobs": ["j"]}
    document = {"sources": [{"name": name, "project_id": name, **common} for name in ("new", "unwritten")]}
    (tmp_path / "c.yaml").write_text(json.dumps(document))
    options = ("--config", "c.yaml", "--database", database, "sources", "list")
    rows = {row["name"]: row for row in json.loads(ran(*options, "--json"))["sources"]}
    assert list(rows) == ["ahead", "gone", "new", "partial", "unwritten"]
    assert len({tuple(row) for row in rows.values()}) == 1
    assert (rows["ahead"]["snapshot_id"], rows["ahead"]["status"]) == (3, "partial")
    assert {name for name, row in rows.items() if row["snapshot_id"] is None} == {"new", "unwritten"}
    assert (rows["unwritten"]["region"], rows["unwritten"]["created_at"]) == ("cn-north-4", None)
    lines = ran(*options).splitlines()
    assert [line.split()[0] for line in lines if "never exported" in line] == ["new", "unwritten"]
    assert len(ran(*options, "--source", "unwritten").splitlines()) == 2
    ran(*options, "--source", "nobody", code=64)
