"""The scenarios that can be simulated: each has a name, a description and a function that changes a server.

Scenarios can be combined: each adds faults or hooks, or changes a setting. The server must have its jobs already.
"""

import random
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from inventory.mock.estate import Job, list_item, make_job
from inventory.mock.faults import Fault, FaultKind, RecordedRequest
from inventory.mock.server import DrsServer

__all__ = ["SCENARIOS", "Scenario", "Share", "apply_scenarios"]

Change = Callable[[DrsServer, "Share"], None]


@dataclass(frozen=True)
class Share:
    """The share of requests or jobs that a scenario affects, chosen at random, the same for the same seed."""

    rate: float
    seed: int = 1

    def sample(self, ids: Iterable[str]) -> frozenset[str]:
        """Return a random sample of ids, at least one if there are any."""
        known = list(ids)
        wanted = max(1, round(len(known) * self.rate)) if known else 0
        return frozenset(random.Random(self.seed).sample(known, wanted))


@dataclass(frozen=True)
class Scenario:
    """One scenario. `rate`: the default share that it affects; None if it has no share."""

    name: str
    does: str
    apply: Change
    rate: float | None = None


def apply_scenarios(server: DrsServer, names: Iterable[str], rate: float | None = None, seed: int = 1) -> None:
    """Apply scenarios in order.

    Raises:
        KeyError: an unknown name.
    """
    for name in names:
        scenario = SCENARIOS[name]
        scenario.apply(server, Share(rate if rate is not None else scenario.rate or 0.0, seed))


def _failing(kind: FaultKind, **how: Any) -> Change:
    """Add a fault to the DRS calls at the rate."""

    def apply(server: DrsServer, share: Share) -> None:
        fault = Fault(kind, times=None, when=_is_drs_call, rate=share.rate, seed=share.seed, **how)
        server.faults.append(fault)

    return apply


def _is_drs_call(request: RecordedRequest) -> bool:
    return "/jobs" in request.path


def _set(**settings: Any) -> Change:
    """Change settings of the server."""

    def apply(server: DrsServer, _: Share) -> None:
        for name, value in settings.items():
            setattr(server, name, value)

    return apply


def _mixed(server: DrsServer, share: Share) -> None:
    kinds = (
        _failing("status", **THROTTLED),
        _failing("status", **THROTTLED, headers={"Retry-After": "1"}),
        _failing("status", status=500),
        _failing("status", status=503),
        *(_failing(kind) for kind in ("reset", "truncate", "html", "empty")),
    )
    for number, apply in enumerate(kinds):
        apply(server, Share(share.rate / len(kinds), share.seed + number))


def _poison(server: DrsServer, share: Share) -> None:
    bad = share.sample(server.jobs)
    server.faults.append(Fault("status", times=None, when=lambda request: not bad.isdisjoint(map(str, request.jobs))))


def _outage(server: DrsServer, share: Share) -> None:  # noqa: ARG001  # it affects all requests
    """Make the service unavailable for a while, from the first batch-detail request on."""
    began: list[float] = []

    def away(request: RecordedRequest) -> bool:
        if request.jobs and not began:
            began.append(request.time)
        return bool(began) and _is_drs_call(request) and request.time - began[0] < OUTAGE_SECONDS

    server.faults.append(Fault("status", times=None, when=away, **UNAVAILABLE))


def _duplicate(server: DrsServer, share: Share) -> None:
    twice = share.sample(server.jobs)

    def hook(_: RecordedRequest, document: Job) -> Job:
        again = [job for job in document.get("results", ()) if job["id"] in twice]
        return _with_results(document, document["results"] + again) if again else document

    server.hooks.append(hook)


def _missing(server: DrsServer, share: Share) -> None:
    never = share.sample(server.jobs)

    def hook(_: RecordedRequest, document: Job) -> Job:
        if "results" not in document:
            return document
        return _with_results(document, [job for job in document["results"] if job["id"] not in never])

    server.hooks.append(hook)


def _with_results(document: Job, results: list[Job]) -> Job:
    """Replace the results and adjust the count, so that it does not reveal the change."""
    count = document["count"] + len(results) - len(document["results"])
    return document | {"results": results, "count": count}


def _wrong_total(server: DrsServer, _: Share) -> None:
    def hook(_: RecordedRequest, document: Job) -> Job:
        return document | {"total_record": document["total_record"] + 7} if "total_record" in document else document

    server.hooks.append(hook)


def _unordered(server: DrsServer, share: Share) -> None:
    rng = random.Random(share.seed)

    def hook(_: RecordedRequest, document: Job) -> Job:
        lists = {
            name: rng.sample(document[name], len(document[name])) for name in ("jobs", "results") & document.keys()
        }
        return document | lists

    server.hooks.append(hook)


def _deleted_meanwhile(server: DrsServer, share: Share) -> None:
    uses = {job_id: server.jobs[job_id]["db_use_type"] for job_id in share.sample(server.jobs)}

    def hook(request: RecordedRequest, document: Job) -> Job:
        use = _use_of_last_page(request, document)
        server.deleted.update(job_id for job_id in uses if uses[job_id] == use)
        return document

    server.hooks.append(hook)


def _null_list(server: DrsServer, _: Share) -> None:
    def hook(_: RecordedRequest, document: Job) -> Job:
        return document | {"jobs": None} if document.get("jobs") == [] else document

    server.hooks.append(hook)


def _virtual_parents(server: DrsServer, _: Share) -> None:
    """Add a parent to the list of sync that batch-detail does not know, as for many-to-one tasks."""
    parent = {**list_item(make_job(-7, seed=-7)), "db_use_type": "sync", "name": "DRS-many-to-one"}

    def hook(request: RecordedRequest, document: Job) -> Job:
        if "total_record" not in document or request.document.get("db_use_type") != "sync":
            return document
        is_last = _use_of_last_page(request, document) and (
            document["jobs"] or request.document.get("cur_page") in (None, 0, 1)
        )
        more = [parent] if is_last else []
        return document | {"jobs": [*document["jobs"], *more], "total_record": document["total_record"] + 1}

    server.hooks.append(hook)


def _appeared_meanwhile(server: DrsServer, share: Share) -> None:
    chosen = share.sample(server.jobs)
    late = {job_id: job for job_id, job in server.jobs.items() if job_id in chosen}
    server.jobs = {job_id: job for job_id, job in server.jobs.items() if job_id not in chosen}

    def hook(request: RecordedRequest, document: Job) -> Job:
        use = _use_of_last_page(request, document)
        new = {job_id: late.pop(job_id) for job_id in list(late) if late[job_id]["db_use_type"] == use}
        server.jobs = new | server.jobs if new else server.jobs
        return document

    server.hooks.append(hook)


def _between_pages(shift: Callable[[DrsServer, Job], None]) -> Change:
    """Change the jobs once for each use, between the first and the second page of its list."""

    def apply(server: DrsServer, _: Share) -> None:
        seen: set[str] = set()

        def hook(request: RecordedRequest, document: Job) -> Job:
            if "total_record" in document and _has_next(request, document):
                use = request.document["db_use_type"]
                if use not in seen:
                    seen.add(use)
                    shift(server, document["jobs"][0])
            return document

        server.hooks.append(hook)

    return apply


def _has_next(request: RecordedRequest, document: Job) -> bool:
    """Return whether the list has more pages after this one."""
    size, number = (request.document.get(name) for name in ("per_page", "cur_page"))
    return 0 not in (size, number) and bool((number or 1) * (size or 10) < document["total_record"])


def _use_of_last_page(request: RecordedRequest, document: Job) -> str | None:
    """Return the use whose list ends with this page; None for any other page or response."""
    is_sweep = "total_record" in document and not request.document.get("name")
    return str(request.document["db_use_type"]) if is_sweep and not _has_next(request, document) else None


def _remove_first(server: DrsServer, first: Job) -> None:
    server.deleted.add(first["id"])


def _add_one(server: DrsServer, first: Job) -> None:
    new = make_job(-1, seed=-1 - len(server.jobs)) | {"db_use_type": first["db_use_type"]}
    server.jobs = {new["id"]: new} | server.jobs


THROTTLED: dict[str, Any] = {
    "status": 429,
    "body": {
        "error_code": "APIGW.0308",
        "error_msg": "The throttling threshold has been reached: policy user over ratelimit,limit:60,time:1 minute",
    },
}
ABNORMAL: dict[str, Any] = {
    "status": 422,
    "body": {"error_code": "DRS.M00004", "error_msg": "Service exception. Try again later."},
}
UNAVAILABLE: dict[str, Any] = {"status": 503, "body": "<html><body>503 Service Unavailable</body></html>"}
OUTAGE_SECONDS = 2.0
DENIED = {"error_code": "DRS.M00102", "error_msg": "You do not have the permission to perform this operation."}
RATE = 0.05

SCENARIOS = {
    scenario.name: scenario
    for scenario in (
        Scenario("throttle", "429 without a word on when to come back", _failing("status", **THROTTLED), RATE),
        Scenario(
            "throttle-retry-after",
            "429 with Retry-After: 1",
            _failing("status", **THROTTLED, headers={"Retry-After": "1"}),
            RATE,
        ),
        Scenario(
            "expiring-token",
            "a token is good for 25 requests, then 401; a password buys another",
            _set(token_requests=25),
        ),
        Scenario(
            "abnormal",
            "422 with DRS.M00004: the service reports a fault of its own",
            _failing("status", **ABNORMAL),
            RATE,
        ),
        Scenario("outage", "503 to every call for 2 seconds, once details are asked for", _outage),
        Scenario("reset", "the connection is reset instead of an answer", _failing("reset"), RATE),
        Scenario("truncate", "the answer breaks off half way", _failing("truncate"), RATE),
        Scenario("html", "200 with a page for people, as a captive portal sends", _failing("html"), RATE),
        Scenario("empty", "200 with nothing", _failing("empty"), RATE),
        Scenario("not-json", "200 with JSON that breaks off", _failing("not_json"), RATE),
        Scenario("slow", "the answer begins after 2 seconds", _failing("slow", seconds=2.0), RATE),
        Scenario("drip", "the answer trickles in over 2 seconds", _failing("drip", seconds=2.0), RATE),
        Scenario(
            "drip-head", "the answer's headers trickle in over 2 seconds", _failing("drip_head", seconds=2.0), RATE
        ),
        Scenario("page-default", "at most 5 results where page_req is absent; always so", lambda *_: None),
        Scenario("duplicate", "batch-detail gives these jobs twice", _duplicate, RATE),
        Scenario("missing", "batch-detail leaves these jobs out of its 200", _missing, RATE),
        Scenario(
            "missing-400-noid",
            "unknown ids: 400 in the batch shape without the ids (with them unless told)",
            _set(missing_style="batch400_noid"),
        ),
        Scenario("missing-400-single", "unknown ids: 400 as a single error", _set(missing_style="single400")),
        Scenario("missing-item", "unknown ids: 200 with an error as the result", _set(missing_style="item200")),
        Scenario("missing-omitted", "unknown ids: 200 without them", _set(missing_style="omit200")),
        Scenario(
            "deleted-status",
            "deleted jobs: 200 with the status DELETED, and no longer listed",
            _set(missing_style="status200"),
        ),
        Scenario("virtual-parent", "the list names a parent task that batch-detail does not know", _virtual_parents),
        Scenario(
            "no-disaster-recovery",
            "400 DRS.M00007 to the list of cloudDataGuard, as where it is not served",
            lambda server, _: server.not_served.add("cloudDataGuard"),
        ),
        Scenario("null-list", "an empty list comes as null", _null_list),
        Scenario("poison", "500 to every batch that one job is in (--rate: so many)", _poison),
        Scenario("wrong-count", "count of batch-detail is off by 7", _set(count_style="wrong")),
        Scenario("wrong-total", "total_record of the list is off by 7", _wrong_total),
        Scenario("unordered", "lists and results in an order of their own each time", _unordered),
        Scenario("sub-tasks", "batch-detail knows the sub-tasks that the list names", _set(children_known=True)),
        Scenario("deleted-meanwhile", "these jobs are deleted when the list was read", _deleted_meanwhile, RATE),
        Scenario("appeared-meanwhile", "these jobs come when the list was read", _appeared_meanwhile, RATE),
        Scenario(
            "shifting-list",
            "a job leaves after the list's first page: the second leaves out a living one",
            _between_pages(_remove_first),
        ),
        Scenario(
            "growing-list", "a job comes after the list's first page: the second repeats one", _between_pages(_add_one)
        ),
        Scenario("clock-skew", "the service's clock is 20 minutes fast", _set(clock_skew=1200.0)),
        Scenario("denied", "403 DRS.M00102 to every call", _failing("status", status=403, body=DENIED), 1.0),
        Scenario("mixed", "requests fail in mixed ways: 429, 500, 503, reset, truncate, html, empty", _mixed, RATE),
    )
}
