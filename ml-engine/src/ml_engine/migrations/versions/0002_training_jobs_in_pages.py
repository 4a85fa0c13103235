"""Training jobs of a tenant in pages: by time, and by id where times are equal."""

from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    op.drop_index("training_jobs_of_tenant", "training_jobs")
    columns = ["tenant_id", "created_at", "job_id"]
    op.create_index("training_jobs_of_tenant", "training_jobs", columns)


def downgrade() -> None:
    op.drop_index("training_jobs_of_tenant", "training_jobs")
    op.create_index("training_jobs_of_tenant", "training_jobs", ["tenant_id", "created_at"])
