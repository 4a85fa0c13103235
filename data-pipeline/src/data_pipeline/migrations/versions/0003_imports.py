"""Bulk imports, and the users that they must not bring back."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    op.create_table(
        "imports",
        sa.Column("import_id", sa.Text, primary_key=True),
        sa.Column("tenant_id", sa.Text, nullable=False),
        sa.Column("status", sa.Text, nullable=False),
        sa.Column("created_at_ms", sa.BigInteger, nullable=False),
        sa.Column("finished_at_ms", sa.BigInteger, index=True),
        sa.Column("position", sa.BigInteger, nullable=False),
        sa.Column("beginnings", sa.Integer, nullable=False),
        sa.Column("trace_headers", sa.JSON, nullable=False),
        sa.Column("job", sa.Text, nullable=False),
    )
    op.create_index("imports_of_tenant", "imports", ["tenant_id", "import_id"])
    op.create_index("imports_by_status", "imports", ["status", "tenant_id", "import_id"])
    op.create_table(
        "erased_users",
        sa.Column("tenant_id", sa.Text, primary_key=True),
        sa.Column("user_hash", sa.Text, primary_key=True),
        sa.Column("erased_at_ms", sa.BigInteger, nullable=False),
    )


def downgrade() -> None:
    op.drop_table("erased_users")
    op.drop_table("imports")
