"""What was served of each job, as a digest: what is served the same again need not be normalised again."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import TEXT as PG_TEXT

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

TEXT = sa.Text().with_variant(PG_TEXT(collation="C"), "postgresql")  # sorts by code point, as SQLite does


def upgrade() -> None:
    op.create_table(
        "served_jobs",
        sa.Column("source_id", sa.BigInteger(), autoincrement=False, nullable=False, comment="The source: sources.id"),
        sa.Column("job_id", TEXT, nullable=False, comment="The job"),
        sa.Column("digest", sa.LargeBinary(), nullable=False, comment="SHA-256 over the answer with its secrets masked, whatever else its rows depend on, and its findings; behind it these, as JSON"),
        sa.ForeignKeyConstraint(["source_id"], ["sources.id"]),
        sa.PrimaryKeyConstraint("source_id", "job_id"),
        comment="What was served of each job the last time: what is served the same again need not be normalised again. A cache: it may be emptied at any time.",
        sqlite_with_rowid=False,
    )


def downgrade() -> None:
    op.drop_table("served_jobs")
