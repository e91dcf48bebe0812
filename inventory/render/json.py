"""Changes and snapshots as JSON, by the contract's format 1.0."""

from typing import Any

from inventory.diff import Change, SourceDiff
from inventory.digest import rfc3339
from inventory.jsontext import Json

__all__ = ["diff_document", "plain"]

FORMAT_VERSION = "1.0"


def diff_document(diffs: list[SourceDiff]) -> dict[str, Json]:
    """Return the one document of `diff --format json`."""
    return {"format_version": FORMAT_VERSION, "sources": [_source(diff) for diff in diffs]}


def _source(diff: SourceDiff) -> dict[str, Json]:
    return {
        "source": diff.source,
        "from": None if diff.start is None else plain(diff.start),
        "to": plain(diff.end),
        "summary": {**{a: diff.count(a) for a in ("create", "update", "delete")}, "ignored": diff.ignored},
        "changes": [_change(change) for change in diff.changes],
        "findings": diff.findings,
    }


def _change(change: Change) -> dict[str, Json]:
    return {
        "table": change.table,
        "action": change.action,
        "job_id": change.job_id,
        "key": change.key,
        "before": change.before,
        "after": change.after,
        "changed": change.changed,
    }


def plain(row: dict[str, Any]) -> dict[str, Json]:
    """Return a row with its times spelt out."""
    return {name: rfc3339(v) if hasattr(v, "astimezone") else v for name, v in row.items()}
