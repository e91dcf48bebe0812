"""Nothing is signed that was never served: what was altered in the database is not built on; `verify` says the rest."""

import contextlib
import io
import json
import shutil
import tracemalloc
import zlib
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from sqlalchemy import event

from inventory.cli import main
from inventory.export.flow import export_source
from inventory.proof.digest import MAX_LINE, decode_fingerprints, encode_fingerprints
from inventory.proof.signature import VerifyKey
from inventory.schema import ENTITIES
from inventory.store.writer import SourceRow, open_writer
from tests.conftest import ROOT, write_page
from tests.nights import opened, recorded, running
from tests.test_seal import pems
from tests.test_verify import Database, digest, row_digest

Row = dict[str, Any]
SAMPLES = ROOT / "samples"
UNCHANGED = "140b5236-88ad-43c8-811c-1268453jb101"  # on both nights of the samples
CHANGED = "24834eb6-be30-464e-a299-f7aa730jb101"


class Auditor:
    """Exports samples to a database, with and without a key, and asks `verify`."""

    def __init__(self, url: str, folder: Path) -> None:
        self.url = url
        self.folder = folder
        self.said = self.complained = ""
        self.configure(NIGHT_1)
        self.run("db", "upgrade")

    def run(self, *arguments: str, code: int = 0) -> str:
        out, err = io.StringIO(), io.StringIO()
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err), pytest.raises(SystemExit) as ended:
            main(["--config", str(self.folder / "c.yaml"), "--database", self.url, *arguments])
        self.said, self.complained = out.getvalue(), err.getvalue()
        assert ended.value.code == code, (arguments, self.said, self.complained)
        return self.said

    def key(self, name: str) -> VerifyKey:
        """Make a key; its halves are in NAME.pem and NAME.public."""
        private, public = pems(Ed25519PrivateKey.generate())
        (self.folder / f"{name}.pem").write_text(private)
        (self.folder / f"{name}.pem").chmod(0o600)
        (self.folder / f"{name}.public").write_text(public)
        return VerifyKey(public)

    def configure(self, *nights: Path, key: str = "") -> None:
        document: Row = {"workers": 0, "sources": [{"name": "sample", "replay": [str(night) for night in nights]}]}
        if key:
            document["signing"] = {"key": f"${{file:{self.folder}/{key}.pem}}"}
        (self.folder / "c.yaml").write_text(json.dumps(document))

    def export(self, *nights: Path, key: str = "", options: tuple[str, ...] = (), code: int = 0) -> str:
        self.configure(*nights, key=key)
        self.run("export", *options, code=code)
        return self.said + self.complained

    def verify(self, *keys: str, code: int = 0) -> Row:
        files = [part for key in keys for part in ("--public-key", str(self.folder / f"{key}.public"))]
        document: Row = json.loads(self.run("verify", "--json", *files, code=code))
        return document

    def snapshots(self) -> list[Row]:
        rows: list[Row] = json.loads(self.run("snapshots", "--json"))["snapshots"]
        return rows

    def alter(self, *statements: str) -> None:
        with Database(self.url) as database:
            database.unguarded()
            for statement in statements:
                database.query(statement)
            database.connection.commit()

    def is_refused(self, *arguments: str) -> str:
        """Make sure that a command fails and writes nothing."""
        before = self.tables()
        self.run(*arguments, code=1)
        assert self.tables() == before
        assert "inventory verify" in self.complained
        return self.complained

    def tables(self) -> dict[str, list[str]]:
        names = ["snapshots", "sources", "internal_signatures", "internal_job_digests", "internal_job_digests_history"]
        names += [table.name for entity in ENTITIES for table in (entity.current, entity.history)]
        with Database(self.url) as database:
            return {name: sorted(map(repr, database.query(f"SELECT * FROM {name}"))) for name in names}


@pytest.fixture
def auditor(database: str, tmp_path: Path) -> Auditor:
    return Auditor(database, tmp_path)


only_sqlite = pytest.mark.parametrize("database", ["sqlite"], indirect=True)  # what is proven is the same on both
NIGHT_1, NIGHT_2 = SAMPLES / "night-1", SAMPLES / "night-2"


def edited(folder: Path) -> Path:
    """Copy the first night of the samples, with another address in it."""
    shutil.copytree(NIGHT_1, folder / "edited")
    for file in (folder / "edited").glob("*.json"):
        file.write_text(file.read_text().replace("172.22.74.56", "10.66.66.66"))
    return folder / "edited"


def move(database: Database, table: str, where: str, values: Row, at: int) -> None:
    """Move rows to history as if snapshot `at` had superseded them, and put others in their place."""
    for row in database.query(f"SELECT * FROM {table} WHERE {where}"):
        database.insert(f"{table}_history", {**row, "valid_to": at})
        database.delete(table, row)
        database.insert(table, {**row, **values, "valid_from": at})


# The two forgeries that were found.


def test_an_edited_history_is_not_signed_by_the_next_export(auditor: Auditor, tmp_path: Path) -> None:
    seal = auditor.key("ours")
    auditor.export(edited(tmp_path))
    auditor.configure(NIGHT_1, NIGHT_2, key="ours")
    said = auditor.is_refused("export")
    assert "snapshot 1 is not signed" in said
    assert "--begin-signing" in said
    said = auditor.export(NIGHT_1, NIGHT_2, key="ours", options=("--begin-signing",))
    assert f"begins after snapshot 1 with the key {seal.key_id}; what was written before is not covered" in said
    found = auditor.verify("ours")
    assert (found["sources"][0]["signed"], found["sources"][0]["unsigned_before_first_signed"]) == (1, 1)
    assert "1 snapshot before the first signed one" in found["conclusion"]
    assert "the signatures prove these only as they were when signing began" in found["conclusion"]


def test_rows_that_wait_for_the_next_snapshot_are_not_signed_with_it(auditor: Auditor) -> None:
    """A job and its digest moved to history with valid_to = N + 1, and forged ones in their place."""
    auditor.key("ours")
    auditor.export(NIGHT_1, key="ours")
    with Database(auditor.url) as database:
        database.unguarded()
        move(database, "jobs", f"id = '{UNCHANGED}'", {"name": "forged"}, 2)
        (row,) = database.query(f"SELECT * FROM jobs WHERE id = '{UNCHANGED}'")
        key = database.tables()["jobs"]
        forged = row_digest(database, "jobs", key, row)
        move(database, "internal_job_digests", f"job_id = '{UNCHANGED}'", {"digest": forged}, 2)
        database.connection.commit()
    auditor.configure(NIGHT_1, NIGHT_2, key="ours")
    for command in (("export",), ("plan",), ("sources", "retire", "sample", "--yes")):
        assert "snapshot 1, the last of its source, failed verification" in auditor.is_refused(*command)
    assert auditor.verify("ours", code=1)["problems"]


def test_rows_of_a_job_that_is_served_unchanged_are_named_and_not_signed(auditor: Auditor, tmp_path: Path) -> None:
    """Where the digest was left as it was: the snapshot is over what was served, and the rows do not fit it."""
    auditor.key("ours")
    auditor.export(NIGHT_1, NIGHT_2, key="ours")
    true = auditor.snapshots()[1]["content_digest"]
    other = Auditor(f"sqlite:///{tmp_path}/other.db", tmp_path)
    other.export(NIGHT_1, key="ours")
    with Database(other.url) as database:
        database.unguarded()
        move(database, "jobs", f"id = '{UNCHANGED}'", {"name": "forged"}, 2)
        database.connection.commit()
    other.export(NIGHT_1, NIGHT_2, key="ours")
    assert other.snapshots()[1]["content_digest"] == true
    problems = other.verify("ours", code=1)["problems"]
    assert ("altered", "jobs", {"id": UNCHANGED}) in [(p["word"], p["table"], p["key"]) for p in problems]


def unread(folder: Path, status: str = "CREATING") -> tuple[Path, Path]:
    """Record two nights of two jobs, of which one cannot be read on the second."""
    for night, name in ((1, "first"), (2, "second")):
        time = f"2026-11-{night:02}T01:00:00Z"
        for at, job_id in enumerate(("a", "b")):
            answer: Row = {"count": 1, "results": [{"id": job_id, "status": status, "name": f"{job_id}", "odd": 1}]}
            code = 200
            if (night, job_id) == (2, "b"):
                code, answer = 500, {"error_code": "DRS.M00004", "error_msg": "away"}
            write_page(folder / name, at, [job_id], answer, status=code, time=time)
    return folder / "first", folder / "second"


def test_a_job_that_cannot_be_read_is_carried_over_as_it_was_or_not_at_all(auditor: Auditor, tmp_path: Path) -> None:
    first, second = unread(tmp_path)
    auditor.key("ours")
    auditor.export(first, key="ours")
    auditor.configure(first, second, key="ours")
    with Database(auditor.url) as database:
        database.unguarded()
        move(database, "jobs", "id = 'b'", {"name": "forged"}, 2)
        database.connection.commit()
    assert "the rows of the job 'b' are not those that it has" in auditor.is_refused("export")
    assert "the rows of the job 'b' are not those that it has" in auditor.is_refused("plan")
    auditor.alter("UPDATE jobs SET name = 'b', valid_from = 1 WHERE id = 'b'", "DELETE FROM jobs_history")
    auditor.export(first, second, key="ours", code=3)
    assert auditor.verify("ours")["problems"] == []


# What is not built on, by what was altered.

ALTERED = {
    "a count of the snapshot": ["UPDATE snapshots SET requests = 99"],
    "its digest": [f"UPDATE snapshots SET digest = '{'0' * 64}'"],
    "the digest before": [f"UPDATE snapshots SET previous_digest = '{'0' * 64}'"],
    "what it holds": [f"UPDATE snapshots SET content_digest = '{'0' * 64}'"],
    "the digest of a job": [f"UPDATE internal_job_digests SET digest = '{'0' * 64}' WHERE job_id = '{CHANGED}'"],
    "a job that has none": [f"DELETE FROM internal_job_digests WHERE job_id = '{CHANGED}'"],
    "a job that nobody would ask for": [f"DELETE FROM jobs WHERE id = '{CHANGED}'"],
    "a job under another name": [f"UPDATE jobs SET id = 'x' WHERE id = '{CHANGED}'"],
    "all digests, and a row": [
        "DELETE FROM internal_job_digests",
        f"UPDATE jobs SET name = 'x' WHERE id = '{CHANGED}'",
    ],
    "the snapshots": ["DELETE FROM internal_signatures", "DELETE FROM snapshots"],
}


@pytest.mark.parametrize("what", ALTERED)
def test_nothing_is_written_after_what_does_not_prove(auditor: Auditor, what: str) -> None:
    auditor.key("ours")
    auditor.export(NIGHT_1, key="ours")
    auditor.alter(*ALTERED[what])
    auditor.configure(NIGHT_1, NIGHT_2, key="ours")
    for command in (("export",), ("plan",), ("export", "--begin-signing"), ("sources", "retire", "sample", "--yes")):
        if command[0] == "sources" and what == "the snapshots":
            continue
        said = auditor.is_refused(*command)
        assert "failed verification" in said or "no snapshot" in said


@only_sqlite
@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE snapshots SET started_at = 7",
        "UPDATE snapshots SET jobs = 'many'",
        "UPDATE internal_job_digests SET digest = x'00ff'",
        "UPDATE jobs SET id = x'ff' WHERE id = (SELECT min(id) FROM jobs)",
        "UPDATE internal_job_digests SET job_id = x'ff' WHERE job_id = (SELECT min(job_id) FROM internal_job_digests)",
        "UPDATE internal_signatures SET signature = x'00ff', key_id = char(27) || '[31m'",
    ],
)
def test_values_of_no_column_are_refused_in_words(auditor: Auditor, statement: str) -> None:
    auditor.key("ours")
    auditor.export(NIGHT_1, key="ours")
    auditor.alter(statement)
    auditor.configure(NIGHT_1, NIGHT_2, key="ours")
    said = auditor.is_refused("export")
    assert "unexpected" not in said
    assert "\x1b" not in said


def test_a_job_cannot_change_places_with_one_that_only_the_list_knows(auditor: Auditor, tmp_path: Path) -> None:
    """Else the one would leave without being asked for: as many jobs are known as before."""
    from inventory.mock import DrsServer, make_estate

    with DrsServer(make_estate(12)) as server:
        source = {
            "name": "live", "region": "cn-north-4", "endpoint": server.url, "iam_endpoint": server.url,
            "project_id": server.project_id, "auth": {"token": server.token}, "jobs": "all",
            "requests_per_second": 500,
        }  # fmt: skip
        (tmp_path / "c.yaml").write_text(json.dumps({"workers": 0, "sources": [source]}))
        auditor.run("export")
        with Database(auditor.url) as database:
            alone = database.query("SELECT job_id FROM internal_job_digests WHERE job_id NOT IN (SELECT id FROM jobs)")
            (job,) = database.query("SELECT min(id) AS id FROM jobs")
        others = [row["job_id"] for row in alone if row["job_id"]]
        assert others, "the estate has a sub-task that is not read"
        forged = f"INSERT INTO jobs (source_id, id, valid_from) VALUES (1, '{others[0]}', 1)"
        auditor.alter(f"DELETE FROM jobs WHERE id = '{job['id']}'", forged)
        assert f"the rows of the job '{job['id']}' are not those" in auditor.is_refused("export")


def test_nothing_is_pruned_that_does_not_prove(auditor: Auditor) -> None:
    auditor.export(NIGHT_1, NIGHT_2)
    auditor.alter(f"UPDATE internal_job_digests SET digest = 'x' WHERE job_id = '{CHANGED}'")
    assert "failed verification" in auditor.is_refused("prune", "--keep-daily", "1")


# Honest nights.


def test_honest_nights_are_signed_one_after_another(auditor: Auditor, tmp_path: Path) -> None:
    first, second = unread(tmp_path)
    auditor.key("ours")
    auditor.export(first, key="ours")
    auditor.export(first, second, key="ours", code=3)  # partial: a job is carried over, findings and all
    assert "skipped" in auditor.export(first, second, key="ours")
    write_page(tmp_path / "third", 1, ["b"], {"error_code": "DRS.M05004"}, status=400, time="2026-11-03T01:00:00Z")
    answer = {"count": 1, "results": [{"id": "a", "status": "PAUSING"}]}
    write_page(tmp_path / "third", 2, ["a"], answer, time="2026-11-03T01:00:01Z")
    auditor.export(first, second, tmp_path / "third", key="ours")
    assert auditor.verify("ours")["problems"] == []
    auditor.run("prune", "--keep-daily", "1")
    assert auditor.verify("ours")["problems"] == []
    auditor.run("plan")
    auditor.run("sources", "retire", "sample", "--yes")
    found = auditor.verify("ours")
    assert (found["problems"], found["sources"][0]["signed"], found["sources"][0]["compared_to"]) == ([], 4, 4)
    assert ", and compared with outside evidence: the public key" in found["conclusion"]


def test_without_its_digests_a_job_is_proven_by_its_rows(auditor: Auditor) -> None:
    auditor.export(NIGHT_1)
    auditor.alter("DELETE FROM internal_job_digests")
    auditor.export(NIGHT_1, NIGHT_2)
    assert auditor.snapshots()[1]["changed"] > 0


def test_an_export_that_commits_while_another_run_reads_is_no_forgery(postgresql: str, tmp_path: Path) -> None:
    """`plan` holds no lock: what it proves must be of one moment."""
    source = recorded(tmp_path, [{"a": {"status": "CREATING"}}, {"a": {"status": "PAUSING"}}])
    row = SourceRow(source.name, None, None)
    with opened(postgresql) as store, opened(postgresql) as other:
        list(export_source(replace(source, replay=source.replay[:1]), running(store)))
        committed: list[Any] = []

        def commit(_: Any, __: Any, statement: str, *___: Any) -> None:
            if "FROM internal_job_digests" in statement and not committed:
                committed.append(None)
                committed.extend(export_source(source, running(other)))

        event.listen(store.engine, "before_cursor_execute", commit)
        with open_writer(store, row) as writer:
            assert writer.base.row is not None
            assert writer.base.row["id"] == 1
        assert len(committed) == 3


# Signing: its beginning, another key, its end.


@only_sqlite
def test_another_key_begins_only_where_it_is_asked_for(auditor: Auditor) -> None:
    old, new = auditor.key("old"), auditor.key("new")
    auditor.export(NIGHT_1, key="old")
    auditor.configure(NIGHT_1, NIGHT_2, key="new")
    said = auditor.is_refused("export")
    assert f"signed with another key, {old.key_id}" in said
    assert new.key_id in said
    said = auditor.export(NIGHT_1, NIGHT_2, key="new", options=("--begin-signing",))
    assert f"the key changes after snapshot 1, from {old.key_id} to {new.key_id}" in said
    assert "the key changes" not in auditor.export(NIGHT_1, NIGHT_2, key="new", options=("--begin-signing",))
    assert auditor.verify("old", "new")["sources"][0]["signed"] == 2
    alone = auditor.verify("new", code=1)["problems"]
    assert [p["first"] for p in alone] == [1]
    assert old.key_id in alone[0]["detail"]


@only_sqlite
def test_a_signature_that_was_altered_is_not_begun_over(auditor: Auditor) -> None:
    auditor.key("ours")
    auditor.export(NIGHT_1, key="ours")
    auditor.alter("UPDATE internal_signatures SET signature = 'ab'")
    auditor.configure(NIGHT_1, NIGHT_2, key="ours")
    assert "its signature with the key" in auditor.is_refused("export", "--begin-signing")


@only_sqlite
def test_signing_begins_with_a_key_alone(auditor: Auditor) -> None:
    auditor.configure(NIGHT_1)
    auditor.run("export", "--begin-signing", code=64)
    assert "--begin-signing: the configuration has no signing key" in auditor.complained
    auditor.key("ours")
    assert "signing" not in auditor.export(NIGHT_1, key="ours")  # the first snapshot needs no switch
    assert auditor.verify("ours")["sources"][0]["unsigned_before_first_signed"] == 0


@only_sqlite
def test_retire_begins_signing_too(auditor: Auditor) -> None:
    auditor.key("ours")
    auditor.export(NIGHT_1)
    auditor.configure(NIGHT_1, key="ours")
    auditor.is_refused("sources", "retire", "sample", "--yes")
    assert "begins after snapshot 1" in auditor.run("sources", "retire", "sample", "--yes", "--begin-signing")
    assert auditor.verify("ours")["problems"] == []


@only_sqlite
def test_a_snapshot_without_a_signature_after_the_first_is_named(auditor: Auditor, tmp_path: Path) -> None:
    first, second = unread(tmp_path)
    auditor.key("ours")
    auditor.export(first, key="ours")
    auditor.export(first, second, code=3)
    assert "snapshot 2 is not signed" in auditor.export(first, second, key="ours", code=1)
    answer = {"count": 1, "results": [{"id": "a", "status": "PAUSING"}]}
    write_page(tmp_path / "third", 1, ["a"], answer, time="2026-11-03T01:00:00Z")
    auditor.export(first, second, tmp_path / "third", key="ours", options=("--begin-signing",))
    problems = auditor.verify("ours", code=1)["problems"]
    assert [(p["word"], p["first"], p["detail"]) for p in problems] == [
        ("unsigned", 2, "not signed, although snapshot 1 before it is")
    ]


# What `verify` says that it compared.


@only_sqlite
def test_without_evidence_from_outside_it_says_so(auditor: Auditor) -> None:
    auditor.export(NIGHT_1, NIGHT_2)
    first, last = (row["digest"] for row in auditor.snapshots())
    nothing = "OK: 2 snapshots verified, all consistent. Not compared with outside evidence; use --expect"
    assert auditor.run("verify").splitlines()[-1].startswith(nothing)
    document = auditor.verify()
    assert document["conclusion"].startswith(nothing)
    assert (document["public_keys"], document["expected"], document["sources"][0]["compared_to"]) == ([], [], None)
    said = auditor.run("verify", "--expect", last).splitlines()
    assert (
        said[-1] == "OK: 2 snapshots verified, all consistent, and compared with outside evidence: 1 expected digest."
    )
    said = auditor.run("verify", "--expect", first).splitlines()
    assert said[-1] == "sample: not compared with outside evidence after snapshot 1."
    assert json.loads(auditor.run("verify", "--expect", first, "--json"))["sources"][0]["compared_to"] == 1


@only_sqlite
def test_an_empty_database_does_not_pass(auditor: Auditor) -> None:
    auditor.key("ours")
    assert "nothing was verified" in auditor.verify()["conclusion"]
    for options in (("--public-key", str(auditor.folder / "ours.public")), ("--expect", "0" * 64)):
        document = json.loads(auditor.run("verify", "--json", *options, code=1))
        assert [(p["word"], p["table"]) for p in document["problems"]] == [("missing", "snapshots")]
    auditor.export(NIGHT_1, key="ours")
    auditor.alter("DELETE FROM internal_signatures", "DELETE FROM snapshots", "DELETE FROM internal_job_digests")
    auditor.alter(*(f"DELETE FROM {entity.name}" for entity in reversed(ENTITIES)))
    assert auditor.verify("ours", code=1)["problems"][0]["detail"] == "the source has none"


@pytest.mark.parametrize(
    ("column", "word"), [("jobs", "jobs"), ("added", "added"), ("changed", "changed"), ("deselected", "removed")]
)
@only_sqlite
def test_the_counts_of_a_snapshot_are_compared_with_its_rows(auditor: Auditor, column: str, word: str) -> None:
    auditor.export(NIGHT_1, NIGHT_2)
    with Database(auditor.url) as database:
        database.unguarded().query(f"UPDATE snapshots SET {column} = {column} + 1 WHERE id = 2")
        first, row = database.query("SELECT * FROM snapshots ORDER BY id")
        recomputed = digest(database, row, first["digest"])
        database.query("UPDATE snapshots SET digest = ? WHERE id = 2", recomputed)
        database.connection.commit()
    (problem,) = auditor.verify(code=1)["problems"]
    assert (problem["word"], problem["table"], problem["key"]) == ("altered", "snapshots", {"id": 2})
    assert problem["detail"].startswith(word)


# What unpacks to far more than it is.


def bombs() -> dict[str, Callable[[], bytes]]:
    return {
        "one line": lambda: zlib.compress(b"\0" * 2**26, 1),
        "empty lines": lambda: zlib.compress(b"\n" * 2**26, 1),
        "lines like ours": lambda: zlib.compress(b'jobs\t["a"]\n' * 2**22, 1),
        "cut off": lambda: zlib.compress(b"\0" * 2**26, 1)[:-1000],
    }


@pytest.mark.parametrize("kind", bombs())
def test_what_unpacks_to_too_much_is_refused_with_little_memory(kind: str) -> None:
    bomb = bombs()[kind]()
    tracemalloc.start()
    try:
        with pytest.raises(ValueError, match=r"line|cut off|more"):
            decode_fingerprints(bomb, 10_000)
        assert tracemalloc.get_traced_memory()[1] < 10 * 2**20
    finally:
        tracemalloc.stop()


def test_the_longest_key_is_unpacked() -> None:
    mark = ("t" + "\t" + json.dumps(["\x01" * 500] * 5), b"\0\1\2")
    assert len(mark[0]) < MAX_LINE
    assert decode_fingerprints(encode_fingerprints([mark, mark]), 2) == [mark, mark]
    with pytest.raises(ValueError, match="more"):
        decode_fingerprints(encode_fingerprints([mark, mark]), 1)


@only_sqlite
def test_verify_names_a_note_that_unpacks_to_too_much(auditor: Auditor) -> None:
    auditor.export(NIGHT_1)
    with Database(auditor.url) as database:
        database.unguarded().query("UPDATE internal_job_digests SET row_digests = ?", zlib.compress(b"\0" * 2**26, 1))
        database.connection.commit()
    tracemalloc.start()
    problems = auditor.verify(code=1)["problems"]
    assert tracemalloc.get_traced_memory()[1] < 60 * 2**20
    tracemalloc.stop()
    assert {(p["word"], p["table"]) for p in problems} == {("altered", "internal_job_digests")}
