"""`verify`: every change that does not recompute the digests is found, and the row named."""

import contextlib
import hashlib
import json
import os
import random
import re
import shutil
import sqlite3
import uuid
import zlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import psycopg
import pytest
from psycopg.errors import DatatypeMismatch

from inventory.config.load import normal_url
from inventory.schema import ENTITIES, JOB_DIGESTS
from inventory.schema.ledger import METADATA
from inventory.store.counts import recount
from inventory.store.engine import open_store
from tests.conftest import Command, ran
from tests.test_properties import nights

NIGHTS = 6
TAMPERINGS = int(os.environ.get("INVENTORY_TAMPERINGS", "0"))  # of each database; 0: as many as fit the soak tier
PARTS = 3
Row = dict[str, Any]
Copy = Callable[[], str]


class Database:
    """A database as its owner sees it: plain SQL, no triggers and no foreign keys in the way."""

    def __init__(self, url: str) -> None:
        self.sqlite = url.startswith("sqlite")
        self.known: dict[str, Row] = {}
        self.connection: Any
        if self.sqlite:
            self.connection = sqlite3.connect(url.removeprefix("sqlite:///"))
        else:
            self.connection = psycopg.connect(url, options="-c search_path=public,public_internal")

    def __enter__(self) -> "Database":
        return self

    def __exit__(self, *_: object) -> None:
        self.connection.close()

    def query(self, sql: str, *values: Any) -> list[Row]:
        cursor = self.connection.cursor()
        cursor.execute(sql if self.sqlite else sql.replace("?", "%s"), values)
        if cursor.description is None:
            return []
        names = [each[0] for each in cursor.description]
        return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]

    def unguarded(self) -> "Database":
        if self.sqlite:
            for row in self.query("SELECT name FROM sqlite_master WHERE type = 'trigger'"):
                self.query(f"DROP TRIGGER {row['name']}")
        else:
            self.query("SET session_replication_role = replica")
        return self

    def delete(self, table: str, row: Row) -> None:
        key = [column.name for column in METADATA.tables[table].primary_key]
        self.query(f"DELETE FROM {table} WHERE {' AND '.join(f'{n} = ?' for n in key)}", *(row[n] for n in key))

    def insert(self, table: str, row: Row) -> None:
        self.query(f"INSERT INTO {table} ({', '.join(row)}) VALUES ({', '.join('?' * len(row))})", *row.values())

    def tables(self) -> dict[str, list[str]]:
        """Return what is exported, each table with its key; out of the catalogue."""
        if self.sqlite:
            names = {row["name"] for row in self.query("SELECT name FROM sqlite_master WHERE type = 'table'")}
            keys = {
                name: [row["name"] for row in self.query(f"PRAGMA table_info({name})") if row["pk"]] for name in names
            }
        else:
            columns = self.query(
                "SELECT table_name, column_name FROM information_schema.key_column_usage JOIN"
                " information_schema.table_constraints USING (constraint_name, table_name)"
                " WHERE constraint_type = 'PRIMARY KEY' ORDER BY ordinal_position"
            )
            keys = {row["table_name"]: [] for row in columns}
            for row in columns:
                keys[row["table_name"]].append(row["column_name"])
        exported = [name for name in keys if f"{name}_history" in keys and name != "internal_job_digests"]
        return {name: [column for column in keys[name] if column != "source_id"] for name in exported}

    def value(self, table: str, column: str, value: Any) -> Any:
        """Return a value as JSON has it."""
        if isinstance(value, datetime):
            return value.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
        if self.sqlite and value is not None:
            kind = self.kinds(table).get(column)
            if kind == "BOOLEAN":
                return bool(value)
            if kind == "DATETIME":
                return value
        return value

    def kinds(self, table: str) -> Row:
        if table not in self.known:
            self.known[table] = {row["name"]: row["type"] for row in self.query(f"PRAGMA table_info({table})")}
        return self.known[table]


def unzipped(packed: bytes) -> tuple[bytes, bytes]:
    """Return the lines of some marks, and what stands behind them."""
    stream = zlib.decompressobj()
    return stream.decompress(packed), stream.unused_data


# The rule of docs/reference/digests.md, with SQL, JSON and SHA-256 alone.


def sha256(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def spelt(document: Row) -> str:
    return json.dumps(document, sort_keys=True, separators=(",", ":"), ensure_ascii=True)


def row_digest(database: Database, table: str, key: list[str], row: Row, *outside: str) -> str:
    values = {name: database.value(table, name, value) for name, value in row.items() if value is not None}
    for name in ("source_id", "valid_from", "valid_to", *outside):
        values.pop(name, None)
    extra = f'"extra":{values.pop("extra")},' if "extra" in values else ""
    named = spelt({name: values.pop(name) for name in key})
    return sha256(f'{{"columns":{spelt(values)},{extra}"key":{named},"table":"{table}"}}')


def content(database: Database, snapshot: Row) -> str:
    jobs: dict[str, list[str]] = {}
    source, at = snapshot["source_id"], snapshot["id"]
    for table, key in database.tables().items():
        current = database.query(f"SELECT * FROM {table} WHERE source_id = ? AND valid_from <= ?", source, at)
        history = database.query(
            f"SELECT * FROM {table}_history WHERE source_id = ? AND valid_from <= ? AND valid_to > ?", source, at, at
        )
        for row in current + history:
            jobs.setdefault(row[key[0]], []).append(row_digest(database, table, key, row))
    digests = {job: sha256("".join(f"{each}\n" for each in sorted(rows))) for job, rows in jobs.items()}
    return sha256("".join(f"{job}\t{digests[job]}\n" for job in sorted(digests)))


def digest(database: Database, snapshot: Row, previous: str | None) -> str:
    own = row_digest(
        database, "snapshots", ["id"], snapshot, "digest", "previous_digest", "content_digest", "pruned_at"
    )
    return sha256(f"{previous or ''}\n{snapshot['content_digest']}\n{own}\n")


def snapshots(database: Database) -> list[Row]:
    return database.query("SELECT * FROM snapshots ORDER BY source_id, id")


@pytest.fixture(scope="module")
def recorded(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Six nights of one source, and three of another; the first three alone; and the last of the first alone."""
    folder = tmp_path_factory.mktemp("recorded")
    nights(7, folder)
    for name, there in (("all", range(NIGHTS)), ("early", range(3)), ("one more", range(NIGHTS + 1))):
        replay, other = (", ".join(f"n{night}" for night in part) for part in (there, there[:3]))
        sources = [f"{{name: s, replay: [{replay}]}}", f"{{name: t, replay: [{other}]}}"]
        (folder / f"{name}.yaml").write_text(f"parallel: 1\nsources: [{', '.join(sources)}]\n")
    return folder


def export(recorded: Path, url: str, which: str = "all") -> None:
    ran("--database", url, "db", "upgrade")
    ran("--config", str(recorded / f"{which}.yaml"), "--database", url, "export")


def found(url: str, *options: str, code: int = 1) -> list[Row]:
    document = json.loads(ran("--database", url, "verify", "--json", *options, code=code))
    assert document["format_version"] == "1.0"
    problems: list[Row] = document["problems"]
    return problems


@pytest.fixture(scope="module")
def bases(recorded: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    return {}


@pytest.fixture(params=["sqlite", "postgresql"])
def copy(
    request: pytest.FixtureRequest, bases: dict[str, str], recorded: Path, tmp_path: Path,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Copy]:  # fmt: skip
    """Make copies of the six nights, on each kind of database; each copy takes the place of the one before."""
    if request.param == "sqlite":
        if "sqlite" not in bases:
            bases["sqlite"] = str(tmp_path_factory.mktemp("base") / "base.db")
            export(recorded, f"sqlite:///{bases['sqlite']}")

        def copied() -> str:
            path = tmp_path / "copy.db"
            shutil.copy(bases["sqlite"], path)
            return f"sqlite:///{path}"

        yield copied
        return
    server = request.getfixturevalue("postgresql_server")
    if "postgresql" not in bases:
        name = f"base_{uuid.uuid4().hex}"  # stays there for as long as the server does
        in_server(server, f"CREATE DATABASE {name} TEMPLATE {request.getfixturevalue('postgresql_template')}")
        export(recorded, server.replace("/postgres?", f"/{name}?"))
        bases["postgresql"] = name
    copied_name = f"copy_{uuid.uuid4().hex}"

    def copied_there() -> str:
        in_server(server, f"DROP DATABASE IF EXISTS {copied_name} WITH (FORCE)")
        in_server(server, f"CREATE DATABASE {copied_name} TEMPLATE {bases['postgresql']}")
        return str(server.replace("/postgres?", f"/{copied_name}?"))

    yield copied_there
    in_server(server, f"DROP DATABASE IF EXISTS {copied_name} WITH (FORCE)")


def in_server(server: str, statement: str) -> None:
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(statement)


def test_the_readme_s_rule_gives_every_digest(copy: Copy) -> None:
    url = copy()
    assert found(url, code=0) == []
    with Database(url) as database:
        rows = snapshots(database)
        previous: dict[int, str] = {}
        assert len(rows) == NIGHTS + 3
        assert len({row["content_digest"] for row in rows}) == NIGHTS
        for row in rows:
            assert content(database, row) == row["content_digest"]
            assert row["previous_digest"] == previous.get(row["source_id"])
            assert digest(database, row, row["previous_digest"]) == row["digest"]
            previous[row["source_id"]] = row["digest"]


# Tampering at random.

TABLES = [
    *(table.name for entity in (*ENTITIES, JOB_DIGESTS) for table in (entity.current, entity.history)), "snapshots",
]  # fmt: skip
GARBAGE: list[Any] = [b"\xff\x00", "garbage", "\x00", 1.5, -1, 2**62, "", "2026-11-01 01:00:00"]
KINDS = ("cell", "deletion", "insertion", "swap_cells", "swap_validity")


class Tampering:
    """One change of one table, chosen by its number, where table and kind are not given."""

    def __init__(self, database: Database, number: int, table: str = "", kind: str = "") -> None:
        self.database = database
        self.dice = random.Random(number)
        self.table = table or self.dice.choice(TABLES)
        self.kind = kind or self.dice.choice(["cell", "cell", *KINDS])
        order = ", ".join(column.name for column in METADATA.tables[self.table].primary_key)
        self.rows = database.query(f"SELECT * FROM {self.table} ORDER BY {order}")
        self.touched: list[Row] = []  # rows as they were, or that are new
        self.what = ""

    def apply(self) -> bool:
        """Change something; tell whether anything is another then."""
        if not self.rows:
            return False
        try:
            getattr(self, self.kind)()
        except (sqlite3.IntegrityError, psycopg.errors.IntegrityError, psycopg.errors.DataError, DatatypeMismatch):
            return False  # the database refuses it
        except OverflowError:
            return False
        self.database.connection.commit()
        order = ", ".join(column.name for column in METADATA.tables[self.table].primary_key)
        after = self.database.query(f"SELECT * FROM {self.table} ORDER BY {order}")
        return [self.read(row) for row in after] != [self.read(row) for row in self.rows]

    @staticmethod
    def read(row: Row) -> Row:
        """The same content packed otherwise (bits that fill the last byte) is no change."""
        with contextlib.suppress(zlib.error, TypeError):
            return {**row, "row_digests": unzipped(row["row_digests"])} if "row_digests" in row else row
        return row

    def replace(self, old: Row, new: Row) -> None:
        self.database.delete(self.table, old)
        self.database.insert(self.table, new)
        self.touched.append(old)

    def cell(self) -> None:
        old = self.dice.choice(self.rows)
        column = self.dice.choice([name for name in old if name != "pruned_at"])
        value = self.another(column, old[column])
        self.what = f"{column}: {old[column]!r} -> {value!r}"
        self.replace(old, {**old, column: value})

    def another(self, column: str, value: Any) -> Any:
        choice = self.dice.random()
        if choice < 0.15:
            return None
        if choice < 0.3 and self.database.sqlite:
            return self.dice.choice(GARBAGE)
        if choice < 0.5:
            return self.dice.choice(self.rows)[column]
        if isinstance(value, bool):
            return not value
        if isinstance(value, int):
            return value + self.dice.choice((-2, -1, 1, 2, 10))
        if isinstance(value, datetime):
            return value + timedelta(microseconds=self.dice.choice((-1, 1, 1000, 10**6)))
        if isinstance(value, bytes) and value:
            at = self.dice.randrange(len(value))
            return value[:at] + bytes([value[at] ^ 1 << self.dice.randrange(8)]) + value[at + 1 :]
        if isinstance(value, str) and value:
            at = self.dice.randrange(len(value))
            return value[:at] + self.dice.choice("0aZ é") + value[at + 1 :]
        return "new" if self.type_of(column) == "TEXT" else 1

    def type_of(self, column: str) -> str:
        return str(METADATA.tables[self.table].c[column].type).upper()

    def deletion(self) -> None:
        old = self.dice.choice(self.rows)
        self.what = "deletion"
        self.database.delete(self.table, old)
        self.touched.append(old)

    def insertion(self) -> None:
        key = [c.name for c in METADATA.tables[self.table].primary_key if c.name != "source_id"]
        new = dict(self.dice.choice(self.rows))
        column = self.dice.choice(key)
        new[column] = f"{new[column]}x" if isinstance(new[column], str) else new[column] + self.dice.choice((1, 2, 50))
        self.what = f"insertion, another {column}"
        self.database.insert(self.table, new)
        self.touched.append(new)

    def swap_cells(self) -> None:
        one, other = self.dice.choice(self.rows), self.dice.choice(self.rows)
        self.swap(one, other, [self.dice.choice([name for name in one if name != "pruned_at"])])

    def swap_validity(self) -> None:
        names = [name for name in ("valid_from", "valid_to") if name in self.rows[0]]
        self.swap(self.dice.choice(self.rows), self.dice.choice(self.rows), names)

    def swap(self, one: Row, other: Row, names: Sequence[str]) -> None:
        self.what = f"swap of {names}"
        if all(one[name] == other[name] for name in names):
            return
        for row in (one, other):
            self.database.delete(self.table, row)
        for row, theirs in ((one, other), (other, one)):
            self.database.insert(self.table, {**row, **{name: theirs[name] for name in names}})
            self.touched.append(row)

    def named(self, problems: list[Row]) -> bool:
        """Tell whether the problems name every row that was touched."""
        if self.table == "snapshots":
            return all(self._named_snapshot(row["id"], problems) for row in self.touched)
        entity = next(each for each in (*ENTITIES, JOB_DIGESTS) if each.current.name == self.table.split("_history")[0])
        keys = [p["key"] for p in problems if p["table"].removesuffix("_history") == entity.name]
        return all({name: row[name] for name in entity.key} in keys for row in self.touched)

    @staticmethod
    def _named_snapshot(at: int, problems: list[Row]) -> bool:
        return any(
            (p["table"] == "snapshots" and (p["key"] == {"id": at} or p["first"] in (at, at + 1)))
            or f"valid_from {at} is" in p["detail"]
            or f"valid_to {at} is" in p["detail"]
            for p in problems
        )


def tamper(url: str, numbers: Iterable[int], table: str = "", kind: str = "") -> bool:
    """Try changes until one is made, which `verify` must name; what is refused, or is no change, changes nothing."""
    for number in numbers:
        with Database(url) as opened:
            tampering = Tampering(opened.unguarded(), number, table, kind)
            changed = tampering.apply()
        if changed:
            problems = found(url)
            what = (number, tampering.table, tampering.kind, tampering.what)
            assert problems, what
            assert tampering.named(problems), (what, tampering.touched, problems)
            return True
    return False


@pytest.mark.parametrize("kind", KINDS)
def test_each_kind_of_tampering_is_seen_in_each_table(request: pytest.FixtureRequest, copy: Copy, kind: str) -> None:
    """On PostgreSQL each table has one kind, and each kind some tables: what is proven is the same on both."""
    on_server = request.node.callspec.params["copy"] == "postgresql"
    at = KINDS.index(kind)
    url, seen = copy(), set()
    for table in TABLES[at :: len(KINDS)] if on_server else TABLES:
        if tamper(url, range(20), table, kind):
            seen.add(table)
            url = copy()
    assert len(seen) >= (1 if on_server else len(TABLES) // 3), seen


@pytest.mark.soak
@pytest.mark.parametrize("part", range(PARTS))
def test_no_tampering_goes_unseen(request: pytest.FixtureRequest, copy: Copy, part: int) -> None:
    wanted = TAMPERINGS or (150 if request.node.callspec.params["copy"] == "sqlite" else 30)
    for tampered in range(wanted // PARTS):
        first = part * 1_000_000 + tampered * 100
        assert tamper(copy(), range(first, first + 50))


# One by one.


def altered(url: str, *statements: str) -> None:
    with Database(url) as database:
        database.unguarded()
        cursor, changed = database.connection.cursor(), 0
        for statement in statements:
            cursor.execute(statement)
            changed += cursor.rowcount
        assert changed > 0, "there is nothing to alter"
        database.connection.commit()


CUT_OFF = [
    statement
    for entity in (*ENTITIES, JOB_DIGESTS)
    for name, columns in [(entity.name, ", ".join(column.name for column in entity.current.columns))]
    for statement in (
        f"DELETE FROM {name} WHERE valid_from = {NIGHTS}",
        f"INSERT INTO {name} ({columns}) SELECT {columns} FROM {name}_history WHERE valid_to = {NIGHTS}",
        f"DELETE FROM {name}_history WHERE valid_to = {NIGHTS}",
    )
] + [f"DELETE FROM snapshots WHERE id = {NIGHTS}"]


def test_what_was_cut_off_is_found_by_a_digest_noted_elsewhere(copy: Copy) -> None:
    url = copy()
    rows = json.loads(ran("--database", url, "snapshots", "--json"))["snapshots"]
    noted = [row["digest"] for row in rows if row["source"] == "s"]
    assert [row["id"] for row in rows if row["source"] == "s"] == list(range(1, NIGHTS + 1))
    assert found(url, "--expect", noted[-1], "--expect", noted[0].upper(), code=0) == []
    altered(url, *CUT_OFF)
    assert found(url, code=0) == []
    assert found(url, "--expect", noted[-2], code=0) == []
    assert f"no snapshot has the digest {noted[-1]}" in ran("--database", url, "verify", "--expect", noted[-1], code=1)
    assert noted[0] in ran("--database", url, "verify", "--source", "t", "--expect", noted[0], code=1)


def test_an_altered_digest_is_not_the_one_that_was_noted(copy: Copy) -> None:
    url, wanted = copy(), "0" * 64
    altered(url, f"UPDATE snapshots SET digest = '{wanted}' WHERE id = {NIGHTS}")
    document = json.loads(ran("--database", url, "verify", "--expect", wanted, "--json", code=1))
    assert document["expected"] == [{"digest": wanted, "source": None, "snapshot": None}]
    assert document["problems"][0]["key"] == {"id": NIGHTS}


@pytest.mark.parametrize("wrong", ["", "0" * 63, "0" * 65, "g" * 64, "0" * 64 + "\n"])
def test_a_part_of_a_digest_proves_nothing(inventory: Command, wrong: str) -> None:
    refused = inventory("verify", "--expect", wrong)
    assert refused.returncode == 64
    assert "64 hex digits" in refused.stderr


@pytest.mark.parametrize(
    ("statement", "word", "table"),
    [
        ("UPDATE jobs SET status = 'NORMAL' WHERE source_id = 1", "altered", "jobs"),
        ("DELETE FROM tags_history WHERE valid_to = 3", "missing", "tags"),
        ("UPDATE jobs_history SET valid_to = valid_from WHERE valid_to = 3", "dangling", "jobs_history"),
        ("UPDATE jobs SET valid_from = 99 WHERE source_id = 1", "dangling", "jobs"),
        (f"UPDATE jobs_history SET valid_to = {NIGHTS} WHERE valid_to = 3", "overlapping", "jobs_history"),
        ("UPDATE snapshots SET pruned_at = finished_at WHERE id = 3", "unseen", "internal_job_digests_history"),
        ("DELETE FROM snapshots WHERE id = 3", "missing", "snapshots"),
        ("DELETE FROM snapshots WHERE id = 1", "missing", "snapshots"),
        ("UPDATE snapshots SET jobs = 99 WHERE id = 3", "altered", "snapshots"),
        ("DELETE FROM sources WHERE id = 2", "dangling", "findings"),
        ("DELETE FROM internal_job_digests WHERE source_id = 1", "missing", "internal_job_digests"),
        ("UPDATE internal_job_digests SET digest = 'x' WHERE source_id = 1", "altered", "internal_job_digests"),
        ("UPDATE jobs_history SET extra = '' WHERE valid_to = 3", "invalid", "jobs_history"),
        ("UPDATE jobs_history SET extra = '{\"a\": 1}' WHERE valid_to = 3", "invalid", "jobs_history"),
    ],
)
def test_a_change_is_named_by_its_word(copy: Copy, statement: str, word: str, table: str) -> None:
    url = copy()
    altered(url, statement)
    assert (word, table) in {(p["word"], p["table"]) for p in found(url)}
    last, *explained = reversed(ran("--database", url, "verify", "--full", code=1).splitlines())
    assert re.fullmatch("1 problem found.|[0-9]+ problems found.", last)
    assert any(line.startswith(f"{word}: ") and line.endswith(".") for line in explained)


@pytest.mark.parametrize("copy", ["postgresql"], indirect=True)
@pytest.mark.parametrize("value", ["infinity", "-infinity", "0044-03-15 BC", "20000-01-01"])
def test_times_that_python_does_not_know(copy: Copy, value: str) -> None:
    url = copy()
    altered(url, f"UPDATE jobs SET create_time = '{value}'")
    assert ("invalid", "jobs") in {(p["word"], p["table"]) for p in found(url)}


@pytest.mark.parametrize("copy", ["sqlite"], indirect=True)
@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE sources SET created_at = 'garbage', region = x'ff'",  # of which no digest says anything
        "UPDATE findings SET job_id = CAST(x'ff1b' AS TEXT) WHERE job_id = 'job-2-0'",
        "UPDATE jobs SET id = x'ff' WHERE source_id = 1 AND id = (SELECT min(id) FROM jobs WHERE source_id = 1)",
        "UPDATE snapshots SET digest = CAST(x'ff' AS TEXT), previous_digest = x'ff', started_at = 7",
        "UPDATE snapshots SET pruned_at = 'yesterday' WHERE id = 3",
        "UPDATE internal_job_digests SET row_digests = CAST(row_digests AS TEXT)",
        "UPDATE internal_job_digests SET job_id = '\x1b[31m' || job_id",
    ],
)
def test_nothing_that_sqlite_takes_ends_in_a_traceback(copy: Copy, statement: str) -> None:
    url, harmless = copy(), statement.startswith("UPDATE sources")
    altered(url, statement)
    said = ran("--database", url, "verify", "--full", code=0 if harmless else 1)
    assert "\x1b" not in said
    assert harmless == ("all consistent" in said)


PRUNED = ["UPDATE snapshots SET pruned_at = finished_at WHERE id IN (2, 3, 5)"] + [
    f"DELETE FROM {entity.history.name} WHERE NOT EXISTS (SELECT 1 FROM snapshots s WHERE s.pruned_at IS NULL"
    f" AND s.source_id = {entity.history.name}.source_id AND s.id >= valid_from AND s.id < valid_to)"
    for entity in (*ENTITIES, JOB_DIGESTS)
]


def test_what_is_left_of_a_pruned_source_is_proven(copy: Copy) -> None:
    url = copy()
    altered(url, *PRUNED)
    with open_store(normal_url(url), write=True) as store, store.writing() as connection:
        recount(connection, 1)
    assert found(url, code=0) == []
    assert "s: 6 snapshots (3 pruned: only their chain is checked)" in ran("--database", url, "verify")
    altered(url, "UPDATE snapshots SET jobs = 99 WHERE id = 3", "UPDATE snapshots SET pruned_at = NULL WHERE id = 2")
    assert {2, 3} <= {p["first"] for p in found(url)}


def test_the_list_of_problems_is_bounded(copy: Copy) -> None:
    url = copy()
    altered(
        url,
        *(
            f"UPDATE {name} SET extra = 'x'"
            for name in ("object_infos", "object_infos_history", "jobs", "tags", "tags_history")
        ),
    )
    problems = len(found(url))
    short = ran("--database", url, "verify", code=1).splitlines()
    assert problems > 100
    assert f"… and {problems - 100} more; --full shows them all" in short
    assert len(ran("--database", url, "verify", "--full", code=1).splitlines()) == 2 + problems + 2 + 1


def test_verifying_writes_nothing(recorded: Path, tmp_path: Path, inventory: Command) -> None:
    folder = tmp_path / "shelf"
    folder.mkdir()
    path = folder / "x.db"
    export(recorded, f"sqlite:///{path}", "early")
    before = path.read_bytes()
    path.chmod(0o444)
    folder.chmod(0o555)
    try:
        done = inventory("--database", f"sqlite:///{path}", "verify")
        quiet = inventory("-q", "--database", f"sqlite:///{path}", "verify")
    finally:
        folder.chmod(0o755)
    assert (done.returncode, done.stderr) == (0, "")
    assert "s: 3 snapshots" in done.stdout
    assert (quiet.returncode, quiet.stdout, quiet.stderr) == (0, "", "")
    assert path.read_bytes() == before
    assert list(folder.iterdir()) == [path]
    assert inventory("--database", f"sqlite:///{path}", "verify", "--source", "nobody").returncode == 64
    assert inventory("--database", f"sqlite:///{folder}/y.db", "verify").returncode == 1
    assert list(folder.iterdir()) == [path]


@pytest.mark.parametrize(
    ("statement", "why"),
    [
        ("UPDATE jobs_history SET status = 'x'", "history is append-only"),
        ("DELETE FROM tags_history", "history is append-only"),
        ("UPDATE internal_job_digests_history SET digest = 'x'", "history is append-only"),
        ("UPDATE snapshots SET jobs = 7 WHERE id = 1", "a finished snapshot does not change"),
        ("DELETE FROM snapshots WHERE id = 1", "a finished snapshot does not change"),
    ],
)
def test_accidents_are_refused(copy: Copy, recorded: Path, statement: str, why: str) -> None:
    url = copy()
    with Database(url) as database, pytest.raises((sqlite3.DatabaseError, psycopg.Error), match=why):
        database.query(statement)
    assert found(url, code=0) == []
    said = ran("--config", str(recorded / "one more.yaml"), "--database", url, "export")
    assert "removed" in said
    assert len(json.loads(ran("--database", url, "snapshots", "--json"))["snapshots"]) == NIGHTS + 3 + 1
    assert found(url, code=0) == []
