"""`demo` works from an empty folder, as does what it says to type next; `export --replay` needs no configuration."""

import json
import re
import shlex
import shutil
import socket
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import ROOT, Command, ran, write_page

SAMPLES = ROOT / "samples"
NIGHTS = (str(SAMPLES / "night-1"), str(SAMPLES / "night-2"))


def files(folder: Path) -> set[str]:
    return {str(file.relative_to(folder)) for file in folder.rglob("*") if file.is_file()}


def commands(shown: str) -> list[str]:
    """Return what is to be typed next."""
    lines = shown.split("Type next:\n")[1].splitlines()
    return [line.partition("  #")[0].strip() for line in lines if line]


def test_what_it_says_to_type_next_works(inventory: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    done = inventory("demo")
    assert (done.returncode, done.stderr) == (0, "")
    first, *rest = commands(done.stdout)
    assert first == "cd inventory-demo"
    assert len(rest) >= 4
    monkeypatch.chdir(tmp_path / "inventory-demo")
    assert "as it is now" not in done.stdout
    for line in rest:
        words = shlex.split(line)
        assert words[0] == "inventory"
        result = inventory(*words[1:])
        assert (result.returncode, result.stderr) == (0, ""), line
    assert (tmp_path / "inventory-demo/changes.html").stat().st_size > 1000
    assert inventory("validate").returncode == 0
    assert inventory("export").stdout.count("imported before") == 2


def test_it_shows_two_snapshots_and_what_changed(tmp_path: Path) -> None:
    shown = ran("demo", "here")
    assert [f"snapshot {number}, complete" in shown for number in (1, 2, 3)] == [True, True, False]
    assert '- job "reporting-old"' in shown
    assert '~ ip = "10.20.4.17" -> "10.20.4.18"' in shown
    assert ran("--config", "here/inventory.yaml", "diff") in shown
    recorded = {f"{night}/{file.name}" for night in ("night-1", "night-2") for file in (SAMPLES / night).iterdir()}
    assert files(tmp_path / "here") - {"inventory.db-wal", "inventory.db-shm"} == {
        "inventory.yaml", "inventory.db", *recorded,
    }  # fmt: skip


def test_it_asks_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    connect = socket.socket.connect
    asked = []

    def noted(self: socket.socket, address: Any) -> None:
        if self.family != socket.AF_UNIX:  # processes of one machine talk by those
            asked.append(address)
        connect(self, address)

    monkeypatch.setattr(socket.socket, "connect", noted)
    monkeypatch.setattr(socket, "getaddrinfo", lambda *address: asked.append(address))
    ran("demo")
    assert asked == []


@pytest.mark.parametrize("there", ["inventory.db", "inventory.yaml", "night-2/0001.json"])
def test_nothing_is_overwritten(inventory: Command, tmp_path: Path, there: str) -> None:
    file = tmp_path / "mine" / there
    file.parent.mkdir(parents=True)
    file.write_text("mine")
    done = inventory("demo", "mine")
    assert (done.returncode, done.stdout) == (64, "")
    assert f"mine/{Path(there).parts[0]} exists already. Nothing was changed. Name another folder" in done.stderr
    assert (files(tmp_path / "mine"), file.read_text()) == ({there}, "mine")


def test_a_folder_may_have_other_files_and_spaces(inventory: Command, tmp_path: Path) -> None:
    (tmp_path / "a b").mkdir()
    (tmp_path / "a b/notes.txt").write_text("mine")
    done = inventory("demo", "a b")
    assert done.returncode == 0, done.stderr
    assert commands(done.stdout)[0] == "cd 'a b'"
    assert (tmp_path / "a b/notes.txt").read_text() == "mine"


@pytest.mark.parametrize("folder", ["file/x", "file", "what?"])
def test_a_folder_that_cannot_be(inventory: Command, tmp_path: Path, folder: str) -> None:
    (tmp_path / "file").write_text("")
    done = inventory("demo", folder)
    assert (done.returncode, done.stdout) == (64, "")
    assert Path(folder).parts[0] in done.stderr
    assert "Traceback" not in done.stderr
    assert files(tmp_path) == {"file"}


def test_a_configuration_of_the_environment_is_left_alone(inventory: Command, tmp_path: Path) -> None:
    """Its database is not written, and what to type next begins by leaving it."""
    variables = {"INVENTORY_DATABASE_URL": "sqlite:///theirs.db", "INVENTORY_CONFIG": "theirs.yaml"}
    done = inventory("demo", "d", **variables)
    assert done.returncode == 0, done.stderr
    assert not (tmp_path / "theirs.db").exists()
    assert commands(done.stdout)[0] == "cd d && unset INVENTORY_CONFIG && unset INVENTORY_DATABASE_URL"
    for option in ("--config", "--database"):
        assert inventory(option, "sqlite:///x.db", "demo", "e").returncode == 64
    assert not (tmp_path / "e").exists()


def test_quiet_is_quiet(tmp_path: Path) -> None:
    assert ran("-q", "demo") == ""
    assert (tmp_path / "inventory-demo/inventory.db").exists()


def sources(*words: str) -> dict[str, int]:
    """Return the names of the sources, each with the number of its snapshots."""
    found: dict[str, int] = {}
    for row in json.loads(ran("snapshots", "--json", *words))["snapshots"]:
        found[row["source"]] = found.get(row["source"], 0) + 1
    return found


def test_a_recording_needs_no_configuration(inventory: Command, tmp_path: Path) -> None:
    done = inventory("export", "--replay", NIGHTS[0])
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("night-1: snapshot 1, complete")
    assert sources() == {"night-1": 1}
    assert (tmp_path / "inventory.db").exists()


def test_several_recordings_are_one_source_by_name(tmp_path: Path) -> None:
    ran("export", "--replay", NIGHTS[0], "--replay", NIGHTS[1], "--source", "sample")
    assert sources() == {"sample": 2}
    assert "1 added, 5 changed, 1 removed" in ran("diff")
    for number in (0, 1):  # as `--record` writes them: a folder for each night, and in it one for each source
        shutil.copytree(NIGHTS[number], tmp_path / f"recorded-{number}/prod")
    words = [word for number in (0, 1) for word in ("--replay", f"recorded-{number}/prod")]
    ran("--database", "sqlite:///other.db", "export", *words)
    assert sources("--database", "sqlite:///other.db") == {"prod": 2}


def test_recordings_of_other_names_are_other_sources() -> None:
    ran("export", "--replay", NIGHTS[0], "--replay", NIGHTS[1])
    assert sources() == {"night-1": 1, "night-2": 1}


def test_the_database_is_the_one_that_is_named(inventory: Command, tmp_path: Path) -> None:
    assert inventory("export", "--replay", NIGHTS[0], INVENTORY_DATABASE_URL="sqlite:///named.db").returncode == 0
    assert (tmp_path / "named.db").exists()
    assert not (tmp_path / "inventory.db").exists()


def test_a_dry_run_of_a_recording() -> None:
    ran("export", "--replay", NIGHTS[0], "--source", "sample")
    shown = ran("export", "--dry-run", "--replay", NIGHTS[1], "--source", "sample")
    assert '- job "reporting-old"' in shown
    assert sources() == {"sample": 1}


def test_a_configuration_beside_a_recording(inventory: Command, tmp_path: Path) -> None:
    """One that is named is an error; one that is only there is not read, and a warning says so."""
    (tmp_path / "inventory.yaml").write_text("not: valid")
    named = inventory("--config", "inventory.yaml", "export", "--replay", NIGHTS[0])
    assert (named.returncode, named.stdout) == (64, "")
    assert "--replay reads no configuration" in named.stderr
    there = inventory("export", "--replay", NIGHTS[0])
    assert there.returncode == 0
    assert "inventory.yaml is not read, because of --replay" in there.stderr


@pytest.mark.parametrize(
    ("folder", "why"),
    [
        ("missing", "missing: the recording cannot be read: No such file"),
        ("empty", "empty: the recording has no pages"),
        ("cut", "cut: the recording was cut off: it has no end.json"),
        ("two words", "two words: the folder's name is not a valid source name. Name the source with --source NAME"),
    ],
)
def test_what_is_no_recording_is_named(inventory: Command, tmp_path: Path, folder: str, why: str) -> None:
    (tmp_path / "empty").mkdir()
    for name in ("cut", "two words"):
        write_page(tmp_path / name, 1, ["j"], {"count": 1, "results": [{"id": "j"}]})
    (tmp_path / "cut/recording.json").write_text("{}")
    done = inventory("export", "--replay", NIGHTS[0], "--replay", folder)
    assert (done.returncode, done.stdout) == (64, "")
    assert f"error: --replay {why}" in done.stderr
    assert not (tmp_path / "inventory.db").exists()


def test_a_page_that_is_broken_is_named(inventory: Command, tmp_path: Path) -> None:
    write_page(tmp_path / "night", 1, ["j"], "{")
    done = inventory("export", "--replay", "night")
    assert done.returncode == 1
    assert re.search(r"night/0001\.json.* is not JSON", done.stderr)


def test_the_folder_that_one_stands_in(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shutil.copytree(NIGHTS[0], tmp_path / "here")
    monkeypatch.chdir(tmp_path / "here")
    ran("--database", "sqlite:///../x.db", "export", "--replay", ".")
    assert sources("--database", "sqlite:///../x.db") == {"here": 1}


@pytest.mark.parametrize("names", [["a", "b"], ["a b"]])
def test_one_name_for_recordings(inventory: Command, names: list[str]) -> None:
    words = [word for name in names for word in ("--source", name)]
    done = inventory("export", "--replay", NIGHTS[0], *words)
    assert (done.returncode, done.stdout) == (64, "")
    assert "--source" in done.stderr
