"""What a check came to: a line for each result, and what follows for the exit code and the metrics."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime

from inventory.common.errors import ExitCode
from inventory.export.outcome import OpenResults
from inventory.export.run import worst
from inventory.report.checks.evaluate import Identity
from inventory.report.checks.memory import Waiver
from inventory.report.checks.rule import SEVERITIES, Rule
from inventory.report.checks.states import CLOSED, OPEN, WAIVED, Result
from inventory.store.reader import SnapshotRow

__all__ = ["Checked", "Line", "Unknown", "exit_code", "fails", "is_at_least", "lines", "open_results", "order"]

_NEW = {"new", "reopened"}
_OPEN = {*_NEW, "overdue", "same"}


@dataclass(frozen=True)
class Unknown:
    """A rule that could not judge a source. has_failed: the rule could not run; else the data do not serve."""

    rule: Rule
    source: str
    why: str
    has_failed: bool


@dataclass(frozen=True)
class Line:
    """A result that is open, waived, or was closed by the source's last snapshot.

    word: new, reopened, overdue, same, waived, fixed or closed.
    """

    word: str
    rule: Rule
    source: str
    result: Result
    job_name: str | None
    is_overdue: bool
    waiver: Waiver | None


@dataclass(frozen=True)
class Checked:
    """What a check came to.

    now: the time for which ages, deadlines and waivers are judged. snapshots: that were checked, by source. lines: in
    order of severity, age, source and job. strangers: rule id -> results that are left of a rule that is not there.
    is_written: whether the memory has changed.
    """

    now: datetime
    rules: list[Rule]
    snapshots: list[SnapshotRow]
    lines: list[Line]
    unknown: list[Unknown]
    strangers: dict[str, int] = field(default_factory=dict)
    is_written: bool = False

    def of(self, *words: str) -> list[Line]:
        """Return the lines of some words."""
        return [line for line in self.lines if line.word in words]


def lines(
    rule: Rule, source: str, snapshot_id: int, results: Iterable[Result], waivers: Mapping[Identity, Waiver],
    names: Mapping[str, str | None], now: datetime,
) -> Iterator[Line]:  # fmt: skip
    """Yield the lines of a rule's results on a source. snapshot_id: the source's last. names: of jobs, by id."""
    for result in results:
        is_overdue = result.state == OPEN and result.due_at <= now
        word = _word(result, snapshot_id, is_overdue=is_overdue)
        if word:
            waiver = waivers.get(result.identity) if result.state == WAIVED else None
            yield Line(word, rule, source, result, names.get(result.job_id), is_overdue, waiver)


def _word(result: Result, snapshot_id: int, *, is_overdue: bool) -> str:
    """Return the word of a result; '' for one that an earlier snapshot closed.

    What the last snapshot opened or closed is new or fixed, whichever check recorded it: a second one says the same.
    """
    if result.state == CLOSED:
        if result.closed_snapshot != snapshot_id:
            return ""
        return "fixed" if result.close_reason == "fixed" else "closed"
    if result.state == WAIVED:
        return "waived"
    if result.opened_snapshot == snapshot_id:
        return "reopened" if result.reopened else "new"
    return "overdue" if is_overdue else "same"


def order(line: Line) -> tuple[object, ...]:
    """Return what sorts lines: severity, age, source and job."""
    result = line.result
    return (
        SEVERITIES.index(result.severity), result.opened_at, line.source, result.job_id, result.rule_id, result.key,
    )  # fmt: skip


def is_at_least(severity: str, least: str) -> bool:
    """Whether a severity is `least` or worse."""
    return SEVERITIES.index(severity) <= SEVERITIES.index(least)


def fails(checked: Checked, fail_on: str, least: str) -> bool:
    """Whether there are results that `fail_on` names (new, open, overdue or none), of a severity or a worse one."""
    wanted = [line for line in checked.lines if is_at_least(line.result.severity, least)]
    words = {"new": _NEW, "open": _OPEN, "overdue": set(), "none": set()}[fail_on]
    return any(line.word in words or (fail_on == "overdue" and line.is_overdue) for line in wanted)


def exit_code(checked: Checked, *, fails: bool) -> int:
    """Return the exit code: 1 a rule could not run, 3 a source is unknown to one, 2 it fails, else 0."""
    unknown = (ExitCode.FAILED if each.has_failed else ExitCode.PARTIAL for each in checked.unknown)
    return worst([ExitCode.CHANGES if fails else ExitCode.DONE, *unknown])


def open_results(checked: Checked) -> list[OpenResults]:
    """Return how many results of each rule are open in each source that was checked, and since when."""
    found = {
        (str(row["source"]), rule.id): OpenResults(str(row["source"]), rule.id, rule.severity, 0, None)
        for row in checked.snapshots for rule in checked.rules
    }  # fmt: skip
    for line in checked.lines:
        if line.word in _OPEN:
            key = line.source, line.rule.id
            oldest = min(line.result.opened_at, found[key].oldest or line.result.opened_at)
            found[key] = replace(found[key], number=found[key].number + 1, oldest=oldest)
    return list(found.values())
