"""`findings`: every kind is explained, what is new is told from what is not, and hostile text is harmless."""

import ast
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from inventory.schema.finding_kinds import FINDING_KINDS
from tests.conftest import ROOT, Command, ran, write_page

CONFIG = str(ROOT / "samples/inventory.yaml")
PACKAGES = ("schema", "normalise", "source", "export")


def trees(*packages: str) -> Iterator[tuple[Path, ast.Module]]:
    for name in packages:
        for file in sorted((ROOT / "inventory" / name).rglob("*.py")):
            if file.parent.name != "views":  # a view column's kind is a type
                yield file, ast.parse(file.read_text())


def makers() -> dict[str, int]:
    """Return the functions and classes that are given the kind of a finding, and as which argument."""
    found = {}
    for _, tree in trees(*PACKAGES):
        for node in ast.walk(tree):
            if isinstance(node, ast.ClassDef):
                names = [
                    (ast.unparse(f.target), ast.unparse(f.annotation))
                    for f in node.body
                    if isinstance(f, ast.AnnAssign)
                ]
                init = [f for f in node.body if isinstance(f, ast.FunctionDef) and f.name == "__init__"]
                names = names or [pair for f in init for pair in parameters(f)]
            elif isinstance(node, ast.FunctionDef):
                names = parameters(node)
            else:
                continue
            if ("kind", "str") in names:
                found[node.name] = names.index(("kind", "str"))
    return found


def parameters(function: ast.FunctionDef) -> list[tuple[str, str]]:
    named = [(each.arg, ast.unparse(each.annotation) if each.annotation else "") for each in function.args.args]
    return [each for each in named if each[0] != "self"]


MAKERS = makers()
# Arguments that hand on a kind which another of these gave.
HANDED_ON = {"kind", "misfit.kind", "outcome.kind", "str(f['kind'])", "*answer.unread[job_id]"}


def literals(node: ast.AST) -> Iterator[str]:
    """Yield the texts that an expression may come to."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        yield node.value
    elif isinstance(node, ast.IfExp):
        yield from literals(node.body)
        yield from literals(node.orelse)


def first(node: ast.AST) -> ast.AST:
    """Return the first item of a tuple, else the expression itself."""
    return node.elts[0] if isinstance(node, ast.Tuple) and node.elts else node


def kinds_in(file: Path, tree: ast.Module) -> set[str]:
    """Return the kinds of findings that a module can write; fail where it cannot be told."""
    found: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            name = getattr(node.func, "id", getattr(node.func, "attr", ""))
            at = MAKERS.get(name)
            if at is not None and at < len(node.args):
                texts = set(literals(node.args[at]))
                assert texts or ast.unparse(node.args[at]) in HANDED_ON, f"{file}:{node.lineno}: {ast.unparse(node)}"
                found |= texts
        elif isinstance(node, ast.Assign):  # a kind on its way: `kind = …`, `why = kind, detail`, `unread[id] = …`
            target = ast.unparse(node.targets[0])
            is_pair = target == "why" and isinstance(node.value, ast.Tuple)
            if is_pair or target == "kind" or ".unread[" in target:
                found |= set(literals(first(node.value)))
            elif isinstance(node.targets[0], ast.Tuple) and isinstance(node.value, ast.Tuple):
                pairs = zip(node.targets[0].elts, node.value.elts, strict=False)
                found |= {text for name, value in pairs if ast.unparse(name) == "kind" for text in literals(value)}
        elif isinstance(node, ast.FunctionDef) and node.name == "__init__":
            arguments, defaults = node.args.args, node.args.defaults
            for argument, default in zip(arguments[len(arguments) - len(defaults) :], defaults, strict=True):
                found |= set(literals(default)) if argument.arg == "kind" else set()
    return found


def kinds_of(*packages: str) -> set[str]:
    return {kind for file, tree in trees(*packages) for kind in kinds_in(file, tree)}


def test_every_kind_that_can_be_written_is_explained() -> None:
    assert {"Finding", "Unread"} <= MAKERS.keys()
    assert kinds_of(*PACKAGES) == FINDING_KINDS.keys()
    assert {"omitted_job", "unstorable_text", "absent_job", "wrong_type"} <= FINDING_KINDS.keys()
    for kind, about in FINDING_KINDS.items():
        assert about.meaning.endswith(".") and about.remedy.endswith("."), kind


def test_kinds_are_shared_where_jobs_share_them() -> None:
    """What is wrong within a job's document is found in many jobs, and kept once for each path."""
    assert {kind for kind, about in FINDING_KINDS.items() if about.shared} == kinds_of("schema", "normalise")


@pytest.fixture
def exported(inventory: Command) -> None:
    assert inventory("--config", CONFIG, "export").returncode == 0


@pytest.mark.usefixtures("exported")
def test_each_kind_stands_with_what_it_means_and_what_to_do() -> None:
    text = ran("findings")
    assert text.startswith("sample: snapshot 2 (2026-11-02 01:00:04 UTC): 8 findings, 1 new since snapshot 1\n")
    words = " ".join(text.split())
    kinds = ("absent_job", "repeated_key", "unattributed_field", "unknown_field", "unknown_value", "wrong_type")
    for kind in kinds:
        about = FINDING_KINDS[kind]
        assert f"{about.meaning} What to do: {about.remedy}" in words
    assert [line.partition(":")[0] for line in text.splitlines()[1:] if line[:1].strip()] == [*kinds]
    assert "    source_endpoint.db_port: expected integer, got text (example: job 5a6e12c8-" in text
    assert "    new id: DRS.M05004, asked alone (job d19c4e70-" in text


@pytest.mark.usefixtures("exported")
def test_only_what_is_new() -> None:
    """The job that never was is gone from the second night's findings; the one that was deleted is new."""
    found = json.loads(ran("findings", "--new", "--json"))
    assert [(f["kind"], f["new"]) for s in found["sources"] for f in s["findings"]] == [("absent_job", True)]
    assert [*found["kinds"]] == ["absent_job"]
    assert found["format_version"] == "1.0"
    whole = json.loads(ran("--json", "findings"))
    assert [f["new"] for s in whole["sources"] for f in s["findings"]] == [True, *[False] * 7]
    assert next(f["evidence"] for f in whole["sources"][0]["findings"] if f["kind"] == "unattributed_field")
    text = ran("findings", "--new")
    assert "1 new finding since snapshot 1" in text
    assert "unknown_field" not in text


@pytest.mark.usefixtures("exported")
def test_kinds_and_sources_are_chosen(inventory: Command) -> None:
    found = json.loads(ran("findings", "--kind", "wrong_type", "--kind", "unknown_value", "--json"))
    assert {f["kind"] for f in found["sources"][0]["findings"]} == {"wrong_type", "unknown_value"}
    wrong = inventory("findings", "--kind", "wrong_typ")
    assert (wrong.returncode, wrong.stdout) == (64, "")
    assert "'wrong_typ'. Did you mean 'wrong_type'?" in wrong.stderr
    assert inventory("findings", "--source", "other").returncode == 64


def night(folder: Path, day: int, jobs: dict[str, dict[str, Any]]) -> None:
    results = [{"id": job_id, "name": job_id, **job} for job_id, job in jobs.items()]
    write_page(folder, 1, [*jobs], {"count": len(jobs), "results": results}, time=f"2026-11-0{day}T01:00:00Z")


def configured(folder: Path, nights: int) -> None:
    names = ", ".join(f"n{number}" for number in range(1, nights + 1))
    (folder / "inventory.yaml").write_text(f"sources: [{{name: s, replay: [{names}]}}]")


def test_another_example_is_not_a_new_finding(tmp_path: Path) -> None:
    """The job that was the example leaves; what many jobs share is as old as it was. Its path alone makes it new."""
    night(tmp_path / "n1", 1, {"a": {"oddity": 1}, "b": {"oddity": "x"}})
    night(tmp_path / "n2", 2, {"b": {"oddity": "x", "newer": 1}})
    configured(tmp_path, 2)
    ran("export")
    found = json.loads(ran("findings", "--json"))["sources"][0]["findings"]
    assert [(f["path"], f["job_id"], f["new"]) for f in found] == [("newer", "b", True), ("oddity", "b", False)]
    shown = ran("diff")  # which counts the same ones
    assert "1 new finding" in shown
    assert ("newer" in shown, "oddity" in shown.split("New findings:")[1]) == (True, False)


def test_the_first_snapshot_has_nothing_to_compare_with(tmp_path: Path) -> None:
    night(tmp_path / "n1", 1, {"a": {"oddity": 1}})
    configured(tmp_path, 1)
    ran("export")
    assert "1 finding; there is no snapshot before it to compare with" in ran("findings")
    assert json.loads(ran("findings", "--new", "--json"))["sources"][0]["before"] is None


def test_many_jobs_stand_in_one_line(tmp_path: Path) -> None:
    ids = [f"job-{number:02}" for number in range(30)]
    night(tmp_path / "n1", 1, {"there": {}})
    page = {"count": 30, "results": [{"id": job_id, "error_code": "DRS.M00002"} for job_id in ids]}
    write_page(tmp_path / "n1", 2, ids, page)
    configured(tmp_path, 1)
    ran("export", code=3)
    text = ran("findings")
    assert "unreadable_job: 30 findings" in text
    assert "(30 jobs, such as job-00)" in text
    assert "job-29" not in text
    assert "job-29" in ran("findings", "--full")


def test_a_long_list_is_cut_unless_all_is_asked_for(tmp_path: Path) -> None:
    night(tmp_path / "n1", 1, {"a": {f"odd_{number:02}": 1 for number in range(30)}})
    configured(tmp_path, 1)
    ran("export")
    text = ran("findings")
    assert ("odd_09:" in text, "odd_10:" in text, "and 20 more; --full shows them" in text) == (True, False, True)
    assert "odd_29:" in ran("findings", "--full")


def test_hostile_text_is_harmless(tmp_path: Path) -> None:
    night(tmp_path / "n1", 1, {"a": {"\x1b[2Jodd\u202e": 1, "status": "\x1b]0;title\x07"}})
    configured(tmp_path, 1)
    ran("export")
    for words in (["findings"], ["findings", "--full"]):
        text = ran(*words)
        assert "\\u001b\\[2Jodd\\u202e: no column" in text
        assert not {"\x1b", "\u202e", "\x07"} & {*text}


def test_a_database_without_snapshots(inventory: Command) -> None:
    assert inventory("db", "upgrade").returncode == 0
    assert "no snapshots yet" in ran("findings")
    assert json.loads(ran("findings", "--json"))["sources"] == []
    assert ran("findings", "-q") == ""
