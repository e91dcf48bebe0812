"""The rate limiter: as many requests as are allowed, fewer when throttled, none while the service rests."""

import json
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from inventory.common.cancellation import Stop
from inventory.common.errors import StoppedError
from inventory.mock import DrsServer, Fault, make_estate
from inventory.source.rate_limiter import RECOVERY, SLOWEST, RateLimiter
from tests.conftest import Command
from tests.live import Export, last
from tests.web import Reply, Sent, Web


def moments(rate_limiter: RateLimiter, threads: int, each: int) -> list[float]:
    def work() -> list[float]:
        found = []
        for _ in range(each):
            rate_limiter.wait()
            found.append(time.monotonic())
        return found

    with ThreadPoolExecutor(threads) as pool:
        return sorted(at for future in [pool.submit(work) for _ in range(threads)] for at in future.result())


def test_turns_are_evenly_spaced_over_all_threads() -> None:
    began = time.monotonic()
    found = moments(RateLimiter(100, Stop()), threads=5, each=8)
    assert all(at - began >= number / 100 for number, at in enumerate(found))


def test_a_throttle_halves_the_rate_and_answers_bring_it_back() -> None:
    rate_limiter = RateLimiter(80, Stop())
    rate_limiter.throttled(time.monotonic(), 0)
    assert rate_limiter.per_second == 40
    for _ in range(RECOVERY // 2):
        rate_limiter.answered()
    assert rate_limiter.per_second == pytest.approx(80)
    rate_limiter.answered()
    assert rate_limiter.per_second == 80


def test_throttles_of_requests_under_way_together_count_as_one() -> None:
    rate_limiter = RateLimiter(80, Stop())
    sent = time.monotonic()
    for _ in range(8):
        rate_limiter.throttled(sent, 0)
    assert rate_limiter.per_second == 40
    rate_limiter.throttled(time.monotonic(), 0)
    assert rate_limiter.per_second == 20


@pytest.mark.parametrize(("most", "least"), [(80, SLOWEST), (0.01, 0.01)])
def test_the_rate_never_falls_to_nothing(most: float, least: float) -> None:
    rate_limiter = RateLimiter(most, Stop())
    for _ in range(30):
        rate_limiter.throttled(time.monotonic(), 0)
    assert rate_limiter.per_second == least


def test_a_pause_holds_every_thread() -> None:
    rate_limiter = RateLimiter(1000, Stop())
    rate_limiter.wait()
    began = time.monotonic()
    rate_limiter.throttled(began, 0.3)
    assert min(moments(rate_limiter, threads=6, each=1)) - began >= 0.3


def test_a_pause_holds_those_too_who_wait_already() -> None:
    rate_limiter = RateLimiter(5, Stop())
    rate_limiter.wait()
    began = time.monotonic()
    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(moments, rate_limiter, 1, 1)
        time.sleep(0.05)
        rate_limiter.throttled(time.monotonic(), 0.5)
        assert waiting.result()[0] - began >= 0.5


def test_stop_ends_every_wait() -> None:
    stop = Stop()
    rate_limiter = RateLimiter(0.01, stop)
    rate_limiter.wait()
    threading.Timer(0.1, stop.set).start()
    began = time.monotonic()
    with ThreadPoolExecutor(3) as pool:
        for future in [pool.submit(rate_limiter.wait) for _ in range(3)]:
            with pytest.raises(StoppedError):
                future.result()
    assert time.monotonic() - began < 2


@pytest.mark.parametrize("rate", [20, 60])
def test_the_service_never_sees_more_than_the_limit(tmp_path: Path, inventory: Command, rate: int) -> None:
    with DrsServer(make_estate(300, objects=0)) as server:
        Export(server, tmp_path, inventory)(jobs="all", requests_per_second=rate, concurrency=8)
        times = sorted(request.time for request in server.requests)
    assert len(times) > 30
    late = 0.25  # how much later than the others the first may have come
    assert all(at - times[0] >= number / rate - late for number, at in enumerate(times))


@pytest.mark.parametrize(("sources", "concurrency"), [(1, 1), (1, 3), (3, 3)])
def test_the_service_has_as_many_under_way_as_are_allowed(
    tmp_path: Path, inventory: Command, sources: int, concurrency: int
) -> None:
    """Sources of one address do not wait for each other, nor does one send more than it may."""
    most = sources * concurrency

    def answer(sent: Sent) -> Reply:
        until = time.monotonic() + 3
        while len(web.sent) > sources and web.busiest < most and time.monotonic() < until:
            time.sleep(0.01)
        time.sleep(0.03)  # for one too many to come
        ids = json.loads(sent.body)["jobs"]
        results = [{"id": job_id, "name": job_id, "status": "X"} for job_id in ids]
        return Reply(pieces=(json.dumps({"count": len(ids), "results": results}).encode(),))

    with Web(answer) as web:
        entries = [
            {
                "name": f"source-{number}", "endpoint": web.url, "project_id": f"p{number}", "auth": {"token": "t"},
                "jobs": [f"job-{job}" for job in range(200)], "requests_per_second": 1000, "concurrency": concurrency,
            }
            for number in range(sources)
        ]  # fmt: skip
        (tmp_path / "c.yaml").write_text(json.dumps({"parallel": sources, "sources": entries}))
        done = inventory("--config", "c.yaml", "export")
    assert done.returncode == 0, done.stderr
    assert len(web.sent) == sources * 20
    assert web.busiest == most


def test_retry_after_is_obeyed_by_all(server: DrsServer, export: Export) -> None:
    server.faults.append(Fault("status", status=429, headers={"Retry-After": "1"}, times=1))
    export(concurrency=4)
    first, *others = sorted(request.time for request in server.requests)
    late = [at for at in others if at - first > 0.5]  # the rest was under way already
    assert late
    assert min(late) - first >= 1.0 - 0.05
    assert last()["retries"] == 1


@pytest.mark.parametrize("text", ["999999999", "Fri, 31 Dec 9999 23:59:59 GMT"])
def test_a_pause_beyond_all_patience_holds_nobody_for_ever(server: DrsServer, export: Export, text: str) -> None:
    server.faults.append(Fault("status", status=429, headers={"Retry-After": text}, times=1))
    began = time.monotonic()
    done = export(retry_seconds=1, concurrency=1)
    assert time.monotonic() - began < 30
    assert "25 of 25 jobs" in done.stdout
    assert last()["status"] == "complete"
