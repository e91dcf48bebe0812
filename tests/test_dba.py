"""What a DBA needs who runs the SQL himself: scripts, a stamp, GRANT statements, and rights that are named."""

import json
import os
import sqlite3
import subprocess
from pathlib import Path

import psycopg
import pytest

from inventory.schema import REVISION
from tests.conftest import COMMAND, ROOT, Command, ran
from tests.next_version import NEXT, NextVersion

CONFIG = str(ROOT / "samples/inventory.yaml")
empty = pytest.mark.empty_database


def dialect_of(url: str) -> str:
    return url.partition(":")[0]


def run_script(url: str, sql: str) -> None:
    """Run a script as its readers would, with the database's own client library."""
    if url.startswith("sqlite"):
        connection = sqlite3.connect(url.removeprefix("sqlite:///"))
        connection.executescript(sql)
        connection.close()
    else:
        with psycopg.connect(url, autocommit=True) as server:
            server.execute(sql.encode())


def failed(*words: str, code: int = 1) -> str:
    """Run a command that must fail; return what it says."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run([*COMMAND, *words], capture_output=True, text=True, check=False, env=environment)
    assert done.returncode == code, done
    assert "Traceback" not in done.stderr
    return done.stdout + done.stderr


def check(url: str) -> None:
    assert ran("--database", url, "db", "current").strip() == REVISION
    assert ran("--database", url, "db", "check") == "The database is as declared.\n"


@empty
def test_the_schema_s_sql_leaves_a_known_database(database: str) -> None:
    run_script(database, ran("schema", "--format", "sql", "--dialect", dialect_of(database)))
    check(database)
    assert "already" in ran("--database", database, "db", "upgrade")
    ran("--config", CONFIG, "--database", database, "export")
    ran("--database", database, "prune", "--older-than", "2030-01-01")
    ran("--database", database, "verify")


@empty
@pytest.mark.parametrize("given", [True, False])
def test_the_sql_of_an_upgrade_makes_a_new_database(database: str, given: bool) -> None:
    words = ("--dialect", dialect_of(database)) if given else ()
    sql = ran("--database", database, "db", "upgrade", "--sql", *words)
    if database.startswith("sqlite"):
        assert not Path(database.removeprefix("sqlite:///")).exists()
    assert sql.startswith(f"-- inventory: from an empty database to revision {REVISION}.")
    run_script(database, sql)
    check(database)
    assert "already" in ran("--database", database, "db", "upgrade")


@empty
def test_the_sql_of_an_upgrade_from_the_revision_before(database: str, next_version: NextVersion) -> None:
    ran("--database", database, "db", "upgrade")
    ran("--config", CONFIG, "--database", database, "export")
    if not database.startswith("sqlite"):
        run_script(database, "COMMENT ON TABLE jobs IS 'another'; GRANT SELECT ON tags_as_of TO PUBLIC")
    sql = next_version.ran("--database", database, "db", "upgrade", "--sql")
    check_unchanged = ran("--database", database, "db", "current").strip()
    assert check_unchanged == REVISION
    run_script(database, sql)
    assert next_version.ran("--database", database, "db", "current").strip() == NEXT
    assert next_version.ran("--database", database, "db", "check") == "The database is as declared.\n"
    assert "as declared" in next_version.ran("--database", database, "db", "upgrade", "--sql")
    next_version.ran("--database", database, "verify")
    next_version.ran("--database", database, "show", "--snapshot", "1")
    if not database.startswith("sqlite"):
        with psycopg.connect(database) as server:
            granted = "SELECT has_table_privilege('public', 'tags_as_of', 'SELECT')"
            assert server.execute(granted).fetchone() == (True,)
        with pytest.raises(psycopg.Error, match=f"the database is not at revision {REVISION}"):
            run_script(database, sql)  # twice
    with pytest.raises((psycopg.Error, sqlite3.Error)):
        run_script(database, sql)


def test_the_sql_of_an_upgrade_makes_views_anew(database: str) -> None:
    run_script(database, "DROP VIEW freshness;")
    sql = ran("--database", database, "db", "upgrade", "--sql")
    assert "CREATE TABLE" not in sql
    run_script(database, sql)
    check(database)


def test_the_sql_of_an_upgrade_of_a_schema_of_its_own(postgresql: str, tmp_path: Path) -> None:
    run_script(postgresql, 'DROP SCHEMA public CASCADE; CREATE SCHEMA public; CREATE SCHEMA "Its ""own"')
    own = f'{postgresql}&options=-csearch_path%3D"Its%5C ""own"'
    ran("--database", own, "db", "upgrade", "--sql", "-o", str(tmp_path / "upgrade.sql"))
    run_script(postgresql, (tmp_path / "upgrade.sql").read_text())  # whose search_path is another
    assert ran("--database", own, "db", "current").strip() == REVISION
    assert "none" in ran("--database", postgresql, "db", "current")


def test_a_dialect_goes_with_sql(database: str) -> None:
    assert "--sql" in failed("--database", database, "db", "upgrade", "--dialect", "sqlite", code=64)


def test_tables_without_a_revision_are_stamped(database: str, inventory: Command) -> None:
    words = ("--database", database, "db")
    assert "is recorded already" in ran(*words, "stamp")
    run_script(database, "DROP TABLE alembic_version;")
    assert "the tables exist but no revision is recorded. Run `inventory db stamp`" in failed(*words, "upgrade")
    assert "Run `inventory db stamp`" in failed(*words, "upgrade", "--sql")
    assert "would be recorded" in ran(*words, "stamp", "--dry-run")
    assert ran(*words, "current").startswith("none")
    document = json.loads(ran(*words, "stamp", "--json"))
    assert (document["revision"], document["recorded"], document["differences"]) == (REVISION, True, [])
    check(database)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ("DROP VIEW freshness", "the view freshness is missing"),
        ("DROP TABLE served_jobs", "the table served_jobs is missing"),
        ("ALTER TABLE snapshots DROP COLUMN run_id", "the column snapshots.run_id is missing"),
        ("DELETE FROM maintenance", "the row of the table maintenance is missing"),
    ],
)
def test_a_stamp_checks_first(database: str, change: str, said: str) -> None:
    run_script(database, f"DROP TABLE alembic_version; {change};")
    for option in ("--dry-run", "--json"):
        assert said in failed("--database", database, "db", "stamp", option)
    told = failed("--database", database, "db", "stamp")
    assert said in told
    assert "was not recorded" in told
    assert ran("--database", database, "db", "current").startswith("none")


@empty
def test_a_stamp_needs_tables(database: str, next_version: NextVersion) -> None:
    if database.startswith("sqlite"):
        run_script(database, "CREATE TABLE another (id integer)")
    assert "Run `inventory db upgrade`" in failed("--database", database, "db", "stamp")
    next_version.ran("--database", database, "db", "upgrade")
    assert "install that version" in failed("--database", database, "db", "stamp")
