"""`query`: one SELECT, or a report, on the database; it can change nothing."""

import sys
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import click

from inventory.cli.base import Options, complain, echo, format_option, output_option, print_lines, safe, sources_option
from inventory.cli.complete import complete_reports, complete_snapshots
from inventory.cli.group import argument, command
from inventory.common.errors import UsageError

if TYPE_CHECKING:
    from inventory.report.library import Library
    from inventory.report.session import Result

__all__ = ["query"]


@command(
    examples=[
        'inventory query "SELECT status, count(*) FROM tasks GROUP BY status"',
        "inventory query --report failed --day 2026-11-01 --format csv -o failed.csv",
        'inventory query "SELECT owner, count(*) FROM report.failed GROUP BY owner"',
    ],
    short_help="Run one SELECT, or a report; nothing can be changed.",
)
@argument("written", metavar="[SQL]", required=False, explained="One SELECT, or a file whose name ends in .sql.")
@click.option("--report", "name", metavar="NAME", shell_complete=complete_reports, help="Run this report.")
@click.option(
    "--param", "parameters", multiple=True, metavar="NAME=VALUE", help="Value of the parameter :NAME; repeatable."
)
@click.option("--day", metavar="DAY", help="As it was at the end of this UTC day: YYYY-MM-DD.")
@click.option(
    "--snapshot",
    "ref",
    metavar="REF",
    shell_complete=complete_snapshots,
    help="As it was in this snapshot: id, latest~N, day or time (UTC).",
)
@sources_option
@click.option(
    "--limit", type=click.IntRange(0), default=1000, show_default=True, metavar="N", help="Rows at most; 0 for all."
)
@click.option(
    "--timeout",
    type=click.FloatRange(0.001, 86_400),
    default=30,
    show_default=True,
    metavar="SECONDS",
    help="Give up after this time.",
)
@click.option("--full", is_flag=True, help="Do not cut long values of the table.")
@click.option("--list", "lists", is_flag=True, help="List the reports and end.")
@click.option("--show", is_flag=True, help="Print the file of the report and end.")
@click.option("--explain", "explains", is_flag=True, help="Print how the database would run it and end.")
@format_option("table", "csv", "json", "jsonl", "markdown", "xlsx")
@output_option
@click.pass_obj
def query(
    options: Options, /, written: str | None, name: str | None, parameters: tuple[str, ...], day: str | None,
    ref: str | None, names: tuple[str, ...], limit: int, timeout: float, full: bool, lists: bool, show: bool,
    explains: bool, style: str,
) -> None:  # fmt: skip
    """Run one SELECT, or a report, on the tables and views; nothing can be changed.

    `FROM report.NAME` uses a report as a table. With --day, --snapshot or --source every table and view is as it was
    then, or has the rows of these sources alone.
    """
    from inventory.report.library import Library
    from inventory.report.scope import Scope
    from inventory.report.session import ask, explain, prepare

    settings = options.settings()
    library = Library(settings.reports)
    if lists or show:
        _tell(options, library, name, style, lists=lists)
        return
    if (written is None) == (name is None):
        raise UsageError("give one SELECT, or --report NAME", "`inventory query --list` shows the reports")
    if written in library.reports:
        raise UsageError(f"{written!r} is no SELECT but a report", f"Give --report {written}")
    if day is not None and ref is not None:
        raise UsageError("--day and --snapshot exclude each other", "Give one of them")
    output = click.get_current_context().params.get("output")
    if output is not None and output.suffix == ".xlsx" and style != "xlsx":
        raise UsageError(f"{output} would be no workbook", "Give --format xlsx")
    if style == "xlsx" and not options.to_file and sys.stdout.isatty():
        raise UsageError("a workbook is not for a terminal", "Give -o FILE.xlsx")
    given = dict(_pair(each) for each in parameters)
    with options.open(settings) as store, store.reading() as connection:
        scope = Scope.of(connection, names, day, ref)
        prepared = prepare(connection, _text(written), library, scope, given, report=name or "")
        if explains:
            print_lines(map(safe, explain(connection, prepared, timeout=timeout)))
            return
        with ask(connection, prepared, limit=limit, timeout=timeout) as result:
            _print(options, result, style, full=full)
            for _ in result.rows():  # counts what is left
                pass
    if result.truncated and (options.to_file or not options.quiet):  # a file does not say that it is cut
        complain(f"{result.shown:,} of {result.counted:,} rows; --limit 0 shows all", options.log_format)


def _tell(options: Options, library: "Library", name: str | None, style: str, *, lists: bool) -> None:
    if not lists:
        if name is None:
            raise UsageError("--show needs --report NAME", "`inventory query --list` shows the reports")
        options.echo(library[name].text.rstrip())
        return
    from inventory.common.exact_json import pretty
    from inventory.render.result import as_list, list_document

    if style == "json":
        echo(pretty(list_document(library)))
    else:
        options.page(as_list(library, width=options.width))


def _print(options: Options, result: "Result", style: str, *, full: bool) -> None:
    from inventory.render import result as forms

    if options.is_silent():
        return
    if style == "table":
        options.page(forms.as_table(result, width=options.width, full=full))
    elif style == "xlsx":
        sys.stdout.flush()
        sys.stdout.buffer.write(forms.as_workbook(result))
    else:
        printers: dict[str, Callable[[Result], Iterator[str]]] = {
            "csv": partial(forms.as_csv, in_terminal=sys.stdout.isatty() and not options.to_file),
            "json": forms.as_json, "jsonl": forms.as_json_lines, "markdown": forms.as_markdown,
        }  # fmt: skip
        for piece in printers[style](result):
            echo(piece, nl=False)


def _pair(text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not equals or not name:
        raise UsageError(f"--param {text!r} has no value", "Give NAME=VALUE")
    return name, value


def _text(written: str | None) -> str:
    """Return the SELECT: what was written, or what stands in the file of that name."""
    if written is None or not written.strip().lower().endswith(".sql"):
        return written or ""
    try:
        return Path(written).read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        why = error.strerror if isinstance(error, OSError) else "it is not UTF-8"
        raise UsageError(f"the file {written} cannot be read: {why}", "Name a file with one SELECT") from None
