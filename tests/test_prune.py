"""`prune` on real databases: what is left stays exactly as it was, and what is gone leaves its digests."""

import contextlib
import json
import random
import re
import shutil
import sqlite3
import subprocess
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection, column, func, select, table, text
from sqlalchemy.exc import DBAPIError

from inventory.common.cancellation import Stop
from inventory.common.safe_text import byte_size
from inventory.common.safe_text import count as counted
from inventory.config.load import normal_url
from inventory.diff.compare import compare
from inventory.diff.ends import step
from inventory.diff.records import SourceDiff
from inventory.diff.select import Selection
from inventory.proof.digest import content_digest, digest_job, snapshot_digest
from inventory.render import estate
from inventory.schema import ENTITIES, JOB_DIGESTS
from inventory.schema.ledger import MAINTENANCE
from inventory.store import reader
from inventory.store.engine import Store, open_store
from inventory.store.lock import source_lock
from tests.conftest import Command, ran, started
from tests.test_properties import nights

Rows = list[dict[str, Any]]
Pruner = Callable[..., subprocess.CompletedProcess[str]]

NIGHTS = 12  # from Sunday 2026-11-01
KEEP = ("--keep-daily", "2", "--keep-weekly", "3")
KEPT = [1, 8, 10, 11]  # of eleven: two days, and the ends of the weeks before
HISTORIES = [entity.history for entity in (*ENTITIES, JOB_DIGESTS)]


@pytest.fixture(scope="module")
def recorded(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("nights")
    nights(7, folder, NIGHTS)
    for count in (NIGHTS - 1, NIGHTS):
        replay = ", ".join(f"n{night}" for night in range(count))
        settings = f"retention: {{keep_daily: 2, keep_weekly: 3}}\nsources: [{{name: s, replay: [{replay}]}}]\n"
        (folder / f"{count}.yaml").write_text(settings)
    return folder


@pytest.fixture(autouse=True)
def still_proven(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[None]:
    """Whatever a test pruned: what is left is as it was written, and nothing is left that nobody sees."""
    name = next((name for name in ("database", "postgresql") if name in request.fixturenames), None)
    urls = [request.getfixturevalue(name)] if name else []
    yield
    urls += [f"sqlite:///{path}" for path in tmp_path.glob("*.db") if f"sqlite:///{path}" not in urls]
    for url in urls:
        ran("--database", url, "verify")


@pytest.fixture(scope="module")
def undisturbed(recorded: Path) -> list[str]:
    """The content digests of all twelve nights where nothing is pruned."""
    url = f"sqlite:///{recorded}/undisturbed.db"
    ran("--config", str(recorded / f"{NIGHTS}.yaml"), "--database", url, "export")
    return [row["content_digest"] for row in snapshots(url)]


@pytest.fixture(scope="module")
def exported(recorded: Path) -> Path:
    """An SQLite file with eleven nights in it, to copy."""
    path = recorded / "exported.db"
    ran("--config", str(recorded / f"{NIGHTS - 1}.yaml"), "--database", f"sqlite:///{path}", "export")
    return path


@pytest.fixture
def run(request: pytest.FixtureRequest, recorded: Path, database: str, inventory: Command) -> Pruner:
    """Run a command on a database with eleven nights in it."""

    def command(*arguments: str, code: int = 0, nights: int = NIGHTS - 1) -> subprocess.CompletedProcess[str]:
        config = str(recorded / f"{nights}.yaml")
        done = inventory("--config", config, "--database", database, *arguments)
        assert done.returncode == code, done.stdout + done.stderr
        return done

    if database.startswith("sqlite:///"):
        shutil.copy(request.getfixturevalue("exported"), database.removeprefix("sqlite:///"))
    else:
        command("export")
    return command


@contextlib.contextmanager
def reading(url: str) -> Iterator[tuple[Store, Connection]]:
    with open_store(normal_url(url), write=True, create=False) as store, store.reading() as connection:
        yield store, connection


def snapshots(url: str) -> Rows:
    with reading(url) as (_, connection):
        return reader.snapshots(connection, 1)


def left(url: str) -> list[int]:
    return [row["id"] for row in snapshots(url) if row["pruned_at"] is None]


def seen(url: str, ids: list[int]) -> tuple[dict[int, str], dict[tuple[int | None, int], SourceDiff]]:
    """What can be seen of these snapshots: each as the service would send it, and every two compared."""
    with reading(url) as (_, connection):
        source = reader.sources(connection)[0]
        rows: dict[int | None, Any] = {row["id"]: row for row in reader.snapshots(connection, source["id"])}
        shown = {
            each: "".join(estate.as_json(connection, estate.find(connection, (), str(each), None))) for each in ids
        }
        diffs = {}
        for one, other in ((one, other) for one in (None, *ids) for other in ids):
            between = step(connection, source, rows.get(one), rows[other])
            # What happened in between, and why a job is gone, is what the snapshots that are left say.
            diffs[one, other] = replace(compare(between, Selection()), times={}, reverted=[], gone={})
    return shown, diffs


def stored(url: str) -> dict[str, int]:
    """Count the rows of history."""
    with reading(url) as (_, connection):
        return {
            each.name: connection.execute(select(func.count()).select_from(each)).scalar_one() for each in HISTORIES
        }


def check_views(url: str, diffs: dict[tuple[int | None, int], SourceDiff]) -> None:
    """The view `changes` has the steps between snapshots that are left, each row once; NAME_as_of has them alone."""
    ids = left(url)
    with reading(url) as (_, connection):
        query = text("SELECT snapshot_id, table_name, action, job_id, key FROM changes")
        found: dict[int, list[Any]] = defaultdict(list)
        for snapshot_id, *change, key in connection.execute(query):
            named = json.loads(key) if isinstance(key, str) else key
            found[snapshot_id].append((*change, sorted(named.items())))
        for before, after in zip((None, *ids), ids, strict=False):
            told = [(c.table, c.action, c.job_id, sorted(c.key.items())) for c in diffs[before, after].changes()]
            assert sorted(found.pop(after, []), key=repr) == sorted(told, key=repr), (before, after)
        assert not found
        for entity in ENTITIES:
            view = table(f"{entity.name}_as_of", column("snapshot_id"))
            counted = select(view.c.snapshot_id, func.count()).group_by(view.c.snapshot_id)
            rows = {each: len(reader.rows_at(connection, entity, 1, each)) for each in ids}
            assert dict(tuple(row) for row in connection.execute(counted)) == {k: n for k, n in rows.items() if n}


def check_digests(url: str) -> None:
    """What is left gives its digests again, and the chain runs on through what was pruned."""
    with reading(url) as (_, connection):
        previous = None
        for row in reader.snapshots(connection, 1):
            assert row["previous_digest"] == previous
            columns = {name: value for name, value in row.items() if name != "source"}
            assert snapshot_digest(previous, row["content_digest"], columns) == row["digest"]
            previous = row["digest"]
            if row["pruned_at"] is None:
                proofs = recomputed(connection, row["id"])
                assert content_digest((job, proof[0]) for job, proof in proofs.items()) == row["content_digest"]
                beside = reader.rows_at(connection, JOB_DIGESTS, 1, row["id"])
                assert {job: tuple(proof) for job, *proof in beside} == proofs


def recomputed(connection: Connection, snapshot_id: int) -> dict[str, tuple[str, bytes]]:
    jobs = defaultdict(list)
    for entity in ENTITIES:
        for row in reader.rows_at(connection, entity, 1, snapshot_id):
            jobs[row[0]].append((entity, row))
    proofs = {job_id: digest_job(rows) for job_id, rows in jobs.items()}
    return {job_id: (proof.digest, proof.fingerprints) for job_id, proof in proofs.items()}


def check_references(run: Pruner) -> None:
    """A REF means what is left, and one to what is gone says so."""
    for command in (("show", "--snapshot", "5"), ("diff", "5", "8"), ("diff", "1", "9")):
        refused = run(*command, code=1)
        assert "were pruned" in refused.stderr
        assert "`inventory snapshots`" in refused.stderr
    assert run("show", "--snapshot", "latest~1").stdout == run("show", "--snapshot", "10").stdout
    assert run("show", "--snapshot", "latest~2").stdout == run("show", "--snapshot", "8").stdout
    assert run("diff", "latest~3", "latest~2").stdout == run("diff", "1", "8").stdout
    listed = run("snapshots").stdout.splitlines()[1:]
    assert [int(line.split()[0]) for line in listed if "complete, pruned" not in line] == KEPT
    assert len(listed) == NIGHTS - 1


def check_closed(database: str) -> None:
    """History is append-only again."""
    with open_store(normal_url(database), write=True) as store:
        with store.reading() as connection:
            assert not connection.execute(select(MAINTENANCE.c.pruning)).scalar_one()
        for statement in ("DELETE FROM jobs_history", "UPDATE snapshots SET pruned_at = NULL"):
            with pytest.raises(DBAPIError), store.engine.begin() as connection:
                connection.execute(text(statement))


def test_what_is_left_stays_exactly_as_it_was(run: Pruner, database: str, undisturbed: list[str]) -> None:
    assert left(database) == list(range(1, NIGHTS))  # export never prunes, whatever the configuration keeps
    for flags, kept in (((), KEPT), (("--keep-daily", "1", "--keep-weekly", "2"), [8, 11])):
        before, rows, table_rows = seen(database, kept), snapshots(database), stored(database)
        told = run("prune", *flags, "--dry-run").stdout
        assert (snapshots(database), stored(database)) == (rows, table_rows)
        done = run("prune", *flags).stdout
        assert left(database) == kept
        still = stored(database)
        gone = {name: count - still[name] for name, count in table_rows.items()}
        for output in (told, done):
            assert f"  {counted(sum(gone.values()), 'history row')} in total\n" in output
            assert all(f"- {name}: {counted(count, 'row')}\n" in output for name, count in gone.items() if count)
            assert output.count("UTC\n") == sum(row["pruned_at"] is None for row in rows) - len(kept)
        assert sum(gone.values()) > 20
        assert seen(database, kept) == before
        check_views(database, before[1])
        check_digests(database)
        if kept == KEPT:
            check_references(run)
            check_closed(database)
        assert "nothing to prune" in run("prune", *flags).stdout
    run("export", nights=NIGHTS)  # of which eleven are there already, pruned or not
    assert left(database) == [8, 11, 12]
    check_views(database, seen(database, [8, 11, 12])[1])
    check_digests(database)
    assert [row["content_digest"] for row in snapshots(database)] == undisturbed


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)  # what is chosen is the same on both
def test_an_age(run: Pruner, database: str) -> None:
    run("prune", "--older-than", "2026-11-04", *KEEP)
    assert left(database) == [1, *range(4, NIGHTS)]
    run("prune", "--older-than", "2026-11-09")
    assert left(database) == [9, 10, 11]
    run("prune", "--older-than", "2030-01-01")
    assert left(database) == [11]
    check_digests(database)


def test_what_is_asked_wrongly(inventory: Command, tmp_path: Path) -> None:
    for flags in ((), ("--keep-daily", "0"), ("--older-than", "9m"), ("--keep-weekly", "-1")):
        refused = inventory("--database", "sqlite:///none.db", "prune", *flags)
        assert refused.returncode == 64, refused.stderr
        assert "--" in refused.stderr
    assert inventory("--database", "sqlite:///none.db", "prune", "--keep-daily", "1").returncode == 1
    assert not (tmp_path / "none.db").exists()


def test_a_source_that_is_busy_waits_for_another_time(recorded: Path, tmp_path: Path, inventory: Command) -> None:
    replay = json.dumps([str(recorded / f"n{night}") for night in range(3)])
    (tmp_path / "c.yaml").write_text(f"sources: [{{name: a, replay: {replay}}}, {{name: b, replay: {replay}}}]\n")
    command = ("--config", "c.yaml", "--database", "sqlite:///x.db")
    assert inventory(*command, "export").returncode == 0
    with open_store("sqlite:///x.db", write=True) as store, source_lock(store, "a", 0, Stop()):
        done = inventory(*command, "prune", "--keep-daily", "1")
        assert done.returncode == 75
        assert done.stderr.startswith("error: a: another run is using the source a")
        assert "b: pruned 2 snapshots, kept 1\n" in done.stdout
        assert inventory(*command, "prune", "--keep-daily", "1", "--source", "b").returncode == 0
        assert inventory(*command, "prune", "--keep-daily", "1", "--source", "c").returncode == 64
        with store.reading() as connection:
            pruned = {
                source["name"]: sum(row["pruned_at"] is not None for row in reader.snapshots(connection, source["id"]))
                for source in reader.sources(connection)
            }
    assert pruned == {"a": 0, "b": 2}


def test_a_file_gets_smaller(recorded: Path, tmp_path: Path, inventory: Command) -> None:
    path, command = (
        tmp_path / "x.db",
        ("--config", str(recorded / f"{NIGHTS - 1}.yaml"), "--database", "sqlite:///x.db"),
    )
    assert inventory(*command, "export").returncode == 0
    whole = path.stat().st_size
    done = inventory(*command, "prune", "--no-vacuum")
    assert path.stat().st_size == whole
    assert f"file size: {byte_size(whole)}, unchanged; " in done.stdout
    with contextlib.closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN")
        other.execute("SELECT count(*) FROM jobs").fetchall()
        done = inventory(*command, "prune")
        assert (done.returncode, path.stat().st_size) == (0, whole)
        assert "warning: the space was not returned to the system: database is locked. Run it again" in done.stderr
    done = inventory(*command, "prune")
    assert path.stat().st_size < whole
    assert f"file size: {byte_size(path.stat().st_size)}, was {byte_size(whole)}\n" in done.stdout
    assert inventory(*command, "-q", "prune").stdout == ""
    assert [each.name for each in tmp_path.iterdir()] == ["x.db"]


def test_a_server_s_tables_can_use_the_room_again(recorded: Path, postgresql: str, inventory: Command) -> None:
    command = ("--config", str(recorded / f"{NIGHTS - 1}.yaml"), "--database", postgresql)
    assert inventory(*command, "db", "upgrade").returncode == 0
    assert inventory(*command, "export").returncode == 0
    before = sum(stored(postgresql).values())
    done = inventory(*command, "prune")
    assert done.returncode == 0, done.stderr
    assert sum(stored(postgresql).values()) < before
    assert re.search(r"^PostgreSQL can reuse about [1-9][0-9.]* KiB$", done.stdout, re.MULTILINE)
    query = text("SELECT reltuples FROM pg_class WHERE oid = CAST('jobs_history' AS regclass)")
    with reading(postgresql) as (_, connection):  # which is what VACUUM and ANALYZE write down
        assert connection.execute(query).scalar_one() == stored(postgresql)["jobs_history"]


@contextlib.contextmanager
def held_up(url: str, path: Path) -> Iterator[Callable[[], bool]]:
    """Keep `prune` from ending its transaction; yield what tells that it got so far."""
    if url.startswith("sqlite"):
        statements = (
            "CREATE VIEW numbers AS WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT i FROM n",
            "CREATE TABLE waste (i)",
            "CREATE TRIGGER slow AFTER UPDATE ON snapshots BEGIN INSERT INTO waste SELECT sum(i) FROM numbers; END",
        )
        with contextlib.closing(sqlite3.connect(path)) as file, file:
            for statement in statements:
                file.execute(statement)
        yield Path(f"{path}-journal").exists
        with contextlib.closing(sqlite3.connect(path)) as file, file:
            for kind, name in (("TRIGGER", "slow"), ("TABLE", "waste"), ("VIEW", "numbers")):
                file.execute(f"DROP {kind} {name}")
        return
    with open_store(normal_url(url), write=True) as store, store.engine.connect() as other, other.begin():
        other.execute(text("SELECT 1 FROM snapshots WHERE id = 5 FOR UPDATE"))
        waits = text(
            "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND query LIKE 'UPDATE snap%'"
        )
        with store.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as watching:
            yield lambda: watching.execute(waits).scalar_one() == 1


class Killer:
    """Starts `prune`, as a process of its own that may be killed, on a database with eleven nights in it."""

    def __init__(self, database: str, recorded: Path, run: Pruner) -> None:
        self.database = database
        self.run = run
        config = str(recorded / f"{NIGHTS - 1}.yaml")
        self.words = ("--config", config, "--database", database, "prune", "--lock-timeout", "30")
        self.before = stored(database), snapshots(database)

    def start(self, *flags: str) -> subprocess.Popen[str]:
        return started(*self.words, *flags, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    def is_untouched(self) -> bool:
        return (stored(self.database), snapshots(self.database)) == self.before

    def completes(self) -> None:
        """Check that the next one prunes what is left to prune."""
        self.run("prune", "--lock-timeout", "30")
        assert left(self.database) == KEPT
        assert "nothing to prune" in self.run("prune").stdout
        check_digests(self.database)


@pytest.fixture
def killer(database: str, recorded: Path, run: Pruner) -> Killer:
    return Killer(database, recorded, run)


def test_a_prune_that_is_killed_in_its_transaction_leaves_all(killer: Killer, tmp_path: Path) -> None:
    with held_up(killer.database, tmp_path / "inventory.db") as so_far, killer.start() as process:
        until = time.monotonic() + 60
        while not so_far() and time.monotonic() < until:
            time.sleep(0.02)
        got_so_far = so_far()
        process.kill()
        process.wait()
    assert got_so_far
    assert killer.is_untouched()
    killer.completes()


@pytest.mark.soak
def test_a_prune_that_is_killed_leaves_all_or_nothing(killer: Killer, dice: random.Random) -> None:
    """At any moment: at the end of the transaction, in VACUUM."""
    began = time.monotonic()
    with killer.start("--dry-run") as process:
        assert process.wait(60) == 0
    took = time.monotonic() - began
    for _ in range(3):
        with killer.start() as process:
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(took * dice.uniform(0.8, 1.3))
            process.kill()
        assert killer.is_untouched() or left(killer.database) == KEPT
        check_digests(killer.database)
    killer.completes()
