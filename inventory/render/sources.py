"""The list of sources, for a person."""

from typing import Any

from inventory.common.safe_text import moment, table

__all__ = ["listing"]

_UNITS = (("d", 86400), ("h", 3600), ("min", 60))


def listing(rows: list[dict[str, Any]]) -> str:
    """Return the table that `sources list` prints."""
    headers = [
        "name",
        "region",
        "project",
        "created (UTC)",
        "retired (UTC)",
        "snapshot",
        "status",
        "observed to (UTC)",
        "jobs",
        "age",
    ]
    return table(
        headers,
        [
            [
                row["name"],
                row["region"],
                row["project_id"],
                moment(row["created_at"]),
                moment(row["retired_at"]),
                row["snapshot_id"],
                row["status"] or "never exported",
                moment(row["observed_to"] or row["finished_at"]),
                row["jobs"],
                _age(row["age_seconds"]),
            ]
            for row in rows
        ],
    )


def _age(seconds: int | None) -> str | None:
    if seconds is None:
        return None
    for unit, length in _UNITS:
        if seconds >= length:
            return f"{seconds // length} {unit}"
    return f"{seconds} s"
