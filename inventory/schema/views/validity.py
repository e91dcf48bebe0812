"""The views of an entity over time: `NAME_as_of`, `NAME_periods`, and `job_status_periods`."""

from inventory.schema.entities import Entity
from inventory.schema.views.parts import Dialect, View, bookkeeping, column, of_entity

__all__ = ["FIRST_NIGHT", "as_of", "job_status_periods", "periods", "time_of"]

_NO_END = 2**63 - 1  # valid_to of a current row: later than any snapshot
FIRST_NIGHT = column("is_first_night", "boolean", "Whether the source's first snapshot saw it: it began then or before")


def time_of(snapshot: str) -> str:
    """Return the expression of a snapshot's time: when its last answer was observed."""
    return f"coalesce({snapshot}.observed_to, {snapshot}.finished_at)"


def _is_first(row: str) -> str:
    return f"NOT EXISTS (SELECT 1 FROM snapshots f WHERE f.source_id = {row}.source_id AND f.id < {row}.valid_from)"


def as_of(entity: Entity, dialect: Dialect) -> View:
    """One row for each row and snapshot that saw it.

    The join with snapshots is outside the union: SQLite pushes no condition with a sub-query into a union, so inside it
    `snapshot_id = (SELECT max(id) ...)` would be applied only after each row was joined with all its snapshots.
    """
    query = _as_of_on_sqlite(entity) if dialect.name == "sqlite" else _as_of_on_postgresql(entity)
    seen = bookkeeping("snapshot_id", "A snapshot that saw the row: snapshots.id"), bookkeeping("source")
    comment = (
        f"{entity.name} as each snapshot saw it: a row for each row and snapshot, so ask of one snapshot; "
        f"snapshot_counts has the rows of each. {entity.comment}"
    )
    return View(f"{entity.name}_as_of", comment, (*seen, *of_entity(entity)), query)


def _as_of_on_sqlite(entity: Entity) -> str:
    """Return the SELECT whose plan is the same with and without statistics, on old and new versions of SQLite.

    CROSS JOIN keeps the order: rows are read once, by source, so a job is found by its key. `+n.id` leaves no range of
    snapshots to search, so they are found by the id that the query gives. With `sources` outside the union, a join with
    `days` paired each row with all its snapshots: 28 s for 200,000 objects on SQLite 3.54.
    """
    names = [each.name for each in entity.current.columns]

    def rows(table: str, valid_to: str) -> str:
        columns = ", ".join(f"{table}.{name}" for name in names)
        return (
            f"  SELECT s.name AS source, {columns}, {valid_to} AS valid_to\n"
            f"  FROM sources s CROSS JOIN {table} WHERE {table}.source_id = s.id\n"
        )

    given = ",\n       ".join(f"r.{name}" for name in names)
    history = f"{entity.name}_history"
    return (
        f"SELECT n.id AS snapshot_id, r.source,\n       {given}\n"
        f"FROM (\n{rows(entity.name, str(_NO_END))}  UNION ALL\n{rows(history, f'{history}.valid_to')}) r\n"
        f"CROSS JOIN snapshots n\n"
        f"WHERE r.valid_from <= +n.id AND r.valid_to > +n.id\n"
        f"  AND +n.source_id = r.source_id AND n.pruned_at IS NULL"
    )


def _as_of_on_postgresql(entity: Entity) -> str:
    """Return the SELECT with `sources` outside the union: inside it, PostgreSQL takes seconds to join `days`."""
    names = [each.name for each in entity.current.columns]
    columns, given = ", ".join(names), ",\n       ".join(f"r.{name}" for name in names)
    return (
        f"SELECT n.id AS snapshot_id, s.name AS source,\n       {given}\n"
        f"FROM (\n"
        f"  SELECT {columns}, {_NO_END} AS valid_to FROM {entity.name}\n"
        f"  UNION ALL\n"
        f"  SELECT {columns}, valid_to FROM {entity.name}_history\n"
        f") r\n"
        f"CROSS JOIN snapshots n\nCROSS JOIN sources s\n"
        f"WHERE r.valid_from <= n.id AND r.valid_to > n.id\n"
        f"  AND n.source_id = r.source_id AND n.pruned_at IS NULL AND s.id = n.source_id"
    )


def periods(entity: Entity, dialect: Dialect) -> View:
    """One row for each row that ever was, with the time for which it was so.

    The table's columns stand last: CREATE OR REPLACE VIEW can only append, and a revision appends them.
    """
    names = [each.name for each in entity.current.columns]
    columns, given = ", ".join(names), ",\n       ".join(f"r.{name}" for name in names)
    query = (
        f"SELECT s.name AS source, r.valid_to, {time_of('b')} AS from_time, {time_of('e')} AS to_time,\n"
        f"       r.valid_to IS NULL AS is_current,\n       {_is_first('r')} AS is_first_night,\n       {given}\n"
        f"FROM (\n"
        f"  SELECT {columns}, CAST(NULL AS BIGINT) AS valid_to FROM {entity.name}{dialect.every}\n"
        f"  UNION ALL\n"
        f"  SELECT {columns}, valid_to FROM {entity.name}_history{dialect.every}\n"
        f") r\n"
        f"JOIN sources s ON s.id = r.source_id\n"
        f"JOIN snapshots b ON b.id = r.valid_from\n"
        f"LEFT JOIN snapshots e ON e.id = r.valid_to"
    )
    ends = (
        bookkeeping("valid_to", "The first snapshot that no longer saw the row so: snapshots.id; NULL: it is current"),
        column("from_time", "time", "When valid_from was observed, UTC"),
        column("to_time", "time", "When valid_to was observed, UTC; NULL: it is current"),
        column("is_current", "boolean", "Whether the source's last snapshot has it"),
        FIRST_NIGHT,
    )
    comment = f"{entity.name} with the period of each row, superseded ones too. {entity.comment}"
    return View(f"{entity.name}_periods", comment, (bookkeeping("source"), *ends, *of_entity(entity)), query)


def job_status_periods(dialect: Dialect) -> View:
    """Unbroken runs of one status of a job.

    A run goes on if no snapshot that is left lies between two of its rows: what pruned snapshots saw is not known.
    """
    number = "(SELECT c.day_number FROM calendar c WHERE c.day = {0})"
    begin, end = (number.format(dialect.day.format(time_of(each))) for each in ("b", "x"))
    key = "v.source_id, v.id"
    query = (
        "WITH versions AS (\n"
        f"  SELECT source_id, id, name, status, valid_from, CAST(NULL AS BIGINT) AS valid_to FROM jobs{dialect.every}\n"
        "  UNION ALL\n"
        f"  SELECT source_id, id, name, status, valid_from, valid_to FROM jobs_history{dialect.every}\n"
        "), steps AS (\n"
        f"  SELECT v.*, lag(v.status) OVER (PARTITION BY {key} ORDER BY v.valid_from) AS status_before,\n"
        f"         lag(v.valid_to) OVER (PARTITION BY {key} ORDER BY v.valid_from) AS end_before\n"
        "  FROM versions v\n"
        "), marked AS (\n"
        "  SELECT v.*, CASE WHEN v.end_before IS NOT NULL"
        f" AND {dialect.equal.format('v.status', 'v.status_before')}\n"
        "    AND NOT EXISTS (SELECT 1 FROM snapshots k WHERE k.source_id = v.source_id AND k.pruned_at IS NULL\n"
        "      AND k.id >= v.end_before AND k.id < v.valid_from) THEN 0 ELSE 1 END AS begins\n"
        "  FROM steps v\n"
        "), numbered AS (\n"
        f"  SELECT v.*, sum(v.begins) OVER (PARTITION BY {key} ORDER BY v.valid_from) AS run FROM marked v\n"
        "), ordered AS (\n"
        f"  SELECT v.*, row_number() OVER (PARTITION BY {key}, v.run ORDER BY v.valid_from DESC) AS nth\n"
        "  FROM numbered v\n"
        "), runs AS (\n"
        "  SELECT v.source_id, v.id, v.status, min(v.valid_from) AS valid_from,\n"
        "         CASE WHEN count(*) = count(v.valid_to) THEN max(v.valid_to) END AS valid_to,\n"
        "         max(CASE WHEN v.nth = 1 THEN v.name END) AS name\n"
        f"  FROM ordered v GROUP BY {key}, v.status, v.run\n"
        ")\n"
        "SELECT s.name AS source, r.source_id, r.id AS job_id, r.name, r.status, p.phase,\n"
        f"       {time_of('b')} AS from_time, {time_of('e')} AS to_time,\n"
        f"       {end} - {begin} AS days,\n"
        f"       r.valid_to IS NULL AS is_open, {_is_first('r')} AS is_first_night\n"
        "FROM runs r\n"
        "JOIN sources s ON s.id = r.source_id\n"
        "JOIN snapshots b ON b.id = r.valid_from\n"
        "LEFT JOIN snapshots e ON e.id = r.valid_to\n"
        "JOIN (SELECT source_id, max(id) AS id FROM snapshots GROUP BY source_id) l ON l.source_id = r.source_id\n"
        "JOIN snapshots x ON x.id = coalesce(r.valid_to, l.id)\n"
        "LEFT JOIN enum_values p ON p.table_name = 'jobs' AND p.column_name = 'status' AND p.value = upper(r.status)"
    )
    columns = (
        bookkeeping("source"),
        bookkeeping("source_id"),
        bookkeeping("job_id"),
        column("name", "text", "The task's name at the end of the run"),
        column("status", "text", "The status: jobs.status"),
        column("phase", "text", "The status's phase: enum_values.phase; NULL for a status that is not documented"),
        column("from_time", "time", "When the first snapshot of the run was observed, UTC"),
        column("to_time", "time", "When the first snapshot after the run was observed, UTC; NULL: the run is open"),
        column("days", "integer", "UTC days from from_time to to_time; of an open run to the last snapshot", "days"),
        column("is_open", "boolean", "Whether the source's last snapshot has the job in this status"),
        FIRST_NIGHT,
    )
    comment = (
        "Unbroken runs of one status of a job. What only pruned snapshots saw does not break a run, and the run begins "
        "with the first snapshot that is left."
    )
    return View("job_status_periods", comment, columns, query)
