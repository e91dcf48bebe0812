"""Runs what a page shows, and compares what is printed with what the page says."""

import contextlib
import doctest
import re
import tempfile
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path

from inventory.mock import DrsServer, make_estate
from tests.docs.blocks import Block, blocks_of
from tests.docs.shell import Shell

__all__ = ["Difference", "commands_of", "differences", "is_alike", "rewritten"]

JOBS = 24
FOLDER = "/srv/inventory"  # what pages call the folder that they run in
COMPARED = doctest.OutputChecker()
FLAGS = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE
# What differs from run to run, or from machine to machine. A page shows one value, and each is as good.
VARYING = (
    r"\b[0-9a-f]{64}\b", r"\b[0-9a-f]{16}\b", r"(?<=\bpid )\d+", r"(?<=\b127\.0\.0\.1:)\d+",
    r"\d{4}-\d\d-\d\d[ T]\d\d:\d\d:\d\d(?:\.\d+)?", r"\b\d{4}-\d\d-\d\d\b",
    r"\brevision\s+\d{4}\b", r'"(?:revision|needed)": "\d{4}"',
    r"\b\d+(?:\.\d+)? (?:ms|s|h|KiB|MiB|GiB|TiB|bytes)\b", r'(?<="seconds": )\d+\.\d+',
)  # fmt: skip

# Line of the page where the output begins, how many lines it has, what they say, what was printed, before each line.
Difference = tuple[int, int, str, str, str]


def differences(
    page: Path, shell: Shell, postgresql: Callable[[], tuple[str, Path]] = lambda: ("", Path())
) -> Iterator[Difference]:
    """Run a page; yield where it says otherwise than what was printed.

    Raises:
        AssertionError: a command of `sh`, or one that readers do not see, failed.
    """
    with contextlib.ExitStack() as stack:
        services: list[DrsServer] = []
        shell.shown |= {str(shell.folder): FOLDER, f" {tempfile.gettempdir()};": " /tmp;"}
        for block in blocks_of(page):
            if block.kind == "with" and block.text == "postgresql":
                url, tools = postgresql()
                shell.export(INVENTORY_DATABASE_URL=url)
                shell.on_path(tools)
            elif block.kind == "with":
                services.append(stack.enter_context(_account(shell, block.text.split()[1])))
            elif block.kind == "night":
                for service in services:
                    service.next_night()
            elif block.kind == "file":
                (_folder(shell) / block.name).parent.mkdir(parents=True, exist_ok=True)
                (_folder(shell) / block.name).write_text(block.text)
            else:
                yield from _commands(page, shell, block)


def _commands(page: Path, shell: Shell, block: Block) -> Iterator[Difference]:
    if block.kind == "console":
        for line, command, expected in commands_of(block):
            printed = shell.run(command)
            if not is_alike(expected, printed):
                yield line, expected.count("\n"), expected, printed, block.indent
        return
    if block.kind == "sql":
        (_folder(shell) / ".query.sql").write_text(block.text)
    printed = shell.run("inventory query .query.sql" if block.kind == "sql" else block.text)
    assert shell.code() == 0, f"{page.name}:{block.line}: {block.text}\n{printed}"
    if block.printed is not None and not is_alike(block.printed, printed):
        line = block.line + block.text.count("\n") + 1  # the closing fence
        found = _text_after(page, line)
        yield found, block.printed.count("\n"), block.printed, printed, block.indent


def _text_after(page: Path, line: int) -> int:
    lines = page.read_text().splitlines()
    while not lines[line - 1].strip().startswith("```text"):
        line += 1
    return line + 1


def is_alike(expected: str, printed: str) -> bool:
    """Tell whether what was printed is what the page says, where `...` stands for anything."""
    one, other = ("\n".join(line.rstrip() for line in text.strip().splitlines()) + "\n" for text in (expected, printed))
    if COMPARED.check_output(one, other, FLAGS):
        return True
    for varying in VARYING:
        one, other = (re.sub(varying, "#", text) for text in (one, other))
    return COMPARED.check_output(one, other, FLAGS)


def commands_of(block: Block) -> Iterator[tuple[int, str, str]]:
    """Yield of each command of a `console` block: the line where its output begins, the command, its output."""
    lines = block.text.splitlines()
    assert lines[0].startswith("$ "), f"line {block.line}: a block of console begins with a command"
    number = 0
    while number < len(lines):
        command = [lines[number][2:]]
        number += 1
        while number < len(lines) and lines[number].startswith("> "):
            command.append(lines[number][2:])
            number += 1
        begins = number
        while number < len(lines) and not lines[number].startswith("$ "):
            number += 1
        yield block.line + begins, "\n".join(command), "".join(f"{line}\n" for line in lines[begins:number])


def rewritten(page: Path, found: list[Difference]) -> str:
    """Return the page with what was printed in the place of what it says."""
    lines = page.read_text().splitlines()
    for line, count, expected, printed, indent in sorted(found, reverse=True):
        old, new = expected.splitlines(), printed.strip("\n").splitlines()
        if len(old) == len(new):  # a line that is as good as what was printed stays
            new = [mine if is_alike(mine, theirs) else theirs for mine, theirs in zip(old, new, strict=True)]
        lines[line - 1 : line - 1 + count] = [f"{indent}{each}".rstrip() for each in new]
    return "\n".join(lines) + "\n"


def _folder(shell: Shell) -> Path:
    return Path(shell.run("pwd").strip().replace(FOLDER, str(shell.folder)))


def _account(shell: Shell, region: str) -> AbstractContextManager[DrsServer]:
    """Start a service for a region, and set the variables by which it is found."""
    server = DrsServer(make_estate(JOBS))
    server.region = server.project_name = region
    server.access_key, server.secret_key = "AKIDEXAMPLE000000001", "example-secret-key"
    server.bind()
    shell.shown[server.url] = f"https://drs.{region}.myhuaweicloud.com"
    drs = f"HUAWEICLOUD_SDK_REGION_DRS_{region.upper().replace('-', '_')}"
    shell.export(
        **{drs: server.url, "HW_AUTH_URL": server.url},
        HW_ACCESS_KEY=server.access_key, HW_SECRET_KEY=server.secret_key,
    )  # fmt: skip
    return server
