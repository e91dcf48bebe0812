"""Changes and snapshots as JSON, by the contract's format 1.0."""

from collections.abc import Iterator
from typing import Any

from inventory.common.exact_json import Json
from inventory.common.masks import is_mask
from inventory.diff.records import Change, SourceDiff
from inventory.schema import BY_NAME
from inventory.schema.kinds import rfc3339

__all__ = ["change_records", "diff_document", "document", "plain"]

FORMAT_VERSION = "1.0"


def document(**members: Any) -> dict[str, Json]:
    """Return a document of a command, with the version of its format."""
    return {"format_version": FORMAT_VERSION, **members}


def diff_document(diffs: list[SourceDiff], *, ignored: bool = False) -> dict[str, Any]:
    """Return the one document of `diff --format json`, for `pretty_pieces`: its lists of changes are iterators.

    Args:
        ignored: with the changes that are only counted.
    """
    return document(sources=(_source(diff, ignored=ignored) for diff in diffs))


def change_records(diff: SourceDiff, *, ignored: bool = False) -> Iterator[dict[str, Json]]:
    """Yield a record for each change: with its source, and the snapshot that brought it and the one before.

    Args:
        ignored: then those that are only counted, each with the reason.
    """
    start, end = diff.start, diff.end
    at = end["observed_to"] or end["finished_at"]
    place = {
        "from": None if start is None else start["id"],
        "snapshot": end["id"],
        "time": rfc3339(at) if at is not None else None,
        "digest": end["digest"],
    }
    for record in _changes(diff):
        yield {**place, **record}
    if ignored:
        for record in _only_counted(diff):
            yield {**place, **record}


def _source(diff: SourceDiff, *, ignored: bool) -> dict[str, Any]:
    more = {"ignored": _only_counted(diff)} if ignored else {}
    return {
        "source": diff.source,
        **_step(diff),
        "findings": diff.findings,
        "new_findings": diff.new_findings,
        "replaced": [{"job_id": new, "old_job_id": old} for new, old in sorted(diff.replaced.items())],
        "gone": [{"job_id": job_id, "why": why} for job_id, why in sorted(diff.gone.items())],
        **more,
    }


def _changes(diff: SourceDiff) -> Iterator[dict[str, Json]]:
    return (_change(change, diff) for change in diff.changes())


def _only_counted(diff: SourceDiff) -> Iterator[dict[str, Json]]:
    return ({**_change(change, diff), "reason": why} for change, why in diff.only_counted())


def _step(diff: SourceDiff) -> dict[str, Any]:
    return {
        "from": None if diff.start is None else plain(diff.start),
        "to": plain(diff.end),
        "summary": {**{a: diff.count(a) for a in ("create", "update", "delete")}, "ignored": diff.ignored.total()},
        "changes": _changes(diff),
        **_schema(diff),
    }


def _schema(diff: SourceDiff) -> dict[str, Json]:
    """Return what tells a change of the tables from a change of the data, where there was one."""
    if diff.not_recorded is None or diff.start is None:
        return {}
    revisions = {"from": diff.start["schema_revision"], "to": diff.end["schema_revision"]}
    return {"schema": {**revisions, "not_recorded": diff.not_recorded}}


def _change(change: Change, diff: SourceDiff) -> dict[str, Json]:
    before, after = (None if row is None else dict(row) for row in (change.before, change.after))
    return {
        "source": diff.source,
        "table": change.table,
        "action": change.action,
        "job_id": change.job_id,
        "job_name": diff.names.get(change.job_id),
        "key": change.key,
        "before": before,
        "after": after,
        "before_sensitive": _sensitive(change.table, before),
        "after_sensitive": _sensitive(change.table, after),
        "changed": change.changed,
    }


def _sensitive(table: str, row: dict[str, Json] | None) -> dict[str, Json]:
    """Return the columns that hold something in place of a secret, as `{column: true}`."""
    secret = {field.name for field in BY_NAME[table].fields if field.api.secret}
    found = {name: True for name, value in (row or {}).items() if name != "extra" and value is not None
             and (name in secret or is_mask(value))}  # fmt: skip
    hidden = {path: True for path, value in ((row or {}).get("extra") or {}).items() if is_mask(value)}
    return found | ({"extra": hidden} if hidden else {})


def plain(row: dict[str, Any]) -> dict[str, Json]:
    """Return a row with its times spelt out."""
    return {name: rfc3339(v) if hasattr(v, "astimezone") else v for name, v in row.items()}
