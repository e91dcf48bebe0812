"""What the project is built from: versions within their bounds, and what is said where no index is reachable."""

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from importlib.metadata import metadata, requires
from pathlib import Path

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name
from packaging.version import Version

from tests.__main__ import BY_NAME
from tests.conftest import ROOT
from tests.supply import CONSTRAINTS, EXTRAS, LOWEST, SMOKE, judge
from tests.test_project import PROJECT

NAME = "drs-inventory"
OTHER_SYSTEMS = {"colorama", "truststore", "tzdata"}  # needed on Windows or macOS alone
WORKFLOWS = sorted((ROOT / ".github/workflows").glob("*.yml"))


def pins(file: Path) -> dict[str, Version]:
    """Return the version of each package; each line has one, and nothing else."""
    found = [re.fullmatch(r"([\w.-]+)==([\w.]+)(?: ; [\w.' =!<>()]+)?", line) for line in file.read_text().splitlines()]
    assert all(found), f"{file.name}: a line is not NAME==VERSION"
    return {canonicalize_name(each[1]): Version(each[2]) for each in found if each}


def direct() -> list[Requirement]:
    """Return what pyproject.toml asks for, but for what only measuring needs."""
    extras = PROJECT["project"]["optional-dependencies"]
    lines = [
        *PROJECT["project"]["dependencies"],
        *(line for name in extras if name != "bench" for line in extras[name]),
    ]
    return [each for each in map(Requirement, lines) if each.name != NAME]


def bound(requirement: Requirement) -> Version | None:
    lower = [each.version for each in requirement.specifier if each.operator == ">="]
    return Version(lower[0]) if lower else None


def needed(name: str, extras: frozenset[str], seen: set[tuple[str, frozenset[str]]]) -> Iterator[str]:
    """Yield every package that a package needs here, at whatever distance."""
    if (name, extras) in seen:
        return
    seen.add((name, extras))
    for each in map(Requirement, requires(name) or []):
        if not each.marker or any(each.marker.evaluate({"extra": extra}) for extra in extras or {""}):
            yield canonicalize_name(each.name)
            yield from needed(each.name, frozenset(each.extras), seen)


def test_each_lower_bound_is_the_version_that_is_tested() -> None:
    lowest = pins(LOWEST)
    wrong = []
    for each in direct():
        version, low = lowest.get(canonicalize_name(each.name)), bound(each)
        if low is None and not each.specifier and each.extras:  # `httpx[socks]`, bounded where httpx is
            continue
        # 8.3 and 8.3.0 are one version; of hatchling there is no 1.26
        if version is None or low is None or version.release[: len(low.release)] != low.release:
            wrong.append(f"{each}: tests/lowest.txt has {version}")
    assert wrong == []


def test_every_version_that_the_checks_use_is_pinned() -> None:
    pinned = pins(CONSTRAINTS)
    found = {*needed(NAME, frozenset({"test"}), set())} - {NAME}
    assert found - pinned.keys() == set()
    assert pinned.keys() - found <= OTHER_SYSTEMS | {"pip"}
    outside = [str(each) for each in direct() if not each.specifier.contains(pinned[canonicalize_name(each.name)])]
    assert outside == []


def test_every_pinned_version_runs_on_the_first_supported_python() -> None:
    """Debian and others have an early 3.11: there, too, pip must find what is pinned."""
    first = PROJECT["project"]["requires-python"].removeprefix(">=") + ".0"
    wanted = {name: metadata(name)["Requires-Python"] for name in needed(NAME, frozenset({"test"}), set())}
    assert {name: python for name, python in wanted.items() if first not in SpecifierSet(python or "")} == {}


def test_the_bill_of_materials_has_every_extra_of_users() -> None:
    extras = PROJECT["project"]["optional-dependencies"]
    assert sorted(EXTRAS.split(",")) == sorted(extras.keys() - {"bench", "docs", "test"})


def test_the_lowest_versions_meet_tests_that_exist() -> None:
    assert [name for name in SMOKE if not (ROOT / f"tests/test_{name}.py").is_file()] == []


@pytest.mark.parametrize("part", BY_NAME)
def test_without_a_package_index_a_part_is_skipped(part: str) -> None:
    variables = {name: value for name, value in os.environ.items() if not name.startswith("PIP_")}
    variables |= {"PIP_CONFIG_FILE": os.devnull, "PIP_INDEX_URL": "http://127.0.0.1:1/simple", "NO_PROXY": "127.0.0.1"}
    command = [sys.executable, "-m", "tests", part]
    done = subprocess.run(command, cwd=ROOT, env=variables, capture_output=True, text=True, check=False)
    assert done.stdout.splitlines()[1:] == [f"skipped: {part}: no package index is reachable"], done.stderr
    assert done.returncode == 0


def test_known_weaknesses_fail_and_missing_data_is_named() -> None:
    sound = {"name": "click", "version": "8.5.1", "vulns": []}
    weak = {"name": "idna", "version": "3.6", "vulns": [{"id": "PYSEC-1", "fix_versions": ["3.7"]}]}
    unknown = {"name": "h11", "skip_reason": "not found"}
    assert judge("") == (0, "skipped: audit: the data of pip-audit is not reachable")
    assert judge(json.dumps({"dependencies": [unknown]}))[1].startswith("skipped: audit: ")
    assert judge(json.dumps({"dependencies": [sound]})) == (0, "1 package looked up\nno known weakness")
    assert judge(json.dumps({"dependencies": [sound, weak, unknown]})) == (
        1,
        "2 packages looked up\nnot looked up: h11\nidna 3.6: PYSEC-1, corrected in 3.7",
    )
    weak["vulns"] = [{"id": "PYSEC-2", "fix_versions": []}]
    assert judge(json.dumps({"dependencies": [weak]}))[1].endswith("idna 3.6: PYSEC-2, not yet corrected")


def test_workflows_run_what_a_developer_runs_on_each_version() -> None:
    """And each action is a commit, not a name that can be moved."""
    text = "".join(path.read_text() for path in WORKFLOWS)
    used = re.findall(r"uses: (.+)", text)
    assert used
    assert [line for line in used if not re.fullmatch(r"[\w./-]+@[0-9a-f]{40} # v[\d.]+", line)] == []
    checks = yaml.safe_load((ROOT / ".github/workflows/ci.yml").read_text())["jobs"]
    versions = checks["tests"]["strategy"]["matrix"]["python"]
    classifiers = PROJECT["project"]["classifiers"]
    assert [f"Programming Language :: Python :: {version}" in classifiers for version in versions] == [True] * 3
    assert len(versions) == len([each for each in classifiers if re.search(r":: 3\.\d+$", each)])
    assert ".ci/run" in text
    assert all(f"-m tests {part}" in text for part in BY_NAME)
