"""Which training snapshots were made."""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"

_Sequence = sa.BigInteger().with_variant(sa.Integer, "sqlite")


def upgrade() -> None:
    op.create_table(
        "snapshots",
        sa.Column("sequence", _Sequence, primary_key=True, autoincrement=True),
        sa.Column("tenant_id", sa.Text, nullable=False),
        sa.Column("snapshot_id", sa.Text, nullable=False),
        sa.Column("events_stored", sa.BigInteger, nullable=False),
        sa.Column("made_at_ms", sa.BigInteger, nullable=False),
        sa.Column("removed", sa.Boolean, nullable=False),
        sqlite_autoincrement=True,
    )
    op.create_index("snapshots_by_id", "snapshots", ["tenant_id", "snapshot_id"], unique=True)
    op.create_index("snapshots_of_tenant", "snapshots", ["tenant_id", "sequence"])


def downgrade() -> None:
    op.drop_table("snapshots")
