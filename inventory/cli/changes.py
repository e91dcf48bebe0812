"""What changed between two snapshots (`diff`), and what would if the source were exported now (`plan`)."""

import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import click

from inventory.cli.base import (
    Options,
    complain,
    echo,
    format_option,
    output_option,
    print_document,
    print_lines,
    sources_option,
    utf8,
)
from inventory.cli.complete import complete_snapshots, complete_tables
from inventory.cli.group import argument, command
from inventory.common.errors import ExitCode

if TYPE_CHECKING:
    from inventory.cli.report import Report
    from inventory.common.cancellation import Stop
    from inventory.config.settings import Settings
    from inventory.diff.records import SourceDiff
    from inventory.diff.select import Condition
    from inventory.export.run import Planned
    from inventory.store.engine import Store

__all__ = ["diff", "plan"]


def _output_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add how changes are printed, and which of them the exit code tells."""
    for option in reversed(
        [
            format_option("text", "json", "jsonl", "markdown", "html"),
            output_option,
            click.option("--stat", is_flag=True, help="Print the overview alone (text, markdown)."),
            click.option("--full", is_flag=True, help="Show all rows and uncut values (text, markdown)."),
            click.option(
                "--show-ignored", is_flag=True, help="Print ignored changes too, with the reasons (json, jsonl)."
            ),
            click.option(
                "--fail-on", multiple=True, metavar="WHAT",
                help="Exit 2 where there is such a change: ACTION, ACTION:TABLE or update:TABLE.COLUMN; repeatable.",
            ),
            click.option("--detailed-exitcode", is_flag=True, help="Exit 2 where there are changes."),
        ]
    ):  # fmt: skip
        command = option(command)
    return command


@command(
    examples=[
        "inventory diff",
        "inventory diff 41 42 --format html -o changes.html",
        "inventory diff 2026-11-01 latest",
    ],
    short_help="Show what changed between two snapshots.",
)
@argument(
    "start",
    metavar="[FROM]",
    required=False,
    shell_complete=complete_snapshots,
    explained="Id, latest~N, day or time (UTC); default: latest~1.",
)
@argument(
    "end",
    metavar="[TO]",
    required=False,
    shell_complete=complete_snapshots,
    explained="The later snapshot; default: latest.",
)
@sources_option
@click.option("--table", metavar="T", shell_complete=complete_tables, help="Only this table.")
@click.option("--job", "job_id", metavar="ID", help="Only this job.")
@click.option("--status", metavar="S", help="Only jobs that have this status at either end.")
@click.option("--tag", "tags", multiple=True, metavar="KEY=VALUE", help="Only jobs that have it at either end.")
@click.option("--ignore", multiple=True, metavar="TABLE.COLUMN", help="Count changes of it, do not show them.")
@click.option("--each", is_flag=True, help="Compare each snapshot with the next, from FROM to TO.")
@_output_options
@click.pass_obj
def diff(
    options: Options, /, start: str | None, end: str | None, names: tuple[str, ...], table: str | None,
    job_id: str | None, status: str | None, tags: tuple[str, ...], ignore: tuple[str, ...], each: bool,
    fail_on: tuple[str, ...], detailed_exitcode: bool, **printed: Any,
) -> int:  # fmt: skip
    """Show what changed between two snapshots; by default each source's last two."""
    from inventory.diff.compare import compare
    from inventory.diff.ends import choose, require_match, step, steps
    from inventory.diff.select import Selection
    from inventory.store import reader

    conditions = _conditions(fail_on, any_change=detailed_exitcode)
    what = Selection.of(table, job_id, ignore, status, tags)
    settings = options.settings()
    what = what.ignoring(settings.ignore)
    with options.open(settings) as store, store.reading() as connection:
        chosen, complaints = choose(connection, reader.sources(connection, names), start, end, names)
        if each:
            chosen = [between for ends in chosen for between in steps(connection, *ends)]
        diffs = [compare(step(connection, *ends), what) for ends in chosen]
        if not any(diff.jobs for diff in diffs):
            require_match(connection, chosen, what)
        ids = {row["id"] for _, *rows in chosen for row in rows if row is not None}
        signed = reader.signing_keys(connection, ids) if printed["style"] == "html" else {}
        connection.rollback()  # printing may take as long as somebody looks at it
        code = 1 if complaints else _code(diffs, conditions)
        _show(options, diffs, "Changes", code, signed, **printed)
    for complaint in complaints:
        complain(f"error: {complaint}", options.log_format, code)
    return code


@command(
    examples=["inventory plan", "inventory plan --detailed-exitcode --source prod"],
    short_help="Show what export would change now; nothing is written.",
)
@sources_option
@_output_options
@click.pass_obj
def plan(
    options: Options, /, names: tuple[str, ...], fail_on: tuple[str, ...], detailed_exitcode: bool, **printed: Any
) -> int:
    """Show what `export` would change now; reads every source and writes nothing."""
    from inventory.cli.report import Report
    from inventory.common.cancellation import Stop
    from inventory.export.run import worst

    conditions = _conditions(fail_on, any_change=detailed_exitcode)
    found: list[Planned] = []
    stop = Stop()
    with Report(options) as report:
        error = report.attempt(stop, lambda: found.extend(_planned(options, report, stop, names)))
        if error is not None:
            report.ended_by(error)
            report.finished(error.exit_code)
            return error.exit_code
        report.codes.update({each.source: each.code for each in found})
        diffs = sorted((each.diff for each in found if each.diff is not None), key=lambda diff: diff.source)
        code = worst([*report.codes.values(), _code(diffs, conditions)])
        _show(options, diffs, "Plan", code, {}, **printed)
        report.finished(code)
    return code


def _planned(options: Options, report: "Report", stop: "Stop", names: tuple[str, ...]) -> "list[Planned]":
    from inventory.cli.progress import Progress
    from inventory.config.load import select
    from inventory.diff.select import Selection
    from inventory.export.flow import Limits, Run
    from inventory.export.pool import NormaliserPool
    from inventory.export.run import plan_all
    from inventory.source.auth import AuthCache

    settings = options.settings(for_export=True, standard_input=lambda: sys.stdin)
    sources = select(settings, names)
    report.names = [source.name for source in sources]
    report.log(settings.secrets)
    with (
        NormaliserPool(settings) as pool,
        _readable(options, settings) as store,
        Progress("plan", sys.stderr.isatty() and not options.quiet) as progress,
    ):
        pool.start(sources)
        report.clear = progress.close
        time = stop.within(settings.deadline, "the run")
        run = Run(settings, store, Limits(), stop, time, AuthCache(time), pool, report.run_id, progress.advance)
        return plan_all(sources, run, Selection(ignore=settings.ignore), report.failed)


@contextmanager
def _readable(options: Options, settings: "Settings") -> "Iterator[Store]":
    """Open the database for reading; where `export` would create it, an empty one that does not last."""
    from inventory.config.load import choose_database
    from inventory.store.engine import is_absent
    from inventory.store.migrate import scratch

    if is_absent(choose_database(options.database, settings)):
        with scratch() as store:
            yield store
    else:
        with options.open(settings) as store:
            yield store


def _conditions(fail_on: Iterable[str], *, any_change: bool) -> "list[Condition]":
    from inventory.diff.select import Condition

    every = ("create", "update", "delete") if any_change else ()
    return [Condition.parse(text) for text in (*fail_on, *every)]


def _code(diffs: "list[SourceDiff]", conditions: "list[Condition]") -> int:
    holds = any(condition.holds(diff) for diff in diffs for condition in conditions)
    return ExitCode.CHANGES if holds else ExitCode.DONE


def _show(
    options: Options, diffs: "list[SourceDiff]", title: str, code: int, signed: dict[int, str], *, style: str,
    full: bool, stat: bool, show_ignored: bool,
) -> None:  # fmt: skip
    """Print what was compared; with -q only where the exit is not 0."""
    if options.is_silent(code):
        return
    if style in ("json", "jsonl"):
        from inventory.common.exact_json import pretty
        from inventory.render.json import change_records, diff_document

        if style == "json":
            print_document(diff_document(diffs, ignored=show_ignored))
        else:
            records = (record for diff in diffs for record in change_records(diff, ignored=show_ignored))
            print_lines(pretty(record, indent=None) for record in records)
    elif style == "html":
        from inventory.render.html import html

        echo(utf8(html(diffs, title, signed)))
    elif style == "markdown":
        from inventory.render.markdown import markdown

        print_lines(markdown(diffs, full=full, only_overview=stat))
    elif diffs:
        from inventory.render.plan import plan

        options.page(plan(diffs, options.paint, full=full, only_overview=stat, width=options.width))
