"""What follows for each result of a rule from what the rule found. Uses no database.

A result opens when it is found, and closes when it is found no more. It is waived while a waiver is in force. The same
identity found again after closing opens the same result again, with its first opening kept.
"""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, time, timedelta

from inventory.report.checks.evaluate import Found, Identity

__all__ = ["CLOSED", "OPEN", "WAIVED", "Judgement", "Result", "advance"]

OPEN, WAIVED, CLOSED = "open", "waived", "closed"
FIXED, JOB_GONE, RULE_CHANGED, SOURCE_RETIRED = "fixed", "job_gone", "rule_changed", "source_retired"


@dataclass(frozen=True)
class Result:
    """A row of `check_results` without its id, the run and the time of recording."""

    rule_id: str
    rule_digest: str
    source_id: int
    job_id: str
    key: str
    state: str
    severity: str
    opened_snapshot: int
    opened_at: datetime
    closed_snapshot: int | None
    closed_at: datetime | None
    close_reason: str | None
    reopened: int
    first_ever_at: datetime
    owner: str | None
    detail: str
    due_at: datetime
    snapshot_id: int

    @property
    def identity(self) -> Identity:
        return self.job_id, self.key

    def is_same(self, other: "Result") -> bool:
        """Whether nothing but the snapshot differs."""
        return replace(self, snapshot_id=other.snapshot_id) == other


@dataclass(frozen=True)
class Judgement:
    """One rule on one snapshot of one source.

    found: identity -> detail; None: it is unknown what the rule finds. at: when it was observed, or checked. today: the
    UTC day of the check. waivers: identity -> the day on which the last waiver ends. owners: job id -> owner.
    jobs: ids of the source's jobs. is_changed: whether the source was last judged by another text of the rule.
    is_retired: whether the source is.
    """

    rule_id: str
    rule_digest: str
    severity: str
    sla_days: int
    source_id: int
    snapshot_id: int
    at: datetime
    today: date
    found: Found | None
    waivers: Mapping[Identity, date] = field(default_factory=dict)
    owners: Mapping[str, str | None] = field(default_factory=dict)
    jobs: Collection[str] = ()
    is_changed: bool = False
    is_retired: bool = False


def advance(now: Judgement, before: Mapping[Identity, Result]) -> Iterator[Result]:
    """Yield the results that are no longer what they were, in the order of identities.

    Args:
        before: the last row of each result of the rule on the source.
    """
    found = now.found
    if now.is_retired:
        found = {}
    known = {identity for identity, result in before.items() if result.state != CLOSED}
    for identity in sorted(known | found.keys() if found is not None else known):
        result = before.get(identity)
        if found is None:
            assert result is not None  # it is known
            after = _with_waiver(now, result)
        elif identity in found:
            after = _opened(now, identity, found[identity], result)
        else:
            assert result is not None  # neither found nor known: not in the loop
            after = _closed(now, result)
        if result is None or not after.is_same(result):
            yield replace(after, snapshot_id=now.snapshot_id)


def _opened(now: Judgement, identity: Identity, detail: str, result: Result | None) -> Result:
    job_id, key = identity
    is_open = result is not None and result.state != CLOSED
    opened = Result(
        now.rule_id, now.rule_digest, now.source_id, job_id, key, OPEN, now.severity,
        opened_snapshot=result.opened_snapshot if result and is_open else now.snapshot_id,
        opened_at=result.opened_at if result and is_open else now.at,
        closed_snapshot=None, closed_at=None, close_reason=None,
        reopened=0 if result is None else result.reopened + (not is_open),
        first_ever_at=result.first_ever_at if result else now.at,
        owner=now.owners.get(job_id), detail=detail, due_at=now.at, snapshot_id=now.snapshot_id,
    )  # fmt: skip
    return _with_waiver(now, replace(opened, due_at=opened.opened_at + timedelta(days=now.sla_days)))


def _with_waiver(now: Judgement, result: Result) -> Result:
    """Return an open result as its last waiver makes it: a deadline is not before the waiver's end."""
    until = now.waivers.get(result.identity)
    if until is None:
        return result
    due = max(result.opened_at + timedelta(days=now.sla_days), datetime.combine(until, time(), UTC))
    return replace(result, state=WAIVED if now.today < until else OPEN, due_at=due)


def _closed(now: Judgement, result: Result) -> Result:
    """Close a result. What is not found by another text of the rule may be there still: it is not fixed."""
    if now.is_retired:
        reason = SOURCE_RETIRED
    elif result.job_id and result.job_id not in now.jobs:
        reason = JOB_GONE
    else:
        reason = RULE_CHANGED if now.is_changed else FIXED
    return replace(
        result, state=CLOSED, closed_snapshot=now.snapshot_id, closed_at=now.at, close_reason=reason,
        rule_digest=now.rule_digest,
    )  # fmt: skip
