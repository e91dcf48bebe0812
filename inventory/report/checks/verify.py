"""Recomputes what `check` remembers.

Every run must follow the rule's run before it on the source. It is compared with the results that it left, and, where
that can be done, with what the rule finds in the snapshot: the same snapshot and the same rule give the same rows.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from sqlalchemy import Connection

from inventory.proof.check import Problem
from inventory.proof.results import run_digest
from inventory.report.checks import memory
from inventory.report.checks.evaluate import Found, Identity, RuleError, evaluate, owner_tag, scope_of
from inventory.report.checks.memory import Run
from inventory.report.checks.rule import Rules
from inventory.report.checks.states import CLOSED, Result
from inventory.schema.ledger import CHECK_RESULTS, CHECK_RUNS
from inventory.store.reader import SnapshotRow, snapshots, sources

__all__ = ["VerifiedChecks", "found_by", "verify_checks"]


@dataclass
class VerifiedChecks:
    """Of one source: its runs, and how many of them were recomputed from the snapshot too.

    The others are of a pruned snapshot, or of a rule that is not here, or is another by now.
    """

    source: str
    runs: int
    recomputed: int
    problems: list[Problem]


def verify_checks(connection: Connection, rules: Rules, names: tuple[str, ...], timeout: float) -> list[VerifiedChecks]:
    """Check every run of each source, in the order of names."""
    known = {rule.digest(owner_tag(connection)): rule for rule in rules.by_id.values()}
    found = []
    for source in sources(connection, names):
        rows = {row["id"]: row for row in snapshots(connection, source["id"])}
        last = max(rows, default=None)
        result = VerifiedChecks(source["name"], 0, 0, [])
        runs = memory.runs_of(connection, source["id"])
        checked = {run.rule_id for _, run in runs}
        history = {rule_id: memory.results_of(connection, source["id"], rule_id) for rule_id in checked}
        before: dict[str, str] = {}
        for run_id, run in runs:
            result.runs += 1
            snapshot = rows[run.snapshot_id]
            if run.previous_digest != before.get(run.rule_id):
                said = "it does not follow the run before it: that one was altered, added or removed"
                result.problems.append(_problem("altered", CHECK_RUNS.name, run_id, run, said))
            before[run.rule_id] = run.digest
            if run.status != "complete":
                if run_digest(vars(run), snapshot["digest"], ()) != run.digest:
                    said = "the digest is not that of the run"
                    result.problems.append(_problem("altered", CHECK_RUNS.name, run_id, run, said))
                continue
            remembered = found_by(history[run.rule_id], run_id)
            details = {identity: each.detail for identity, each in remembered.items()}
            problems = list(_of_memory(run, run_id, snapshot, details, history[run.rule_id]))
            rule = known.get(run.rule_digest)
            if rule is not None and snapshot["pruned_at"] is None:
                result.recomputed += 1
                scope = scope_of(connection, snapshot, is_last=snapshot["id"] == last)
                try:
                    again = evaluate(connection, rule, scope, source["name"], run.as_of, timeout)
                except RuleError as error:
                    problems = [_problem("altered", CHECK_RUNS.name, run_id, run, f"it fails: {error.summary}")]
                else:
                    problems = list(_of_snapshot(run, run_id, snapshot, details, again)) or problems
            result.problems += problems
        found.append(result)
    return found


def found_by(history: list[tuple[int, int | None, Result]], run_id: int) -> dict[Identity, Result]:
    """Return the results that a run left open or waived, from every state of the rule's results on the source.

    Rows that no run recorded do not count: a waiver opens and closes nothing, and a retired source has no more runs.
    """
    left = {result.identity: result for _, by, result in history if by is not None and by <= run_id}
    return {identity: result for identity, result in left.items() if result.state != CLOSED}


def _of_memory(
    run: Run, run_id: int, snapshot: SnapshotRow, details: Found, history: list[tuple[int, int | None, Result]]
) -> Iterator[Problem]:
    """Compare a run with the results that it left."""
    rows = [(*identity, detail) for identity, detail in details.items()]
    if run_digest(vars(run), snapshot["digest"], rows) != run.digest:
        yield _problem("altered", CHECK_RUNS.name, run_id, run, "the results that it left are others")
        return
    own = [result for _, by, result in history if by == run_id]
    closed = sum(result.state == CLOSED for result in own)
    if closed != run.closed or len(details) != run.open + run.waived:
        yield _problem("altered", CHECK_RUNS.name, run_id, run, "its counts are not those of the results that it left")


def _of_snapshot(run: Run, run_id: int, snapshot: SnapshotRow, details: Found, again: Found) -> Iterator[Problem]:
    """Compare the results that a run left with those that the rule finds in the snapshot."""
    for job_id, key in sorted(details.keys() | again.keys()):
        was, now = details.get((job_id, key)), again.get((job_id, key))
        if was != now:
            word = "missing" if was is None else "added" if now is None else "altered"
            identity = {"rule_id": run.rule_id, "job_id": job_id, "key": key}
            yield Problem(word, CHECK_RESULTS.name, identity, run.snapshot_id, run.snapshot_id)
    rows = [(*identity, detail) for identity, detail in again.items()]
    if details == again and run_digest(vars(run), snapshot["digest"], rows) != run.digest:
        yield _problem("altered", CHECK_RUNS.name, run_id, run, "the digest is not that of the rows")


def _problem(word: str, table: str, run_id: int, run: Run, detail: str) -> Problem:
    return Problem(word, table, {"id": run_id, "rule_id": run.rule_id}, run.snapshot_id, run.snapshot_id, detail)
