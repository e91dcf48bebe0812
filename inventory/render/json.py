"""Changes and snapshots as JSON, by the contract's format 1.0."""

from collections.abc import Iterable
from typing import Any

from inventory.common.exact_json import Json
from inventory.diff.records import Change, SourceDiff
from inventory.proof.digest import rfc3339

__all__ = ["diff_document", "document", "life_document", "plain"]

FORMAT_VERSION = "1.0"


def document(**members: Any) -> dict[str, Json]:
    """Return a document of a command, with the version of its format."""
    return {"format_version": FORMAT_VERSION, **members}


def diff_document(diffs: list[SourceDiff]) -> dict[str, Json]:
    """Return the one document of `diff --format json`."""
    return {"format_version": FORMAT_VERSION, "sources": [_source(diff) for diff in diffs]}


def life_document(job_id: str, lives: Iterable[tuple[str, Iterable[SourceDiff]]]) -> dict[str, Json]:
    """Return the one document of `log --json`: for each source what happened, each step in the form of a diff."""
    sources = [{"source": source, "events": [_step(diff) for diff in steps]} for source, steps in lives]
    return {"format_version": FORMAT_VERSION, "job_id": job_id, "sources": sources}


def _source(diff: SourceDiff) -> dict[str, Json]:
    return {"source": diff.source, **_step(diff), "findings": diff.findings}


def _step(diff: SourceDiff) -> dict[str, Json]:
    return {
        "from": None if diff.start is None else plain(diff.start),
        "to": plain(diff.end),
        "summary": {**{a: diff.count(a) for a in ("create", "update", "delete")}, "ignored": diff.ignored},
        "changes": [_change(change) for change in diff.changes],
        **_schema(diff),
    }


def _schema(diff: SourceDiff) -> dict[str, Json]:
    """Return what tells a change of the tables from a change of the data, where there was one."""
    if diff.not_recorded is None or diff.start is None:
        return {}
    revisions = {"from": diff.start["schema_revision"], "to": diff.end["schema_revision"]}
    return {"schema": {**revisions, "not_recorded": diff.not_recorded}}


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
