"""The views, as SQL derived from the declared tables; migrations hold the same text, frozen."""

from inventory.schema import ENTITIES
from inventory.schema.fields import Entity

__all__ = ["views"]

# SQLite's planner, before ANALYZE, takes any index on valid_from or valid_to and walks the whole range; a
# leading + leaves it the key alone. PostgreSQL decides well by itself.
_PLUS = {"sqlite": "+", "postgresql": ""}
_AGE = {
    "sqlite": "CAST(round((julianday('now') - julianday(max(n.finished_at))) * 86400) AS INTEGER)",
    "postgresql": "CAST(round(extract(epoch FROM now() - max(n.finished_at))) AS bigint)",
}


def views(dialect: str) -> dict[str, str]:
    """Return name -> CREATE VIEW, in the order to create them.

    Args:
        dialect: sqlite or postgresql.
    """
    found = {f"{entity.name}_as_of": _as_of(entity, _PLUS[dialect]) for entity in ENTITIES}
    found["freshness"] = _freshness(_AGE[dialect])
    return found


def _as_of(entity: Entity, plus: str) -> str:
    """One row for each row and snapshot that saw it. Each branch joins snapshots: one job is found by its key."""
    names = [column.name for column in entity.current.columns]
    columns = ",\n       ".join(f"r.{name}" for name in names)
    head = f"SELECT n.id AS snapshot_id, s.name AS source,\n       {columns}"
    joined = (
        "JOIN snapshots n ON n.source_id = r.source_id AND n.pruned_at IS NULL\nJOIN sources s ON s.id = r.source_id"
    )
    return (
        f"CREATE VIEW {entity.name}_as_of AS\n"
        f"{head}\nFROM {entity.name} r\n{joined}\nWHERE {plus}r.valid_from <= n.id\n"
        f"UNION ALL\n"
        f"{head}\nFROM {entity.name}_history r\n{joined}\nWHERE {plus}r.valid_from <= n.id AND {plus}r.valid_to > n.id"
    )


def _freshness(age: str) -> str:
    return (
        "CREATE VIEW freshness AS\n"
        "SELECT s.id AS source_id, s.name AS source, max(n.id) AS snapshot_id,\n"
        f"       max(n.finished_at) AS finished_at, {age} AS age_seconds\n"
        "FROM sources s\n"
        "LEFT JOIN snapshots n ON n.source_id = s.id AND n.status = 'complete'\n"
        "WHERE s.retired_at IS NULL\n"
        "GROUP BY s.id, s.name"
    )
