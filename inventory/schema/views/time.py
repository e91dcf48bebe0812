"""The views of days and of freshness."""

from inventory.schema.views.parts import Dialect, View, bookkeeping, column
from inventory.schema.views.validity import time_of

__all__ = ["days", "freshness"]


def days(dialect: Dialect) -> View:
    """The last snapshot of each source at the end of each day.

    Rows are distinct anyway. DISTINCT keeps SQLite from merging the view into a query that joins it with NAME_as_of,
    where it would be asked for each row and snapshot: minutes instead of half a second for 200,000 objects.
    """
    at = dialect.day.format
    query = (
        "SELECT DISTINCT c.day, s.id AS source_id, s.name AS source, n.id AS snapshot_id, n.observed_to,\n"
        f"       c.day_number - (SELECT o.day_number FROM calendar o WHERE o.day = {at(time_of('n'))}) AS age_days,\n"
        "       NOT EXISTS (\n"
        f"         SELECT 1 FROM snapshots m WHERE m.source_id = s.id AND {at(time_of('m'))} = c.day\n"
        "       ) AS is_missed\n"
        "FROM calendar c\nCROSS JOIN sources s\nCROSS JOIN snapshots n\n"
        "WHERE n.id = (\n"
        "    SELECT max(l.id) FROM snapshots l\n"
        f"    WHERE l.source_id = s.id AND l.pruned_at IS NULL AND {at(time_of('l'))} <= c.day\n"
        "  )\n"
        f"  AND (s.retired_at IS NULL OR c.day <= {at('s.retired_at')})"
    )
    columns = (
        column("day", "date", "The UTC day: calendar.day"),
        bookkeeping("source_id"),
        bookkeeping("source"),
        bookkeeping("snapshot_id", "The source's last snapshot at the end of the day that is not pruned: snapshots.id"),
        bookkeeping("observed_to"),
        column("age_days", "integer", "Days since that snapshot: 0 if it is of this day", "days"),
        column("is_missed", "boolean", "Whether no snapshot of the source is of this day, pruned ones included"),
    )
    comment = (
        "A row for each UTC day and source, from the source's first snapshot to the day of the database's last one, "
        "or to the day on which the source was retired. Where a day was missed, the last known snapshot stands for it. "
        "The estate on a day: NAME_as_of WHERE snapshot_id IN (SELECT snapshot_id FROM days WHERE day = '2026-11-01')."
    )
    return View("days", comment, columns, query)


def freshness(dialect: Dialect) -> View:
    """One row for each source: its last complete snapshot, the times of that, and the age of its data.

    The last snapshot is the one with the highest id, not the latest time: one with a wrong clock would stay the latest.
    """
    last = "LEFT JOIN snapshots {0} ON {0}.id = (SELECT max(z.id) FROM snapshots z WHERE z.source_id = s.id{1})\n"
    query = (
        "SELECT s.id AS source_id, s.name AS source, n.id AS snapshot_id, n.finished_at,\n"
        f"       {dialect.age.format(time_of('n'))} AS age_seconds,\n"
        f"       n.observed_to, {dialect.age.format('n.observed_to')} AS observed_age_seconds,\n"
        f"       l.status AS last_status, {time_of('p')} AS last_partial_at,\n"
        "       (SELECT count(d.day) FROM days d WHERE d.source_id = s.id AND d.is_missed) AS missed_days\n"
        "FROM sources s\n"
        + last.format("n", " AND z.status = 'complete'")
        + last.format("l", "")
        + last.format("p", " AND z.status = 'partial'")
        + "WHERE s.retired_at IS NULL"
    )
    columns = (
        bookkeeping("source_id"),
        bookkeeping("source"),
        bookkeeping("snapshot_id", "Its last complete snapshot: snapshots.id; NULL where it has none"),
        column("finished_at", "time", "When the export had written that snapshot, UTC"),
        column("age_seconds", "integer", "Seconds since observed_to, or since finished_at where it is NULL", "seconds"),
        bookkeeping("observed_to"),
        column("observed_age_seconds", "integer", "Seconds since observed_to: the age of the data", "seconds"),
        column("last_status", "text", "Status of the source's last snapshot, complete or not"),
        column("last_partial_at", "time", "When its last partial snapshot was observed, UTC; NULL where none was"),
        column("missed_days", "integer", "Days that no snapshot of it is of, as in the view days", "days"),
    )
    comment = "How old the data of each source is that is not retired, by its last complete snapshot."
    return View("freshness", comment, columns, query)
