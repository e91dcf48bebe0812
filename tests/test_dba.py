"""What a DBA needs who runs the SQL himself: scripts, a stamp, GRANT statements, and rights that are named."""

import json
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from sqlalchemy import make_url

from inventory.config.load import normal_url
from inventory.schema import REVISION
from tests.conftest import ROOT, Command, here, ran
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


ALL_SCHEMAS = "SET search_path = public, public_internal"


def on_all_tables(url: str, statement: str) -> str:
    """Let a statement see the internal tables too, as our own sessions do."""
    return statement if url.startswith("sqlite") else f"{ALL_SCHEMAS}; {statement}"


def failed(*words: str, code: int = 1) -> str:
    """Run a command that must fail; return what it says."""
    done = here(*words)
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
        ("DROP TABLE internal_served_jobs", "the table internal_served_jobs is missing"),
        ("ALTER TABLE snapshots DROP COLUMN run_id", "the column snapshots.run_id is missing"),
        ("DELETE FROM internal_maintenance", "the row of the table internal_maintenance is missing"),
    ],
)
def test_a_stamp_checks_first(database: str, change: str, said: str) -> None:
    run_script(database, on_all_tables(database, f"DROP TABLE alembic_version; {change};"))
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


Roles = dict[str, str]


@pytest.fixture
def roles(postgresql: str) -> Iterator[Roles]:
    """URLs of four users without any right, one for each role, with names that must be quoted."""
    name = make_url(postgresql).database
    users = {role: f'{role}-"{name}"' for role in ("owner", "writer", "reader", "viewer")}
    quoted = [f'"{user.replace(chr(34), chr(34) * 2)}"' for user in users.values()]
    run_script(postgresql, f"REVOKE ALL ON SCHEMA public FROM PUBLIC; REVOKE ALL ON DATABASE {name} FROM PUBLIC")
    for user in quoted:
        run_script(postgresql, f"CREATE ROLE {user} LOGIN")
    url = make_url(normal_url(postgresql))
    yield {
        role: url.set(username=user).render_as_string(hide_password=False).replace("+psycopg", "")
        for role, user in users.items()
    }
    for user in quoted:
        run_script(postgresql, f"REASSIGN OWNED BY {user} TO postgres; DROP OWNED BY {user}; DROP ROLE {user}")


def grant(postgresql: str, roles: Roles, role: str) -> str:
    name = make_url(normal_url(roles[role])).username
    sql = ran("--database", postgresql, "db", "grants", "--role", role, "--to", str(name))
    run_script(postgresql, sql)
    return sql


def may(url: str, *statements: str) -> list[bool]:
    """Tell which statements a user may run; none of them stays."""
    found = []
    for statement in statements:
        with psycopg.connect(url) as connection:
            try:
                connection.execute(ALL_SCHEMAS)
                connection.execute(statement.encode())
                found.append(True)
            except (psycopg.errors.InsufficientPrivilege, psycopg.errors.UndefinedTable):  # of a schema it may not use
                found.append(False)
            except psycopg.Error:  # a trigger, or a key
                found.append(True)
            connection.rollback()
    return found


WRITES = (
    "INSERT INTO tags_history SELECT * FROM tags_history",
    "UPDATE sources SET name = name",
    "DELETE FROM jobs_history",
    "DELETE FROM internal_served_jobs",
    "UPDATE internal_maintenance SET pruning = true",
    "UPDATE alembic_version SET version_num = ''",
    "CREATE TABLE another (id integer)",
    "CREATE TEMPORARY TABLE another (id integer)",
    "DROP VIEW freshness",
    "TRUNCATE tags",
    "SELECT nextval('sources_id_seq')",
)


def test_a_reader_reads_and_writes_nothing(postgresql: str, roles: Roles) -> None:
    ran("--config", CONFIG, "--database", postgresql, "export")
    grant(postgresql, roles, "reader")
    for words in (["show"], ["diff"], ["snapshots"], ["verify"], ["db", "check"], ["sources", "list"]):
        assert ran("--database", roles["reader"], *words) == ran("--database", postgresql, *words).replace(
            "postgres@", ""
        )
    assert may(roles["reader"], *WRITES) == [False] * len(WRITES)
    assert may(roles["reader"], "SELECT * FROM freshness", "SELECT * FROM changes") == [True, True]
    assert may(roles["reader"], "SELECT * FROM internal_served_jobs") == [False]
    told = failed("--config", CONFIG, "--database", roles["reader"], "export")
    assert "lacks rights: missing" in told
    assert "`inventory db grants --role writer --to 'reader-" in told


def test_a_viewer_sees_views_and_what_explains_them(postgresql: str, roles: Roles) -> None:
    ran("--config", CONFIG, "--database", postgresql, "export")
    grant(postgresql, roles, "viewer")
    listed = (
        "SELECT relname, relkind = 'v', has_table_privilege(oid, 'SELECT') AND"
        " has_schema_privilege(relnamespace, 'USAGE') FROM pg_class WHERE relkind IN ('r', 'v')"
        " AND relnamespace IN (to_regnamespace('public'), to_regnamespace('public_internal'))"
    )
    with psycopg.connect(roles["viewer"]) as connection:
        found = {name: (is_view, may_read) for name, is_view, may_read in connection.execute(listed.encode())}
        assert connection.execute("SELECT count(*) FROM tasks").fetchone() == (12,)
        assert connection.execute("SELECT count(*) FROM changes").fetchone() != (0,)
    tables = {name for name, (is_view, may_read) in found.items() if may_read and not is_view}
    assert tables == {"snapshot_counts", "calendar", "enum_values", "dictionary"}
    assert all(may_read for is_view, may_read in found.values() if is_view)
    assert may(roles["viewer"], *WRITES) == [False] * len(WRITES)
    assert may(roles["viewer"], "SELECT * FROM jobs", "SELECT * FROM internal_signatures") == [False, False]


def test_a_writer_exports_prunes_and_retires(postgresql: str, roles: Roles) -> None:
    grant(postgresql, roles, "writer")
    words = ("--config", CONFIG, "--database", roles["writer"])
    for _ in range(2):
        ran(*words, "export")
    assert "may read and write" in ran(*words, "doctor")
    ran(*words, "plan")
    ran(*words, "sources", "rename", "sample", "other")
    ran(*words, "prune", "--older-than", "2030-01-01")
    ran(*words, "sources", "retire", "other", "--yes")
    ran(*words, "verify")
    allowed = may(roles["writer"], *WRITES)
    assert dict(zip(WRITES, allowed, strict=True)) == dict.fromkeys(WRITES, True) | dict.fromkeys(
        ("UPDATE alembic_version SET version_num = ''", "CREATE TABLE another (id integer)", "DROP VIEW freshness",
         "TRUNCATE tags"), False,
    )  # fmt: skip


@empty
def test_an_owner_makes_and_upgrades(postgresql: str, roles: Roles, next_version: NextVersion) -> None:
    told = failed("--database", roles["owner"], "db", "upgrade")
    assert "missing CONNECT on the database. Grants needed: `inventory db grants" in told
    url = make_url(postgresql)
    run_script(postgresql, f"GRANT CONNECT ON DATABASE {url.database} TO PUBLIC")
    told = failed("--database", roles["owner"], "db", "upgrade")
    assert "lacks USAGE on schema public" in told
    run_script(postgresql, "GRANT USAGE ON SCHEMA public TO PUBLIC")
    told = failed("--database", roles["owner"], "db", "upgrade")
    assert "missing CREATE on schema public and 1 more right. Grants needed: `inventory db grants --role owner" in told
    run_script(postgresql, "GRANT CREATE ON SCHEMA public TO PUBLIC")
    told = failed("--database", roles["owner"], "db", "upgrade")
    assert f"missing CREATE on database {url.database}. Grants needed: `inventory db grants --role owner" in told
    assert 'CREATE SCHEMA "public_internal" AUTHORIZATION' in grant(postgresql, roles, "owner")
    ran("--database", roles["owner"], "db", "upgrade")
    next_version.ran("--database", roles["owner"], "db", "upgrade")
    assert "as declared" in next_version.ran("--database", roles["owner"], "db", "check")


@empty
def test_an_owner_who_may_make_schemas_makes_that_of_the_internal_tables(postgresql: str, roles: Roles) -> None:
    name = f'"owner-""{make_url(postgresql).database}"""'
    run_script(postgresql, f"GRANT ALL ON SCHEMA public TO {name}")
    run_script(postgresql, f"GRANT ALL ON DATABASE {make_url(postgresql).database} TO {name}")
    ran("--database", roles["owner"], "db", "upgrade")
    assert ran("--database", roles["owner"], "db", "check") == "The database is as declared.\n"
    run_script(postgresql, "ALTER SCHEMA public_internal OWNER TO postgres")
    told = failed("--config", CONFIG, "--database", roles["owner"], "export")
    assert "missing USAGE on schema public_internal" in told


def test_a_reader_who_may_not_use_the_internal_schema(postgresql: str, roles: Roles) -> None:
    grant(postgresql, roles, "reader")
    run_script(postgresql, f'REVOKE USAGE ON SCHEMA public_internal FROM "reader-""{make_url(postgresql).database}"""')
    ran("--database", roles["reader"], "snapshots")
    told = failed("--database", roles["reader"], "verify")
    assert "missing USAGE on schema public_internal. Grants needed: `inventory db grants --role reader" in told


INTERNAL = ["internal_job_digests", "internal_job_digests_history", "internal_maintenance", "internal_served_jobs",
            "internal_signatures"]  # fmt: skip


def test_internal_tables_are_not_among_the_analysts(postgresql: str) -> None:
    with psycopg.connect(postgresql) as server:
        query = "SELECT tablename FROM pg_tables WHERE schemaname = %s ORDER BY 1"
        seen, hidden = ([name for (name,) in server.execute(query, (s,))] for s in ("public", "public_internal"))
        assert hidden == INTERNAL
        assert "jobs" in seen
        assert not [name for name in seen if name.startswith("internal")]
        assert server.execute("SELECT to_regclass('internal_signatures')").fetchone() == (None,)
        with pytest.raises(psycopg.Error, match="history is append-only"):
            server.execute("DELETE FROM jobs_history")  # its trigger finds the internal table all the same


@empty
def test_two_installations_in_one_database(postgresql: str) -> None:
    run_script(postgresql, 'CREATE SCHEMA north; CREATE SCHEMA "South ""2"""')
    urls = [f"{postgresql}&options=-csearch_path%3D{path}" for path in ("north", '"South%5C ""2"""')]
    for exports, url in enumerate(urls, 1):
        ran("--database", url, "db", "upgrade")
        for at in range(exports):
            ran("--config", CONFIG, "--database", url, "export")
            ran("--database", url, "sources", "rename", "sample", f"sample-{at}")
    for exports, url in enumerate(urls, 1):
        check(url)
        ran("--database", url, "verify")
        assert len(ran("--database", url, "snapshots", "--json").split('"digest"')) == 1 + 2 * exports
    with psycopg.connect(postgresql) as server:
        query = "SELECT schemaname, count(*) FROM pg_tables WHERE tablename LIKE 'internal%' GROUP BY 1 ORDER BY 1"
        assert server.execute(query).fetchall() == [('South "2"_internal', 5), ("north_internal", 5)]


@empty
def test_a_schema_whose_name_is_too_long_is_refused(postgresql: str) -> None:
    name = "n" * 55
    run_script(postgresql, f"CREATE SCHEMA {name}")
    told = failed("--database", f"{postgresql}&options=-csearch_path%3D{name}", "db", "upgrade")
    assert f"the name of the schema is longer than 54 bytes: {name}" in told


@empty
@pytest.mark.parametrize("shared", [True, False])
def test_a_downgrade_drops_the_internal_schema_unless_others_use_it(postgresql: str, shared: bool) -> None:
    ran("--database", postgresql, "db", "upgrade")
    if shared:
        run_script(postgresql, "CREATE TABLE public_internal.another (id integer)")
    ran("--database", postgresql, "db", "downgrade", "base", "--yes")
    with psycopg.connect(postgresql) as server:
        query = "SELECT count(*) FROM pg_namespace WHERE nspname = 'public_internal'"
        assert server.execute(query).fetchone() == (int(shared),)
    ran("--database", postgresql, "db", "upgrade")
    check(postgresql)


def test_an_owner_takes_over_tables(postgresql: str, roles: Roles, next_version: NextVersion) -> None:
    grant(postgresql, roles, "writer")
    told = next_version.ran("--database", roles["writer"], "db", "upgrade", code=1)
    assert "lacks rights: missing" in told
    assert "`inventory db grants --role owner --to 'writer-" in told
    grant(postgresql, roles, "owner")
    next_version.ran("--database", roles["owner"], "db", "upgrade")
    assert may(roles["writer"], "SELECT * FROM disks") == [False]
    assert "--role writer" in failed_next(next_version, roles["writer"])


def failed_next(next_version: NextVersion, url: str) -> str:
    return next_version.ran("--config", CONFIG, "--database", url, "export", code=1)


RIGHTS = {
    "USAGE ON SEQUENCE sources_id_seq": "missing USAGE on sequence sources_id_seq.",
    "INSERT ON snapshots": "missing INSERT on table snapshots.",
    "SELECT ON alembic_version": "missing SELECT on table alembic_version.",
}


@pytest.mark.parametrize("right", RIGHTS)
def test_a_missing_right_is_named(postgresql: str, roles: Roles, right: str) -> None:
    grant(postgresql, roles, "writer")
    name = f'writer-"{make_url(postgresql).database}"'.replace('"', '""')
    run_script(postgresql, f'REVOKE {right} FROM "{name}"')
    told = failed("--config", CONFIG, "--database", roles["writer"], "export")
    assert RIGHTS[right] in told
    assert "Grants needed: `inventory db grants --role writer --to" in told
    assert "permission denied" not in told


def test_a_writer_may_not_vacuum(postgresql: str, roles: Roles) -> None:
    grant(postgresql, roles, "writer")
    for url, is_warned in ((roles["writer"], True), (postgresql, False)):
        words = ("--config", CONFIG, "--database", url)
        run_script(postgresql, "UPDATE sources SET name = name || '-' || id")
        ran(*words, "export")
        done = here(*words, "prune", "--older-than", "2030-01-01")
        assert done.returncode == 0, done
        assert "pruned 1 snapshot" in done.stdout
        assert ("VACUUM was not done: the user writer" in done.stderr) == is_warned
        assert ("The owner (postgres)" in done.stderr) == is_warned
        assert ("PostgreSQL can reuse" in done.stdout) != is_warned


def test_grants_are_for_postgresql(tmp_path: Path) -> None:
    told = failed("--database", "sqlite:///x.db", "db", "grants", "--role", "reader", "--to", "x", code=64)
    assert "SQLite" in told


@empty
def test_grants_need_tables_and_a_name(postgresql: str) -> None:
    words = ("--database", postgresql, "db", "grants", "--to")
    assert "Run `inventory db upgrade`" in failed(*words, "x", "--role", "reader")
    assert "1 to 63 bytes" in failed(*words, "x" * 64, "--role", "owner", code=64)
    assert "1 to 63 bytes" in failed(*words, "", "--role", "owner", code=64)
