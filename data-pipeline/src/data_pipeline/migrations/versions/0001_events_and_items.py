"""Events, items and the counter that orders the items."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None

_Sequence = sa.BigInteger().with_variant(sa.Integer, "sqlite")


def upgrade() -> None:
    op.create_table(
        "events",
        sa.Column("sequence", _Sequence, primary_key=True, autoincrement=True),
        sa.Column("tenant_id", sa.Text, nullable=False),
        sa.Column("event_id", sa.Text, nullable=False),
        sa.Column("user_id", sa.Text, nullable=False),
        sa.Column("item_id", sa.Text, nullable=False),
        sa.Column("event_type", sa.Text, nullable=False),
        sa.Column("timestamp_ms", sa.BigInteger, nullable=False),
        sa.Column("value", sa.Float),
        sa.Column("received_at_ms", sa.BigInteger, nullable=False),
        sa.UniqueConstraint("tenant_id", "event_id"),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "items",
        sa.Column("tenant_id", sa.Text, primary_key=True),
        sa.Column("item_id", sa.Text, primary_key=True),
        sa.Column("sequence", _Sequence, nullable=False, unique=True),
        sa.Column("title", sa.Text),
        sa.Column("categories", sa.JSON, nullable=False),
        sa.Column("year", sa.Integer),
    )
    counters = op.create_table(
        "counters",
        sa.Column("name", sa.Text, primary_key=True),
        sa.Column("value", _Sequence, nullable=False),
    )
    op.bulk_insert(counters, [{"name": "items", "value": 0}])


def downgrade() -> None:
    op.drop_table("counters")
    op.drop_table("items")
    op.drop_table("events")
