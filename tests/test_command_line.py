"""The command line: help of every command, global options anywhere, JSON, files, pager, versions, completion."""

import json
import os
import pty
import re
import select
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from inventory.cli import SECTIONS, main
from tests.conftest import ROOT, Command, program, started

SAMPLES = str(ROOT / "samples" / "inventory.yaml")


def commands(group: click.Group = main, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], click.Command]]:
    for name, command in group.commands.items():
        if isinstance(command, click.Group):
            yield from commands(command, (*path, name))
        else:
            yield (*path, name), command


def shown(path: tuple[str, ...]) -> str:
    """Return the help of a command at 80 columns."""
    context = click.Context(main, info_name="inventory", terminal_width=80, **main.context_settings)
    command: click.Command = main
    for name in path:
        assert isinstance(command, click.Group)
        command = command.commands[name]
        context = click.Context(command, info_name=name, parent=context, terminal_width=80, **command.context_settings)
    return context.get_help()


@pytest.mark.parametrize("path", [path for path, _ in commands()], ids=" ".join)
def test_the_help_of_a_command_is_whole(path: tuple[str, ...]) -> None:
    command = dict(commands())[path]
    text = shown(path)
    assert not [line for line in text.splitlines() if len(line) > 80 and not line.startswith("  inventory")]
    assert "..." not in re.sub(r"\[\w+\]\.\.\.", "", text)
    assert not [c for c in text if ord(c) < 32 and c != "\n"]
    assert r"\b" not in text
    _, found, examples = text.partition("Examples:\n")
    assert found
    assert len(examples.strip().splitlines()) >= 2
    for param in command.params:
        if isinstance(param, click.Option):
            assert param.help, param.name
            has_default = param.default not in (None, False) and not param.is_flag and not param.multiple
            if has_default and isinstance(param.default, str | int | float) and not param.hidden:
                assert f"default: {param.default}" in re.sub(r"\s+", " ", text), param.name
        elif isinstance(param, click.Argument):
            assert getattr(param, "explained", ""), param.name


def test_each_example_is_a_command_line_that_is_understood() -> None:
    for _, command in commands():
        for example in getattr(command, "examples", ()):
            words = shlex.split(re.split(r" [>&|]", example)[0])
            assert words[0] == "inventory", example
            rest = words[3:] if words[1] == "--config" else words[1:]
            below: click.Command = main
            while isinstance(below, click.Group):
                name, *rest = rest
                below = below.commands[name]
            below.make_context(name, list(rest))  # raises where an option or an argument is wrong


@pytest.mark.parametrize("words", [(), ("db",), ("sources",)])
def test_a_group_alone_shows_its_help(inventory: Command, words: tuple[str, ...]) -> None:
    done = inventory(*words)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == inventory(*words, "--help").stdout
    assert "\x1b" not in done.stdout
    assert "\\u" not in done.stdout


def test_every_command_stands_in_one_section(inventory: Command) -> None:
    listed = [str(command.name) for section in SECTIONS.values() for command in section]
    assert sorted(listed) == sorted(main.commands)
    lines = inventory("help").stdout.splitlines()
    for name in listed:
        (line,) = [line for line in lines if line.startswith(f"  {name} ")]
        assert line.endswith(".")
        assert len(line) <= 80


def test_help_of_a_command(inventory: Command) -> None:
    assert inventory("help", "db", "upgrade").stdout == inventory("db", "upgrade", "--help").stdout
    done = inventory("help", "db", "upgrad")
    assert done.returncode == 64
    assert "no command 'db upgrad'" in done.stderr


def test_a_wrong_command_names_the_nearest(inventory: Command) -> None:
    done = inventory("exprot")
    assert (done.returncode, done.stdout) == (64, "")
    assert done.stderr == "error: no command 'exprot'. Did you mean 'export'? `inventory --help` lists the commands\n"
    assert "`inventory show --help`" in inventory("show", "--snapshot").stderr


@pytest.fixture
def exported(sqlite_samples: Path) -> None:
    shutil.copy(sqlite_samples, "x.db")


@pytest.mark.usefixtures("exported")
def test_global_options_stand_before_or_after(inventory: Command) -> None:
    options = ("--config", SAMPLES, "--database", "sqlite:///x.db")
    before, after = inventory(*options, "snapshots"), inventory("snapshots", *options)
    assert before.returncode == after.returncode == 0
    assert before.stdout == after.stdout
    assert inventory("diff", "-q", *options).stdout == ""
    later = inventory("--database", "sqlite:///nowhere.db", "snapshots", *options)
    assert later.stdout == before.stdout


@pytest.mark.usefixtures("exported")
@pytest.mark.parametrize(
    "words",
    [("diff",), ("log",), ("snapshots",), ("show",), ("verify",), ("sources", "list"), ("plan",), ("db", "current"),
     ("db", "check"), ("validate",), ("doctor",), ("prune", "--keep-daily", "9", "--dry-run"), ("export",),
     ("export", "--dry-run")],
    ids=" ".join,
)  # fmt: skip
def test_json_before_or_after_is_one_document(inventory: Command, words: tuple[str, ...]) -> None:
    options = ("--config", SAMPLES, "--database", "sqlite:///x.db")
    after, before = inventory(*words, "--json", *options), inventory("--json", *words, *options)
    assert after.returncode == before.returncode == 0, after.stderr
    assert isinstance(json.loads(after.stdout), dict | list)
    assert isinstance(json.loads(before.stdout), dict | list)
    if words[0] not in ("export", "doctor", "sources"):  # these say what differs from run to run
        assert json.loads(after.stdout) == json.loads(before.stdout)


@pytest.mark.usefixtures("exported")
def test_a_file_is_written_whole_or_not_at_all(inventory: Command, tmp_path: Path) -> None:
    options = ("--config", SAMPLES, "--database", "sqlite:///x.db")
    plain = inventory("diff", *options).stdout
    done = inventory("diff", "-o", "out.txt", *options)
    assert (done.returncode, done.stdout) == (0, "")
    assert Path("out.txt").read_text(encoding="utf-8") == plain
    kept = inventory("diff", "77", "-o", "out.txt", *options)
    assert kept.returncode == 1
    assert Path("out.txt").read_text(encoding="utf-8") == plain
    assert inventory("-q", "diff", "-o", "quiet.txt", *options).returncode == 0
    assert Path("quiet.txt").read_text(encoding="utf-8") == plain
    wrong = inventory("diff", "-o", "no/such/out.txt", *options)
    assert (wrong.returncode, wrong.stdout) == (64, "")
    assert "--output no/such/out.txt: " in wrong.stderr
    assert inventory("diff", "-o", "-", *options).stdout == plain
    assert [path.name for path in tmp_path.iterdir() if path.name.startswith(".out")] == []


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no /dev/full")
@pytest.mark.usefixtures("exported")
def test_a_device_is_written_to_and_not_replaced(inventory: Command) -> None:
    options = ("--config", SAMPLES, "--database", "sqlite:///x.db")
    done = inventory("diff", "-o", "/dev/full", *options)
    assert done.returncode == 1
    assert Path("/dev/full").is_char_device()


def test_the_versions(inventory: Command) -> None:
    found = json.loads(inventory("--version", "--json").stdout)
    assert {"inventory", "revision", "python", "sqlite", "sqlalchemy", "psycopg", "platform"} <= found.keys()
    assert found["python"] == ".".join(map(str, sys.version_info[:3]))
    text = inventory("--version").stdout
    assert text.startswith(f"inventory {found['inventory']}, database revision {found['revision']}\n")
    assert f"sqlalchemy {found['sqlalchemy']}\n" in text


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_is_printed_for_a_shell(inventory: Command, shell: str) -> None:
    done = inventory("completion", shell)
    assert done.returncode == 0
    assert f"_INVENTORY_COMPLETE={shell}_complete" in done.stdout


@pytest.mark.usefixtures("exported")
@pytest.mark.parametrize(
    ("words", "values"),
    [
        ("diff --table ta", ["tags"]),
        (f"--config {SAMPLES} diff --source ", ["sample"]),
        ("--database sqlite:///x.db diff ", ["latest", "latest~1", "2", "1"]),
        ("--database sqlite:///none.db diff ", ["latest", "latest~1"]),
        ("--config none.yaml diff --source ", []),
    ],
)
def test_values_are_completed(words: str, values: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    line = ["inventory", *words.split(" ")]
    monkeypatch.setenv("_INVENTORY_COMPLETE", "bash_complete")
    monkeypatch.setenv("COMP_WORDS", " ".join(line))
    monkeypatch.setenv("COMP_CWORD", str(len(line) - 1))
    code = "from inventory.cli import main; main(prog_name='inventory')"
    out, err = program(code, stdout=subprocess.PIPE, stderr=subprocess.PIPE).communicate()
    assert [each.partition(",")[2] for each in out.split()] == values
    assert err == ""


def in_terminal(*words: str, lines: int = 10, **variables: str) -> str:
    """Run a command in a terminal of 80 columns; return what it shows."""
    import fcntl
    import struct
    import termios

    control, terminal = pty.openpty()
    fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", lines, 80, 0, 0))
    variables = {"TERM": "xterm", **variables}
    with pytest.MonkeyPatch.context() as environment:
        environment.delenv("NO_COLOR")
        for name, value in variables.items():
            environment.setenv(name, value)
        process = started(*words, stdin=terminal, stdout=terminal, stderr=terminal)
    with process as run:
        os.close(terminal)
        seen = b""
        while True:
            ready, _, _ = select.select([control], [], [], 60)
            try:
                piece = os.read(control, 65536) if ready else b""
            except OSError:
                piece = b""
            if not piece:
                break
            seen += piece
        run.kill()
    os.close(control)
    return seen.decode()


@pytest.mark.usefixtures("exported")
def test_what_is_longer_than_the_terminal_goes_to_a_pager(tmp_path: Path) -> None:
    pager = tmp_path / "pager"
    pager.write_text("#!/bin/sh\necho PAGED\ncat\n")
    pager.chmod(0o755)
    words = ("diff", "--config", SAMPLES, "--database", "sqlite:///x.db")
    assert "PAGED" in in_terminal(*words, PAGER=str(pager))
    assert "\x1b[31m" in in_terminal(*words, PAGER=str(pager))
    assert "PAGED" not in in_terminal(*words, "--no-pager", PAGER=str(pager))
    assert "PAGED" not in in_terminal(*words, PAGER="cat")


@pytest.mark.usefixtures("exported")
@pytest.mark.parametrize("style", ["table", "csv", "json", "jsonl", "markdown"])
def test_no_text_of_a_query_steers_a_terminal(tmp_path: Path, style: str) -> None:
    """CSV is exact in a file and in a pipe, where other programs read it."""
    hostile = "\x1b]0;x\x07\x9b2J\u202e"
    parts = " || ".join(f"char({ord(each)})" for each in f"{hostile}\r\n")
    sql = f'SELECT {parts} AS a, 1 AS "c{hostile}"'
    words = ("--database", "sqlite:///x.db", "query", sql, "--full", "--format", style)
    seen = in_terminal(*words, "--no-pager", NO_COLOR="1")
    assert not set(hostile) & set(seen) - set("]0;x2J"), seen
    assert re.search(r"\\u001b\]0;x\\u0007\\u009b2J\\u202e\\(u000d\\u000a|r\\n)", seen), seen
    if style == "csv":
        in_terminal(*words, "-o", str(tmp_path / "x.csv"))
        with (tmp_path / "y.csv").open("wb") as file, started(*words, stdout=file, PYTHONUTF8="1") as run:
            assert run.wait() == 0
        for name in ("x.csv", "y.csv"):
            assert (tmp_path / name).read_bytes() == f'a,c{hostile}\r\n"{hostile}\r\n",1\r\n'.encode()


@pytest.mark.usefixtures("exported")
def test_in_a_terminal_what_is_said_of_a_job_is_wrapped() -> None:
    seen = in_terminal("diff", "--no-pager", "--config", SAMPLES, "--database", "sqlite:///x.db", NO_COLOR="")
    plain = re.sub(r"\x1b\[\d*m", "", seen).replace("\r", "").splitlines()
    at = plain.index('  - job "reporting-old" (d19c4e70-82a6-4f5b-a0d4-3c6b90fjb101)')
    assert plain[at + 1].startswith("      RELEASE_RESOURCE_COMPLETE, ")
    assert all(len(line) <= 80 for line in plain[at : at + 3])
