"""Commands as click objects: explained arguments, examples, global options anywhere, errors as exit codes."""

import atexit
import codecs
import gc
import os
import sys
from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import partial
from typing import Any, NoReturn

import click
from click.core import ParameterSource

from inventory.cli.base import complain, fail
from inventory.common.errors import ConfigError, InventoryError, UsageError, system_refusal

__all__ = ["Argument", "Command", "Group", "Root", "argument", "command", "group"]

CONTEXT = {"help_option_names": ["-h", "--help"], "max_content_width": 100, "show_default": True}


def global_options() -> list[click.Option]:
    """Return the options that stand before or after the command."""
    return [
        click.Option(["--config"], metavar="FILE",
                     help="Configuration; else INVENTORY_CONFIG, else inventory.yaml in this folder."),
        click.Option(["--database"], metavar="URL",
                     help="Database; else INVENTORY_DATABASE_URL, else the configuration."),
        click.Option(["--log-format"], type=click.Choice(["text", "json"]), default="text",
                     help="Format of the messages on stderr."),
        click.Option(["--no-color", "colour"], flag_value=False, default=None, type=bool,
                     help="No colour, as with the variable NO_COLOR."),
        click.Option(["--no-pager", "pager"], flag_value=False, default=None, type=bool,
                     help="No pager for what is longer than the terminal."),
        click.Option(["-v", "--verbose"], is_flag=True, help="Log more."),
        click.Option(["-q", "--quiet"], is_flag=True, help="Print only errors, and nothing where the exit is 0."),
    ]  # fmt: skip


def _override(context: click.Context, option: click.Parameter, value: Any) -> None:
    """Let a global option that stands after the command win over the one before it."""
    given = context.get_parameter_source(str(option.name)) is ParameterSource.COMMANDLINE
    if given and context.obj is not None:
        setattr(context.obj, str(option.name), value)


def _after_command() -> list[click.Option]:
    options = global_options()
    for option in options:
        option.hidden, option.expose_value, option.callback = True, False, _override
    return options


class Argument(click.Argument):
    """A positional argument with an explanation."""

    def __init__(self, *names: Any, explained: str, **extra: Any) -> None:
        super().__init__(*names, **extra)
        self.explained = explained


class Command(click.Command):
    """A command whose help explains the arguments and ends with examples."""

    def __init__(self, *names: Any, examples: Sequence[str] = (), **extra: Any) -> None:
        super().__init__(*names, **extra)
        self.examples = examples
        self.params.extend(_after_command())

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Parse; an error names this command, whose help tells more."""
        try:
            return super().parse_args(ctx, args)
        except click.UsageError as error:
            error.ctx = error.ctx or ctx
            raise

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the arguments, the options of this command, and where the global ones are explained."""
        if explained := [(a.make_metavar(ctx), a.explained) for a in self.params if isinstance(a, Argument)]:
            with formatter.section("Arguments"):
                formatter.write_dl(explained)
        super().format_options(ctx, formatter)
        formatter.write_paragraph()
        formatter.write_text(_GLOBAL)

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the examples."""
        super().format_epilog(ctx, formatter)
        _write_examples(self.examples, formatter)


_GLOBAL = "Global options, such as --config and --database, stand before or after the command; see `inventory --help`."


def _write_examples(examples: Sequence[str], formatter: click.HelpFormatter) -> None:
    if examples:
        with formatter.section("Examples"):
            for example in examples:
                formatter.write(f"{'':{formatter.current_indent}}{example}\n")


class Group(click.Group):
    """A group of commands; alone it shows its help."""

    command_class = Command

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Parse; without a command print the help."""
        if not args and not ctx.resilient_parsing:
            click.echo(ctx.get_help(), file=sys.stdout)
            ctx.exit(0)
        return super().parse_args(ctx, args)

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Find a command; for one that there is not, name the nearest.

        Raises:
            UsageError: there is no such command.
        """
        if args and self.get_command(ctx, args[0]) is None and not args[0].startswith("-"):
            from inventory.config.values import nearest

            names = self.list_commands(ctx)
            hint = f"`{ctx.command_path} --help` lists the commands"
            raise UsageError(f"no command {args[0]!r}{nearest(args[0], names)}", hint)
        return super().resolve_command(ctx, args)


class Root(Group):
    """The command itself: an error of ours becomes one message and an exit code, and nothing a traceback.

    sections: heading -> names of commands, in the order of the help.
    """

    group_class = Group

    def __init__(self, *names: Any, sections: dict[str, list[str]], examples: Sequence[str] = (), **extra: Any) -> None:
        super().__init__(*names, **extra)
        self.sections = sections
        self.examples = examples

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the commands by section, each in one line."""
        for heading, names in self.sections.items():
            found = [(name, self.get_command(ctx, name)) for name in names]
            with formatter.section(heading):
                formatter.write_dl([(name, each.get_short_help_str(100)) for name, each in found if each is not None])

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the examples."""
        super().format_epilog(ctx, formatter)
        _write_examples(self.examples, formatter)

    def main(self, *args: Any, **extra: Any) -> NoReturn:
        """Run a command and exit."""
        _open_standard_streams()
        # A command's imports make some hundred thousand objects that stay. At Python's 700 the collector walks
        # them again and again: an eighth of a `diff`.
        gc.set_threshold(10_000, 10, 10)
        atexit.register(gc.freeze)  # nor a last time, for what ends with the process
        extra["standalone_mode"] = False
        extra.setdefault("prog_name", _program())
        given = args[0] if args else extra.get("args")
        style = _log_format(sys.argv[1:] if given is None else given)
        try:
            code = super().main(*args, **extra)
        except click.exceptions.Abort:
            fail("stopped; what was not finished was not written", 1, style)
        except click.exceptions.Exit as stop:
            sys.exit(stop.exit_code)
        except click.ClickException as error:
            hint = error.ctx.command_path if isinstance(error, click.UsageError) and error.ctx else "inventory"
            fail(f"{error.format_message()} (`{hint} --help` tells more)", UsageError.exit_code, style)
        except ConfigError as error:
            for fault in error.faults:
                complain(f"error: {fault}", style, error.exit_code)
            sys.exit(error.exit_code)
        except InventoryError as error:
            fail(str(error), error.exit_code, style)
        except BrokenPipeError:
            sys.stderr.close()  # the reader went away, `| head` perhaps; nobody is left to tell
            sys.exit(0)
        except (OSError, MemoryError, RuntimeError, ImportError) as error:
            if (refusal := system_refusal(error)) is None:
                raise
            fail(refusal, 1, style)
        sys.exit(code if isinstance(code, int) else 0)


def _program() -> str:
    """Return the name that help and completion use, however Python was started."""
    name = os.path.basename(sys.argv[0] if sys.argv else "")  # noqa: PTH119  # quicker to import
    return name if name == "drs-inventory" else "inventory"


def _log_format(words: Sequence[str]) -> str:
    """Return what --log-format says, also where the command line is wrong elsewhere."""
    pairs = zip(words, [*words[1:], ""], strict=False)
    given = [after if word == "--log-format" else word.partition("=")[2] for word, after in pairs
             if word.partition("=")[0] == "--log-format"]  # fmt: skip
    return "json" if given[-1:] == ["json"] else "text"


def _open_standard_streams() -> None:
    """Open what whoever started this had closed: else the next file opened would be what errors are written to.

    What an output cannot encode is escaped: a job's name must not end a command.
    """
    if not (sys.stdin and sys.stdout and sys.stderr):
        while os.open(os.devnull, os.O_RDWR) < 2:
            pass
        sys.stdin, sys.stdout = sys.stdin or os.fdopen(0), sys.stdout or os.fdopen(1, "w")
        sys.stderr = sys.stderr or os.fdopen(2, "w")
    codecs.register_error("inventory", _escaped)
    for stream in (sys.stdout, sys.stderr):
        with suppress(AttributeError):  # one that a caller put in their place takes whatever comes
            stream.reconfigure(errors="inventory")  # type: ignore[union-attr]


def _escaped(error: UnicodeError) -> tuple[str, int]:
    r"""Spell what an encoding lacks as JSON does: \uXXXX, two of them beyond the basic plane."""
    if not isinstance(error, UnicodeEncodeError):
        raise error
    digits = error.object[error.start : error.end].encode("utf-16-be", "surrogatepass").hex()
    return "".join(f"\\u{digits[at : at + 4]}" for at in range(0, len(digits), 4)), error.end


command: Callable[..., Callable[[Callable[..., Any]], Command]] = partial(click.command, cls=Command)
group: Callable[..., Callable[[Callable[..., Any]], Group]] = partial(click.group, cls=Group)


def argument(*names: str, explained: str, **extra: Any) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Add an argument with an explanation."""
    return click.argument(*names, cls=Argument, explained=explained, **extra)
