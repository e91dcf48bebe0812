"""The view of what `check` found: the state of each result now."""

from inventory.schema.checks import CHECK_RESULTS
from inventory.schema.views.parts import Dialect, View, bookkeeping, column

__all__ = ["check_states"]

_INTEGERS = {"id", "source_id", "reopened", "snapshot_id", "run_id"}


def check_states(dialect: Dialect) -> View:  # noqa: ARG001  # the same on both
    """One row for each result that there ever was, as its last row in check_results has it."""
    names = [each.name for each in CHECK_RESULTS.columns]
    identity = "rule_id, source_id, job_id, key"
    query = (
        f"SELECT s.name AS source, {', '.join(f'r.{name}' for name in names)},\n"
        "       w.until AS waived_until, w.reason AS waiver_reason, w.by AS waived_by\n"
        "FROM check_results r\nJOIN sources s ON s.id = r.source_id\n"
        f"JOIN (SELECT max(id) AS id FROM check_results GROUP BY {identity}) l ON l.id = r.id\n"
        f"LEFT JOIN (SELECT {identity}, max(id) AS id FROM check_waivers GROUP BY {identity}) v\n"
        "  ON v.rule_id = r.rule_id AND v.source_id = r.source_id AND v.job_id = r.job_id AND v.key = r.key\n"
        "  AND r.state = 'waived'\n"
        "LEFT JOIN check_waivers w ON w.id = v.id"
    )
    columns = (
        bookkeeping("source"),
        *(column(each.name, _kind(each.name), str(each.comment)) for each in CHECK_RESULTS.columns),
        column("waived_until", "date", "Of a waived result, the UTC day on which it is open again"),
        column("waiver_reason", "text", "Of a waived result, why it is accepted"),
        column("waived_by", "text", "Of a waived result, who accepted it"),
    )
    comment = "The state of each result of check now. What is not closed: WHERE state <> 'closed'."
    return View("check_states", comment, columns, query)


def _kind(name: str) -> str:
    return "integer" if name in _INTEGERS or name.endswith("_snapshot") else "time" if name.endswith("_at") else "text"
