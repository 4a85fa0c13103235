"""The validation rules of tenants."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    op.create_table(
        "validation_rules",
        sa.Column("tenant_id", sa.Text, primary_key=True),
        sa.Column("version", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("rules", sa.Text, nullable=False),
        sa.Column("created_at_ms", sa.BigInteger, nullable=False),
    )
    counters = sa.table("counters", sa.column("name", sa.Text), sa.column("value", sa.BigInteger))
    op.bulk_insert(counters, [{"name": "validation_rules", "value": 0}])


def downgrade() -> None:
    op.execute("DELETE FROM counters WHERE name = 'validation_rules'")
    op.drop_table("validation_rules")
