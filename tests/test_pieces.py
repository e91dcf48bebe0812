"""Comparisons that are read a few jobs at a time: the same output, few rows held, and no transaction in between."""

import contextlib
import io
import json
import sqlite3
import weakref
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy import Connection

from inventory.cli import main
from inventory.common.errors import CompareError
from inventory.common.exact_json import pretty, pretty_pieces
from inventory.diff.compare import compare
from inventory.diff.ends import step
from inventory.diff.records import PIECE, Change, SourceDiff, Step
from inventory.diff.select import Selection
from inventory.normalise.walk import Row
from inventory.render.html import html
from inventory.render.json import change_records, diff_document
from inventory.render.markdown import markdown
from inventory.render.plan import plan
from inventory.schema.entities import Entity
from inventory.store import reader
from inventory.store.engine import Store
from tests.conftest import with_tables
from tests.nights import Night, exported, opened

JOBS = 60
WHAT = Selection(ignore=frozenset({"jobs.description"}))


def night(number: int) -> Night:
    """Jobs of which some left, came, were recreated under another id, or changed: in `jobs`, below it, in ignored
    columns alone.
    """
    jobs: Night = {}
    for at in range(JOBS):
        name = f"job-{at:03}"
        if (at % 10 == 1 and number == 2) or (at % 10 == 2 and number == 1):
            continue
        job_id = f"new-{at:03}" if at % 10 == 3 and number == 2 else name
        tags = [{"key": f"k{key}", "value": f"v{number if at % 4 else 0}"} for key in range(at % 7)]
        jobs[job_id] = {
            "name": f"n{-at}", "status": "PAUSING" if at % 3 or number == 1 else "CREATING", "tags": tags,
            "description": f"night {number}", "source_endpoint": {"ip": f"10.0.0.{at}", "db_port": 1},
        }  # fmt: skip
    return jobs


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An SQLite database with the two nights."""
    folder = tmp_path_factory.mktemp("pieces")
    with_tables(f"sqlite:///{folder}/x.db")
    with opened(f"sqlite:///{folder}/x.db") as store:
        exported(store, folder, [night(1), night(2)])
    return folder / "x.db"


@contextlib.contextmanager
def between(store: Store) -> Iterator[tuple[Connection, Step]]:
    with store.reading() as connection:
        (source,) = reader.sources(connection)
        first, last = reader.snapshots(connection, source["id"])
        yield connection, step(connection, source, first, last)


def printed(diff: SourceDiff) -> dict[str, str]:
    return {
        "text": "\n".join(plan([diff], lambda _, text: text)),
        "full text": "\n".join(plan([diff], lambda _, text: text, full=True)),
        "overview": "\n".join(plan([diff], lambda _, text: text, only_overview=True)),
        "markdown": "\n".join(markdown([diff])),
        "page": html([diff], "Changes"),
        "json": "".join(pretty_pieces(diff_document([diff], ignored=True))),
        "jsonl": "\n".join(pretty(record, indent=None) for record in change_records(diff, ignored=True)),
    }


def test_small_pieces_print_the_same(tmp_path: Path, database: str) -> None:
    with opened(database) as store:
        exported(store, tmp_path, [night(1), night(2)])
        with between(store) as (_, ends):
            whole = printed(compare(ends, WHAT))
            for piece in (1, 7, 50):
                assert printed(compare(ends, WHAT, piece=piece)) == whole
            backward = Step(**{**vars(ends), "start": ends.end, "end": ends.start})
            assert printed(compare(backward, WHAT, piece=5)) == printed(compare(backward, WHAT))
    document = json.loads(whole["json"])
    assert whole["json"] == pretty(document)
    (source,) = document["sources"]
    assert {change["action"] for change in source["changes"]} == {"create", "update", "delete"}
    assert len(source["replaced"]) == JOBS // 10
    assert {each["reason"] for each in source["ignored"]} == {"the column is ignored"}
    assert all(action in whole["text"] for action in ("Removed:", "Replaced:", "Created:", "Changed:"))
    records = [json.loads(line) for line in whole["jsonl"].splitlines()]
    assert [each.get("reason") for each in records] == [
        *[None] * len(source["changes"]), *["the column is ignored"] * len(source["ignored"]),
    ]  # fmt: skip


@pytest.mark.parametrize(
    "document",
    [{}, {"a": []}, {"a": [1, {"b": "x\ny"}, [], [[2]], {}]}, {"a": [{"b": [{"c": None}], "d": {"e": [1]}}], "f": 1}],
)
def test_pieces_of_json_are_its_text(document: dict[str, list[object]]) -> None:
    def lazy(value: object) -> object:
        if isinstance(value, dict):
            return {name: lazy(member) for name, member in value.items()}
        return map(lazy, value) if isinstance(value, list) and value != [[2]] else value

    assert "".join(pretty_pieces(lazy(document))) == pretty(document)


def test_few_changes_are_held_and_no_transaction(file: Path) -> None:
    """Of the pieces two at most, and what is printed of one."""
    made: list[weakref.ref[Change]] = []
    asked: list[int] = []

    def remember(change: Change) -> bool:
        made.append(weakref.ref(change))
        return True

    with opened(f"sqlite:///{file}") as store, between(store) as (connection, ends):

        def counted(entity: Entity, job_ids: list[str] | None) -> tuple[list[Row], list[Row]]:
            left, came = ends.between(entity, job_ids)
            asked.append(len(left) + len(came))
            return left, came

        def alive() -> int:
            return sum(each() is not None for each in made)

        diff = compare(replace(ends, between=counted), WHAT, remember, piece=20)
        assert len(made) > 200
        outputs = (
            plan([diff], lambda _, text: text, full=True), markdown([diff], full=True),
            pretty_pieces(diff_document([diff], ignored=True)), change_records(diff, ignored=True),
        )  # fmt: skip
        for output in outputs:
            for _ in output:
                assert not connection.in_transaction()
                assert alive() <= 60
        assert max(asked) <= 40  # an update is two rows
        assert compare(ends, WHAT, remember).piece == PIECE


class Exclusive(io.StringIO):
    """Takes what is printed; with each piece it locks the database as a commit does."""

    def __init__(self, file: Path) -> None:
        super().__init__()
        self._file = file
        self.locked = 0

    def write(self, text: str) -> int:
        with contextlib.closing(sqlite3.connect(self._file, timeout=0, isolation_level=None)) as other:
            other.execute("BEGIN EXCLUSIVE")
            other.execute("COMMIT")
        self.locked += 1
        return super().write(text)


@pytest.mark.parametrize("words", ["diff --full", "diff --json", "diff --format jsonl", "log --full", "log --json"])
def test_whoever_reads_what_is_printed_keeps_no_export_waiting(file: Path, words: str) -> None:
    out = Exclusive(file)
    with contextlib.redirect_stdout(out), pytest.raises(SystemExit) as ended:
        main(["--database", f"sqlite:///{file}", *words.split()])
    assert not ended.value.code
    assert out.locked >= 2


def test_what_was_pruned_meanwhile_is_an_error(file: Path) -> None:
    with opened(f"sqlite:///{file}") as store, between(store) as (_, ends):
        gone: list[bool] = []
        pruned = replace(ends, between=lambda *what: ([], []) if gone else ends.between(*what))
        diff = compare(pruned, WHAT, piece=20)
        gone.append(True)
        with pytest.raises(CompareError, match="a snapshot was pruned while it was compared"):
            list(plan([diff], lambda _, text: text))
