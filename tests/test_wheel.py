"""The wheel alone, installed where no checkout is: its migrations and recordings come with it."""

import os
import shutil
import subprocess
import sys
import venv
import zipfile
from email import message_from_bytes
from pathlib import Path

from inventory.schema import REVISION
from tests.conftest import ROOT


def run(*command: str | Path, cwd: Path) -> str:
    """Run a program that must succeed, with nothing of the checkout in its path."""
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    result = subprocess.run(
        [str(part) for part in command], cwd=cwd, env=environment, capture_output=True, text=True, check=False,
        timeout=600,
    )  # fmt: skip
    assert result.returncode == 0, result.stdout + result.stderr
    return result.stdout


def check_metadata(wheel: Path) -> None:
    """Check that the wheel carries its licence and says whose it is."""
    with zipfile.ZipFile(wheel) as archive:
        (name,) = (name for name in archive.namelist() if name.endswith(".dist-info/METADATA"))
        told = message_from_bytes(archive.read(name))
        assert archive.read(name.replace("METADATA", "licenses/LICENSE")) == (ROOT / "LICENSE").read_bytes()
    assert told["License-Expression"] == "Apache-2.0"
    assert told["License-File"] == "LICENSE"
    assert told["Author"] == "The drs-inventory authors"
    assert told["Keywords"]
    assert "Programming Language :: Python :: 3.11" in told.get_all("Classifier", [])
    assert told.get_all("Project-URL", []) == []


def test_the_wheel_works_by_itself(tmp_path: Path) -> None:
    source, away = tmp_path / "source", tmp_path / "away"
    source.mkdir()
    away.mkdir()
    for name in ("inventory", "migrations", "samples"):
        shutil.copytree(ROOT / name, source / name, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, source / name)
    run(sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", tmp_path / "dist", source, cwd=tmp_path)
    (wheel,) = (tmp_path / "dist").glob("*.whl")
    shutil.rmtree(source)
    check_metadata(wheel)

    venv.create(tmp_path / "venv", with_pip=False)  # the pip of the tests installs there
    folder = tmp_path / "venv" / ("Scripts" if os.name == "nt" else "bin")
    constraints = ROOT / "tests/constraints.txt"
    pip = (sys.executable, "-m", "pip", "--python", folder / "python")
    run(*pip, "install", "--quiet", "--no-compile", "-c", constraints, wheel, cwd=away)
    where = run(folder / "python", "-c", "import inventory; print(inventory.__file__)", cwd=away)
    assert Path(where.strip()).is_relative_to(tmp_path / "venv")

    inventory = folder / "inventory"
    assert "psycopg not installed\n" in run(inventory, "--version", cwd=away)  # it is an extra
    shown = run(inventory, "demo", "tried", cwd=away)
    assert "snapshot 2" in shown
    assert "~ status" in shown
    away /= "tried"
    assert run(inventory, "db", "current", cwd=away).strip() == REVISION
    assert "as declared" in run(inventory, "db", "check", cwd=away)
    assert run(inventory, "diff", cwd=away)
