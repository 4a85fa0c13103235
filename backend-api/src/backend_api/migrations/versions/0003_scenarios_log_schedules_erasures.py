"""Scenarios, the log of recommendations, training schedules, erasures."""

import secrets

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    op.create_table(
        "scenarios",
        sa.Column("tenant_id", sa.String(63), sa.ForeignKey("tenants.tenant_id"), primary_key=True),
        sa.Column("name", sa.String(64), primary_key=True),
        sa.Column("options", sa.Text, nullable=False),
    )
    op.create_table(
        "recommendation_log",
        sa.Column("recommendation_id", sa.String(36), primary_key=True),
        sa.Column("tenant_id", sa.String(63), nullable=False),
        sa.Column("user_id", sa.Text),
        sa.Column("created_at", sa.BigInteger, nullable=False),
        sa.Column("request", sa.LargeBinary, nullable=False),
        sa.Column("answer", sa.LargeBinary, nullable=False),
    )
    op.create_index("recommendation_log_by_user", "recommendation_log", ["tenant_id", "user_id"])
    op.create_table(
        "training_schedules",
        sa.Column("tenant_id", sa.String(63), sa.ForeignKey("tenants.tenant_id"), primary_key=True),
        sa.Column("parameters", sa.Text, nullable=False),
        sa.Column("every_hours", sa.Integer, nullable=False),
        sa.Column("next_run_at", sa.BigInteger, nullable=False),
        sa.Column("last_job_id", sa.Text),
        sa.Column("last_error", sa.Text),
    )
    op.create_index("training_schedules_by_time", "training_schedules", ["next_run_at"])
    op.create_table(
        "erasures",
        sa.Column("erasure_id", sa.String(36), primary_key=True),
        sa.Column("tenant_id", sa.String(63), sa.ForeignKey("tenants.tenant_id"), nullable=False),
        sa.Column("user_id_hash", sa.String(64), nullable=False),
        sa.Column("requested_at", sa.BigInteger, nullable=False),
        sa.Column("completed_at", sa.BigInteger),
        sa.Column("places", sa.Text),
    )
    op.create_index("erasures_by_tenant", "erasures", ["tenant_id", "erasure_id"])
    op.create_index("erasures_by_user", "erasures", ["tenant_id", "user_id_hash"])
    secret = op.create_table(
        "erasure_secret",
        sa.Column("only", sa.Integer, primary_key=True),
        sa.Column("secret", sa.LargeBinary, nullable=False),
    )
    # Made once for the installation, so that a receipt stays tied to its user for ever.
    op.bulk_insert(secret, [{"only": 1, "secret": secrets.token_bytes(32)}])


def downgrade() -> None:
    for table in (
        "erasure_secret",
        "erasures",
        "training_schedules",
        "recommendation_log",
        "scenarios",
    ):
        op.drop_table(table)
