"""Checks the last snapshot of each source against the rules, and remembers what follows."""

import time
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime

from sqlalchemy import Connection

from inventory.common.errors import CompareError, UsageError
from inventory.proof.results import run_digest
from inventory.report.checks import memory
from inventory.report.checks.checked import Checked, Line, Unknown, lines, order
from inventory.report.checks.evaluate import Found, Identity, RuleError, evaluate, owner_tag, scope_of, time_of
from inventory.report.checks.memory import Run, Waiver
from inventory.report.checks.rule import Rule, Rules
from inventory.report.checks.states import CLOSED, OPEN, WAIVED, Judgement, Result, advance
from inventory.store.engine import Store
from inventory.store.reader import SnapshotRow, snapshots, sources

__all__ = ["check"]


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
    """What a rule found on a source.

    run: to be recorded, with counts and digests that are not known yet; None: nothing new.
    """

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

    def lines(self, now: datetime) -> Iterator[Line]:
        source = self.judged.source
        name, last = str(source.snapshot["source"]), source.snapshot["id"]
        return lines(self.judged.rule, name, last, self.after.values(), self.waivers, source.names, now)


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
    found_lines = [line for step in steps for line in step.lines(now)]
    strangers: dict[str, int] = {}
    for result in known:
        if result.state != CLOSED and result.rule_id not in rules.by_id:
            strangers[result.rule_id] = strangers.get(result.rule_id, 0) + 1
    return Checked(
        now, wanted, [source.snapshot for source in found], sorted(found_lines, key=order),
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
        run = None if is_known else run_with("unknown", reason, seconds)
        return _Judged(source, rule, digest, None, run, Unknown(rule, name, why, has_failed))

    def run_with(status: str, reason: str | None, seconds: float) -> Run:
        return Run(
            snapshot["source_id"], snapshot["id"], rule.id, digest, as_of, status, reason, 0, 0, 0, 0, seconds, "", None
        )

    is_judged = before is not None and before.status == "complete"
    reason, why = rule.unfit(snapshot["id"], snapshot["status"], now - at)
    if reason and not source.is_retired:
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
    run = run_with("complete", None, time.monotonic() - began)
    return _Judged(source, rule, digest, found, run, None)


def _is_same(before: Run, snapshot: SnapshotRow, found: Found) -> bool:
    """Whether a rule that depends on the time of the check found what it had found at an earlier one."""
    return before.digest == run_digest(vars(before), snapshot["digest"], _rows(found))


def _rows(found: Found) -> list[tuple[str, str, str]]:
    return [(*identity, detail) for identity, detail in found.items()]


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
        time_of(snapshot) if rule.max_age is not None else now, memory.today(now), judged.found,
        {identity: each.until for identity, each in waivers.items()}, source.owners, source.jobs,
        is_changed=last is not None and last.rule_digest != judged.digest, is_retired=source.is_retired,
    )  # fmt: skip
    changed = list(advance(judgement, before))
    after = before | {result.identity: result for result in changed}
    run = _counted(judged.run, before, changed, after)
    if run is not None:
        run = replace(run, previous_digest=memory.last_digest(connection, rule.id, run.source_id))
        run = replace(run, digest=run_digest(vars(run), snapshot["digest"], _rows(judged.found or {})))
    return _Step(judged, changed, after, run, waivers)


def _counted(
    run: Run | None, before: Mapping[Identity, Result], changed: list[Result], after: Mapping[Identity, Result]
) -> Run | None:
    if run is None:
        return None

    def was_closed(result: Result) -> bool:
        return result.identity not in before or before[result.identity].state == CLOSED

    states = [result.state for result in after.values()]
    return replace(
        run, opened=sum(result.state != CLOSED and was_closed(result) for result in changed),
        closed=sum(result.state == CLOSED for result in changed), open=states.count(OPEN), waived=states.count(WAIVED),
    )  # fmt: skip


def _record(connection: Connection, step: _Step, now: datetime) -> None:
    run_id = memory.add_run(connection, step.run) if step.run is not None else None
    memory.append(connection, step.changed, run_id, now)
