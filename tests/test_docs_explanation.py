"""The pages that explain say what there is: packages in their order, the figures of the last measurement."""

import re

import pytest

import inventory
from tests.conftest import ROOT
from tests.docs import pictures

PAGES = ROOT / "docs" / "explanation"


def test_the_architecture_names_each_package_in_reading_order() -> None:
    tour = re.findall(r"^(\w+)/ ", inventory.__doc__ or "", re.MULTILINE)
    table = (PAGES / "architecture.md").read_text().partition("\n| package |")[2].partition("\n\n")[0]
    assert re.findall(r"^\| `(\w+)` \|", table, re.MULTILINE) == tour
    assert {each.parent.name for each in (ROOT / "inventory").glob("*/__init__.py")} == set(tour)


def test_the_drawing_names_each_package() -> None:
    drawing = (ROOT / "docs" / "images" / "architecture.svg").read_text()
    words = set(
        re.findall(r"\w+", re.sub(r"<style>.*?</style>|<desc.*?</desc>|<[^>]+>", " ", drawing, flags=re.DOTALL))
    )
    assert set(re.findall(r"^(\w+)/ ", inventory.__doc__ or "", re.MULTILINE)) <= words


def results() -> dict[str, dict[str, list[str]]]:
    """Return what the bench measured: title of a table -> contestant -> cells of its row."""
    found: dict[str, dict[str, list[str]]] = {}
    for part in (ROOT / "tests" / "bench" / "RESULTS.md").read_text().split("\n## ")[1:]:
        rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in part.splitlines() if line[:1] == "|"]
        found[part.partition("\n")[0]] = {row[0]: row[1:] for row in rows[2:]}
    return found


def test_the_seconds_of_the_page_are_those_that_were_measured() -> None:
    page = (PAGES / "performance.md").read_text()
    shown = re.findall(r"^\| ((?:First|Second) night, .+?) \| (.+) \|$", page, re.MULTILINE)
    assert len(shown) == 7
    for title, cells in shown:
        measured = results()[title]
        to = "dlt to PostgreSQL" if "PostgreSQL" in title else "dlt to SQLite"
        floor = next(name for name in measured if name.startswith("floor"))
        names = ["inventory export", floor, to, "vendor's client, sqlite-utils"]
        expected = [f"{float(measured[name][0]):.1f}" if name in measured else "" for name in names]
        assert [cell.strip() for cell in cells.split("|")] == expected, title


def test_the_sizes_and_the_memory_of_the_page_are_those_that_were_measured() -> None:
    page, found = (PAGES / "performance.md").read_text(), results()
    for estate in ("A", "B"):
        rows = [
            found[f"First night, {estate}, {database}"]["inventory export"] for database in ("SQLite", "PostgreSQL")
        ]
        assert f"| {estate}, after the first night | {rows[0][-1]} MB | {rows[1][-1]} MB |" in page
        peaks = [found[f"First night, {estate}, SQLite"][name][5] for name in found[f"First night, {estate}, SQLite"]]
        assert re.search(rf"\| {estate}: .* \| {peaks[0]} MiB \| {peaks[1]} MiB \|", page)
    for title, start in (("First night, C, SQLite", "C: "), ("First night, one, SQLite", "one job ")):
        peaks = [row[0] for row in found[title].values()]
        assert re.search(rf"\| {start}.* \| {peaks[0]} MiB \| {peaks[1]} MiB \|", page)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_pictures_of_the_report_are_small(scheme: str) -> None:
    """`python -m tests.docs.pictures` makes them, with Chromium."""
    picture = (ROOT / "docs" / "images" / f"report-{scheme}.png").read_bytes()
    assert picture[:8] == b"\x89PNG\r\n\x1a\n"
    assert int.from_bytes(picture[16:20]) == pictures.WIDTH
    assert len(picture) < 200_000
