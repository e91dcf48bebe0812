"""One run as cron and its watchers meet it: shards, metrics, ping, log, and a key that is wrong."""

import json
from pathlib import Path
from typing import Any

import pytest
from prometheus_client.parser import text_string_to_metric_families

from inventory.mock import PLANTED, DrsServer, Fault, make_estate
from tests.conftest import Command, write_page
from tests.live import Export
from tests.web import Reply, Web


def several(folder: Path, count: int, **top: Any) -> None:
    """Configure so many sources, each a recording of its own."""
    names = [f"source-{number}" for number in range(count)]
    for name in names:
        write_page(folder / name, 1, ["j"], {"count": 1, "results": [{"id": "j", "name": name}]})
    document = {"sources": [{"name": name, "replay": [name]} for name in names], **top}
    (folder / "c.yaml").write_text(json.dumps(document))


def exported(inventory: Command) -> set[str]:
    rows = json.loads(inventory("sources", "list", "--json").stdout)["sources"]
    return {row["name"] for row in rows}


def test_shards_share_the_sources(inventory: Command, tmp_path: Path) -> None:
    several(tmp_path, 5)
    assert inventory("--config", "c.yaml", "export", "--shard", "1/2").returncode == 0
    assert exported(inventory) == {"source-0", "source-2", "source-4"}
    done = inventory("--config", "c.yaml", "export", "--shard", "auto/2", JOB_COMPLETION_INDEX="1")
    assert (done.returncode, exported(inventory)) == (0, {f"source-{number}" for number in range(5)})
    assert inventory("--config", "c.yaml", "export", "--shard", "3/2").returncode == 64
    assert inventory("--config", "c.yaml", "export", "--shard", "auto/2").returncode == 64


def metrics(path: Path) -> dict[tuple[str, str], float]:
    families = text_string_to_metric_families(path.read_text())
    return {
        (sample.name, sample.labels.get("source", "")): sample.value for each in families for sample in each.samples
    }


def test_one_source_that_fails_leaves_the_others_whole(inventory: Command, tmp_path: Path) -> None:
    several(tmp_path, 3)
    (tmp_path / "source-1" / "0001.json").write_text("{")
    done = inventory("--config", "c.yaml", "export", "--metrics-file", "m.prom")
    assert done.returncode == 1
    assert "error: source-1: " in done.stderr
    assert exported(inventory) == {"source-0", "source-2"}
    told = metrics(tmp_path / "m.prom")
    assert [told["inventory_export_success", f"source-{number}"] for number in range(3)] == [1, 0, 1]
    assert told["inventory_last_success_timestamp_seconds", "source-0"] > 0
    assert told["inventory_last_success_timestamp_seconds", "source-1"] == 0


def test_the_watcher_is_told_how_it_ended(inventory: Command, tmp_path: Path) -> None:
    with Web(lambda _: Reply()) as web:
        several(tmp_path, 1, ping={"success": f"{web.url}/up?key=s3cret", "failure": f"{web.url}/down"})
        assert inventory("--config", "c.yaml", "export").returncode == 0
        assert [request.path for request in web.sent] == ["/up?key=s3cret"]
        (tmp_path / "source-0" / "0001.json").write_text("{")
        done = inventory("--config", "c.yaml", "-v", "export")
        assert [request.path for request in web.sent[1:]] == ["/down"]
        assert "s3cret" not in done.stdout + done.stderr


def test_the_log_has_an_event_a_line(server: DrsServer, export: Export, inventory: Command) -> None:
    server.faults.append(Fault("status", status=503, times=1))
    export.configured(jobs="all")
    done = inventory("--config", "c.yaml", "--log-format", "json", "-v", "export", TOKEN=server.token)
    assert done.returncode == 0, done.stderr
    events = [json.loads(line) for line in done.stderr.splitlines()]
    by_name = {event["event"]: event for event in events}
    assert {"started", "signing in", "answer", "retrying", "exported"} <= by_name.keys()
    assert len({event["run_id"] for event in events}) == 1
    assert all(event["source"] == "live" for event in events[:-1])
    assert events[-1]["event"] == "finished"
    told = by_name["retrying"]
    assert (told["attempt"], told["call"], told["why"]) == (1, "list", "HTTP 503 DRS.M00004")
    assert told["host"] in server.url
    assert 0 < told["pause"] <= 0.5
    assert by_name["answer"]["seconds"] >= 0
    assert by_name["exported"]["digest"] in done.stdout
    assert server.token not in done.stderr
    assert PLANTED not in done.stderr


@pytest.mark.parametrize("wrong", [True, False])
def test_a_wrong_key_is_tried_once(export: Export, tmp_path: Path, wrong: bool, inventory: Command) -> None:
    """Five wrong signatures lock a key: of four sources with one key, one signs, and the others leave it."""
    server = export.server
    server.jobs.update(make_estate(30))
    keys = {"access_key": server.access_key, "secret_key": "wr0ng-key" if wrong else server.secret_key}
    common = {"region": "cn-north-4", "endpoint": server.url, "auth": keys, "jobs": "all"}
    sources = [
        {"name": f"s{n}", "project_id": server.project_id if n == 0 else f"other{n}", **common} for n in range(4)
    ]
    (tmp_path / "c.yaml").write_text(json.dumps({"sources": sources}))
    done = inventory("--config", "c.yaml", "export")
    assert done.returncode == 1
    assert "wr0ng-key" not in done.stdout + done.stderr
    signed = [request for request in server.requests if "authorization" in request.headers]
    assert (len(signed) == 1) == wrong
