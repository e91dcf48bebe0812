"""The sdist and the wheel: the same bytes wherever they are built, and the wheel alone where no checkout is."""

import hashlib
import io
import json
import os
import shutil
import subprocess
import sys
import tarfile
import zipfile
from email import message_from_bytes
from pathlib import Path

import pytest
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator

from inventory import __version__
from inventory.schema import REVISION
from tests.conftest import ROOT
from tests.supply import CONSTRAINTS, describe_environment, environment

NOT_COPIED = shutil.ignore_patterns(".git", ".venv", "__pycache__", ".*_cache", ".hypothesis", "dist", "*.egg-info")
STRAY = [".venv/lib/x.py", "inventory/__pycache__/x.pyc", "tests/.pytest_cache/x", "dist/old.whl", "inventory.db"]


def run(*command: str | Path, cwd: Path, **more: str) -> str:
    """Run a program that must succeed, with nothing of the checkout in its path."""
    variables = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"} | more
    result = subprocess.run(
        [str(part) for part in command], cwd=cwd, env=variables, capture_output=True, text=True, check=False,
        timeout=600,
    )  # fmt: skip
    assert result.returncode == 0, result.stdout + result.stderr
    return result.stdout


def build(source: Path, folder: Path, timezone: str) -> dict[str, bytes]:
    """Build an sdist, and a wheel from it, as on 1 January 2026."""
    command = (sys.executable, "-m", "build", "--no-isolation", "--outdir", folder, source)
    run(*command, cwd=folder, TZ=timezone, SOURCE_DATE_EPOCH="1767225600")
    return {path.name: path.read_bytes() for path in sorted(folder.iterdir())}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("wheel")


@pytest.fixture(scope="module")
def built(folder: Path) -> dict[str, bytes]:
    """Build from a copy of the checkout in which there are files that belong into no package."""
    source = folder / "checkout"
    shutil.copytree(ROOT, source, ignore=NOT_COPIED)
    for name in STRAY:
        (source / name).parent.mkdir(parents=True, exist_ok=True)
        (source / name).write_text("stray")
    (folder / "first").mkdir()
    return build(source, folder / "first", "UTC")


@pytest.fixture(scope="module")
def installed(folder: Path, built: dict[str, bytes]) -> Path:
    """Install the wheel where there is nothing else, and return its Python."""
    shutil.rmtree(folder / "checkout")
    wheel = next(name for name in built if name.endswith(".whl"))
    return environment(folder / "venv", CONSTRAINTS, folder / "first" / wheel)


def test_every_build_has_the_same_bytes(tmp_path: Path, built: dict[str, bytes]) -> None:
    """Whatever the folder, the time zone, the umask and the rights and times of the files; also from the sdist."""
    sdist = next(data for name, data in built.items() if name.endswith(".tar.gz"))
    with tarfile.open(fileobj=io.BytesIO(sdist)) as archive:
        archive.extractall(tmp_path / "elsewhere", filter="data")
    (source,) = (tmp_path / "elsewhere").iterdir()
    for number, path in enumerate(sorted(source.rglob("*"))):
        if path.is_file():
            path.chmod(path.stat().st_mode & 0o700)
            os.utime(path, (number * 1e6, number * 1e6))
    (tmp_path / "second").mkdir()
    before = os.umask(0o077)
    try:
        again = build(source, tmp_path / "second", "Asia/Kathmandu")
    finally:
        os.umask(before)
    digests = [{name: hashlib.sha256(data).hexdigest() for name, data in each.items()} for each in (built, again)]
    assert digests[0] == digests[1]
    assert len(again) == 2


def check_metadata(archive: zipfile.ZipFile) -> None:
    """Check that the wheel carries its licence and says whose it is."""
    (name,) = (name for name in archive.namelist() if name.endswith(".dist-info/METADATA"))
    told = message_from_bytes(archive.read(name))
    assert archive.read(name.replace("METADATA", "licenses/LICENSE")) == (ROOT / "LICENSE").read_bytes()
    assert told["License-Expression"] == "Apache-2.0"
    assert told["License-File"] == "LICENSE"
    assert told["Author"] == "The drs-inventory authors"
    assert told["Keywords"]
    assert "Programming Language :: Python :: 3.11" in told.get_all("Classifier", [])
    assert told.get_all("Project-URL", []) == []


def names_in(sdist: bytes) -> set[str]:
    with tarfile.open(fileobj=io.BytesIO(sdist)) as archive:
        return {name.partition("/")[2] for name in archive.getnames()}


def test_the_sdist_has_every_file_of_the_checkout_and_no_other(built: dict[str, bytes]) -> None:
    """So each check can run from it."""
    names = names_in(next(data for name, data in built.items() if name.endswith(".tar.gz")))
    assert names.isdisjoint(STRAY)
    if not (ROOT / ".git").exists():
        pytest.skip("no checkout of git")
    known = run("git", "ls-files", "-z", "--cached", "--others", "--exclude-standard", cwd=ROOT).split("\0")
    assert names == {name for name in known if (ROOT / name).is_file()} | {"PKG-INFO"}


def test_the_wheel_has_the_package_and_nothing_else(built: dict[str, bytes]) -> None:
    (data,) = (data for name, data in built.items() if name.endswith(".whl"))
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        names = set(archive.namelist())
        check_metadata(archive)
    inside = {name for name in names if ".dist-info/" not in name}
    assert {name.partition("/")[0] for name in inside} == {"inventory"}
    sources = {name: ROOT / name.removeprefix("inventory/") for name in inside}  # of migrations and samples
    assert all((ROOT / name).is_file() or source.is_file() for name, source in sources.items())
    assert {"inventory/mock/estate.py", "inventory/samples/inventory.yaml"} <= names


def test_the_wheel_works_by_itself(installed: Path, tmp_path: Path) -> None:
    where = run(installed, "-c", "import inventory; print(inventory.__file__)", cwd=tmp_path)
    assert Path(where.strip()).is_relative_to(installed.parent.parent)

    inventory = installed.with_name("inventory")
    assert "psycopg not installed\n" in run(inventory, "--version", cwd=tmp_path)  # it is an extra
    shown = run(inventory, "demo", "tried", cwd=tmp_path)
    assert "snapshot 2" in shown
    assert "~ status" in shown
    away = tmp_path / "tried"
    assert run(inventory, "db", "current", cwd=away).strip() == REVISION
    assert "as declared" in run(inventory, "db", "check", cwd=away)
    assert run(inventory, "diff", cwd=away)


def test_the_bill_of_materials_names_what_is_installed_and_no_address(installed: Path) -> None:
    text = describe_environment(installed)
    assert JsonStrictValidator(SchemaVersion.V1_6).validate_str(text) is None
    bill = json.loads(text)
    found = "import importlib.metadata as m; print(*(f'{d.name}=={d.version}' for d in m.distributions()), sep='\\n')"
    there = set(run(installed, "-c", found, cwd=installed.parent).split())
    about = bill["metadata"]["component"]
    assert {f"{part['name']}=={part['version']}" for part in (about, *bill["components"])} == there
    assert (about["purl"], about["version"]) == (f"pkg:pypi/drs-inventory@{__version__}", __version__)
    assert text.count("://") == bill["$schema"].count("://") == 1
    assert str(installed.parent.parent.parent) not in text
    assert str(ROOT) not in text
