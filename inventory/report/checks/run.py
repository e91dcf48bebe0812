"""Checks the last snapshot of each source against the rules, and remembers what follows."""

import time
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta

from sqlalchemy import Connection

from inventory.common.errors import CompareError, ExitCode, UsageError
from inventory.export.outcome import OpenResults
from inventory.export.run import worst
from inventory.proof.results import run_digest
from inventory.report.checks import memory
from inventory.report.checks.evaluate import Found, Identity, RuleError, evaluate, owner_tag, scope_of, time_of
from inventory.report.checks.memory import Run, Waiver
from inventory.report.checks.rule import SEVERITIES, Rule, Rules
from inventory.report.checks.states import CLOSED, OPEN, WAIVED, Judgement, Result, advance
from inventory.store.engine import Store
from inventory.store.reader import SnapshotRow, snapshots, sources

__all__ = [
    "Checked",
    "Line",
    "Unknown",
    "check",
    "exit_code",
    "fails",
    "is_at_least",
    "open_results",
    "waive",
]

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


@dataclass(frozen=True)
class _Source:
    """A source and what is known of its jobs."""

    snapshot: SnapshotRow
    is_retired: bool
    jobs: set[str]
    names: Mapping[str, str | None]
    owners: Mapping[str, str | None]


@dataclass(frozen=True)
class _Judged:
    """What a rule found on a source. run: to be recorded, with counts that are not known yet; None: nothing new."""

    source: _Source
    rule: Rule
    digest: str
    found: Found | None
    run: Run | None
    unknown: Unknown | None


@dataclass(frozen=True)
class _Step:
    """The results that a judgement changes, and all that the rule has on the source after it."""

    judged: _Judged
    changed: list[Result]
    after: dict[Identity, Result]
    run: Run | None
    waivers: dict[Identity, Waiver]

    @property
    def is_new(self) -> bool:
        return bool(self.changed) or self.run is not None


def check(
    store: Store, rules: Rules, chosen: Iterable[str], names: Iterable[str], now: datetime, *, timeout: float,
    dry_run: bool,
) -> Checked:  # fmt: skip
    """Run rules on the last snapshot of each source, and record what is new. The same again records nothing.

    Args:
        chosen: ids or names of rules; none: all. names: of sources; none: all. timeout: seconds for each rule and
            source. dry_run: record nothing.

    Raises:
        UsageError: no such rule or source; a rule is wrong.
        CompareError: no source has a snapshot.
    """
    wanted = rules.choose(chosen)
    if not wanted:
        raise UsageError("there are no rules", "Name some under check.rules, or leave fewer out under check.skip")
    with store.reading() as connection:
        for rule in wanted:
            rule.statement(connection.dialect.name)  # refuses what is wrong before anything starts
        found = _sources(connection, names)
        tag = owner_tag(connection)
        judged = [_judge(connection, source, rule, tag, now, timeout) for source in found for rule in wanted]
        steps = list(_steps(connection, judged, now))
        known = memory.states(connection)
    is_written = not dry_run and any(step.is_new for step in steps)
    if is_written:
        with store.writing() as connection:
            memory.lock(connection)
            steps = list(_steps(connection, judged, now))
            for step in steps:
                _record(connection, step, now)
    lines = [line for step in steps for line in _lines(step, now)]
    strangers: dict[str, int] = {}
    for result in known:
        if result.state != CLOSED and result.rule_id not in rules.by_id:
            strangers[result.rule_id] = strangers.get(result.rule_id, 0) + 1
    return Checked(
        now, wanted, [source.snapshot for source in found], sorted(lines, key=_order),
        [each.unknown for each in judged if each.unknown], strangers, is_written,
    )  # fmt: skip


def _sources(connection: Connection, names: Iterable[str]) -> list[_Source]:
    found = []
    for row in sources(connection, names):
        if not (all_of := snapshots(connection, row["id"])):
            continue
        has, who = memory.job_ids(connection, row["id"]), memory.owners(connection, row["id"])
        named = memory.job_names(connection, row["id"])
        found.append(_Source(all_of[-1], row["retired_at"] is not None, has, named, who))
    if not found:
        raise CompareError("there are no snapshots yet", "Run `inventory export` first")
    return found


def _judge(
    connection: Connection, source: _Source, rule: Rule, tag: str, now: datetime, timeout: float
) -> _Judged:  # fmt: skip
    snapshot, digest = source.snapshot, rule.digest(tag)
    name, at = str(snapshot["source"]), time_of(snapshot)
    as_of = at if rule.max_age is not None else now
    before = memory.last_run(connection, rule.id, digest, snapshot["id"])

    def unknown(reason: str, why: str, *, has_failed: bool = False, seconds: float = 0) -> _Judged:
        is_known = before is not None and (before.status == "complete" or before.reason == reason)
        run = None if is_known else run_with("unknown", reason, seconds, None)
        return _Judged(source, rule, digest, None, run, Unknown(rule, name, why, has_failed))

    def run_with(status: str, reason: str | None, seconds: float, found: Found | None) -> Run:
        rows = None if found is None else [(*identity, detail) for identity, detail in found.items()]
        proven = None if rows is None else run_digest(snapshot["digest"], rule.id, digest, as_of, rows)
        return Run(
            snapshot["source_id"], snapshot["id"], rule.id, digest, as_of, status, reason, 0, 0, 0, 0, seconds, proven
        )

    is_judged = before is not None and before.status == "complete"
    reason, why = _unfit(source, rule, now - at)
    if reason:
        return unknown(reason, why)
    if source.is_retired or (is_judged and rule.max_age is not None):
        return _Judged(source, rule, digest, None, None, None)
    began = time.monotonic()
    try:
        scope = scope_of(connection, snapshot, is_last=True)
        found = evaluate(connection, rule, scope, name, as_of, timeout)
    except RuleError as error:
        return unknown(error.summary, error.summary, has_failed=True, seconds=time.monotonic() - began)
    if is_judged and before is not None and _is_same(before, snapshot, found):
        return _Judged(source, rule, digest, None, None, None)
    run = run_with("complete", None, time.monotonic() - began, found)
    return _Judged(source, rule, digest, found, run, None)


def _unfit(source: _Source, rule: Rule, age: timedelta) -> tuple[str, str]:
    """Return why a rule cannot judge the snapshot of a source, as it is recorded and for people; '' if it can."""
    snapshot = source.snapshot
    if rule.max_age is None or source.is_retired:
        return "", ""
    if snapshot["status"] == "partial":
        return "partial", f"snapshot {snapshot['id']} is partial"
    if age > rule.max_age:
        hours, most = (round(each.total_seconds() / 3600) for each in (age, rule.max_age))
        return "stale", f"snapshot {snapshot['id']} is {hours} h old, and the rule allows {most} h"
    return "", ""


def _is_same(before: Run, snapshot: SnapshotRow, found: Found) -> bool:
    """Whether a rule that depends on the time of the check found what it had found at an earlier one."""
    rows = [(*identity, detail) for identity, detail in found.items()]
    return before.digest == run_digest(snapshot["digest"], before.rule_id, before.rule_digest, before.as_of, rows)


def _steps(connection: Connection, judged: list[_Judged], now: datetime) -> Iterator[_Step]:
    before: dict[tuple[str, int], dict[Identity, Result]] = {}
    for result in memory.states(connection):
        before.setdefault((result.rule_id, result.source_id), {})[result.identity] = result
    waivers = memory.waivers(connection)
    for each in judged:
        key = each.rule.id, each.source.snapshot["source_id"]
        yield _step(connection, each, before.get(key, {}), waivers.get(key, {}), now)


def _step(
    connection: Connection, judged: _Judged, before: dict[Identity, Result], waivers: dict[Identity, Waiver],
    now: datetime,
) -> _Step:  # fmt: skip
    source, rule = judged.source, judged.rule
    snapshot = source.snapshot
    last = memory.last_complete_run(connection, rule.id, snapshot["source_id"])
    if last is not None and last.snapshot_id > snapshot["id"]:  # another check was quicker, with a newer snapshot
        return _Step(judged, [], before, None, waivers)
    judgement = Judgement(
        rule.id, judged.digest, rule.severity, rule.sla_days, snapshot["source_id"], snapshot["id"],
        time_of(snapshot) if rule.max_age is not None else now, _day(now), judged.found,
        {identity: each.until for identity, each in waivers.items()}, source.owners, source.jobs,
        is_changed=last is not None and last.rule_digest != judged.digest, is_retired=source.is_retired,
    )  # fmt: skip
    changed = list(advance(judgement, before))
    after = before | {result.identity: result for result in changed}
    return _Step(judged, changed, after, _counted(judged.run, before, changed, after), waivers)


def _counted(
    run: Run | None, before: Mapping[Identity, Result], changed: list[Result], after: Mapping[Identity, Result]
) -> Run | None:
    if run is None:
        return None

    def was_closed(result: Result) -> bool:
        return result.identity not in before or before[result.identity].state == CLOSED

    states = [result.state for result in after.values()]
    return Run(
        **{
            **vars(run),
            "opened": sum(result.state != CLOSED and was_closed(result) for result in changed),
            "closed": sum(result.state == CLOSED for result in changed),
            "open": states.count(OPEN),
            "waived": states.count(WAIVED),
        }
    )


def _record(connection: Connection, step: _Step, now: datetime) -> None:
    run_id = memory.add_run(connection, step.run) if step.run is not None else None
    memory.append(connection, step.changed, run_id, now)


def _lines(step: _Step, now: datetime) -> Iterator[Line]:
    source = step.judged.source
    for result in step.after.values():
        is_overdue = result.state == OPEN and result.due_at <= now
        word = _word(result, source.snapshot["id"], is_overdue=is_overdue)
        if word:
            name = source.names.get(result.job_id)
            waiver = step.waivers.get(result.identity) if result.state == WAIVED else None
            yield Line(word, step.judged.rule, str(source.snapshot["source"]), result, name, is_overdue, waiver)


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


def _order(line: Line) -> tuple[object, ...]:
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


def waive(
    store: Store, rule: Rule, names: Iterable[str], job_id: str, key: str | None, reason: str, by: str, until: date,
    now: datetime,
) -> Waiver:  # fmt: skip
    """Accept a result until a day; a day that is today ends a waiver.

    Args:
        job_id: '' for a result that is about the source. key: None: the result is the only one of the job.

    Raises:
        UsageError: no such result is open or waived, or several are; a text is empty; the day has passed.
    """
    if not reason.strip() or not by.strip():
        raise UsageError("a waiver needs a reason and a name", "Give --reason TEXT and --by NAME")
    if until < _day(now):
        raise UsageError(f"--until {until} has passed", "Give today to end a waiver, or a later day")
    with store.writing() as connection:
        memory.lock(connection)
        rows = {row["id"]: row for row in sources(connection, names)}
        mine = [
            result
            for result in memory.states(connection, rule.id)
            if result.source_id in rows and result.state != CLOSED and result.job_id == job_id
        ]
        chosen = [result for result in mine if key is None or result.key == key]
        if len(chosen) != 1:
            raise _not_one(rule, job_id, key, chosen or mine, {at: row["name"] for at, row in rows.items()})
        result = chosen[0]
        waiver = Waiver(rule.id, result.source_id, job_id, result.key, reason.strip(), by.strip(), now, until)
        memory.add_waiver(connection, waiver)
        last = snapshots(connection, result.source_id)[-1]
        judgement = Judgement(
            rule.id, result.rule_digest, rule.severity, rule.sla_days, result.source_id, last["id"], time_of(last),
            _day(now), None, {result.identity: until},
        )  # fmt: skip
        memory.append(connection, advance(judgement, {result.identity: result}), None, now)
    return waiver


def _not_one(
    rule: Rule, job_id: str, key: str | None, found: list[Result], names: Mapping[int, str]
) -> UsageError:  # fmt: skip
    where = f"the job {job_id}" if job_id else "a source as a whole"
    has_key = "" if key is None else f" with the key {key!r}"
    if not found or (key is not None and len(found) == 1):
        keys = f"Its keys are: {', '.join(sorted(repr(each.key) for each in found))}" if found else ""
        return UsageError(
            f"{rule.id} has no open result for {where}{has_key}", keys or "`inventory check --full` lists them"
        )
    if len({each.source_id for each in found}) > 1:
        listed = ", ".join(sorted({names[each.source_id] for each in found}))
        return UsageError(f"{rule.id} has results for {where} in several sources ({listed})", "Name one with --source")
    listed = ", ".join(sorted(repr(each.key) for each in found))
    return UsageError(f"{rule.id} has {len(found)} results for {where}", f"Name one with --key: {listed}")


def _day(moment: datetime) -> date:
    return moment.astimezone(UTC).date()
