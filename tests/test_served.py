"""What is served as it was is not normalised again, and nothing else is taken for it."""

import json
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from inventory.mock import DrsServer
from tests.live import Export, as_stored, findings, last, shown


def query(folder: Path, sql: str) -> list[Any]:
    with closing(sqlite3.connect(folder / "x.db")) as connection, connection:
        return connection.execute(sql).fetchall()


def kept(folder: Path) -> dict[str, bytes]:
    return dict(query(folder, "SELECT job_id, digest FROM internal_served_jobs"))


def test_the_same_again_changes_nothing(server: DrsServer, export: Export, tmp_path: Path) -> None:
    export()
    before, cache = last(), kept(tmp_path)
    assert len(cache) >= 20
    export()
    after = last()
    assert (after["content_digest"], after["changed"]) == (before["content_digest"], 0)
    assert kept(tmp_path) == cache
    assert export.inventory("--database", "sqlite:///x.db", "verify").returncode == 0


def test_the_cache_may_be_emptied_or_wrong(server: DrsServer, export: Export, tmp_path: Path) -> None:
    export()
    before, cache = last(), kept(tmp_path)
    for statement in (
        "DELETE FROM internal_served_jobs",
        "UPDATE internal_served_jobs SET digest = x'00'",
        "DELETE FROM internal_job_digests",
    ):
        query(tmp_path, statement)
        export()
        assert last()["content_digest"] == before["content_digest"]
        assert kept(tmp_path) == cache


@pytest.mark.parametrize(
    "path", ["status", "inst_info.ip", "source_endpoint.db_user", "object_infos.name", "tags.value"]
)
def test_whatever_changes_is_seen(server: DrsServer, export: Export, path: str) -> None:
    export()
    *outer, name = path.split(".")
    job: Any = next(job for job in server.jobs.values() if all(job.get(each) for each in outer[:1]))
    inner = job
    for each in outer:
        inner = inner[each][0] if isinstance(inner[each], list) else inner[each]
    inner[name] = "PAUSING" if name == "status" else "another"
    export()
    assert last()["changed"] == 1
    assert shown()[job["id"]] == as_stored(job)


def test_a_secret_that_changes_is_seen_where_it_has_a_fingerprint(server: DrsServer, export: Export) -> None:
    job = next(iter(server.jobs.values()))
    job["source_endpoint"]["db_password"] = "one"
    export.top = {"secrets": "fingerprint"}
    export.environment = {"INVENTORY_FINGERPRINT_KEY": "a key"}
    export()
    job["source_endpoint"]["db_password"] = "another"
    export()
    assert last()["changed"] == 1


def test_another_way_to_mask_is_another_answer(server: DrsServer, export: Export, tmp_path: Path) -> None:
    export()
    cache = kept(tmp_path)
    export.top = {"redact": ["object_infos.name"]}
    export()
    assert query(tmp_path, "SELECT count(*) FROM object_infos WHERE name <> '***'") == [(0,)]
    assert cache.keys() == kept(tmp_path).keys()
    assert not set(cache.values()) & set(kept(tmp_path).values())


def test_what_the_list_alone_says_is_seen(server: DrsServer, export: Export, tmp_path: Path) -> None:
    export(jobs="all")

    def change(request: Any, document: dict[str, Any]) -> dict[str, Any]:
        for item in document.get("jobs") or []:
            item["net_type"] = "vpn"
        return document

    server.rewrite = change
    export(jobs="all")
    listed = "SELECT DISTINCT net_type FROM job_listings WHERE parent_job_id IS NULL"
    assert query(tmp_path, listed) == [("vpn",)]


def test_what_was_odd_is_told_every_night(server: DrsServer, export: Export, tmp_path: Path) -> None:
    job_id = next(iter(server.jobs))
    server.jobs[job_id]["status"] = "BRAND_NEW"
    server.jobs[job_id]["unheard_of"] = 1
    for _ in range(2):
        export()
        assert {("unknown_value", job_id), ("unknown_field", job_id)} <= findings()
        assert job_id in kept(tmp_path)


def odd_estate(server: DrsServer) -> list[str]:
    """Let something be odd about most jobs, alike in some and otherwise in others."""
    ids = sorted(server.jobs)
    for number, job_id in enumerate(ids):
        job = server.jobs[job_id]
        job["unheard_of"] = number
        job[f"new_{number % 5}"] = {"deep": [number]}
        if number % 3 == 0:
            job["status"] = "BRAND_NEW"
        if number % 4 == 0:
            job["object_infos"] = [{"id": "x", "type": "table", "newer": 1}, {"id": number, "type": "novel"}] * 2
    return ids


def another_night(server: DrsServer, ids: list[str]) -> None:
    """Let the first job leave, a finding go, one come, a value change, and one job not be read."""
    first, second, third, fourth, *_ = ids
    del server.jobs[first]
    del server.jobs[second]["unheard_of"]
    server.jobs[third]["newest"] = True
    server.jobs[fourth]["name"] = "renamed"
    silent = ids[7]

    def omit(request: Any, document: dict[str, Any]) -> dict[str, Any]:
        if "results" in document:
            document = {**document, "results": [job for job in document["results"] if job.get("id") != silent]}
        return document

    server.rewrite = omit


TABLES = (
    "jobs", "object_infos", "findings", "findings_history", "jobs_history",
    "internal_job_digests", "internal_job_digests_history",
)  # fmt: skip


def test_nights_with_the_cache_and_without_it_come_to_the_same(
    server: DrsServer, export: Export, tmp_path: Path
) -> None:
    ids = odd_estate(server)
    databases = "sqlite:///x.db", "sqlite:///y.db"
    nights: list[tuple[int, dict[str, Any]]] = [(0, {}), (0, {}), (3, {"retry_seconds": 1}), (0, {}), (0, {})]
    for night, (code, keys) in enumerate(nights):
        if night == 2:
            another_night(server, ids)
        if night == 3:
            server.rewrite = None
        if night:
            with closing(sqlite3.connect(tmp_path / "y.db")) as connection, connection:
                assert connection.execute("DELETE FROM internal_served_jobs").rowcount > 0
        for database in databases:
            export(database=database, code=code, jobs=ids, **keys)
        digests = [last(database)["content_digest"] for database in databases]
        assert digests[0] == digests[1], night
        for database in databases:
            assert export.inventory("--database", database, "verify").returncode == 0
    assert kept(tmp_path).keys() == server.jobs.keys()
    for table in TABLES:
        rows = []
        for name in ("x.db", "y.db"):
            with closing(sqlite3.connect(tmp_path / name)) as connection:
                rows.append(sorted(connection.execute(f"SELECT * FROM {table}"), key=repr))
        assert rows[0] == rows[1], table
        assert rows[0], table


def test_a_finding_of_the_cache_cannot_be_made_up(server: DrsServer, export: Export, tmp_path: Path) -> None:
    odd_estate(server)
    export()
    before = findings()
    query(tmp_path, "UPDATE internal_served_jobs SET digest = CAST(substr(digest, 1, 32) || '[]' AS BLOB)")
    export()
    assert findings() == before
    query(tmp_path, "UPDATE internal_served_jobs SET digest = 'text'")
    export()
    assert findings() == before


def test_a_night_on_which_a_job_could_not_be_read(server: DrsServer, export: Export, tmp_path: Path) -> None:
    export()
    job_id = min(server.jobs)

    def silent(request: Any, document: dict[str, Any]) -> dict[str, Any]:
        results = [job for job in document["results"] if job["id"] != job_id]
        return {**document, "results": results}

    server.rewrite = silent
    export(code=3, retry_seconds=1)
    assert findings()
    server.rewrite = None
    for _ in range(2):
        export()
        assert not findings()
        assert last()["content_digest"] == first_digest(export)
    verified = export.inventory("--database", "sqlite:///x.db", "verify")
    assert verified.returncode == 0, verified.stdout


def first_digest(export: Export) -> str:
    rows = json.loads(export.inventory("--database", "sqlite:///x.db", "snapshots", "--json").stdout)["snapshots"]
    return str(rows[0]["content_digest"])


def test_what_is_odd_in_the_list_is_told_every_night(server: DrsServer, export: Export) -> None:
    def strange(request: Any, document: dict[str, Any]) -> dict[str, Any]:
        for item in document.get("jobs") or []:
            item["brand_new"] = 1
        return document

    server.rewrite = strange
    for _ in range(2):
        export(jobs="all")
        assert {kind for kind, _ in findings()} == {"unknown_field"}
        assert export.inventory("--database", "sqlite:///x.db", "verify").returncode == 0


def test_what_is_odd_in_the_list_of_several_jobs_is_told_when_the_first_left(
    server: DrsServer, export: Export, tmp_path: Path
) -> None:
    """The finding names the first of them; it is kept of the others too."""
    first, second = [job_id for job_id in sorted(server.jobs) if not server.jobs[job_id].get("children")][:2]

    def strange(request: Any, document: dict[str, Any]) -> dict[str, Any]:
        for item in document.get("jobs") or []:
            if item["id"] in (first, second):
                item["brand_new"] = 1
        return document

    server.rewrite = strange
    export(jobs="all")
    assert findings() == {("unknown_field", first)}
    assert {first, second} <= kept(tmp_path).keys()
    del server.jobs[first]
    export(jobs="all")
    assert ("unknown_field", second) in findings()
    assert export.inventory("--database", "sqlite:///x.db", "verify").returncode == 0


def test_a_job_that_left_is_forgotten_and_may_come_back(server: DrsServer, export: Export, tmp_path: Path) -> None:
    jobs = sorted(server.jobs)
    export(jobs=jobs)
    export(jobs=jobs[1:])
    assert kept(tmp_path).keys() <= set(jobs[1:])
    export(jobs=jobs)
    assert last()["added"] == 1
    assert len(shown()) == len(jobs)


def test_who_signs_keeps_a_cache_that_nobody_else_can_write(server: DrsServer, export: Export, tmp_path: Path) -> None:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
    from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

    export()
    cache = kept(tmp_path)
    pem = Ed25519PrivateKey.generate().private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    (tmp_path / "key.pem").write_bytes(pem)
    export.top = {"signing": {"key": "${file:key.pem}"}}
    export("--begin-signing")
    assert not set(cache.values()) & set(kept(tmp_path).values())
    assert json.loads(export.inventory("--database", "sqlite:///x.db", "diff", "--format", "json").stdout)
