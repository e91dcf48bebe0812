"""${message}."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import TEXT as PG_TEXT

revision = ${'"' + up_revision + '"'}
down_revision = ${'"' + down_revision + '"'}
branch_labels = None
depends_on = None

TEXT = sa.Text().with_variant(PG_TEXT(collation="C"), "postgresql")  # sorts by code point, as SQLite does


def upgrade() -> None:
    ${upgrades}


def downgrade() -> None:
    ${downgrades}


def refuse_to_lose(table: str, column: str | None = None) -> None:
    """Refuse where a table has rows; of a column, where it has values."""
    found = sa.select(sa.literal(1)).select_from(sa.table(table)).limit(1)
    if column is not None:
        found = found.where(sa.column(column).is_not(None))
    if op.get_bind().execute(found).scalar():
        what = f"the table {table} has rows" if column is None else f"the column {table}.{column} has values"
        raise RuntimeError(f"{what}, which a downgrade would lose")
