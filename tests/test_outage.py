"""Transient faults and outages: what can be read is read, what cannot ends soon, and messages say what happened."""

import json
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from inventory.mock import DrsServer, Fault, RecordedRequest, make_estate
from tests.conftest import here
from tests.live import Export, last

ABNORMAL = {"error_code": "DRS.M00004", "error_msg": "Service exception."}


@pytest.fixture
def server() -> Iterator[DrsServer]:
    with DrsServer(make_estate(120, objects=0)) as running:
        yield running


@pytest.fixture
def export(server: DrsServer, tmp_path: Path) -> Export:
    return Export(server, tmp_path, here)


def details(request: RecordedRequest) -> bool:
    return bool(request.jobs)


def events(stderr: str, name: str) -> list[dict[str, Any]]:
    found = [json.loads(line) for line in stderr.splitlines() if line.startswith("{")]
    return [event for event in found if event["event"] == name]


def away(server: DrsServer, seconds: float, after: int = 5) -> None:
    """Close the port in the middle of reading the details, for some seconds."""
    asked = threading.Event()

    def hook(request: RecordedRequest, document: Any) -> Any:
        if sum(bool(each.jobs) for each in server.requests) > after:
            asked.set()
        return document

    def run() -> None:
        asked.wait(30)
        server.stop()
        time.sleep(seconds)
        server.start()

    server.hooks.append(hook)
    threading.Thread(target=run, daemon=True).start()


@pytest.mark.parametrize("how", ["refused", "503", "500", "429"])
def test_an_outage_in_the_middle_leaves_no_job_unread(server: DrsServer, export: Export, how: str) -> None:
    if how == "refused":
        away(server, 3)
    else:
        began: list[float] = []

        def strikes(request: RecordedRequest) -> bool:
            if sum(bool(each.jobs) for each in server.requests) > 5:
                began.append(request.time)
            return bool(began) and request.time - began[0] < 3

        server.faults.append(Fault("status", status=int(how), times=None, when=strikes))
    export(jobs="all", retry_seconds=60)
    row = last()
    assert (row["status"], row["unreadable"], row["jobs"]) == ("complete", 0, 120)
    alone = [request for request in server.requests if len(request.jobs) == 1]
    assert len(alone) < 60  # the outage is waited for; the batches are not taken apart


def test_what_fails_often_is_read_in_the_last_round(server: DrsServer, export: Export) -> None:
    """A job that fails for a while does not hold up the others, and is requested again at the end."""
    bad, began = min(server.jobs), time.monotonic()
    server.faults.append(
        Fault("status", times=None, when=lambda request: bad in request.jobs and request.time - began < 8)
    )
    done = export("--require-complete", jobs="all", retry_seconds=60)
    assert last()["unreadable"] == 0
    moment = max(request.time for request in server.requests if bad not in request.jobs and request.jobs)
    late = [request.jobs for request in server.requests if request.time > moment and request.jobs]
    assert late
    assert all(jobs == [bad] for jobs in late)
    assert "last round" in done.stderr
    assert bad in done.stderr


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (500, ABNORMAL), (422, ABNORMAL), (422, {"error_code": "DRS.M01501"}),
        (520, "<html>"), (200, {"count": 1, "results": [{"id": "?", **ABNORMAL}]}),
        (400, {"count": 1, "results": [{"id": "?", **ABNORMAL}]}),
    ],
)  # fmt: skip
def test_a_transient_fault_is_retried_under_whichever_status(
    server: DrsServer, export: Export, status: int, body: Any
) -> None:
    job = min(server.jobs)
    if isinstance(body, dict) and "results" in body:
        body["results"][0]["id"] = job
    server.faults.append(Fault("body", times=3, status=status, body=body, when=details))
    export(jobs=[job], retry_seconds=30)
    assert (last()["unreadable"], last()["retries"]) == (0, 2)


def test_a_permanent_fault_of_one_job_ends_soon_and_costs_it_alone(server: DrsServer, export: Export) -> None:
    bad = min(server.jobs)
    server.faults.append(Fault("poison", times=None, job_id=bad))
    began = time.monotonic()
    export(jobs="all", retry_seconds=3, code=3)
    assert time.monotonic() - began < 40
    assert last()["unreadable"] == 1
    together = [tuple(request.jobs) for request in server.requests if len(request.jobs) > 1 and bad in request.jobs]
    assert all(together.count(batch) <= 3 for batch in together)
    assert sum(request.jobs == [bad] for request in server.requests) <= 6


def test_what_is_forbidden_is_not_requested_again(server: DrsServer, export: Export) -> None:
    bad = min(server.jobs)
    body = {"error_code": "DRS.M00102", "error_msg": "no permission"}
    server.faults.append(Fault("status", status=403, body=body, times=None, when=lambda r: bad in r.jobs))
    export(jobs="all", retry_seconds=60, code=3)
    assert sum(request.jobs == [bad] for request in server.requests) == 1


@pytest.mark.parametrize(
    ("status", "body", "said", "advice"),
    [
        (429, None, "HTTP 429 APIGW.0308 (retried for 2 s)", "Check the endpoint"),
        (503, "<html>", "HTTP 503 with a body that is not JSON (retried for 2 s)", "run `inventory doctor`"),
        (403, {"error_code": "DRS.M00102"}, "HTTP 403 DRS.M00102", "Check the permissions of the user"),
    ],
)  # fmt: skip
def test_a_list_that_cannot_be_read_costs_retry_seconds_once(
    server: DrsServer, export: Export, status: int, body: Any, said: str, advice: str
) -> None:
    """Not once for each scenario, and each of its sweeps."""
    server.faults.append(Fault("status", status=status, body=body, times=None))
    began = time.monotonic()
    done = export(jobs="all", retry_seconds=2, code=1)
    assert time.monotonic() - began < 30
    (line,) = [line for line in done.stderr.splitlines() if line.startswith("error: ")]
    assert line.startswith(f"error: live: cannot read the job list from {server.url}: {said}")
    assert advice in line
    assert line.count("live: ") == 1


@pytest.mark.parametrize("jobs", ["all", None])
def test_an_address_where_nobody_is(server: DrsServer, export: Export, jobs: str | None) -> None:
    server.stop()
    began = time.monotonic()
    done = export(jobs=jobs or sorted(server.jobs), retry_seconds=2, code=1)
    assert 2 <= time.monotonic() - began < 30
    what = "the job list" if jobs else "any job"
    line = done.stderr.splitlines()[-1]
    assert line.startswith(f"error: live: cannot read {what} from {server.url}: connection refused")
    assert "(retried for 2 s). Check the endpoint, the network and its proxies; run `inventory doctor`" in line


@pytest.mark.parametrize("how", ["refused", "503", "429"])
def test_an_outage_for_good_costs_retry_seconds_once(server: DrsServer, export: Export, how: str) -> None:
    def gone(request: RecordedRequest) -> bool:
        return sum(bool(each.jobs) for each in server.requests) > 5

    if how == "refused":
        away(server, 60)
    else:
        server.faults.append(Fault("status", status=int(how), times=None, when=gone))
    began = time.monotonic()
    done = export(jobs=sorted(server.jobs), retry_seconds=3, concurrency=2, code=3)
    assert time.monotonic() - began < 60
    unread = last()["unreadable"]
    assert 0 < unread < 120
    # A last round would be in vain. It is made where the outage came so late that fewer than five batches failed.
    assert "last round" not in done.stderr or unread <= 40


@pytest.mark.parametrize("status", [404, 410])
def test_an_api_that_was_withdrawn_is_named_as_a_cause(server: DrsServer, export: Export, status: int) -> None:
    body = {"error_code": "APIGW.0101", "error_msg": "The API does not exist"}
    server.faults.append(Fault("status", status=status, body=body, times=None))
    told = export(jobs="all", code=1).stderr
    assert (
        f"error: live: {server.url} answered HTTP {status} APIGW.0101. Check region, endpoint and project_id." in told
    )
    assert "the vendor may have withdrawn this API (v3)" in told


def test_one_scenario_that_fails_does_not_take_the_others_along(server: DrsServer, export: Export) -> None:
    server.faults.append(Fault("status", times=None, when=lambda r: r.document.get("db_use_type") == "sync"))
    done = export(jobs="all", retry_seconds=1, code=3)
    row = last()
    kept = [job for job in server.jobs.values() if job["db_use_type"] != "sync"]
    assert (row["consistency"], row["jobs"]) == ("torn", len(kept))
    assert "sync is incomplete" in done.stderr


def test_a_retry_names_host_ids_pause_and_reason(server: DrsServer, export: Export) -> None:
    server.faults += [Fault("status", status=503, body=ABNORMAL, when=details), Fault("reset", when=details)]
    export.configured(jobs=sorted(server.jobs)[:10])
    done = here("--config", "c.yaml", "--log-format", "json", "export", TOKEN=server.token)
    first, second = events(done.stderr, "retrying")
    assert (first["attempt"], first["why"], second["why"]) == (1, "HTTP 503 DRS.M00004", "connection closed")
    assert (first["call"], first["ids"], first["jobs"]) == ("detail", sorted(server.jobs)[:3], 10)
    assert first["host"] == server.url.removeprefix("http://")
    assert 0.25 <= first["pause"] <= 0.5
