"""What a comparison says: the algebra of differences, what masks hide, which snapshots, and the plan."""

import itertools
import json
import random
import sqlite3
from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from sqlalchemy import Connection, text

from inventory.common.cancellation import Stop
from inventory.common.errors import BusyError, CompareError, UsageError
from inventory.common.exact_json import Json, canonical, read
from inventory.config.settings import Source
from inventory.diff.compare import compare
from inventory.diff.ends import choose, step
from inventory.diff.life import life
from inventory.diff.masks import agree
from inventory.diff.records import Change, SourceDiff, Step
from inventory.diff.select import Condition, Selection
from inventory.export.flow import Run, export_source, plan_source
from inventory.normalise.redact import Redactor
from inventory.normalise.walk import Row, normalise
from inventory.proof.digest import row_key
from inventory.schema import BY_NAME, ESTATE
from inventory.schema.entities import Entity
from inventory.schema.kinds import rfc3339
from inventory.schema.ledger import METADATA
from inventory.store import reader
from inventory.store.engine import Store
from inventory.store.lock import source_lock
from tests.conftest import ROOT, Command, examples, write_page
from tests.nights import NIGHT, Night, exported, opened, record, recorded, running, shuffled

FEW = settings(
    max_examples=examples(3, soak=8), derandomize=True, deadline=None, suppress_health_check=list(HealthCheck),
    phases=[Phase.explicit, Phase.generate],  # an example is small already, and each goes to a real database
)  # fmt: skip
ALL = Selection()
Rows = dict[tuple[str, str], dict[str, Json]]  # table and key -> row


def public(entity: Entity, row: Row) -> dict[str, Json]:
    values = {c.name: rfc3339(v) if hasattr(v, "astimezone") else v for c, v in zip(entity.columns, row, strict=True)}
    return values | {"extra": read(values["extra"]) if values["extra"] else None}


def rows_of(night: Night) -> Rows:
    """The rows of a night, without a database."""
    found: Rows = {}
    for job_id, job in night.items():
        rows = normalise(job_id, Redactor().job({"id": job_id, **job})).rows
        for entity in ESTATE:
            for row in rows.get(entity.name, []):
                found[entity.name, row_key(entity, row)] = public(entity, row)
    return found


def place(change: Change) -> tuple[str, str]:
    return change.table, json.dumps(list(change.key.values()))


def applied(rows: Rows, changes: Iterable[Change]) -> Rows:
    after = dict(rows)
    for change in changes:
        assert after.pop(place(change), None) == change.before
        if change.after is not None:
            after[place(change)] = dict(change.after)
    return after


def turned(change: Change) -> Change:
    action = {"create": "delete", "delete": "create"}.get(change.action, change.action)
    return Change(change.table, action, change.job_id, change.key, change.after, change.before, change.changed)


def naive(old: Rows, new: Rows) -> set[tuple[str, str, str]]:
    """What two nights differ in, found by looking at every row of both."""
    return {
        ("create" if at not in old else "delete" if at not in new else "update", *at)
        for at in old.keys() | new.keys()
        if canonical(old.get(at)) != canonical(new.get(at))
    }


def seen(connection: Connection, snapshot_id: int) -> set[tuple[str, str, str]]:
    """What the view says of a snapshot."""
    query = text("SELECT action, table_name, key FROM changes WHERE snapshot_id = :id")
    found = set()
    for action, table, key in connection.execute(query, {"id": snapshot_id}):
        members = json.loads(key) if isinstance(key, str) else key
        found.add((action, table, json.dumps([members[name] for name in BY_NAME[table].key])))
    return found


def source_of(connection: Connection, name: str) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    (source,) = reader.sources(connection, [name])
    return source, reader.snapshots(connection, source["id"])


@FEW
@given(nights=st.lists(NIGHT, min_size=3, max_size=3), dice=st.randoms(use_true_random=False))
def test_the_algebra_of_differences(
    nights: list[Night], dice: random.Random, tmp_path_factory: pytest.TempPathFactory, database: str
) -> None:
    nights = [*nights, shuffled(nights[-1], dice)]
    with opened(database) as store:
        name = exported(store, tmp_path_factory.mktemp("nights"), nights).name
        with store.reading() as connection:
            source, found = source_of(connection, name)

            def diff(a: int, b: int) -> SourceDiff:
                return compare(step(connection, source, found[a], found[b]), ALL)

            told = [rows_of(night) for night in nights]
            for a, b in itertools.product(range(4), repeat=2):
                between = diff(a, b)
                assert not between.ignored
                assert applied(told[a], between.changes()) == told[b]
                assert {(c.action, *place(c)) for c in between.changes()} == naive(told[a], told[b])
                assert sorted(map(turned, diff(b, a).changes()), key=place) == sorted(between.changes(), key=place)
            assert not diff(2, 3).jobs
            first = compare(step(connection, source, None, found[0]), ALL)
            assert applied({}, first.changes()) == told[0]
            for at, diffs in enumerate([first, diff(0, 1), diff(1, 2), diff(2, 3)]):
                assert seen(connection, found[at]["id"]) == {(c.action, *place(c)) for c in diffs.changes()}


@FEW
@given(nights=st.lists(NIGHT, min_size=4, max_size=4))
def test_a_life_is_the_sum_of_its_steps(
    nights: list[Night], tmp_path_factory: pytest.TempPathFactory, database: str
) -> None:
    with opened(database) as store:
        name = exported(store, tmp_path_factory.mktemp("nights"), nights).name
        with store.reading() as connection:
            source, found = source_of(connection, name)
            for job_id in {job_id for night in nights for job_id in night}:
                rows: Rows = {}
                events = {event.diff.end["id"]: event for event in life(connection, source, job_id, ALL)}
                assert all(event.exact for event in events.values())
                for snapshot, night in zip(found, nights, strict=True):
                    rows = applied(rows, events[snapshot["id"]].diff.changes() if snapshot["id"] in events else [])
                    assert rows == rows_of({job_id: night[job_id]} if job_id in night else {})


HMAC = "hmac:{}:{}".format
K1, K1B, K2 = HMAC("1" * 8, "a" * 64), HMAC("1" * 8, "b" * 64), HMAC("2" * 8, "a" * 64)


@pytest.mark.parametrize(
    ("old", "new", "same"),
    [
        ("***", "***", True), ("***", K1, True), (K1, K2, True), (K1, K1, True), (K1, K1B, False),
        ("******", "10.0.0.1", True), ("10.0.0.1", "***", True), (None, "***", False), ("***", None, False),
        ("a", "b", False), (1, True, False), (1, "1", False),
        ({"a": "***", "b": [1]}, {"a": K1, "b": [1]}, True), ({"a": "***", "b": [1]}, {"a": K1, "b": [2]}, False),
        ([{"n": 1, "s": K1}, {"n": 2, "s": K2}], [{"n": 2, "s": "***"}, {"n": 1, "s": "***"}], True),
        ([K1], ["***", "***"], False), ({"a": 1}, {"b": 1}, False),
    ],
)  # fmt: skip
def test_what_masks_let_one_see(old: Json, new: Json, *, same: bool) -> None:
    assert agree(old, new) is same
    assert agree(new, old) is same


def with_secrets(password: str, endpoint: str = "ops@example.com") -> Night:
    return {
        "job-1": {
            "name": "n",
            "source_endpoint": {"ip": "10.0.0.1", "db_password": password},
            "source_sharding": [{"ip": f"10.0.1.{at}", "db_password": password} for at in range(3)],
            "alarm_notify": {
                "subscriptions": [
                    {"protocol": "email", "endpoints": [endpoint, "a@example.com"]},
                    {"protocol": "sms", "endpoints": ["1"], "api_token": password},
                ]
            },
            "data_transformation": {
                "filter_conditions": [
                    {"transformation_info": {"value": "v"}, "secret": password,
                     "data_transformation_object_infos": [{"id": "o", "secret": password}]}
                ]
            },
        }
    }  # fmt: skip


NO_KEY: dict[str, Any] = {}
KEY: dict[str, Any] = {"fingerprint_key": "one"}


@pytest.mark.parametrize(
    ("first", "then"),
    [
        (NO_KEY, KEY),
        (KEY, {"fingerprint_key": "two"}),
        (KEY, NO_KEY),
        (NO_KEY, {"redact": frozenset({"alarm_endpoints.endpoint", "endpoints.ip"})}),
    ],
    ids=["a key", "another key", "no key", "more columns"],
)
def test_another_secret_setting_is_no_change(
    tmp_path: Path, database: str, first: dict[str, Any], then: dict[str, Any]
) -> None:
    night = with_secrets("hunter2")
    with opened(database) as store:
        for way in ((first, then), (then, first)):
            folder = tmp_path / str(way[0])
            source = exported(store, folder, [night], **way[0])
            later = recorded(folder / "later", [night], first=2)
            later = replace(later, name=source.name)
            diff = plan_source(later, running(store, **way[1]), ALL)
            assert [(c.table, c.changed) for c in diff.changes()] == []
            assert diff.ignored.total() >= 5


def test_a_rotation_shows_under_one_key(tmp_path: Path, database: str) -> None:
    with opened(database) as store:
        for keys, tables in ((KEY, {"endpoints", "filter_conditions"}), (NO_KEY, set())):
            name = exported(store, tmp_path / str(keys), [with_secrets("old"), with_secrets("new")], **keys).name
            with store.reading() as connection:
                source, (first, last) = source_of(connection, name)
                diff = compare(step(connection, source, first, last), ALL)
            assert {change.table for change in diff.changes()} >= tables
            assert bool(diff.jobs) is bool(tables)
            assert "hunter" not in repr(diff)


def test_a_true_change_among_new_masks_shows(tmp_path: Path, database: str) -> None:
    """Another key and another address: the alarm did change."""
    with opened(database) as store:
        source = exported(store, tmp_path, [with_secrets("p")], **KEY)
        later = recorded(tmp_path / "later", [with_secrets("p", "new@example.com")], first=2)
        later = replace(later, name=source.name)
        diff = plan_source(later, running(store, fingerprint_key="two"), ALL)
    assert {(c.action, c.key.get("endpoint")) for c in diff.changes() if c.table == "alarm_endpoints"} >= {
        ("create", "new@example.com"),
        ("delete", "ops@example.com"),
    }
    assert {c.table for c in diff.changes()} == {"alarm_endpoints"}


def subscription(*endpoints: Json, **more: Json) -> dict[str, Json]:
    return {"alarm_notify": {"subscriptions": [{"endpoints": list(endpoints), **more}]}}


def filters(*conditions: tuple[str, str]) -> dict[str, Json]:
    made = [
        {
            "transformation_info": {"transformation_type": "contentConditionalFilter", "value": value},
            "data_transformation_object_infos": [{"id": name}],
        }
        for name, value in conditions
    ]
    return {"data_transformation": {"filter_conditions": made}}


def sharding(*endpoints: dict[str, Json]) -> dict[str, Json]:
    return {"source_sharding": list(endpoints)}


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        (
            subscription("a", protocol="sms"), subscription("b", "a", protocol="sms"),
            ["create alarm_endpoints sms b 0"],
        ),
        (
            subscription("a", protocol=7), subscription("a", "b", protocol=7),
            ["create alarm_endpoints 7 b 0"],
        ),
        (
            {"speed_limit": [{"begin": "01:00", "end": "02:00", "speed": "1"}, {"begin": "03:00", "end": "04:00"}]},
            {"speed_limit": [{"begin": "03:00", "end": "04:00"}, {"begin": "01:00", "end": "02:00", "speed": "2"}]},
            ["update speed_limits 01:00 02:00 0 speed"],
        ),
        (
            sharding({"ip": "10.0.0.1", "db_port": 1, "db_user": "a"}, {"ip": "10.0.0.1", "db_port": 2}),
            sharding({"ip": "10.0.0.1", "db_port": "1", "db_user": "b"}, {"ip": "10.0.0.1", "db_port": 2}),
            ["update endpoints source_sharding 10.0.0.1 1 0 db_user extra.db_port"],
        ),
        (
            filters(("t1", "x"), ("t2", "y")), filters(("t2", "z"), ("t1", "x")),
            ["update filter_conditions contentConditionalFilter t2 0 transformation_info_value"],
        ),
        (  # two conditions on one table: counted in the order of their content
            filters(("t1", "x"), ("t1", "y")), filters(("t1", "y"), ("t1", "z"), ("t1", "x")),
            [
                "create filter_conditions contentConditionalFilter t1 2",
                "create filter_object_infos contentConditionalFilter t1 t1 2",
            ],
        ),
        (subscription("a", protocol={"x": [1], "y": None}), subscription("a", protocol={"x": [1]}), []),
        (subscription("a", protocol=None), subscription("a"), []),
    ],
    ids=[
        "address", "odd protocol", "window", "address of a port", "condition", "conditions of a table",
        "odd", "missing",
    ],
)  # fmt: skip
def test_a_small_change_reads_as_one(
    tmp_path: Path, database: str, before: dict[str, Json], after: dict[str, Json], expected: list[str]
) -> None:
    with opened(database) as store:
        name = exported(store, tmp_path, [{"job-1": before}, {"job-1": after}]).name
        with store.reading() as connection:
            source, (first, last) = source_of(connection, name)
            diff = compare(step(connection, source, first, last), ALL)
    found = [" ".join(map(str, [c.action, c.table, *list(c.key.values())[1:], *c.changed])) for c in diff.changes()]
    assert found == expected


@pytest.mark.parametrize("setting", [KEY, NO_KEY], ids=["fingerprints", "stars"])
def test_a_masked_address_names_no_item(tmp_path: Path, database: str, setting: dict[str, Any]) -> None:
    """A rotated key, or a mask of the service's own, is no change of the items that it would have named."""
    redact = {"redact": frozenset({"endpoints.ip"})}
    night = {"job-1": sharding({"ip": "10.0.0.1", "db_port": 1}, {"ip": "10.0.0.2", "db_port": 1})}
    with opened(database) as store:
        source = exported(store, tmp_path, [night], **setting, **redact)
        later = replace(recorded(tmp_path / "later", [night], first=2), name=source.name)
        for then in (setting, {"fingerprint_key": "another"}):
            diff = plan_source(later, running(store, **then, **redact), ALL)
            assert [(c.table, c.changed) for c in diff.changes()] == []


def test_what_the_older_tables_did_not_have_is_not_recorded(tmp_path: Path) -> None:
    rows = normalise("j", {"id": "j", "name": "n"}).rows
    ends: list[dict[str, Any]] = [
        {"schema_revision": revision, "id": at} for at, revision in enumerate(["0000", "0001"])
    ]

    def between(entity: Entity) -> tuple[list[Row], list[Row]]:
        return [], rows.get(entity.name, [])

    old = compare(Step.held("s", ends[0], ends[1], between, lambda *_: []), ALL)
    assert (old.jobs, old.ignored.total()) == ({}, 1)
    assert old.not_recorded is not None
    assert "jobs.name" in old.not_recorded
    same = compare(Step.held("s", ends[1], ends[1], between, lambda *_: []), ALL)
    assert len(list(same.changes())) == 1
    assert same.not_recorded is None


@pytest.mark.parametrize(
    ("words", "named"),
    [
        ("creat", "create"), ("create:job", "jobs"), ("update:jobs.statu", "status"), ("delete:jobs.status", "update"),
        ("create:", "TABLE"), ("create:findings", "there is no table"), ("", "There are: create"),
    ],
)  # fmt: skip
def test_wrong_words_are_told(words: str, named: str) -> None:
    with pytest.raises(UsageError, match=named):
        Condition.parse(words)


def a_change(action: str, table: str, *changed: str) -> Change:
    return Change(table, action, "j", {}, None, None, list(changed))


@pytest.mark.parametrize(
    ("words", "change", "holds"),
    [
        ("delete", a_change("delete", "tags"), True), ("delete", a_change("create", "tags"), False),
        ("delete:jobs", a_change("delete", "tags"), False), ("delete:tags", a_change("delete", "tags"), True),
        ("update:jobs.status", a_change("update", "jobs", "name", "status"), True),
        ("update:jobs.status", a_change("update", "jobs", "name"), False),
        ("update:jobs.extra", a_change("update", "jobs", "extra.policy.x"), True),
    ],
)  # fmt: skip
def test_conditions(words: str, change: Change, *, holds: bool) -> None:
    diff = SourceDiff.of("s", None, {}, [change], {})
    assert Condition.parse(words).holds(diff) is holds


def test_filters_count_at_either_end(tmp_path: Path, database: str) -> None:
    tagged: Night = {
        "job-1": {"status": "A", "tags": [{"key": "team", "value": "x"}]}, "job-2": {"status": "B"}, "job-3": {}
    }  # fmt: skip
    later: Night = {
        "job-1": {"status": "B"},
        "job-2": {"status": "C"},
        "job-4": {"tags": [{"key": "team", "value": "x"}]},
    }
    with opened(database) as store:
        name = exported(store, tmp_path, [tagged, later]).name
        with store.reading() as connection:
            source, (first, last) = source_of(connection, name)

            def jobs(**what: Any) -> set[str]:
                found = [
                    compare(step(connection, source, *ends), Selection(**what))
                    for ends in ((first, last), (last, first))
                ]
                one, other = ({c.job_id for c in diff.changes()} for diff in found)
                assert one == other
                return one

            assert jobs() == {"job-1", "job-2", "job-3", "job-4"}
            assert jobs(status="B") == {"job-1", "job-2"}
            assert jobs(status="A") == {"job-1"}
            assert jobs(tags=(("team", "x"),)) == {"job-1", "job-4"}
            assert jobs(tags=(("team", "x"),), status="A") == {"job-1"}
            assert jobs(tags=(("team", "x"),), status="B") == set()
            assert jobs(status="B", table="tags") == {"job-1"}
            assert jobs(job_id="job-3") == {"job-3"}


def test_which_snapshots(tmp_path: Path, database: str) -> None:
    nights: list[Night] = [{"job-1": {"status": status}} for status in "ABC"]
    with opened(database) as store:
        long, short = exported(store, tmp_path / "long", nights), exported(store, tmp_path / "short", nights[:1])
        with store.reading() as connection:
            sources = reader.sources(connection)

            def chosen(start: str | None, end: str | None, *named: str) -> tuple[dict[str, Any], list[str]]:
                found, complaints = choose(connection, reader.sources(connection, named), start, end, named)
                ends = {
                    s["name"]: (a and a["id"] - ids_of[s["name"]], b["id"] - ids_of[s["name"]]) for s, a, b in found
                }
                return ends, complaints

            ids_of = {source["name"]: reader.snapshots(connection, source["id"])[0]["id"] for source in sources}
            assert chosen(None, None) == ({long.name: (1, 2), short.name: (None, 0)}, [])
            first = str(ids_of[long.name])
            assert chosen(first, None) == ({long.name: (0, 2)}, [])
            assert chosen("latest", first) == ({long.name: (2, 0)}, [])
            assert chosen("2026-11-01", "2026-11-02T01:00Z")[0] == {long.name: (0, 1), short.name: (0, 0)}
            found, complaints = chosen("latest~2", "latest")
            assert found == {long.name: (0, 2)}
            assert [short.name in each for each in complaints] == [True]
            found, complaints = chosen(first, None, short.name)
            assert (found, len(complaints)) == ({}, 1)
            with pytest.raises(CompareError):
                chosen("99999", None)
            with pytest.raises(UsageError):
                chosen("yesterday", None)


def test_the_plan_is_what_the_export_then_writes(tmp_path: Path, database: str) -> None:
    nights: list[Night] = [
        {"job-1": {"status": "A", "tags": [{"key": "k", "value": "v"}]}, "job-2": {"status": "A"}},
        {"job-1": {"status": "B"}, "job-3": {"status": "A", "object_infos": [{"id": "o", "type": "table"}]}},
    ]
    with opened(database) as store:
        both = recorded(tmp_path, nights)
        name, (one, other) = both.name, both.replay
        for replay in ((one,), (one, other)):
            source, run = replace(both, replay=replay), running(store)
            before = dump(store)
            with source_lock(store, name, 0, Stop()):  # as if an export were running
                planned = plan_source(source, run, ALL)
            assert dump(store) == before
            exported_now = export_again(source, run)
            with store.reading() as connection:
                row, found = source_of(connection, name)
                start = found[-2] if len(found) > 1 else None
                written = compare(step(connection, row, start, found[-1]), ALL)
            assert list(planned.changes()) == list(written.changes()) != []
            assert planned.findings == written.findings
            assert planned.names == written.names
            assert planned.end.keys() == written.end.keys()
            assert planned.end["id"] is None
            known = (
                "status",
                "jobs",
                "added",
                "changed",
                "removed",
                "content_digest",
                "previous_digest",
                "observed_to",
            )
            assert [planned.end[each] for each in known] == [exported_now[each] for each in known]
            again = plan_source(source, run, ALL)
            assert (again.jobs, again.end["id"]) == ({}, exported_now["id"])


def export_again(source: Source, run: Run) -> dict[str, Any]:
    row = list(export_source(source, run))[-1].snapshot
    assert row is not None
    return row


def dump(store: Store) -> list[Any]:
    with store.reading() as connection:
        return [sorted(map(repr, connection.execute(table.select()))) for table in METADATA.sorted_tables]


def test_a_plan_notices_an_export_that_finished_first(tmp_path: Path, database: str) -> None:
    with opened(database) as store:
        source = exported(store, tmp_path, [{"job-1": {"status": "A"}}])
        later = recorded(tmp_path / "later", [{"job-1": {"status": "B"}}], first=2)
        later = replace(later, name=source.name)
        written: list[dict[str, Any]] = []

        def meanwhile(*_: Any) -> None:
            if not written:
                written.append(export_again(later, running(store)))

        with pytest.raises(BusyError):
            plan_source(later, replace(running(store), progress=meanwhile), ALL)
        assert len(written) == 1


CONFIG = str(ROOT / "samples/inventory.yaml")


def test_commands(inventory: Command, tmp_path: Path) -> None:
    options = ("--config", CONFIG, "--database", "sqlite:///x.db")
    planned = inventory(*options, "plan", "--detailed-exitcode")
    assert (planned.returncode, planned.stderr) == (2, "")
    assert "live state; there is no snapshot to compare it with yet" in planned.stdout
    assert list(tmp_path.iterdir()) == []
    assert inventory(*options, "export").returncode == 0
    before = (tmp_path / "x.db").read_bytes()
    quiet = inventory(*options, "-q", "plan", "--detailed-exitcode")
    assert (quiet.returncode, quiet.stdout, quiet.stderr) == (0, "", "")
    assert (tmp_path / "x.db").read_bytes() == before

    def code(*words: str) -> int:
        done = inventory("--database", "sqlite:///x.db", "-q", "diff", *words)
        assert "Traceback" not in done.stderr
        assert bool(done.stdout) is (done.returncode == 2)
        return done.returncode

    assert code() == 0
    assert code("--fail-on", "update:jobs.status") == 2
    assert code("--fail-on", "update:jobs.name", "--fail-on", "create:public_ips") == 2
    assert code("--fail-on", "update:jobs.name") == 0
    assert code("--fail-on", "update:jobs.nam") == 64
    assert code("--table", "job") == 64
    assert code("--tag", "owner") == 64
    assert code("latest~5") == 1
    text_ = inventory("--database", "sqlite:///x.db", "diff").stdout
    assert text_.splitlines()[-1].startswith("sample: jobs: 1 added, 5 changed, 1 removed; rows: ")
    document = json.loads(inventory("--database", "sqlite:///x.db", "diff", "--format", "json").stdout)
    assert document.keys() == {"format_version", "sources"}
    (source,) = document["sources"]
    assert source.keys() == {
        "source", "from", "to", "summary", "changes", "findings", "new_findings", "replaced", "gone",
    }  # fmt: skip
    assert source["summary"] == {"create": 7, "update": 8, "delete": 7, "ignored": 0}
    lists = {"alarm_endpoints", "alarm_subscriptions", "filter_conditions", "filter_object_infos"}
    assert [(c["action"], c["table"], c["changed"]) for c in source["changes"] if c["table"] in lists] == [
        ("create", "alarm_endpoints", []),
        ("update", "filter_conditions", ["transformation_info_value"]),
    ]
    assert '+ alarm_endpoints [item = "email", endpoint = "night-shift@example.com"]' in text_
    assert (
        '~ filter_conditions [item = "contentConditionalFilter billing-*-*-invoices-*-*---conditionFilter--"]' in text_
    )


def test_a_job_that_is_gone_can_be_looked_at(inventory: Command) -> None:
    gone = "d19c4e70-82a6-4f5b-a0d4-3c6b90fjb101"
    options = ("--config", CONFIG, "--database", "sqlite:///x.db")
    assert inventory(*options, "export").returncode == 0
    assert inventory(*options, "show", gone).returncode == 1
    shown = inventory(*options, "show", gone, "--snapshot", "latest~1", "--json")
    assert json.loads(shown.stdout)["results"][0]["id"] == gone
    (job,) = json.loads(shown.stdout)["results"]
    text_ = inventory(*options, "show", gone, "--snapshot", "latest~1").stdout
    when = datetime.fromtimestamp(int(job["create_time"]) // 1000, UTC)
    assert f"  create_time {when:%Y-%m-%d %H:%M:%S} UTC\n" in text_
    assert job["create_time"] not in text_
    told = inventory(*options, "log", gone)
    assert told.returncode == 0
    assert [line.split()[0] for line in told.stdout.splitlines() if line.startswith("  ")] == ["+", "-"]
    assert told.stdout.splitlines()[-1].endswith("gone: DRS.M05004, asked alone")
    changes = json.loads(inventory(*options, "log", gone, "--json").stdout)["changes"]
    own = [change for change in changes if change["table"] == "jobs"]
    assert [(c["from"], c["snapshot"], c["action"], c["source"]) for c in own] == [
        (None, 1, "create", "sample"),
        (1, 2, "delete", "sample"),
    ]
    assert [json.loads(line) for line in inventory(*options, "log", gone, "--format", "jsonl").stdout.splitlines()] == (
        changes
    )
    missing = inventory(*options, "log", "nobody")
    assert (missing.returncode, missing.stdout) == (1, "")


def test_what_happened_in_a_pruned_snapshot_is_dated_by_those_around_it(tmp_path: Path) -> None:
    nights: list[Night] = [{"job-1": {"status": status}} for status in "ABBC"]
    with opened(f"sqlite:///{tmp_path}/x.db") as store:
        name = exported(store, tmp_path, nights).name
        with sqlite3.connect(tmp_path / "x.db") as raw:
            raw.execute("UPDATE internal_maintenance SET pruning = 1")
            raw.execute("UPDATE snapshots SET pruned_at = '2026-12-01 00:00:00.000000' WHERE id = 2")
        raw.close()
        with store.reading() as connection:
            source, _ = source_of(connection, name)
            events = list(life(connection, source, "job-1", ALL))
    ends = [(e.diff.start and e.diff.start["id"], e.diff.end["id"], e.exact) for e in events]
    assert ends == [(None, 1, True), (1, 3, False), (3, 4, True)]


def test_a_plan_with_a_job_that_cannot_be_read(inventory: Command, tmp_path: Path) -> None:
    record(tmp_path / "n1", {"job-1": {"status": "A"}, "job-2": {"status": "A"}}, 1, set())
    record(tmp_path / "n2", {"job-1": {"status": "B"}}, 2, set())
    write_page(tmp_path / "n2", 900, ["job-2"], {"error_code": "DRS.M00500"}, status=500, time="2026-11-02T01:00:00Z")
    for name, nights in (("one", "n1"), ("both", "n1, n2")):
        (tmp_path / f"{name}.yaml").write_text(f"sources: [{{name: s, replay: [{nights}]}}]\n")
    assert inventory("--config", "one.yaml", "export").returncode == 0
    planned = inventory("--config", "both.yaml", "plan", "--detailed-exitcode", "--format", "json")
    assert planned.returncode == 3, planned.stderr
    (source,) = json.loads(planned.stdout)["sources"]
    assert [(c["action"], c["job_id"], c["changed"]) for c in source["changes"]] == [("update", "job-1", ["status"])]
    assert (source["to"]["id"], source["to"]["status"], source["to"]["unreadable"]) == (None, "partial", 1)
    assert len(json.loads(inventory("snapshots", "--json").stdout)["snapshots"]) == 1


def test_what_can_be_compared_is_printed_and_the_rest_is_an_error(inventory: Command, tmp_path: Path) -> None:
    for at in (1, 2):
        record(tmp_path / f"n{at}", {"job-1": {"status": f"S{at}"}}, at, set())
    (tmp_path / "c.yaml").write_text("sources: [{name: long, replay: [n1, n2]}, {name: short, replay: [n2]}]\n")
    assert inventory("--config", "c.yaml", "export").returncode == 0
    done = inventory("diff", "latest~1", "latest", "--format", "json", "--detailed-exitcode")
    assert done.returncode == 1
    assert [source["source"] for source in json.loads(done.stdout)["sources"]] == ["long"]
    assert done.stderr == (
        "error: short: snapshot latest~1 does not exist (latest does). `inventory snapshots` shows what there is\n"
    )
    assert inventory("diff", "--source", "short", "latest~1").returncode == 1
    both = inventory("diff", "--detailed-exitcode")
    assert both.returncode == 2
    assert both.stdout.splitlines()[-1].startswith("in all: jobs: 1 added, 1 changed, 0 removed")
