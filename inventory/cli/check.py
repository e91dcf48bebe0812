"""`check`: rules over the last snapshot of each source, with a memory of what they found."""

from collections.abc import Iterable
from datetime import date, datetime
from typing import TYPE_CHECKING, Any

import click

from inventory.cli.base import Options, echo, echo_document, format_option, json_option, output_option, sources_option
from inventory.cli.complete import complete_rules
from inventory.cli.group import Command, Group, argument
from inventory.common.errors import UsageError

if TYPE_CHECKING:
    from inventory.config.settings import Settings
    from inventory.report.checks.checked import Checked, Line
    from inventory.report.checks.rule import Rules
    from inventory.store.engine import Store

__all__ = ["check", "check_exported", "rules_of"]

TIMEOUT = 60.0  # seconds for a rule on a source
_SEVERITIES = ("low", "medium", "high", "critical")


class _Check(Group, Command):
    """A group that is a command too: without the name of another command it checks."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Parse, without the help that a group alone shows."""
        return click.Group.parse_args(self, ctx, args)

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the options, then the commands."""
        Command.format_options(self, ctx, formatter)
        self.format_commands(ctx, formatter)


def _now_option(command: Any) -> Any:
    return click.option(
        "--now", "moment", metavar="TIME",
        help="Judge ages, deadlines and waivers as of this time (UTC), such as that of a recording. Default: now.",
    )(command)  # fmt: skip


@click.group(
    cls=_Check,
    invoke_without_command=True,
    examples=[
        "inventory check",
        "inventory check --severity high --fail-on new --format sarif -o checks.sarif",
        'inventory check waive DRS-003 JOB_ID --reason "until the VPN is there" --until 2026-12-31',
    ],
    short_help="Check the estate against rules, and remember what they found.",
)
@click.option(
    "--rule", "chosen", multiple=True, metavar="NAME", shell_complete=complete_rules,
    help="Only this rule, by id or name; repeatable.",
)  # fmt: skip
@click.option(
    "--severity", type=click.Choice(_SEVERITIES), metavar="NAME", help="Only results of this severity or a worse one."
)
@click.option(
    "--fail-on", type=click.Choice(["new", "open", "overdue", "none"]),
    help="Exit with 2 if there are such results. Default: open with --severity, else none.",
)  # fmt: skip
@sources_option
@click.option("--dry-run", is_flag=True, help="Write nothing.")
@click.option("--full", is_flag=True, help="List also what is the same, and what is waived.")
@_now_option
@format_option("text", "json", "markdown", "sarif", "junit")
@output_option
@click.pass_context
def check(
    context: click.Context, /, chosen: tuple[str, ...], severity: str | None, fail_on: str | None,
    names: tuple[str, ...], dry_run: bool, full: bool, moment: str | None, style: str,
) -> int | None:  # fmt: skip
    """Check the last snapshot of each source against rules, and remember what they found.

    Tells what is new, open again, overdue and fixed since the snapshot before. A source whose snapshot is partial or
    older than a rule allows is unknown to it: nothing opens or closes.
    """
    if context.invoked_subcommand is not None:
        return None
    from inventory.report.checks import checked as outcome
    from inventory.report.checks.run import check as run_rules

    options: Options = context.obj
    settings = options.settings()
    rules, now = rules_of(settings), _moment(moment)
    with options.open(settings, write=not dry_run) as store:
        checked = run_rules(store, rules, chosen, names, now, timeout=TIMEOUT, dry_run=dry_run)
    least = severity or "low"
    fails = outcome.fails(checked, fail_on or ("open" if severity else "none"), least)
    code = outcome.exit_code(checked, fails=fails)
    lines = [line for line in checked.lines if outcome.is_at_least(line.result.severity, least)]
    if not options.is_silent(code):
        _print(options, checked, lines, style, code, full=full)
    return code


def _print(
    options: Options, checked: "Checked", lines: "list[Line]", style: str, code: int, *, full: bool
) -> None:  # fmt: skip
    from inventory.common.exact_json import pretty
    from inventory.render import check as forms
    from inventory.render.check_exchange import as_junit, as_sarif

    if style == "json":
        echo_document(options, code, **forms.members(checked, lines))
    elif style == "sarif":
        echo(pretty(as_sarif(checked, lines)))
    elif style == "junit":
        echo(as_junit(checked, lines))
    elif style == "markdown":
        echo("\n".join(forms.as_markdown(checked, lines)))
    else:
        options.page(forms.as_text(checked, lines, full=full))


def check_exported(store: "Store", settings: "Settings", names: Iterable[str]) -> "tuple[Checked, bool]":
    """Check the sources of an export; tell whether there is what the configuration wants it to fail on."""
    from datetime import UTC

    from inventory.report.checks.checked import fails
    from inventory.report.checks.run import check as run_rules
    from inventory.store.reader import sources

    with store.reading() as connection:
        known = {str(row["name"]) for row in sources(connection)}
    mine = [name for name in names if name in known]
    checked = run_rules(store, rules_of(settings), (), mine, datetime.now(UTC), timeout=TIMEOUT, dry_run=False)
    return checked, fails(checked, settings.check_fail_on, settings.check_severity)


def rules_of(settings: "Settings") -> "Rules":
    """Return the rules that are shipped, and those of the configuration's folders.

    Raises:
        UsageError: one is wrong.
    """
    from inventory.report.checks.rule import Rules

    return Rules(settings.check_rules, settings.check_skip)


def _moment(written: str | None) -> datetime:
    from datetime import UTC

    from inventory.report.library import value_of

    now = datetime.now(UTC)
    if written is None:
        return now
    found = value_of("now", "time", written, now)
    if not isinstance(found, datetime):
        raise UsageError("--now: a time is needed", "Give a time such as 2026-11-01T03:00Z")
    return found


@check.command(
    "waive",
    cls=Command,
    examples=[
        'inventory check waive DRS-003 JOB_ID --reason "until the VPN is there" --until 2026-12-31',
        'inventory check waive DRS-009 - --source lab --reason "exported by hand" --until 2026-12-31 --by ops',
    ],
    short_help="Accept a result until a day, with a reason.",
)
@argument("rule", explained="The rule, by id or name.")
@argument("job", explained="The job; - for a result that is about a source as a whole.")
@click.option("--key", metavar="TEXT", help="The result's key, where the job has several of the rule.")
@click.option("--reason", required=True, metavar="TEXT", help="Why it is accepted.")
@click.option("--until", required=True, metavar="DAY", help="UTC day on which it is open again; today: at once.")
@click.option("--by", metavar="NAME", help="Who accepts it. Default: the user of this system.")
@sources_option
@_now_option
@click.pass_obj
def waive(
    options: Options, rule: str, job: str, key: str | None, reason: str, until: str, by: str | None,
    names: tuple[str, ...], moment: str | None,
) -> None:  # fmt: skip
    """Accept a result until a day, with a reason: it is waived, counted in every check, and open again on that day."""
    import getpass

    from inventory.cli.base import safe
    from inventory.report.checks.waive import waive as accept

    try:
        day = date.fromisoformat(until)
    except ValueError:
        raise UsageError(f"--until {until!r} is not a day", "Give YYYY-MM-DD, a day in UTC") from None
    settings = options.settings()
    chosen = rules_of(settings)[rule]
    if by is None:
        try:
            by = getpass.getuser()
        except (OSError, KeyError):
            raise UsageError("this system does not say who you are", "Give --by NAME") from None
    with options.open(settings, write=True) as store:
        job_id = "" if job == "-" else job
        waiver = accept(store, chosen, names, job_id, key, reason, by, day, _moment(moment))
    of = f" [{waiver.key}]" if waiver.key else ""
    options.echo(safe(f"{chosen.id} {job}{of} is waived until {waiver.until}, by {waiver.by}: {waiver.reason}"))


@check.command(
    "list",
    cls=Command,
    examples=["inventory check list", "inventory check list --json"],
    short_help="List the rules, each with its open and waived results.",
)
@output_option
@json_option
@click.pass_obj
def listrules_of(options: Options, as_json: bool) -> None:
    """List the rules, each with its severity, its deadline in days, and its open and waived results."""
    from inventory.config.load import choose_database
    from inventory.render.check import list_members, list_text
    from inventory.report.checks.memory import states
    from inventory.store.engine import is_absent

    settings = options.settings()
    rules = rules_of(settings).by_id.values()
    found = []
    if not is_absent(choose_database(options.database, settings)):
        with options.open(settings) as store, store.reading() as connection:
            found = states(connection)
    if as_json:
        echo_document(options, 0, **list_members(rules, found))
    else:
        options.echo(list_text(rules, found, width=options.width))


@check.command(
    "explain",
    cls=Command,
    examples=["inventory check explain DRS-001", "inventory check explain no-tls"],
    short_help="Say what a rule finds, why, and what to do; with its SQL.",
)
@argument("rule", explained="The rule, by id or name.", shell_complete=complete_rules)
@output_option
@click.pass_obj
def explain(options: Options, rule: str) -> None:
    """Say what a rule finds, why it matters, and what to do; with its SQL."""
    from inventory.cli.base import safe
    from inventory.render.check import rule_page

    chosen = rules_of(options.settings())[rule]
    lines = [*rule_page(chosen), "", "```sql", *chosen.sql.splitlines(), "```"]
    options.page(safe(line) for line in lines)


@check.command(
    "history",
    cls=Command,
    examples=["inventory check history", "inventory check history JOB_ID --json"],
    short_help="Show every state that results had, in order of time.",
)
@argument("job", required=False, explained="A job; default: every result.")
@sources_option
@click.option("--full", is_flag=True, help="Do not cut long details.")
@output_option
@json_option
@click.pass_obj
def history(options: Options, job: str | None, names: tuple[str, ...], full: bool, as_json: bool) -> None:
    """Show every state that results had, in order of time: also of what is closed, and of snapshots that are pruned."""
    from inventory.render.check import history_members, history_text
    from inventory.report.checks import memory
    from inventory.store.reader import sources

    with options.open(options.settings()) as store, store.reading() as connection:
        known = {row["id"]: str(row["name"]) for row in sources(connection, names)}
        rows = memory.history(connection, known, job)
    if job is not None and not rows:
        raise UsageError(f"no rule has found anything for the job {job!r}", "`inventory check history` lists all")
    if as_json:
        echo_document(options, 0, **history_members(rows, known))
    elif rows:
        options.page(history_text(rows, known, full=full))
    else:
        options.echo("No rule has found anything yet. Run `inventory check` first.")
