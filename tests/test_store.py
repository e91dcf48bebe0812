"""The databases: migrations, views, what they enforce, and what is left when the process is killed."""

import contextlib
import functools
import json
import os
import random
import re
import signal
import sqlite3
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from itertools import product
from pathlib import Path
from typing import Any

import pytest
from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, column, event, insert, inspect, select, table, text
from sqlalchemy.exc import IntegrityError

from inventory.common.errors import StoreError
from inventory.config.load import normal_url
from inventory.schema import BY_NAME, ENTITIES, ESTATE, REVISION
from inventory.schema.internal import move_tables
from inventory.schema.ledger import METADATA, SOURCES
from inventory.schema.views import views
from inventory.store import derived, reader
from inventory.store.check import check
from inventory.store.engine import Store, open_store, translate_errors
from inventory.store.migrate import upgrade
from tests.conftest import ROOT, Command, apart
from tests.next_version import NEXT, NextVersion

CONFIG = str(ROOT / "samples/inventory.yaml")
Shape = set[tuple[str, str, str]]
pytestmark = pytest.mark.empty_database


@contextlib.contextmanager
def opened(url: str) -> Iterator[Store]:
    with open_store(normal_url(url), write=True) as store:
        yield store


def environment() -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": str(ROOT)}


def done(inventory: Command, *arguments: str) -> str:
    """Run a command that must succeed."""
    result = inventory(*arguments)
    assert result.returncode == 0, result.stderr
    return result.stdout


def exported(inventory: Command, url: str) -> None:
    """Export the samples; a server is prepared first."""
    if not url.startswith("sqlite"):
        done(inventory, "--database", url, "db", "upgrade")
    done(inventory, "--config", CONFIG, "--database", url, "export")


def squeezed(statement: str) -> str:
    return re.sub(r"\s+", " ", statement).strip().rstrip(";")


def test_upgrade_then_check_is_clean(inventory: Command, database: str) -> None:
    done(inventory, "--database", database, "db", "upgrade")
    assert done(inventory, "--database", database, "db", "current").strip() == REVISION
    assert "as declared" in done(inventory, "--database", database, "db", "check")


def test_head_is_the_schema_s_revision() -> None:
    assert ScriptDirectory(str(ROOT / "migrations")).get_heads() == [REVISION]


def migrated(store: Store) -> None:
    """Make a database with Alembic, revision by revision."""
    config = Config()
    config.set_main_option("script_location", str(ROOT / "migrations"))
    with store.writing() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, "head")
        if not store.is_sqlite:
            connection.exec_driver_sql(move_tables(), execution_options={"no_parameters": True})
        derived.create(connection)


def test_a_new_database_is_as_the_migrations_make_it(database: str, tmp_path: Path) -> None:
    found = []
    for make in (migrated, upgrade):
        url = f"sqlite:///{tmp_path}/{make.__name__}.db" if database.startswith("sqlite") else database
        with opened(url) as store:
            if not store.is_sqlite:
                with store.engine.begin() as connection:
                    connection.execute(text("DROP SCHEMA IF EXISTS public, public_internal CASCADE"))
                    connection.execute(text("CREATE SCHEMA public"))
            make(store)
            assert check(store) == []
            with store.engine.connect() as connection:
                found.append(described(connection))
    assert sorted(found[0] ^ found[1], key=repr)[:20] == []
    assert {*views("sqlite"), "alembic_version", *METADATA.tables} <= {name for name, *_ in found[0]}


def described(connection: Connection) -> set[tuple[Any, ...]]:
    """Return all that a catalogue says; the constraints of a table are in no order, its columns are."""
    if connection.dialect.name == "sqlite":
        made = rows(connection, "SELECT name, sql FROM sqlite_master WHERE sql IS NOT NULL")
        # ALTER TABLE writes a column on the line of the one before.
        apart = [(name, re.sub(r", (?=\w+ [A-Z])", ",\n", sql)) for name, sql in made]
        found = {(name, *sorted(line.strip(", \t") for line in sql.splitlines())) for name, sql in apart}
        columns = "SELECT m.name, c.* FROM sqlite_master m JOIN pragma_table_info(m.name) c"
    else:
        found = {row for query in CATALOGUE for row in rows(connection, query)}
        columns = (
            "SELECT table_name, ordinal_position, column_name, data_type, collation_name, is_nullable, column_default"
            " FROM information_schema.columns WHERE table_schema LIKE 'public%'"
        )
    for own in ("alembic_version", "internal_maintenance"):
        found |= {(own, *row) for row in rows(connection, f"SELECT * FROM {own}")}
    return found | set(rows(connection, columns))


CATALOGUE = (
    "SELECT tablename, indexname, indexdef FROM pg_indexes WHERE schemaname LIKE 'public%'",
    "SELECT viewname, definition FROM pg_views WHERE schemaname LIKE 'public%'",
    "SELECT CAST(CAST(conrelid AS regclass) AS text), conname, pg_get_constraintdef(oid) FROM pg_constraint",
    "SELECT tgname, pg_get_triggerdef(oid) FROM pg_trigger WHERE NOT tgisinternal",
    "SELECT proname, pg_get_functiondef(oid) FROM pg_proc WHERE pronamespace = CAST('public' AS regnamespace)",
    "SELECT relname, objsubid, description FROM pg_description JOIN pg_class ON oid = objoid",
)


def rows(connection: Connection, query: str) -> list[tuple[Any, ...]]:
    return [tuple(row) for row in connection.execute(text(query))]


def test_every_column_has_its_comment_on_postgresql(inventory: Command, postgresql: str) -> None:
    done(inventory, "--database", postgresql, "db", "upgrade")
    with opened(postgresql) as store:
        inspector = inspect(store.engine)
        for declared in METADATA.sorted_tables:
            found = {each["name"]: each["comment"] for each in inspector.get_columns(declared.name)}
            assert found == {each.name: each.comment for each in declared.columns}, declared.name
            assert all(found.values()), declared.name
            assert inspector.get_table_comment(declared.name)["text"] == declared.comment


def test_no_name_needs_quotes(database: str) -> None:
    with opened(database) as store, store.engine.begin() as connection:
        for declared in METADATA.sorted_tables:
            names = [each.name for each in declared.columns]
            assert declared.name == declared.name.lower()
            connection.exec_driver_sql(f"CREATE TABLE {declared.name} ({', '.join(f'{name} TEXT' for name in names)})")
            result = connection.exec_driver_sql(f"SELECT {', '.join(names)} FROM {declared.name}")
            assert list(result.keys()) == names
            result.close()


def test_a_child_needs_its_parent(inventory: Command, database: str) -> None:
    exported(inventory, database)
    with opened(database) as store:
        tags = BY_NAME["tags"].current
        with store.engine.connect() as connection:
            source_id = connection.execute(select(SOURCES.c.id)).scalar_one()
            before = len(connection.execute(select(tags)).all())
        for row in ({"source_id": source_id, "job_id": "nobody"}, {"source_id": source_id + 99, "job_id": "nobody"}):
            values = {**row, "key": "k", "occurrence": 0, "value": "v", "valid_from": 1}
            with pytest.raises(IntegrityError), store.engine.begin() as connection:
                connection.execute(insert(tags).values(**values))
        with store.engine.connect() as connection:
            assert len(connection.execute(select(tags)).all()) == before


def test_views_agree_with_show(inventory: Command, database: str) -> None:
    exported(inventory, database)
    with opened(database) as store, store.reading() as connection:
        source = reader.sources(connection)[0]
        found = reader.snapshots(connection, source["id"])
        assert len(found) == 2
        for snapshot in found:
            shown = json.loads(
                done(inventory, "--database", database, "show", "--json", "--snapshot", str(snapshot["id"]))
            )
            query = text("SELECT id, name, status FROM jobs_as_of WHERE snapshot_id = :id AND source = 'sample'")
            jobs = {tuple(row) for row in connection.execute(query, {"id": snapshot["id"]})}
            assert jobs == {(job["id"], job["name"], job["status"]) for job in shown["results"]}
            assert len(jobs) == snapshot["jobs"] == shown["count"]
            for entity in ENTITIES:
                view = table(
                    f"{entity.name}_as_of", column("snapshot_id"), *(column(c.name, c.type) for c in entity.columns)
                )
                seen = select(*(view.c[c.name] for c in entity.columns)).where(view.c.snapshot_id == snapshot["id"])
                rows = [tuple(row) for row in connection.execute(seen)]
                expected = reader.rows_at(connection, entity, source["id"], snapshot["id"])
                assert sorted(rows, key=repr) == sorted(expected, key=repr), entity.name


def test_freshness_has_the_source(inventory: Command, database: str) -> None:
    exported(inventory, database)
    with opened(database) as store, store.reading() as connection:
        query = "SELECT f.source, f.snapshot_id, (SELECT max(id) FROM snapshots), f.age_seconds FROM freshness f"
        (row,) = connection.execute(text(query)).all()
    assert row[0] == "sample"
    assert row[1] == row[2]
    assert row[3] > 86400  # the recording's age, not the time since it was read


def test_both_databases_have_the_same_digests(inventory: Command, database: str, next_version: NextVersion) -> None:
    exported(inventory, database)
    assert [row["content_digest"] for row in listed(inventory, database)] == list(undisturbed(next_version).digests)


def test_upgrade_copies_the_file(inventory: Command, tmp_path: Path, next_version: NextVersion) -> None:
    url = f"sqlite:///{tmp_path}/inventory.db"
    exported(inventory, url)
    before = dumped(tmp_path / "inventory.db")
    assert "INSERT INTO" in before
    said = next_version.ran("--database", url, "db", "upgrade")
    (copy,) = [each for each in tmp_path.iterdir() if each.name != "inventory.db"]
    assert str(copy) in said
    assert dumped(copy) == before
    assert f"revision {NEXT}" in said
    found = json.loads(next_version.ran("--database", url, "snapshots", "--json"))["snapshots"]
    assert [row["content_digest"] for row in found] == list(undisturbed(next_version).digests)


def test_a_copy_never_replaces_another_of_the_same_second(
    inventory: Command, tmp_path: Path, next_version: NextVersion
) -> None:
    url = f"sqlite:///{tmp_path}/inventory.db"
    done(inventory, "--database", url, "db", "upgrade")
    now = datetime.now(UTC)
    taken = {f"inventory.db.{REVISION}.{now + timedelta(seconds=at):%Y%m%dT%H%M%SZ}.backup" for at in range(120)}
    for name in taken:
        (tmp_path / name).write_text("mine")
    next_version.ran("--database", url, "db", "upgrade")
    (copy,) = {each.name for each in tmp_path.iterdir()} - {"inventory.db", *taken}
    assert re.fullmatch(rf"inventory\.db\.{REVISION}\.\d{{8}}T\d{{6}}Z-2\.backup", copy)
    assert dumped(tmp_path / copy)
    assert {(tmp_path / name).read_text() for name in taken} == {"mine"}


def dumped(path: Path) -> str:
    with contextlib.closing(sqlite3.connect(path)) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        return "\n".join(connection.iterdump())


def test_an_older_and_a_newer_revision_are_refused(
    inventory: Command, database: str, next_version: NextVersion
) -> None:
    exported(inventory, database)
    assert "db upgrade" in next_version.ran("--database", database, "show", code=1)
    next_version.ran("--database", database, "db", "upgrade")
    refused = inventory("--database", database, "show")
    assert refused.returncode == 1
    assert "A newer inventory wrote it" in refused.stderr


def test_downgrade_to_base_refuses_with_rows(inventory: Command, database: str) -> None:
    exported(inventory, database)
    before = done(inventory, "--database", database, "show", "--json")
    refused = inventory("--database", database, "db", "downgrade", "base", "--yes")
    assert done(inventory, "--database", database, "db", "current").strip() == REVISION
    assert done(inventory, "--database", database, "show", "--json") == before
    assert refused.returncode == 1
    assert refused.stderr.startswith("error: ")
    assert "has rows" in refused.stderr
    assert "Traceback" not in refused.stderr


def test_downgrade_to_base_of_an_empty_one(inventory: Command, database: str) -> None:
    done(inventory, "--database", database, "db", "upgrade")
    done(inventory, "--database", database, "db", "downgrade", "base", "--yes")
    assert done(inventory, "--database", database, "db", "current").startswith("none")


def test_messages_name_the_file(inventory: Command, tmp_path: Path) -> None:
    assert "own.db" in done(inventory, "--database", f"sqlite:///{tmp_path}/own.db", "db", "upgrade")


def plans(connection: Connection, ask: Callable[[], object]) -> list[str]:
    """Return how the database goes about the queries that a function makes."""
    is_sqlite = connection.dialect.name == "sqlite"
    found: list[str] = []

    def explain(_: object, cursor: Any, statement: str, parameters: Any, *__: object) -> None:
        if statement.startswith("SELECT"):
            beside = cursor.connection.cursor()
            beside.execute(("EXPLAIN QUERY PLAN " if is_sqlite else "EXPLAIN ") + statement, parameters)
            found.extend(str(row[3] if is_sqlite else row[0]).strip() for row in beside.fetchall())
            beside.close()

    event.listen(connection, "before_cursor_execute", explain)
    ask()
    event.remove(connection, "before_cursor_execute", explain)
    assert found
    return found


def test_a_comparison_costs_what_changed(inventory: Command, database: str) -> None:
    """Two nights are compared through indexes alone: no table is read as a whole."""
    exported(inventory, database)
    with opened(database) as store, store.engine.connect() as connection:
        if not store.is_sqlite:
            connection.execute(text("SET enable_seqscan = off"))  # else it reads so few rows rather as they lie
        for entity in ESTATE:
            steps = [
                *plans(connection, functools.partial(reader.jobs_between, connection, entity, [2])),
                *plans(connection, functools.partial(reader.rows_between, connection, entity, 1, [2])),
                *plans(connection, functools.partial(reader.rows_between, connection, entity, 1, [2], ["j"])),
            ]
            whole = [step for step in steps if step.startswith("SCAN") or "Seq Scan" in step]
            assert [step for step in whole if not re.search(r"\b(snapshots|sources)\b", step)] == [], entity.name


SNAPSHOT_IDS = (
    "1",
    "(SELECT max(id) FROM snapshots)",
    "(SELECT max(id) FROM snapshots WHERE observed_to <= '2026-11-02')",
    "(SELECT max(n.id) FROM snapshots n JOIN sources s ON s.id = n.source_id WHERE s.name = 'sample')",
    "(SELECT snapshot_id FROM freshness WHERE source = 'sample')",
)


OF_A_DAY = (
    "WHERE snapshot_id IN (SELECT snapshot_id FROM days WHERE day = '2026-11-02')",
    "JOIN days USING (source_id, snapshot_id) WHERE day = '2026-11-02'",
    "JOIN days USING (source_id, source, snapshot_id) WHERE day = '2026-11-02'",
)

LARGE = (  # statistics as of an estate ten thousand times as large
    "UPDATE sqlite_stat1 SET stat = CAST(stat AS INTEGER) || '0000' || substr(stat, instr(stat, ' '))"
    " WHERE tbl NOT IN ('snapshots', 'sources')"
)
A_YEAR = "UPDATE sqlite_stat1 SET stat = '365 365 1' WHERE tbl = 'snapshots'"


@pytest.mark.parametrize("analyzed", [False, True], ids=["fresh", "analyzed"])
def test_a_night_is_found_by_its_id_and_a_job_by_its_key(inventory: Command, database: str, *, analyzed: bool) -> None:
    """However the id is found. SQLite took 40 s for a count, where it first paired every row with every snapshot."""
    exported(inventory, database)
    with opened(database) as store, store.engine.connect() as connection:
        if analyzed:
            connection.execute(text("ANALYZE"))
            if store.is_sqlite:  # else it reads so few rows rather as they lie
                connection.execute(text(LARGE))
                connection.execute(text("ANALYZE sqlite_schema"))
        if not store.is_sqlite:
            connection.execute(text("SET enable_seqscan = off"))  # else it reads so few rows rather as they lie

        def planned(query: str) -> list[str]:
            return plans(connection, functools.partial(connection.execute, text(query)))

        for entity, snapshot_id, source in product(ENTITIES, SNAPSHOT_IDS, ("", " AND source = 'sample'")):
            night = f"FROM {entity.name}_as_of WHERE snapshot_id = {snapshot_id}{source}"
            for what in ("*", "count(*)"):
                steps = planned(f"SELECT {what} {night} AND {entity.job_column} = 'x'")
                table_read = rf"(SCAN|SEARCH|\bon) {entity.name}(_history)?\b"
                reads = [at for at, step in enumerate(steps) if re.search(table_read, step)]
                assert len(reads) == 2, steps  # what is now, and what was
                for at in reads:  # PostgreSQL tells how it searches on the next line
                    assert re.search(rf"\b{entity.job_column} ?=", " ".join(steps[at : at + 2])), steps
            if store.is_sqlite:
                assert "SEARCH n USING INTEGER PRIMARY KEY (rowid=?)" in planned(f"SELECT count(*) {night}")


@pytest.mark.parametrize("analyzed", [False, True], ids=["fresh", "analyzed"])
def test_no_row_meets_all_snapshots_on_a_day(inventory: Command, tmp_path: Path, *, analyzed: bool) -> None:
    """A count of 200,000 objects took SQLite 3.40 24 s after ANALYZE, and 3.54 28 s for the join without it."""
    url = f"sqlite:///{tmp_path}/inventory.db"
    exported(inventory, url)
    with opened(url) as store, store.engine.connect() as connection:
        if analyzed:
            for each in ("ANALYZE", LARGE, A_YEAR, "ANALYZE sqlite_schema"):
                connection.execute(text(each))
        for entity, of_day in product(ENTITIES, OF_A_DAY):
            query = text(f"SELECT count(*) FROM {entity.name}_as_of {of_day}")
            steps = plans(connection, functools.partial(connection.execute, query))
            of_rows = steps[steps.index("SCAN r") :]  # before it, `days` has an n of its own
            found = next(step for step in of_rows if re.match(r"(SCAN|SEARCH) n\b", step))
            assert found == "SEARCH n USING INTEGER PRIMARY KEY (rowid=?)", steps


def test_errors_show_no_values(inventory: Command, database: str) -> None:
    done(inventory, "--database", database, "db", "upgrade")
    with opened(database) as store:
        row: dict[str, Any] = {"name": "planted-4711", "region": "planted-4711"}
        row["created_at"] = datetime(2026, 11, 1, tzinfo=UTC)
        broken = ([row, row], [{**row, "created_at": None}])
        for rows in broken:
            with pytest.raises(StoreError) as failed, translate_errors(store), store.engine.begin() as connection:
                for each in rows:
                    connection.execute(insert(SOURCES).values(**each))
            assert "constraint" in str(failed.value).lower()
            assert "planted" not in str(failed.value)
        if store.is_sqlite:
            with pytest.raises(IntegrityError) as raw, store.engine.begin() as connection:
                connection.execute(insert(SOURCES), [row, row])
            assert "planted" not in str(raw.value)


def test_a_file_that_only_may_be_read(inventory: Command, tmp_path: Path) -> None:
    folder = tmp_path / "shelf"
    folder.mkdir()
    url = f"sqlite:///{folder}/inventory.db"
    exported(inventory, url)
    assert [each.name for each in folder.iterdir()] == ["inventory.db"]
    before = (folder / "inventory.db").read_bytes()
    shown = done(inventory, "--database", url, "show", "--json")
    (folder / "inventory.db").chmod(0o444)
    folder.chmod(0o555)
    try:
        assert done(inventory, "--database", url, "show", "--json") == shown
        done(inventory, "--database", url, "diff")
        done(inventory, "--database", url, "db", "check")
    finally:
        folder.chmod(0o755)
    assert [each.name for each in folder.iterdir()] == ["inventory.db"]
    assert (folder / "inventory.db").read_bytes() == before


def listed(inventory: Command, url: str) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = json.loads(done(inventory, "--database", url, "snapshots", "--json"))["snapshots"]
    return rows


class Undisturbed:
    """What commands that nobody kills leave behind, and how long they take: of this version, and of the next."""

    def __init__(self, folder: Path, following: NextVersion) -> None:
        self.folder = folder
        self.empty = self._timed("--database", self._url("a"), "db", "upgrade")
        self.old = shape(folder / "a")
        self.template = (folder / "a").read_bytes()
        for name in ("a", "new"):
            following.ran("--database", self._url(name), "db", "upgrade")
        self.upgraded, self.new = shape(folder / "a"), shape(folder / "new")
        self._run("--config", CONFIG, "--database", self._url("b"), "export")
        rows = json.loads(self._run("--database", self._url("b"), "snapshots", "--json"))["snapshots"]
        self.digests = tuple(row["content_digest"] for row in rows)

    def _url(self, name: str) -> str:
        return f"sqlite:///{self.folder / name}"

    @staticmethod
    def _run(*arguments: str) -> str:
        done = apart(*arguments)
        assert done.returncode == 0, done
        return done.stdout

    def _timed(self, *arguments: str) -> float:
        start = time.monotonic()
        self._run(*arguments)
        return time.monotonic() - start


@functools.cache
def undisturbed(following: NextVersion) -> Undisturbed:
    with tempfile.TemporaryDirectory() as folder:
        return Undisturbed(Path(folder), following)


def shape(path: Path) -> Shape:
    with contextlib.closing(sqlite3.connect(path)) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        query = "SELECT type, name, coalesce(sql, '') FROM sqlite_master"
        found = {(kind, name, squeezed(sql)) for kind, name, sql in connection.execute(query)}
        if found:
            ((revision,),) = connection.execute("SELECT version_num FROM alembic_version")
            found.add(("revision", revision, ""))
    return found


def killed(start: Callable[..., subprocess.Popen[str]], after: float, *arguments: str) -> None:
    with tempfile.TemporaryFile() as output:
        process = start(*arguments, stdout=output, stderr=output)
        try:
            process.wait(after)
        except subprocess.TimeoutExpired:
            process.send_signal(signal.SIGKILL)
        assert process.wait(60) in (0, -signal.SIGKILL)


@pytest.mark.parametrize("start", ["empty", REVISION])
@pytest.mark.parametrize("run", [0, *(pytest.param(run, marks=pytest.mark.soak) for run in range(1, 6))])
def test_a_killed_upgrade(tmp_path: Path, next_version: NextVersion, start: str, run: int, dice: random.Random) -> None:
    whole = undisturbed(next_version)
    path = tmp_path / "inventory.db"
    before, after = (set(), whole.new) if start == "empty" else (whole.old, whole.upgraded)
    if before:
        path.write_bytes(whole.template)
    words = ("--database", f"sqlite:///{path}", "db", "upgrade")
    killed(next_version.started, whole.empty * dice.uniform(0.4, 1.3), *words)
    if path.exists():
        assert shape(path) in (before, after)
    next_version.ran(*words)
    assert shape(path) == after
