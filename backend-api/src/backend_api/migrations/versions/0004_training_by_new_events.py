"""Training schedules by a number of new events."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    op.drop_index("training_schedules_by_time", "training_schedules")
    with op.batch_alter_table("training_schedules") as table:
        table.alter_column("every_hours", existing_type=sa.Integer, nullable=True)
        table.alter_column("next_run_at", existing_type=sa.BigInteger, nullable=True)
        table.add_column(sa.Column("min_new_events", sa.BigInteger))
        table.add_column(
            sa.Column("due_at", sa.BigInteger, nullable=False, server_default=sa.text("0"))
        )
    op.execute("UPDATE training_schedules SET due_at = next_run_at")
    op.create_index("training_schedules_by_time", "training_schedules", ["due_at"])


def downgrade() -> None:
    op.execute("DELETE FROM training_schedules WHERE every_hours IS NULL")
    op.drop_index("training_schedules_by_time", "training_schedules")
    with op.batch_alter_table("training_schedules") as table:
        table.drop_column("due_at")
        table.drop_column("min_new_events")
        table.alter_column("every_hours", existing_type=sa.Integer, nullable=False)
        table.alter_column("next_run_at", existing_type=sa.BigInteger, nullable=False)
    op.create_index("training_schedules_by_time", "training_schedules", ["next_run_at"])
