"""The page of changes: what it says, and how it filters, draws and prints in a real browser."""

import json
import re
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from inventory import __version__
from inventory.diff.records import Change, SourceDiff
from inventory.render import page as frame
from inventory.render.changes import MARKS, cells, jobs
from inventory.render.html import html
from inventory.render.page import json_block
from tests.browser import CHROMIUM, Browser

RENDER = Path(frame.__file__).parent
STATUSES = ("PAUSING", "INCRE_TRANSFER_STARTED", "INCRE_TRANSFER_FAILED")
GROUPS = {"delete": "Removed", "replace": "Replaced", "create": "Created", "update": "Changed"}
with_browser = pytest.mark.skipif(CHROMIUM is None, reason="there is no chromium")


def end(number: int) -> dict[str, Any]:
    when = datetime(2026, 11, number, 1, tzinfo=UTC)
    told = {"id": number, "observed_to": when, "finished_at": when, "status": "complete", "jobs": 7000}
    digests = {"digest": f"{number:x}" * 64, "content_digest": "c" * 64, "run_id": f"run-{number}"}
    return told | digests | {"tool_version": "9.8.7", "schema_revision": "0001"}


def own(job_id: str, name: str, old: str | None, new: str | None) -> Change:
    def row(status: str | None) -> dict[str, Any] | None:
        facts = {"id": job_id, "name": name, "inst_info_engine_type": "mysql", "extra": None}
        return None if status is None else facts | {"status": status, "description": f"{name} was {status}"}

    action = "create" if old is None else "delete" if new is None else "update"
    changed = ["status", "description"] if action == "update" else []
    return Change("jobs", action, job_id, {"id": job_id}, row(old), row(new), changed)


def tag(job_id: str, key: str, old: str, new: str) -> Change:
    place = {"job_id": job_id, "key": key, "occurrence": 0}
    before, after = ({**place, "value": value, "extra": None} for value in (old, new))
    return Change("tags", "update", job_id, place, before, after, ["value"])


def changed_jobs(count: int, source: str = "shop") -> SourceDiff:
    """Every tenth job left, every tenth came, of the others all have another status or tags, some both."""
    changes: list[Change] = []
    names: dict[str, str | None] = {}
    for at in range(count):
        job_id, name = f"{at:08x}-39e7-09f9-4a6f-155b5b6jb101", f"DRS-{at:04}"
        old, new = STATUSES[at % 3], STATUSES[(at + 1) % 3]
        if at % 10 in (3, 4):
            changes.append(own(job_id, name, *((old, None) if at % 10 == 3 else (None, new))))
        else:
            changes += [own(job_id, name, old, new)] if at % 2 else []
            tags = range(0 if at % 3 == 1 and at % 2 else 1 + at % 4)
            changes += [tag(job_id, f"k{key}", f"{at} before", f"{at} after") for key in tags]
        names[job_id] = name
    return SourceDiff.of(source, end(1), end(2), changes, names)


def data_of(text: str) -> dict[str, Any]:
    block = re.search('<script type="application/json" id="data">(.*)</script>', text)
    assert block is not None
    document: dict[str, Any] = json.loads(block[1])
    return document


def test_the_block_holds_every_cell_of_every_row() -> None:
    diff = changed_jobs(40)
    document = data_of(html([diff], "Changes"))

    def said(at: int) -> str | None:
        return None if at < 0 else document["texts"][at]

    found = {}
    for source, mark, job_id, name, _, _, rows in document["jobs"]:
        assert said(source) == "shop"
        found[said(job_id)] = said(mark), said(name), [
            (said(table), document["actions"][action], [said(part) for part in parts])
            for table, action, _, *parts in rows
        ]  # fmt: skip
    for job in jobs(diff, full=True):
        changes = [change for change in diff.changes() if change.job_id == job.id]
        rows = [(c.table, c.action, [part for cell in cells(c, full=True) for part in cell]) for c in changes]
        assert found[job.id] == (job.mark, job.name, rows)
    assert len(found) == 40
    order = [list(GROUPS).index(document["groups"][said(job[1])][0]) for job in document["jobs"]]
    assert order == sorted(order)


def test_6000_changed_jobs_are_less_than_3_mb() -> None:
    diff = changed_jobs(6000)
    assert 2 < len(list(diff.changes())) / 6000 < 5
    text = html([diff], "Changes")
    assert len(data_of(text)["jobs"]) == 6000
    assert len(text.encode()) < 3_000_000


def test_the_page_names_its_snapshots_in_the_chain() -> None:
    text = html([changed_jobs(3)], "Changes", {2: "0123456789abcdef"})
    head = text.partition('<div id="counts"')[0]
    for said in ("1" * 64, "2" * 64, "c" * 64, "run-1", "run-2", "9.8.7", "0001", "2026-11-01 01:00:00 UTC", "7,000"):
        assert said in head, said
    assert [re.sub("<.*?>", "", cell) for cell in re.findall("<td.*?</td>", head)[-2:]] == [
        "not signed", "by the key 0123456789abcdef",
    ]  # fmt: skip
    assert f"Page written by inventory {__version__}" in text
    assert f'@bottom-left {{ content: "snapshot 2, digest {"2" * 64}"; }}' in text
    assert "Signature" not in html([changed_jobs(3)], "Changes")  # nobody looked


def test_a_plan_and_a_first_snapshot_have_a_page() -> None:
    diff = changed_jobs(3)
    diff.start = None
    diff.end = {**dict.fromkeys(diff.end), "status": "complete", "unreadable": 0}
    text = html([diff], "Plan")
    assert "not stored" in text
    assert "@bottom-left" not in text
    empty = html([], "Changes")
    assert data_of(empty)["jobs"] == []


def test_many_sources_stand_behind_one_line() -> None:
    for size, line in ((2, False), (12, True)):
        text = html([changed_jobs(3, f"source-{at}") for at in range(size)], "Changes")
        assert (f"{size} sources, with the snapshots that were compared" in text) is line
        assert text.count("2" * 64) == size
        assert "@bottom-left" not in text


def test_without_a_script_the_first_lines_are_there() -> None:
    static = re.search("<noscript>(.*)</noscript>", html([changed_jobs(600)], "Changes"), re.DOTALL)
    assert static is not None
    lines = re.findall("<li>.*</li>", static[1])
    assert len(lines) == 500
    assert "And 100 more jobs." in static[1]
    assert [re.sub("<.*?>", "", line)[:2] for line in (lines[0], lines[-1])] == ["- ", "~ "]
    assert any("status PAUSING -&gt; INCRE_TRANSFER_STARTED; description" in line for line in lines)


@pytest.mark.parametrize("name", ["page.js", "page.css"])
def test_what_is_no_markup_is_ascii(name: str) -> None:
    """Where the output is not UTF-8, other characters become references, which mean nothing in a script."""
    assert (RENDER / name).read_text(encoding="utf-8").isascii()
    assert str(json_block({"<é&>": "</script>\u2028"})).count("<") == 2


def luminance(colour: str) -> float:
    parts = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


@pytest.mark.parametrize("scheme", [0, 1], ids=["light", "dark"])
def test_contrast_is_aa(scheme: int) -> None:
    """WCAG 2: 4.5 for text, 3 for the edges of what can be used."""
    blocks = re.findall(r":root \{(.*?)\}", (RENDER / "page.css").read_text(), re.DOTALL)
    colours = dict(re.findall(r"--(\w+): (#[0-9a-f]{6})", blocks[scheme]))

    def contrast(one: str, other: str) -> float:
        low, high = sorted(luminance(colours[name]) for name in (one, other))
        return (high + 0.05) / (low + 0.05)

    text = ("ink", "soft", "create", "update", "delete", "replace")
    pairs = [(ink, ground, 4.5) for ink in text for ground in ("paper", "card")]
    pairs += [(edge, ground, 3) for edge in ("edge", "focus") for ground in ("paper", "card")]
    pairs += [("create", "mark", 4.5), ("delete", "mark", 4.5)]
    assert {pair[:2]: contrast(*pair[:2]) for pair in pairs if contrast(*pair[:2]) < pair[2]} == {}


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with Browser() as running:
        yield running


@pytest.fixture
def tab(browser: Browser, tmp_path: Path) -> Iterator[Browser]:
    """The browser, with a page of 60 jobs of two sources in its folder; no script may fail."""
    browser.errors.clear()
    browser.screen(1280)
    (tmp_path / "page.html").write_text(html([changed_jobs(40), changed_jobs(20, "bank")], "Changes"), "utf-8")
    yield browser
    assert browser.errors == []


def shown(tab: Browser) -> list[tuple[str, str, str]]:
    """Return group, name and source of each job that is drawn."""
    code = """[...document.querySelectorAll('#jobs section')].flatMap(group => [...group.querySelectorAll('.job')].map(
        job => [group.querySelector('h2').firstChild.data, job.querySelector('.name').textContent,
                job.querySelector('.of').textContent]))"""
    return [tuple(each) for each in tab.run(code)]


def counted(tab: Browser) -> dict[str, int]:
    code = (
        "[...document.querySelectorAll('#counts button')].map(b => [b.value, Number(b.querySelector('b').textContent)])"
    )
    return dict(tab.run(code))


def expected(**chosen: str) -> set[tuple[str, str, str]]:
    """The jobs that filters leave, found by looking at the records."""
    found = set()
    for diff in (changed_jobs(40), changed_jobs(20, "bank")):
        for job in jobs(diff, full=True):
            changes = [change for change in diff.changes() if change.job_id == job.id]
            group = {mark: GROUPS[action] for action, mark in MARKS.items()}[job.mark]
            rows = [
                c for c in changes
                if chosen.get("table") in (None, c.table)
                and ("column" not in chosen or chosen["column"] in c.changed)
            ]  # fmt: skip
            statuses = {row["status"] for c in changes if c.table == "jobs" for row in (c.before, c.after) if row}
            texts = [job.id, job.name, *(str(row) for c in changes for row in (c.before, c.after))]
            if (
                rows
                and group in chosen.get("groups", group)
                and chosen.get("source") in (None, diff.source)
                and chosen.get("status") in (None, *statuses)
                and all(word in " ".join(map(str, texts)) for word in chosen.get("text", "").split())
            ):
                found.add((group, str(job.name), diff.source))
    return found


FILTERS = [
    ("", {}),
    ("#action=delete", {"groups": "Removed"}),
    ("#action=delete,create", {"groups": "Removed Created"}),
    ("#table=tags", {"table": "tags"}),
    ("#column=status", {"column": "status"}),
    ("#status=PAUSING", {"status": "PAUSING"}),
    ("#source=bank", {"source": "bank"}),
    ("#text=7+before", {"text": "7 before"}),
    ("#action=update&status=PAUSING&table=tags", {"groups": "Changed", "status": "PAUSING", "table": "tags"}),
    (
        "#table=tags&column=value&source=shop&text=1",
        {"table": "tags", "column": "value", "source": "shop", "text": "1"},
    ),
]


@with_browser
@pytest.mark.parametrize(("address", "chosen"), FILTERS, ids=[address for address, _ in FILTERS])
def test_filters_of_the_address_combine(tab: Browser, tmp_path: Path, address: str, chosen: dict[str, str]) -> None:
    tab.open(tmp_path / "page.html", address)
    found = shown(tab)
    assert set(found) == expected(**chosen)
    assert len(found) == len(set(found)) > 0
    groups = [group for group, _, _ in found]
    assert groups == sorted(groups, key=list(GROUPS.values()).index)
    said = tab.run("document.querySelector('#told').textContent")
    assert said.startswith("60 jobs" if not address else f"{len(found)} of 60 jobs: ")
    others = expected(**{name: value for name, value in chosen.items() if name != "groups"})
    assert counted(tab) == {a: sum(group == word for group, *_ in others) for a, word in GROUPS.items()}


@with_browser
def test_buttons_and_fields_write_the_address(tab: Browser, tmp_path: Path) -> None:
    tab.open(tmp_path / "page.html")
    tab.click("#counts button[value=update]")
    assert tab.run("document.querySelector('#counts button[value=update]').ariaPressed") == "true"
    tab.run("document.querySelector('#table').focus()")
    tab.run(
        "(table => { table.value = 'tags'; table.dispatchEvent(new Event('input')) })(document.querySelector('#table'))"
    )
    tab.run("document.querySelector('#text').focus()")
    tab.keys(*"17 ")
    assert tab.run("location.hash") == "#action=update&text=17+&table=tags"
    assert set(shown(tab)) == expected(groups="Changed", table="tags", text="17")
    tab.run("history.back()")
    tab.settle()
    assert tab.run("document.querySelector('#table').value") == ""
    tab.run("location.hash = '#status=PAUSING&column=nowhere'")
    tab.settle()
    assert tab.run("document.querySelector('#column').selectedOptions[0].text") == "nowhere (0)"
    assert shown(tab) == []
    assert "No job fits these filters." in tab.run("document.querySelector('#jobs').textContent")
    tab.click("#clear")
    assert (tab.run("location.hash"), len(shown(tab))) == ("", 60)


@with_browser
def test_a_job_is_folded_until_it_is_opened_with_the_keyboard(tab: Browser, tmp_path: Path) -> None:
    tab.open(tmp_path / "page.html", "#text=00000001-&source=shop")
    assert tab.run("document.querySelectorAll('.details').length") == 0
    tab.run("document.querySelector('#fold').focus()")
    tab.keys("Tab")
    assert tab.run("document.activeElement.tagName") == "SUMMARY"
    assert tab.run("getComputedStyle(document.activeElement).outlineStyle") == "solid"
    tab.keys("Enter")
    table = "document.querySelector('.details table')"
    heads = tab.run(f"[...{table}.querySelectorAll('thead th')].map(th => [th.textContent, th.scope])")
    assert heads == [["Column", "col"], ["Before", "col"], ["After", "col"]]
    cells = tab.run(f"[...{table}.querySelectorAll('tbody tr')].map(tr => [...tr.cells].map(td => td.textContent))")
    assert cells == [
        ["~ updated"],
        ["status", '"INCRE_TRANSFER_STARTED"', '"INCRE_TRANSFER_FAILED"'],
        ["description", '"DRS-0001 was INCRE_TRANSFER_STARTED"', '"DRS-0001 was INCRE_TRANSFER_FAILED"'],
    ]
    assert tab.run("[...document.querySelectorAll('.after mark')].map(mark => mark.textContent)") == ["FAIL", "FAIL"]


@with_browser
def test_rows_outside_the_filters_are_counted(tab: Browser, tmp_path: Path) -> None:
    tab.open(tmp_path / "page.html", "#table=jobs&text=00000005-&source=shop&open=all")
    body = tab.run("document.querySelector('.details').innerText")
    assert "2 other rows of this job outside the filters" in body
    assert "tags" not in body


@with_browser
def test_a_replacement_stands_between_what_left_and_what_came(tab: Browser, tmp_path: Path) -> None:
    text = str(html([changed_jobs(20)], "Changes"))
    document = data_of(text)
    document["texts"].append("-/+")
    document["jobs"][-1][1] = len(document["texts"]) - 1
    before, _, after = text.partition('<script type="application/json" id="data">')
    other = before + str(json_block(document)) + after.partition("</script>")[2]
    (tmp_path / "replaced.html").write_text(other, "utf-8")
    tab.open(tmp_path / "replaced.html")
    titles = tab.run("[...document.querySelectorAll('#jobs h2')].map(h2 => h2.textContent)")
    assert titles == ["Removed2 jobs", "Replaced1 job", "Created2 jobs", "Changed15 jobs"]


@with_browser
def test_of_6000_jobs_only_those_near_the_window_are_drawn(tab: Browser, tmp_path: Path) -> None:
    (tmp_path / "large.html").write_text(html([changed_jobs(6000)], "Changes"), "utf-8")
    for address, words in (("", "jobs"), ("#open=all", "jobs and details")):
        tab.open(tmp_path / "large.html", address)
        assert tab.run("document.querySelector('#told').textContent") == "6,000 jobs"
        assert tab.run("document.querySelectorAll('*').length") < 8000, words
        names = "[...document.querySelectorAll('.job .name')].map(name => name.textContent)"
        assert "DRS-0003" in tab.run(names)
        for _ in range(5):  # what is drawn has another height than was reserved for it
            tab.run("scrollTo(0, document.documentElement.scrollHeight)")
            tab.settle()
        drawn = tab.run(names)
        assert "DRS-5999" in drawn
        assert "DRS-0003" not in drawn
        assert tab.run("document.querySelectorAll('*').length") < 8000, words


@with_browser
def test_printing_opens_everything_up_to_a_bound(tab: Browser, tmp_path: Path) -> None:
    (tmp_path / "large.html").write_text(html([changed_jobs(2000)], "Changes"), "utf-8")
    count = (
        "[document.querySelectorAll('.job, .folded').length, document.querySelectorAll('.job[open] .details').length]"
    )
    for name, address, jobs_in_all in (("page", "#action=delete", 6), ("large", "", 2000)):
        tab.open(tmp_path / f"{name}.html", address)
        tab.run("dispatchEvent(new Event('beforeprint'))")
        printed, opened = tab.run(count)
        assert printed == jobs_in_all
        note = tab.run("document.querySelector('.cut')?.textContent ?? ''")
        if name == "page":
            assert (opened, note) == (printed, "")
        else:
            assert 100 < opened < printed
            assert note.startswith(f"Printed: the first line of 2,000 jobs, the details of {opened:,} of them.")
        tab.run("dispatchEvent(new Event('afterprint'))")
        tab.settle()
        assert tab.run("document.querySelectorAll('.job[open]').length") == 0


@with_browser
@pytest.mark.parametrize("width", [320, 390, 1280])
def test_nothing_is_wider_than_the_window(tab: Browser, tmp_path: Path, width: int) -> None:
    diff = changed_jobs(4)
    changes = list(diff.changes())
    wide = tag(changes[-1].job_id, "long" * 50, "x" * 3000, "two words " * 300)
    diff = SourceDiff.of("shop", end(1), end(2), [*changes, wide], diff.names)
    (tmp_path / "wide.html").write_text(html([diff], "Changes", {}), "utf-8")
    for scheme in ("light", "dark"):
        tab.screen(width, scheme=scheme)
        tab.open(tmp_path / "wide.html", "#open=all")
        tab.run("document.querySelectorAll('details').forEach(each => { each.open = true })")
        tab.settle()
        assert tab.run("document.documentElement.scrollWidth") <= width


@with_browser
def test_each_control_has_a_name(tab: Browser, tmp_path: Path) -> None:
    tab.open(tmp_path / "page.html")
    nodes = tab.send("Accessibility.getFullAXTree")["nodes"]
    roles = {"button", "combobox", "searchbox", "DisclosureTriangle"}
    named = [(n["role"]["value"], n["name"]["value"].strip()) for n in nodes if n["role"]["value"] in roles]
    assert {name for role, name in named if role in ("combobox", "searchbox")} == {
        "Source", "Table", "Changed column", "Status, before or after", "Text",
    }  # fmt: skip
    assert {name for role, name in named if role == "button"} >= {"6 removed", "Clear filters", "Open all", "Fold all"}
    assert all(name for _, name in named)
