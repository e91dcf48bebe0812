"""Printers under attack: what the service sent is shown, and is never markup, a command or a request."""

import json
import re
import unicodedata
from html.parser import HTMLParser
from pathlib import Path

import pytest

from inventory.diff.records import Change, SourceDiff
from inventory.render.changes import cells
from inventory.render.plan import plan
from tests.browser import CHROMIUM, Browser
from tests.conftest import Command
from tests.nights import Night, record
from tests.web import Reply, Web

ATTACKS = (
    "\x1b]0;owned\x07\x1b[31mred\x1b[0m\r\x08\x9b2J",
    "line\nbreak\u2028\u202eback\u200b",
    "<script>document.title='owned';fetch('URL/script')</script>",
    "<img src=URL/img onerror=\"document.title='owned'\"><style>@import 'URL/css';</style>",
    "\"'></td></details></script><iframe src=URL/frame></iframe>",
    "![x](URL/md) [click](javascript:alert(1)) <https://example.com> https://example.com",
    "`a` ``b`` ```c``` `````",
    "`",
    "\\| a | b |\\",
    "@team #1 GH-1 org/repo#2 !3 :smile:",
    "# heading\n- item\n***",
    "'; DROP TABLE jobs; --",
    "{{7*7}}${7*7}%s{0}",
    "&lt;b&gt;&#64;team&amp;",
)


def hostile(url: str, word: str) -> Night:
    """Two jobs with an attack in every place that the service fills."""
    attacks = [attack.replace("URL", url) for attack in ATTACKS]
    every = word + " ".join(attacks)
    tags = [{"key": f"{at} {attack}", "value": word + attack} for at, attack in enumerate(attacks)]
    job = {
        "name": f"{attacks[2]} {attacks[0]} {attacks[6]}",
        "status": every,
        "description": every,
        "tags": tags,
        "object_infos": [{"id": attack, "type": attack, "name": word} for attack in attacks],
        "source_endpoint": {"ip": word + attacks[3]},
        **dict.fromkeys(attacks, word),
    }
    return {"job-1": job, "job-2": {"name": "x", "description": word}}


@pytest.fixture
def attacked(tmp_path: Path, inventory: Command) -> tuple[str, ...]:
    """A database whose two snapshots differ in hostile texts; returns the options that name it."""
    url = "http://127.0.0.1:9/x"
    return exported(tmp_path, inventory, url)


def exported(tmp_path: Path, inventory: Command, url: str) -> tuple[str, ...]:
    for at in (1, 2, 3):
        record(tmp_path / f"n{at}", hostile(url, f"word{at} "), at, set())
    for name, nights in (("two", "n1, n2"), ("three", "n1, n2, n3")):
        (tmp_path / f"{name}.yaml").write_text(f"sources: [{{name: s, replay: [{nights}]}}]\n")
    options = ("--database", "sqlite:///x.db")
    done = inventory("--config", "two.yaml", *options, "export")
    assert done.returncode == 0, done.stderr
    return ("--config", "three.yaml", *options)


def printed(inventory: Command, *words: str) -> str:
    done = inventory(*words)
    assert done.returncode == 0, done.stderr
    assert "word1" in done.stdout or "word2" in done.stdout
    assert [c for c in done.stdout if unicodedata.category(c) in ("Cc", "Cf", "Zl", "Zp") and c != "\n"] == []
    return done.stdout


@pytest.mark.parametrize(
    "words",
    [["diff"], ["diff", "--full"], ["diff", "2", "1"], ["plan"], ["log", "job-1"], ["log", "job-1", "--full"],
     ["show", "job-1"], ["show"]],
    ids=" ".join,
)  # fmt: skip
def test_nothing_steers_a_terminal(attacked: tuple[str, ...], inventory: Command, words: list[str]) -> None:
    lines = printed(inventory, *attacked, *words).splitlines()
    assert not any(line.startswith(("break", "# heading", "- item")) for line in lines)
    assert any("\\u001b" in line for line in lines)


@pytest.mark.parametrize("words", [["diff"], ["plan"]], ids=" ".join)
def test_json_gives_back_what_came(attacked: tuple[str, ...], inventory: Command, words: list[str]) -> None:
    document = json.loads(printed(inventory, *attacked, *words, "--format", "json"))
    (source,) = document["sources"]
    changes = [change for change in source["changes"] if change["table"] == "tags"]
    sent = hostile("http://127.0.0.1:9/x", "word2 " if words == ["diff"] else "word3 ")["job-1"]["tags"]
    stored = {tag["value"].replace("\x00", "\\u0000") for tag in sent}
    assert {change["after"]["value"] for change in changes} == stored
    assert source["changes"] == sorted(
        source["changes"], key=lambda c: (c["job_id"], c["table"], list(c["key"].values()))
    )


def outside_code(line: str) -> str:
    """Return a line of Markdown without its code spans, by CommonMark's rule: as many backticks end as began."""
    rest, at = "", 0
    runs = [(m.start(), m.end()) for m in re.finditer("`+", line)]
    while runs:
        (begin, inner), *runs = runs
        end = next((run for run in runs if run[1] - run[0] == inner - begin), None)
        if end is None:
            rest += line[at:inner]
            at = inner
            continue
        rest += line[at:begin]
        at = end[1]
        runs = [run for run in runs if run[0] >= at]
    return rest + line[at:]


@pytest.mark.parametrize("words", [["diff"], ["diff", "--full"], ["plan"]], ids=" ".join)
def test_markdown_has_no_markup_but_its_own(attacked: tuple[str, ...], inventory: Command, words: list[str]) -> None:
    text = printed(inventory, *attacked, *words, "--format", "markdown")
    for line in text.splitlines():
        own = re.fullmatch(r"(## |### |  - |- |)[\w ,.:;→\-]*", outside_code(line))
        assert own is not None, line


def test_the_scan_of_markdown_can_fail() -> None:
    assert outside_code("a `b` @c ``d ` e`` f `") == "a  @c  f `"


class Tags(HTMLParser):
    """Collects what a page is made of."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.names: list[str] = []
        self.attributes: set[str] = set()
        self.data = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.names.append(tag)
        self.attributes |= {name for name, _ in attrs}

    def handle_data(self, data: str) -> None:
        self.data += data


OWN = """
html head meta title style body header h1 h2 p details summary code table thead tbody tr th td caption div button span b
label select option input main section noscript ul li footer script del ins mark
"""
ATTRIBUTES = """
lang charset http-equiv content name class id hidden type placeholder aria-label aria-hidden aria-pressed role open
disabled scope value data-end
"""


@pytest.mark.parametrize("words", [["diff"], ["plan"]], ids=" ".join)
def test_the_page_has_no_tag_but_its_own(attacked: tuple[str, ...], inventory: Command, words: list[str]) -> None:
    text = printed(inventory, *attacked, *words, "--format", "html")
    page = Tags()
    page.feed(text)
    assert set(page.names) <= {*OWN.split()}
    assert page.names.count("script") == 2
    assert page.names.count("style") == page.names.count("noscript") == 1
    assert page.attributes <= {*ATTRIBUTES.split()}
    assert "<script>document.title='owned'" in page.data
    assert text.count("\n<script>") == text.count('\n<script type="application/json" id="data">') == 1
    assert text.count("<script") == text.count("</script>") == 2
    (block,) = re.findall('\n<script type="application/json" id="data">(.*)</script>\n', text)
    assert block.isascii()
    assert not set("<>&") & set(block)
    told = " ".join(json.loads(block)["texts"])
    assert "<script>document.title='owned'" in told
    assert "\\u202eback\\u200b" in told
    assert [c for c in told if unicodedata.category(c) in ("Cc", "Cf", "Zl", "Zp")] == []


@pytest.mark.skipif(CHROMIUM is None, reason="there is no chromium")
def test_a_browser_runs_nothing_of_the_data_and_asks_for_nothing(tmp_path: Path, inventory: Command) -> None:
    with Web(lambda _: Reply()) as web, Browser() as browser:
        options = exported(tmp_path, inventory, web.url)
        attack = "".join(attack.replace("URL", web.url) for attack in ATTACKS[2:5])
        (tmp_path / "raw.html").write_text(f"<!doctype html><title>raw</title><table><td>{attack}")
        browser.open(tmp_path / "raw.html")
        assert browser.run("document.title") == "owned"
        assert len(web.sent) >= 3  # so the attacks do work where nobody guards against them
        web.sent.clear()
        browser.errors.clear()
        (tmp_path / "page.html").write_text(printed(inventory, *options, "diff", "--format", "html"))
        for address in ("#open=all", "#open=all&text=owned&status=<img src=x onerror=alert(1)>&action=<b>"):
            browser.open(tmp_path / "page.html", address)
            assert browser.errors == []
            assert browser.run("document.title") == "Changes"
            names = browser.run("[...document.querySelectorAll('*')].map(each => each.localName)")
            assert set(names) <= {*OWN.split()}
            attributes = "[...document.querySelectorAll('*')].flatMap(each => each.getAttributeNames())"
            assert set(browser.run(attributes)) <= {*ATTRIBUTES.split(), "style", "colspan"}
        browser.open(tmp_path / "page.html", "#open=all")
        assert browser.run("document.querySelector('#told').textContent") == "2 jobs"  # its own script did run
        assert "<iframe src=" in browser.run("document.querySelector('#jobs').textContent")
        assert web.sent == []


def an_update(**values: tuple[object, object]) -> Change:
    before, after = ({name: pair[at] for name, pair in values.items()} | {"extra": None} for at in (0, 1))
    return Change("jobs", "update", "j", {"id": "j"}, before, after, list(values))


def test_long_values_are_cut_where_they_differ() -> None:
    old, new = "a" * 5000 + "b" * 500, "a" * 5000 + "c" * 500
    ((_, was, now),) = cells(an_update(description=(old, new)), full=False)
    assert was is not None
    assert now is not None
    assert max(len(was), len(now)) < 300
    assert "bbb" in was
    assert "ccc" in now
    ((_, was, now),) = cells(an_update(description=(old, new)), full=True)
    assert (was, now) == (f'"{old}"', f'"{new}"')


def test_long_lists_are_folded_with_a_count() -> None:
    def tag(at: int) -> Change:
        row = {"job_id": "j", "key": f"k{at:02}", "occurrence": 0, "extra": None}
        key = {"job_id": "j", "key": f"k{at:02}", "occurrence": 0}
        return Change("tags", "update", "j", key, {**row, "value": "a"}, {**row, "value": "b"}, ["value"])

    end = {"id": 2, "observed_to": None, "finished_at": None, "status": "complete"}
    diff = SourceDiff.of("s", {**end, "id": 1}, end, [tag(at) for at in range(47)], {"j": "n"})
    lines = list(plan([diff], lambda _, text: text))
    assert sum('~ value = "a" -> "b"' in line for line in lines) == 10
    assert "        and 37 more rows of tags; --full shows them" in lines
    assert lines[-1] == "s: jobs: 0 added, 1 changed, 0 removed; rows: 0 created, 47 updated, 0 deleted."
    assert sum('~ value = "a" -> "b"' in line for line in plan([diff], lambda _, text: text, full=True)) == 47
