"""The command line: of each command what it does, its arguments, its options, examples and exit codes."""

import inspect
from collections.abc import Iterable, Iterator, Sequence

import click

from inventory.cli import main
from inventory.cli.group import Argument
from inventory.common.errors import ExitCode
from tests.docs.markdown import code, joined, table

__all__ = ["leaves", "part"]

EXITS = {  # the codes of a command besides 0, 1 and 64; those of its options are added
    "check": [ExitCode.PARTIAL], "export": [ExitCode.CHANGES, ExitCode.PARTIAL], "plan": [ExitCode.PARTIAL],
    "db downgrade": [ExitCode.BUSY],
}  # fmt: skip
OF_OPTIONS = {"lock_timeout": ExitCode.BUSY, "fail_on": ExitCode.CHANGES}


def leaves(group: click.Group = main, path: tuple[str, ...] = ()) -> Iterator[tuple[str, click.Command]]:
    """Yield the commands, and the groups that do something alone, in the order of the help."""
    in_help = [name for section in main.sections.values() for name in section]
    for name in in_help if group is main else sorted(group.commands):
        command = group.commands[name]
        words = (*path, name)
        if not isinstance(command, click.Group) or command.invoke_without_command:
            yield " ".join(words), command
        if isinstance(command, click.Group):
            yield from leaves(command, words)


def part() -> str:
    """Return the list of commands, the global options, and a section for each command."""
    found = list(leaves())
    assert EXITS.keys() <= {name for name, _ in found}
    rows = ((f"[`{name}`](#{name.replace(' ', '-')})", _first(command)) for name, command in found)
    lines = [*table(("command", "does"), rows), "", "## Global options { #global-options }", ""]
    lines += ["They stand before or after the command.", "", *_options(main.params)]
    for name, command in found:
        lines += ["", *_section(name, command)]
    return joined(lines)


def _first(command: click.Command) -> str:
    return (command.help or "").strip().partition("\n\n")[0].replace("\n", " ")


def _section(name: str, command: click.Command) -> Iterator[str]:
    context = click.Context(command, info_name=name, parent=click.Context(main, info_name="inventory"))
    yield from (f"## {name} {{ #{name.replace(' ', '-')} }}", "")
    for text in inspect.cleandoc(command.help or "").split("\n\n"):
        is_block = text.startswith("\b")  # click keeps its lines
        yield from ("```text", *text.splitlines()[1:], "```", "") if is_block else (text.replace("\n", " "), "")
    yield from ("```text", context.get_usage().removeprefix("Usage: "), "```", "")
    if arguments := [each for each in command.params if isinstance(each, Argument)]:
        yield from table(("argument", "meaning"), ((code(a.make_metavar(context)), a.explained) for a in arguments))
        yield ""
    options = [*_options(command.params)]
    yield from (*options, "") if options[2:] else ()
    if examples := getattr(command, "examples", ()):
        yield from ("```bash", *examples, "```", "")
    codes = {ExitCode.DONE, ExitCode.FAILED, ExitCode.USAGE, *EXITS.get(name, ())}
    codes |= {OF_OPTIONS[each.name] for each in command.params if each.name in OF_OPTIONS}
    yield f"[Exit codes](exit-codes.md): {', '.join(f'`{each}`' for each in sorted(codes))}."


def _options(parameters: Sequence[click.Parameter]) -> Iterable[str]:
    shown = [each for each in parameters if isinstance(each, click.Option) and not each.hidden]
    rows = (
        (", ".join(f"{code(name)}{{ .whole }}" for name in each.opts), _value(each), _default(each), each.help)
        for each in shown
    )
    return table(("option", "value", "default", "meaning"), rows)


def _value(option: click.Option) -> str:
    if option.is_flag:
        return ""
    if isinstance(option.type, click.Choice):
        return ", ".join(f"`{each}`" for each in option.type.choices)
    metavar = option.metavar or option.type.name.upper()
    limits = option.type
    if not isinstance(limits, click.IntRange | click.FloatRange):
        return metavar
    return f"{metavar}, at least {limits.min}" if limits.max is None else f"{metavar}, {limits.min} to {limits.max}"


def _default(option: click.Option) -> str:
    is_told = isinstance(option.default, str | int | float) and not isinstance(option.default, bool)
    return code(option.default) if is_told and not option.is_flag else ""
