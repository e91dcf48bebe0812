"""No run is without an end: deadlines of a run and a source bound every wait, and long waits are logged."""

import contextlib
import json
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from inventory.cli.log_setup import set_up
from inventory.common.cancellation import Stop
from inventory.common.errors import BusyError, DeadlineError, StoppedError
from inventory.common.waits import Waits
from inventory.config.credentials import Token
from inventory.config.settings import Source
from inventory.config.values import seconds_of
from inventory.mock import DrsServer, Fault, RecordedRequest, make_estate
from inventory.normalise.redact import Redactor
from inventory.source.auth import AuthCache
from inventory.source.auth.session import sign_in
from inventory.source.live import LiveReading
from inventory.source.rate_limiter import RateLimiter
from inventory.store.engine import open_store
from inventory.store.lock import source_lock
from tests.conftest import here
from tests.live import Export, findings, last, shown


@pytest.fixture
def server() -> Iterator[DrsServer]:
    with DrsServer(make_estate(30, objects=0)) as running:
        yield running


@pytest.fixture
def export(server: DrsServer, tmp_path: Path) -> Export:
    return Export(server, tmp_path, here)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("90", 90), ("90s", 90), ("30m", 1800), ("6h", 21600), ("1.5h", 5400), ("0", None), ("0.5", None), ("", None),
        ("6 h", None), ("-1", None), ("1d", None), ("9" * 400, None), ("999999h", None), ("٣", None), ("1e3", None),
    ],
)  # fmt: skip
def test_durations(text: str, seconds: float | None) -> None:
    assert seconds_of(text) == seconds


def test_the_earlier_of_two_deadlines_counts() -> None:
    run = Stop().within(100, "the run")
    assert run.within(3600, "the source").left <= 100
    with pytest.raises(DeadlineError, match="the deadline of the source"):
        run.within(0.01, "the source").wait(5)
    with pytest.raises(DeadlineError, match="the deadline of the run"):
        Stop().within(0.01, "the run").within(50, "the source").wait(5)


def test_a_request_to_stop_reaches_every_deadline() -> None:
    stop = Stop()
    inner = stop.within(60, "the run").within(60, "the source")
    threading.Timer(0.1, stop.set).start()
    began = time.monotonic()
    with pytest.raises(StoppedError):
        inner.wait(50)
    assert time.monotonic() - began < 5


def slow_from(server: DrsServer, kind: str, seconds: float = 60) -> None:
    """Let all details after the first ten jobs come slowly."""
    first = sorted(server.jobs)[:10]
    server.faults.append(
        Fault(kind, times=None, seconds=seconds, when=lambda r: bool(r.jobs) and r.jobs[0] not in first)  # type: ignore[arg-type]
    )


@pytest.mark.parametrize("fault", ["503", "429", "slow"])
def test_what_is_left_at_a_source_s_deadline_is_not_requested(server: DrsServer, export: Export, fault: str) -> None:
    export(jobs="all")
    before = shown()
    if fault == "slow":
        slow_from(server, "slow")
    else:
        first = sorted(server.jobs)[:10]
        when = lambda r: bool(r.jobs) and r.jobs[0] not in first  # noqa: E731
        headers = {"Retry-After": "60"} if fault == "429" else {}
        server.faults.append(Fault("status", status=int(fault), headers=headers, times=None, when=when))
    began = time.monotonic()
    export(jobs="all", deadline="2s", timeout=30, code=3)
    assert time.monotonic() - began < 20
    row = last()
    assert (row["status"], row["unreadable"], row["jobs"], row["removed"]) == ("partial", 20, 30, 0)
    assert shown() == before
    assert len([job_id for kind, job_id in findings() if kind == "unreadable_job"]) == 20


def test_the_reason_is_kept(server: DrsServer, export: Export) -> None:
    slow_from(server, "slow")
    done = export("--require-complete", jobs=sorted(server.jobs), deadline="1s", concurrency=1, code=1)
    assert "not requested: the deadline of the source (1s) passed" in done.stderr


def test_a_list_that_is_not_read_by_the_deadline_fails_the_source(server: DrsServer, export: Export) -> None:
    server.faults.append(Fault("slow", times=None, seconds=60))
    began = time.monotonic()
    done = export(jobs="all", deadline="1s", timeout=30, code=1)
    assert time.monotonic() - began < 20
    said = f"error: live: cannot read the job list from {server.url}: the deadline of the source (1s) passed"
    assert said in done.stderr


def test_a_list_that_cannot_be_read_again_makes_it_partial(server: DrsServer, export: Export) -> None:
    export(jobs="all")
    lists = []

    def late(request: RecordedRequest) -> bool:
        lists.extend([] if request.jobs else [request])
        return not request.jobs and len(lists) > 3

    server.faults.append(Fault("slow", times=None, seconds=60, when=late))
    done = export(jobs="all", deadline="2s", timeout=30, code=3)
    row = last()
    assert (row["status"], row["consistency"], row["unreadable"], row["jobs"]) == ("partial", "torn", 0, 30)
    assert "the list was not read again: the deadline of the source (2s) passed" in done.stderr


@pytest.fixture
def fleet(tmp_path: Path) -> Iterator[dict[str, DrsServer]]:
    """Three services, and a configuration that reads them one after another."""
    with contextlib.ExitStack() as stack:
        servers = {
            name: stack.enter_context(DrsServer(make_estate(3, objects=0, seed=number), project_id=name * 32))
            for number, name in enumerate("abc")
        }
        sources = [
            Export(server, tmp_path, here).source(name=name, auth={"token": server.token}, timeout=30)
            for name, server in servers.items()
        ]
        (tmp_path / "c.yaml").write_text(json.dumps({"workers": 0, "parallel": 1, "sources": sources}))
        yield servers


def night(fleet: dict[str, DrsServer], *options: str, code: int = 0) -> tuple[list[str], str]:
    """Export; return the sources in the order in which they were asked, and what was told."""
    before = {name: len(server.requests) for name, server in fleet.items()}
    done = here("--config", "c.yaml", "--database", "sqlite:///x.db", "export", *options)
    assert done.returncode == code, done.stdout + done.stderr
    first = {
        name: server.requests[before[name]].time for name, server in fleet.items() if server.requests[before[name] :]
    }
    return sorted(first, key=lambda name: first[name]), done.stderr


def test_what_the_run_s_deadline_left_out_is_named_and_comes_first_the_next_night(fleet: dict[str, DrsServer]) -> None:
    assert night(fleet)[0] == ["a", "b", "c"]
    fleet["b"].faults.append(Fault("slow", times=None, seconds=60))
    began = time.monotonic()
    order, told = night(fleet, "--deadline", "3s", code=1)
    assert time.monotonic() - began < 20
    assert order == ["a", "b"]
    lines = [line for line in told.splitlines() if line.startswith("error: ")]
    assert lines[0].startswith("error: b: could not read any of 3 jobs; nothing was written")
    assert "not requested: the deadline of the run (3s) passed" in lines[0]
    assert lines[1].startswith(
        "error: c: left out: the deadline of the run (3s) passed before it began. It comes first"
    )
    assert " warning left out " in told  # in the log
    fleet["b"].faults.clear()
    assert night(fleet)[0] == ["b", "c", "a"]


def test_a_plan_has_the_run_s_deadline(fleet: dict[str, DrsServer], tmp_path: Path) -> None:
    document = json.loads((tmp_path / "c.yaml").read_text())
    (tmp_path / "c.yaml").write_text(json.dumps({**document, "deadline": 1}))
    fleet["a"].faults.append(Fault("slow", times=None, seconds=60))
    began = time.monotonic()
    done = here("--config", "c.yaml", "--database", "sqlite:///x.db", "plan")
    assert time.monotonic() - began < 20
    assert done.returncode == 1
    assert "b: left out: the deadline of the run (1s) passed" in done.stderr


def test_the_lock_is_waited_for_until_the_deadline(tmp_path: Path) -> None:
    set_up("json", 30)
    url = f"sqlite:///{tmp_path}/x.db"
    with open_store(url, write=True, create=True) as store, source_lock(store, "live", 0, Stop()):
        began = time.monotonic()
        with pytest.raises(BusyError), source_lock(store, "live", 60, Stop().within(0.3, "the source")):
            pass
        assert time.monotonic() - began < 5


def told(stderr: str) -> list[dict[str, Any]]:
    return [event for event in map(json.loads, stderr.splitlines()) if event["event"] == "waiting"]


def test_long_waits_are_logged_at_a_growing_interval(capsys: pytest.CaptureFixture[str]) -> None:
    set_up("json", 30)
    waits = Waits(first=0.2)
    about: dict[str, Any] = {"host": "h", "call": "detail"}
    four, one = (
        waits.register("an answer", ids=["j1", "j2", "j3", "j4"], **about),
        waits.register("an answer", ids=["j5"], **about),
    )
    with waits.log_long_waits(), four, one:
        time.sleep(1.6)
    found = told(capsys.readouterr().err)
    assert 1 <= len(found) <= 3  # after 0.2, 0.8 and 2.6 seconds, not every 0.2
    first = found[0]
    assert (first["what"], first["host"], first["call"]) == ("an answer", "h", "detail")
    assert (first["ids"], first["jobs"], first["requests"]) == (["j1", "j2", "j3"], 5, 2)


def test_a_short_wait_is_not_logged(capsys: pytest.CaptureFixture[str]) -> None:
    set_up("json", 30)
    waits = Waits(first=5)
    with waits.register("an answer"):
        waits.report()
    waits.report()
    assert told(capsys.readouterr().err) == []


def test_every_wait_of_an_export_is_noted(
    server: DrsServer, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    """An answer that drips, the rate limit, a pause before a retry, and the lock."""
    set_up("json", 30)
    waits = Waits(first=0.2)
    stop = Stop(waits)
    with waits.log_long_waits():
        rate_limiter = RateLimiter(1, stop)
        rate_limiter.wait(host="h", call="detail", ids=["j1"])
        rate_limiter.wait(host="h", call="detail", ids=["j1"])
        stop.wait(0.5, "the next attempt", host="h")
        url = f"sqlite:///{tmp_path}/x.db"
        with open_store(url, write=True, create=True) as store, source_lock(store, "live", 0, stop):
            second = source_lock(store, "live", 0.5, stop)
            with contextlib.suppress(BusyError), second:
                pass
        source = Source(
            "live",
            "cn-north-4",
            server.project_id,
            endpoint=server.url,
            jobs=(min(server.jobs),),
            credentials=Token(server.token),
            retry_seconds=0,
        )
        server.faults.append(Fault("drip_head", seconds=1))
        session = sign_in(source, stop, AuthCache(stop))
        with contextlib.closing(session.http):
            list(LiveReading(source, session, Redactor(), stop).outcomes(set()))
    found = {event["what"]: event for event in told(capsys.readouterr().err)}
    assert found.keys() >= {"an answer", "the rate limit", "the next attempt", "the lock"}
    assert found["an answer"]["ids"] == [min(server.jobs)]
    assert found["the lock"]["lock"] == "live"
