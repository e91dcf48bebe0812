"""The estate, or one job, as of a snapshot: a table, a text, or batch-detail's own JSON."""

from collections.abc import Iterable, Iterator
from typing import Any

from sqlalchemy import Connection

from inventory.common.errors import CompareError
from inventory.common.exact_json import Json, pretty
from inventory.common.safe_text import clean, moment, table, value
from inventory.normalise.rebuild import rebuild
from inventory.schema import BY_NAME
from inventory.store.reader import SnapshotRow, documents_of, resolve, rows_at, snapshots, sources

__all__ = ["as_json", "as_text", "find"]

Found = list[tuple[SnapshotRow, str | None]]  # a snapshot, and the one job wanted of it


def find(connection: Connection, names: Iterable[str], ref: str, job_id: str | None) -> Found:
    """Choose the snapshot of each source that `ref` means, and of those the ones with the job.

    Raises:
        CompareError: none has it.
    """
    chosen = []
    for source in sources(connection, names):
        row = resolve(ref, snapshots(connection, source["id"]))
        if row is not None:
            chosen.append(row)
    if not chosen:
        raise CompareError(f"no source has a snapshot {ref}", "`inventory snapshots` shows what there is")
    if job_id is None:
        return [(row, None) for row in chosen]
    jobs = BY_NAME["jobs"]
    found: Found = [(row, job_id) for row in chosen if rows_at(connection, jobs, row["source_id"], row["id"], [job_id])]
    if not found:
        raise CompareError(f"no job {job_id} in snapshot {ref}", "`inventory show` lists the jobs")
    return found


def as_json(connection: Connection, found: Found) -> Iterator[str]:
    """Yield pieces of one document ``{"count", "results"}``, job by job."""
    count = 0
    yield '{"results": ['
    for row, job_id in found:
        for rows in documents_of(connection, row["source_id"], row["id"], job_id):
            yield (",\n" if count else "\n") + pretty(rebuild(rows))
            count += 1
    yield f'\n], "count": {count}}}\n'


def as_text(connection: Connection, found: Found, job_id: str | None) -> Iterator[str]:
    """Yield lines for a person."""
    if job_id is None:
        yield _estate(connection, found)
        return
    for row, wanted in found:
        yield f"{clean(row['source'])}: snapshot {row['id']} ({moment(row['observed_to'])} UTC)"
        for rows in documents_of(connection, row["source_id"], row["id"], wanted):
            yield from _lines(rebuild(rows), "  ")


def _estate(connection: Connection, found: Found) -> str:
    jobs = BY_NAME["jobs"]
    shown = ("id", "name", "status", "db_use_type", "inst_info_engine_type", "job_direction", "create_time")
    place = {name: at for at, name in enumerate(jobs.names)}
    lines: list[list[Any]] = []
    for row, _ in found:
        for job in sorted(rows_at(connection, jobs, row["source_id"], row["id"])):
            cells = [job[place[name]] for name in shown[:-1]]
            lines.append([row["source"], *cells, moment(job[place["create_time"]])])
    return table(["source", "id", "name", "status", "type", "engine", "direction", "created (UTC)"], lines)


def _lines(what: Json, indent: str) -> Iterator[str]:
    """Spell a document as indented lines: a scalar beside its name, the rest below it."""
    pairs = what.items() if isinstance(what, dict) else (("-", item) for item in what)
    for name, content in pairs:
        if isinstance(content, dict | list):
            yield f"{indent}{clean(name)}"
            yield from _lines(content, indent + "  ")
        else:
            yield f"{indent}{clean(name)} {value(content)}"
