"""Reads and appends to the tables of `check`."""

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, fields
from datetime import UTC, date, datetime
from typing import Any

from sqlalchemy import Connection, func, insert, select, text

from inventory.report.checks.evaluate import Identity
from inventory.report.checks.states import Result
from inventory.schema import BY_NAME
from inventory.schema.ledger import CHECK_RESULTS, CHECK_RUNS, CHECK_WAIVERS

__all__ = [
    "Run", "Waiver", "add_run", "add_waiver", "append", "history", "job_ids", "job_names", "last_complete_run",
    "last_digest", "last_run", "lock", "owners", "results_of", "runs_of", "states", "waivers",
]  # fmt: skip

_IDENTITY = ("rule_id", "source_id", "job_id", "key")
_RESULT = tuple(field.name for field in fields(Result))


@dataclass(frozen=True)
class Run:
    """A row of `check_runs` without its id."""

    source_id: int
    snapshot_id: int
    rule_id: str
    rule_digest: str
    as_of: datetime
    status: str
    reason: str | None
    opened: int
    closed: int
    open: int
    waived: int
    seconds: float
    digest: str
    previous_digest: str | None


@dataclass(frozen=True)
class Waiver:
    """A row of `check_waivers` without its id."""

    rule_id: str
    source_id: int
    job_id: str
    key: str
    reason: str
    by: str
    created_at: datetime
    until: date

    @property
    def identity(self) -> Identity:
        return self.job_id, self.key


def lock(connection: Connection) -> None:
    """Let one check write at a time, for the rest of the transaction; on SQLite a transaction that writes does."""
    if connection.dialect.name == "postgresql":
        table = "CAST(CAST(to_regclass('check_runs') AS oid) AS bigint)"
        connection.execute(text(f"SELECT pg_advisory_xact_lock({table})"))


def states(connection: Connection, rule_id: str | None = None, source_id: int | None = None) -> list[Result]:
    """Return the last row of each result; of one rule, of one source, or of all."""
    last = select(func.max(CHECK_RESULTS.c.id)).group_by(*(CHECK_RESULTS.c[name] for name in _IDENTITY))
    if rule_id is not None:
        last = last.where(CHECK_RESULTS.c.rule_id == rule_id)
    if source_id is not None:
        last = last.where(CHECK_RESULTS.c.source_id == source_id)
    query = select(*(CHECK_RESULTS.c[name] for name in _RESULT)).where(CHECK_RESULTS.c.id.in_(last))
    return [Result(*row) for row in connection.execute(query)]


def waivers(connection: Connection) -> dict[tuple[str, int], dict[Identity, Waiver]]:
    """Return (rule, source) -> identity -> the last waiver of each result that has one."""
    found: dict[tuple[str, int], dict[Identity, Waiver]] = {}
    columns = [each for each in CHECK_WAIVERS.columns if each.name != "id"]
    for row in connection.execute(select(*columns).order_by(CHECK_WAIVERS.c.id)):
        each = Waiver(*row)
        found.setdefault((each.rule_id, each.source_id), {})[each.identity] = each
    return found


def last_run(connection: Connection, rule_id: str, rule_digest: str, snapshot_id: int) -> Run | None:
    """Return the last run of a rule, as its text is now, on a snapshot."""
    mine = CHECK_RUNS.c.rule_id == rule_id, CHECK_RUNS.c.rule_digest == rule_digest
    return _last(connection, *mine, CHECK_RUNS.c.snapshot_id == snapshot_id)


def last_complete_run(connection: Connection, rule_id: str, source_id: int) -> Run | None:
    """Return the last run of a rule, whatever its text was, that judged a source."""
    mine = CHECK_RUNS.c.rule_id == rule_id, CHECK_RUNS.c.source_id == source_id
    return _last(connection, *mine, CHECK_RUNS.c.status == "complete")


def last_digest(connection: Connection, rule_id: str, source_id: int) -> str | None:
    """Return the digest of the last run of a rule on a source, whatever it came to."""
    last = _last(connection, CHECK_RUNS.c.rule_id == rule_id, CHECK_RUNS.c.source_id == source_id)
    return last.digest if last is not None else None


def _last(connection: Connection, *conditions: Any) -> Run | None:
    columns = [each for each in CHECK_RUNS.columns if each.name != "id"]
    row = connection.execute(select(*columns).where(*conditions).order_by(CHECK_RUNS.c.id.desc()).limit(1)).first()
    return Run(*row) if row else None


def runs_of(connection: Connection, source_id: int) -> list[tuple[int, Run]]:
    """Return id and run of each run on a source, oldest first."""
    query = select(CHECK_RUNS).where(CHECK_RUNS.c.source_id == source_id).order_by(CHECK_RUNS.c.id)
    return [(row[0], Run(*row[1:])) for row in connection.execute(query)]


def results_of(connection: Connection, source_id: int, rule_id: str) -> list[tuple[int, int | None, Result]]:
    """Return id, run and row of every state of a rule's results on a source, oldest first."""
    columns = [CHECK_RESULTS.c.id, CHECK_RESULTS.c.run_id, *(CHECK_RESULTS.c[name] for name in _RESULT)]
    mine = (CHECK_RESULTS.c.source_id == source_id) & (CHECK_RESULTS.c.rule_id == rule_id)
    query = select(*columns).where(mine).order_by(CHECK_RESULTS.c.id)
    return [(row[0], row[1], Result(*row[2:])) for row in connection.execute(query)]


def history(connection: Connection, source_ids: Iterable[int], job_id: str | None) -> list[tuple[datetime, Result]]:
    """Return every state of the results of some sources, with the time of recording, oldest first."""
    columns = [CHECK_RESULTS.c.recorded_at, *(CHECK_RESULTS.c[name] for name in _RESULT)]
    query = select(*columns).where(CHECK_RESULTS.c.source_id.in_(list(source_ids))).order_by(CHECK_RESULTS.c.id)
    if job_id is not None:
        query = query.where(CHECK_RESULTS.c.job_id == job_id)
    return [(row[0], Result(*row[1:])) for row in connection.execute(query)]


def add_run(connection: Connection, run: Run) -> int:
    """Append a run and return its id."""
    key = connection.execute(insert(CHECK_RUNS).values(**asdict(run))).inserted_primary_key
    assert key is not None  # an INSERT of one row has one
    return int(key[0])


def append(connection: Connection, results: Iterable[Result], run_id: int | None, at: datetime) -> None:
    """Append the new states of results, in order."""
    rows = [{**asdict(each), "run_id": run_id, "recorded_at": at} for each in results]
    if rows:
        connection.execute(insert(CHECK_RESULTS), rows)


def add_waiver(connection: Connection, waiver: Waiver) -> None:
    """Append a waiver."""
    connection.execute(insert(CHECK_WAIVERS).values(**asdict(waiver)))


def job_ids(connection: Connection, source_id: int) -> set[str]:
    """Return the ids of a source's jobs, and of the sub-tasks that only the list names."""
    found: set[str] = set()
    for name in ("jobs", "job_listings"):
        entity = BY_NAME[name]
        query = select(entity.current.c[entity.job_column]).where(entity.current.c.source_id == source_id)
        found.update(connection.execute(query).scalars())
    return found


def job_names(connection: Connection, source_id: int) -> dict[str, str | None]:
    """Return job id -> name of a source's jobs."""
    jobs = BY_NAME["jobs"].current
    query = select(jobs.c.id, jobs.c.name).where(jobs.c.source_id == source_id)
    return {row.id: row.name for row in connection.execute(query)}


_OWNERS = text("SELECT job_id, owner FROM tasks WHERE source_id = :source AND owner IS NOT NULL")
_PARENTS = text("SELECT job_id, parent_job_id FROM sub_tasks WHERE source_id = :source")


def owners(connection: Connection, source_id: int) -> Mapping[str, str | None]:
    """Return job id -> owner of each task of a source that has one; a sub-task has its parent's."""
    given = {"source": source_id}
    found: dict[str, str | None] = {row.job_id: row.owner for row in connection.execute(_OWNERS, given)}
    for row in connection.execute(_PARENTS, given).all() if found else ():
        if row.parent_job_id in found:
            found.setdefault(row.job_id, found[row.parent_job_id])
    return found


def today(moment: datetime) -> date:
    """Return the UTC day of a moment."""
    return moment.astimezone(UTC).date()
