"""Recordings: what `--record` writes gives the same snapshots again, holds no secret, and says when it was cut off."""

import json
import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from inventory.mock import PLANTED, DrsServer, Fault, apply_scenarios
from tests.conftest import Command, started
from tests.live import Export, long_list
from tests.recordings import replay, unpacked, written

PASSWORD = {"username": "rehearsal", "password": "mock-password", "domain": "mock-domain"}
KEYS: dict[str, dict[str, Any]] = {
    "children": {"children": True},
    "tags": {"filter": {"tags": {"stage": "prod"}}},
    "status": {"filter": {"status": "INCRE_TRANSFER_STARTED", "name": "*mysql*"}},
}
CASES = [  # test_matrix.py has every scenario with all jobs
    *(("sub-tasks", keys) for keys in ("children", "tags", "status")),
    *(("duplicate", keys) for keys in ("children", "tags", "status")),
    ("deleted-meanwhile", "tags"),
    ("poison", "children"),
]


@pytest.fixture
def server() -> Iterator[DrsServer]:
    """More than a page of the list has of one kind."""
    with DrsServer(long_list(110, objects=1)) as running:
        running.share = 0.1
        yield running


@pytest.mark.parametrize(("name", "keys"), CASES)
def test_a_replay_gives_the_same_snapshots_of_what_was_chosen(
    server: DrsServer, export: Export, name: str, keys: str
) -> None:
    apply_scenarios(server, [name])
    patience: dict[str, Any] = {"retry_seconds": 2} if name == "poison" else {}  # of which none helps
    export.configured(jobs="all", **patience, **KEYS[keys])
    codes = set()
    for night in ("1", "2"):
        done = export.inventory(
            "--config", "c.yaml", "--database", "sqlite:///x.db", "export", "--record", night, TOKEN=server.token
        )
        codes.add(done.returncode)
        server.next_night()
    assert codes <= {0, 3}, done.stdout + done.stderr
    replay(export, "1/live", "2/live", code=max(codes))
    assert written(export.folder / "r.db") == written(export.folder / "x.db")
    for night in ("1", "2"):
        assert PLANTED.encode() not in unpacked(export.folder / night)


def test_fingerprints_come_back_too_and_no_secret_does(server: DrsServer, export: Export) -> None:
    export.configured(jobs="all")
    text = (export.folder / "c.yaml").read_text()
    (export.folder / "c.yaml").write_text(json.dumps({**json.loads(text), "secrets": "fingerprint"}))
    done = export.inventory(
        "--config", "c.yaml", "--database", "sqlite:///x.db", "export", "--record", "rec",
        TOKEN=server.token, INVENTORY_FINGERPRINT_KEY="k" * 32,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    pages = unpacked(export.folder / "rec")
    assert PLANTED.encode() not in pages
    assert server.token.encode() not in pages
    assert b"hmac:" in pages
    replay(export, "rec/live", secrets="fingerprint")
    assert written(export.folder / "r.db") == written(export.folder / "x.db")


def test_a_source_that_falls_silent_is_recorded_with_what_was_not_asked(server: DrsServer, export: Export) -> None:
    export("--record", "1", jobs="all")
    answered = sorted(server.jobs)[:20]
    server.faults.append(
        Fault("status", status=503, times=None, when=lambda r: bool(r.jobs) and r.jobs[0] > answered[-1])
    )
    export("--record", "2", jobs="all", retry_seconds=0, code=3)
    assert b"not requested: the last requests before it failed" in unpacked(export.folder / "2")
    replay(export, "1/live", "2/live", code=3)
    assert written(export.folder / "r.db") == written(export.folder / "x.db")


def test_several_sources_have_a_folder_each(server: DrsServer, export: Export, inventory: Command) -> None:
    export.configured()
    (live,) = json.loads((export.folder / "c.yaml").read_text())["sources"]
    ids = sorted(server.jobs)
    sources = [
        {**live, "name": "a", "jobs": ids[:15]}, {**live, "name": "b", "jobs": ids[15:20], "region": "cn-north-1"},
    ]  # fmt: skip
    (export.folder / "c.yaml").write_text(json.dumps({"sources": sources}))
    done = inventory("--config", "c.yaml", "export", "--record", "rec", TOKEN=server.token)
    assert done.returncode == 0, done.stderr
    assert sorted(folder.name for folder in (export.folder / "rec").iterdir()) == ["a", "b"]
    assert len(list((export.folder / "rec/a").glob("*.json.gz"))) == 2
    assert len(list((export.folder / "rec/b").glob("*.json.gz"))) == 1


@pytest.mark.parametrize("auth", [{"token": "${TOKEN}"}, PASSWORD], ids=["token", "password"])
def test_a_folder_that_is_not_empty_is_refused_before_anything_is_sent(
    server: DrsServer, export: Export, auth: dict[str, str]
) -> None:
    (export.folder / "rec/live").mkdir(parents=True)
    (export.folder / "rec/live/note.txt").write_text("mine")
    assert "rec/live is not empty" in export("--record", "rec", code=1, auth=auth).stderr
    assert server.requests == []
    assert [file.name for file in (export.folder / "rec/live").iterdir()] == ["note.txt"]


def test_a_recording_whose_writer_was_killed_is_refused(server: DrsServer, export: Export) -> None:
    server.latency = 0.05
    export.configured(concurrency=1)
    with started("--config", "c.yaml", "export", "--record", "rec", TOKEN=server.token) as process:
        until = time.monotonic() + 30
        while len(list((export.folder / "rec/live").glob("*.gz"))) < 3 and time.monotonic() < until:
            time.sleep(0.01)
        process.send_signal(signal.SIGKILL)
    done = replay(export, "rec/live", code=1)
    assert "was cut off: it has no end.json" in done.stderr
    assert "no snapshot" in export.inventory("--config", "r.yaml", "snapshots").stdout


def _first_page(folder: Path) -> Path:
    return min(folder.glob("*.json.gz"))


def _cut(file: Path) -> None:
    content = file.read_bytes()
    file.write_bytes(content[: len(content) // 2])


DAMAGE: dict[str, tuple[Callable[[Path], object], str]] = {
    "no end": (lambda folder: (folder / "end.json").unlink(), "was cut off"),
    "no beginning": (lambda folder: (folder / "recording.json").unlink(), "recording.json cannot be read"),
    "another format": (lambda f: (f / "recording.json").write_text('{"recording": "9.0"}'), "of format 1.0"),
    "a beginning that is a list": (lambda f: (f / "recording.json").write_text("[]"), "of format 1.0"),
    "an end that is cut": (lambda folder: _cut(folder / "end.json"), "end.json"),
    "an end that is a list": (lambda folder: (folder / "end.json").write_text("[]"), "is not the end of a recording"),
    "an end without members": (lambda folder: (folder / "end.json").write_text("{}"), "is not the end of a recording"),
    "an end of other types": (
        lambda folder: (folder / "end.json").write_text(
            '{"consistency": {}, "incomplete": 0, "requests": "many", "retries": 1e400, "left_out": [[]],'
            ' "unlisted": 3, "findings": [{}]}'
        ),
        "is not the end of a recording",
    ),
    "a page that is cut": (lambda folder: _cut(_first_page(folder)), "0000001.json.gz"),
    "a page that is not compressed": (lambda folder: _first_page(folder).write_text("{}"), "0000001.json.gz"),
    "no page": (lambda folder: list(map(Path.unlink, folder.glob("*.gz"))), "has no pages"),
    "one page less": (lambda folder: _first_page(folder).unlink(), "is incomplete"),
}


@pytest.mark.parametrize("case", DAMAGE)
def test_a_damaged_recording_says_so(export: Export, case: str) -> None:
    damage, said = DAMAGE[case]
    export("--record", "rec", jobs="all")
    damage(export.folder / "rec/live")
    done = replay(export, "rec/live", code=1)
    assert done.stderr.startswith("error: live: ")
    assert said in done.stderr
    assert "no snapshot" in export.inventory("--config", "r.yaml", "snapshots").stdout


def test_a_partial_night_replays_as_partial(server: DrsServer, export: Export) -> None:
    bad = sorted(server.jobs)[7]
    server.faults.append(Fault("poison", times=None, job_id=bad))
    export("--record", "rec", jobs="all", retry_seconds=1, code=3)
    replay(export, "rec/live", code=3)
    snapshots, rows = written(export.folder / "r.db")
    assert (snapshots, rows) == written(export.folder / "x.db")
    assert (snapshots[0]["status"], snapshots[0]["unreadable"]) == ("partial", 1)
