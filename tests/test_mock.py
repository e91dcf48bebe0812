"""The mock against what is known of the service: the vendor's own client, the reference, and plain HTTP."""

import importlib
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from inventory.common.exact_json import read
from inventory.mock import PLANTED, DrsServer, Fault, RecordedRequest, list_item, make_estate
from inventory.mock.estate import STATUSES, engine_type, net_type
from tests.conftest import Command
from tests.live import Export, last

# The vendor's client calls its own methods deprecated.
pytestmark = [
    pytest.mark.filterwarnings("error"),
    pytest.mark.filterwarnings(r"ignore:Method '.*' of DrsClient:DeprecationWarning:huaweicloudsdkdrs\.v3\.drs_client"),
]
USES = ("migration", "sync", "cloudDataGuard")


@pytest.fixture
def server() -> Iterator[DrsServer]:
    with DrsServer(make_estate(40)) as drs:
        yield drs


@pytest.fixture
def client(server: DrsServer) -> Iterator[httpx.Client]:
    base = f"{server.url}/v3/{server.project_id}"
    headers = {"X-Auth-Token": server.token}
    with httpx.Client(base_url=base, headers=headers, trust_env=False, verify=False, timeout=5) as http:
        yield http


def detail(client: httpx.Client, ids: list[str], **page: int) -> httpx.Response:
    return client.post("/jobs/batch-detail", json={"jobs": ids, "page_req": page} if page else {"jobs": ids})


def listing(client: httpx.Client, **asked: Any) -> httpx.Response:
    return client.post("/jobs", json={"db_use_type": "migration", "per_page": 0} | asked)


def told(response: httpx.Response) -> tuple[int, str]:
    return response.status_code, response.json()["error_code"]


# -- the vendor's client -----------------------------------------------------------------------------------------------


@pytest.fixture
def vendor(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Any:
    """The vendor's package; importing it writes into the home directory, and it would use the machine's settings."""
    for name in ("HOME", "USERPROFILE"):
        monkeypatch.setenv(name, str(tmp_path))
    for name in ("http_proxy", "https_proxy", "all_proxy", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)
    return importlib.import_module("huaweicloudsdkdrs.v3")


def vendor_client(drs: Any, server: DrsServer, secret_key: str = "", security_token: str = "") -> Any:
    credentials = importlib.import_module("huaweicloudsdkcore.auth.credentials")
    keys = credentials.BasicCredentials(server.access_key, secret_key or server.secret_key, server.project_id)
    if security_token:
        keys = keys.with_security_token(security_token)
    return drs.DrsClient.new_builder().with_credentials(keys).with_endpoint(server.url).build()


def vendor_list(drs: Any, client: Any, use: str) -> list[Any]:
    jobs: list[Any] = []
    while True:
        body = drs.QueryJobsReq(cur_page=len(jobs) // 10 + 1, per_page=10, db_use_type=use)
        answer = client.show_job_list(drs.ShowJobListRequest(body=body))
        jobs += answer.jobs
        if len(jobs) >= answer.total_record:
            return jobs


def vendor_details(drs: Any, client: Any, ids: list[str]) -> list[Any]:
    body = drs.BatchQueryJobReqPage(jobs=ids, page_req=drs.PageReq(cur_page=1, per_page=10))
    answer = client.batch_list_job_details(drs.BatchListJobDetailsRequest(body=body))
    assert answer.count == len(ids)
    return list(answer.results)


def test_the_vendors_client_reads_the_whole_estate(vendor: Any, server: DrsServer) -> None:
    client = vendor_client(vendor, server)
    listed = [job for use in USES for job in vendor_list(vendor, client, use)]
    ids = [job.id for job in listed]
    details = [
        job for start in range(0, len(ids), 10) for job in vendor_details(vendor, client, ids[start : start + 10])
    ]
    assert sorted(ids) == sorted(server.jobs)
    assert {(job.id, job.name, job.status) for job in details} == {
        (job["id"], job["name"], job["status"]) for job in server.jobs.values()
    }
    assert {(job.id, job.name, job.status) for job in listed} == {(job.id, job.name, job.status) for job in details}


def test_the_vendors_client_with_temporary_keys(vendor: Any, server: DrsServer) -> None:
    server.security_token = "temporary"
    assert vendor_list(vendor, vendor_client(vendor, server, security_token="temporary"), "sync")
    for wrong in ("", "another"):
        assert refusal(vendor, vendor_client(vendor, server, security_token=wrong)) == "APIGW.0301"


def test_the_vendors_client_with_a_wrong_key_is_refused_and_then_locked_out(vendor: Any, server: DrsServer) -> None:
    right, wrong = vendor_client(vendor, server), vendor_client(vendor, server, secret_key="another")
    server.lock_seconds = 0.5
    for _ in range(4):
        assert refusal(vendor, wrong) == "APIGW.0301"
    assert vendor_list(vendor, right, "sync")  # and so they were not five in a row
    for _ in range(5):
        assert refusal(vendor, wrong) == "APIGW.0301"
    assert refusal(vendor, right) == "APIGW.0301"
    time.sleep(0.5)
    assert vendor_list(vendor, right, "sync")


def test_the_vendors_client_with_a_wrong_clock_is_refused(vendor: Any, server: DrsServer) -> None:
    client = vendor_client(vendor, server)
    for server.clock_skew in (-14 * 60, 14 * 60):
        assert vendor_list(vendor, client, "sync")
    for server.clock_skew in (-16 * 60, 16 * 60):
        assert refusal(vendor, client) == "APIGW.0303"


def test_the_vendors_client_finds_its_project(vendor: Any, server: DrsServer) -> None:
    credentials = importlib.import_module("huaweicloudsdkcore.auth.credentials")
    region = importlib.import_module("huaweicloudsdkcore.region.region").Region(server.region, server.url)
    server.access_key = f"AK{time.monotonic_ns()}"  # for the client keeps projects by key, as long as it lives
    keys = credentials.BasicCredentials(server.access_key, server.secret_key).with_iam_endpoint(server.url)
    client = vendor.DrsClient.new_builder().with_credentials(keys).with_region(region).build()
    assert vendor_list(vendor, client, "sync")
    assert server.requests[0].path == f"/v3/projects?name={server.region}"
    assert keys.project_id == server.project_id


def refusal(drs: Any, client: Any) -> str:
    exceptions = importlib.import_module("huaweicloudsdkcore.exceptions.exceptions")
    with pytest.raises(exceptions.ClientRequestException) as caught:
        vendor_list(drs, client, "sync")
    assert caught.value.status_code == 401
    return str(caught.value.error_code)


def test_the_vendors_client_and_ours_read_the_same(
    vendor: Any, export: Export, inventory: Command, server: DrsServer
) -> None:  # fmt: skip
    client = vendor_client(vendor, server)
    ids = [job.id for use in USES for job in vendor_list(vendor, client, use)]
    theirs = [job for at in range(0, len(ids), 10) for job in vendor_details(vendor, client, ids[at : at + 10])]
    export(jobs="all", auth={"access_key": server.access_key, "secret_key": server.secret_key})
    ours = read(inventory("--database", "sqlite:///x.db", "show", "--json").stdout)["results"]
    names = ("id", "name", "status", "description", "create_time", "job_direction", "db_use_type", "task_type")
    assert {tuple(getattr(job, name) or None for name in names) for job in theirs} == {
        tuple(job.get(name) for name in names) for job in ours
    }
    assert len(ours) == len(server.jobs) == last()["returned"]


def fields(value: Any, path: str = "") -> set[str]:
    """Return every path of member names in a document, positions left out."""
    if isinstance(value, list):
        return {found for item in value for found in fields(item, path)}
    if not isinstance(value, dict):
        return set()
    here = {f"{path}.{name}" for name in value}
    return here.union(*(fields(item, f"{path}.{name}") for name, item in value.items()))


def declared(drs: Any, model: Any, path: str = "") -> set[str]:
    """Return every path of member names that a model of the vendor's client knows."""
    found = set()
    for name, kind in model.openapi_types.items():
        found.add(f"{path}.{model.attribute_map[name]}")
        inner = getattr(drs, kind.removeprefix("list[").removesuffix("]"), None)
        if inner is not None:
            found |= declared(drs, inner, f"{path}.{model.attribute_map[name]}")
    return found


ENDPOINTS = (".dmq_endpoint", ".source_sharding", ".target_endpoint")


def as_source(path: str) -> str:
    """Return a path with every endpoint called source: four places share one shape."""
    head = next((head for head in ENDPOINTS if path.startswith(f"{head}.")), None)
    return ".source_endpoint" + path.removeprefix(head) if head else path


def test_the_estate_uses_every_field_the_vendor_knows_and_no_other(vendor: Any) -> None:
    used = {as_source(path) for path in fields(list(make_estate(24).values()))}
    known = {as_source(path) for path in declared(vendor, vendor.QueryJobResp)}
    assert used - known == {".object_infos.select"}
    assert known - used == set()


def test_the_list_uses_every_field_the_vendor_knows_and_one_more(vendor: Any) -> None:
    used = fields([list_item(job) for job in make_estate(120).values()])
    known = declared(vendor, vendor.JobInfo)
    assert used - known == {".error_msg"}
    assert known - used == set()


# -- the estate --------------------------------------------------------------------------------------------------------


def test_the_estate_is_the_same_for_the_same_seed() -> None:
    assert make_estate(30, seed=7) == make_estate(30, seed=7)
    assert not set(make_estate(30, seed=7)) & set(make_estate(30, seed=8))
    assert list(make_estate(50).items())[:30] == list(make_estate(30).items())


@pytest.mark.parametrize("seed", [1, 2])
def test_some_objects_are_in_two_jobs(seed: int) -> None:
    found: dict[tuple[str, int, str], list[str]] = {}
    for job in make_estate(25, seed=seed).values():
        end = job["source_endpoint"]
        for item in job["object_infos"]:
            if job["status"] != "RELEASE_RESOURCE_COMPLETE":
                found.setdefault((end["ip"], end["db_port"], item["name"]), []).append(job["id"])
    several = [jobs for jobs in found.values() if len(jobs) > 1]
    assert several
    assert all(len(jobs) == 2 for jobs in several)
    assert len(several) < len(found) / 4


def test_ids_have_the_services_form_and_jobs_come_newest_first() -> None:
    jobs = make_estate(60)
    assert all(len(job_id) == 36 and job_id[-5:-3] == "jb" and job["id"] == job_id for job_id, job in jobs.items())
    created = [int(job["create_time"]) for job in jobs.values()]
    assert created == sorted(created, reverse=True)
    assert {job["db_use_type"] for job in jobs.values()} == set(USES)
    assert {job["status"] for job in jobs.values()} <= set(STATUSES)


@pytest.mark.parametrize("size", [0, 1, 5, 250])
def test_each_job_has_as_many_objects_as_asked_for(size: int) -> None:
    for job in make_estate(8, objects=size).values():
        assert len({item["id"] for item in job["object_infos"]}) == len(job["object_infos"]) == size


def test_every_secret_can_be_searched_for() -> None:
    names = ("password", "store_key", "cert_key")
    for job in make_estate(40).values():
        for end in (
            job["source_endpoint"],
            job["target_endpoint"],
            job["target_endpoint"].get("kafka_security_config", {}),
        ):
            secrets = [end[name] for name in end if name.endswith(names) and name != "set_private_key_password"]
            assert all(str(secret).startswith(PLANTED) or secret is True for secret in secrets)


def test_the_list_writes_the_clock_of_utc_plus_eight() -> None:
    assert list_item({"id": "x", "create_time": "1608519469412"})["create_time"] == "2020-12-21 10:57:49"


# -- batch-detail ------------------------------------------------------------------------------------------------------


def test_five_come_back_where_no_page_is_asked_for(server: DrsServer, client: httpx.Client) -> None:
    ids = list(server.jobs)[:8]
    answer = detail(client, ids)
    assert [job["id"] for job in answer.json()["results"]] == ids[:5]
    assert answer.json()["count"] == 5
    assert answer.headers["X-Request-Id"] == server.requests[-1].id
    assert answer.headers["Date"].endswith("GMT")


def test_a_job_is_answered_as_it_stands_in_the_estate(server: DrsServer, client: httpx.Client) -> None:
    ids = list(server.jobs)[:10]
    assert detail(client, ids, per_page=0).json()["results"] == [server.jobs[job_id] for job_id in ids]


def test_pages_follow_one_another_and_end(server: DrsServer, client: httpx.Client) -> None:
    ids = list(server.jobs)[:8]
    pages = [detail(client, ids, cur_page=page, per_page=3).json()["results"] for page in (1, 2, 3)]
    assert [job["id"] for page in pages for job in page] == ids
    beyond = detail(client, ids, cur_page=4, per_page=3)
    assert told(beyond) == (400, "DRS.M00211")
    assert set(beyond.json()) == {"error_code", "error_msg"}


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b"", "DRS.M00201"),
        (b"{", "DRS.M00201"),
        (b"[]", "DRS.M00201"),
        (b"{}", "DRS.M00201"),
        (b'{"jobs": []}', "DRS.M00201"),
        (b'{"jobs": "a"}', "DRS.M00202"),
        (b'{"jobs": [1]}', "DRS.M00202"),
        (b'{"jobs": ["a","b","c","d","e","f","g","h","i","j","k"]}', "DRS.M00202"),
        (b'{"jobs": ["a", "b", "a"]}', "DRS.M00301"),
        (b'{"jobs": ["a"], "page_req": {"per_page": 101}}', "DRS.M00202"),
        (b'{"jobs": ["a"], "page_req": {"per_page": -1}}', "DRS.M00202"),
        (b'{"jobs": ["a"], "page_req": {"per_page": "5"}}', "DRS.M00202"),
        (b'{"jobs": ["a"], "page_req": {"cur_page": 0}}', "DRS.M00202"),
        (b'{"jobs": ["a"], "page_req": {"cur_page": 2, "per_page": 0}}', "DRS.M00202"),
    ],
)
def test_a_wrong_request_is_refused(client: httpx.Client, body: bytes, code: str) -> None:
    assert told(client.post("/jobs/batch-detail", content=body)) == (400, code)


def test_strangers_other_projects_and_other_paths_are_refused(server: DrsServer, client: httpx.Client) -> None:
    stranger = client.post("/jobs/batch-detail", json={"jobs": ["a"]}, headers={"X-Auth-Token": "no"})
    assert told(stranger) == (401, "APIGW.0301")
    assert set(stranger.json()) == {"error_code", "error_msg", "request_id"}
    assert told(client.post(f"{server.url}/v3/other/jobs", json={"db_use_type": "sync"})) == (403, "DRS.M00261")
    assert told(client.get("/jobs/batch-detail")) == (404, "APIGW.0101")
    assert told(client.post("/jobs/batch-progress", json={})) == (404, "APIGW.0101")


MISSING = {"error_code": "DRS.M00289", "error_message": "The job does not exist."}
GONE = {"error_code": "DRS.M05004", "error_message": "The task has been deleted or released."}


def mixed(server: DrsServer, client: httpx.Client) -> tuple[httpx.Response, str, str]:
    """Ask for a healthy job, an unknown id and a deleted job."""
    healthy, deleted = list(server.jobs)[:2]
    server.deleted.add(deleted)
    return detail(client, [healthy, "unknown", deleted], per_page=0), healthy, deleted


def test_unknown_ids_as_a_400_in_the_batch_shape(server: DrsServer, client: httpx.Client) -> None:
    server.missing_style = "batch400"
    answer, _, deleted = mixed(server, client)
    assert answer.status_code == 400
    assert answer.json() == {"count": 2, "results": [{"id": "unknown"} | MISSING, {"id": deleted} | GONE]}


def test_unknown_ids_as_a_400_that_names_none(server: DrsServer, client: httpx.Client) -> None:
    server.missing_style = "batch400_noid"
    answer, _, _ = mixed(server, client)
    assert answer.status_code == 400
    assert answer.json() == {"count": 2, "results": [MISSING, GONE]}


def test_unknown_ids_as_a_single_error(server: DrsServer, client: httpx.Client) -> None:
    server.missing_style = "single400"
    answer, _, _ = mixed(server, client)
    assert answer.status_code == 400
    assert answer.json() == {"error_code": "DRS.M00289", "error_msg": "The job does not exist."}


def test_unknown_ids_among_healthy_ones(server: DrsServer, client: httpx.Client) -> None:
    server.missing_style = "item200"
    answer, healthy, deleted = mixed(server, client)
    assert answer.status_code == 200
    assert answer.json()["results"] == [server.jobs[healthy], {"id": "unknown"} | MISSING, {"id": deleted} | GONE]


def test_unknown_ids_left_out(server: DrsServer, client: httpx.Client) -> None:
    server.missing_style = "omit200"
    answer, healthy, _ = mixed(server, client)
    assert answer.status_code == 200
    assert answer.json() == {"count": 1, "results": [server.jobs[healthy]]}


def test_count_means_what_it_is_told_to(server: DrsServer, client: httpx.Client) -> None:
    server.missing_style = "omit200"
    ids = [*list(server.jobs)[:7], "unknown"]
    counts = []
    for server.count_style in ("page", "batch", "asked", "wrong"):
        counts.append(detail(client, ids).json()["count"])
    assert counts == [5, 7, 8, 15]


def test_sub_tasks_can_be_known(server: DrsServer, client: httpx.Client) -> None:
    parents = [item for job in server.jobs.values() if "children" in (item := list_item(job))]
    names = {child["id"]: (item["id"], child["name"]) for item in parents for child in item["children"]}
    child_id, (parent_id, name) = next((id_, of) for id_, of in names.items() if id_ not in server.jobs)
    assert told_of(detail(client, [child_id])) == "DRS.M00289"
    server.children_known = True
    [child] = detail(client, [child_id]).json()["results"]
    assert (child["id"], child["parent_id"], child["name"]) == (child_id, parent_id, name)
    assert child["inst_info"] == server.jobs[parent_id]["inst_info"]
    assert told_of(detail(client, ["unknown"])) == "DRS.M00289"
    server.deleted.add(parent_id)
    assert told_of(detail(client, [child_id])) == "DRS.M00289"


def told_of(answer: httpx.Response) -> str:
    assert answer.status_code == 400
    return str(answer.json()["results"][0]["error_code"])


# -- the list ----------------------------------------------------------------------------------------------------------


def test_the_list_gives_ten_where_no_page_is_asked_for(server: DrsServer, client: httpx.Client) -> None:
    answer = client.post("/jobs", json={"db_use_type": "sync"}).json()
    sync = [job for job in server.jobs.values() if job["db_use_type"] == "sync"]
    assert answer == {"total_record": len(sync), "jobs": [list_item(job) for job in sync[:10]]}
    assert len(answer["jobs"]) == 10


def test_the_list_gives_all_for_page_zero(server: DrsServer, client: httpx.Client) -> None:
    every = [listing(client, db_use_type=use, **{name: 0}) for use in USES for name in ("cur_page", "per_page")]
    assert sum(len(answer.json()["jobs"]) for answer in every) == 2 * len(server.jobs)


def test_a_page_of_the_list_beyond_the_last(server: DrsServer, client: httpx.Client) -> None:
    answer = listing(client, cur_page=99, per_page=10)
    assert (answer.status_code, answer.json()["jobs"]) == (200, [])
    server.beyond_last_page = "refuse"
    assert told(listing(client, cur_page=99, per_page=10)) == (400, "DRS.M00211")


@pytest.mark.parametrize(
    ("asked", "code"),
    [
        ({"db_use_type": None}, "DRS.M00201"),
        ({"db_use_type": ""}, "DRS.M00201"),
        ({"db_use_type": "replay"}, "DRS.M00202"),
        ({"enterprise_project_id": ""}, "DRS.M00202"),
        ({"per_page": 101}, "DRS.M00202"),
        ({"cur_page": 2, "per_page": 0}, "DRS.M00202"),
        ({"name": ",".join(map(str, range(101)))}, "DRS.M00202"),
    ],
)
def test_a_wrong_request_for_the_list_is_refused(client: httpx.Client, asked: dict[str, Any], code: str) -> None:
    assert told(listing(client, **asked)) == (400, code)


def test_the_list_filters(server: DrsServer, client: httpx.Client) -> None:
    jobs = [job for job in server.jobs.values() if job["db_use_type"] == "migration"]
    first, second, third = (job["id"] for job in jobs[:3])
    server.deleted.add(third)
    status, engine, net = jobs[0]["status"], engine_type(jobs[0]), net_type(jobs[0])
    left = [job for job in jobs if job["id"] != third]

    def found(**asked: str | None) -> list[str]:
        return [job["id"] for job in listing(client, **asked).json()["jobs"]]

    assert found(name="", status="", engine_type="", net_type="", enterprise_project_id=None) == [j["id"] for j in left]
    assert found(name=jobs[1]["name"]) == [second]
    assert found(name=f"{second},{third},unknown,{first}") == [second, first]
    assert found(name="unknown") == []
    assert found(status=status) == [job["id"] for job in left if job["status"] == status]
    assert found(engine_type=engine) == [job["id"] for job in left if engine_type(job) == engine]
    assert found(net_type=net) == [job["id"] for job in left if net_type(job) == net]


def test_the_list_follows_the_estate(server: DrsServer, client: httpx.Client) -> None:
    def found() -> list[str]:
        return [job["id"] for job in listing(client).json()["jobs"]]

    before = found()
    server.jobs["new"] = server.jobs[before[0]] | {"id": "new"}
    assert found() == [*before, "new"]
    del server.jobs[before[1]]
    assert found() == [before[0], *before[2:], "new"]
    server.jobs = {"new": server.jobs["new"]}
    assert found() == ["new"]
    server.jobs["new"]["name"] = "renamed"
    assert listing(client, name="renamed").json()["jobs"][0]["name"] == "renamed"


# -- faults and hooks --------------------------------------------------------------------------------------------------


def ask(server: DrsServer, client: httpx.Client) -> httpx.Response:
    return detail(client, list(server.jobs)[:2])


def test_a_status_with_headers_and_then_the_answer(server: DrsServer, client: httpx.Client) -> None:
    server.faults += [Fault("status", status=429, headers={"Retry-After": "2"}), Fault("status", times=2, status=503)]
    answers = [ask(server, client) for _ in range(4)]
    assert [answer.status_code for answer in answers] == [429, 503, 503, 200]
    assert answers[0].headers["Retry-After"] == "2"
    assert told(answers[0]) == (429, "APIGW.0308")
    assert "Retry-After" not in answers[1].headers


def test_a_reset(server: DrsServer, client: httpx.Client) -> None:
    server.faults.append(Fault("reset"))
    with pytest.raises(httpx.ReadError, match="reset"):
        ask(server, client)
    assert ask(server, client).status_code == 200
    assert len(server.requests) == 2


def test_an_answer_that_breaks_off(server: DrsServer, client: httpx.Client) -> None:
    server.faults.append(Fault("truncate"))
    with pytest.raises(httpx.RemoteProtocolError, match="without sending complete"):
        ask(server, client)
    assert ask(server, client).status_code == 200


def test_answers_that_are_not_the_services(server: DrsServer, client: httpx.Client) -> None:
    server.faults += [Fault("html"), Fault("empty"), Fault("not_json"), Fault("body", body={"results": None})]
    html, empty, broken, other = (ask(server, client) for _ in range(4))
    assert (html.status_code, html.headers["Content-Type"]) == (200, "text/html")
    assert (empty.status_code, empty.content) == (200, b"")
    with pytest.raises(ValueError):
        broken.json()
    assert broken.headers["Content-Type"] == "application/json"
    assert (other.status_code, other.json()) == (200, {"results": None})


@pytest.mark.parametrize("body", ["NaN", b"NaN"])
def test_any_body_with_any_status_and_headers(server: DrsServer, client: httpx.Client, body: str | bytes) -> None:
    server.faults.append(Fault("body", status=502, body=body, headers={"Content-Type": "text/plain", "Date": "never"}))
    answer = ask(server, client)
    assert (answer.status_code, answer.content) == (502, b"NaN")
    assert answer.headers.get_list("Content-Type") == ["text/plain"]
    assert answer.headers.get_list("Date") == ["never"]


def test_slow_answers(server: DrsServer, client: httpx.Client) -> None:
    server.faults += [Fault("slow", seconds=0.2), Fault("drip", seconds=0.2)]
    for _ in range(2):
        began = time.monotonic()
        assert ask(server, client).json()["count"] == 2
        assert time.monotonic() - began >= 0.2
    server.faults.append(Fault("slow", seconds=60))
    with pytest.raises(httpx.ReadTimeout):
        client.post("/jobs", json={"db_use_type": "sync"}, timeout=0.1)


def test_a_dripped_answer_outlives_a_timeout_between_bytes(server: DrsServer, client: httpx.Client) -> None:
    server.faults.append(Fault("drip", seconds=0.6))
    response = client.post("/jobs", json={"db_use_type": "sync"}, timeout=0.4)
    assert response.json()["total_record"] > 0


def test_a_poisoned_job_spoils_every_batch_it_is_in(server: DrsServer, client: httpx.Client) -> None:
    first, second, third = list(server.jobs)[:3]
    server.faults.append(Fault("poison", times=None, job_id=second))
    answers = [detail(client, ids).status_code for ids in ([first, second], [second], [first, third], [second, third])]
    assert answers == [500, 500, 200, 500]


def test_a_fault_strikes_only_where_it_is_meant_to(server: DrsServer, client: httpx.Client) -> None:
    target = list(server.jobs)[3]
    server.faults.append(Fault("status", None, lambda request: target in request.jobs))
    assert ask(server, client).status_code == 200
    assert detail(client, [target]).status_code == 500
    assert listing(client).status_code == 200


def test_a_misspelt_fault_is_refused() -> None:
    with pytest.raises(ValueError, match="no such fault"):
        Fault("timeout")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="job_id"):
        Fault("poison")
    with pytest.raises(ValueError, match="rate"):
        Fault("reset", rate=5)


def test_a_rate_strikes_that_share_the_same_for_the_same_seed(server: DrsServer, client: httpx.Client) -> None:
    def struck(seed: int) -> list[int]:
        server.faults = [Fault("status", None, status=503, rate=0.3, seed=seed)]
        return [place for place in range(100) if ask(server, client).status_code == 503]

    first = struck(1)
    assert 15 < len(first) < 45
    assert struck(1) == first != struck(2)


def test_rewrite_has_the_last_word_and_leaves_the_estate_alone(server: DrsServer, client: httpx.Client) -> None:
    def rewrite(request: RecordedRequest, document: dict[str, Any]) -> dict[str, Any]:
        document["results"][0]["name"] = "other"
        return document | {"data_transformation": {"total_count": 0}, "text": "\ud800"}

    server.rewrite = rewrite
    answer = ask(server, client).json()
    assert (answer["results"][0]["name"], answer["text"]) == ("other", "\ud800")
    assert answer["data_transformation"] == {"total_count": 0}
    assert next(iter(server.jobs.values()))["name"] != "other"
    assert detail(client, ["unknown"]).status_code == 400  # the hook sees only what is healthy


def test_latency_delays_everything(server: DrsServer, client: httpx.Client) -> None:
    server.latency = 0.15
    began = time.monotonic()
    client.get("/")
    assert time.monotonic() - began >= 0.15


def test_requests_are_logged_as_they_came(server: DrsServer, client: httpx.Client) -> None:
    client.post("/jobs/batch-detail", content=b"{", headers={"X-Language": "en-us"})
    ask(server, client)
    first, second = server.requests
    assert (first.method, first.body, first.document, first.jobs) == ("POST", b"{", None, [])
    assert first.path == f"/v3/{server.project_id}/jobs/batch-detail"
    assert first.headers["x-language"] == "en-us"
    assert second.jobs == list(server.jobs)[:2]
    assert first.time <= second.time <= time.monotonic()


def test_a_connection_serves_many_requests_and_ends_with_the_server() -> None:
    server = DrsServer(make_estate(1))
    with httpx.Client(headers={"X-Auth-Token": server.token}, trust_env=False, verify=False) as client:
        with server:
            began = time.monotonic()
            streams = {id(client.get(server.url).extensions["network_stream"]) for _ in range(50)}
            assert len(streams) == 1
            assert time.monotonic() - began < 1.5  # 50 delayed acknowledgements would take 2 seconds
        with pytest.raises(httpx.TransportError):
            client.get(server.url)
        url = server.url
        with server:
            assert server.url == url
            assert client.get(url).status_code == 404
