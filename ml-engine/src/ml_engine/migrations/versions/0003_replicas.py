"""Several replicas: who holds a job, whose turn it was, and which version serves each tenant."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"

TURNS = "training_jobs_begun"


def upgrade() -> None:
    with op.batch_alter_table("training_jobs") as table:
        table.add_column(sa.Column("started_at", sa.Text))
        table.add_column(sa.Column("holder", sa.Text))
        table.add_column(sa.Column("renewals", sa.Integer, nullable=False, server_default="0"))
        table.add_column(
            sa.Column("cancel_wanted", sa.Boolean, nullable=False, server_default=sa.false())
        )
        table.add_column(sa.Column("trace_headers", sa.Text, nullable=False, server_default="{}"))
    op.create_index(TURNS, "training_jobs", ["tenant_id", "started_at"])
    op.create_table(
        "serving_versions",
        sa.Column("tenant_id", sa.Text, primary_key=True),
        sa.Column("sequence", sa.BigInteger, nullable=False, unique=True),
        sa.Column("history", sa.Text, nullable=False),
    )
    op.create_table("serving_sequence", sa.Column("sequence", sa.BigInteger, nullable=False))
    op.execute("INSERT INTO serving_sequence (sequence) VALUES (0)")


def downgrade() -> None:
    op.drop_table("serving_sequence")
    op.drop_table("serving_versions")
    op.drop_index(TURNS, "training_jobs")
    with op.batch_alter_table("training_jobs") as table:
        for column in ("trace_headers", "cancel_wanted", "renewals", "holder", "started_at"):
            table.drop_column(column)
