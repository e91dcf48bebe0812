"""PostgreSQL as people run it: settings, encodings, poolers, rights, other applications, and servers that go away."""

import contextlib
import io
import time
import uuid
from typing import Any

import psycopg
import pytest
from sqlalchemy import make_url, text

from inventory.cli import main
from inventory.config import normal_url
from inventory.stop import Stop
from inventory.store.engine import Store, open_store
from inventory.store.lock import source_lock
from inventory.store.snapshots import SourceRow, open_writer
from tests.conftest import ROOT, ran

CONFIG = str(ROOT / "samples/inventory.yaml")


def run(url: str, *statements: str) -> list[tuple[Any, ...]]:
    """Run statements, each in a transaction of its own; return what the last brings."""
    with psycopg.connect(url, autocommit=True) as connection:
        for statement in statements:
            cursor = connection.execute(statement)  # type: ignore[arg-type]  # no text of others
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
            assert writer.staging.known_jobs() == set()
            writer.staging.add("jobs", [])
            lock.check()
        with store.reading() as connection:
            connection.execute(text("SELECT 1"))
            time.sleep(0.5)
            connection.execute(text("SELECT 1"))
