"""Texts for people: grammar, units, what is wrong and where, and what to do next."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from inventory.common.safe_text import byte_size, count
from inventory.mock import DrsServer
from inventory.render.snapshots import summary, unread
from inventory.schema import REVISION
from inventory.store.writer import Result
from tests.conftest import Command, ran
from tests.live import DATABASE, Export

MOMENT = datetime(2026, 11, 1, 3, 0, 0, tzinfo=UTC)
ROW: dict[str, Any] = {
    "id": 1, "status": "complete", "observed_from": MOMENT, "observed_to": MOMENT, "consistency": "one pass",
    "requested": 14, "returned": 13, "absent": 1, "unreadable": 0, "deselected": 0, "jobs": 13,
    "added": 13, "changed": 0, "removed": 0, "requests": 10, "retries": 0, "digest": "d" * 64,
}  # fmt: skip


def result(*, incomplete: str = "", findings: dict[str, int] | None = None, **row: Any) -> Result:
    return Result("live", ROW | row, None, findings or {}, 0, incomplete)


@pytest.mark.parametrize(
    ("number", "said"),
    [
        (0, "0 bytes"), (1, "1 byte"), (1023, "1,023 bytes"), (1024, "1.0 KiB"), (500 * 1024, "500 KiB"),
        (1_220_608, "1.2 MiB"), (77.4 * 2**30, "77 GiB"), (5000 * 2**30, "5,000 GiB"),
    ],
)  # fmt: skip
def test_bytes_have_a_unit_for_people(number: float, said: str) -> None:
    assert byte_size(number) == said


def test_numbers_have_their_noun() -> None:
    assert [count(number, "job") for number in (0, 1, 2, 1234)] == ["0 jobs", "1 job", "2 jobs", "1,234 jobs"]


@pytest.mark.parametrize(
    ("row", "said"),
    [
        ({}, "  read      13 of 14 jobs (1 not found); 10 requests, no retries"),
        (
            {"requested": 1, "returned": 1, "absent": 0, "requests": 1, "retries": 1},
            "  read      1 of 1 job; 1 request, 1 retry",
        ),
        ({"returned": 11, "unreadable": 2}, "  read      11 of 14 jobs (1 not found, 2 could not be read); "),
        ({"added": 1200, "deselected": 2}, "  jobs      13: 1,200 added, 0 changed, 0 removed, 2 deselected"),
        ({}, "  listing   consistent"),
        ({"consistency": "repaired"}, "  listing   changed while reading, corrected"),
        ({"consistency": "torn"}, "  listing   changed while reading, not corrected"),
        ({"consistency": "torn", "incomplete": "page 2 was not read"}, "  listing   incomplete"),
        (
            {"findings": {"unknown_field": 7, "absent_job": 1}},
            "  findings  8 (`inventory findings` explains them): 1 absent_job, 7 unknown_field",
        ),
    ],
)
def test_the_summary_of_an_export(row: dict[str, Any], said: str) -> None:
    assert said in "\n".join(summary("live", result(**row)))


def test_a_recording_that_was_imported_before() -> None:
    assert summary("s", Result("night-1", None, 1)) == [
        "s: recording night-1 was imported before (snapshot 1); skipped"
    ]


def test_an_unread_job_of_a_first_night_is_missing() -> None:
    found = Result("live", ROW | {"returned": 12, "jobs": 12, "unreadable": 1}, None, unread={"j1": "HTTP 500 X.1"})
    assert unread(found) == ["1 job could not be read; it is missing from this snapshot", "  j1: HTTP 500 X.1"]


UNKNOWN = ["00000000-0000-0000-0000-00000000job1", "00000000-0000-0000-0000-00000000job2"]


def test_none_of_the_configured_jobs_exists(server: DrsServer, export: Export) -> None:
    said = export(jobs=UNKNOWN, code=3).stderr
    why = f"found 0 of 2 configured jobs in project {server.project_id}; check project_id, region and the job ids"
    assert f"error: live: {why}\n" in said
    assert "live: snapshot 1, partial, " in (
        shown := export(jobs=UNKNOWN, code=3).stdout.replace("snapshot 2", "snapshot 1")
    )
    assert "  read      0 of 2 jobs (2 not found); " in shown
    refused = export("--require-complete", jobs=UNKNOWN[:1], code=1, database="sqlite:///y.db").stderr
    assert "found 0 of 1 configured job in project" in refused
    note = "found none of the configured jobs; check project_id, region and the job ids"
    assert note in ran("--database", DATABASE, "diff")
    one = [*UNKNOWN, min(server.jobs)]
    assert "live: snapshot 3, complete" in export(jobs=one).stdout


def test_known_jobs_that_are_all_gone_leave_as_ever_but_not_silently(server: DrsServer, export: Export) -> None:
    jobs = sorted(server.jobs)[:2]
    export(jobs=jobs)
    for job_id in jobs:
        del server.jobs[job_id]
    gone = export(jobs=jobs)  # each was known, and is proven to be gone
    assert "0 added, 0 changed, 2 removed" in gone.stdout
    later = export(jobs=jobs, code=3)
    assert "snapshot 3, partial" in later.stdout
    assert "found 0 of 2 configured jobs" in later.stderr


def test_an_upgrade_says_what_was_done(inventory: Command) -> None:
    said = [inventory("--database", DATABASE, "db", "upgrade").stdout for _ in range(2)]
    assert said[0] == f"Upgraded sqlite:///x.db to revision {REVISION}.\n"
    assert said[1] == f"sqlite:///x.db is already up to date (revision {REVISION}).\n"


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (["show", "--snapshot", "yesterday"], 64, "'yesterday' is not a snapshot reference. Use an id, latest, "),
        (["show", "--source", "nope"], 64, "the database has no source 'nope'. `inventory sources list` shows them"),
        (["show"], 1, "there are no snapshots yet. Run `inventory export` first"),
        (["diff"], 1, "there are no snapshots yet. Run `inventory export` first"),
        (["sources", "rename", "a", "b c"], 64, "'b c' is not a valid source name. Use 1 to 100 letters, "),
        (["verify", "--expect", "abc"], 64, "--expect: not a digest. Give all 64 hex digits; `inventory snapshots"),
        (["verify", "--public-key", "no.pem"], 64, "--public-key no.pem: no such file or directory. Name a public key"),
        (["prune", "--older-than", "9m"], 64, "--older-than '9m' is not an age. Give days (90d), weeks (12w) or "),
        (["export", "--metrics-file", "none/x.prom"], 64, "none does not exist. Name a file in a folder that exists"),
    ],
)
def test_an_error_says_what_to_do_next(inventory: Command, arguments: list[str], code: int, said: str) -> None:
    assert inventory("--database", DATABASE, "db", "upgrade").returncode == 0
    Path("inventory.yaml").write_text("sources: [{name: s, replay: r}]\n")
    done = inventory("--database", DATABASE, *arguments)
    assert (done.returncode, said in done.stderr) == (code, True), done.stderr
    assert done.stderr.count("error: ") == 1
