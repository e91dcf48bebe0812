"""The memory of `check`: what each rule found, when it opened and closed, and what was waived.

All three tables are append-only: a row is never changed and never deleted, not even by `prune`. A result that closes
gets a new row, so the table is its own history, and the last row of a result is its state now (view `check_states`).
Rows that may be closed in place would be fewer, but a trigger could not tell a closing from a forgery.
"""

from typing import Any

from sqlalchemy import BigInteger, Column, Date, Double, ForeignKey, Index, Table

from inventory.schema.tables import METADATA, count_column, row_id, text_column, time_column

__all__ = ["CHECK_RESULTS", "CHECK_RUNS", "CHECK_TABLES", "CHECK_WAIVERS"]


def _link(name: str, table: str, doc: str, *, nullable: bool = False) -> Column[Any]:
    return Column(name, BigInteger, ForeignKey(f"{table}.id"), nullable=nullable, comment=f"{doc}: {table}.id")


CHECK_RUNS = Table(
    "check_runs",
    METADATA,
    row_id("The run of one rule on one source: what check_results.run_id names"),
    _link("source_id", "sources", "The source"),
    _link("snapshot_id", "snapshots", "The snapshot that was checked"),
    text_column("rule_id", "The rule, such as DRS-001"),
    text_column("rule_digest", "SHA-256 over what the rule's results depend on, in hex"),
    time_column("as_of", "What :now was in the rule, UTC: the snapshot's time; with max_age none that of the check"),
    text_column("status", "complete; or unknown, where the snapshot is partial or too old, or the rule failed"),
    text_column(
        "reason", "Why it is unknown: partial, stale, or the error of the rule; NULL if complete", nullable=True
    ),
    count_column("opened", "Results that the run opened, for the first time or again"),
    count_column("closed", "Results that the run closed"),
    count_column("open", "Results that are open after it, without the waived"),
    count_column("waived", "Results that are waived after it"),
    Column("seconds", Double, nullable=False, comment="How long the rule took, in seconds"),
    text_column("digest", "SHA-256 over previous_digest, the snapshot, the rule, status and the rows found, in hex"),
    text_column(
        "previous_digest", "digest of the run of the rule on the source before; NULL for the first", nullable=True
    ),
    comment="What each rule came to on each snapshot that was checked. Append-only, never pruned.",
    sqlite_autoincrement=True,
)

CHECK_RESULTS = Table(
    "check_results",
    METADATA,
    row_id("Grows with time: the last row of a result is its state now"),
    text_column("rule_id", "The rule, such as DRS-001"),
    text_column("rule_digest", "SHA-256 of the rule as it was when this was recorded: check_runs.rule_digest"),
    _link("source_id", "sources", "The source"),
    text_column("job_id", "The job; '' for a result that is about the source"),
    text_column("key", "What tells it from other results of the rule for the job; '' where there is one at most"),
    text_column("state", "open; waived: accepted until a day; or closed"),
    text_column("severity", "Severity of the rule: low, medium, high or critical"),
    _link("opened_snapshot", "snapshots", "The snapshot in which it was found first since it was last closed"),
    time_column("opened_at", "When that snapshot was observed, UTC; of a rule with max_age none, when it was checked"),
    _link("closed_snapshot", "snapshots", "The snapshot without it; NULL if not closed", nullable=True),
    time_column(
        "closed_at", "When that snapshot was observed, or checked likewise, UTC; NULL if not closed", nullable=True
    ),
    text_column("close_reason", "fixed, job_gone, rule_changed or source_retired; NULL if not closed", nullable=True),
    count_column("reopened", "How often it was found again after it had been closed"),
    time_column("first_ever_at", "opened_at of its first opening, UTC"),
    text_column("owner", "The task's owner, as in the view tasks; NULL where there is none", nullable=True),
    text_column("detail", "What the rule found, when the row was recorded"),
    time_column("due_at", "When it should be closed, by the rule's deadline or the end of its last waiver, UTC"),
    _link("snapshot_id", "snapshots", "The source's last snapshot when this row was recorded"),
    _link("run_id", "check_runs", "The run that recorded it; NULL: a waiver, its end, or the source's", nullable=True),
    time_column("recorded_at", "When the row was recorded, UTC"),
    comment="Every state that each result of a rule ever had, a row each. Append-only, never pruned.",
    sqlite_autoincrement=True,
)
Index("ix_check_results_identity", *(CHECK_RESULTS.c[name] for name in ("rule_id", "source_id", "job_id", "key", "id")))

CHECK_WAIVERS = Table(
    "check_waivers",
    METADATA,
    row_id("The waiver; the last one of a result is in force"),
    text_column("rule_id", "The rule, such as DRS-001"),
    _link("source_id", "sources", "The source"),
    text_column("job_id", "The job; '' for a result that is about the source"),
    text_column("key", "The result's key: check_results.key"),
    text_column("reason", "Why the result is accepted"),
    text_column("by", "Who accepted it"),
    time_column("created_at", "When the waiver was recorded, UTC"),
    Column("until", Date, nullable=False, comment="The UTC day on which the result is open again"),
    comment="Results that were accepted for a time, with who did and why. Append-only, never pruned.",
    sqlite_autoincrement=True,
)

CHECK_TABLES = (CHECK_RUNS, CHECK_RESULTS, CHECK_WAIVERS)
