"""The metrics file, read back with the client's own parser."""

import os
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from prometheus_client.parser import text_string_to_metric_families

from inventory.common.errors import InventoryError, UsageError
from inventory.export import metrics
from inventory.export.outcome import OpenResults, SourceOutcome
from inventory.schema.ledger import SNAPSHOTS

NOW = datetime(2026, 11, 1, 1, 2, 3, 456789, UTC)
HOSTILE = 'a"b\\c\nd}e{f,g="h" # \x1b[31m \r\u2028\ud800 é \\n'
Found = dict[tuple[str, frozenset[tuple[str, str]]], float]


def snapshot(**values: Any) -> dict[str, Any]:
    numbered = {column.name: number for number, column in enumerate(SNAPSHOTS.columns, 10)}
    return {**numbered, "digest": "d1", "content_digest": "c1", **values}


def outcome(source: str = "north", code: int = 0, **values: Any) -> SourceOutcome:
    return SourceOutcome(source, code, **{"snapshot": snapshot(), "seconds": 1.5, **values})


def write(
    path: Path,
    outcomes: list[SourceOutcome],
    last_success: Mapping[str, datetime | None],
    version: str,
    code: int = 0,
    *,
    with_checks: bool = False,
) -> None:
    checks = [OpenResults("north", "DRS-001", "high", 2, NOW - timedelta(hours=1))]
    metrics.write(path, outcomes, last_success, version, code, NOW, checks if with_checks else [])


def read(path: Path) -> Found:
    return {
        (sample.name.removeprefix("inventory_"), frozenset(sample.labels.items())): sample.value
        for family in text_string_to_metric_families(path.read_bytes().decode())
        for sample in family.samples
    }


def of(found: Found, source: str) -> dict[str, float]:
    """Return a source's values as ``name`` or ``name value-of-a-label …``."""
    return {
        " ".join([name, *(value for label, value in sorted(labels) if label != "source")]): number
        for (name, labels), number in found.items()
        if ("source", source) in labels
    }


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "inventory.prom"


def test_everything_is_told(path: Path) -> None:
    row = snapshot(
        id=7, jobs=1, unreadable=2, requests=3, retries=4, added=5, changed=6, removed=7, deselected=8,
        digest="dd", content_digest="cc",
    )  # fmt: skip
    done = outcome(snapshot=row, throttles=9, findings={"unknown_field": 10, "wrong_type": 11})
    write(path, [done], {"north": NOW}, "1.2.3")
    found = read(path)
    assert of(found, "north") == {
        "export_success": 1,
        "export_exit_code": 0,
        "export_duration_seconds": 1.5,
        "last_success_timestamp_seconds": NOW.timestamp(),
        "jobs": 1,
        "unreadable_jobs": 2,
        "requests": 3,
        "retries": 4,
        "changes added": 5,
        "changes changed": 6,
        "changes removed": 7,
        "changes deselected": 8,
        "throttles": 9,
        "findings unknown_field": 10,
        "findings wrong_type": 11,
        "snapshot_info cc dd 7": 1,
    }
    assert found["build_info", frozenset({("version", "1.2.3")})] == 1


def test_every_gauge_is_explained(path: Path) -> None:
    write(path, [outcome(findings={"x": 1})], {"north": NOW}, "1", with_checks=True)
    families = list(text_string_to_metric_families(path.read_text()))
    assert len(families) == 17
    for family in families:
        assert (family.type, bool(family.documentation)) == ("gauge", True)
        assert family.samples


def test_what_a_check_found_stays_until_the_next_one(path: Path) -> None:
    write(path, [outcome()], {}, "1", with_checks=True)
    write(path, [outcome()], {}, "1")
    found = of(read(path), "north")
    assert (found["check_open DRS-001 high"], found["check_oldest_seconds"]) == (2, 3600)


@pytest.mark.parametrize(("code", "success"), [(0, 1), (1, 0), (3, 0), (75, 0)])
def test_success_is_exit_code_0(code: int, success: int, path: Path) -> None:
    write(path, [outcome(code=code)], {}, "1")
    found = of(read(path), "north")
    assert (found["export_success"], found["export_exit_code"]) == (success, code)


def test_a_failure_keeps_what_is_known_of_the_last_snapshot(path: Path) -> None:
    write(path, [outcome(findings={"x": 1})], {"north": NOW}, "1")
    before = of(read(path), "north")
    failed = outcome(code=1, snapshot=None, seconds=9, throttles=4)
    write(path, [failed], {}, "1")
    told = {"export_success": 0, "export_exit_code": 1, "export_duration_seconds": 9, "throttles": 4}
    assert of(read(path), "north") == {**before, **told}
    later = NOW + timedelta(hours=1)
    write(path, [failed], {"north": later}, "1")
    assert of(read(path), "north")["last_success_timestamp_seconds"] == later.timestamp()


def test_a_first_failure_invents_nothing(path: Path) -> None:
    write(path, [outcome(code=1, snapshot=None)], {}, "1")
    assert set(of(read(path), "north")) == {
        "export_success", "export_exit_code", "export_duration_seconds", "throttles",
        "last_success_timestamp_seconds",
    }  # fmt: skip


@pytest.mark.parametrize("told", [{}, {"north": None}], ids=["the database did not say", "it has none"])
def test_a_source_that_never_succeeded_has_a_time_that_alerts(path: Path, told: dict[str, datetime | None]) -> None:
    write(path, [outcome(code=1, snapshot=None)], told, "1")
    assert of(read(path), "north")["last_success_timestamp_seconds"] == 0
    write(path, [outcome()], {"north": NOW}, "1")
    write(path, [outcome(code=1, snapshot=None)], {}, "1")  # what is known is kept
    assert of(read(path), "north")["last_success_timestamp_seconds"] == NOW.timestamp()
    write(path, [outcome(code=1, snapshot=None)], {"north": None}, "1")  # another database
    assert of(read(path), "north")["last_success_timestamp_seconds"] == 0


def test_a_snapshot_of_a_run_that_was_stopped_is_a_success(path: Path) -> None:
    done = snapshot(status="complete", observed_to=NOW, finished_at=NOW + timedelta(hours=1))
    partial = snapshot(status="partial", observed_to=NOW, finished_at=NOW)
    write(path, [outcome(snapshot=done), outcome("south", 3, snapshot=partial)], {}, "1", code=1)
    found = read(path)
    assert of(found, "north")["last_success_timestamp_seconds"] == NOW.timestamp()
    assert of(found, "south")["last_success_timestamp_seconds"] == 0


def test_the_run_has_its_own_lines(path: Path) -> None:
    write(path, [], {}, "1", code=64)
    found = read(path)
    assert found["last_run_exit_code", frozenset()] == 64
    assert found["last_run_timestamp_seconds", frozenset()] == NOW.timestamp()
    write(path, [outcome()], {}, "1")
    assert read(path)["last_run_exit_code", frozenset()] == 0


def test_what_a_new_snapshot_no_longer_finds_goes(path: Path) -> None:
    write(path, [outcome(findings={"x": 1, "y": 2})], {}, "1")
    write(path, [outcome(snapshot=snapshot(id=8), findings={"y": 3})], {}, "1")
    found = of(read(path), "north")
    assert {name for name in found if name.startswith(("findings", "snapshot_info"))} == {
        "findings y", "snapshot_info c1 d1 8",
    }  # fmt: skip


def test_another_shard_s_sources_stay(path: Path) -> None:
    write(path, [outcome("north", findings={HOSTILE: 2})], {"north": NOW}, "1")
    before = of(read(path), "north")
    write(path, [outcome("south"), outcome("east", 1, snapshot=None)], {"north": NOW, "south": NOW}, "2")
    found = read(path)
    assert of(found, "north") == before
    assert of(found, "south")["export_success"] == 1
    assert of(found, "east")["export_success"] == 0
    assert [labels for name, labels in found if name == "build_info"] == [{("version", "2")}]


def test_hostile_names_break_no_line_and_are_found_again(path: Path) -> None:
    write(path, [outcome(HOSTILE, findings={HOSTILE: 2})], {HOSTILE: NOW}, "1")
    before = read(path)
    (name,) = {value for _, labels in before for label, value in labels if label == "source"}
    assert name == 'a"b\\c\\u000ad}e{f,g="h" # \\u001b[31m \\u000d\\u2028\\ud800 é \\n'
    assert of(before, name)[f"findings {name}"] == 2
    write(path, [outcome(HOSTILE, 1, snapshot=None)], {}, "1")
    assert read(path).keys() == before.keys()
    assert all(line.startswith(("#", "inventory_")) for line in path.read_text().splitlines())


def test_the_same_run_writes_the_same_bytes(path: Path) -> None:
    done = [outcome("south", findings={"b": 1, "a": 2}), outcome("north")]
    write(path, done, {}, "1")
    before = path.read_bytes()
    write(path, done[::-1], {}, "1")
    assert path.read_bytes() == before


def test_the_file_is_replaced_not_rewritten(path: Path) -> None:
    write(path, [outcome()], {}, "1")
    with path.open() as reader:
        write(path, [outcome("south")], {}, "1")
        assert "south" not in reader.read()
    assert [each.name for each in path.parent.iterdir()] == [path.name]


def test_lines_of_an_older_version_go_where_they_mean_nothing_now(path: Path) -> None:
    path.write_text(
        '# TYPE inventory_jobs gauge\ninventory_jobs{project="p"} 1\ninventory_jobs{source="old"} 2\n'
        '# TYPE inventory_gone gauge\ninventory_gone{source="old"} 3\n'
    )
    write(path, [outcome()], {}, "1")
    found = read(path)
    assert of(found, "old") == {"jobs": 2}
    assert not [name for name, labels in found if name == "gone" or ("project", "p") in labels]


@pytest.mark.parametrize(
    "content",
    [b"sources:\n  - name: n\n", b"# TYPE node_load1 gauge\nnode_load1 1\n", b"\xff\xfe", b'inventory_jobs{source="n'],
    ids=["a configuration", "another program's", "no text", "half a file"],
)  # fmt: skip
def test_somebody_else_s_file_is_left(content: bytes, path: Path) -> None:
    path.write_bytes(content)
    with pytest.raises(InventoryError, match="was not written by inventory") as caught:
        write(path, [outcome()], {}, "1")
    assert str(path) in str(caught.value)
    with pytest.raises(UsageError, match="was not written by inventory"):  # before the night
        metrics.check(path)
    assert path.read_bytes() == content


def test_a_folder_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(InventoryError, match=r"missing/x.prom cannot be written: No such file") as caught:
        write(tmp_path / "missing" / "x.prom", [outcome()], {}, "1")
    assert caught.value.exit_code == 1


def test_a_folder_in_its_place_is_named(tmp_path: Path) -> None:
    with pytest.raises(InventoryError, match=r"cannot be written: Is a directory"):
        write(tmp_path, [outcome()], {}, "1")


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_folder_that_may_not_be_written_is_named(path: Path) -> None:
    path.parent.chmod(0o500)
    try:
        with pytest.raises(InventoryError, match="cannot be written: Permission denied"):
            write(path, [outcome()], {}, "1")
    finally:
        path.parent.chmod(0o700)
