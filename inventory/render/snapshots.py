"""What one export came to, for a person at a glance; and the list of snapshots."""

from typing import Any

from inventory.common.exact_json import Json
from inventory.common.safe_text import MAX_SHOWN, clean, count, moment, table, unread_jobs
from inventory.render.json import plain
from inventory.store.writer import Result

__all__ = ["listing", "result_document", "summary", "unread"]

SHOWN = 10  # jobs that are named where they could not be read
_LIST_ALL = "`inventory findings --kind omitted_job --kind unreadable_job --full` lists all"
_CONSISTENCY = {
    "one pass": "consistent",
    "repaired": "changed while reading, corrected",
    "torn": "changed while reading, not corrected",
}


def summary(source: str, result: Result) -> list[str]:
    """Return the lines that `export` prints for one snapshot."""
    if result.snapshot is None:
        label = clean(result.label)
        return [f"{clean(source)}: recording {label} was imported before (snapshot {result.already}); skipped"]
    row = result.snapshot
    when = f"observed {moment(row['observed_from'])} to {moment(row['observed_to'])} UTC"
    deselected = f", {row['deselected']:,} deselected" if row["deselected"] else ""
    changes = f"{row['added']:,} added, {row['changed']:,} changed, {row['removed']:,} removed{deselected}"
    lost = [f"{row['absent']:,} not found"] if row["absent"] else []
    lost += [f"{row['unreadable']:,} could not be read"] if row["unreadable"] else []
    answers = f"{row['returned']:,} of {count(row['requested'], 'job')}"
    answers += f" ({', '.join(lost)})" if lost else ""
    retries = "1 retry" if row["retries"] == 1 else f"{row['retries']:,} retries" if row["retries"] else "no retries"
    cost = f"{count(row['requests'], 'request')}, {retries}"
    lines = [
        f"{clean(source)}: snapshot {row['id']}, {row['status']}, {when}",
        f"  jobs      {row['jobs']:,}: {changes}",
        f"  read      {answers}; {cost}",
    ]
    if row["consistency"]:
        consistency = _CONSISTENCY.get(row["consistency"], row["consistency"])
        lines.append(f"  listing   {'incomplete' if result.incomplete else clean(consistency)}")
    if result.findings:
        kinds = ", ".join(f"{number:,} {kind}" for kind, number in sorted(result.findings.items()))
        lines.append(f"  findings  {sum(result.findings.values()):,} (`inventory findings` explains them): {kinds}")
    lines.append(f"  digest    {row['digest']}")
    if result.signing:
        lines.append(f"  signing   {clean(result.signing)}")
    return lines


def result_document(result: Result) -> dict[str, Json]:
    """Return what one export came to as JSON; `snapshot` is null where a recording was imported before."""
    return {
        "recording": result.label,
        "snapshot": None if result.snapshot is None else plain(result.snapshot),
        "imported_before_as": result.already,
        "findings": dict(result.findings),
        "throttles": result.throttles,
        "incomplete": result.incomplete or "",
        "unread": [{"job_id": job_id, "why": why} for job_id, why in sorted(result.unread.items())],
    }


def unread(result: Result) -> list[str]:
    """Return what was not read for a snapshot, and why: a line for what is known, and one for each of some jobs."""
    row = result.snapshot
    lines = []
    if result.incomplete:
        doubt = (
            "; jobs may be missing" if row is None or row["consistency"] else ""
        )  # of a list that was not read whole
        lines.append(clean(result.incomplete) + doubt)
    if row is not None and row["unreadable"]:
        lines.append(unread_jobs(row))
    shown = sorted(result.unread)[:SHOWN]
    lines += [f"  {clean(job_id[:MAX_SHOWN])}: {clean(result.unread[job_id][:MAX_SHOWN])}" for job_id in shown]
    if len(result.unread) > SHOWN:
        lines.append(f"  and {len(result.unread) - SHOWN:,} more; {_LIST_ALL}")
    return lines


def listing(rows: list[dict[str, Any]]) -> str:
    """Return the table that `snapshots` prints; a column counts the deselected jobs where there are any."""
    columns = {"jobs": "jobs", "added": "+", "changed": "~", "removed": "-", "deselected": "deselected"}
    columns["unreadable"] = "unreadable"
    if not any(row["deselected"] for row in rows):
        del columns["deselected"]
    headers = ["id", "source", "observed to (UTC)", "status", *columns.values(), "digest"]
    return table(
        headers,
        [
            [
                row["id"],
                row["source"],
                moment(row["observed_to"] or row["finished_at"]),
                row["status"] + (", pruned" if row["pruned_at"] else ""),
                *(row[name] for name in columns),
                row["digest"][:16],
            ]
            for row in rows
        ],
    )
