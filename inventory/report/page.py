"""What the page of `inventory report` shows: the rows of its reports, as plain records.

Every report is asked in the scope of the page (day, sources) at one moment, so that the same database gives the same
page.
"""

import shlex
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import cast

from sqlalchemy import Connection

from inventory.common.errors import CompareError, UsageError
from inventory.common.exact_json import Json
from inventory.report.checks.rule import Rule
from inventory.report.library import Library, Report
from inventory.report.scope import Scope
from inventory.report.session import ResultColumn, ask, prepare
from inventory.store.reader import snapshots, sources

__all__ = ["REPORTS", "Answer", "Asked", "CheckResult", "Page", "UnknownRule", "gather"]

Row = Mapping[str, Json]
DAYS = 30  # that the page looks back by default
# The reports of the page. Those that know no owner are about sources, and the same for every owner; those of _OF_ALL
# count the tasks of all owners, and are left out of an owner's page.
REPORTS = (
    "status-changes", "night-counts", "new", "gone", "checks", "check-runs", "source-days", "phase-days", "churn",
    "failed", "expiring", "owners", "digests",
)  # fmt: skip
_OF_ALL = {"night-counts", "churn", "owners"}


@dataclass(frozen=True)
class Answer:
    """The rows of one report. sql: its SELECT. values: of its parameters. command: what prints the same rows."""

    title: str
    question: str
    columns: Sequence[ResultColumn]
    rows: Sequence[Row]
    sql: str
    values: Mapping[str, str]
    command: str


@dataclass(frozen=True)
class CheckResult:
    """A result of `check` that is not closed. state: new, reopened, open or waived.

    title: of the rule. severity: low, medium, high or critical. job_id: '' for a result of the source. due: the day by
    which it should be closed. reason, by, until: of the waiver.
    """

    rule: str
    title: str
    severity: str
    state: str
    source: str
    job_id: str
    name: str
    detail: str
    opened: date
    due: date
    is_overdue: bool = False
    reason: str = ""
    by: str = ""
    until: date | None = None

    @classmethod
    def of(cls, row: Row, titles: Mapping[str, str], moment: datetime) -> "CheckResult":
        """Make it of a row of the report `checks`. titles: of the rules that are known. moment: what counts as now."""
        said = {name: str(row[name] or "") for name in row}
        opened, due = (datetime.fromisoformat(said[name]) for name in ("opened_at", "due_at"))
        return cls(
            said["rule_id"], titles.get(said["rule_id"], ""), said["severity"], said["state"], said["source"],
            said["job_id"], said["name"], said["detail"], opened.date(), due.date(),
            said["state"] != "waived" and due <= moment, said["reason"], said["waived_by"],
            date.fromisoformat(said["until"]) if said["until"] else None,
        )  # fmt: skip


@dataclass(frozen=True)
class UnknownRule:
    """A rule that cannot judge a source, by its last snapshot or by what its last run came to."""

    rule: str
    source: str
    why: str

    @classmethod
    def found(cls, rows: Iterable[Row], rules: Mapping[str, Rule], moment: datetime) -> "Iterator[UnknownRule]":
        """Find them in rows of the report `check-runs`. rules: those that are known. moment: what counts as now."""
        for row in rows:
            name, source, snapshot = str(row["rule_id"]), str(row["source"]), row["snapshot_id"]
            if row["is_retired"] or name not in rules:
                continue
            age = moment - datetime.fromisoformat(str(row["last_observed_at"]))
            _, why = rules[name].unfit(cast("int", row["last_snapshot_id"]), str(row["last_status"]), age)
            if not why and row["result"] == "unknown":
                recorded = {
                    "partial": f"snapshot {snapshot} is partial",
                    "stale": f"snapshot {snapshot} was too old when it was checked",
                }
                why = recorded.get(str(row["reason"]), f"failed: {row['reason']}")
            if why:
                yield cls(name, source, why)


@dataclass(frozen=True)
class Asked:
    """What the page is asked for. timeout: seconds for a report.

    day: the last one; None for now. since: the first; None for 30 days before. The page begins no earlier than the
    first snapshot.
    """

    day: str | None = None
    since: str | None = None
    sources: Sequence[str] = ()
    owner: str | None = None
    timeout: float = 300


@dataclass(frozen=True)
class Page:
    """What the page shows. until, since: its last and its first day. moment: the time that counts as now.

    answers: report -> its rows. checks: None where none was run. unknown: rules that could not judge a source.
    """

    until: date
    since: date
    moment: datetime
    sources: Sequence[str]
    owner: str | None
    answers: Mapping[str, Answer]
    checks: Sequence[CheckResult] | None = None
    unknown: Sequence[UnknownRule] = ()


def gather(
    connection: Connection, asked: Asked, *, now: datetime | None = None, rules: Mapping[str, Rule] | None = None
) -> Page | None:
    """Ask every report of the page; None where there is no snapshot yet.

    Args:
        now: the time that counts as now; by default when the last snapshot of the scope was observed.
        rules: id -> rule, of the rules of `check`.

    Raises:
        UsageError: not a day, no such source, or the days are in the wrong order.
        CompareError: no source has a snapshot by that day.
        QueryError: a report took too long.
    """
    library = Library()  # a user's report of the same name may have other columns
    found = sources(connection, asked.sources)
    times = [
        row["observed_to"] or row["finished_at"] for source in found for row in snapshots(connection, source["id"])
    ]
    if not times:
        return None
    scope = Scope.of(connection, asked.sources, asked.day, None)
    seen = times if scope.day is None else [each for each in times if each.astimezone(UTC).date() <= scope.day]
    if not seen:
        raise CompareError(f"no source has a snapshot by {scope.day}", "`inventory snapshots` shows what there is")
    moment = (now or max(seen)).astimezone(UTC)
    until = scope.day or max(seen).astimezone(UTC).date()
    since = _day(asked.since) if asked.since else until - timedelta(days=DAYS)
    if since > until:
        raise UsageError(f"--since {since} is later than {until}, the page's last day", "Give an earlier day")
    since = max(since, min(seen).astimezone(UTC).date())
    answers = {
        name: _answer(connection, library, scope, name, asked, since, moment)
        for name in REPORTS
        if asked.owner is None or name not in _OF_ALL
    }
    checks = None
    runs = answers["check-runs"].rows
    if runs:
        titles = {name: rule.title for name, rule in (rules or {}).items()}
        checks = [CheckResult.of(row, titles, moment) for row in answers["checks"].rows]
    names = [row["name"] for row in found]
    unknown = list(UnknownRule.found(runs, rules or {}, moment))
    return Page(until, since, moment, names, asked.owner, answers, checks, unknown)


def _answer(
    connection: Connection, library: Library, scope: Scope, name: str, asked: Asked, since: date, moment: datetime
) -> Answer:
    report = library[name]
    known = {each.name for each in report.parameters}
    given = {"since": str(since)} if "since" in known else {}
    if asked.owner is not None:
        if "owner" not in known and "owner" in {each.name for each in report.columns}:
            report = report.only("owner")
            known = {*known, "owner"}
        if "owner" in known:
            given["owner"] = f"'{asked.owner}'"
    prepared = prepare(connection, "", library, scope, given, report=report, now=moment)
    with ask(connection, prepared, limit=0, timeout=asked.timeout) as result:
        names = [each.name for each in report.columns]
        rows = [dict(zip(names, row, strict=True)) for row in result.rows()]
    columns = [ResultColumn(each.name, each.kind, each.unit, each.meaning) for each in report.columns]
    values = {each.name: given.get(each.name, each.default or "") for each in report.parameters}
    words = ["inventory", "query", "--report", name]
    for key, value in given.items():
        words += ["--param", f"{key}={value}"] if key in {each.name for each in library[name].parameters} else []
    words += ["--param", f"now={moment:%Y-%m-%dT%H:%M:%SZ}"] if ":now" in report.sql or _is_from_now(report) else []
    words += [word for source in asked.sources for word in ("--source", source)]
    words += ["--day", asked.day] if asked.day else []
    return Answer(report.title, report.question, columns, rows, report.sql, values, shlex.join(words))


def _is_from_now(report: Report) -> bool:
    """Whether a default counts from now, such as that of `expiring`."""
    return any(each.name != "since" and each.kind in {"time", "date"} for each in report.parameters)


def _day(text: str) -> date:
    try:
        return datetime.strptime(text, "%Y-%m-%d").replace(tzinfo=UTC).date()
    except ValueError:
        raise UsageError(f"--since {text!r} is not a day", "Give YYYY-MM-DD, a day in UTC") from None
