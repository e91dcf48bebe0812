"""The SQL of the views, generated from the declared tables."""

from dataclasses import dataclass

from inventory.schema import ENTITIES, ESTATE
from inventory.schema.entities import Entity

__all__ = ["views"]

_NO_END = 2**63 - 1  # valid_to of a current row: later than any snapshot


@dataclass(frozen=True)
class _Dialect:
    """The differences between the two databases, and hints for SQLite's planner; PostgreSQL needs none."""

    as_of: "_Hints"
    age: str
    json_object: str
    same: str


@dataclass(frozen=True)
class _Hints:
    """SQLite's hints for joining rows with the snapshots that saw them.

    join: CROSS JOIN makes SQLite keep the written order, so the rows are scanned once and not materialised.
    every: a condition with every source, so that a job is found by the key, which begins with the source.
    likely: tells the planner that most snapshots match, so that it looks up snapshots by id.
    plus: prevents the use of an index for the column after it: rows are found by key, snapshots by id.
    """

    join: str = "JOIN"
    every: str = ""
    likely: str = ""
    plus: str = ""


_DIALECTS = {
    "sqlite": _Dialect(
        _Hints("CROSS JOIN", " WHERE source_id IN (SELECT id FROM sources)", "likely", "+"),
        "CAST(round((julianday('now') - julianday(coalesce(n.observed_to, n.finished_at))) * 86400) AS INTEGER)",
        "json_object",
        "IS",
    ),
    "postgresql": _Dialect(
        _Hints(),
        "CAST(round(extract(epoch FROM now() - coalesce(n.observed_to, n.finished_at))) AS bigint)",
        "json_build_object",
        "IS NOT DISTINCT FROM",
    ),
}


def views(dialect: str) -> dict[str, str]:
    """Return name -> CREATE VIEW, in the order to create them.

    Args:
        dialect: sqlite or postgresql.
    """
    words = _DIALECTS[dialect]
    found = {f"{entity.name}_as_of": _as_of(entity, words.as_of) for entity in ENTITIES}
    found["freshness"] = _freshness(words.age)
    found["changes"] = _changes(words)
    return found


def _as_of(entity: Entity, hints: _Hints) -> str:
    """One row for each row and snapshot that saw it.

    The join with snapshots is outside the union: SQLite pushes no condition with a sub-query into a union, so inside it
    `snapshot_id = (SELECT max(id) ...)` would be applied only after each row was joined with all its snapshots.
    """
    names = [column.name for column in entity.current.columns]
    columns, given = ", ".join(names), ",\n       ".join(f"r.{name}" for name in names)
    likely, plus = hints.likely, hints.plus
    return (
        f"CREATE VIEW {entity.name}_as_of AS\n"
        f"SELECT n.id AS snapshot_id, s.name AS source,\n       {given}\n"
        f"FROM (\n"
        f"  SELECT {columns}, {_NO_END} AS valid_to FROM {entity.name}{hints.every}\n"
        f"  UNION ALL\n"
        f"  SELECT {columns}, valid_to FROM {entity.name}_history{hints.every}\n"
        f") r\n"
        f"{hints.join} snapshots n ON {likely}({plus}r.valid_from <= n.id) AND {likely}({plus}r.valid_to > n.id)\n"
        f"  AND {plus}n.source_id = r.source_id AND n.pruned_at IS NULL\n"
        f"{hints.join} sources s ON s.id = n.source_id"
    )


def _freshness(age: str) -> str:
    """One row for each source: its last complete snapshot, the times of that, and the age of its data.

    The last snapshot is the one with the highest id, not the latest time: one with a wrong clock would stay the latest.
    """
    return (
        "CREATE VIEW freshness AS\n"
        "SELECT s.id AS source_id, s.name AS source, n.id AS snapshot_id, n.finished_at,\n"
        f"       {age} AS age_seconds,\n"
        "       n.observed_to\n"
        "FROM sources s\n"
        "LEFT JOIN snapshots n ON n.id = (\n"
        "  SELECT max(l.id) FROM snapshots l WHERE l.source_id = s.id AND l.status = 'complete'\n"
        ")\n"
        "WHERE s.retired_at IS NULL"
    )


def _changes(words: _Dialect) -> str:
    """Every row that a snapshot created, updated or deleted, compared with the previous snapshot that is not pruned.

    A step is such a pair of snapshots. A row began in a step if only the later snapshot sees it. Rows that only pruned
    snapshots saw are no changes, nor are findings and listings.
    """
    parts = [part for entity in ESTATE for part in _events(entity, words)]
    return (
        "CREATE VIEW changes AS\n"
        "WITH steps AS (\n"
        "  SELECT n.source_id, s.name AS source, n.observed_to, n.finished_at, n.id AS to_id,\n"
        "         coalesce(lag(n.id) OVER (PARTITION BY n.source_id ORDER BY n.id), 0) AS from_id\n"
        "  FROM snapshots n JOIN sources s ON s.id = n.source_id\n"
        "  WHERE n.pruned_at IS NULL\n"
        ")\n" + "\nUNION ALL\n".join(parts)
    )


def _events(entity: Entity, words: _Dialect) -> list[str]:
    current, history = entity.name, f"{entity.name}_history"
    pairs = ", ".join(f"'{name}', r.{name}" for name in entity.key)
    key = " AND ".join(f"o.{name} = r.{name}" for name in ("source_id", *entity.key))
    same = " AND ".join(f"o.{column.name} {words.same} r.{column.name}" for column in entity.compared) or "1 = 1"
    began = "{0}.valid_from > t.from_id AND {0}.valid_from <= t.to_id"
    ended = "{0}.valid_from <= t.from_id AND {0}.valid_to > t.from_id AND {0}.valid_to <= t.to_id"

    def event(action: str, table: str, where: str) -> str:
        return (
            f"SELECT t.source, t.source_id, t.to_id AS snapshot_id, t.observed_to, '{current}' AS table_name,\n"
            f"       {action} AS action, r.{entity.job_column} AS job_id, {words.json_object}({pairs}) AS key\n"
            f"FROM steps t JOIN {table} r ON r.source_id = t.source_id\nWHERE {where}"
        )

    before = f"SELECT 1 FROM {history} o WHERE {key} AND {ended.format('o')}"
    action = f"CASE WHEN EXISTS ({before}) THEN 'update' ELSE 'create' END"
    new = f"NOT EXISTS ({before} AND {same})"  # otherwise it was removed and added again unchanged
    after = f"{began.format('o')}"
    gone = (
        f"NOT EXISTS (SELECT 1 FROM {current} o WHERE {key} AND {after})\n"
        f"  AND NOT EXISTS (SELECT 1 FROM {history} o WHERE {key} AND {after} AND o.valid_to > t.to_id)"
    )
    return [
        # Two queries, so that every step except the first can use the index, which omits the first snapshot's rows.
        event(action, current, f"t.from_id = 0 AND r.valid_from <= t.to_id AND {new}"),
        event(action, current, f"t.from_id > 0 AND r.valid_from > 1 AND {began.format('r')} AND {new}"),
        event(action, history, f"{began.format('r')} AND r.valid_to > t.to_id AND {new}"),
        event("'delete'", history, f"{ended.format('r')}\n  AND {gone}"),
    ]
