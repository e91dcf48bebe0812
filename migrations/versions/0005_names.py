"""No index on the names of objects: it was a third of the file, and a search without it reads 200,000 in 30 ms."""

from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.drop_index("ix_object_infos_name", "object_infos")


def downgrade() -> None:
    op.create_index("ix_object_infos_name", "object_infos", ["name"])
