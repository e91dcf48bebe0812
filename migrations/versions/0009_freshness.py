"""The view `freshness` shows one snapshot's own times, `observed_to` too, and counts the age of its data from there."""

from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None

NOW = """
VIEW freshness AS
SELECT s.id AS source_id, s.name AS source, n.id AS snapshot_id, n.finished_at,
       {age} AS age_seconds,
       n.observed_to
FROM sources s
LEFT JOIN snapshots n ON n.id = (
  SELECT max(l.id) FROM snapshots l WHERE l.source_id = s.id AND l.status = 'complete'
)
WHERE s.retired_at IS NULL
"""

# As 0002 made it.
BEFORE = """
VIEW freshness AS
SELECT s.id AS source_id, s.name AS source, max(n.id) AS snapshot_id,
       max(n.finished_at) AS finished_at, {age} AS age_seconds
FROM sources s
LEFT JOIN snapshots n ON n.source_id = s.id AND n.status = 'complete'
WHERE s.retired_at IS NULL
GROUP BY s.id, s.name
"""

AGE = {
    "sqlite": "CAST(round((julianday('now') - julianday({since})) * 86400) AS INTEGER)",
    "postgresql": "CAST(round(extract(epoch FROM now() - {since})) AS bigint)",
}


def upgrade() -> None:
    """Replace it in place where the database can, so that rights and views of others stay."""
    dialect = op.get_bind().dialect.name
    view = NOW.format(age=AGE[dialect].format(since="coalesce(n.observed_to, n.finished_at)"))
    if dialect == "sqlite":
        op.execute("DROP VIEW freshness")
        op.execute(f"CREATE {view.strip()}")
    else:
        op.execute(f"CREATE OR REPLACE {view.strip()}")


def downgrade() -> None:
    """Make it anew: no database takes a column from a view in place, so rights to it are to be granted again."""
    op.execute("DROP VIEW freshness")
    op.execute(f"CREATE {BEFORE.format(age=AGE[op.get_bind().dialect.name].format(since='max(n.finished_at)')).strip()}")
