"""What a reader of changes sees first: their order, replacements, reasons, what came and went, and wrong filters."""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import Command
from tests.nights import Night, record

ENDS = {"source_endpoint": {"ip": "10.0.0.1", "db_port": 3306}, "target_endpoint": {"inst_id": "rds-1"}}
OTHER = {"source_endpoint": {"ip": "10.0.0.2"}, "target_endpoint": {"inst_id": "rds-2"}}
NIGHTS: list[Night] = [
    {
        "a-stays": {"name": "stays", "status": "CREATING"},
        "b-flips": {"name": "flips", "status": "PAUSING"},
        "c-old": {"name": "orders", "status": "PAUSING", **ENDS},
        "d-old": {"name": "before", "status": "PAUSING", **OTHER},
        "z-gone": {"name": "gone", "status": "RELEASE_RESOURCE_COMPLETE"},
    },
    {
        "a-stays": {"name": "stays", "status": "STARTJOBING"},
        "b-flips": {"name": "flips", "status": "CREATING"},
        "c-old": {"name": "orders", "status": "PAUSING", **ENDS},
        "d-old": {"name": "before", "status": "PAUSING", **OTHER},
        "z-gone": {"name": "gone", "status": "RELEASE_RESOURCE_COMPLETE"},
    },
    {
        "a-stays": {"name": "stays", "status": "FULL_TRANSFER_STARTED"},
        "b-flips": {"name": "flips", "status": "PAUSING"},
        "e-new": {"name": "orders", "status": "CREATING", **ENDS},
        "f-new": {"name": "after", "status": "CREATING", **OTHER},
        "g-new": {"name": "new", "status": "CREATING", "never_seen": 1},
    },
]


@pytest.fixture
def run(tmp_path: Path, inventory: Command) -> Any:
    """Run a command on three nights."""
    gone: set[str] = set()
    for at, night in enumerate(NIGHTS, 1):
        gone = set(NIGHTS[0]) - night.keys()
        record(tmp_path / f"n{at}", night, at, gone)
    (tmp_path / "c.yaml").write_text("sources: [{name: s, replay: [n1, n2, n3]}]\n")
    base = ("--config", "c.yaml", "--database", "sqlite:///x.db")
    done = inventory(*base, "export", "--max-removals", "100%")
    assert done.returncode == 0, done.stderr

    def command(*words: str, code: int = 0) -> str:
        done = inventory(*base, *words)
        assert done.returncode == code, (done.stdout, done.stderr)
        return done.stdout if code == 0 else done.stderr

    return command


def test_the_order_is_that_of_importance(run: Any) -> None:
    lines = run("diff", "1", "3").splitlines()
    marked = [line.split()[:3] for line in lines if line.startswith(("  - job", "  -/+ job", "  + job", "  ~ job"))]
    assert [(mark, name) for mark, _, name in marked] == [
        ("-", '"gone"'), ("-/+", '"after"'), ("-/+", '"orders"'), ("+", '"new"'), ("~", '"stays"'),
    ]  # fmt: skip
    text = "\n".join(lines)
    assert 'job "gone" (z-gone): RELEASE_RESOURCE_COMPLETE, gone: DRS.M05004, asked alone' in text
    assert 'job "stays" (a-stays): status CREATING -> FULL_TRANSFER_STARTED, changed 2 times in between' in text
    assert 'job "orders" (e-new): replaces c-old, status PAUSING -> CREATING' in text
    assert 'job "after" (f-new): replaces d-old, renamed from "before"' in text
    assert "  reverted  1 job changed in between and changed back (--each shows it): b-flips" in text
    assert "    unknown_field at never_seen in job g-new: " in text
    assert lines[-1].startswith("s: jobs: 1 added, 1 changed, 1 removed, 2 replaced; rows: ")


def test_the_overview_alone(run: Any) -> None:
    lines = run("diff", "1", "3", "--stat").splitlines()
    assert lines[1] == "  jobs      1 removed, 2 replaced, 1 created, 1 changed"
    assert "            endpoints: 4 created, 4 deleted" in lines
    assert "  status    CREATING -> FULL_TRANSFER_STARTED: 1 job" in lines
    assert not any('"stays"' in line for line in lines)


def test_each_night_shows_what_came_and_went(run: Any) -> None:
    both = json.loads(run("diff", "1", "3", "--each", "--json"))["sources"]
    assert [(diff["from"]["id"], diff["to"]["id"]) for diff in both] == [(1, 2), (2, 3)]
    flips = [c["after"]["status"] for diff in both for c in diff["changes"] if c["job_id"] == "b-flips"]
    assert flips == ["CREATING", "PAUSING"]
    back = json.loads(run("diff", "3", "1", "--each", "--json"))["sources"]
    assert [(diff["from"]["id"], diff["to"]["id"]) for diff in back] == [(3, 2), (2, 1)]


def test_the_document_says_whose_and_why(run: Any) -> None:
    (source,) = json.loads(run("diff", "1", "3", "--json", "--ignore", "jobs.status", "--show-ignored"))["sources"]
    assert source["replaced"] == [
        {"job_id": "e-new", "old_job_id": "c-old"},
        {"job_id": "f-new", "old_job_id": "d-old"},
    ]
    assert {"job_id": "z-gone", "why": "DRS.M05004, asked alone"} in source["gone"]
    assert [(c["job_name"], c["source"], c["reason"]) for c in source["ignored"]] == [
        ("stays", "s", "the column is ignored")
    ]
    assert source["summary"]["ignored"] == 1


def test_what_stands_for_a_secret_is_marked(tmp_path: Path, inventory: Command) -> None:
    for at, ip in enumerate(("10.0.0.1", "10.0.0.2"), 1):
        end = {"source_endpoint": {"ip": ip, "db_password": "Pl4nted!", "db_user": "u"}}
        record(tmp_path / f"n{at}", {"j": {"name": "n", **end}}, at, set())
    (tmp_path / "c.yaml").write_text("sources: [{name: s, replay: [n1, n2]}]\n")
    assert inventory("--config", "c.yaml", "export").returncode == 0
    done = inventory("--config", "c.yaml", "diff", "--json")
    (change,) = json.loads(done.stdout)["sources"][0]["changes"]
    assert (change["changed"], change["before_sensitive"]) == (["ip"], {"db_password": True})
    assert change["after_sensitive"] == {"db_password": True}
    assert "Pl4nted!" not in done.stdout


def test_the_log_of_the_estate(run: Any) -> None:
    lines = run("log", "--column", "status").splitlines()
    assert [line.split("  ")[1] for line in lines if not line.startswith(" ")] == ["snapshot 2", "snapshot 3"]
    assert sum(line.startswith("  ~ job") for line in lines) == 4
    records = json.loads(run("log", "--since", "1", "--until", "2", "--json"))["changes"]
    assert [(r["from"], r["snapshot"], r["job_id"], r["changed"]) for r in records] == [
        (1, 2, "a-stays", ["status"]),
        (1, 2, "b-flips", ["status"]),
    ]
    assert len({r["digest"] for r in records}) == 1
    deleted = [
        json.loads(line)
        for line in run("log", "--action", "delete", "--table", "jobs", "--format", "jsonl").splitlines()
    ]
    assert [r["job_id"] for r in deleted] == ["c-old", "d-old", "z-gone"]
    assert [r["job_id"] for r in json.loads(run("log", "b-flips", "--since", "2", "--json"))["changes"]] == ["b-flips"]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["diff", "--job", "a-stay"], "no job a-stay in either snapshot. Did you mean 'a-stays'?"),
        (["diff", "--status", "PAUSIN"], "no job has the status 'PAUSIN'. Did you mean 'PAUSING'?"),
        (["diff", "--tag", "owner=me"], "no job has the tag owner=me"),
        (["diff", "1", "99"], "snapshot 99 does not exist (1 does)"),
        (["diff", "98", "99"], "snapshot 98 does not exist and snapshot 99 does not exist"),
        (["log", "nobody"], "no source ever had a job nobody"),
        (["log", "--since", "3"], "there are no snapshots in this period"),
    ],
)
def test_what_matches_nothing_is_an_error(run: Any, words: list[str], said: str) -> None:
    assert said in run(*words, code=1)


def test_a_filter_that_matches_an_unchanged_job_is_none(run: Any) -> None:
    assert "no changes" in run("diff", "1", "2", "--job", "z-gone")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["diff", "--table", "job"], "there is no table 'job'. Did you mean 'jobs'? There are: jobs, "),
        (["diff", "--ignore", "jobs.statu"], "Did you mean 'jobs.status'?"),
        (["log", "--column", "statu"], "there is no column 'statu'. Did you mean 'status'?"),
    ],
)
def test_what_there_cannot_be_is_a_wrong_command_line(run: Any, words: list[str], said: str) -> None:
    assert said in run(*words, code=64)


def test_an_empty_database_says_what_to_do(inventory: Command) -> None:
    assert inventory("--database", "sqlite:///e.db", "db", "upgrade").returncode == 0
    done = inventory("--database", "sqlite:///e.db", "diff")
    assert (done.returncode, done.stderr) == (1, "error: there are no snapshots yet. Run `inventory export` first\n")
