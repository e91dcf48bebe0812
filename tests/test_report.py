"""`report`: the page says what the queries say, escapes everything, loads nothing, and reads well in a real browser."""

import html
import json
import re
import shlex
import shutil
import uuid
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text

from inventory.config.settings import Source
from inventory.export.flow import export_source
from inventory.render import page as frame
from inventory.render import svg
from inventory.render.report import report as render
from inventory.report.library import Library
from inventory.report.page import REPORTS, Answer, Asked, CheckResult, Page, UnknownRule, gather
from inventory.report.session import ResultColumn
from tests.browser import CHROMIUM, Browser
from tests.conftest import admin_of, here, ran, write_page
from tests.nights import exported, opened, record, running
from tests.reporting import DAYS, NOW, export_night, nights

with_browser = pytest.mark.skipif(CHROMIUM is None, reason="there is no chromium")
WORDS = {
    "Failed": "failed", "Incremental": "incremental", "Full transfer": "full", "Setup": "setup", "Changing": "change",
    "Releasing": "release", "Ended": "ended",
}  # fmt: skip
WAIVED = "the network is our own <b>"
CHECKED = (4, 10)  # days on which two rules are checked
SCOPES = [(), ("--day", "2026-11-06"), ("--source", "south", "--since", "2026-11-03")]
HOSTILE = "<script>alert(1)</script>\"'><svg onload=x>\u202e&amp;{{7*7}}"


@pytest.fixture(scope="module")
def urls(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """The two databases with ten nights."""
    folder = tmp_path_factory.mktemp("report")
    shutil.copy(request.getfixturevalue("sqlite_template"), folder / "inventory.db")
    server, like = (request.getfixturevalue(f"postgresql_{each}") for each in ("server", "template"))
    name = f"report_{uuid.uuid4().hex}"
    engine = admin_of(server)
    with engine.connect() as admin:
        admin.execute(text(f"CREATE DATABASE {name} TEMPLATE {like}"))
        found = {"sqlite": f"sqlite:///{folder}/inventory.db", "postgresql": server.replace("/postgres?", f"/{name}?")}
        for url in found.values():
            with opened(url) as store:
                for day in range(1, 11):
                    export_night(store, folder, day)
                    if day in CHECKED:
                        now = f"2026-11-{day:02}T03:00Z"
                        ran("--database", url, "check", "--rule", "DRS-001", "--rule", "DRS-002", "--now", now)
            reason = ("--reason", WAIVED, "--until", "2199-01-01", "--by", "dora")
            ran("--database", url, "check", "waive", "DRS-002", "n-plain", "--now", NOW, *reason)
        yield found
        admin.execute(text(f"DROP DATABASE {name} WITH (FORCE)"))
    engine.dispose()


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest, urls: dict[str, str]) -> str:
    return urls[str(request.param)]


def page_of(url: str, *words: str) -> str:
    return ran("--database", url, "report", *words)


def figures(page: str) -> dict[str, str]:
    """Return the key of each figure and its markup."""
    return {
        found[1]: found[0] for found in re.finditer(r'<figure aria-labelledby="f-([\w-]+)">.*?</figure>', page, re.S)
    }


def plain(markup: str) -> str:
    return html.unescape(re.sub("<[^>]*>", "", markup)).strip()


def table(figure: str) -> list[list[str]]:
    """Return the cells of the table behind a figure, its heads first."""
    found = re.search(r"<summary>Table</summary>(.*?)</details>", figure, re.S)
    if found is None:
        return []
    rows = re.findall(r"<tr>(.*?)</tr>", found[1], re.S)
    return [[plain(cell) for cell in re.findall(r"<t[hd].*?</t[hd]>", row, re.S)] for row in rows]


def told(value: Any) -> str:
    """Say a value of a query as the page does."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int):
        return f"{value:,}"
    return re.sub(r"^(\d{4}-\d\d-\d\d)T(\d\d:\d\d).*Z$", r"\1 \2", value)


def asked(url: str, figure: str) -> list[dict[str, Any]]:
    """Run the command that stands behind a figure, and return its rows."""
    found = re.search(r"<pre><code>(inventory query .*?)</code></pre>", figure, re.S)
    assert found is not None
    words = shlex.split(html.unescape(found[1]))[1:]
    document = json.loads(ran("--database", url, *words, "--json", "--limit", "0"))
    rows: list[dict[str, Any]] = document["rows"]
    return rows


@pytest.mark.parametrize("words", SCOPES, ids=str)
def test_each_figure_says_what_its_command_says(url: str, words: tuple[str, ...]) -> None:
    found = figures(page_of(url, *words, "--max-rows", "1000"))
    checks = [f"checks-{each}" for each in ("new", "overdue", "waived")]
    others = ["source-days", "phase-days", "churn", "failed", "expiring", "owners", "digests"]
    assert [*found] == [*REPORTS[:4], *checks, "checks-unknown", *others]
    rows = {key: asked(url, figure) for key, figure in found.items()}
    assert rows["source-days"]
    assert rows["phase-days"]
    assert {row["result"] for row in rows["checks-unknown"]} == {"complete"}
    assert not table(found.pop("checks-unknown"))
    for key in found.keys() - {"source-days", "phase-days", "churn", *checks}:
        heads = [[name.replace("_", " ") for name in row] for row in rows[key][:1]]
        assert table(found[key]) == [*heads, *([told(value) for value in row.values()] for row in rows[key])], key

    for key in set(checks) & found.keys():
        named = {"checks-new": {"new", "reopened"}, "checks-waived": {"waived"}}.get(key, {"new", "reopened", "open"})
        wanted = Counter(
            (row["rule_id"], row["detail"]) for row in rows[key]
            if row["state"] in named and (key != "checks-overdue" or row["due_at"] <= rows["digests"][0]["observed_to"])
        )  # fmt: skip
        assert Counter((line[1][:7], line[4]) for line in table(found[key])[1:]) == wanted, key

    _, *lines = table(found["source-days"])
    for name, _, _, complete, partial, missed, _ in lines:
        states = Counter(row["state"] for row in rows["source-days"] if row["source"] == name)
        assert [int(each) for each in (complete, partial, missed)] == [
            states[each] for each in ("complete", "partial", "missed")
        ]
    assert {line[0] for line in lines} == {row["source"] for row in rows["source-days"]}

    phases, *lines = table(found["phase-days"])
    drawn = {(line[0], head): int(cell) for line in lines for head, cell in zip(phases[1:], line[1:], strict=True)}
    jobs = Counter[tuple[str, str]]()
    for row in rows["phase-days"]:
        jobs[row["day"], row["phase"]] += row["jobs"]
    assert {(day, WORDS[head]): number for (day, head), number in drawn.items() if number} == jobs
    for day in {day for day, _ in jobs}:
        title = re.search(f"<title>{day}: (.*?)</title>", found["phase-days"])
        assert title is not None
        assert title[1] == ", ".join(f"{head} {drawn[day, head]}" for head in WORDS if drawn.get((day, head)))

    kinds, *lines = table(found["churn"])
    for kind in ("added", "changed", "removed", "deselected"):
        total = sum(row[kind] for row in rows["churn"] if not row["is_first_night"])
        assert sum(int(line[kinds.index(kind.title())]) for line in lines) == total, kind


def test_the_headlines_are_the_figures(url: str) -> None:
    page = page_of(url)
    tiles = {plain(words): int(number) for number, words in re.findall(r"<b>(\d+)</b> <span>(.*?)</span>", page)}
    found = {key: asked(url, figure) for key, figure in figures(page).items()}
    last = [row for row in found["phase-days"] if row["day"] == "2026-11-10"]
    assert tiles == {
        "jobs": sum(row["jobs"] for row in last),
        "failed": sum(row["jobs"] for row in last if row["phase"] == "failed"),
        "status changes": len(found["status-changes"]), "new tasks": len(found["new"]),
        "tasks gone": len(found["gone"]), "days missed": 1, "orders end soon": 1,
        "checks overdue": len(table(figures(page)["checks-overdue"])) - 1,
    }  # fmt: skip
    assert tiles["failed"] == 2
    assert tiles["checks overdue"] == 1


def test_the_same_input_gives_the_same_bytes(urls: dict[str, str]) -> None:
    pages = [page_of(url) for url in urls.values()]
    assert pages[0] == page_of(urls["sqlite"])
    digests = [set(re.findall(r"\b[0-9a-f]{64}\b", page)) for page in pages]
    assert len(digests[0]) == 19
    assert not digests[0] & digests[1]  # each database was exported to on its own
    assert re.sub(r"\b[0-9a-f]{64}\b", "", pages[0]) == re.sub(r"\b[0-9a-f]{64}\b", "", pages[1])


def test_the_time_of_the_page(urls: dict[str, str]) -> None:
    assert "The last answer was observed on 2026-11-10 at 01:00." in page_of(urls["sqlite"])
    epoch = str(int(datetime(2026, 10, 15, tzinfo=UTC).timestamp()))
    done = here("--database", urls["sqlite"], "report", SOURCE_DATE_EPOCH=epoch)
    assert "No order of a task that is in use ends within 30 days." in done.stdout  # counted from that time
    wrong = here("--database", urls["sqlite"], "report", SOURCE_DATE_EPOCH="yesterday")
    assert (wrong.returncode, wrong.stdout) == (64, "")
    assert "SOURCE_DATE_EPOCH" in wrong.stderr


def test_the_page_of_an_owner_has_no_other_s(url: str) -> None:
    page = page_of(url, "--owner", "bob")
    assert "n-failed" in page
    assert set(re.findall(r"\b[ns]-[a-z]+\b", page)) == {"n-failed"}
    assert not re.search("alice|carol", page)
    found = figures(page)
    assert not found.keys() & {"churn", "owners", "night-counts"}
    assert len(table(found["failed"])) == 2
    assert "-- :owner = &#39;bob&#39;" in found["failed"]
    nobody = here("--database", url, "report", "--owner", "bo")
    assert "no task has the owner 'bo'" in nobody.stderr
    assert not re.search(r"\b[ns]-[a-z]+\b", nobody.stdout)
    assert "There was no job." in nobody.stdout


def test_nothing_is_loaded_and_nothing_runs(urls: dict[str, str]) -> None:
    page = page_of(urls["sqlite"])
    assert "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'" in html.unescape(page)
    assert not re.search(r"<script|<link|<img|<iframe|src=|\bon\w+=|@import|https?:", page)
    assert set(re.findall(r'href="(.)', page)) == {"#"}
    assert set(re.findall(r"url\((.)", page)) == {"#"}
    for key, figure in figures(page).items():
        assert "<summary>SQL</summary>" in figure, key
        assert "SELECT" in figure, key
        assert table(figure) or 'class="empty"' in figure, key
        drawings = re.findall(r'<svg class="(?:plot|strip|bar)[^>]*>', figure)
        assert all(f"{drawing}<title>" in figure for drawing in drawings), key
    anchors = re.findall(r'href="#(\w+)"', page)
    assert set(anchors) <= set(re.findall(r'<section id="(\w+)"', page))


def test_hostile_text_is_escaped_everywhere(urls: dict[str, str], tmp_path: Path, sqlite_template: Path) -> None:
    shutil.copy(sqlite_template, tmp_path / "x.db")
    first = {"name": HOSTILE, "status": HOSTILE, "tags": [{"key": "owner", "value": HOSTILE}]}
    order = {"charging_mode": 0, "is_auto_renew": 0, "exp_time": "2026-11-20T00:00:00Z", "order_id": HOSTILE}
    then = {**first, "status": f"{HOSTILE}FAILED", "error_code": HOSTILE, "period_order": order}
    with opened(f"sqlite:///{tmp_path}/x.db") as store:
        exported(store, tmp_path, [{"a": first, "b": first}, {"a": then, "c": then}])
        with store.reading() as connection:
            known = gather(connection, Asked())
    assert known is not None
    day = date(2026, 11, 1)
    bad = CheckResult(
        HOSTILE, HOSTILE, "high", "new", HOSTILE, HOSTILE, HOSTILE, HOSTILE, day, day, True, HOSTILE, HOSTILE, day
    )
    checks, unknown = [bad, replace(bad, state="waived")], [UnknownRule(HOSTILE, HOSTILE, HOSTILE)]
    for page in (known, replace(known, owner=HOSTILE, checks=checks, unknown=unknown, sources=[HOSTILE])):
        text = str(render(page, HOSTILE, max_rows=200))
        assert "<script" not in text
        assert "<svg onload" not in text
        assert "\u202e" not in text
        assert "{{7*7}}" in text
        assert "49" not in re.findall(r"&amp;amp;(.{2})", text)
        for key, figure in figures(text).items():
            assert table(figure), key
            assert key in {"source-days", "phase-days", "churn", "night-counts", "digests"} or "alert(1)" in figure, key


def test_an_empty_database_and_one_snapshot(database: str, tmp_path: Path) -> None:
    assert "There is no snapshot yet." in page_of(database)
    assert "<figure" not in page_of(database)
    with opened(database) as store:
        export_night(store, tmp_path, 1)
    page = page_of(database)
    found = figures(page)
    first = {source: len(nights(source)[0]) for source in DAYS}
    for key, said in {
        "status-changes": "No job changed its status.", "night-counts": "No row changed.", "new": "No task is new.",
        "gone": "No task is gone.", "failed": "No job has failed.",
        "churn": f"No job came, changed or left. Not drawn: the first snapshot of north ({first['north']} jobs), "
        f"south ({first['south']} jobs).",
    }.items():  # fmt: skip
        assert said in plain(re.sub("<details>.*", "", found[key], flags=re.S)), key
    assert "No rule was checked; `inventory check` does." in page
    assert table(found["source-days"])[1] == ["north", "2026-11-01 01:00", "0", "1", "0", "0", ""]


@pytest.mark.parametrize(
    ("words", "said", "code"),
    [
        (("--since", "soon"), "--since 'soon' is not a day", 64),
        (("--since", "2026-11-11"), "--since 2026-11-11 is later than 2026-11-10", 64),
        (("--day", "2026-10-31"), "no source has a snapshot 2026-10-31", 1),
        (("--day", "today"), "--day 'today' is not a day", 64),
        (("--source", "nort"), "the database has no source 'nort'", 64),
        (("--timeout", "0.001"), "took longer than 0.001 seconds", 1),
        (("--max-rows", "0"), "--max-rows", 64),
    ],
    ids=lambda each: each[0] if isinstance(each, tuple) else None,
)
def test_errors(urls: dict[str, str], words: tuple[str, ...], said: str, code: int) -> None:
    done = here("--database", urls["sqlite"], "report", *words)
    assert (done.returncode, done.stdout) == (code, "")
    assert said in done.stderr


def test_a_file_a_title_and_long_tables(urls: dict[str, str], tmp_path: Path) -> None:
    for option in ("-o", "--output", "--out"):
        ran("--database", urls["sqlite"], "report", option, str(tmp_path / "p.html"), "--title", "Audit & more")
        assert "<h1>Audit &amp; more</h1>" in (tmp_path / "p.html").read_text()
        (tmp_path / "p.html").unlink()
    found = figures(page_of(urls["sqlite"], "--max-rows", "2"))
    assert len(table(found["digests"])) == 3
    assert "2 of 19 rows" in found["digests"]
    assert len(table(found["phase-days"])) == 11  # a day each, however many


# --- without a database


def made(name: str, rows: list[dict[str, Any]]) -> Answer:
    report = Library().reports[name]
    columns = [ResultColumn(each.name, each.kind) for each in report.columns]
    return Answer(report.title, report.question, columns, rows, report.sql, {}, f"inventory query --report {name}")


def large(jobs: int, days: int) -> Page:
    """A page of many jobs and days: every job is in every list."""
    until = date(2026, 11, 10)
    dates = [str(until - timedelta(days=at)) for at in reversed(range(days))]
    values = {
        "text": "DRS-10000113-mongodb-to-dds", "integer": 12, "time": f"{until}T01:00:00.000000Z", "boolean": False,
        "date": str(until),
    }  # fmt: skip
    reports = Library().reports
    answers = {
        name: made(name, [
            {column.name: f"{values[column.kind]} {at}" if column.kind == "text" else values[column.kind]
             for column in reports[name].columns}
            for at in range(jobs)
        ])
        for name in REPORTS
    }  # fmt: skip
    phases = ("failed", "incremental", "full", "setup", "change", "release", "ended", "unknown")
    by_day: dict[str, list[dict[str, Any]]] = {
        "phase-days": [
            {"day": day, "source": "north", "phase": each, "jobs": jobs // 8 + at} for at, day in enumerate(dates)
            for each in phases
        ],
        "source-days": [
            {"source": f"source-{each}", "day": day, "state": ("complete", "missed")[at % 9 == each], "snapshot_id": at,
             "observed_to": f"{day}T01:00:00Z", "age_days": 0}
            for each in range(9) for at, day in enumerate(dates)
        ],
        "churn": [
            {"source": "north", "snapshot_id": at, "observed_to": f"{day}T01:00:00Z", "status": "complete",
             "is_first_night": not at, "jobs": jobs, "added": 9, "changed": at, "removed": at % 7,
             "deselected": at % 50}
            for at, day in enumerate(dates)
        ],
    }  # fmt: skip
    answers |= {name: made(name, rows) for name, rows in by_day.items()}
    moment = datetime(2026, 11, 10, 1, tzinfo=UTC)
    checks = [
        CheckResult("DRS-001", "Failed task", "high", ("new", "open", "waived")[at % 3], "north", f"job-{at}",
                    "DRS-10000113-mongodb-to-dds", "failed since", until, until - timedelta(days=1), at % 3 < 2,
                    "the owner migrates next week", "alice", until)
        for at in range(jobs)
    ]  # fmt: skip
    return Page(until, until - timedelta(days=days - 1), moment, ["north"], None, answers, checks)


def test_20000_jobs_and_a_year_are_less_than_1_mb() -> None:
    text = str(render(large(20_000, 365), "Year", max_rows=200))
    assert len(figures(text)) == 15
    assert 300_000 < len(text.encode()) < 1_000_000
    assert text.count("200 of 20,000 rows") == 8
    assert len(table(figures(text)["phase-days"])) == 366


def test_checks_are_new_overdue_and_waived() -> None:
    page = large(3, 5)
    one = replace(page.checks[0], state="reopened", is_overdue=False)  # type: ignore[index]
    late = replace(one, state="open", is_overdue=True, rule="DRS-002", severity="critical")
    waived = replace(one, state="waived", reason="the owner migrates", by="alice")
    same = replace(one, state="open")
    text = str(render(replace(page, checks=[one, late, waived, same]), "Checks", max_rows=200))
    found = figures(text)
    for each in ("new", "overdue", "waived"):
        assert len(table(found[f"checks-{each}"])) == 2
    assert "the owner migrates" in found["checks-waived"]
    assert "1 critical." in found["checks-overdue"]
    assert "1 result more open and in time, as before." in text
    assert "<b>1</b> <span>checks overdue</span>" in text
    empty = figures(str(render(replace(page, checks=[]), "Checks", max_rows=200)))
    for each in ("new", "overdue", "waived"):
        assert f"No result is {each}." in empty[f"checks-{each}"]


def test_checks_of_the_database(url: str) -> None:
    found = figures(page_of(url))
    assert "the network is our own &lt;b&gt;" in found["checks-waived"]
    assert "dora" in found["checks-waived"]
    failed = table(found["checks-overdue"])[1]
    assert failed[1].startswith("DRS-001 ")
    assert len(failed[1]) > len("DRS-001 ")
    mine = figures(page_of(url, "--owner", "bob"))
    assert {line[2] for key in ("new", "overdue", "waived") for line in table(mine[f"checks-{key}"])[1:]} == {
        "job incre_transfer_failed"
    }
    assert "No rule was checked" in page_of(url, "--day", "2026-11-03")
    assert "Every rule could judge every source." in found["checks-unknown"]


def test_rules_that_could_not_judge_a_source(database: str, tmp_path: Path) -> None:
    """Recorded as unknown: partial, and too old at the time; and not recorded, since it was judged before: too old."""

    def night(source: str, day: int, *, unread: bool = False) -> None:
        folder = tmp_path / f"{source}{day}"
        record(folder, {f"{source}-job": {"status": "PAUSING"}}, day, set())
        if unread:
            time = f"2026-11-{day:02}T01:00:00Z"
            write_page(folder, 500, ["x-unread"], {"error_code": "DRS.M00001"}, status=500, time=time)
        list(export_source(Source(source, replay=(folder,)), running(store)))

    def check(now: str, *rules: str, code: int) -> None:
        words = [word for rule in rules for word in ("--rule", rule)]
        ran("--database", database, "check", "--now", f"{now}T03:00Z", *words, code=code)

    with opened(database) as store:
        night("judged", 1)
        night("old", 1)
        check("2026-11-01", "DRS-001", "DRS-002", "DRS-003", "DRS-009", code=0)
        night("old", 2)
        night("part<b>", 8, unread=True)
        check("2026-11-08", "DRS-001", "DRS-002", "DRS-003", "DRS-005", "DRS-009", code=3)
        assert table(figures(page_of(database))["checks-unknown"]) == [
            ["source", "rules", "why"],
            ["judged", "4 rules", "snapshot 1 is 168 h old, and the rule allows 36 h"],
            ["old", "4 rules", "snapshot 3 is 144 h old, and the rule allows 36 h"],
            ["part<b>", "4 rules", "snapshot 4 is partial"],
        ]
        alone = figures(page_of(database, "--source", "old"))["checks-unknown"]
        assert table(alone)[1] == ["old", "4 rules", "snapshot 3 was too old when it was checked"]
        assert "Unknown: 4" in alone
        assert "In 1 source; nothing opens or closes there." in plain(alone)
        night("part<b>", 9)
        check("2026-11-09", "DRS-001", code=3)
        found = table(figures(page_of(database, "--source", "part<b>"))["checks-unknown"])
        assert found[1:] == [["part<b>", "DRS-002, DRS-003, DRS-005", "snapshot 4 is partial"]]
        ran("--database", database, "sources", "retire", "old", "--yes")
        assert "Every rule could judge" in figures(page_of(database, "--source", "old"))["checks-unknown"]


@pytest.mark.parametrize(("top", "step"), [(1, 1), (5, 1), (6, 2), (11, 5), (26, 10), (319, 100), (20_041, 5000)])
def test_numbers_of_an_axis(top: int, step: int) -> None:
    assert svg.step_of(top) == step


@pytest.mark.parametrize("size", [1, 2, 5, 8, 12, 13, 30, 45, 46, 100, 101, 365, 800, 3000])
def test_days_of_an_axis(size: int) -> None:
    days = [date(2026, 1, 15) + timedelta(days=at) for at in range(size)]
    marks = svg.marks_of(days)
    assert 1 <= len(marks) <= 7
    for at, said in marks:
        assert said in {f"{days[at]:%b} {days[at].day}", f"{days[at]:%b}", f"{days[at].year}"}


def test_columns_stand_on_each_other() -> None:
    days = [date(2026, 11, 1), date(2026, 11, 2)]
    up = [svg.Series("Failed", "failed", [1, 3]), svg.Series("Full", "full", [2, 0])]
    drawing = svg.columns("Jobs", days, up, [svg.Series("Removed", "removed", [0, 2])], labels=False)
    boxes = {
        kind: [(float(top), float(high)) for top, high in re.findall(r"M[\d.]+ ([\d.]+)h[\d.]+v(-?[\d.]+)", path)]
        for kind, path in re.findall(r'<path class="k-(\w+)" d="(.*?)"/>', drawing)
    }
    one = svg.HIGH / 5  # three up, two down
    assert boxes == {
        "failed": [(3 * one, -one), (3 * one, -3 * one)], "full": [(2 * one, -2 * one)],
        "removed": [(3 * one, 2 * one)],
    }  # fmt: skip


def test_marks_can_be_told_from_the_page() -> None:
    """WCAG 2: 3 for what must be seen to read a chart; two marks of nearly one colour differ by a pattern."""
    from tests.test_page import TEMPLATES, luminance

    blocks = re.findall(r":root \{(.*?)\}", (TEMPLATES / "base.css").read_text(), re.DOTALL)[:2]
    for block in blocks:
        colours = dict(re.findall(r"--(\w+): (#[0-9a-f]{6})", block))
        paper = luminance(colours["paper"])
        for kind in ("failed", "incremental", "full", "setup", "change", "release", "ended", "unknown", "create"):
            low, high = sorted((paper, luminance(colours[kind])))
            assert (high + 0.05) / (low + 0.05) >= 3, kind
    style = (Path(frame.__file__).parent / "templates" / "report.css").read_text()
    drawn = set(re.findall(r'id="p-(\w+)"', svg.patterns()))
    assert drawn == set(re.findall(r"url\(#p-(\w+)\)", style)) == set(re.findall(r"\.c-(\w+)", style))


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with Browser() as running:
        yield running


OVERLAPS = """[...document.querySelectorAll('.plot, .axis')].flatMap(chart => {
    const boxes = [...chart.querySelectorAll('text')].map(each => [each.textContent, each.getBoundingClientRect()])
        .filter(([, box]) => box.width > 0);
    return boxes.flatMap(([one, a], at) => boxes.slice(at + 1).filter(([, b]) =>
        a.left < b.right - 1 && b.left < a.right - 1 && a.top < b.bottom - 3 && b.top < a.bottom - 3
    ).map(([other]) => one + ' / ' + other));
})"""


@with_browser
@pytest.mark.parametrize("days", [2, 30, 365])
def test_it_fits_and_nothing_overlaps(browser: Browser, tmp_path: Path, days: int) -> None:
    browser.errors.clear()
    (tmp_path / "page.html").write_text(str(render(large(300, days), "DRS jobs", max_rows=20)), "utf-8")
    for width in (320, 390, 1100):
        for scheme in ("light", "dark"):
            browser.screen(width, scheme=scheme)
            browser.open(tmp_path / "page.html")
            assert browser.run("document.documentElement.scrollWidth") <= width
            assert browser.run(OVERLAPS) == []
            browser.run("document.querySelectorAll('details').forEach(each => { each.open = true })")
            browser.settle()
            assert browser.run("document.documentElement.scrollWidth") <= width
    shown = "getComputedStyle(document.querySelector('.direct')).display"
    assert browser.run(shown) != "none"
    browser.screen(390)
    assert browser.run(shown) == "none"
    assert browser.run("getComputedStyle(document.querySelector('#status .legend')).display") == "flex"
    nodes = browser.send("Accessibility.getFullAXTree")["nodes"]
    images = [node for node in nodes if node["role"]["value"] == "image" and not node.get("ignored")]
    assert images
    assert all(node["name"]["value"].strip() for node in images)
    assert browser.errors == []
