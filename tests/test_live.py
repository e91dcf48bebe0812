"""A live project, over real HTTP with the real command: pages, absences, faults, and what must never happen."""

from pathlib import Path
from typing import Any

import pytest

from inventory.mock import PLANTED, DrsServer, Fault
from tests.conftest import Command
from tests.live import DATABASE, Estate, Export, as_stored, findings, last


@pytest.mark.parametrize("page_size", [0, 1, 3, 5, 10, 100])
def test_every_job_comes_back_whatever_the_page_size(
    server: DrsServer, export: Export, estate: Estate, page_size: int
) -> None:
    export(page_size=page_size, language="zh-cn")
    assert estate() == {job_id: as_stored(job) for job_id, job in server.jobs.items()}
    for request in server.requests:
        assert request.document["page_req"]["per_page"] == page_size
        assert 1 <= len(request.jobs) <= 10
        assert request.headers["x-language"] == "zh-cn"


@pytest.mark.parametrize("style", ["batch400", "batch400_noid", "single400", "item200"])
def test_a_job_leaves_when_its_absence_is_proven(server: DrsServer, export: Export, estate: Estate, style: str) -> None:
    server.missing_style = style  # type: ignore[assignment]
    ids = [*sorted(server.jobs), "never-there"]
    export(jobs=ids)
    gone = ids[3]
    server.deleted.add(gone)
    done = export(jobs=ids)
    assert "1 removed" in done.stdout
    assert (gone in estate(), len(estate())) == (False, 24)
    assert {("absent_job", gone), ("absent_job", "never-there")} <= findings()
    assert last()["absent"] == 2


def test_an_answer_that_omits_a_job_proves_nothing(server: DrsServer, export: Export, estate: Estate) -> None:
    server.missing_style = "omit200"
    ids = sorted(server.jobs)
    export(jobs=ids)
    before = estate()
    server.deleted.add(ids[3])
    export(jobs=ids, code=3)
    assert estate() == before
    assert ("omitted_job", ids[3]) in findings()
    assert last()["status"] == "partial"


def test_only_the_poison_id_is_unreadable(server: DrsServer, export: Export, estate: Estate) -> None:
    export()
    before, bad = estate(), sorted(server.jobs)[7]
    for job in server.jobs.values():
        job["status"] = "PAUSING"
    server.faults.append(Fault("poison", times=None, job_id=bad))
    export("--require-complete", code=1, retry_seconds=1)
    assert estate() == before
    export(code=3, retry_seconds=1)
    after = estate()
    assert after[bad] == before[bad]
    assert all(job["status"] == "PAUSING" for job_id, job in after.items() if job_id != bad)
    assert last()["unreadable"] == 1


@pytest.mark.parametrize(("style", "told"), [("page", False), ("batch", False), ("asked", False), ("wrong", True)])
def test_count_mismatches_only_when_it_means_nothing(server: DrsServer, export: Export, style: str, told: bool) -> None:
    server.count_style = style  # type: ignore[assignment]
    export(page_size=3)
    assert (("count_mismatch", "") in findings()) == told


def test_data_transformation_beside_several_results_is_asked_again(
    server: DrsServer, export: Export, estate: Estate
) -> None:
    owner = next(job_id for job_id, job in server.jobs.items() if "data_transformation" in job)

    def beside(request: Any, document: dict[str, Any]) -> dict[str, Any]:
        for result in document["results"]:
            if result["id"] == owner:
                document["data_transformation"] = result.pop("data_transformation")
        return document

    server.rewrite = beside
    export()
    assert estate()[owner] == as_stored(server.jobs[owner])
    assert [owner] in [request.jobs for request in server.requests]


def test_repeated_and_unasked_jobs_are_noticed(server: DrsServer, export: Export, estate: Estate) -> None:
    ids = sorted(server.jobs)

    def odd(request: Any, document: dict[str, Any]) -> dict[str, Any]:
        if len(request.jobs) > 1:
            document["results"] += [document["results"][0], server.jobs[ids[-1]]]
        return document

    server.rewrite = odd
    export(jobs=ids[:10])
    assert set(estate()) == set(ids[:10])
    assert {kind for kind, _ in findings()} >= {"repeated_job", "unasked_job"}


def test_a_wrong_token_or_no_server_writes_nothing(server: DrsServer, export: Export, inventory: Command) -> None:
    server.token, token = "another", server.token
    server.faults.append(Fault("status", status=401, body=b'{"error_code":"APIGW.0301"}', times=None))
    assert "APIGW.0301" in export(code=1).stderr
    assert "no snapshot" in inventory("--database", DATABASE, "snapshots").stdout
    server.faults.clear()
    server.token = token
    server.stop()
    assert "connection refused" in export(code=1, retry_seconds=1).stderr
    assert "no snapshot" in inventory("--database", DATABASE, "snapshots").stdout


@pytest.mark.parametrize("kind", ["html", "empty", "not_json", "truncate", "reset"])
def test_a_fault_loses_and_invents_nothing(server: DrsServer, export: Export, estate: Estate, kind: str) -> None:
    export()
    before = estate()
    server.faults.append(Fault(kind, times=2))  # type: ignore[arg-type]
    done = export()
    assert "0 removed" in done.stdout
    assert "requests, 2 retries" in done.stdout
    assert estate() == before


def test_an_id_that_is_asked_no_more_leaves_as_deselected(server: DrsServer, export: Export) -> None:
    ids = sorted(server.jobs)
    export(jobs=ids)
    export(jobs=ids[1:])
    row = last()
    assert (row["deselected"], row["removed"], row["jobs"]) == (1, 0, 24)


def test_a_mass_removal_is_refused(server: DrsServer, export: Export, estate: Estate) -> None:
    ids = sorted(server.jobs)
    export(jobs=ids)
    server.deleted.update(ids[:13])
    assert "--max-removals" in export(jobs=ids, code=1).stderr
    assert len(estate()) == 25
    export("--max-removals", "60%", jobs=ids)
    assert len(estate()) == 12


def test_no_planted_secret_leaves_the_service(export: Export, tmp_path: Path) -> None:
    done = export("--max-removals", "10%")
    assert PLANTED not in done.stdout + done.stderr
    assert PLANTED.encode() not in (tmp_path / "x.db").read_bytes()


@pytest.mark.empty_database
def test_postgresql_holds_the_same(export: Export, inventory: Command, postgresql: str) -> None:
    assert "inventory db upgrade" in export(database=postgresql, code=1).stderr
    assert inventory("--database", postgresql, "db", "upgrade").returncode == 0
    export(database=postgresql)
    export()
    assert last(postgresql)["content_digest"] == last()["content_digest"]
    export(database=postgresql)
    row = last(postgresql)
    assert (row["added"], row["changed"], row["removed"]) == (0, 0, 0)
