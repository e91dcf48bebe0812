"""`query`: reports and plain SELECTs on both databases, as of any day, and nothing that could be changed."""

import csv
import io
import json
import re
import shlex
import shutil
import signal
import sqlite3
import subprocess
import textwrap
import time
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import openpyxl
import pytest

from inventory.report.checks.rule import Rules
from inventory.report.library import Library, Report, value_of
from inventory.report.relations import relations
from inventory.report.statement import Statement
from inventory.schema import BY_NAME
from inventory.schema.kinds import rfc3339
from tests.conftest import ROOT, copied, here, ran, started
from tests.duck import duck, duck_rows
from tests.nights import opened
from tests.reporting import DAYS, NOW, REPORTED, export_night

Row = dict[str, Any]
REPORTS = Library().reports
LOOKED_AT = (3, 5, 7)  # days that are asked for again on the last one
AT = ("--param", f"now={NOW}")


@dataclass
class Estate:
    """The databases after the last night, and SQLite's after each night."""

    sqlite: str
    postgresql: str
    after: dict[int, str]


@pytest.fixture(scope="module")
def estate(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Estate]:
    folder = tmp_path_factory.mktemp("reporting")
    file = folder / "inventory.db"
    shutil.copy(request.getfixturevalue("sqlite_template"), file)
    after = {}
    with opened(f"sqlite:///{file}") as store:
        for day in range(1, 11):
            export_night(store, folder, day)
            if day in LOOKED_AT:
                shutil.copy(file, folder / f"after-{day}.db")
                after[day] = f"sqlite:///{folder}/after-{day}.db"
    server, like = (request.getfixturevalue(f"postgresql_{each}") for each in ("server", "template"))
    with copied(server, like) as url:
        with opened(url) as store:
            for day in range(1, 11):
                export_night(store, folder, day)
        yield Estate(f"sqlite:///{file}", url, after)


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest, estate: Estate) -> str:
    return str(getattr(estate, request.param))


def asked(url: str, *words: str) -> Row:
    document: Row = json.loads(ran("--database", url, "query", "--json", *words))
    return document


def rows(url: str, *words: str) -> list[Row]:
    found: list[Row] = asked(url, "--limit", "0", *words)["rows"]
    return found


def refused(url: str, *words: str, code: int = 64) -> str:
    done = here("--database", url, "query", *words)
    assert done.returncode == code, done
    assert "Traceback" not in done.stderr
    assert done.stdout == ""
    return done.stderr


def report_of(name: str) -> Report:
    return REPORTS[name]


@pytest.mark.parametrize("name", sorted(REPORTS))
def test_a_report_is_alike_on_both_databases(estate: Estate, name: str) -> None:
    volatile = {"observed_age_seconds", "finished_at", "digest"}  # each database was exported to on its own
    found = [
        [{key: value for key, value in row.items() if key not in volatile} for row in rows(each, "--report", name, *AT)]
        for each in (estate.sqlite, estate.postgresql)
    ]
    assert found[0] == found[1]
    if name in ("checks", "check-runs"):  # none was run; tests/test_report.py has some
        return
    assert found[0]
    columns = {each.name: each.kind for each in report_of(name).columns}
    assert list(found[0][0]) == [each for each in columns if each not in volatile]
    for row in found[0]:
        for key, value in row.items():
            if value is not None:
                wanted = {"integer": int, "boolean": bool}.get(columns[key], str)
                assert type(value) is wanted, (key, value)
    keys = [tuple(row[each.split()[0]] for each in report_of(name).order) for row in found[0]]
    assert len(set(keys)) == len(keys)
    if name in REPORTED:
        assert {row["job_id"] for row in found[0]} == REPORTED[name]


@pytest.mark.parametrize("day", LOOKED_AT)
def test_a_day_is_what_the_database_was_then(estate: Estate, day: int) -> None:
    date = f"2026-11-{day:02}"
    for name in sorted(REPORTS.keys() - {"freshness"}):
        then = rows(estate.after[day], "--report", name, *AT)
        for url in (estate.sqlite, estate.postgresql) if name != "digests" else (estate.sqlite,):  # see above
            assert rows(url, "--report", name, "--day", date, *AT) == then, name


def test_every_relation_is_what_it_was_then(estate: Estate) -> None:
    same_always = {"internal_maintenance", "internal_served_jobs", "internal_signatures", "alembic_version"}
    for name, columns in relations("sqlite").items():
        if name in same_always or name == "freshness":
            continue
        wanted = sorted(column for column in columns if column != "finished_at")
        query = f"SELECT {', '.join(wanted)} FROM {name} ORDER BY {', '.join(wanted)}"
        assert rows(estate.sqlite, query, "--day", "2026-11-05") == rows(estate.after[5], query), name


def test_the_scope_of_a_source_is_what_it_would_be_alone(estate: Estate, url: str) -> None:
    for name in sorted(REPORTS.keys() - {"shared-object", "freshness"}):
        whole = rows(url, "--report", name, *AT)
        north = rows(url, "--report", name, "--source", "north", *AT)
        assert north == [row for row in whole if row["source"] == "north"], name
    assert rows(url, "SELECT count(*) AS n FROM sources", "--source", "south") == [{"n": 1}]
    assert rows(url, "--report", "shared-object", "--source", "south", *AT) == []


def test_a_report_is_a_table_in_any_query(url: str) -> None:
    query = (
        "SELECT f.owner, count(*) AS n FROM report.failed AS f JOIN report.churn c ON c.source = f.source GROUP BY 1"
    )
    assert rows(url, query + " ORDER BY 1", *AT) == [{"owner": "alice", "n": 10}, {"owner": "bob", "n": 10}]
    own = "WITH mine AS (SELECT job_id FROM report.failed) SELECT job_id FROM mine WHERE job_id LIKE 'n-f%'"
    assert rows(url, own) == [{"job_id": "n-failed"}]
    assert rows(url, "SELECT job_id FROM report.failed", "--day", "2026-11-03") == []


def test_types_are_alike_on_both_databases(url: str) -> None:
    query = (
        "SELECT s.name, p.is_current, p.status = 'CREATING' AS is_creating, max(n.observed_to) AS at, count(*) AS n,"
        " avg(2) AS two, sum(n.jobs) AS jobs, NULL AS none, d.day"
        " FROM jobs_periods p JOIN sources s ON s.id = p.source_id JOIN snapshots n ON n.id = p.valid_from"
        " JOIN days d ON d.snapshot_id = n.id WHERE p.id = 'n-writable' GROUP BY 1, 2, 3, d.day"
    )
    assert rows(url, query) == [
        {
            "name": "north", "is_current": True, "is_creating": True, "at": "2026-11-01T01:00:00.000000Z", "n": 1,
            "two": 2, "jobs": 15, "none": None, "day": "2026-11-01",
        }
    ]  # fmt: skip
    key = "SELECT key FROM changes WHERE job_id = 's-gone' AND table_name = 'tags' AND action = 'create'"
    assert rows(url, key) == [{"key": {"job_id": "s-gone", "key": "owner", "occurrence": 0}}]


def test_parameters(url: str) -> None:
    query = "SELECT count(*) AS n FROM tasks WHERE age_days > :days AND (:owner IS NULL OR owner = :owner)"
    assert rows(url, query, "--param", "days=5", "--param", "owner=bob") == [{"n": 1}]
    assert rows(url, query, "--param", "days=5", "--param", "owner=NULL")[0]["n"] > 3
    hostile = "x' OR 1 = 1 --"
    assert rows(url, query, "--param", "days=5", "--param", f"owner={hostile}") == [{"n": 0}]
    assert "the parameter owner has no value. Give --param owner=VALUE" in refused(url, query, "--param", "days=5")
    assert "the query has no parameter :dais" in refused(url, query, "--param", "dais=5")
    told = refused(url, "--report", "idle", "--param", "dys=5")
    assert "the report idle has no parameter 'dys'. Did you mean 'days'? It has: days" in told
    assert "--param days=soon: a whole number is needed" in refused(url, "--report", "idle", "--param", "days=soon")
    told = refused(url, "--report", "changed", "--param", "action=updated")
    assert "--param action=updated: 'updated' is not a value of it. Did you mean 'update'?" in told
    assert "The values are create, update, delete, and NULL" in told
    assert "is not a value" in refused(url, "--report", "changed", "--param", "action=")
    named = [len(rows(url, "--report", "changed", "--param", f"action={each}", *AT)) for each in ("'create'", "NULL")]
    assert 0 < named[0] < named[1]
    late = rows(url, "--report", "gone", "--param", "since=2026-11-07", *AT)
    assert late == []
    soon = rows(url, "--report", "expiring", "--param", "until=+5d", *AT)
    assert soon == []


@pytest.mark.parametrize(
    "sql",
    [
        "DELETE FROM jobs",
        "UPDATE jobs SET name = 'x'",
        "DROP TABLE jobs",
        "CREATE TABLE x (i INTEGER)",
        "PRAGMA user_version = 5",
        "ATTACH 'other.db' AS other",
        "VACUUM",
        "SELECT 1; SELECT 2",
        "SELECT 1; DROP TABLE jobs",
        "WITH gone AS (DELETE FROM jobs RETURNING *) SELECT * FROM gone",
        "SELECT * INTO x FROM jobs",
        "EXPLAIN SELECT 1",
        "SELECT 1 FOR UPDATE",
        "COMMIT",
        "",
        "-- nothing",
        "SELEC 1",
        "SELECT load_extension('x')",
        "SELECT * FROM pragma_table_info('jobs')",
        "COPY jobs TO '/tmp/x'",
        "SET ROLE postgres",
        "SELECT '" + "(" * 5000,
        "SELECT " + "(" * 5000 + "1" + ")" * 5000,
    ],
)
def test_what_is_not_one_harmless_select_is_refused(estate: Estate, url: str, sql: str, tmp_path: Path) -> None:
    done = here("--database", url, "query", "--", sql)
    assert done.returncode in (1, 64), done
    assert done.stderr.startswith("error: ")
    assert "Traceback" not in done.stderr
    assert not list(tmp_path.iterdir())
    assert rows(url, "SELECT count(*) AS n FROM jobs") == [{"n": 18}]


@pytest.mark.parametrize(
    "call",
    [
        "pg_try_advisory_lock(1)",
        "pg_advisory_lock(1)",
        "pg_catalog.pg_sleep(1)",
        '"pg_sleep"(1)',
        "PG_SLEEP(1)",
        "pg_read_file('/etc/passwd')",
        "pg_ls_dir('.')",
        "lo_import('/etc/passwd')",
        "set_config('role', 'postgres', false)",
        "pg_terminate_backend(1)",
        "query_to_xml('select pg_sleep(1)', true, true, '')",
        "pg_notify('a', 'b')",
    ],
)
def test_a_function_that_acts_is_refused_by_name(estate: Estate, call: str) -> None:
    name = call.partition("(")[0].lower().removeprefix("pg_catalog.").strip('"')
    for sql in (f"SELECT {call}", f"SELECT * FROM jobs WHERE ({call}) IS NULL", f"SELECT * FROM {call} AS f"):
        assert f"the query calls {name}, which does more than read" in refused(estate.postgresql, sql)


def test_a_superuser_is_none_here(estate: Estate) -> None:
    assert rows(estate.postgresql, "SELECT current_user AS me, count(*) AS n FROM jobs") == [
        {"me": "pg_read_all_data", "n": 18}
    ]


def test_limits(estate: Estate, url: str) -> None:
    done = here("--database", url, "query", "--limit", "2", "SELECT id FROM jobs ORDER BY id")
    assert done.stdout.split() == ["id", "n-child", "n-ended"]
    assert done.stderr == "2 of 18 rows; --limit 0 shows all\n"
    document = asked(url, "--limit", "2", "SELECT id FROM jobs ORDER BY id")
    assert (len(document["rows"]), document["truncated"]) == (2, True)
    assert asked(url, "SELECT id FROM jobs")["truncated"] is False
    endless = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT sum(i) FROM n"
    assert "took longer than 0.2 seconds. Narrow it, or raise --timeout" in refused(
        url, "--timeout", "0.2", endless, code=1
    )
    many = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT i FROM n"
    done = here("--database", url, "query", "--timeout", "0.5", "--limit", "1", many)
    assert done.returncode == 1
    assert "took longer than 0.5 seconds" in done.stderr
    if "sqlite" in url:
        assert "a value is longer than 16 MiB" in refused(url, "SELECT zeroblob(900000000)", code=1)


def test_errors_name_what_is_near(url: str) -> None:
    assert "Did you mean 'status'?" in refused(url, "SELECT statsu FROM jobs", code=1)
    assert "Did you mean 'jobs'?" in refused(url, "SELECT * FROM jbos", code=1)
    assert "there is no report 'faild'. Did you mean 'failed'?" in refused(url, "--report", "faild")
    assert "Did you mean 'failed'?" in refused(url, "SELECT * FROM report.faild")
    assert "give one SELECT, or --report NAME" in refused(url)
    assert "--day and --snapshot exclude each other" in refused(
        url, "--day", "2026-11-01", "--snapshot", "1", "SELECT 1"
    )
    assert "no source has a snapshot 2020-01-01" in refused(url, "--day", "2020-01-01", "SELECT 1", code=1)
    assert "is not a day" in refused(url, "--day", "yesterday", "SELECT 1")


def test_csv_holds_no_formula(url: str) -> None:
    text_of = ran(
        "--database", url, "query", "--format", "csv", "SELECT id, failed_reason, -1 AS minus FROM jobs ORDER BY 1"
    )
    found = list(csv.reader(io.StringIO(text_of, newline="")))
    assert found[0] == ["id", "failed_reason", "minus"]
    assert ["n-failed", "\t=cmd|' /C calc'!A0", "-1"] in found
    assert len(found) == 19


def test_a_workbook_holds_no_formula(url: str, tmp_path: Path) -> None:
    ids = "('n-failed', 'n-writable')"
    query = f"SELECT id, failed_reason, is_target_readonly, 12 AS n FROM jobs WHERE id IN {ids} ORDER BY 1"
    ran("--database", url, "query", "--format", "xlsx", "-o", "x.xlsx", query)
    sheet = openpyxl.load_workbook(tmp_path / "x.xlsx")["result"]
    assert [cell.data_type for cell in sheet[2]] == ["s", "s", "n", "n"]
    assert [[cell.value for cell in row] for row in sheet.rows] == [
        ["id", "failed_reason", "is_target_readonly", "n"],
        ["n-failed", "=cmd|' /C calc'!A0", None, 12],
        ["n-writable", None, False, 12],
    ]


def test_markdown_and_the_table_hold_no_markup(url: str) -> None:
    query = "SELECT id, description, status = 'x' AS b FROM jobs WHERE description IS NOT NULL"
    assert ran("--database", url, "query", "--format", "markdown", query).splitlines() == [
        "| `id` | `description` | `b` |", "| --- | --- | --- |", "| `n-plain` | ``<b>\\|`\\u202e`` | false |",
    ]  # fmt: skip
    assert "\u202e" not in ran("--database", url, "query", query)
    assert "\\u202e" in ran("--database", url, "query", query)


def test_json_lines(url: str) -> None:
    lines = ran(
        "--database", url, "query", "--format", "jsonl", "SELECT id, parent_id FROM jobs ORDER BY id"
    ).splitlines()
    assert len(lines) == 18
    assert json.loads(lines[0]) == {"id": "n-child", "parent_id": "n-plain"}


def test_names_that_stand_twice(url: str) -> None:
    assert rows(url, "SELECT a.id, b.id FROM jobs a JOIN jobs b ON b.id = a.parent_id WHERE a.id = 'n-child'") == [
        {"id": "n-child", "id_2": "n-plain"}
    ]


def test_a_file_and_reports_of_one_s_own(estate: Estate, tmp_path: Path) -> None:
    (tmp_path / "one.sql").write_text("-- one\nSELECT count(*) AS n FROM jobs;\n")
    assert rows(estate.sqlite, "one.sql") == [{"n": 18}]
    assert "the file two.sql cannot be read: No such file" in refused(estate.sqlite, "two.sql")
    (tmp_path / "mine").mkdir()
    head = "-- name: mine\n-- title: T\n-- question: Q?\n-- column: n integer (jobs): How many\n-- order: n\n"
    (tmp_path / "mine" / "a.sql").write_text(f"{head}SELECT count(*) AS n FROM jobs")
    (tmp_path / "inventory.yaml").write_text("sources: [{name: s, replay: x}]\nreports: [mine]\n")
    assert rows(estate.sqlite, "--report", "mine") == [{"n": 18}]
    assert "mine " in ran("--database", estate.sqlite, "query", "--list")
    assert ran("--database", estate.sqlite, "query", "--report", "mine", "--show").startswith(head)
    (tmp_path / "mine" / "b.sql").write_text(head.replace("order: n", "order: m") + "SELECT 1 AS n")
    assert "b.sql, line 5: order: there is no column 'm'" in refused(estate.sqlite, "--report", "mine")
    (tmp_path / "mine" / "b.sql").write_text(head.replace("integer", "whole") + "SELECT 1 AS n")
    assert "b.sql, line 4: a column is" in refused(estate.sqlite, "--report", "mine")
    for wrong in ("integer (1, 2) = 1: N", "text (a, b) = c: N"):
        (tmp_path / "mine" / "b.sql").write_text(f"-- param: m {wrong}\n{head}SELECT 1 AS n")
        assert "b.sql, line 1: only a text has a list of values" in refused(estate.sqlite, "--report", "mine")
    (tmp_path / "mine" / "b.sql").write_text(f"{head}SELECT 1 AS n")
    assert "the report mine is in mine/a.sql too" in refused(estate.sqlite, "--report", "mine")


def test_the_plan_of_a_query(url: str) -> None:
    told = ran("--database", url, "query", "--explain", "SELECT * FROM jobs WHERE source_id = 1 AND id = 'x'")
    assert "jobs" in told
    assert "SCAN jobs" not in told.splitlines()


def test_of_a_day_sqlite_reads_a_table_as_it_lies(estate: Estate) -> None:
    """By its key it takes three times as long; of one source out of many it is still read by its key."""
    words = ("query", "--explain", "--day", "2026-11-06", "SELECT count(*) FROM object_infos")
    told = ran("--database", estate.sqlite, *words)
    assert re.search(r"SCAN (main\.)?object_infos$", told, re.MULTILINE), told
    told = ran("--database", estate.sqlite, *words, "--source", "north")
    assert re.search(r"SEARCH (main\.)?object_infos USING INDEX", told), told


@pytest.mark.parametrize(
    ("query", "columns"),
    [
        ("SELECT * FROM tags", 7),
        ("SELECT t.* FROM tags t", 7),
        ("SELECT count(*) AS n FROM jobs NATURAL JOIN tags", 1),
        ("SELECT count(*) AS n FROM tags", 1),
        ("SELECT max(VALUE) AS v, count(t.occurrence) AS n FROM Tags t", 2),
        ("SELECT count(*) AS n FROM tags JOIN (SELECT job_id, key FROM tags) u USING (job_id, key)", 1),
        ("WITH x AS (SELECT * FROM tags) SELECT count(value) AS n FROM x", 1),
        ("SELECT count(*) AS n FROM jobs WHERE id IN (SELECT job_id FROM tags WHERE value <> '')", 1),
    ],
)
def test_of_a_day_a_query_has_the_columns_that_it_takes(estate: Estate, query: str, columns: int) -> None:
    """On SQLite others are left out, which PostgreSQL does by itself."""
    ours, theirs = (rows(url, query, "--day", "2026-11-06") for url in (estate.sqlite, estate.postgresql))
    assert ours and sorted(map(str, ours)) == sorted(map(str, theirs))
    assert {len(row) for row in ours} == {columns}


def test_a_table_behind_in_is_refused(url: str) -> None:
    """SQLite takes it, and would read the table of now, whatever day is asked for."""
    done = here("--database", url, "query", "SELECT count(*) FROM jobs WHERE id IN tags")
    assert (done.returncode, done.stdout) == (64, "")
    assert "IN tags names a table without a SELECT. Write: IN (SELECT … FROM tags)" in done.stderr


def test_secrets_seen_knows_every_secret_column() -> None:
    secret = {field.name for field in BY_NAME["endpoints"].fields if field.api.secret}
    assert secret == {each for each in secret if f"'{each}' AS column_name" in report_of("secrets-seen").sql}
    others = {entity.name for entity in BY_NAME.values() for field in entity.fields if field.api.secret}
    assert others == {"endpoints"}


def test_a_reader_s_file_is_not_written_to(estate: Estate, tmp_path: Path) -> None:
    file = tmp_path / "copy.db"
    shutil.copy(estate.sqlite.removeprefix("sqlite:///"), file)
    before = file.read_bytes()
    rows(f"sqlite:///{file}", "--report", "failed", "--day", "2026-11-05")
    assert file.read_bytes() == before
    with closing(sqlite3.connect(file)) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)


def test_each_day_of_a_missed_night_has_the_last_one_known(url: str) -> None:
    found = rows(url, "SELECT source, snapshot_id, is_missed FROM days WHERE day = '2026-11-05' ORDER BY 1")
    assert [(row["source"], row["is_missed"]) for row in found] == [("north", False), ("south", True)]
    assert 5 not in DAYS["south"]


QUESTIONS = (ROOT / "docs" / "questions.md").read_text()
BLOCKS = re.findall(r"^(\d+)\. \*\*(?:(?!^\d+\.).)*?```(sh|sql)\n(.*?)```", QUESTIONS, re.DOTALL | re.MULTILINE)


def test_each_question_is_in_the_document() -> None:
    assert [int(number) for number, *_ in BLOCKS] == list(range(1, 29))
    joins = QUESTIONS.partition("## Three joins")[2].partition("##")[0]
    assert len(re.findall(r"question \d+", joins, re.IGNORECASE)) == 3


@pytest.mark.parametrize("number", range(1, 29))
def test_each_question_has_its_answer_on_both_databases(estate: Estate, number: int) -> None:
    _, kind, block = BLOCKS[number - 1]
    if kind == "sh":
        (line,) = block.strip().splitlines()
        program, command, *words = shlex.split(line)
        assert (program, command) == ("inventory", "query")
    else:
        words = [textwrap.dedent(block)]
    found = [rows(url, *words, *AT) for url in (estate.sqlite, estate.postgresql)]
    assert found[0] == found[1]
    assert found[0], "the estate of the tests has an answer to each question"


def test_the_report_of_the_document_is_one(estate: Estate, tmp_path: Path) -> None:
    (block,) = re.findall(r"```sql .*\n(-- name: big\n.*?)```", QUESTIONS, re.DOTALL)
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "big.sql").write_text(block)
    (tmp_path / "inventory.yaml").write_text("sources: [{name: s, replay: x}]\nreports: [mine]\n")
    assert rows(estate.sqlite, "--report", "big", "--param", "objects=10") == [
        {"source": "south", "job_id": "s-count", "objects": 10}
    ]


@pytest.mark.parametrize("table", ["tasks", "TASKS", "Tasks", "{schema}.tasks", "{schema}.TASKS"])
def test_a_scope_knows_a_table_however_it_is_written(estate: Estate, url: str, table: str) -> None:
    name = table.format(schema="main" if "sqlite" in url else "public")
    query = f"SELECT count(*) AS n FROM {name} WHERE is_failed"
    assert rows(url, query, "--day", "2026-11-02") == [{"n": 0}]
    assert rows(url, query) == [{"n": 1}]
    assert rows(url, f"SELECT count(*) AS n FROM {name}", "--source", "south") == [{"n": 3}]
    assert rows(url, "SELECT count(*) AS n FROM REPORT.Failed", "--day", "2026-11-05") == [{"n": 1}]


def test_sums_of_truths_are_numbers(url: str) -> None:
    truth = "CASE WHEN is_failed THEN 1 ELSE 0 END" if "postgresql" in url else "is_failed"
    query = f"SELECT source, sum({truth}) AS failed, max({truth}) + 0 AS any FROM tasks GROUP BY source ORDER BY source"
    assert rows(url, query) == [
        {"source": "north", "failed": 1, "any": 1}, {"source": "south", "failed": 0, "any": 0},
    ]  # fmt: skip


def test_times_compare_as_moments(url: str) -> None:
    for at in ("2026-11-10T01:00:00Z", "2026-11-10T01:00Z", "2026-11-10 01:00:00+00:00", "2026-11-10T09:00:00+08:00"):
        for operator, found in (("=", 2), (">=", 2), (">", 0), ("<", 17)):
            query = f"SELECT count(*) AS n FROM snapshots WHERE observed_to {operator} '{at}'"
            assert rows(url, query) == [{"n": found}], query
    assert rows(url, "SELECT count(*) AS n FROM snapshots WHERE observed_to > '2026-11-09 23:00:00+00:00'") == [
        {"n": 2}
    ]


def test_the_present_of_a_day_is_its_end(url: str) -> None:
    found = rows(url, "--report", "changed", "--param", "since=1d", "--day", "2026-11-04")
    changed = {(row["job_id"], row["after"]) for row in found if row["column_name"] == "status"}
    assert changed == {("n-failed", "INCRE_TRANSFER_FAILED")}
    soon = ("--report", "expiring", "--param")
    assert rows(url, *soon, "until=10d", "--day", "2026-11-01") == []
    assert [row["job_id"] for row in rows(url, *soon, "until=30d", "--day", "2026-11-01")] == ["n-order"]


def test_values_that_json_lacks(url: str) -> None:
    infinite = "SELECT 1e400 AS q" if "sqlite" in url else "SELECT 'infinity'::double precision AS q"
    assert rows(url, infinite) == [{"q": "Infinity"}]
    if "postgresql" in url:
        assert "the query failed: timestamp too large" in refused(url, "SELECT 'infinity'::timestamptz AS a", code=1)


@pytest.mark.parametrize(
    "sql",
    [
        'SELECT "nmae" FROM jobs',
        'SELECT 1 AS n FROM jobs j WHERE j.status = "nmae"',
        'WITH a AS (SELECT name FROM jobs) SELECT "nmae" FROM a',
        'SELECT "nmae" FROM report.failed',
        'SELECT name FROM main.jobs ORDER BY lower("nmae")',
    ],
)
def test_a_slip_in_double_quotes_is_no_text(estate: Estate, sql: str) -> None:
    told = refused(estate.sqlite, sql)
    assert "there is no column \"nmae\" in the query. Did you mean 'name'? A text stands in single quotes" in told
    unknown = refused(estate.sqlite, 'SELECT "nmae" FROM jobz', code=1)
    assert "no such table: jobz. Did you mean 'jobs'?" in unknown
    assert "nmae" in refused(estate.postgresql, sql.replace("main.", ""), code=1)


@pytest.mark.parametrize(
    "sql",
    [
        'SELECT "NAME", j."status", "rowid" > 0 AS "my name" FROM "jobs" "j" ORDER BY "my name", "name"',
        'WITH a("x") AS (SELECT 1), b AS (SELECT x AS "y" FROM a) SELECT "x", "y" FROM a, b',
        'SELECT "count(*)" FROM (SELECT count(*) FROM jobs)',
        'SELECT "column1" FROM (VALUES (1))',
        'SELECT "type" FROM sqlite_master LIMIT 1',
        'SELECT "job_id", count(*) AS "n" FROM report.failed GROUP BY "job_id" HAVING "n" > 0',
        'SELECT name FROM jobs ORDER BY name COLLATE "NOCASE"',
        'SELECT sum("n") OVER "w" AS s FROM (SELECT 1 AS n) WINDOW "w" AS (PARTITION BY "n")',
    ],
)
def test_names_in_double_quotes(estate: Estate, sql: str) -> None:
    assert rows(estate.sqlite, sql)


def test_small_mistakes(url: str, tmp_path: Path) -> None:
    assert "'failed' is no SELECT but a report. Give --report failed" in refused(url, "failed")
    assert "a time of the day: HH:MM is needed" in refused(url, "--report", "speed-limits", "--param", "at=noon")
    assert [row["job_id"] for row in rows(url, "--report", "speed-limits", "--param", "at=4:30")] == ["n-filters"]
    assert "x.xlsx would be no workbook. Give --format xlsx" in refused(url, "-o", "x.xlsx", "SELECT 1")
    (tmp_path / "bom.sql").write_text("\ufeffSELECT 1 AS n")
    assert rows(url, "bom.sql") == [{"n": 1}]
    done = here(
        "--database", url, "query", "-q", "--limit", "1", "--format", "csv", "-o", "x.csv", "SELECT id FROM jobs"
    )
    assert done.stderr == "1 of 18 rows; --limit 0 shows all\n"
    header = ran("--database", url, "query", "--format", "csv", "SELECT count(*) FROM jobs", "--day", "2026-11-05")
    assert header.splitlines()[0] == ("count(*)" if "sqlite" in url else "count")


def test_ctrl_c_is_no_time_out(estate: Estate) -> None:
    endless = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT sum(i) FROM n"
    for url in (estate.sqlite, estate.postgresql):
        with started("--database", url, "query", "--timeout", "60", endless, stderr=subprocess.PIPE) as run:
            began = time.monotonic()
            while run.poll() is None and time.monotonic() < began + 50:  # it may come while nothing can be stopped yet
                time.sleep(1)
                run.send_signal(signal.SIGINT)
            assert "stopped" in run.communicate(timeout=30)[1]


def as_in_duckdb(value: Any) -> Any:
    """Return a value as both spell it: over SQLite DuckDB gives truths as 0 and 1."""
    if isinstance(value, datetime):
        return rfc3339(value if value.tzinfo else value.replace(tzinfo=UTC))
    if isinstance(value, bool | float) and value == int(value):
        return int(value)
    return str(value) if isinstance(value, date) else value


def test_every_report_and_rule_is_alike_in_duckdb(estate: Estate) -> None:
    """Over SQLite and over PostgreSQL; but for the ages of `freshness`, which SQLite alone can compute."""
    now = datetime.fromisoformat(NOW)
    asked = {
        **{name: (report.sql, report.values({}, now)) for name, report in REPORTS.items() if name != "freshness"},
        **{rule.id: (rule.sql, {each.name: (each.kind, value_of(each.name, each.kind, str(each.default), now))
                                for each in rule.parameters}) for rule in Rules().choose(())},
    }  # fmt: skip
    with (
        closing(sqlite3.connect(estate.sqlite.removeprefix("sqlite:///"))) as file,
        duck(estate.sqlite) as over_sqlite, duck(estate.postgresql) as over_postgresql,
    ):  # fmt: skip
        for name, (sql, values) in asked.items():
            query = Statement.read(sql, "sqlite").with_values({**values, "now": ("time", now)}).sql()
            whole = f"({query}) AS found"
            rows_of = [
                file.execute(query).fetchall(),
                duck_rows(over_sqlite, "*", whole),
                duck_rows(over_postgresql, "*", whole),
            ]
            found = [sorted((tuple(map(as_in_duckdb, row)) for row in each), key=repr) for each in rows_of]
            assert found[0] == found[1], name
            if name not in ("digests", "checks"):  # what each database has of its own
                assert found[0] == found[2], name
