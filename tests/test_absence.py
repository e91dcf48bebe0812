"""Which answers prove that a job is gone, and which do not; what the list says where the detail says nothing."""

import json
from pathlib import Path
from typing import Any

import pytest

from inventory.mock import DrsServer, Fault, apply_scenarios
from tests.conftest import ROOT, Command, write_page
from tests.live import DATABASE, Estate, Export, as_stored, findings, last
from tests.test_discovery import asked, rewrite_list, rows, sweeps

Document = dict[str, Any]
SHARED = json.loads((ROOT / "tests/payloads/deleted_200.json").read_text())


def asked_alone(server: DrsServer) -> list[str]:
    return [request.jobs[0] for request in server.requests if len(request.jobs) == 1]


def say_gone(server: DrsServer, job_id: str, shape: str, status: int, said: Document) -> None:
    """Let every answer about a job say that it is gone, in the shape of a batch or of a single error."""
    body = {"count": 1, "results": [{"id": job_id, **said}]} if shape == "batch" else said
    server.faults.append(
        Fault("status", status=status, body=body, times=None, when=lambda request: job_id in request.jobs)
    )


@pytest.mark.parametrize("status", ["DELETED", "deleted", "Deleted"])
def test_a_job_with_the_status_deleted_leaves(
    server: DrsServer, export: Export, inventory: Command, estate: Estate, status: str
) -> None:
    ids = sorted(server.jobs)
    export(jobs=ids)
    gone = ids[3]
    server.jobs[gone] |= {"status": status}
    done = export(jobs=ids)
    assert (gone in estate(), len(estate())) == (False, 24)
    row = last()
    assert (row["removed"], row["changed"], row["absent"], row["status"]) == (1, 0, 1, "complete")
    assert ("absent_job", gone) in findings()
    assert "1 removed" in done.stdout
    assert inventory("--database", DATABASE, "diff", "--fail-on", "delete").returncode == 2

    before = len(server.requests)
    server.requests.clear()
    export(jobs=ids)
    assert asked_alone(server) == [gone]  # at once, not after a batch that it would spoil
    assert len(server.requests) <= before
    assert (last()["removed"], last()["changed"]) == (0, 0)


def test_a_deleted_job_that_no_list_names_leaves_and_is_not_asked_again(
    server: DrsServer, export: Export, estate: Estate
) -> None:
    apply_scenarios(server, ["deleted-status"])
    export(jobs="all")
    requests = len(server.requests)
    gone = set(sorted(server.jobs)[::5])
    server.deleted |= gone
    server.requests.clear()
    export(jobs="all")
    assert estate().keys() == server.jobs.keys() - gone
    assert last()["removed"] == len(gone)
    assert set(asked_alone(server)) == gone
    server.requests.clear()
    export(jobs="all")
    assert not asked(server) & gone
    assert len(server.requests) <= requests


def test_a_deleted_job_that_the_list_names_stays(server: DrsServer, export: Export, estate: Estate) -> None:
    export(jobs="all")
    listed = min(server.jobs)
    server.jobs[listed] |= {"status": "DELETED"}
    export(jobs="all")
    assert estate()[listed] == as_stored(server.jobs[listed])
    assert (last()["removed"], last()["changed"]) == (0, 1)
    server.requests.clear()
    export(jobs="all")
    assert asked_alone(server) == []
    assert last()["changed"] == 0
    server.missing_style = "status200"
    server.deleted.add(listed)  # now the list names it no more, and its detail is as it was
    export(jobs="all")
    assert listed not in estate()
    assert last()["removed"] == 1


@pytest.mark.parametrize("status", [403, 409, 500, 503])
@pytest.mark.parametrize("shape", ["batch", "single"])
def test_a_code_of_a_deleted_job_proves_nothing_under_another_status(
    server: DrsServer, export: Export, estate: Estate, shape: str, status: int
) -> None:
    ids = sorted(server.jobs)[:4]
    export(jobs=ids)
    say_gone(server, ids[0], shape, status, {"error_code": "DRS.M05004", "error_message": "It has been deleted."})
    export(jobs=ids, retry_seconds=0, code=3)
    assert ids[0] in estate()
    assert last()["removed"] == 0


@pytest.mark.parametrize("shape", ["batch", "single"])
def test_the_status_404_proves_an_absence_with_its_code_alone(
    server: DrsServer, export: Export, estate: Estate, shape: str
) -> None:
    ids = sorted(server.jobs)[:4]
    export(jobs=ids)
    say_gone(server, ids[0], shape, 404, {"error_code": "DRS.M00289", "error_msg": "The job does not exist."})
    export(jobs=ids)
    assert estate().keys() == set(ids[1:])


def test_what_the_list_says_of_a_virtual_parent_is_kept(server: DrsServer, export: Export, estate: Estate) -> None:
    apply_scenarios(server, ["virtual-parent"])
    export(jobs="all")
    assert estate().keys() == server.jobs.keys()
    (parent,) = asked(server) - server.jobs.keys()
    query = f"SELECT * FROM job_listings WHERE job_id = '{parent}'"
    (listing,) = rows(export.folder, query)
    assert listing["name"] == "DRS-many-to-one"
    (finding,) = rows(export.folder, f"SELECT kind, detail FROM findings WHERE job_id = '{parent}'")
    assert finding == {"kind": "absent_job", "detail": "DRS.M00289, asked alone; the list names it"}
    assert (last()["status"], last()["consistency"]) == ("complete", "one pass")

    server.requests.clear()
    export(jobs="all")
    assert asked_alone(server) == [parent]
    assert rows(export.folder, query) == [listing]
    assert rows(export.folder, "SELECT count(*) AS n FROM job_listings_history") == [{"n": 0}]
    server.hooks.clear()
    export(jobs="all")
    assert rows(export.folder, query) == []


def test_a_recording_comes_to_the_same(server: DrsServer, export: Export, inventory: Command, tmp_path: Path) -> None:
    apply_scenarios(server, ["virtual-parent", "deleted-status"])
    digests = []
    for night in ("one", "two"):
        export("--record", str(tmp_path / night), jobs="all")
        digests.append(last()["content_digest"])
        server.deleted.add(min(server.jobs))
    document = {"sources": [{"name": "again", "replay": ["one/live", "two/live"]}]}
    (tmp_path / "replay.yaml").write_text(json.dumps(document))
    done = inventory("--config", "replay.yaml", "--database", "sqlite:///again.db", "export")
    assert done.returncode == 0, done.stderr
    found = json.loads(inventory("--database", "sqlite:///again.db", "snapshots", "--json").stdout)["snapshots"]
    assert [row["content_digest"] for row in found] == digests
    assert [row["removed"] for row in found] == [0, 1]


def test_a_page_by_hand_with_a_deleted_job_removes_it(inventory: Command, tmp_path: Path) -> None:
    job = SHARED["results"][0]
    for day, status in ((1, "CONFIGURATION"), (2, "DELETED")):
        document = {"count": 1, "results": [job | {"status": status}]}
        write_page(tmp_path / str(day), 1, [job["id"]], document, time=f"2026-11-0{day}T01:00:00Z")
    (tmp_path / "c.yaml").write_text(json.dumps({"sources": [{"name": "s", "replay": ["1", "2"]}]}))
    done = inventory("--config", "c.yaml", "--database", "sqlite:///x.db", "export")
    assert done.returncode == 0, done.stderr
    found = json.loads(inventory("--database", "sqlite:///x.db", "snapshots", "--json").stdout)["snapshots"]
    assert [(row["jobs"], row["absent"], row["removed"]) for row in found] == [(1, 0, 0), (0, 1, 1)]


def test_an_empty_list_may_be_null(server: DrsServer, export: Export, estate: Estate) -> None:
    apply_scenarios(server, ["null-list"])
    for job in server.jobs.values():
        job["db_use_type"] = "sync"
    export(jobs="all")
    assert estate().keys() == server.jobs.keys()
    assert (last()["status"], last()["retries"]) == ("complete", 0)


def test_an_empty_answer_of_null_is_an_answer_that_omits(server: DrsServer, export: Export, estate: Estate) -> None:
    ids = sorted(server.jobs)[:3]
    export(jobs=ids)

    def nothing(request: Any, document: Document) -> Document:
        return {"count": 0, "results": None} if ids[0] in request.jobs else document

    server.rewrite = nothing
    export(jobs=ids, code=3)
    assert estate().keys() == set(ids)
    assert ("omitted_job", ids[0]) in findings()
    assert last()["retries"] == 0


def test_null_beside_a_total_is_no_empty_list(server: DrsServer, export: Export) -> None:
    def lose(_: Document, document: Document) -> None:
        document["jobs"] = None

    rewrite_list(server, lose)
    assert "without jobs" in export(jobs="all", retry_seconds=0, code=1).stderr


def test_a_scenario_that_is_not_served_is_a_finding_once(
    server: DrsServer, export: Export, inventory: Command, estate: Estate
) -> None:
    apply_scenarios(server, ["no-disaster-recovery"])
    for job in server.jobs.values():
        job["db_use_type"] = "sync"
    for _ in range(2):
        export(jobs="all")
        assert estate().keys() == server.jobs.keys()
        assert (last()["status"], last()["consistency"]) == ("complete", "one pass")
        found = rows(export.folder, "SELECT path, detail FROM findings WHERE kind = 'scenario_not_served'")
        detail = "cloudDataGuard: HTTP 400 DRS.M00007; the region does not serve this scenario"
        assert found == [{"path": "db_use_type=cloudDataGuard", "detail": detail}]
    assert rows(export.folder, "SELECT count(*) AS n FROM findings_history") == [{"n": 0}]

    gone = min(server.jobs)  # the list does not cover all, so silence proves nothing
    server.deleted.add(gone)
    server.missing_style = "omit200"
    export(jobs="all", code=3)
    assert gone in estate()


def test_a_region_that_serves_no_scenario_is_an_error(server: DrsServer, export: Export) -> None:
    server.not_served |= {"migration", "sync", "cloudDataGuard"}
    done = export(jobs="all", code=1)
    assert "the service serves the list of no scenario" in done.stderr
    assert "DRS.M00007" in done.stderr


def test_a_source_chooses_its_scenarios(server: DrsServer, export: Export, inventory: Command, estate: Estate) -> None:
    export(jobs="all", scenarios=["cloudDataGuard", "migration"])
    assert [document["db_use_type"] for document in sweeps(server)] == ["migration", "cloudDataGuard"] * 2
    wanted = {job_id for job_id, job in server.jobs.items() if job["db_use_type"] != "sync"}
    assert estate().keys() == wanted
    export(jobs="all", scenarios=["migration"])
    assert estate().keys() == wanted  # a job that is known is still asked for
    export.configured(jobs="all", scenarios=["migration", "replay"])
    done = inventory("--config", "c.yaml", "validate", TOKEN="t")
    assert done.returncode == 64
    assert "one of cloudDataGuard, migration, sync is needed" in done.stderr
