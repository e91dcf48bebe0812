"""PostgreSQL as people run it: settings, encodings, poolers, rights, other applications, and servers that go away."""

import contextlib
import io
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest
from sqlalchemy import make_url, text

from inventory.cli import main
from inventory.common.cancellation import Stop
from inventory.common.errors import StoppedError, StoreError
from inventory.config.load import normal_url
from inventory.schema import REVISION
from inventory.store.engine import Store, open_store
from inventory.store.lock import source_lock
from inventory.store.writer import SourceRow, open_writer
from tests.conftest import ROOT, ran
from tests.live import Export
from tests.next_version import NextVersion

CONFIG = str(ROOT / "samples/inventory.yaml")
empty = pytest.mark.empty_database


def run(url: str, *statements: str) -> list[tuple[Any, ...]]:
    """Run statements, each in a transaction of its own; return what the last brings."""
    with psycopg.connect(url, autocommit=True) as connection:
        for statement in statements:
            cursor = connection.execute(statement)
        return cursor.fetchall() if cursor.description else []


def name_of(url: str) -> str:
    return str(make_url(url).database)


def failed(*words: str, code: int = 1) -> str:
    """Run a command that must fail; return all that it wrote."""
    out = io.StringIO()
    with contextlib.redirect_stderr(out), contextlib.redirect_stdout(out), pytest.raises(SystemExit) as ended:
        main(list(words))
    assert ended.value.code == code, (words, out.getvalue())
    assert "Traceback" not in out.getvalue()
    return out.getvalue()


HOSTILE = {
    "datestyle": "'SQL, DMY'",
    "standard_conforming_strings": "off",
    "timezone": "'Asia/Kathmandu'",
    "bytea_output": "escape",
    "intervalstyle": "'iso_8601'",
    "transform_null_equals": "on",
    "quote_all_identifiers": "on",
    "default_transaction_isolation": "serializable",
    "client_encoding": "LATIN1",
    "statement_timeout": "'200ms'",
    "lock_timeout": "1",
    "idle_in_transaction_session_timeout": "1",
}
ONE_BY_ONE = {
    "German": {"datestyle": "German"},
    "backslashes": {"standard_conforming_strings": "off", "escape_string_warning": "on"},
    "all": HOSTILE,
}


@empty
@pytest.mark.parametrize("case", ONE_BY_ONE)
def test_settings_of_the_database_change_nothing(postgresql: str, case: str) -> None:
    for setting, value in ONE_BY_ONE[case].items():
        run(postgresql, f"ALTER DATABASE {name_of(postgresql)} SET {setting} = {value}")
    ran("--database", postgresql, "db", "upgrade")
    ran("--config", CONFIG, "--database", postgresql, "export")
    ran("--database", postgresql, "verify")
    ran("--database", postgresql, "db", "check")
    digests = [line.split()[-1] for line in ran("--database", postgresql, "snapshots").splitlines()]
    ran("--config", CONFIG, "--database", "sqlite:///plain.db", "export")
    with (
        open_store(normal_url(postgresql), write=False) as server,
        open_store("sqlite:///plain.db", write=False) as file,
    ):
        stored = [content(store) for store in (server, file)]
    assert stored[0] == stored[1], digests
    assert ran("--database", postgresql, "diff") == ran("--database", "sqlite:///plain.db", "diff")


def content(store: Store) -> list[str]:
    with store.reading() as connection:
        return list(connection.execute(text("SELECT content_digest FROM snapshots ORDER BY id")).scalars())


@empty
@pytest.mark.parametrize(
    ("variable", "value"),
    [("PGDATESTYLE", "German"), ("PGCLIENTENCODING", "SQL_ASCII"), ("PGCLIENTENCODING", "nonsense"),
     ("PGTZ", "Asia/Kathmandu"), ("PGOPTIONS", "-c standard_conforming_strings=off -c datestyle=SQL")],
)  # fmt: skip
def test_variables_of_the_environment_change_nothing(
    postgresql: str, monkeypatch: pytest.MonkeyPatch, variable: str, value: str
) -> None:
    monkeypatch.setenv(variable, value)
    ran("--database", postgresql, "db", "upgrade")
    ran("--config", CONFIG, "--database", postgresql, "export")
    ran("--database", postgresql, "verify")


@pytest.mark.parametrize("encoding", ["SQL_ASCII", "LATIN1"])
def test_an_encoding_that_cannot_hold_the_data(postgresql: str, encoding: str) -> None:
    name = f"test_{uuid.uuid4().hex}"
    run(postgresql, f"CREATE DATABASE {name} ENCODING '{encoding}' LC_COLLATE 'C' LC_CTYPE 'C' TEMPLATE template0")
    url = postgresql.replace(name_of(postgresql), name)
    for words in (["db", "upgrade"], ["--config", CONFIG, "export"], ["--config", CONFIG, "doctor"]):
        told = failed("--database", url, *words)
        assert f"encoded in {encoding}" in told
        assert "ENCODING 'UTF8'" in told
    assert run(url, "SELECT count(*) FROM pg_class WHERE relname = 'sources'") == [(0,)]


def test_a_database_that_only_may_be_read(postgresql: str) -> None:
    ran("--database", postgresql, "db", "upgrade")
    ran("--config", CONFIG, "--database", postgresql, "export")
    run(postgresql, f"ALTER DATABASE {name_of(postgresql)} SET default_transaction_read_only = on")
    for words in (["export"], ["doctor"]):
        assert "default_transaction_read_only is on" in failed("--config", CONFIG, "--database", postgresql, *words)
    ran("--database", postgresql, "snapshots")


def test_connections_that_wait_are_not_ended(postgresql: str) -> None:
    ran("--database", postgresql, "db", "upgrade")
    known = {name for (name,) in run(postgresql, "SELECT name FROM pg_settings")}
    for setting in {"idle_session_timeout", "idle_in_transaction_session_timeout", "transaction_timeout"} & known:
        run(postgresql, f"ALTER DATABASE {name_of(postgresql)} SET {setting} = '100ms'")
    with open_store(normal_url(postgresql), write=True) as store:
        with source_lock(store, "s", 0, Stop()) as lock, open_writer(store, SourceRow("s", None, None)) as writer:
            time.sleep(0.5)
            assert writer.base.jobs == set()
            writer.staging.add("jobs", [])
            lock.check()
        with store.reading() as connection:
            connection.execute(text("SELECT 1"))
            time.sleep(0.5)
            connection.execute(text("SELECT 1"))


@empty
def test_another_application_s_revision(database: str) -> None:
    with open_store(normal_url(database), write=True) as store, store.writing() as connection:
        connection.exec_driver_sql("CREATE TABLE alembic_version (version_num varchar(32) PRIMARY KEY)")
        connection.exec_driver_sql("INSERT INTO alembic_version VALUES ('e5aa2b7f5d4c')")
    for words in (["db", "upgrade"], ["snapshots"], ["db", "check"], ["--config", CONFIG, "doctor"]):
        told = failed("--database", database, *words)
        assert "alembic_version holds e5aa2b7f5d4c" in told
        assert "another application's" in told
    with open_store(normal_url(database), write=True) as store, store.writing() as connection:
        connection.exec_driver_sql("UPDATE alembic_version SET version_num = '0001'")  # as many number theirs
    assert "another application's" in failed("--database", database, "db", "upgrade")


@empty
def test_tables_of_these_names(database: str) -> None:
    with open_store(normal_url(database), write=True) as store, store.writing() as connection:
        connection.exec_driver_sql("CREATE TABLE tags (id integer)")
        connection.exec_driver_sql("CREATE VIEW freshness AS SELECT 1 AS age")
    told = failed("--database", database, "db", "upgrade")
    assert "names already (freshness, tags), and no revision is recorded" in told


def test_views_triggers_and_comments_are_made_anew(database: str) -> None:
    """At the right revision too; and rights to a view stay."""
    ran("--database", database, "db", "upgrade")
    statements = ["DROP VIEW freshness"]
    if database.startswith("sqlite"):
        statements += ["DROP TRIGGER tags_history_no_update"]
    else:
        statements += ["ALTER TABLE jobs_history DISABLE TRIGGER ALL", "COMMENT ON COLUMN jobs.name IS 'x'"]
        statements += ["COMMENT ON TABLE jobs IS NULL", "GRANT SELECT ON jobs_as_of TO PUBLIC"]
    with open_store(normal_url(database), write=True) as store, store.writing() as connection:
        for statement in statements:
            connection.exec_driver_sql(statement)
    assert len(failed("--database", database, "db", "check").splitlines()) in (2, 4)
    assert "recreated" in ran("--database", database, "db", "upgrade")
    assert ran("--database", database, "db", "check") == "The database is as declared.\n"
    assert "recreated" not in ran("--database", database, "db", "upgrade")
    with open_store(normal_url(database), write=True) as store, store.reading() as connection:
        if not store.is_sqlite:
            assert connection.execute(text("SELECT has_table_privilege('public', 'jobs_as_of', 'SELECT')")).scalar()


THEIRS = (
    "CREATE TABLE customer (id integer PRIMARY KEY, name varchar(20), at timestamp)",
    "CREATE INDEX customer_name ON customer (lower(name))",
    "CREATE INDEX theirs ON jobs (name)",
    "CREATE INDEX theirs_too ON jobs (lower(name))",
    "CREATE UNIQUE INDEX unique_theirs ON snapshots (digest, id)",
    "ALTER TABLE jobs ADD COLUMN theirs integer",
    "CREATE TABLE notes (job bigint REFERENCES snapshots (id))",
    "CREATE VIEW theirs_all AS SELECT * FROM jobs",
)


def test_what_is_not_ours_is_not_named(database: str) -> None:
    ran("--database", database, "db", "upgrade")
    with open_store(normal_url(database), write=True) as store, store.writing() as connection:
        for statement in THEIRS:
            connection.exec_driver_sql(statement)
        if not store.is_sqlite:
            connection.exec_driver_sql("CREATE TABLE shapes (at point, parts tsvector[])")
            connection.exec_driver_sql("CREATE SCHEMA other CREATE TABLE jobs (id integer)")
    assert ran("--database", database, "db", "check") == "The database is as declared.\n"


OURS = {  # what is done: what is said
    "DROP VIEW freshness": "the view freshness is missing",
    "DROP TABLE internal_served_jobs": "the table internal_served_jobs is missing",
    "ALTER TABLE snapshots DROP COLUMN run_id": "the column snapshots.run_id is missing",
}
OURS_SQLITE = {
    "DROP TRIGGER jobs_history_no_delete": "the trigger jobs_history_no_delete is another",
    "CREATE TRIGGER jobs_history_no_delete BEFORE DELETE ON jobs_history BEGIN SELECT 1; END": "trigger",
    "DROP TRIGGER tags_history_no_update": "the trigger tags_history_no_update is missing",
}
OURS_POSTGRESQL = {
    "ALTER TABLE snapshots ALTER COLUMN tool_version TYPE varchar(20)":
        "the column snapshots.tool_version has the type VARCHAR(20) instead of TEXT",
    "ALTER TABLE snapshots ALTER COLUMN status DROP NOT NULL": "the column snapshots.status may be NULL",
    "ALTER TABLE tags DROP CONSTRAINT tags_pkey": "the primary key of tags is missing",
    "COMMENT ON TABLE jobs IS 'x'": "the comment of the table jobs is another",
    "ALTER TABLE sources DROP CONSTRAINT sources_name_key": "the unique constraint of sources (name) is missing",
    "ALTER TABLE jobs_history DISABLE TRIGGER ALL": "the trigger jobs_history_append_only is missing or disabled",
    "CREATE OR REPLACE FUNCTION refuse_history() RETURNS trigger LANGUAGE plpgsql AS $$BEGIN RETURN NULL; END$$":
        "the function refuse_history is another",
}  # fmt: skip


def test_what_is_ours_is_named_in_words(database: str) -> None:
    ran("--database", database, "db", "upgrade")
    cases = OURS | (OURS_SQLITE if database.startswith("sqlite") else OURS_POSTGRESQL)
    with open_store(normal_url(database), write=True) as store, store.writing() as connection:
        for statement in cases:
            connection.exec_driver_sql(statement)
    told = failed("--database", database, "db", "check")
    assert [said for said in cases.values() if said not in told] == [], told
    assert len(told.splitlines()) == len(set(cases.values()) - {"trigger"}), told
    assert not {"remove_", "add_", "modify_"} & set(told.split())


@empty
@pytest.mark.parametrize("start", ["empty", REVISION])
def test_two_upgrades_at_once(database: str, next_version: NextVersion, start: str) -> None:
    if start != "empty":
        ran("--database", database, "db", "upgrade")
    told: list[str] = []
    words = ("--database", database, "db", "upgrade")
    threads = [threading.Thread(target=lambda: told.append(next_version.ran(*words))) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert sorted("already" in each for each in told) == [False, True, True]
    next_version.ran("--database", database, "db", "check")
    with open_store(normal_url(database), write=True) as store:
        assert store.path is None or len(list(store.path.parent.glob("*.backup"))) == (start != "empty")
        assert store.path is None or not list(store.path.parent.glob("*.lock"))


@contextlib.contextmanager
def used(store: Store) -> Iterator[None]:
    """Another session that uses the tables."""
    with store.connect() as connection, connection.begin():
        if store.is_sqlite:
            connection.execute(text("SELECT count(*) FROM jobs"))
        else:
            connection.execute(text("SET LOCAL application_name = 'monthly report'"))
            connection.execute(text("LOCK TABLE snapshots IN ROW EXCLUSIVE MODE"))
        yield


def test_an_upgrade_behind_another_session(database: str, next_version: NextVersion) -> None:
    ran("--database", database, "db", "upgrade")
    with open_store(normal_url(database), write=False) as store, used(store):
        told = next_version.ran("--database", database, "db", "upgrade", "--lock-timeout", "3", code=1)
        someone = f"pid {os.getpid()} (" if sys.platform == "linux" else "another process"
        what = someone if store.is_sqlite else "sessions that use the tables: pid "
        assert told.count(f"waiting for {what}") == 1
        assert "for longer than 3 seconds" in told
        assert "--lock-timeout" in told
        assert store.is_sqlite or "monthly report (postgres, idle in transaction)" in told.splitlines()[-1]
    assert ran("--database", database, "db", "current").strip() == REVISION
    next_version.ran("--database", database, "db", "upgrade")


def test_a_right_that_is_missing(postgresql: str) -> None:
    ran("--database", postgresql, "db", "upgrade")
    user = f"limited_{name_of(postgresql)}"
    run(postgresql, f"CREATE ROLE {user} LOGIN")
    limited = make_url(normal_url(postgresql)).set(username=user).render_as_string(hide_password=False)
    told = failed("--database", limited, "db", "upgrade")
    assert f"the user {user} lacks rights: missing SELECT on table alembic_version and " in told
    assert f"`inventory db grants --role writer --to {user}`" in told
    run(postgresql, f"DROP ROLE {user}")


class Between:
    """A relay on a port of this machine to the server, which can be away, and can cut a connection in its commit."""

    def __init__(self, url: str) -> None:
        parts = make_url(url)
        self.server = f"{parts.query['host']}/.s.PGSQL.5432"
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        self.url = f"postgresql://postgres@127.0.0.1:{self.port}/{parts.database}"
        self.cuts = 0
        self.came = 0
        self.ends: list[socket.socket] = []
        self.threads: list[threading.Thread] = []

    def close(self) -> None:
        self.leave()
        for end in self.ends:
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
        for thread in self.threads:
            thread.join(10)
        for end in self.ends:
            end.close()

    def start(self, work: Callable[..., None], *what: Any) -> None:
        self.threads.append(threading.Thread(target=work, args=what, daemon=True))
        self.threads[-1].start()

    def leave(self) -> None:
        """Refuse connections from now on."""
        with contextlib.suppress(OSError):
            self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()

    def come(self) -> None:
        self.listener = socket.create_server(("127.0.0.1", self.port))
        self.start(self.run, self.listener)

    def run(self, listener: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while True:
                client = listener.accept()[0]
                self.came += 1
                there = socket.socket(socket.AF_UNIX)
                self.ends += [client, there]
                there.connect(self.server)
                self.start(self.relay, client, there, True)
                self.start(self.relay, there, client, False)

    def relay(self, source: socket.socket, sink: socket.socket, is_client: bool) -> None:
        writes = False
        with contextlib.suppress(OSError):
            while data := source.recv(65536):
                writes = writes or b"UPDATE snapshots" in data
                cut = is_client and writes and self.cuts and b"COMMIT" in data
                if cut:
                    self.cuts -= 1
                    source.shutdown(socket.SHUT_RDWR)  # before there is an answer
                sink.sendall(data)
                if cut:
                    time.sleep(0.5)  # until the server has done it
                    break
        for each in (source, sink):
            with contextlib.suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)


@pytest.fixture
def between(postgresql: str) -> Iterator[Between]:
    relay = Between(postgresql)
    relay.leave()
    relay.come()
    yield relay
    relay.close()


def test_a_commit_whose_answer_was_lost(export: Export, between: Between, postgresql: str) -> None:
    ran("--database", postgresql, "db", "upgrade")
    for night in (1, 2):
        between.cuts = 1
        done = export(database=between.url)
        assert "reading the source once more" in done.stderr
        assert between.cuts == 0
        assert run(postgresql, "SELECT count(*) FROM snapshots") == [(night,)]
        assert f"snapshot {night}" in done.stdout
        export.server.next_night()
    ran("--database", postgresql, "verify")


def test_recordings_that_lose_their_connection(between: Between, postgresql: str) -> None:
    ran("--database", postgresql, "db", "upgrade")
    between.cuts = 1
    said = ran("--config", CONFIG, "--database", between.url, "export")
    assert between.cuts == 0
    assert run(postgresql, "SELECT count(*), count(DISTINCT run_id) FROM snapshots") == [(2, 1)]
    assert "skipped" not in said


def test_a_server_that_is_away_for_a_moment(between: Between) -> None:
    between.leave()
    timer = threading.Timer(1, between.come)
    timer.start()
    with open_store(normal_url(between.url), write=True) as store:
        with pytest.raises(StoreError, match="Connection refused"):
            store.connect()
        with store.with_retry(60, Stop()).connect() as connection:
            assert connection.scalar(text("SELECT 1")) == 1
    timer.join()


def test_whoever_waits_for_a_server_can_be_stopped(between: Between) -> None:
    between.leave()
    stop = Stop()
    timer = threading.Timer(0.5, stop.set)
    timer.start()
    with open_store(normal_url(between.url), write=True) as store, pytest.raises(StoppedError):
        store.with_retry(600, stop).connect()
    timer.join()


def test_what_does_not_pass_is_not_retried(postgresql: str, between: Between) -> None:
    for wrong, said in (("no_such_database", "does not exist"), ("x?user=nobody", 'role "nobody" does not exist')):
        url = between.url.rpartition("/")[0] + f"/{wrong}"
        before = between.came
        with open_store(normal_url(url), write=True) as store, pytest.raises(StoreError, match=said) as refused:
            store.with_retry(600, Stop()).connect()
        assert between.came == before + 1
        assert str(refused.value).startswith("cannot connect to the database postgresql://")
        assert "FATAL" not in str(refused.value)


def test_too_many_connections_are_waited_for(postgresql: str) -> None:
    user = f"one_{name_of(postgresql)}"
    run(postgresql, f"CREATE ROLE {user} LOGIN CONNECTION LIMIT 1")
    url = make_url(normal_url(postgresql)).set(username=user).render_as_string(hide_password=False)
    with open_store(url, write=True) as store:
        first = store.connect()
        timer = threading.Timer(0.5, first.close)
        timer.start()
        with store.with_retry(60, Stop()).connect() as connection:
            assert connection.scalar(text("SELECT 1")) == 1
        timer.join()
    run(postgresql, f"DROP ROLE {user}")


BOUNCER = """
[databases]
* = host={host} port=5432 user=postgres
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = {port}
unix_socket_dir =
auth_type = any
pool_mode = {mode}
{more}
"""
needs_pgbouncer = pytest.mark.skipif(not shutil.which("pgbouncer"), reason="pgbouncer is not installed")


@contextlib.contextmanager
def bouncer(url: str, mode: str, more: str = "") -> Iterator[str]:
    """A PgBouncer before the server; yields the URL through it."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder, "pgbouncer.ini")
        file.write_text(BOUNCER.format(host=make_url(url).query["host"], port=port, mode=mode, more=more))
        Path(folder).chmod(0o755)
        owner = Path(str(make_url(url).query["host"])).owner()  # who alone may enter it
        user = ["-u", owner] if os.geteuid() == 0 else []
        with subprocess.Popen(["pgbouncer", "-q", *user, file], stderr=subprocess.DEVNULL) as process:
            try:
                for _ in range(100):
                    with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port)):
                        break
                    time.sleep(0.1)
                yield f"postgresql://postgres@127.0.0.1:{port}/{name_of(url)}"
            finally:
                process.kill()


@empty
@needs_pgbouncer
@pytest.mark.parametrize("more", ["", "server_round_robin = 1\nmin_pool_size = 3"])
def test_a_pooler_that_gives_each_transaction_a_session(postgresql: str, more: str) -> None:
    with bouncer(postgresql, "transaction", more) as pooled:
        for words in (["db", "upgrade"], ["--config", CONFIG, "export"], ["--config", CONFIG, "doctor"]):
            told = failed("--database", pooled, *words)
            assert "pool_mode = transaction" in told
            assert "pool_mode = session" in told
        ran("--database", postgresql, "db", "upgrade")
        failed("--config", CONFIG, "--database", pooled, "export")
        locks = "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory'"
        assert run(postgresql, locks) == [(0,)]
        with psycopg.connect(pooled.replace("postgresql+psycopg", "postgresql")) as other:  # its pool is as it was
            assert other.execute("SHOW idle_in_transaction_session_timeout").fetchone() == ("0",)
            assert other.execute("SHOW tcp_keepalives_count").fetchone() != ("3",)


@needs_pgbouncer
@pytest.mark.parametrize("more", ["", "default_pool_size = 1"])
def test_a_pooler_that_keeps_the_session(postgresql: str, more: str) -> None:
    ran("--database", postgresql, "db", "upgrade")
    with bouncer(postgresql, "session", more) as pooled:
        if more:  # what an export needs two of
            assert ran("--database", pooled, "db", "current").strip() == REVISION
            return
        for _ in range(2):
            ran("--config", CONFIG, "--database", pooled, "export")
        ran("--database", pooled, "verify")
        assert "ok    database          server" in ran("--config", CONFIG, "--database", pooled, "doctor")
