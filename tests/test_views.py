"""The views, each against a plain computation over `show --json` of every snapshot, on both databases and in DuckDB."""

import json
import re
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from itertools import groupby, pairwise
from pathlib import Path
from shutil import copy
from typing import Any

import pytest
from sqlalchemy import text

from inventory.config.settings import Source
from inventory.export.flow import export_source
from inventory.schema import BY_NAME, ENTITIES, ESTATE
from inventory.schema.views import declared_views, views
from inventory.store.check import check
from inventory.store.engine import Store
from tests.conftest import ROOT, ran
from tests.conftest import copied as server_copy
from tests.duck import duck, duck_rows
from tests.nights import Night, opened, record, running

Row = dict[str, Any]
DAYS = {"north": (1, 2, 3, 5, 6, 7, 8), "south": (2, 3, 4, 8)}  # of November; on the others nothing was exported
TAG = "team"
KINDS = {(view.name, each.name): each.kind for view in declared_views("sqlite") for each in view.columns}


def nights(source: str) -> list[Night]:
    """The nights of one source, each with the changes that views are about."""
    found = []
    for at in range(len(DAYS[source])):
        statuses = ("FULL_TRANSFER_STARTED", "FULL_TRANSFER_FAILED", "FULL_TRANSFER_FAILED", "FULL_TRANSFER_COMPLETE")
        job: Row = {
            "name": "orders" if at < 4 else "orders-2",
            "status": statuses[at % 4],
            "create_time": "1767225600000",
            "full_transfer_complete_time": "1793491200000",
            "net_type": None if at % 2 else "eip",
            "inst_info": {"engine_type": "mysql", "public_ip": "******"},
            "tags": [{"key": TAG, "value": "db"}, {"key": "owner", "value": "nobody"}],
            "object_infos": [{"type": "table", "id": f"a-*-*-{n}", "name": f"n{n}"} for n in range(3 + at % 3)],
            "speed_limit": [{"begin": "01:00", "end": "05:00", "speed": str(50 + 10 * (at // 2))}],
            "source_endpoint": {
                "db_type": "kafka", "ip": "10.0.0.1:9092, [fd00::2]:9093,k3", "db_port": 9000,
                "kafka_security_config": {"type": "PLAINTEXT" if at % 2 else "SASL_SSL"},
            },
            "source_sharding": [
                {"ip": "10.0.0.9", "db_port": 3306, "ssl_link": at > 1}, {"ip": 'a"b\\c', "db_port": 1},
            ],
            "target_endpoint": {"db_type": "mysql", "ip": "10.0.0.2", "db_port": 3306, "ssl_link": True},
        }  # fmt: skip
        night: Night = {f"{source}-1": job}
        night[f"{source}-3"] = {
            "name": "child", "parent_id": f"{source}-1", "status": "CHILD_TRANSFER_STARTED", "net_type": "vpc",
        }  # fmt: skip
        if at in (1, 2, 4):
            night[f"{source}-2"] = {"name": "it's new", "status": "UNHEARD_OF", "public_ip_list": [{"id": "e"}]}
            night[f"{source}-2"]["tags"] = [{"key": 'say "hi"\n\tC:\\x', "value": "密码"}, {"key": "ключ", "value": ""}]
        found.append(night)
    return found


@dataclass
class Estate:
    """A database with the nights, and `show --json` of each snapshot that is left."""

    url: str
    store: Store

    def __post_init__(self) -> None:
        self.snapshots = json.loads(ran("--database", self.url, "snapshots", "--json"))["snapshots"]
        self.shown = {row["id"]: self._shown(row) for row in self.snapshots if row["pruned_at"] is None}

    def _shown(self, row: Row) -> dict[str, Row]:
        where = ("--source", row["source"], "--snapshot", str(row["id"]))
        document = json.loads(ran("--database", self.url, "show", "--json", *where))
        return {job["id"]: job for job in document["results"]}

    def kept(self, source: str) -> list[Row]:
        return sorted((row for row in self.snapshots if row["source"] == source and row["id"] in self.shown), key=by_id)

    def last(self, source: str) -> dict[str, Row]:
        return self.shown[self.kept(source)[-1]["id"]]

    def rows(self, query: str) -> list[Row]:
        """Ask; a time is RFC 3339 and a flag is a boolean, as on both databases."""
        with self.store.reading() as connection:
            found = connection.execute(text(query)).mappings().all()
        return [{name: plain(value) for name, value in row.items()} for row in found]

    def view(self, name: str, *without: str) -> list[Row]:
        rows = self.rows(f"SELECT * FROM {name}")
        for row in rows:
            for each in row:
                if KINDS.get((name, each)) == "boolean" and row[each] is not None:
                    row[each] = bool(row[each])
                if KINDS.get((name, each)) == "json" and isinstance(row[each], str):
                    row[each] = json.loads(row[each])
        return [{each: value for each, value in row.items() if each not in without} for row in rows]


def by_id(row: Row) -> int:
    number: int = row["id"]
    return number


def plain(value: Any) -> Any:
    if isinstance(value, datetime):
        return value.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
    return value.isoformat() if isinstance(value, date) else value


def same(found: list[Row], expected: list[Row]) -> None:
    """Compare rows in any order, and show those that differ."""
    left, right = (sorted(map(repr, rows)) for rows in (found, expected))
    assert [row for row in left if row not in right] == [row for row in right if row not in left]
    assert len(left) == len(right)


def night_folder(folder: Path, source: str, at: int) -> Path:
    whole = nights(source)
    before = set(whole[at - 1]) if at else set()
    record(folder / source / str(at), whole[at], DAYS[source][at], before - whole[at].keys())
    return folder / source / str(at)


def fill(store: Store, folder: Path) -> None:
    """Export the nights of both sources, in the order of time."""
    order = sorted((day, source, at) for source, days in DAYS.items() for at, day in enumerate(days))
    for _, source, at in order:
        replay = (night_folder(folder, source, at),)
        list(export_source(Source(source, replay=replay), running(store, owner_tag=TAG)))


@contextmanager
def copied(request: pytest.FixtureRequest, kind: str, folder: Path) -> Iterator[str]:
    """The URL of a database that has the tables."""
    if kind == "sqlite":
        copy(request.getfixturevalue("sqlite_template"), folder / "views.db")
        yield f"sqlite:///{folder}/views.db"
        return
    with server_copy(*(request.getfixturevalue(f"postgresql_{each}") for each in ("server", "template"))) as url:
        yield url


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def kind(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(scope="module")
def estate(request: pytest.FixtureRequest, kind: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Estate]:
    folder = tmp_path_factory.mktemp("views")
    with copied(request, kind, folder) as url, opened(url) as store:
        fill(store, folder)
        yield Estate(url, store)


@pytest.fixture(scope="module")
def pruned(request: pytest.FixtureRequest, kind: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Estate]:
    """The same, with snapshots in between pruned, and one source retired."""
    folder = tmp_path_factory.mktemp("pruned")
    with copied(request, kind, folder) as url, opened(url) as store:
        fill(store, folder)
        ran("--database", url, "prune", "--keep-weekly", "2", "--yes")
        ran("--database", url, "sources", "retire", "south", "--yes")
        found = Estate(url, store)
        assert sum(row["pruned_at"] is not None for row in found.snapshots) > 0
        yield found


BOTH = pytest.mark.parametrize("which", ["estate", "pruned"])


@pytest.fixture
def whole(request: pytest.FixtureRequest, kind: str, which: str) -> Estate:
    found: Estate = request.getfixturevalue(which)
    return found


def day_of(row: Row) -> date:
    return datetime.fromisoformat(row["observed_to"] or row["finished_at"]).date()


@BOTH
def test_days_carry_the_last_known_snapshot_forward(whole: Estate) -> None:
    expected = []
    moments = [day_of(row) for row in whole.snapshots]
    retired = {row["name"]: row["retired_at"] for row in whole.rows("SELECT name, retired_at FROM sources")}
    for source in DAYS:
        mine = [row for row in whole.snapshots if row["source"] == source]
        for number in range((max(moments) - min(moments)).days + 1):
            day = min(moments) + timedelta(days=number)
            known = [row for row in whole.kept(source) if day_of(row) <= day]
            if known and (retired[source] is None or day.isoformat() <= retired[source][:10]):
                last = known[-1]
                expected.append({
                    "day": day.isoformat(), "source_id": last["source_id"], "source": source, "snapshot_id": last["id"],
                    "observed_to": plain_time(last["observed_to"]), "age_days": (day - day_of(last)).days,
                    "is_missed": day not in map(day_of, mine),
                })  # fmt: skip
    same(whole.view("days"), expected)


def plain_time(value: str | None) -> str | None:
    return None if value is None else plain(datetime.fromisoformat(value))


def test_a_day_has_every_source(estate: Estate) -> None:
    """F1, F7: what the page of views says finds each source's jobs, also of a day on which one was not exported."""
    query = "SELECT d.day, a.source, count(*) AS jobs FROM jobs_as_of a JOIN days d USING (source_id, snapshot_id)"
    found = estate.rows(f"{query} WHERE d.day = '2026-11-06' GROUP BY d.day, a.source ORDER BY a.source")
    known = {source: [row for row in estate.kept(source) if day_of(row) <= date(2026, 11, 6)] for source in DAYS}
    assert [(row["source"], row["jobs"]) for row in found] == [
        (source, len(estate.shown[rows[-1]["id"]])) for source, rows in sorted(known.items())
    ]


def test_a_time_compares_as_every_tool_writes_it(estate: Estate) -> None:
    """F8: text with T and Z, as JSON, Python and Grafana write it, is the same instant on both databases."""
    for bound in ("2026-11-03T00:00:00Z", "2026-11-03T01:00:00.000000Z", "2026-11-03T01:00:01+00:00"):
        if bound.endswith("+00:00") and estate.store.is_sqlite:
            continue  # text with an offset is none that compares
        found = estate.rows(f"SELECT id FROM snapshots WHERE observed_to < '{bound}' ORDER BY id")
        limit = datetime.fromisoformat(bound)
        assert [row["id"] for row in found] == sorted(
            row["id"] for row in estate.snapshots if datetime.fromisoformat(row["observed_to"]) < limit
        )


def runs(estate: Estate, source: str, value: Callable[[Row], Any]) -> Iterator[tuple[str, Any, list[Row], Row | None]]:
    """Yield job, value, the kept snapshots of each unbroken run of it, and the first one after it."""
    kept = estate.kept(source)
    for job_id in sorted({job for row in kept for job in estate.shown[row["id"]]}):
        states = [(row, estate.shown[row["id"]].get(job_id)) for row in kept]
        groups = [
            (found, [row for row, _ in group])
            for found, group in groupby(states, key=lambda pair: None if pair[1] is None else (value(pair[1]),))
        ]
        for (found, rows), after in zip(groups, [*groups[1:], None], strict=True):
            if found is not None:
                yield job_id, found[0], rows, after[1][0] if after else None


def test_job_status_periods(estate: Estate) -> None:
    expected = []
    for source in DAYS:
        kept = estate.kept(source)
        for job_id, status, rows, after in runs(estate, source, lambda job: job["status"]):
            end = after or kept[-1]
            expected.append({
                "source": source, "job_id": job_id, "name": estate.shown[rows[-1]["id"]][job_id]["name"],
                "status": status, "from_time": plain_time(rows[0]["observed_to"]),
                "to_time": plain_time(after["observed_to"]) if after else None,
                "days": (day_of(end) - day_of(rows[0])).days, "is_open": after is None,
                "is_first_night": rows[0] is kept[0],
            })  # fmt: skip
    same(estate.view("job_status_periods", "source_id", "phase"), expected)


def test_pruned_steps_are_joined(pruned: Estate) -> None:
    """Runs are those of the snapshots that are left, but for their ends, which pruned snapshots may have seen."""
    expected = {
        (job_id, status, after is None, len(rows) > 0)
        for source in DAYS
        for job_id, status, rows, after in runs(pruned, source, lambda job: job["status"])
    }
    found = [(row["job_id"], row["status"], row["is_open"], True) for row in pruned.view("job_status_periods")]
    assert sorted(found) == sorted(expected)


@pytest.mark.parametrize("column", ["name", "status"])
def test_periods_have_each_row_with_its_time(estate: Estate, column: str) -> None:
    found = []
    for _, group in groupby(
        sorted(estate.view("jobs_periods"), key=lambda row: (row["id"], row["valid_from"])), key=lambda row: row["id"]
    ):
        for row in group:
            found.append((row["source"], row["id"], row[column], row["from_time"], row["to_time"], row["is_current"]))
            assert (row["to_time"] is None) == row["is_current"] == (row["valid_to"] is None)
            assert row["is_first_night"] == (row["valid_from"] == estate.kept(row["source"])[0]["id"])
    for source in DAYS:
        for snapshot in estate.kept(source):
            at = plain_time(snapshot["observed_to"]) or ""
            seen = {
                (job, value)
                for name, job, value, begin, end, _ in found
                if name == source and begin <= at < (end or "9")
            }
            assert seen == {(job_id, job[column]) for job_id, job in estate.shown[snapshot["id"]].items()}


def test_every_periods_view_has_the_rows_of_both_tables(estate: Estate) -> None:
    for entity in ENTITIES:
        count = f"SELECT count(*) AS n, sum(CASE WHEN is_current THEN 1 ELSE 0 END) AS now FROM {entity.name}_periods"
        tables = [
            estate.rows(f"SELECT count(*) AS n FROM {name}")[0]["n"] for name in (entity.name, f"{entity.name}_history")
        ]
        found = estate.rows(count)[0]
        assert (found["n"], found["now"] or 0) == (sum(tables), tables[0]), entity.name


def is_plain(endpoint: Row) -> bool:
    if endpoint.get("db_type") == "kafka":
        return "PLAINTEXT" in endpoint["kafka_security_config"]["type"]
    return endpoint.get("ssl_link") is False


def test_tasks(estate: Estate) -> None:
    expected = []
    for source in DAYS:
        last, end = estate.last(source), day_of(estate.kept(source)[-1])
        since = {
            job_id: rows[0]["observed_to"]
            for job_id, _, rows, after in runs(estate, source, lambda job: job["status"])
            if after is None
        }
        for job_id, job in last.items():
            if job.get("parent_id"):
                continue
            endpoints = [job.get(name) or {} for name in ("source_endpoint", "target_endpoint")] + job.get(
                "source_sharding", []
            )
            plain_ends = [each for each in endpoints if is_plain(each)]
            done = datetime.fromtimestamp(int(job["full_transfer_complete_time"]) / 1000, UTC).date()
            created = datetime.fromtimestamp(int(job["create_time"]) / 1000, UTC).date()
            status, is_eip = job["status"], job.get("net_type") == "eip"
            expected.append({
                "source": source, "job_id": job_id, "name": job["name"], "status": status, "phase": "full",
                "is_failed": status.endswith("_FAILED"), "is_active": True, "status_since": plain_time(since[job_id]),
                "owner": next(tag["value"] for tag in job["tags"] if tag["key"] == TAG),
                "net_type": job.get("net_type"), "engine": "mysql", "has_public_ip": is_eip,
                "has_plain_endpoint": bool(plain_ends),
                "sub_tasks": sum(each.get("parent_id") == job_id for each in last.values()),
                "objects": len(job["object_infos"]), "age_days": (end - created).days,
                "idle_days": (end - done).days if status == "FULL_TRANSFER_COMPLETE" else None,
            })  # fmt: skip
    same(estate.view("tasks", "source_id"), expected)


def test_sub_tasks(estate: Estate) -> None:
    expected = []
    for source in DAYS:
        for job_id, job in estate.last(source).items():
            if parent := job.get("parent_id"):
                own = {"job_id": job_id, "name": job["name"], "status": job["status"]}
                expected.append({"source": source, "parent_job_id": parent, **own})
    same(estate.view("sub_tasks", "source_id"), expected)


HOSTS = {  # ip -> hosts and ports, by hand
    "10.0.0.1:9092, [fd00::2]:9093,k3": [("10.0.0.1", 9092), ("fd00::2", 9093), ("k3", 9000)],
    "10.0.0.9": [("10.0.0.9", 3306)],
    'a"b\\c': [('a"b\\c', 1)],
    "10.0.0.2": [("10.0.0.2", 3306)],
}


def test_endpoint_security_has_a_row_a_host(estate: Estate) -> None:
    expected = []
    for source in DAYS:
        for job_id, job in estate.last(source).items():
            found = [("source", job.get("source_endpoint")), ("target", job.get("target_endpoint"))]
            ends = [(role, each) for role, each in found if each]
            for role, each in [*ends, *(("source_sharding", each) for each in job.get("source_sharding", []))]:
                is_kafka = each.get("db_type") == "kafka"
                said = each["kafka_security_config"]["type"] if is_kafka else each.get("ssl_link")
                tls = {None: "unknown", True: "on", False: "off", "PLAINTEXT": "off", "SASL_SSL": "on"}[said]
                for host, port in HOSTS[each["ip"]]:
                    how = "kafka" if is_kafka else "ssl_link"
                    common = {"source": source, "job_id": job_id, "role": role, "db_type": each.get("db_type")}
                    expected.append({**common, "host": host, "port": port, "tls": tls, "how": how})
    same(estate.view("endpoint_security", "source_id"), expected)


@pytest.mark.parametrize(
    ("ip", "found"),
    [
        ("", [(None, 5)]), (" , ", [(None, 5)]), ("a,", [("a", 5)]), ("fd00::1", [("fd00::1", 5)]),
        ("a:x", [("a:x", 5)]), ("a:123456", [("a:123456", 5)]), ("[fd00::1]", [("[fd00::1]", 5)]),
        ("a:1,a:2", [("a", 1), ("a", 2)]), (":9", [("", 9)]),
    ],
)  # fmt: skip
def test_hosts_are_split_whatever_the_service_sends(estate: Estate, ip: str, found: list[Any]) -> None:
    with estate.store.engine.connect() as connection:  # rolled back
        connection.execute(
            text("UPDATE endpoints SET ip = :ip, db_port = 5 WHERE job_id = 'north-1' AND role = 'target'"), {"ip": ip}
        )
        query = (
            "SELECT host, port FROM endpoint_security WHERE job_id = 'north-1' AND role = 'target' ORDER BY port, host"
        )
        assert [tuple(row) for row in connection.execute(text(query))] == found
        connection.rollback()


def flat(estate: Estate, snapshot: int) -> dict[tuple[Any, ...], Row]:
    """Return (table, job, key) -> row, of the tables as a snapshot saw them."""
    found = {}
    for entity in ESTATE:
        for row in estate.rows(f"SELECT * FROM {entity.name}_as_of WHERE snapshot_id = {snapshot}"):
            key = {name: row[name] for name in entity.key}
            found[entity.name, row[entity.job_column], json.dumps(key, sort_keys=True)] = {
                field.name: as_text(field.api.kind.sql, row[field.name]) for field in entity.compared
            }
    return found


def as_text(kind: str, value: Any) -> str | None:
    if value is None:
        return None
    if kind == "boolean":
        return "true" if value else "false"
    return re.sub(r"\d{3}Z$", "Z", value) if kind == "time" else str(value)


@BOTH
def test_changes_and_their_details(whole: Estate) -> None:
    rows, details, counts = [], [], []
    for source in DAYS:
        kept = whole.kept(source)
        for before, after in pairwise([None, *kept]):
            assert after is not None
            old, new = flat(whole, before["id"]) if before else {}, flat(whole, after["id"])
            actions = {
                key: "create" if key not in old else "delete" if key not in new else "update" for key in {*old, *new}
            }
            changed = {
                key: action for key, action in actions.items() if old.get(key) != new.get(key) or action != "update"
            }
            for (table, job_id, key), action in changed.items():
                common = {
                    "source": source,
                    "snapshot_id": after["id"],
                    "table_name": table,
                    "action": action,
                    "job_id": job_id,
                }
                rows.append({**common, "key": json.loads(key)})
                was, now = (side.get((table, job_id, key), {}) for side in (old, new))
                details += [
                    {**common, "column_name": name, "before": was.get(name), "after": now.get(name)}
                    for name in {*was, *now} if was.get(name) != now.get(name)
                ]  # fmt: skip
            for entity in ENTITIES:
                table = entity.name
                seen = whole.rows(f"SELECT count(*) AS n FROM {table}_as_of WHERE snapshot_id = {after['id']}")[0]["n"]
                numbers = [
                    sum(key[0] == table and each == action for key, each in changed.items())
                    for action in ("create", "update", "delete")
                ]
                known = numbers if entity in ESTATE else [None] * 3
                counts.append(
                    dict(
                        zip(
                            ("snapshot_id", "table_name", "rows", "added", "changed", "removed"),
                            (after["id"], table, seen, *known),
                            strict=True,
                        )
                    )
                )
    for each in rows:
        each["key"] = dict(sorted(each["key"].items()))
    found = whole.view("changes", "source_id", "observed_to")
    for each in found:
        each["key"] = dict(sorted(each["key"].items()))
    same(found, rows)
    same(whole.view("change_details", "source_id", "observed_to", "job_name", "natural_key"), details)
    same(whole.rows("SELECT * FROM snapshot_counts"), counts)


def test_a_small_change_of_a_list_item_is_one_update(estate: Estate) -> None:
    """F5, F12: a speed, and TLS of a sharding source, with names and values; no row is gone and another there."""
    query = "SELECT DISTINCT action, job_name, natural_key, before, after FROM change_details WHERE table_name = '{}'"
    query += " AND column_name = '{}' AND job_id = 'north-1' AND action <> 'create' ORDER BY before"
    found = estate.rows(query.format("speed_limits", "speed"))
    assert [tuple(row.values()) for row in found] == [
        ("update", "orders-2", "01:00 05:00", str(speed), str(speed + 10)) for speed in (50, 60, 70)
    ]
    (found,) = estate.rows(query.format("endpoints", "ssl_link"))  # type: ignore[assignment]
    assert tuple(found.values()) == ("update", "orders-2", "source_sharding 10.0.0.9 3306", "false", "true")  # type: ignore[attr-defined]


def test_keys_are_spelled_alike(estate: Estate) -> None:
    """F4: distinct, and the same text on both databases, whatever its characters."""
    found = {
        row["k"] for row in estate.rows("SELECT DISTINCT CAST(key AS text) AS k FROM changes WHERE job_id = 'north-2'")
    }
    assert '{"key": "ключ", "job_id": "north-2", "occurrence": 0}' in found
    assert '{"key": "say \\"hi\\"\\\\u000a\\\\u0009C:\\\\x", "job_id": "north-2", "occurrence": 0}' in found
    for each in found:
        json.loads(each)


PAGES = "".join((ROOT / f"docs/reference/{name}.md").read_text() for name in ("tables", "views"))


@pytest.mark.parametrize("query", re.findall(r"^```sql\n(.*?)^```", PAGES, re.DOTALL | re.MULTILINE))
def test_the_queries_of_the_reference_run_on_both(estate: Estate, query: str) -> None:
    """What they find of the samples, on SQLite, stands on the pages."""
    estate.rows(query)


def test_freshness(estate: Estate) -> None:
    by_source = {row["source"]: row for row in estate.view("freshness")}
    for source, days in DAYS.items():
        row, last = by_source[source], estate.kept(source)[-1]
        assert (row["snapshot_id"], row["observed_to"]) == (last["id"], plain_time(last["observed_to"]))
        age = (datetime.now(UTC) - datetime.fromisoformat(last["observed_to"])).total_seconds()
        assert abs(row["observed_age_seconds"] - age) < 60  # F9: counted from the recording, not from the export
        assert row["age_seconds"] == row["observed_age_seconds"]
        assert (row["last_status"], row["last_partial_at"]) == ("complete", None)
        assert row["missed_days"] == 8 - min(days) + 1 - len(days)


@BOTH
def test_what_is_made_from_the_schema_is_as_declared(whole: Estate) -> None:
    assert check(whole.store) == []
    ran("--database", whole.url, "verify")


def test_the_file_explains_itself(estate: Estate) -> None:
    """F13: every relation and every column of it stands in the table `dictionary`."""
    known = {
        (row["relation"], row["column_name"]) for row in estate.rows("SELECT relation, column_name FROM dictionary")
    }
    for name in [*views("sqlite"), *(entity.name for entity in ENTITIES)]:
        with estate.store.reading() as connection:
            columns = connection.execute(text(f"SELECT * FROM {name} LIMIT 0")).keys()
        assert {(name, ""), *((name, column) for column in columns)} <= known
        assert (
            list(columns)
            == [
                each
                for view in declared_views("sqlite")
                if view.name == name
                for each in (column.name for column in view.columns)
            ]
            or name in BY_NAME
        )
    statuses = estate.rows(
        "SELECT value, phase, is_failed FROM enum_values WHERE table_name = 'jobs' AND column_name = 'status'"
    )
    assert {row["phase"] for row in statuses} == {"setup", "full", "incremental", "change", "release", "ended"}
    assert all(bool(row["is_failed"]) == row["value"].endswith("_FAILED") for row in statuses)


def test_an_altered_count_is_found(estate: Estate) -> None:
    with estate.store.engine.begin() as connection:
        connection.execute(
            text("UPDATE snapshot_counts SET rows = rows + 1 WHERE snapshot_id = 1 AND table_name = 'tags'")
        )
    try:
        assert "snapshot_counts" in ran("--database", estate.url, "verify", code=1)
    finally:
        with estate.store.engine.begin() as connection:
            connection.execute(
                text("UPDATE snapshot_counts SET rows = rows - 1 WHERE snapshot_id = 1 AND table_name = 'tags'")
            )


def test_what_differs_from_the_schema_is_named_and_mended(estate: Estate) -> None:
    with estate.store.engine.begin() as connection:
        connection.execute(text("UPDATE enum_values SET meaning = 'x' WHERE value = 'DELETED'"))
        connection.execute(text("DELETE FROM dictionary WHERE relation = 'days'"))
        if not estate.store.is_sqlite:
            connection.execute(text("COMMENT ON COLUMN days.day IS 'x'"))
    found = check(estate.store)
    assert [each for each in found if "enum_values" in each] and [each for each in found if "dictionary" in each]
    assert estate.store.is_sqlite or [each for each in found if "days.day" in each]
    ran("--database", estate.url, "db", "upgrade")
    assert check(estate.store) == []


def test_duckdb_reads_every_table_and_view(estate: Estate) -> None:
    """F2: as anyone would, with the same rows. The ages of `freshness` go on; it alone comes as text from SQLite."""
    with closing(duck(estate.url)) as connection:
        names = {row[0] for row in connection.execute("SHOW TABLES").fetchall()}
        assert names >= {*views("sqlite"), *(entity.name for entity in ENTITIES), "snapshots", "dictionary"}
        for name in sorted(names - {"sqlite_sequence"}):
            chosen = "source_id, source, snapshot_id, last_status, missed_days" if name == "freshness" else "*"
            as_it_is = (
                "CAST(source_id AS text), source, CAST(snapshot_id AS text), last_status, CAST(missed_days AS text)"
            )
            expected = estate.rows(
                f"SELECT {chosen if chosen == '*' or not estate.store.is_sqlite else as_it_is} FROM {name}"
            )
            found = [tuple(map(comparable, row)) for row in duck_rows(connection, chosen, name)]
            assert sorted(found, key=repr) == sorted(
                (tuple(map(comparable, row.values())) for row in expected), key=repr
            ), name
            assert connection.execute(f"SELECT count(*) FROM {name}").fetchone() == (len(expected),), name
        query = "SELECT count(*) FROM jobs_as_of JOIN days USING (source_id, snapshot_id) WHERE day = '2026-11-06'"
        assert connection.execute(query).fetchone() == (
            estate.rows(query.replace("count(*)", "count(*) AS n"))[0]["n"],
        )


def comparable(value: Any) -> Any:
    if isinstance(value, datetime):
        return (value if value.tzinfo else value.replace(tzinfo=UTC)).astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
    if isinstance(value, bool):
        return int(value)
    if isinstance(value, dict):
        return json.dumps(value, sort_keys=True)
    if isinstance(value, str) and value.startswith("{"):
        return json.dumps(json.loads(value), sort_keys=True)
    return plain(value)
