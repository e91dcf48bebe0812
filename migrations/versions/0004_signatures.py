"""Signatures of snapshots, append-only as what they sign."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import TEXT as PG_TEXT

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

TEXT = sa.Text().with_variant(PG_TEXT(collation="C"), "postgresql")  # sorts by code point, as SQLite does

SQLITE = {
    "signatures_no_update": """
CREATE TRIGGER signatures_no_update BEFORE UPDATE ON signatures
WHEN coalesce((SELECT pruning FROM maintenance), 0) = 0
BEGIN SELECT RAISE(ABORT, 'history is append-only: only `inventory prune` deletes from it'); END
""",
    "signatures_no_delete": """
CREATE TRIGGER signatures_no_delete BEFORE DELETE ON signatures
WHEN coalesce((SELECT pruning FROM maintenance), 0) = 0
BEGIN SELECT RAISE(ABORT, 'history is append-only: only `inventory prune` deletes from it'); END
""",
}

POSTGRESQL = {
    "signatures_append_only": """
CREATE TRIGGER signatures_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON signatures
FOR EACH STATEMENT EXECUTE FUNCTION refuse_history()
""",
}


def upgrade() -> None:
    op.create_table(
        "signatures",
        sa.Column("snapshot_id", sa.BigInteger(), autoincrement=False, nullable=False, comment="The snapshot: snapshots.id"),
        sa.Column("key_id", TEXT, nullable=False, comment="First 16 hex digits of SHA-256 over the raw public key"),
        sa.Column("signature", TEXT, nullable=False, comment="Ed25519 over the line 'inventory snapshot DIGEST', in hex"),
        sa.ForeignKeyConstraint(["snapshot_id"], ["snapshots.id"]),
        sa.PrimaryKeyConstraint("snapshot_id"),
        comment="Signatures of snapshots, where the configuration names a key.",
    )
    for statement in _statements().values():
        op.execute(sa.text(statement.replace(":", "\\:")))


def downgrade() -> None:
    if op.get_bind().execute(sa.text("SELECT 1 FROM signatures LIMIT 1")).scalar():
        raise RuntimeError("the table signatures has rows, which a downgrade would lose")
    op.drop_table("signatures")


def _statements() -> dict[str, str]:
    return SQLITE if op.get_bind().dialect.name == "sqlite" else POSTGRESQL
