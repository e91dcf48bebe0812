"""Accepts a result until a day."""

from collections.abc import Iterable, Mapping
from datetime import date, datetime

from inventory.common.errors import UsageError
from inventory.report.checks import memory
from inventory.report.checks.evaluate import time_of
from inventory.report.checks.memory import Waiver, today
from inventory.report.checks.rule import Rule
from inventory.report.checks.states import CLOSED, Judgement, Result, advance
from inventory.store.engine import Store
from inventory.store.reader import snapshots, sources

__all__ = ["waive"]


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
    if until < today(now):
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
            today(now), None, {result.identity: until},
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
