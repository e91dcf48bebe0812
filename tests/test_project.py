"""What every project has: a licence, documents that name what there is, and hooks that run the checks."""

import re
import shlex
import subprocess
import sys
import tomllib

import pytest
import yaml

from inventory import __version__
from tests.__main__ import ABOUT, LINT, PARTS, PYTEST, TYPES, chosen
from tests.conftest import ROOT

DOCUMENTS = ("CHANGELOG.md", "CONTRIBUTING.md", "SECURITY.md")
CONTRIBUTING = (ROOT / "CONTRIBUTING.md").read_text()
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
SHELL = [line for block in re.findall(r"```sh\n(.*?)```", CONTRIBUTING, re.S) for line in block.splitlines()]


def test_the_licence_is_whole() -> None:
    licence = (ROOT / "LICENSE").read_text()
    assert licence.split()[:4] == ["Apache", "License", "Version", "2.0,"]
    assert all(f"\n   {number}. " in licence for number in range(1, 10))
    assert "END OF TERMS AND CONDITIONS" in licence
    assert (PROJECT["project"]["license"], PROJECT["project"]["license-files"]) == ("Apache-2.0", ["LICENSE"])


def test_the_changelog_names_the_version() -> None:
    assert re.search(rf"^(## |.*\b){re.escape(__version__)}\b", (ROOT / "CHANGELOG.md").read_text(), re.M)


@pytest.mark.parametrize("name", DOCUMENTS)
def test_the_documents_name_files_that_exist(name: str) -> None:
    found = re.findall(r"`((?:inventory|tests|migrations|samples)/[\w./-]*)`", (ROOT / name).read_text())
    assert [path for path in found if not (ROOT / path).exists()] == []


def test_the_documented_commands_exist() -> None:
    """Those that run tests name files, words and parts that there are; the others are the set-up of the README."""
    readme = (ROOT / "README.md").read_text()
    kinds = set()
    for words in map(shlex.split, SHELL):
        if words[0] == ".venv/bin/pytest":
            tests = re.findall(r"^def (test_\w+)", (ROOT / words[1]).read_text(), re.M)
            assert words[2:] == [] or (words[2] == "-k" and any(words[3] in test for test in tests))
        elif words[1:3] == ["-m", "tests"]:
            assert "--help" in words or chosen(words[3:])
        else:
            assert words[-1] == ".[test]" or words[1:3] == ["-m", "venv"]
            assert words[-1] in readme
        kinds.add(words[0])
    assert kinds == {"python3", ".venv/bin/pip", ".venv/bin/pytest", ".venv/bin/python"}


def test_parts_are_chosen() -> None:
    assert chosen(["--soak"]) == [*LINT, *TYPES, PYTEST]
    assert chosen([]) == [*LINT, *TYPES, [*PYTEST, "-m", "not soak"]]
    assert chosen(["types", "lint"]) == [*LINT, *TYPES]


def test_the_checks_explain_themselves() -> None:
    words = [sys.executable, "-m", "tests"]
    told = subprocess.run([*words, "--help"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    assert ABOUT in told
    assert all(re.search(rf"^  {part} +\w+.*\d+ (s|min)", told, re.M) for part in PARTS)
    wrong = subprocess.run([*words, "test"], cwd=ROOT, capture_output=True, text=True, check=False)
    assert (wrong.returncode, wrong.stdout) == (2, "")
    assert "unknown part 'test': choose from lint, types, tests" in wrong.stderr


def test_a_commit_hook_runs_lint_and_types() -> None:
    """They are the same commands as those of `python -m tests`, from the same environment, without a download."""
    repos = yaml.safe_load((ROOT / ".pre-commit-config.yaml").read_text())["repos"]
    assert [repo["repo"] for repo in repos] == ["local"]
    hooks = repos[0]["hooks"]
    assert {hook["language"] for hook in hooks} == {"system"}
    assert not any(hook["pass_filenames"] for hook in hooks)
    entries = [shlex.split(hook["entry"]) for hook in hooks]
    assert entries == [[".venv/bin/python", "-m", *check] for check in [*LINT, *TYPES]]
