"""The estate, or one job, as of a snapshot: a table, a text, or batch-detail's own JSON."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from operator import itemgetter
from typing import Any

from sqlalchemy import Connection

from inventory.common.errors import CompareError, UsageError
from inventory.common.exact_json import Json, pretty
from inventory.common.safe_text import clean, moment, table, value
from inventory.config.values import nearest
from inventory.normalise.rebuild import rebuild
from inventory.schema import BY_NAME
from inventory.schema.kinds import EPOCH_MS, Misfit
from inventory.store.reader import SnapshotRow, documents_of, resolve, rows_at, snapshots, sources

__all__ = ["Columns", "as_json", "as_text", "find"]

SHOWN = ("source", "id", "name", "status", "db_use_type", "inst_info_engine_type", "job_direction", "create_time")
_HEADERS = {
    "db_use_type": "type", "inst_info_engine_type": "engine", "job_direction": "direction",
    "create_time": "created (UTC)",
}  # fmt: skip


@dataclass(frozen=True)
class Columns:
    """Which columns of `jobs` a table shows, and which rows. limit: None for all. full: cells are not cut."""

    names: tuple[str, ...] = SHOWN
    sort: str = ""
    descending: bool = False
    limit: int | None = None
    full: bool = False

    @classmethod
    def of(cls, names: str | None, sort: str | None, limit: int | None, *, full: bool) -> "Columns":
        """Read the options: names with commas between them; a sort column with a minus for descending.

        Raises:
            UsageError: `jobs` has no such column.
        """
        chosen = tuple(name.strip() for name in names.split(",") if name.strip()) if names else SHOWN
        by = (sort or "").removeprefix("-")
        known = ("source", *BY_NAME["jobs"].names)
        for option, each in [*(("--columns", name) for name in chosen), *([("--sort", by)] if by else [])]:
            if each not in known:
                raise UsageError(f"{option}: jobs has no column {each!r}{nearest(each, known)}", _LISTS)
        if by and by not in chosen:
            raise UsageError(f"--sort: {by!r} is not among the columns that are shown", "Add it to --columns")
        return cls(chosen, by, (sort or "").startswith("-"), limit, full)


_MILLISECONDS = {field.api.path for field in BY_NAME["jobs"].fields if field.api.kind is EPOCH_MS}
_LISTS = "`inventory schema` lists the columns"
Found = list[tuple[SnapshotRow, str | None]]  # a snapshot, and the one job wanted of it


def find(connection: Connection, names: Iterable[str], ref: str, job_id: str | None) -> Found:
    """Choose the snapshot of each source that `ref` means, and of those the ones with the job.

    Raises:
        CompareError: none has it.
    """
    resolve(ref, [])  # refuses what is not a reference, even without sources
    chosen, is_empty = [], True
    for source in sources(connection, names):
        rows = snapshots(connection, source["id"])
        is_empty = is_empty and not rows
        row = resolve(ref, rows)
        if row is not None:
            chosen.append(row)
    if not chosen and is_empty:
        raise CompareError("there are no snapshots yet", "Run `inventory export` first")
    if not chosen:
        raise CompareError(f"snapshot {ref} does not exist", "`inventory snapshots` shows what there is")
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


def as_text(
    connection: Connection, found: Found, job_id: str | None, columns: Columns, *, width: int | None
) -> Iterator[str]:
    """Yield lines for a person; a table is fitted to the terminal's width."""
    if job_id is None:
        yield _estate(connection, found, columns, width)
        return
    for row, wanted in found:
        yield f"{clean(row['source'])}: snapshot {row['id']} ({moment(row['observed_to'])} UTC)"
        for rows in documents_of(connection, row["source_id"], row["id"], wanted):
            yield from _lines(rebuild(rows), "  ")


def _estate(connection: Connection, found: Found, columns: Columns, width: int | None) -> str:
    jobs = BY_NAME["jobs"]
    place = {name: at for at, name in enumerate(jobs.names)}
    lines: list[list[Any]] = []
    for row, _ in found:
        jobs_then = sorted(rows_at(connection, jobs, row["source_id"], row["id"]), key=itemgetter(0))
        lines += [
            [row["source"] if name == "source" else job[place[name]] for name in columns.names] for job in jobs_then
        ]
    if columns.sort:
        at = columns.names.index(columns.sort)
        lines.sort(key=lambda line: (line[at] is None, line[at] if line[at] is not None else ""))
        if columns.descending:
            lines.reverse()
    left = len(lines) - len(lines[: columns.limit])
    rows = [[moment(cell) if hasattr(cell, "astimezone") else cell for cell in line] for line in lines[: columns.limit]]
    text = table([_HEADERS.get(name, name) for name in columns.names], rows, width=width, full=columns.full)
    return f"{text}\n… and {left:,} more; --limit shows them" if left else text


def _lines(what: Json, indent: str, path: str = "") -> Iterator[str]:
    """Spell a job's document as indented lines: a scalar beside its name, the rest below it.

    Args:
        path: of `what`, as the schema has it.
    """
    pairs = what.items() if isinstance(what, dict) else (("-", item) for item in what)
    for name, content in pairs:
        inner = f"{path}.{name}" if path else name
        if isinstance(content, dict | list):
            yield f"{indent}{clean(name)}"
            yield from _lines(content, indent + "  ", inner)
        else:
            yield f"{indent}{clean(name)} {_time(content) if inner in _MILLISECONDS else value(content)}"


def _time(milliseconds: Json) -> str:
    """Spell milliseconds since 1970 as a time; a value that is none as it is."""
    try:
        when, _ = EPOCH_MS.read(milliseconds)
    except Misfit:
        when = None
    return value(milliseconds) if when is None else f"{moment(when)} UTC"
