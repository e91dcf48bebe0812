"""Bad input ends in one clear message and the contract's exit code: never a traceback, a secret, or half a database."""

import sqlite3
from pathlib import Path

import pytest

from tests.conftest import Command, write_page

SECRET = "t0ken-value"
LIVE = f"{{name: a, region: cn-north-4, project_id: p, auth: {{token: {SECRET}}}, jobs: [x]}}"
REPLAY = "sources: [{name: s, replay: [n]}]\n"

CONFIGURATIONS = {
    "not YAML": ("sources: [", "not YAML"),
    "empty": ("", "empty"),
    "a list": ("[1]", "keys are needed"),
    "unknown key": (f"databse: x\nsources: [{LIVE}]", "c.yaml:1: databse: unknown key; do you mean database?"),
    "unset variable": (f"database: ${{NOT_SET}}\nsources: [{LIVE}]", "NOT_SET is not set"),
    "wrong type": (f"defaults: {{page_size: many}}\nsources: [{LIVE}]", "whole number from 0 to 100"),
    "no jobs": ("sources: [{name: a, region: r, project_id: p, auth: {token: t}}]", "needs jobs"),
    "all jobs": (f"sources: [{LIVE.replace('[x]', 'all')}]", "not built yet"),
    "twice the name": (f"sources: [{LIVE}, {LIVE.replace('project_id: p', 'project_id: q')}]", "the same name"),
    "twice the project": (f"sources: [{LIVE}, {LIVE.replace('name: a', 'name: b')}]", "the same project and region"),
    "http": (f"sources: [{LIVE.replace('region: cn-north-4', 'endpoint: http://example.com')}]", "use https"),
    "no such column": (f"redact: [jobs.nam]\nsources: [{LIVE}]", "do you mean jobs.name?"),
    "missing ids": (f"sources: [{LIVE.replace('[x]', '{file: no.txt}')}]", "no.txt cannot be read"),
}


@pytest.mark.parametrize("case", CONFIGURATIONS)
def test_a_wrong_configuration_is_told_with_its_place(tmp_path: Path, inventory: Command, case: str) -> None:
    text, said = CONFIGURATIONS[case]
    (tmp_path / "c.yaml").write_text(text)
    for command in ("validate", "export"):
        done = inventory("--config", "c.yaml", command)
        assert done.returncode == 64, done.stdout + done.stderr
        assert said in done.stderr
        assert "c.yaml:" in done.stderr
        assert "Traceback" not in done.stderr
        assert SECRET not in done.stderr
    assert not (tmp_path / "inventory.db").exists()


def test_every_fault_is_told_at_once(tmp_path: Path, inventory: Command) -> None:
    (tmp_path / "c.yaml").write_text(f"colour: red\nsecrets: maybe\nsources: [{LIVE}]\nretention: {{keep_daily: x}}\n")
    told = inventory("--config", "c.yaml", "validate").stderr.splitlines()
    assert [line.split(": ")[1] for line in told] == ["c.yaml:1", "c.yaml:2", "c.yaml:4"]


def test_who_only_reads_needs_no_credentials(tmp_path: Path, inventory: Command) -> None:
    (tmp_path / "c.yaml").write_text(f"sources: [{LIVE.replace(SECRET, chr(34) + '${NOT_SET}' + chr(34))}]")
    done = inventory("--config", "c.yaml", "diff")
    assert (done.returncode, "no database" in done.stderr) == (1, True)
    assert not (tmp_path / "inventory.db").exists()


@pytest.mark.parametrize(
    ("database", "code"),
    [("mysql://h/x", 64), ("nothing", 64), ("sqlite://", 64), ("sqlite:///.", 1), ("sqlite:///no/x.db", 1),
     ("sqlite:///text.db", 1), ("sqlite:///future.db", 1), ("postgresql://u:t0ken-value@127.0.0.1:1/x", 1)],
)  # fmt: skip
def test_a_database_that_cannot_be_used(tmp_path: Path, inventory: Command, database: str, code: int) -> None:
    (tmp_path / "text.db").write_text("not a database at all, but long enough to be read as one" * 20)
    with sqlite3.connect(tmp_path / "future.db") as future:
        future.executescript(
            "CREATE TABLE alembic_version (version_num TEXT); INSERT INTO alembic_version VALUES ('9999')"
        )
    future.close()
    before = {file: file.read_bytes() for file in tmp_path.glob("*.db")}
    (tmp_path / "c.yaml").write_text(REPLAY)
    write_page(tmp_path / "n", 1, ["j"], {"count": 0, "results": []})
    for command in ("export", "diff", "snapshots", "show"):
        done = inventory("--config", "c.yaml", "--database", database, command)
        assert done.returncode == code, (command, done.stdout, done.stderr)
        assert done.stderr.startswith("error: ")
        assert "Traceback" not in done.stderr
        assert SECRET not in done.stderr
    assert {file: file.read_bytes() for file in tmp_path.glob("*.db")} == before


@pytest.mark.parametrize("content", [None, b"", b"{", b'{"a": 1}', b"\xff\xfe", b"[" * 100000, b'{"time": NaN}'])
def test_a_recording_that_cannot_be_read(tmp_path: Path, inventory: Command, content: bytes | None) -> None:
    (tmp_path / "c.yaml").write_text(REPLAY)
    for name in ("0001.json", "0002.json.gz"):
        if content is not None:
            (tmp_path / "n").mkdir(exist_ok=True)
            (tmp_path / "n" / name).write_bytes(content)
    done = inventory("--config", "c.yaml", "export")
    assert done.returncode == 1, done.stdout
    assert done.stderr.startswith("error: s: ")
    assert ("0001.json" in done.stderr) == (content is not None)
    assert "Traceback" not in done.stderr
    assert "no snapshot" in inventory("--config", "c.yaml", "snapshots").stdout


WRONG = ("diff yesterday", "diff --table t", "nonsense", "show --no", "export --source x", "export --max-removals lots")


@pytest.mark.parametrize("arguments", [line.split() for line in WRONG])
def test_a_wrong_command_line_is_64(tmp_path: Path, inventory: Command, arguments: list[str]) -> None:
    (tmp_path / "c.yaml").write_text(REPLAY)
    write_page(tmp_path / "n", 1, ["j"], {"count": 1, "results": [{"id": "j", "name": "n"}]})
    assert inventory("--config", "c.yaml", "export").returncode == 0
    done = inventory("--config", "c.yaml", *arguments)
    assert done.returncode == 64, done.stderr
    assert "Traceback" not in done.stderr


def test_an_older_recording_is_refused(tmp_path: Path, inventory: Command) -> None:
    job = {"count": 1, "results": [{"id": "j", "name": "n"}]}
    for folder, day in (("n", "2026-11-02"), ("old", "2026-11-01")):
        write_page(tmp_path / folder, 1, ["j"], job, time=f"{day}T01:00:00Z")
    (tmp_path / "c.yaml").write_text("sources: [{name: s, replay: [n, old]}]\n")
    done = inventory("--config", "c.yaml", "export")
    assert (done.returncode, "before the last snapshot" in done.stderr) == (1, True)
