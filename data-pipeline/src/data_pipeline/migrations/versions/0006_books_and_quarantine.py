"""The ledger, the quarantine, and the account of what left it."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"

_Sequence = sa.BigInteger().with_variant(sa.Integer, "sqlite")


def upgrade() -> None:
    op.create_table(
        "ledger",
        sa.Column("tenant_id", sa.Text, primary_key=True),
        sa.Column("day", sa.Text, primary_key=True),
        sa.Column("source", sa.Text, primary_key=True),
        sa.Column("data_type", sa.Text, primary_key=True),
        sa.Column("received", sa.BigInteger, nullable=False),
        sa.Column("loaded", sa.BigInteger, nullable=False),
        sa.Column("duplicates", sa.BigInteger, nullable=False),
        sa.Column("quarantined", sa.BigInteger, nullable=False),
    )
    op.create_table(
        "quarantine",
        sa.Column("sequence", _Sequence, primary_key=True, autoincrement=True),
        sa.Column("tenant_id", sa.Text, nullable=False),
        sa.Column("data_type", sa.Text, nullable=False),
        sa.Column("source", sa.Text, nullable=False),
        sa.Column("origin", sa.Text, nullable=False),
        sa.Column("place", sa.BigInteger, nullable=False),
        sa.Column("code", sa.Text, nullable=False),
        sa.Column("reason", sa.Text, nullable=False),
        sa.Column("received_at_ms", sa.BigInteger, nullable=False),
        sa.Column("cut", sa.Boolean, nullable=False),
        sa.Column("form", sa.Text, nullable=False),
        sa.Column("raw", sa.LargeBinary, nullable=False),
        sqlite_autoincrement=True,
    )
    op.create_index("quarantine_of_tenant", "quarantine", ["tenant_id", "sequence"])
    op.create_index("quarantine_by_code", "quarantine", ["tenant_id", "code", "sequence"])
    op.create_index("quarantine_by_origin", "quarantine", ["tenant_id", "origin", "sequence"])
    op.create_index("quarantine_by_age", "quarantine", ["received_at_ms"])
    op.create_table(
        "quarantine_departures",
        sa.Column("tenant_id", sa.Text, primary_key=True),
        sa.Column("why", sa.Text, primary_key=True),
        sa.Column("records", sa.BigInteger, nullable=False),
    )


def downgrade() -> None:
    for table in ("quarantine_departures", "quarantine", "ledger"):
        op.drop_table(table)
