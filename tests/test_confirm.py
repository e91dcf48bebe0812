"""What destroys asks in a terminal, wants --yes elsewhere, and tells with --dry-run what it would do."""

import json
import os
import pty
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from inventory.schema import REVISION
from tests.conftest import ROOT, Command, here, ran, started
from tests.next_version import NEXT, NextVersion

CONFIG = str(ROOT / "samples/inventory.yaml")
RETIRE = ("sources", "retire", "sample")
PRUNE = ("prune", "--older-than", "2030-01-01")


def typed(answer: str, *words: str, start: Callable[..., subprocess.Popen[str]] = started) -> tuple[int, str]:
    """Run a command in a terminal of its own, in which somebody types; return exit code and screen."""
    ours, theirs = pty.openpty()
    with start(*words, stdin=theirs, stdout=theirs, stderr=theirs) as process:
        os.close(theirs)
        os.write(ours, answer.encode())
        screen = b""
        while True:
            try:
                screen += os.read(ours, 4096)
            except OSError:  # the terminal is closed
                break
        code = process.wait(60)
    os.close(ours)
    return code, screen.decode()


@pytest.fixture
def nights(samples: str) -> tuple[str, ...]:
    """Both nights of the samples."""
    return "--config", CONFIG, "--database", samples


def state(words: tuple[str, ...]) -> tuple[str, str, str]:
    rows = (ran(*words, "snapshots", "--json"), ran(*words, "show", "--json"))
    return *rows, ran(*words, "sources", "list").partition("s ago")[0][:20]


@pytest.mark.parametrize("command", [RETIRE, PRUNE])
def test_no_writes_nothing(nights: tuple[str, ...], command: tuple[str, ...]) -> None:
    before = state(nights)
    for answer in ("n\n", "\n", "nonsense\n", "\x04"):
        code, screen = typed(answer, *nights, *command)
        assert code == 1, screen
        assert "for good" in screen
        assert "[y/N]" in screen
        assert "Nothing was written" in screen
    assert state(nights) == before


@pytest.mark.parametrize(("command", "done"), [(RETIRE, "Retired "), (PRUNE, "pruned 1 snapshot, kept 1")])
def test_yes_does_it(nights: tuple[str, ...], command: tuple[str, ...], done: str) -> None:
    code, screen = typed("y\n", *nights, *command)
    assert code == 0, screen
    assert done in screen


@pytest.mark.parametrize("command", [RETIRE, PRUNE])
def test_in_a_terminal_yes_is_an_option_too(nights: tuple[str, ...], command: tuple[str, ...]) -> None:
    code, screen = typed("", *nights, *command, "--yes")
    assert code == 0, screen
    assert "[y/N]" not in screen


def test_the_question_says_what_goes(nights: tuple[str, ...]) -> None:
    count = json.loads(ran(*nights, "show", "--json"))["count"]
    assert count > 1
    assert f"would close {count} jobs." in ran(*nights, *RETIRE, "--dry-run")
    assert f"close {count} jobs?" in typed("n\n", *nights, *RETIRE)[1]
    assert "Drop 1 snapshot and " in typed("n\n", *nights, *PRUNE)[1]


@pytest.mark.parametrize("command", [RETIRE, PRUNE])
def test_a_dry_run_asks_and_writes_nothing(nights: tuple[str, ...], command: tuple[str, ...]) -> None:
    before = state(nights)
    code, screen = typed("", *nights, *command, "--dry-run")
    assert code == 0, screen
    assert "would " in screen
    assert "[y/N]" not in screen
    assert state(nights) == before


def test_without_a_terminal_retire_wants_yes(nights: tuple[str, ...], inventory: Command) -> None:
    before = state(nights)
    refused = inventory(*nights, *RETIRE)
    assert refused.returncode == 64
    assert "Add --yes" in refused.stderr
    assert state(nights) == before


def test_without_a_terminal_prune_does_not_ask(nights: tuple[str, ...], inventory: Command) -> None:
    """As in a line of cron."""
    assert "pruned 1 snapshot, kept 1" in inventory(*nights, *PRUNE).stdout


def test_nothing_to_prune_is_not_asked(nights: tuple[str, ...]) -> None:
    code, screen = typed("", *nights, "prune", "--older-than", "2020-01-01")
    assert code == 0, screen
    assert "nothing to prune" in screen


@pytest.mark.empty_database
def test_a_downgrade_asks_and_copies(
    database: str, tmp_path: Path, next_version: NextVersion, inventory: Command
) -> None:
    next_version.ran("--database", database, "db", "upgrade")
    words = ("--database", database, "db", "downgrade", REVISION)
    assert "Add --yes" in next_version.ran(*words, code=64)
    code, screen = typed("n\n", *words, start=next_version.started)
    assert (code, f"from revision {NEXT} to {REVISION}" in screen) == (1, True), screen
    told = next_version.ran(*words, "--dry-run")
    assert "Nothing was changed" in told
    assert "  - table disks\n" in told
    assert "  - column jobs.inst_info_engine_version\n" in told
    assert len(told.splitlines()) == 5  # what is said, two tables and a column of two tables
    assert next_version.ran("--database", database, "db", "current").strip() == NEXT
    assert "as declared" in next_version.ran("--database", database, "db", "check")
    assert not list(tmp_path.glob("*.backup"))
    code, screen = typed("y\n", *words, start=next_version.started)
    assert code == 0, screen
    assert ran("--database", database, "db", "current").strip() == REVISION
    copies = list(tmp_path.glob(f"*.{NEXT}.*.backup"))
    assert len(copies) == database.startswith("sqlite")
    for copy in copies:
        assert "as declared" in next_version.ran("--database", f"sqlite:///{copy}", "db", "check")


def test_a_downgrade_that_is_refused_leaves_no_copy(nights: tuple[str, ...], tmp_path: Path) -> None:
    for revision, said in (("base", "has rows"), ("9999", "9999"), (REVISION, f"at revision {REVISION} already")):
        for option in ("--yes", "--dry-run"):
            assert said in refused(*nights, "db", "downgrade", revision, option)
    assert not list(tmp_path.glob("*.backup"))
    assert "as declared" in ran(*nights, "db", "check")


def refused(*words: str) -> str:
    done = here(*words)
    assert done.returncode == 1, done
    assert "Traceback" not in done.stderr
    return done.stderr
