"""Each command as a new Python: it imports what it needs, in an order that works.

Elsewhere commands run within the tests' process, or are forks of one that has all modules.
"""

import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from inventory.cli import main
from tests.conftest import COMMAND, ROOT

SAMPLES = str(ROOT / "samples/inventory.yaml")
WORDS: dict[str, tuple[str, int]] = {  # command -> what follows it, and the exit code; after two nights were exported
    "check explain": ("failed", 0),
    "check history": ("", 0),
    "check list": ("", 0),
    "check waive": ("failed x --reason r --until 2030-01-01", 64),
    "report": ("", 0),
    "bundle": ("2 --out b.zip", 0),
    "completion": ("bash", 0),
    "config show": ("--json", 0),
    "db check": ("--json", 0),
    "db current": ("", 0),
    "db downgrade": ("base --yes", 1),
    "db grants": ("--role reader --to x", 64),
    "db stamp": ("", 0),
    "db upgrade": ("--sql", 0),
    "demo": ("demo", 0),
    "diff": ("--format html", 0),
    "doctor": ("", 0),
    "export": ("--metrics-file m.prom --require-complete", 0),
    "findings": ("--json", 0),
    "help": ("diff", 0),
    "init": ("new.yaml", 0),
    "log": ("--json", 0),
    "mock-server": ("--list-scenarios", 0),
    "plan": ("", 0),
    "query": ("--report failed", 0),
    "prune": ("--keep-daily 1 --yes", 0),
    "schema": ("--format sql --dialect postgresql", 0),
    "show": ("--json", 0),
    "snapshots": ("--json", 0),
    "sources list": ("", 0),
    "sources rename": ("sample other", 0),
    "sources retire": ("sample --yes", 0),
    "validate": ("", 0),
    "verify": ("", 0),
}


def commands(group: click.Group = main, before: str = "") -> Iterator[str]:
    for name, command in group.commands.items():
        if isinstance(command, click.Group):
            yield from commands(command, f"{before}{name} ")
        else:
            yield before + name


def test_every_command_is_here() -> None:
    assert WORDS.keys() == set(commands())


@pytest.mark.parametrize("command", WORDS)
def test_a_command_starts_as_a_new_python(sqlite_samples: Path, command: str) -> None:
    shutil.copy(sqlite_samples, "x.db")
    words, code = WORDS[command]
    options = () if command == "demo" else ("--config", SAMPLES, "--database", "sqlite:///x.db")
    done = subprocess.run(
        [*COMMAND, *options, *command.split(), *words.split()],
        capture_output=True, text=True, check=False, timeout=60, env={**os.environ, "PYTHONPATH": str(ROOT)},
    )  # fmt: skip
    assert done.returncode == code, done.stderr
    assert "Traceback" not in done.stderr
    assert done.stdout or code
