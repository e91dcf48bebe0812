"""`check`: rules, the states of their results over ten nights, what proves them, and the formats."""

import hashlib
import json
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from shutil import copy
from typing import Any
from xml.etree import ElementTree as ET

import pytest
from jsonschema import Draft202012Validator
from sqlalchemy import text

from inventory.config.settings import Source
from inventory.export.flow import export_source
from inventory.render.json_schema.documents import documents
from inventory.report.checks.evaluate import evaluate, scope_of
from inventory.report.checks.rule import Rules
from inventory.store.engine import Store
from inventory.store.reader import snapshots, sources
from tests.conftest import admin_of, here, ran, write_page
from tests.nights import Night, opened, record, running

Json = Any
RULES = Rules()
OWN = """\
-- id: TST-001
-- name: own-failed
-- title: A failed task
-- severity: high
-- meaning: It fails.
-- remedy: Repair it.
-- sla_days: 1
-- identity: job_id, key
-- max_age: {age}

SELECT t.source, t.job_id, 'the task' AS key, {detail} AS detail FROM tasks t WHERE {condition}
"""


@contextmanager
def copied(request: pytest.FixtureRequest, kind: str, folder: Path) -> Iterator[str]:
    """The URL of a database that has the tables."""
    if kind == "sqlite":
        copy(request.getfixturevalue("sqlite_template"), folder / "checks.db")
        yield f"sqlite:///{folder}/checks.db"
        return
    server = request.getfixturevalue("postgresql_server")
    name, like = f"checks_{uuid.uuid4().hex}", request.getfixturevalue("postgresql_template")
    engine = admin_of(server)
    with engine.connect() as admin:
        admin.execute(text(f"CREATE DATABASE {name} TEMPLATE {like}"))
        yield server.replace("/postgres?", f"/{name}?")
        admin.execute(text(f"DROP DATABASE {name} WITH (FORCE)"))
    engine.dispose()


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def kind(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@dataclass
class Estate:
    """A source that is exported and checked night by night."""

    url: str
    store: Store
    folder: Path
    before: frozenset[str] = frozenset()

    @property
    def config(self) -> str:
        return str(self.folder / "c.yaml")

    def configure(self, **rule: str) -> None:
        given = {"age": "36h", "detail": "t.status", "condition": "t.is_failed", **rule}
        (self.folder / "rules").mkdir(exist_ok=True)
        (self.folder / "rules" / "own.sql").write_text(OWN.format(**given))
        replay = "{name: s, replay: [n]}"
        (self.folder / "c.yaml").write_text(f"sources: [{replay}]\ncheck: {{rules: rules}}\n")

    def night(self, day: int, jobs: Night, *, unread: bool = False) -> None:
        """Export the jobs as they were at 01:00 of a day of November."""
        folder = self.folder / f"n{day}"
        record(folder, jobs, day, set(self.before - jobs.keys()))
        if unread:
            time = f"2026-11-{day:02}T01:00:00Z"
            write_page(folder, 500, ["x-unread"], {"error_code": "DRS.M00001"}, status=500, time=time)
        self.before = frozenset(jobs)
        list(export_source(Source("s", replay=(folder,)), running(self.store)))

    def check(self, now: str, *words: str, code: int = 0) -> str:
        rule = () if "waive" in words else ("--rule", "own-failed")
        return ran("--config", self.config, "--database", self.url, "check", *words, *rule, "--now", now, code=code)

    def changes(self, now: str, *words: str, code: int = 0) -> dict[str, str]:
        """Check, twice; return job -> what became of its result, and see that the second time wrote nothing."""
        found = json.loads(self.check(now, "--json", *words, code=code))
        rows = self.counted()
        assert json.loads(self.check(now, "--json", *words, code=code)) == found
        assert self.counted() == rows
        return {result["job_id"]: result["change"] for result in found["results"]}

    def counted(self) -> list[int]:
        tables = ("check_runs", "check_results", "check_waivers")
        with self.store.reading() as connection:
            return [connection.execute(text(f"SELECT count(*) FROM {name}")).scalar_one() for name in tables]

    def states(self) -> list[dict[str, Json]]:
        shown = ran("--config", self.config, "--database", self.url, "check", "history", "--json")
        found: list[dict[str, Json]] = json.loads(shown)["states"]
        return found

    def verified(self, code: int = 0) -> dict[str, Json]:
        done = ran("--config", self.config, "--database", self.url, "verify", "--checks", "--json", code=code)
        found: dict[str, Json] = json.loads(done)
        return found


def failed(*names: str) -> Night:
    jobs = {name: "FULL_TRANSFER_FAILED" if name in names else "FULL_TRANSFER_STARTED" for name in ("a", "b", "c")}
    return {name: {"name": f"task {name}", "status": status} for name, status in jobs.items()}


@pytest.fixture(scope="module")
def lived(request: pytest.FixtureRequest, kind: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Estate]:
    """Ten nights of checks, each with what it must come to."""
    folder = tmp_path_factory.mktemp("checks")
    with copied(request, kind, folder) as url, opened(url) as store:
        estate = Estate(url, store, folder)
        estate.configure()
        estate.night(1, failed("a"))
        assert estate.changes("2026-11-01T03:00Z", "--fail-on", "new", code=2) == {"a": "new"}
        assert estate.changes("2026-11-01T03:00Z", "--severity", "critical", "--fail-on", "new") == {}
        estate.night(2, failed())
        assert estate.changes("2026-11-02T03:00Z", "--fail-on", "open") == {"a": "fixed"}
        estate.night(3, failed("a"))
        dry = json.loads(estate.check("2026-11-03T03:00Z", "--dry-run", "--json"))
        assert [each["change"] for each in dry["results"]] == ["reopened"]
        assert estate.counted()[0] == 2
        assert estate.changes("2026-11-03T03:00Z", "--fail-on", "new", code=2) == {"a": "reopened"}
        until = ("--reason", "known", "--until", "2026-11-05", "--by", "ops")
        assert "waived until 2026-11-05" in estate.check("2026-11-03T04:00Z", "waive", "TST-001", "a", *until)
        assert estate.changes("2026-11-03T05:00Z", "--fail-on", "open") == {"a": "waived"}
        estate.night(4, failed("a", "b"))
        assert estate.changes("2026-11-04T03:00Z", "--severity", "high", code=2) == {"a": "waived", "b": "new"}
        ran("--database", url, "prune", "--keep-weekly", "1", "--yes", "--no-vacuum")
        assert estate.changes("2026-11-04T03:00Z") == {"a": "waived", "b": "new"}
        estate.night(5, failed("a", "b"))
        assert estate.changes("2026-11-05T00:00Z", "--fail-on", "overdue", code=2) == {"a": "overdue", "b": "same"}
        estate.night(6, failed(), unread=True)
        found = json.loads(estate.check("2026-11-06T03:00Z", "--json", code=3))
        assert [(each["source"], each["has_failed"]) for each in found["unknown"]] == [("s", False)]
        assert estate.changes("2026-11-06T03:00Z", "--fail-on", "open", code=3) == {"a": "overdue", "b": "overdue"}
        estate.night(7, failed("a", "b"))
        assert estate.changes("2026-11-09T12:00Z", code=3) == {"a": "overdue", "b": "overdue"}  # stale
        assert "s: TST-001: snapshot 7 is 59 h old" in estate.check("2026-11-09T12:00Z", code=3)
        estate.configure(condition="t.is_failed AND t.job_id <> 'b'")
        estate.night(8, failed("a", "b"))
        assert estate.changes("2026-11-08T03:00Z") == {"a": "overdue", "b": "closed"}
        estate.night(9, {name: job for name, job in failed("c").items() if name != "a"})
        assert estate.changes("2026-11-09T03:00Z") == {"a": "closed", "c": "new"}
        estate.night(10, failed("a", "c"))
        assert estate.changes("2026-11-10T03:00Z") == {"a": "reopened", "c": "overdue"}
        yield estate


def test_ten_nights(lived: Estate) -> None:
    found = [
        (state["recorded_at"][8:10], state["job_id"], state["state"], state["close_reason"], state["reopened"],
         state["first_ever_at"][8:10], state["due_at"][8:10], state["key"])
        for state in lived.states()
    ]  # fmt: skip
    key = "the task"
    assert found == [
        ("01", "a", "open", None, 0, "01", "02", key),
        ("02", "a", "closed", "fixed", 0, "01", "02", key),
        ("03", "a", "open", None, 1, "01", "04", key),
        ("03", "a", "waived", None, 1, "01", "05", key),
        ("04", "b", "open", None, 0, "04", "05", key),
        ("05", "a", "open", None, 1, "01", "05", key),
        ("08", "a", "open", None, 1, "01", "05", key),  # by the rule's new text
        ("08", "b", "closed", "rule_changed", 0, "04", "05", key),
        ("09", "a", "closed", "job_gone", 1, "01", "05", key),
        ("09", "c", "open", None, 0, "09", "10", key),
        ("10", "a", "open", None, 2, "01", "11", key),
    ]


def test_runs_are_recorded_once(lived: Estate) -> None:
    with lived.store.reading() as connection:
        query = "SELECT snapshot_id, status, reason, opened, closed, open, waived, digest FROM check_runs ORDER BY id"
        runs = [tuple(row) for row in connection.execute(text(query))]
    assert [run[:-1] for run in runs] == [
        (1, "complete", None, 1, 0, 1, 0), (2, "complete", None, 0, 1, 0, 0), (3, "complete", None, 1, 0, 1, 0),
        (4, "complete", None, 1, 0, 1, 1), (5, "complete", None, 0, 0, 2, 0), (6, "unknown", "partial", 0, 0, 2, 0),
        (7, "unknown", "stale", 0, 0, 2, 0), (8, "complete", None, 0, 1, 1, 0), (9, "complete", None, 1, 1, 1, 0),
        (10, "complete", None, 1, 0, 2, 0),
    ]  # fmt: skip
    assert len({digest for *_, digest in runs}) == len(runs)


def test_the_view_has_the_last_state(lived: Estate) -> None:
    with lived.store.reading() as connection:
        query = "SELECT source, job_id, state, reopened FROM check_states WHERE rule_id = 'TST-001' ORDER BY job_id"
        rows = [tuple(row) for row in connection.execute(text(query))]
    assert rows == [("s", "a", "open", 2), ("s", "b", "closed", 0), ("s", "c", "open", 0)]


def test_the_memory_verifies(lived: Estate) -> None:
    """Six of the ten runs cannot be recomputed: two are unknown, four of pruned snapshots or of the rule before."""
    found = lived.verified()
    assert found["problems"] == []
    source = found["sources"][0]
    assert (source["check_runs"], source["check_runs_recomputed"]) == (10, 3)
    assert "10 check runs (3 recomputed)" in ran(
        "--config", lived.config, "--database", lived.url, "verify", "--checks"
    )


def test_runs_are_a_chain_that_sql_and_sha256_recompute(lived: Estate) -> None:
    def sha256(text: str) -> str:
        return hashlib.sha256(text.encode()).hexdigest()

    query = (
        "SELECT r.*, n.digest AS snapshot_digest FROM check_runs r"
        " JOIN snapshots n ON n.id = r.snapshot_id ORDER BY r.id"
    )
    left = (
        "SELECT c.job_id, c.key, c.detail FROM check_results c WHERE c.rule_id = :rule AND c.state <> 'closed'"
        " AND c.id IN (SELECT max(id) FROM check_results WHERE run_id <= :run GROUP BY rule_id, source_id, job_id, key)"
    )
    previous = ""
    with lived.store.reading() as connection:
        for run in connection.execute(text(query)).mappings().all():
            as_of = run["as_of"] if isinstance(run["as_of"], str) else f"{run['as_of']:%Y-%m-%dT%H:%M:%S.%fZ}"
            given = {"rule": run["rule_id"], "run": run["id"]}
            found = connection.execute(text(left), given).mappings() if run["status"] == "complete" else ()
            lines = [
                "inventory check run", previous, run["snapshot_digest"], run["rule_id"], run["rule_digest"], as_of,
                run["status"], run["reason"] or "",
                *sorted(sha256(json.dumps(dict(row), sort_keys=True, separators=(",", ":"))) for row in found),
            ]  # fmt: skip
            assert run["digest"] == sha256("".join(f"{line}\n" for line in lines)), run["id"]
            assert (run["previous_digest"] or "") == previous
            previous = run["digest"]


CHANGED = ["UPDATE check_runs SET open = 0", "DELETE FROM check_results", "DELETE FROM check_waivers"]


@pytest.mark.parametrize("change", CHANGED)
def test_the_memory_is_append_only(lived: Estate, change: str) -> None:
    with pytest.raises(Exception, match="append-only"), lived.store.writing() as connection:
        connection.execute(text(change))


ALTERATIONS = {
    "UPDATE check_results SET detail = 'x' WHERE job_id = 'c' AND state = 'open'": ("altered", "check_results"),
    "DELETE FROM check_results WHERE job_id = 'c'": ("missing", "check_results"),
    "UPDATE check_runs SET digest = '00' WHERE snapshot_id = 1": ("altered", "check_runs"),
    "UPDATE check_runs SET closed = 7 WHERE snapshot_id = 9": ("altered", "check_runs"),
    "UPDATE check_runs SET reason = 'partial' WHERE snapshot_id = 7": ("altered", "check_runs"),
    "UPDATE check_runs SET previous_digest = NULL WHERE snapshot_id = 4": ("altered", "check_runs"),
    "DELETE FROM check_runs WHERE snapshot_id = 6": ("altered", "check_runs"),
}


@pytest.mark.parametrize("change", ALTERATIONS)
def test_verify_names_what_was_altered(lived: Estate, change: str) -> None:
    """On a copy within a transaction that is rolled back, without the triggers."""
    from inventory.report.checks.verify import verify_checks

    with lived.store.connect() as connection, connection.begin() as transaction:
        for table in ("check_runs", "check_results"):
            if lived.store.is_sqlite:
                connection.execute(text(f"DROP TRIGGER {table}_no_update"))
                connection.execute(text(f"DROP TRIGGER {table}_no_delete"))
            else:
                connection.execute(text(f"DROP TRIGGER {table}_append_only ON {table}"))
        connection.execute(text(change))
        rules = Rules([lived.folder / "rules"])
        problems = [each for source in verify_checks(connection, rules, (), 30) for each in source.problems]
        transaction.rollback()
    word, table = ALTERATIONS[change]
    assert {(each.word, each.table) for each in problems} == {(word, table)}


def test_a_retired_source_closes_everything(
    request: pytest.FixtureRequest, kind: str, tmp_path: Path
) -> None:  # fmt: skip
    with copied(request, kind, tmp_path) as url, opened(url) as store:
        estate = Estate(url, store, tmp_path)
        estate.configure()
        estate.night(1, failed("a"))
        assert estate.changes("2026-11-01T03:00Z") == {"a": "new"}
        ran("--database", url, "sources", "retire", "s", "--yes")
        assert estate.changes("2026-11-02T03:00Z") == {"a": "closed"}
        assert [state["close_reason"] for state in estate.states()] == [None, "source_retired"]
        assert estate.verified()["problems"] == []


def test_a_rule_that_fails_is_told_and_judges_nothing(
    request: pytest.FixtureRequest, kind: str, tmp_path: Path
) -> None:  # fmt: skip
    with copied(request, kind, tmp_path) as url, opened(url) as store:
        estate = Estate(url, store, tmp_path)
        estate.configure()
        estate.night(1, failed("a"))
        assert estate.changes("2026-11-01T03:00Z") == {"a": "new"}
        estate.configure(detail="no_such_column")
        words = ("--config", estate.config, "--database", url, "check", "--now", "2026-11-01T04:00Z")
        done = here(*words, "--rule", "own-failed", "--rule", "failed", "--json")
        document = json.loads(done.stdout)
        assert done.returncode == 1
        assert [(each["rule_id"], each["has_failed"]) for each in document["unknown"]] == [("TST-001", True)]
        assert {each["rule_id"]: each["change"] for each in document["results"]} == {"TST-001": "new", "DRS-001": "new"}


def test_a_waiver_needs_a_result(lived: Estate) -> None:
    def refused(*words: str) -> str:
        done = here("--config", lived.config, "--database", lived.url, "check", "waive", *words)
        assert done.returncode == 64, done.stderr
        return done.stderr

    until = ("--reason", "r", "--until", "2099-01-01", "--by", "x")
    assert "no open result for the job b" in refused("TST-001", "b", *until)
    assert "Its keys are: 'the task'" in refused("TST-001", "a", "--key", "other", *until)
    assert "no rule 'TST-9'" in refused("TST-9", "a", *until)
    assert "has passed" in refused("TST-001", "a", "--reason", "r", "--until", "2026-01-01", "--by", "x")
    assert "is not a day" in refused("TST-001", "a", "--reason", "r", "--until", "soon", "--by", "x")
    assert "needs a reason" in refused("TST-001", "a", "--reason", " ", "--until", "2099-01-01", "--by", "x")


# Of each rule: a task that it finds, and one like it that it does not.
HOUR = 3_600_000
NOW = int(datetime(2026, 11, 1, 1, tzinfo=UTC).timestamp() * 1000)
RUNNING = {"status": "INCRE_TRANSFER_STARTED", "name": "t"}
ENDED = {"status": "RELEASE_RESOURCE_COMPLETE", "name": "t"}


def ago(days: float) -> str:
    return str(NOW - int(days * 24 * HOUR))


def shared(ip: str) -> dict[str, Json]:
    table = {"type": "table", "id": "db-*-*-t1", "name": "t1"}
    return {**RUNNING, "source_endpoint": {"ip": ip, "db_port": 3306, "ssl_link": True}, "object_infos": [table]}


def kafka(algorithm: str) -> dict[str, Json]:
    config = {"type": "SSL", "endpoint_algorithm": algorithm}
    return {**RUNNING, "target_endpoint": {"db_type": "kafka", "ip": "10.0.0.1:9092", "kafka_security_config": config}}


def order(**members: Json) -> dict[str, Json]:
    return {**RUNNING, "period_order": {"order_id": "CS1", "charging_mode": 0, "is_auto_renew": 0, **members}}


EXAMPLES: dict[str, tuple[dict[str, Json], dict[str, Json]]] = {
    "DRS-001": ({"status": "FULL_TRANSFER_FAILED", "error_code": "DRS.M1"}, RUNNING),
    "DRS-002": (
        {**RUNNING, "source_endpoint": {"ip": "10.0.0.2", "db_port": 3306, "ssl_link": False}},
        {**RUNNING, "source_endpoint": {"ip": "10.0.0.2", "db_port": 3306, "ssl_link": True}},
    ),
    "DRS-003": ({**RUNNING, "net_type": "eip"}, {**RUNNING, "net_type": "vpn"}),
    "DRS-004": (
        {"status": "FULL_TRANSFER_COMPLETE", "full_transfer_complete_time": ago(40)},
        {"status": "FULL_TRANSFER_COMPLETE", "full_transfer_complete_time": ago(3)},
    ),
    "DRS-005": (order(exp_time="2026-11-11T00:00:00Z"), order(exp_time="2026-11-11T00:00:00Z", is_auto_renew=1)),
    "DRS-006": (RUNNING, {**RUNNING, "tags": [{"key": "owner", "value": "me"}]}),
    "DRS-007": (
        {**RUNNING, "db_use_type": "migration", "is_target_readonly": False},
        {**RUNNING, "db_use_type": "migration", "is_target_readonly": True},
    ),
    "DRS-008": (
        {"status": "INCRE_TRANSFER_FAILED"},
        {
            "status": "INCRE_TRANSFER_FAILED",
            "alarm_notify": {"subscriptions": [{"protocol": "email", "endpoints": ["a@b.c"]}]},
        },
    ),
    "DRS-010": (shared("10.9.9.9"), shared("10.9.9.8")),
    "DRS-011": (kafka(""), kafka("https")),
    "DRS-012": ({"status": "PAUSING", "update_time": ago(9)}, {"status": "PAUSING", "update_time": ago(1)}),
    "DRS-013": (
        {**RUNNING, "source_endpoint": {"ip": "1", "db_password": "hunter2"}},
        {**RUNNING, "source_endpoint": {"ip": "1", "db_password": "******"}},
    ),
    "DRS-014": (
        {"status": "CONFIGURATION", "create_time": ago(20)},
        {"status": "CONFIGURATION", "create_time": ago(2)},
    ),
    "DRS-015": (
        {**RUNNING, "speed_limit": [{"begin": "22:00", "end": "11:00", "speed": "5"}]},
        {**RUNNING, "speed_limit": [{"begin": "01:00", "end": "05:00", "speed": "5"}]},
    ),
    "DRS-016": (order(status="FROZEN_CAN_RENEW"), order(status="COMPLETED")),
    "DRS-017": ({**RUNNING, "need_restart": True}, {**RUNNING, "need_restart": False}),
}  # fmt: skip
HOSTILE = "\x1b[31m<b>&amp;|`]](http://x) {0} \u202e\ufffe ```"


@pytest.fixture(scope="module")
def exampled(request: pytest.FixtureRequest, kind: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Estate]:
    """A night with a task for each example."""
    folder = tmp_path_factory.mktemp("examples")
    with copied(request, kind, folder) as url, opened(url) as store:
        jobs: Night = {"DRS-010-second": shared("10.9.9.9"), "ended": {**ENDED, "net_type": "eip"}}
        for rule, (found, other) in EXAMPLES.items():
            jobs |= {f"{rule}-found": found, f"{rule}-other": {"name": "t"} | other}
        jobs["hostile"] = {"name": HOSTILE, "status": "FULL_TRANSFER_FAILED", "error_code": HOSTILE}
        estate = Estate(url, store, folder)
        estate.configure()
        estate.night(1, jobs)
        words = ("--config", estate.config, "--database", url, "check", "--now", "2026-11-01T03:00Z", "-q")
        assert here(*words).returncode == 0
        yield estate


def shown(estate: Estate, *words: str, now: str = "2026-11-01T03:00Z") -> str:
    return ran("--config", estate.config, "--database", estate.url, "check", "--now", now, *words)


@pytest.mark.parametrize("rule", EXAMPLES)
def test_a_rule_finds_its_example_alone(exampled: Estate, rule: str) -> None:
    results = json.loads(shown(exampled, "--rule", rule, "--json"))["results"]
    found = {result["job_id"] for result in results}
    assert f"{rule}-found" in found
    assert f"{rule}-other" not in found
    assert "ended" not in found
    assert len(results) == len({(result["job_id"], result["key"]) for result in results})


def test_every_rule_has_an_example() -> None:
    assert EXAMPLES.keys() | {"DRS-009"} == RULES.by_id.keys()
    assert len(RULES.by_id) >= 15


def test_shared_objects_name_each_other(exampled: Estate) -> None:
    results = json.loads(shown(exampled, "--rule", "DRS-010", "--json"))["results"]
    assert {(each["job_id"], each["key"], each["detail"]) for each in results} == {
        ("DRS-010-found", "table db-*-*-t1 at 10.9.9.9:3306", "also in DRS-010-second"),
        ("DRS-010-second", "table db-*-*-t1 at 10.9.9.9:3306", "also in DRS-010-found"),
    }


def test_a_stale_source_is_found_by_its_own_rule(request: pytest.FixtureRequest, kind: str, tmp_path: Path) -> None:
    with copied(request, kind, tmp_path) as url, opened(url) as store:
        estate = Estate(url, store, tmp_path)
        estate.configure()
        estate.night(1, failed())

        def changes(now: str) -> list[str]:
            words = ("--rule", "source-stale", "--now", now, "--json")
            before = estate.counted()
            found = json.loads(ran("--config", estate.config, "--database", url, "check", *words))
            assert json.loads(ran("--config", estate.config, "--database", url, "check", *words)) == found
            assert estate.counted() >= before
            return [each["change"] for each in found["results"]]

        assert changes("2026-11-01T03:00Z") == []
        assert changes("2026-11-04T03:00Z") == ["new"]
        rows = estate.counted()
        assert changes("2026-11-04T05:00Z") == ["new"]
        assert estate.counted() == rows  # later, and the same
        estate.night(5, failed())
        assert changes("2026-11-05T03:00Z") == ["fixed"]
        assert estate.verified()["problems"] == []


def test_a_past_snapshot_gives_the_same_rows(lived: Estate) -> None:
    """So `verify` recomputes of an old snapshot what `check` found when it was the last one."""
    with lived.store.reading() as connection:
        row = snapshots(connection, sources(connection)[0]["id"])[-1]
        when = row["observed_to"]
        for rule in RULES.by_id.values():
            last, past = (
                evaluate(connection, rule, scope_of(connection, row, is_last=each), "s", when, 30)
                for each in (True, False)
            )
            assert last == past, rule.id


# What SARIF 2.1.0 says of the members that we write.
TEXT = {
    "type": "object",
    "properties": {"text": {"type": "string"}},
    "required": ["text"],
    "additionalProperties": False,
}
LEVEL = {"enum": ["none", "note", "warning", "error"]}


def closed(required: list[str], **properties: Json) -> dict[str, Json]:
    return {"type": "object", "properties": properties, "required": required, "additionalProperties": False}


def many(items: Json) -> dict[str, Json]:
    return {"type": "array", "items": items, "uniqueItems": False}


TEXT = closed(["text"], text={"type": "string"})
INDEX = {"type": "integer", "minimum": 0}
STRING = {"type": "string"}
SARIF = closed(
    ["version", "runs"],
    **{"$schema": STRING},
    version={"const": "2.1.0"},
    runs=many(closed(
        ["tool"],
        tool=closed(["driver"], driver=closed(
            ["name"], name=STRING, version=STRING,
            rules=many(closed(
                ["id"], id=STRING, name=STRING, shortDescription=TEXT, fullDescription=TEXT, help=TEXT,
                defaultConfiguration=closed([], level=LEVEL), properties={"type": "object"},
            )),
        )),
        invocations=many(closed(
            ["executionSuccessful"], executionSuccessful={"type": "boolean"},
            toolExecutionNotifications=many(closed(
                ["message"], level=LEVEL, message=TEXT, associatedRule=closed([], id=STRING, index=INDEX),
            )),
        )),
        results=many(closed(
            ["message"], ruleId=STRING, ruleIndex=INDEX, level=LEVEL, message=TEXT,
            locations=many(closed([], logicalLocations=many(closed([], fullyQualifiedName=STRING, kind=STRING)))),
            partialFingerprints={"type": "object", "additionalProperties": STRING},
            baselineState={"enum": ["new", "unchanged", "updated", "absent"]},
            suppressions=many(closed(
                ["kind"], kind={"enum": ["inSource", "external"]},
                status={"enum": ["accepted", "underReview", "rejected"]}, justification=STRING,
            )),
            properties={"type": "object"},
        )),
    )),
)  # fmt: skip


def test_sarif(exampled: Estate) -> None:
    document = json.loads(shown(exampled, "--format", "sarif"))
    Draft202012Validator(SARIF).validate(document)
    run = document["runs"][0]
    rules = run["tool"]["driver"]["rules"]
    assert [rule["id"] for rule in rules] == [*RULES.by_id, "TST-001"]
    assert all(rules[each["ruleIndex"]]["id"] == each["ruleId"] for each in run["results"])
    fingerprints = [each["partialFingerprints"]["inventoryResult/v1"] for each in run["results"]]
    assert len(set(fingerprints)) == len(fingerprints)
    assert {each["baselineState"] for each in run["results"]} == {"new"}
    hostile = [each["message"]["text"] for each in run["results"] if each["properties"]["job_id"] == "hostile"]
    assert any("\\]\\](http://x) {{0}}" in each for each in hostile)
    assert not any(character in each for each in hostile for character in "\x1b\u202e")


def test_sarif_and_junit_of_what_is_waived_unknown_and_closed(lived: Estate) -> None:
    Draft202012Validator(SARIF).validate(json.loads(lived.check("2026-12-01", "--format", "sarif", code=3)))
    run = json.loads(lived.check("2026-12-01", "--format", "sarif", code=3))["runs"][0]
    assert run["invocations"][0]["toolExecutionNotifications"][0]["associatedRule"] == {"id": "TST-001", "index": 0}
    suite = ET.fromstring(lived.check("2026-12-01", "--format", "junit", code=3))
    assert (suite.get("tests"), suite.get("failures"), suite.get("errors")) == ("3", "2", "1")


JUNIT = {  # of the schema that Jenkins has: element -> its attributes and the elements in it
    "testsuites": ({"name", "tests", "failures", "errors", "skipped"}, {"testsuite"}),
    "testsuite": ({"name", "tests", "failures", "errors", "skipped"}, {"testcase"}),
    "testcase": ({"name", "classname"}, {"failure", "error", "skipped"}),
    "failure": ({"message", "type"}, set()),
    "error": ({"message", "type"}, set()),
    "skipped": ({"message"}, set()),
}


def test_junit(exampled: Estate) -> None:
    root = ET.fromstring(shown(exampled, "--format", "junit"))
    assert root.tag == "testsuites"
    for element in root.iter():
        attributes, inner = JUNIT[element.tag]
        assert element.keys() == attributes or set(element.keys()) == attributes
        assert {child.tag for child in element} <= inner
    suites = list(root)
    assert [str(suite.get("name"))[:7] for suite in suites] == [*RULES.by_id, "TST-001"]
    for name in ("tests", "failures", "errors", "skipped"):
        assert int(root.get(name) or "") == sum(int(suite.get(name) or "") for suite in suites)
    for suite in suites:
        assert int(suite.get("tests") or "") == len(suite) >= 1
        assert int(suite.get("failures") or "") == len(suite.findall("testcase/failure"))


def test_json_has_its_schema(exampled: Estate, lived: Estate) -> None:
    schemas = documents()
    for name, text_ in [
        ("check", shown(exampled, "--json")),
        ("check", lived.check("2026-12-01", "--json", code=3)),
        ("check-list", ran("--config", lived.config, "--database", lived.url, "check", "list", "--json")),
        ("check-history", ran("--config", lived.config, "--database", lived.url, "check", "history", "a", "--json")),
    ]:
        Draft202012Validator(schemas[name]).validate(json.loads(text_))


def test_text_and_markdown_are_in_order_and_safe(exampled: Estate) -> None:
    printed = shown(exampled)
    lines = printed.splitlines()
    assert lines[0] == "NEW"
    severities = [line.split()[0] for line in lines[1:-1]]
    assert severities == sorted(severities, key=("critical", "high", "medium", "low").index)
    count = len(lines) - 2
    assert lines[-1] == f"{count} open results ({count} new), 0 waived."
    markdown = shown(exampled, "--format", "markdown")
    for document in (printed, markdown):
        assert not any(character in document for character in "\x1b\u202e")
        assert "hostile" in document
    inside = [line for line in markdown.splitlines() if "hostile" in line]
    assert all("```` " in line for line in inside)


def test_the_markdown_and_text_count_waivers(lived: Estate) -> None:
    estate = lived
    words = ("--reason", "r\x1b", "--until", "2027-01-01", "--by", "x")
    estate.check("2026-11-10T04:00Z", "waive", "own-failed", "c", *words)
    try:
        assert estate.check("2026-11-10T05:00Z").splitlines()[-1] == "1 open result (1 reopened), 1 waived."
        full = estate.check("2026-11-10T05:00Z", "--full")
        assert "WAIVED" in full
        assert "waived until 2027-01-01 by x: r\\u001b" in full
        sarif = json.loads(estate.check("2026-11-10T05:00Z", "--format", "sarif"))
        Draft202012Validator(SARIF).validate(sarif)
        assert [each.get("suppressions") is not None for each in sarif["runs"][0]["results"]] == [True, False]
        junit = ET.fromstring(estate.check("2026-11-10T05:00Z", "--format", "junit"))
        assert junit.get("skipped") == "1"
    finally:
        ended = ("--reason", "no more", "--until", "2026-11-10", "--by", "x")
        estate.check("2026-11-10T06:00Z", "waive", "own-failed", "c", *ended)
    assert estate.check("2026-11-10T07:00Z").splitlines()[-1] == "2 open results (1 reopened, 1 overdue), 0 waived."


def test_the_bundle_has_the_checks(lived: Estate, tmp_path: Path) -> None:
    ran("--database", lived.url, "bundle", "latest", "--out", "b.zip")
    assert json.loads(ran("verify", "--bundle", "b.zip", "--json"))["checks"] == 1
    assert "1 check run" in ran("verify", "--bundle", "b.zip")
    from zipfile import ZipFile

    with ZipFile("b.zip") as bundle, ZipFile("c.zip", "w") as other:
        for name in bundle.namelist():
            content = bundle.read(name)
            other.writestr(name, content.replace(b"FULL_TRANSFER_FAILED", b"X") if name == "checks.jsonl" else content)
    problems = json.loads(ran("verify", "--bundle", "c.zip", "--json", code=1))["problems"]
    assert "the results of the rule TST-001 are not what its digest says" in problems


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (("TST-001", "tst"), "is not an id such as DRS-001"),
        (("severity: high", "severity: huge"), "line 4: severity: 'huge' is not one of critical, high, medium, low"),
        (("sla_days: 1", "sla_days: soon"), "is not a whole number"),
        (("identity: job_id, key", "identity: item"), "is not one of: source;"),
        (("36h", "later"), "is not a time such as 36h"),
        (("-- remedy: Repair it.\n", ""), "one line `-- remedy: …` is needed"),
        (("'the task' AS key", "'x' AS other"), "the SELECT must give source, job_id, key, detail"),
        (("t.status AS detail FROM tasks t", "e.item AS detail FROM endpoints e, tasks t"), "item is selected"),
        (("FROM tasks t", "FROM jobs_history t"), "cannot read jobs_history"),
        (("FROM tasks t", "FROM check_results t"), "cannot read check_results"),
        (("t.status AS", "CAST(t.status_since AS VARCHAR) AS"), "cannot read status_since, which pruning changes"),
        (("t.is_failed", "t.age_days > :days"), "there is no line `-- param:` for :days"),
        (("-- max_age", "-- param: days integer: Days\n-- max_age"), "the parameter days has no default"),
        (("SELECT t.source", "DELETE FROM jobs; SELECT t.source"), "own.sql: the query has 2 statements"),
        (("TST-001", "DRS-001"), ""),
        (("own-failed", "failed"), "the name failed is that of"),
    ],
)  # fmt: skip
def test_a_wrong_rule_is_refused(sqlite_template: Path, tmp_path: Path, change: tuple[str, str], said: str) -> None:
    copy(sqlite_template, tmp_path / "x.db")
    with opened(f"sqlite:///{tmp_path}/x.db") as store:
        estate = Estate(f"sqlite:///{tmp_path}/x.db", store, tmp_path)
        estate.configure()
        file = tmp_path / "rules" / "own.sql"
        assert change[0] in file.read_text()
        file.write_text(file.read_text().replace(*change))
        done = here("--config", estate.config, "--database", estate.url, "check")
        assert done.returncode == (64 if said else 1), done.stderr
        assert said in done.stderr
        assert "Traceback" not in done.stderr


def test_no_snapshot_no_rule_no_folder(sqlite_template: Path, tmp_path: Path) -> None:
    copy(sqlite_template, tmp_path / "x.db")
    database = ("--database", f"sqlite:///{tmp_path}/x.db")
    assert "there are no snapshots yet" in here(*database, "check").stderr
    assert here(*database, "check", "--rule", "unheard-of").returncode == 64
    assert here(*database, "check", "--source", "unheard-of").returncode == 64
    assert here("--database", f"sqlite:///{tmp_path}/none.db", "check").returncode == 1
    assert not (tmp_path / "none.db").exists()
    assert "DRS-001" in ran("--database", f"sqlite:///{tmp_path}/none.db", "check", "list")
    assert not (tmp_path / "none.db").exists()
    (tmp_path / "c.yaml").write_text("sources: [{name: s, replay: [n]}]\ncheck: {rules: none, skip: [DRS-001]}\n")
    done = here("--config", "c.yaml", *database, "check", "list")
    assert (done.returncode, "check.rules: " in done.stderr) == (64, True)
    (tmp_path / "c.yaml").write_text("sources: [{name: s, replay: [n]}]\ncheck: {skip: [DRS-001]}\n")
    assert "DRS-001" not in ran("--config", "c.yaml", *database, "check", "list")
    (tmp_path / "c.yaml").write_text("sources: [{name: s, replay: [n]}]\ncheck: {skip: [DRS-01]}\n")
    assert "Did you mean 'DRS-0" in here("--config", "c.yaml", *database, "check", "list").stderr


def test_a_user_s_rule_stands_in_the_place_of_a_shipped_one(tmp_path: Path) -> None:
    (tmp_path / "own.sql").write_text(
        OWN.format(age="none", detail="'x'", condition="TRUE").replace("TST-001", "DRS-001").replace("own-", "my-")
    )
    rules = Rules([tmp_path])
    assert rules["DRS-001"].name == "my-failed"
    assert rules["my-failed"].id == "DRS-001"
    assert len(rules.by_id) == len(RULES.by_id)


@pytest.mark.parametrize("rule", RULES.by_id.values(), ids=lambda rule: rule.id)
def test_a_shipped_rule(rule: Any) -> None:
    for dialect in ("sqlite", "postgresql"):
        rule.statement(dialect)
    assert rule.file.startswith(f"{rule.id}-{rule.name}")
    assert rule.meaning.endswith(".") and rule.remedy.endswith(".")
    assert not rule.title.endswith(".")


def test_explain(tmp_path: Path) -> None:
    printed = ran("check", "explain", "no-tls")
    assert printed.startswith("#### DRS-002")
    assert "endpoint_security" in printed


def test_what_a_digest_covers(tmp_path: Path) -> None:
    whole = OWN.format(age="36h", detail="t.status", condition="t.is_failed")

    def digest(text_: str, tag: str = "owner") -> str:
        (tmp_path / "own.sql").write_text(text_)
        return Rules([tmp_path])["TST-001"].digest(tag)

    first = digest(whole)
    for same in ("A failed task", "It fails.", "Repair it."):
        assert digest(whole.replace(same, "Other words.")) == first
    for other in ("high", "sla_days: 1", "36h", "t.status"):
        assert digest(whole.replace(other, {"high": "low", "36h": "24h"}.get(other, f"{other}"[:-1] + "2"))) != first
    assert digest(whole, "team") == first
    owned = whole.replace("t.is_failed", "t.owner IS NULL")
    assert digest(owned, "team") != digest(owned, "owner")


def test_after_an_export(sqlite_template: Path, tmp_path: Path, inventory: Callable[..., Any]) -> None:
    copy(sqlite_template, tmp_path / "x.db")
    record(tmp_path / "n1", {"a": {"name": "t", "status": "FULL_TRANSFER_FAILED"}}, 1, set())
    head = "database: sqlite:///x.db\nsources: [{name: s, replay: [n1]}]\n"
    (tmp_path / "c.yaml").write_text(f"{head}check: {{after_export: true, fail_on: new, severity: critical}}\n")
    words = ("--config", "c.yaml", "export", "--metrics-file", "m.prom")
    done = inventory(*words, "--json")
    assert done.returncode == 2, done.stderr
    assert json.loads(done.stdout)["check"]["new"] == 1  # the recording is old: the rule on that alone judges it
    metrics = (tmp_path / "m.prom").read_text()
    assert 'inventory_check_open{rule="DRS-009",severity="critical",source="s"} 1.0' in metrics
    assert 'inventory_check_open{rule="DRS-001",severity="high",source="s"} 0.0' in metrics
    assert 'inventory_check_oldest_seconds{source="s"}' in metrics
    text_ = inventory(*words).stdout
    assert "DRS-009 Source has no recent complete snapshot" in text_
    (tmp_path / "c.yaml").write_text(head)
    assert json.loads(inventory(*words, "--json").stdout)["check"] is None
    assert (tmp_path / "m.prom").read_text().count("inventory_check_open{") == len(RULES.by_id)  # kept
    (tmp_path / "rules").mkdir()
    (tmp_path / "rules" / "own.sql").write_text("SELECT 1")
    (tmp_path / "c.yaml").write_text(f"{head}check: {{after_export: true, rules: rules}}\n")
    assert inventory(*words).returncode == 64
    own = OWN.format(age="none", detail="t.nothing", condition="t.is_failed")
    (tmp_path / "rules" / "own.sql").write_text(own)
    done = inventory(*words)
    assert (done.returncode, "TST-001 failed" in done.stdout) == (3, True)


def test_a_reader_cannot_write(request: pytest.FixtureRequest, tmp_path: Path, sqlite_template: Path) -> None:
    """A dry run needs no right to write."""
    copy(sqlite_template, tmp_path / "x.db")
    url = f"sqlite:///{tmp_path}/x.db"
    with opened(url) as store:
        estate = Estate(url, store, tmp_path)
        estate.configure()
        estate.night(1, failed("a"))
    (tmp_path / "x.db").chmod(0o400)
    before = (tmp_path / "x.db").read_bytes()
    assert "NEW" in estate.check("2026-11-01T03:00Z", "--dry-run")
    assert (tmp_path / "x.db").read_bytes() == before
