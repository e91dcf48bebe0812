"""What the mock server is for people: credentials, scenarios, nights, and the command as a process."""

import hashlib
import hmac
import os
import select
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml

from inventory.mock import SCENARIOS, DrsServer, apply_scenarios, evolve, make_estate
from tests.conftest import Command, started
from tests.test_config_schema import schema_faults

USES = ("migration", "sync", "cloudDataGuard")


@pytest.fixture
def server() -> Iterator[DrsServer]:
    with DrsServer(make_estate(70)) as drs:
        yield drs


@pytest.fixture
def client(server: DrsServer) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=server.url, trust_env=False, verify=False, timeout=5) as http:
        yield http


class Drs:
    """The two calls, with the token."""

    def __init__(self, server: DrsServer, client: httpx.Client) -> None:
        self._server, self._client = server, client

    def post(self, path: str, body: Any) -> httpx.Response:
        headers = {"X-Auth-Token": self._server.token}
        return self._client.post(f"/v3/{self._server.project_id}{path}", json=body, headers=headers)

    def detail(self, ids: list[str]) -> httpx.Response:
        return self.post("/jobs/batch-detail", {"jobs": ids, "page_req": {"per_page": 0}})

    def each(self) -> dict[str, int]:
        """Ask for every job alone; the status of each."""
        return {job_id: self.detail([job_id]).status_code for job_id in self._server.jobs}

    def page(self, number: int, use: str = "sync") -> Any:
        return self.post("/jobs", {"db_use_type": use, "cur_page": number, "per_page": 10}).json()

    def sweep(self, use: str = "sync") -> list[str]:
        found: list[str] = []
        number = 1
        while jobs := self.page(number, use)["jobs"]:
            found += [job["id"] for job in jobs]
            number += 1
        return found


@pytest.fixture
def drs(server: DrsServer, client: httpx.Client) -> Drs:
    return Drs(server, client)


# -- IAM and tokens ----------------------------------------------------------------------------------------------------


def sign_in(server: DrsServer, scope: Any, **changes: Any) -> dict[str, Any]:
    user = {"name": server.username, "password": server.password, "domain": {"name": server.domain}} | changes
    auth: dict[str, Any] = {"identity": {"methods": ["password"], "password": {"user": user}}}
    return {"auth": auth | ({"scope": scope} if scope else {})}


def moment(text: str) -> datetime:
    return datetime.fromisoformat(text.replace("Z", "+00:00"))


@pytest.mark.parametrize("by", ["id", "name"])
def test_a_password_buys_a_token_for_the_project(server: DrsServer, client: httpx.Client, drs: Drs, by: str) -> None:
    scope = {"project": {"id": server.project_id} if by == "id" else {"name": server.region}}
    answer = client.post("/v3/auth/tokens?nocatalog=true", json=sign_in(server, scope))
    told = answer.json()["token"]
    assert answer.status_code == 201
    assert (told["project"]["id"], told["project"]["name"]) == (server.project_id, server.region)
    assert moment(told["expires_at"]) - moment(told["issued_at"]) == timedelta(days=1)
    headers = {"X-Auth-Token": answer.headers["X-Subject-Token"]}
    assert headers["X-Auth-Token"] != server.token
    for path in ("/v3/auth/projects", f"/v3/projects?name={server.region}"):
        projects = client.get(path, headers=headers).json()["projects"]
        assert [(each["id"], each["name"]) for each in projects] == [(server.project_id, server.region)]
    assert client.get("/v3/projects?name=elsewhere", headers=headers).json()["projects"] == []
    jobs = client.post(f"/v3/{server.project_id}/jobs", json={"db_use_type": "sync"}, headers=headers)
    assert jobs.json()["total_record"] > 0


def test_iam_refuses_in_keystones_shape(server: DrsServer, client: httpx.Client) -> None:
    scope = {"project": {"name": server.region}}
    for body, status in (
        (sign_in(server, scope, password="another"), 401),
        (sign_in(server, scope, name="another"), 401),
        (sign_in(server, scope, domain={"name": "another"}), 401),
        (sign_in(server, {"project": {"name": "elsewhere"}}), 401),
        ({"auth": {}}, 400),
        ([], 400),
    ):
        answer = client.post("/v3/auth/tokens", json=body)
        assert (answer.status_code, answer.json()["error"]["code"]) == (status, status)
        assert "X-Subject-Token" not in answer.headers
    assert client.get("/v3/auth/projects").json()["error"]["title"] == "Unauthorized"
    assert client.get("/v3/auth/tokens").status_code == 404


def test_a_token_without_a_project_is_of_no_use_to_drs(server: DrsServer, client: httpx.Client) -> None:
    token = client.post("/v3/auth/tokens", json=sign_in(server, None)).headers["X-Subject-Token"]
    answer = client.post(f"/v3/{server.project_id}/jobs", json={"db_use_type": "sync"}, headers={"X-Auth-Token": token})
    assert (answer.status_code, answer.json()["error_code"]) == (401, "APIGW.0307")


def test_a_token_expires(server: DrsServer, drs: Drs) -> None:
    server.token_seconds = 0.2
    assert drs.post("/jobs", {"db_use_type": "sync"}).status_code == 200
    time.sleep(0.25)
    assert drs.post("/jobs", {"db_use_type": "sync"}).json()["error_code"] == "APIGW.0307"


# -- signatures; the vendor's own are in test_mock ---------------------------------------------------------------------


def signed(
    server: DrsServer, method: str, path: str, query: str, body: bytes, names: str, **more: str
) -> dict[str, str]:
    """Sign by hand, as the vendor's page on it says."""
    now = datetime.now(UTC).strftime("%Y%m%dT%H%M%SZ")
    headers = {"host": server.url.removeprefix("http://"), "x-sdk-date": now, "x-extra": "a b"}
    told = "".join(f"{name}:{headers[name]}\n" for name in names.split(";"))
    canonical = f"{method}\n{path}\n{query}\n{told}\n{names}\n{hashlib.sha256(body).hexdigest()}"
    text = f"SDK-HMAC-SHA256\n{now}\n{hashlib.sha256(canonical.encode()).hexdigest()}"
    signature = hmac.new(server.secret_key.encode(), text.encode(), hashlib.sha256).hexdigest()
    key = more.get("key", server.access_key)
    return headers | {"Authorization": f"SDK-HMAC-SHA256 Access={key}, SignedHeaders={names}, Signature={signature}"}


def test_a_signature_covers_path_query_headers_and_body(server: DrsServer, client: httpx.Client) -> None:
    server.lock_seconds = 0
    path, body = f"/v3/{server.project_id}/jobs", b'{"db_use_type": "sync"}'

    def asked(sent: bytes = body, query: str = "a=%20b&c=", names: str = "host;x-extra;x-sdk-date", **more: str) -> str:
        headers = signed(server, "POST", f"{path}/", "a=%20b&c=", body, names, **more)
        answer = client.post(f"{path}?{query}", content=sent, headers=headers | {"x-extra": more.get("extra", "a b")})
        return str(answer.json().get("error_msg", answer.status_code)).split(": ")[-1]

    wrong = "verify aksk signature fail"
    assert asked() == asked(query="c=&a=+b") == asked(names="host;x-sdk-date", extra="unsigned") == "200"
    assert asked(sent=body + b" ") == asked(query="a=%20b") == asked(extra="other") == wrong
    assert asked(names="x-sdk-date") == asked(names="x-sdk-date;host") == wrong
    assert asked(key="another") == "the access key does not exist"


@pytest.mark.parametrize(
    "headers",
    [
        {"Authorization": "SDK-HMAC-SHA256 Access=a, SignedHeaders=host, Signature=00"},
        {"Authorization": f"SDK-HMAC-SHA256 Access=a, SignedHeaders=host, Signature={'0' * 64}"},
        {"Authorization": "Basic eDp5", "X-Sdk-Date": "20260101T000000Z"},
        {
            "Authorization": f"SDK-HMAC-SHA256 Access=a, SignedHeaders=host, Signature={'0' * 64}",
            "X-Sdk-Date": "20269901T000000Z",
        },
    ],
)
def test_headers_of_another_form_are_refused(server: DrsServer, client: httpx.Client, headers: dict[str, str]) -> None:
    answer = client.post(f"/v3/{server.project_id}/jobs", json={"db_use_type": "sync"}, headers=headers)
    assert (answer.status_code, answer.json()["error_code"]) == (401, "APIGW.0301")


# -- scenarios ---------------------------------------------------------------------------------------------------------

Effect = Callable[[DrsServer, Drs], None]
EFFECTS: dict[str, Effect] = {}


def effect(name: str, rate: float | None = None) -> Callable[[Effect], Effect]:
    """Register what is seen of a scenario over HTTP; it is applied before."""

    def register(check: Effect) -> Effect:
        def run(server: DrsServer, drs: Drs) -> None:
            apply_scenarios(server, [name], rate)
            for fault in server.faults:
                fault.seconds = min(fault.seconds, 0.2)
            check(server, drs)

        EFFECTS[name] = run
        return check

    return register


@pytest.mark.parametrize("name", list(SCENARIOS))
def test_a_scenario_is_seen(name: str, server: DrsServer, drs: Drs) -> None:
    EFFECTS[name](server, drs)


def ids(answer: httpx.Response) -> list[str]:
    return [job["id"] for job in answer.json()["results"]]


@effect("deleted-status")
def _deleted_status(server: DrsServer, drs: Drs) -> None:
    gone = min(server.jobs)
    use = server.jobs[gone]["db_use_type"]
    server.deleted.add(gone)
    answer = drs.detail([gone])
    assert (answer.status_code, answer.json()["results"][0]["status"]) == (200, "DELETED")
    assert gone not in drs.sweep(use)
    before = set(server.jobs)
    server.next_night()
    lost = min(before - server.jobs.keys())
    assert drs.detail([lost]).json()["results"][0]["id"] == lost


@effect("virtual-parent")
def _virtual_parent(server: DrsServer, drs: Drs) -> None:
    (parent,) = set(drs.sweep()) - server.jobs.keys()
    answer = drs.detail([parent])
    assert (answer.status_code, answer.json()["results"][0]["error_code"]) == (400, "DRS.M00289")


@effect("no-disaster-recovery")
def _no_disaster_recovery(server: DrsServer, drs: Drs) -> None:
    answer = drs.post("/jobs", {"db_use_type": "cloudDataGuard"})
    assert (answer.status_code, answer.json()["error_code"]) == (400, "DRS.M00007")
    assert drs.sweep("migration")


@effect("null-list")
def _null_list(server: DrsServer, drs: Drs) -> None:
    assert drs.page(1)["jobs"]
    server.jobs = {}
    assert drs.page(1) == {"total_record": 0, "jobs": None}


@effect("throttle", 0.3)
def _throttle(server: DrsServer, drs: Drs) -> None:
    answers = [drs.detail([job_id]) for job_id in server.jobs]
    refused = [answer for answer in answers if answer.status_code == 429]
    assert 5 < len(refused) < 40
    assert refused[0].json()["error_code"] == "APIGW.0308"
    assert not any("Retry-After" in answer.headers for answer in refused)


@effect("throttle-retry-after", 1.0)
def _throttle_retry_after(server: DrsServer, drs: Drs) -> None:
    answer = drs.detail(["x"])
    assert (answer.status_code, answer.headers["Retry-After"]) == (429, "1")


@effect("expiring-token")
def _expiring_token(server: DrsServer, drs: Drs) -> None:
    answers = [drs.detail([next(iter(server.jobs))]) for _ in range(26)]
    assert [answer.status_code for answer in answers] == [200] * 25 + [401]
    assert answers[-1].json()["error_code"] == "APIGW.0307"


@effect("abnormal", 1.0)
def _abnormal(server: DrsServer, drs: Drs) -> None:
    answer = drs.detail(["x"])
    assert (answer.status_code, answer.json()["error_code"]) == (422, "DRS.M00004")


@effect("outage")
def _outage(server: DrsServer, drs: Drs) -> None:
    job_id = next(iter(server.jobs))
    assert drs.sweep("sync")
    assert drs.detail([job_id]).status_code == 503
    time.sleep(2.1)
    assert drs.detail([job_id]).status_code == 200


@effect("reset", 1.0)
def _reset(server: DrsServer, drs: Drs) -> None:
    with pytest.raises(httpx.ReadError):
        drs.detail(["x"])


@effect("truncate", 1.0)
def _truncate(server: DrsServer, drs: Drs) -> None:
    with pytest.raises(httpx.RemoteProtocolError):
        drs.detail(["x"])


@effect("html", 1.0)
def _html(server: DrsServer, drs: Drs) -> None:
    answer = drs.detail(["x"])
    assert (answer.status_code, answer.headers["Content-Type"]) == (200, "text/html")


@effect("empty", 1.0)
def _empty(server: DrsServer, drs: Drs) -> None:
    answer = drs.detail(["x"])
    assert (answer.status_code, answer.content) == (200, b"")


@effect("not-json", 1.0)
def _not_json(server: DrsServer, drs: Drs) -> None:
    with pytest.raises(ValueError):
        drs.detail(["x"]).json()


@effect("slow", 1.0)
@effect("drip", 1.0)
@effect("drip-head", 1.0)
def _slow(server: DrsServer, drs: Drs) -> None:
    began = time.monotonic()
    assert drs.detail([next(iter(server.jobs))]).status_code == 200
    assert time.monotonic() - began >= 0.2


@effect("page-default")
def _page_default(server: DrsServer, drs: Drs) -> None:
    assert len(ids(drs.post("/jobs/batch-detail", {"jobs": list(server.jobs)[:9]}))) == 5


@effect("duplicate")
def _duplicate(server: DrsServer, drs: Drs) -> None:
    found = [drs.detail(list(server.jobs)[start : start + 10]) for start in range(0, 70, 10)]
    told = [job_id for answer in found for job_id in ids(answer)]
    assert set(told) == set(server.jobs)
    assert len(told) == 74  # 5 % of 70 is 3.5, and 4 are even
    assert all(answer.json()["count"] == len(ids(answer)) for answer in found)


@effect("missing")
def _missing(server: DrsServer, drs: Drs) -> None:
    found = [drs.detail(list(server.jobs)[start : start + 10]) for start in range(0, 70, 10)]
    assert sum(len(ids(answer)) for answer in found) == 66
    lost = next(job_id for job_id in server.jobs if job_id not in {i for answer in found for i in ids(answer)})
    assert drs.detail([lost]).json() == {"count": 0, "results": []}
    assert lost in [job_id for use in USES for job_id in drs.sweep(use)]


@effect("missing-400-noid")
def _missing_400_noid(server: DrsServer, drs: Drs) -> None:
    answer = drs.detail(["unknown"])
    assert (answer.status_code, set(answer.json()["results"][0])) == (400, {"error_code", "error_message"})


@effect("missing-400-single")
def _missing_400_single(server: DrsServer, drs: Drs) -> None:
    answer = drs.detail(["unknown"])
    assert (answer.status_code, set(answer.json())) == (400, {"error_code", "error_msg"})


@effect("missing-item")
def _missing_item(server: DrsServer, drs: Drs) -> None:
    answer = drs.detail(["unknown"])
    assert (answer.status_code, ids(answer)) == (200, ["unknown"])


@effect("missing-omitted")
def _missing_omitted(server: DrsServer, drs: Drs) -> None:
    answer = drs.detail(["unknown"])
    assert (answer.status_code, ids(answer)) == (200, [])


@effect("poison")
def _poison(server: DrsServer, drs: Drs) -> None:
    bad = [job_id for job_id, status in drs.each().items() if status != 200]
    assert len(bad) == 1
    assert drs.detail([job_id for job_id in server.jobs if job_id not in bad][:9] + bad).status_code == 500


@effect("wrong-count")
def _wrong_count(server: DrsServer, drs: Drs) -> None:
    assert drs.detail(list(server.jobs)[:3]).json()["count"] == 10


@effect("wrong-total")
def _wrong_total(server: DrsServer, drs: Drs) -> None:
    assert drs.page(1)["total_record"] == len(drs.sweep()) + 7


@effect("unordered")
def _unordered(server: DrsServer, drs: Drs) -> None:
    asked = list(server.jobs)[:10]
    answers = [ids(drs.detail(asked)) for _ in range(3)]
    assert all(sorted(answer) == sorted(asked) for answer in answers)
    assert len({tuple(answer) for answer in answers}) == 3
    first, second = ([job["id"] for job in drs.page(1)["jobs"]] for _ in range(2))
    assert sorted(first) == sorted(second)
    assert first != second


@effect("sub-tasks")
def _sub_tasks(server: DrsServer, drs: Drs) -> None:
    listed = [job for use in USES for job in drs.post("/jobs", {"db_use_type": use, "per_page": 0}).json()["jobs"]]
    children = [child["id"] for job in listed for child in job.get("children", ())]
    assert children
    assert all(drs.detail([child]).status_code == 200 for child in children)


@effect("deleted-meanwhile")
def _deleted_meanwhile(server: DrsServer, drs: Drs) -> None:
    assert set(drs.each().values()) == {200}
    listed = [job_id for use in USES for job_id in drs.sweep(use)]
    assert sorted(listed) == sorted(server.jobs)
    gone = [job_id for job_id, status in drs.each().items() if status == 400]
    assert len(gone) == 4
    assert drs.detail(gone[:1]).json()["results"][0]["error_code"] == "DRS.M05004"
    assert not {job_id for use in USES for job_id in drs.sweep(use)} & set(gone)


@effect("appeared-meanwhile")
def _appeared_meanwhile(server: DrsServer, drs: Drs) -> None:
    assert len(server.jobs) == 66
    first = {job_id for use in USES for job_id in drs.sweep(use)}
    second = {job_id for use in USES for job_id in drs.sweep(use)}
    assert (len(first), len(second)) == (66, 70)
    assert first < second
    assert set(drs.each().values()) == {200}


@effect("shifting-list")
def _shifting_list(server: DrsServer, drs: Drs) -> None:
    alive = [job_id for job_id, job in server.jobs.items() if job["db_use_type"] == "sync"]
    swept = drs.sweep()
    [left_out] = set(alive) - set(swept)
    assert swept == [job_id for job_id in alive if job_id != left_out]
    assert drs.detail([left_out]).status_code == 200
    assert drs.detail([alive[0]]).status_code == 400
    assert drs.sweep() == alive[1:]  # and it stays so


@effect("growing-list")
def _growing_list(server: DrsServer, drs: Drs) -> None:
    before = [job_id for job_id, job in server.jobs.items() if job["db_use_type"] == "sync"]
    swept = drs.sweep()
    assert (len(swept), sorted(set(swept))) == (len(before) + 1, sorted(before))
    again = drs.sweep()
    assert again[1:] == before
    assert drs.detail(again[:1]).status_code == 200


@effect("clock-skew")
def _clock_skew(server: DrsServer, drs: Drs) -> None:
    told = parsedate_to_datetime(drs.detail(["x"]).headers["Date"])
    assert abs(told - datetime.now(UTC) - timedelta(minutes=20)) < timedelta(minutes=1)
    headers = signed(server, "GET", "/v3/auth/projects/", "", b"", "host;x-sdk-date")
    answer = httpx.get(f"{server.url}/v3/auth/projects", headers=headers, trust_env=False, verify=False)
    assert (answer.status_code, answer.json()["error_code"]) == (401, "APIGW.0303")


@effect("denied")
def _denied(server: DrsServer, drs: Drs) -> None:
    answers = [drs.detail(["x"]), drs.post("/jobs", {"db_use_type": "sync"})]
    assert [(answer.status_code, answer.json()["error_code"]) for answer in answers] == [(403, "DRS.M00102")] * 2


@effect("mixed", 0.6)
def _mixed(server: DrsServer, drs: Drs) -> None:
    seen = [seen_of(drs, server) for _ in range(150)]
    faulty = ("429", "429 Retry-After", "500", "503", "ReadError", "RemoteProtocolError", "page", "empty")
    assert set(seen) == {"fine", *faulty}
    assert 0.3 < 1 - seen.count("fine") / len(seen) < 0.7


def seen_of(drs: Drs, server: DrsServer) -> str:
    try:
        answer = drs.detail([next(iter(server.jobs))])
    except httpx.TransportError as error:
        return type(error).__name__
    if answer.status_code != 200:
        return f"{answer.status_code} Retry-After" if "Retry-After" in answer.headers else str(answer.status_code)
    if not answer.content:
        return "empty"
    return "page" if answer.headers["Content-Type"] == "text/html" else "fine"


def test_scenarios_combine(server: DrsServer, drs: Drs) -> None:
    apply_scenarios(server, ["duplicate", "unordered", "wrong-total", "missing-item"])
    told = [job_id for start in range(0, 70, 10) for job_id in ids(drs.detail(list(server.jobs)[start : start + 10]))]
    assert (len(told), drs.page(1)["total_record"], ids(drs.detail(["x"]))) == (74, len(drs.sweep()) + 7, ["x"])
    with pytest.raises(KeyError):
        apply_scenarios(server, ["no-such"])


# -- nights ------------------------------------------------------------------------------------------------------------


def test_a_night_changes_a_small_share_and_the_same_each_time() -> None:
    first = make_estate(1000, objects=3)
    second = evolve(first, 1)
    assert evolve(make_estate(1000, objects=3), 1) == second
    assert evolve(first, 1, seed=2) != second != evolve(first, 2)
    assert first == make_estate(1000, objects=3)  # left as it was
    gone, new = set(first) - set(second), set(second) - set(first)
    differ = [job_id for job_id in first if job_id in second and first[job_id] != second[job_id]]
    assert (len(gone), len(new), len(differ)) == (2, 2, 20)
    assert list(second)[:2] == [job_id for job_id in second if job_id in new]
    created = [int(job["create_time"]) for job in second.values()]
    assert created == sorted(created, reverse=True)
    assert all(len(second[job_id]["object_infos"]) == 3 for job_id in new)
    names = {name for job_id in differ for name in second[job_id] if second[job_id][name] != first[job_id].get(name)}
    assert names == {"status", "source_endpoint", "object_infos", "tags", "update_time"}
    grown = [len(second[job_id]["object_infos"]) - len(first[job_id]["object_infos"]) for job_id in differ]
    assert {-1, 0, 1} == set(grown)


@pytest.mark.parametrize("count", [0, 1, 3, 30])
def test_nights_of_a_small_estate(count: int) -> None:
    jobs = make_estate(count)
    for night in range(1, 6):
        after = evolve(jobs, night)
        assert len(after) == count
        assert not count or after != jobs
        jobs = after


def test_a_running_server_lets_a_night_pass(server: DrsServer, client: httpx.Client, drs: Drs) -> None:
    server.token_requests = 0
    apply_scenarios(server, ["reset"], 1.0)
    before = server.jobs
    answer = client.post("/mock/night")  # no token, and no fault strikes it
    assert answer.json() == {"night": 1, "jobs": 70}
    assert server.jobs == evolve(before, 1)
    assert client.get("/mock/night").status_code == client.post("/mock/other").status_code == 404
    server.faults.clear()
    server.token_requests = None
    [gone] = before.keys() - server.jobs.keys()
    assert drs.detail([gone]).json()["results"][0]["error_code"] == "DRS.M05004"


# -- the command -------------------------------------------------------------------------------------------------------

Start = Callable[..., tuple[subprocess.Popen[str], dict[str, Any]]]


@pytest.fixture
def start() -> Iterator[Start]:
    """Start the command; return the process and the source of the configuration that it prints first."""
    running: list[subprocess.Popen[str]] = []

    def run(*arguments: str) -> tuple[subprocess.Popen[str], dict[str, Any]]:
        process = started("mock-server", *arguments, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        running.append(process)
        assert process.stdout is not None
        told = b""
        while not told.endswith(b'jobs: "all"\n'):
            assert select.select([process.stdout], [], [], 30)[0]
            piece = os.read(process.stdout.fileno(), 4096)
            assert piece, process.communicate()[1]
            told += piece
        [source] = yaml.safe_load(told)["sources"]
        assert schema_faults(told.decode()) == []
        return process, source

    yield run
    for process in running:
        process.kill()
        process.communicate()


def ask(source: dict[str, Any], token: str, use: str = "sync") -> httpx.Response:
    url = f"{source['endpoint']}/v3/{source['project_id']}/jobs"
    body = {"db_use_type": use, "per_page": 0}
    return httpx.post(url, json=body, headers={"X-Auth-Token": token}, trust_env=False, verify=False, timeout=10)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_the_command_serves_until_it_is_stopped(start: Start, number: int) -> None:
    process, source = start("--jobs", "20", "--night", "2", "--log")
    assert source["jobs"] == "all"
    assert source["endpoint"] == source["iam_endpoint"]
    assert "plain_http" not in source
    expected = evolve(evolve(make_estate(20), 1), 2)
    found = [job["id"] for use in USES for job in ask(source, source["auth"]["token"], use).json()["jobs"]]
    assert sorted(found) == sorted(expected)
    process.send_signal(number)
    rest, log = process.communicate(timeout=10)
    assert (process.returncode, rest) == (0, "")
    assert log.count(f"POST /v3/{source['project_id']}/jobs: 200, ") == 3 == log.count("\n")


def test_the_command_prints_each_way_to_sign_in(start: Start) -> None:
    _, source = start("--auth", "password", "--jobs", "3", "--seed", "9")
    user = {"name": source["auth"]["username"], "password": source["auth"]["password"]}
    user["domain"] = {"name": source["auth"]["domain"]}
    scope = {"project": {"name": source["region"]}}
    body = {"auth": {"identity": {"methods": ["password"], "password": {"user": user}}, "scope": scope}}
    iam = f"{source['iam_endpoint']}/v3/auth/tokens"
    token = httpx.post(iam, json=body, trust_env=False, verify=False).headers["X-Subject-Token"]
    assert ask(source, token).json()["total_record"] == 2
    _, source = start("--auth", "keys")
    assert set(source["auth"]) == {"access_key", "secret_key"}


def test_the_command_rehearses(start: Start) -> None:
    _, source = start("--scenario", "throttle-retry-after", "--rate", "100%", "--latency", "0.2")
    began = time.monotonic()
    assert ask(source, source["auth"]["token"]).headers["Retry-After"] == "1"
    assert time.monotonic() - began >= 0.2


def test_whoever_comes_before_the_estate_is_made_waits_for_it(start: Start) -> None:
    _, source = start("--jobs", "3000", "--objects", "0")
    assert ask(source, source["auth"]["token"]).json()["total_record"] == 3000 // 7 * 4 + 2  # 4 of 7 kinds


@pytest.mark.parametrize(
    ("arguments", "code", "told"),
    [
        (("--scenario", "thrott"), 64, "throttle-retry-after"),
        (("--rate", "lots"), 64, "--rate"),
        (("--rate", "101%"), 64, "--rate"),
        (("--rate", "nan%"), 64, "--rate"),
        (("--host", "0.0.0.0"), 64, "--expose"),
        (("--host", "example.com"), 64, "--expose"),
        (("--jobs", "-1"), 64, "--jobs"),
        (("--latency", "-1"), 64, "--latency"),
        (("--host", "192.0.2.1", "--expose"), 1, "192.0.2.1"),
    ],
)
def test_what_cannot_be_is_refused(inventory: Command, arguments: tuple[str, ...], code: int, told: str) -> None:
    done = inventory("mock-server", *arguments)
    assert (done.returncode, done.stdout) == (code, "")
    assert told in done.stderr
    assert "Traceback" not in done.stderr


def test_a_port_that_is_taken_is_told(inventory: Command, server: DrsServer) -> None:
    port = server.url.rsplit(":", 1)[1]
    done = inventory("mock-server", "--port", port)
    assert done.returncode == 1
    assert f"127.0.0.1, port {port}: Address already in use" in done.stderr


def test_the_scenarios_are_listed(inventory: Command, tmp_path: Path) -> None:
    listed, helped = inventory("mock-server", "--list-scenarios"), inventory("mock-server", "--help")
    assert (listed.returncode, helped.returncode) == (0, 0)
    assert [line.split()[0] for line in listed.stdout.splitlines()] == list(SCENARIOS)
    words = " ".join(helped.stdout.split())
    assert all(scenario.does in words for scenario in SCENARIOS.values())
