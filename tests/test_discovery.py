"""`jobs: all`: every job is found, a filter never removes, what only the list knows is kept, and a list may lie."""

import json
import sqlite3
import subprocess
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from inventory.mock import PLANTED, DrsServer, Fault, apply_scenarios, list_item
from inventory.mock.estate import sub_tasks
from tests.conftest import Command, started
from tests.live import Estate, Export, as_stored, findings, last, long_list

USES = {"migration", "sync", "cloudDataGuard"}
Document = dict[str, Any]


def rows(folder: Path, query: str) -> list[Any]:
    with closing(sqlite3.connect(folder / "x.db")) as connection:
        connection.row_factory = sqlite3.Row
        return [dict(row) for row in connection.execute(query)]


def asked(server: DrsServer) -> set[str]:
    return {job_id for request in server.requests for job_id in request.jobs}


def sweeps(server: DrsServer) -> list[Document]:
    return [request.document for request in server.requests if request.path.endswith("/jobs")]


def rewrite_list(server: DrsServer, change: Callable[[Document, Document], None]) -> None:
    """Change what the list answers; `change` gets the request's document and the answer's."""

    def rewrite(request: Any, document: Document) -> Document:
        if "total_record" in document:
            change(request.document, document)
        return document

    server.rewrite = rewrite


@pytest.fixture
def big() -> Iterator[DrsServer]:
    """More than 200 jobs of one kind: three pages of the list."""
    with DrsServer(long_list(210, objects=0)) as running:
        yield running


def test_every_job_of_every_use_is_found_over_many_pages(
    big: DrsServer, tmp_path: Path, inventory: Command, estate: Estate
) -> None:
    Export(big, tmp_path, inventory)(jobs="all")
    assert estate().keys() == big.jobs.keys()
    assert {document["db_use_type"] for document in sweeps(big)} == USES
    assert max(document["cur_page"] for document in sweeps(big) if document["db_use_type"] == "sync") >= 3
    assert last()["consistency"] == "one pass"


FILTERS: dict[str, tuple[Document, Callable[[Document], bool]]] = {
    "status": ({"status": ["PAUSING", "CREATING"]}, lambda job: job["status"] in ("PAUSING", "CREATING")),
    "engine type": ({"engine_type": "postgresql"}, lambda job: job["inst_info"]["engine_type"] == "postgresql"),
    "name": ({"name": "*-mongo*"}, lambda job: "-mongo" in job["name"]),
    "tags": ({"tags": {"stage": "prod"}}, lambda job: {"key": "stage", "value": "prod"} in job.get("tags", ())),
    "two at once": (
        {"engine_type": ["mysql", "postgresql"], "tags": {"stage": "test"}},
        lambda job: job["inst_info"]["engine_type"] in ("mysql", "postgresql")
        and {"key": "stage", "value": "test"} in job.get("tags", ()),
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", FILTERS)
def test_a_filter_chooses_and_never_removes(server: DrsServer, export: Export, estate: Estate, case: str) -> None:
    keys, fits = FILTERS[case]
    chosen = {job_id for job_id, job in server.jobs.items() if fits(job)}
    if case == "status":
        chosen = set(sorted(server.jobs)[:2])
        for job_id, job in server.jobs.items():
            job["status"] = "PAUSING" if job_id in chosen else "FULL_TRANSFER_STARTED"
    assert 0 < len(chosen) < 25
    export(jobs="all", filter=keys)
    assert estate().keys() == chosen

    left = min(chosen)
    changed = {"status": "CONFIGURATION", "name": "another", "tags": [], "inst_info": {"engine_type": "another"}}
    server.jobs[left] |= changed
    server.requests.clear()
    export(jobs="all", filter=keys)
    assert left in asked(server)
    assert estate()[left] == as_stored(server.jobs[left])
    assert estate().keys() == chosen
    assert (last()["removed"], last()["deselected"]) == (0, 0)


def test_tags_are_found_in_both_their_forms(server: DrsServer, export: Export, estate: Estate) -> None:
    one, two, other, *_ = sorted(server.jobs)
    for job in server.jobs.values():
        job["tags"] = []
    server.jobs[one]["tags"] = [{"key": "team", "value": "shop"}, {"key": "x", "value": ""}]
    server.jobs[two]["tags"] = [{"stage": "prod", "team": "shop"}]
    server.jobs[other]["tags"] = [{"team": "shopping"}, {"key": "shop", "value": "team"}, "team", None, {"key": "team"}]
    export(jobs="all", filter={"tags": {"team": "shop"}})
    assert estate().keys() == {one, two}


def test_the_enterprise_project_is_asked_of_the_service(server: DrsServer, export: Export, estate: Estate) -> None:
    export(jobs="all")
    assert all("enterprise_project_id" not in document for document in sweeps(server))
    server.requests.clear()
    gone, hidden = sorted(server.jobs)[:2]
    server.missing_style = "omit200"
    server.deleted.add(gone)

    def hide(_: Document, document: Document) -> None:
        document["jobs"] = [job for job in document["jobs"] if job["id"] != hidden]
        document["total_record"] = len(document["jobs"])

    rewrite_list(server, hide)
    export(jobs="all", filter={"enterprise_project_id": "e-1"}, code=3)
    assert {document["enterprise_project_id"] for document in sweeps(server)} == {"e-1"}
    assert gone in estate()  # its list names a part only, so silence proves nothing
    assert hidden in estate()


def test_a_known_job_in_no_list_and_no_answer_leaves_unless_the_list_is_incomplete(
    server: DrsServer, export: Export, estate: Estate
) -> None:
    export(jobs="all")
    gone = min(server.jobs)
    server.missing_style = "omit200"
    server.deleted.add(gone)
    more = 7

    def promise(_: Document, document: Document) -> None:
        document["total_record"] += more

    rewrite_list(server, promise)
    export(jobs="all", code=3)
    assert gone in estate()
    assert ("omitted_job", gone) in findings()
    more = 0
    export(jobs="all")
    assert gone not in estate()
    assert ("absent_job", gone) in findings()
    assert last()["removed"] == 1


def test_children_become_jobs_where_they_are_wanted(server: DrsServer, export: Export, estate: Estate) -> None:
    apply_scenarios(server, ["sub-tasks"])
    children = {child: job_id for job_id, job in server.jobs.items() for child, _ in sub_tasks(job)}
    assert children
    export(jobs="all", children=True)
    assert estate().keys() == server.jobs.keys() | children.keys()
    listed = rows(export.folder, "SELECT job_id, parent_job_id FROM job_listings WHERE parent_job_id IS NOT NULL")
    assert {row["job_id"]: row["parent_job_id"] for row in listed} == children


def test_children_that_nobody_asks_for_are_listings_alone(server: DrsServer, export: Export, estate: Estate) -> None:
    children = {child: (job_id, name) for job_id, job in server.jobs.items() for child, name in sub_tasks(job)}
    export(jobs="all")
    assert estate().keys() == server.jobs.keys()
    assert asked(server) == server.jobs.keys()
    found = {row["job_id"]: row for row in rows(export.folder, "SELECT * FROM job_listings")}
    assert found.keys() == server.jobs.keys() | children.keys()
    for child, (parent, name) in children.items():
        extra = json.loads(found[child]["extra"])
        assert (found[child]["parent_job_id"], found[child]["name"]) == (parent, name)
        assert found[child]["status"] == server.jobs[parent]["status"]
        assert not {"children", "job_action", "id"} & extra.keys()
    seen = rows(export.folder, "SELECT parent_job_id, job_id, name, status FROM sub_tasks")
    assert {row["job_id"]: (row["parent_job_id"], row["name"]) for row in seen} == children
    assert {row["status"] for row in seen} == {row["status"] for row in found.values() if row["parent_job_id"]}


def test_a_listing_holds_what_only_the_list_says(server: DrsServer, export: Export) -> None:
    def more(_: Document, document: Document) -> None:
        for job in document["jobs"]:
            job["charging_mode"], job["api_secret"] = "period", f"{PLANTED}-of-the-list"

    rewrite_list(server, more)
    export(jobs="all")
    found = {row["job_id"]: row for row in rows(export.folder, "SELECT * FROM job_listings")}
    for job_id, job in server.jobs.items():
        item, row = list_item(job), found[job_id]
        assert row["net_type"] == item["net_type"]
        assert (row["billing_tag"], row["node_new_framework"]) == (item["billing_tag"], item["node_newFramework"])
        assert json.loads(row["extra"]) == {"charging_mode": "period", "api_secret": "***"}
        assert bool(row["error_msg"]) == ("error_msg" in item)
        assert "password=***" in (row["error_msg"] or "password=***")
    assert any(row["error_msg"] for row in found.values())
    assert PLANTED.encode() not in (export.folder / "x.db").read_bytes()
    paths = {row["path"] for row in rows(export.folder, "SELECT path FROM findings WHERE kind = 'unknown_field'")}
    assert {"jobs[].charging_mode", "jobs[].api_secret"} <= paths

    counts = "SELECT (SELECT count(*) FROM job_listings) AS now, (SELECT count(*) FROM job_listings_history) AS before"
    (before,) = rows(export.folder, counts)
    export(jobs="all")
    assert rows(export.folder, counts) == [before]
    assert before["before"] == 0
    row = last()
    assert (row["added"], row["changed"], row["removed"]) == (0, 0, 0)


def test_except_is_never_asked_for_and_leaves_as_deselected(server: DrsServer, export: Export, estate: Estate) -> None:
    export(jobs="all")
    out, other, *_ = sorted(server.jobs)
    server.requests.clear()
    without: Document = {"except": [out, "never-there"]}
    export(jobs="all", **without)
    assert not asked(server) & {out, "never-there"}
    assert (out in estate(), other in estate()) == (False, True)
    row = last()
    assert (row["deselected"], row["removed"], row["jobs"]) == (1, 0, 24)


def test_ids_come_from_a_file_and_from_standard_input(
    server: DrsServer, export: Export, estate: Estate, tmp_path: Path
) -> None:
    one, two, three, *_ = sorted(server.jobs)
    (tmp_path / "ids.txt").write_text(f"\ufeff{one}  # the first\n\n# nothing\n{two}\r\n{one}\n", encoding="utf-8")
    export(jobs={"file": "ids.txt"})
    assert asked(server) == {one, two}
    assert estate().keys() == {one, two}
    export.configured(jobs={"file": "-"})
    pipe = subprocess.PIPE
    words = ("--config", "c.yaml", "--database", "sqlite:///x.db", "export")
    with started(*words, stdin=pipe, stdout=pipe, stderr=pipe, TOKEN=server.token) as process:
        _, err = process.communicate(f"{two}\n{three}\n", timeout=60)
    assert process.returncode == 0, err
    assert estate().keys() == {two, three}
    assert last()["deselected"] == 1


def of_the_list(request: Any) -> bool:
    return bool(request.path.endswith("/jobs"))


def test_a_list_that_is_refused_writes_nothing(server: DrsServer, export: Export, inventory: Command) -> None:
    denied = {"error_code": "DRS.M00102", "error_msg": "no"}
    server.faults.append(Fault("status", status=403, body=denied, times=None, when=of_the_list))
    assert "DRS.M00102" in export(jobs="all", code=1).stderr
    assert "no snapshot" in inventory("--database", "sqlite:///x.db", "snapshots").stdout
    assert not asked(server)


def test_a_list_that_fails_at_the_end_only_is_a_partial_snapshot(
    server: DrsServer, export: Export, inventory: Command, estate: Estate
) -> None:
    def late(request: Any) -> bool:
        return of_the_list(request) and bool(asked(server))

    server.faults.append(Fault("status", status=403, body={"error_code": "DRS.M00102"}, times=None, when=late))
    export("--require-complete", jobs="all", code=1)
    assert "no snapshot" in inventory("--database", "sqlite:///x.db", "snapshots").stdout
    server.requests.clear()
    done = export(jobs="all", code=3)
    assert "DRS.M00102" in done.stdout + done.stderr
    assert estate().keys() == server.jobs.keys()
    row = last()
    assert (row["status"], row["consistency"], row["unreadable"]) == ("partial", "torn", 0)


LONG = "x" * 10_000
HOSTILE: dict[str, Any] = {
    "no id": {"name": "nameless", "db_password": PLANTED},
    "a number": {"id": 7, "name": "seven"},
    "a list": {"id": [1, {"a": 2}]},
    "NUL": {"id": "a\x00b"},
    "10,000 characters": {"id": LONG},
    "terminal": {"id": "\x1b[31mred"},
    "text": "garbage",
    "null": None,
    "nested": [[[]]],
}


@pytest.mark.parametrize("case", HOSTILE)
def test_an_item_without_a_usable_id_is_told_and_costs_no_other(
    server: DrsServer, export: Export, estate: Estate, case: str
) -> None:
    def plant(asked_for: Document, document: Document) -> None:
        if asked_for["db_use_type"] == "sync":
            document["jobs"].insert(0, HOSTILE[case])
            document["jobs"][1]["children"] = [HOSTILE[case]]

    rewrite_list(server, plant)
    done = export(jobs="all", code=3)
    assert "\x1b" not in done.stdout + done.stderr
    assert estate().keys() == server.jobs.keys()
    assert ("unusable_id", "") in findings()
    assert last()["status"] == "partial"
    assert PLANTED.encode() not in (export.folder / "x.db").read_bytes()


def test_a_list_that_names_a_job_twice_names_it_once(server: DrsServer, export: Export, estate: Estate) -> None:
    def twice(_: Document, document: Document) -> None:
        document["jobs"] += document["jobs"]

    rewrite_list(server, twice)
    export(jobs="all")
    assert estate().keys() == server.jobs.keys()
    assert len(asked(server)) == 25
    assert last()["requested"] == 25


@pytest.mark.parametrize("total", ["25", "many", "9" * 6000, None, -1, True, [3], 1.5, 10**30])
def test_a_total_that_is_no_number_loses_nothing(server: DrsServer, export: Export, estate: Estate, total: Any) -> None:
    def tell(_: Document, document: Document) -> None:
        document["total_record"] = total

    rewrite_list(server, tell)
    export.configured(jobs="all")
    done = export.inventory("--config", "c.yaml", "--database", "sqlite:///x.db", "export", TOKEN=server.token)
    assert done.returncode in (0, 3), done.stderr
    assert estate().keys() == server.jobs.keys()


@pytest.mark.parametrize("what", ["garbage", "jobs"])
def test_a_list_without_end_ends(big: DrsServer, tmp_path: Path, inventory: Command, estate: Estate, what: str) -> None:
    first: dict[str, list[Any]] = {}

    def repeat(asked_for: Document, document: Document) -> None:
        page = first.setdefault(asked_for["db_use_type"], document["jobs"])
        document["jobs"] = page if what == "jobs" else [3] * 100
        document["total_record"] = 1_000_000

    rewrite_list(big, repeat)
    done = Export(big, tmp_path, inventory)(jobs="all", code=3 if what == "jobs" else 1)
    assert len(sweeps(big)) < 500
    if what == "jobs":
        assert {job["id"] for page in first.values() for job in page} == estate().keys()
        assert last()["consistency"] == "torn"
    else:
        assert "without a usable id" in done.stderr


def test_a_document_that_is_nested_too_deeply_costs_its_job_alone(
    server: DrsServer, export: Export, estate: Estate
) -> None:
    bad = min(server.jobs)
    export(jobs="all")
    before = estate()[bad]
    server.jobs[bad] |= {"abyss": json.loads("[" * 400 + "]" * 400)}
    export(jobs="all", retry_seconds=1, code=3)
    assert estate().keys() == server.jobs.keys()
    assert estate()[bad] == before
