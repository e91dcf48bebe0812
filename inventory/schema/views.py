"""The views, as SQL derived from the declared tables."""

from dataclasses import dataclass

from inventory.schema import ENTITIES, ESTATE
from inventory.schema.entities import Entity

__all__ = ["views"]

_STILL = 2**63 - 1  # valid_to of a current row: later than any snapshot


@dataclass(frozen=True)
class _Dialect:
    """What the two databases spell differently, and what SQLite's planner has to be told; PostgreSQL decides well."""

    as_of: "_Hints"
    age: str
    json_object: str
    same: str


@dataclass(frozen=True)
class _Hints:
    """How a row finds the snapshots that saw it.

    join: CROSS JOIN keeps SQLite to the order written: the rows run through once, none is put aside.
    every: names every source, so that a job is found by the key, which begins with the source.
    likely: that a snapshot saw the row, so that it is looked up by the id that was asked for, if any was.
    plus: keeps indexes away from what follows it: rows are found by their key, snapshots by their id.
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

    The union stands inside, the snapshots outside: SQLite hands no condition with a sub-query down into a union,
    and `snapshot_id = (SELECT max(id) ...)` would come after every row was paired with each of its snapshots.
    """
    names = [column.name for column in entity.current.columns]
    columns, given = ", ".join(names), ",\n       ".join(f"r.{name}" for name in names)
    likely, plus = hints.likely, hints.plus
    return (
        f"CREATE VIEW {entity.name}_as_of AS\n"
        f"SELECT n.id AS snapshot_id, s.name AS source,\n       {given}\n"
        f"FROM (\n"
        f"  SELECT {columns}, {_STILL} AS valid_to FROM {entity.name}{hints.every}\n"
        f"  UNION ALL\n"
        f"  SELECT {columns}, valid_to FROM {entity.name}_history{hints.every}\n"
        f") r\n"
        f"{hints.join} snapshots n ON {likely}({plus}r.valid_from <= n.id) AND {likely}({plus}r.valid_to > n.id)\n"
        f"  AND {plus}n.source_id = r.source_id AND n.pruned_at IS NULL\n"
        f"{hints.join} sources s ON s.id = n.source_id"
    )


def _freshness(age: str) -> str:
    """Return one row for each source: its last complete snapshot, that row's own times, and the age of its data.

    The highest id is the last one. The latest time is not: one night with a clock ahead would stay the latest.
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
    """Every row that a snapshot created, updated or deleted against the one before it that was not pruned.

    A step is such a pair. A row began in a step if the later snapshot is the first of the two to see it; what
    only pruned snapshots saw is no change. Findings and listings are none either.
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
    came = "{0}.valid_from > t.from_id AND {0}.valid_from <= t.to_id"
    went = "{0}.valid_from <= t.from_id AND {0}.valid_to > t.from_id AND {0}.valid_to <= t.to_id"

    def event(action: str, table: str, where: str) -> str:
        return (
            f"SELECT t.source, t.source_id, t.to_id AS snapshot_id, t.observed_to, '{current}' AS table_name,\n"
            f"       {action} AS action, r.{entity.job_column} AS job_id, {words.json_object}({pairs}) AS key\n"
            f"FROM steps t JOIN {table} r ON r.source_id = t.source_id\nWHERE {where}"
        )

    before = f"SELECT 1 FROM {history} o WHERE {key} AND {went.format('o')}"
    action = f"CASE WHEN EXISTS ({before}) THEN 'update' ELSE 'create' END"
    new = f"NOT EXISTS ({before} AND {same})"  # else it left and came back the same
    after = f"{came.format('o')}"
    gone = (
        f"NOT EXISTS (SELECT 1 FROM {current} o WHERE {key} AND {after})\n"
        f"  AND NOT EXISTS (SELECT 1 FROM {history} o WHERE {key} AND {after} AND o.valid_to > t.to_id)"
    )
    return [
        # Twice, so that the index on rows after the database's first snapshot serves every step but the first.
        event(action, current, f"t.from_id = 0 AND r.valid_from <= t.to_id AND {new}"),
        event(action, current, f"t.from_id > 0 AND r.valid_from > 1 AND {came.format('r')} AND {new}"),
        event(action, history, f"{came.format('r')} AND r.valid_to > t.to_id AND {new}"),
        event("'delete'", history, f"{went.format('r')}\n  AND {gone}"),
    ]
