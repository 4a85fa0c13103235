"""Items with attributes and tombstones, users, merged ids, event types, corrections."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"

_Sequence = sa.BigInteger().with_variant(sa.Integer, "sqlite")


def _item_columns() -> list[sa.Column]:
    return [
        sa.Column("attributes", sa.JSON, nullable=False, server_default="{}"),
        sa.Column("latitude", sa.Float),
        sa.Column("longitude", sa.Float),
        sa.Column("available", sa.Boolean, nullable=False, server_default=sa.true()),
        sa.Column("removed", sa.Boolean, nullable=False, server_default=sa.false()),
        sa.Column("updated_at_ms", sa.BigInteger, nullable=False, server_default="0"),
    ]


def upgrade() -> None:
    op.add_column("events", sa.Column("recommendation_id", sa.Text))
    op.create_index("events_by_user", "events", ["tenant_id", "user_id", "sequence"])
    op.create_index("events_by_item", "events", ["tenant_id", "item_id", "sequence", "event_type"])
    for column in _item_columns():
        op.add_column("items", column)
    op.create_table(
        "users",
        sa.Column("tenant_id", sa.Text, primary_key=True),
        sa.Column("user_id", sa.Text, primary_key=True),
        sa.Column("sequence", _Sequence, nullable=False, unique=True),
        sa.Column("attributes", sa.JSON, nullable=False),
        sa.Column("updated_at_ms", sa.BigInteger, nullable=False),
    )
    op.create_table(
        "merged_ids",
        sa.Column("tenant_id", sa.Text, primary_key=True),
        sa.Column("merged_id", sa.Text, primary_key=True),
        sa.Column("user_id", sa.Text, nullable=False),
    )
    op.create_index("merged_ids_by_user", "merged_ids", ["tenant_id", "user_id"])
    op.create_table(
        "event_types",
        sa.Column("tenant_id", sa.Text, primary_key=True),
        sa.Column("event_type", sa.Text, primary_key=True),
        sa.Column("weight", sa.Float, nullable=False),
    )
    op.create_table(
        "corrections",
        sa.Column("sequence", _Sequence, primary_key=True, autoincrement=True),
        sa.Column("tenant_id", sa.Text, nullable=False),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("subject", sa.Text, nullable=False),
        sqlite_autoincrement=True,
    )
    counters = sa.table("counters", sa.column("name", sa.Text), sa.column("value", sa.BigInteger))
    op.bulk_insert(counters, [{"name": "users", "value": 0}])


def downgrade() -> None:
    op.execute("DELETE FROM counters WHERE name = 'users'")
    for table in ("corrections", "event_types", "merged_ids", "users"):
        op.drop_table(table)
    with op.batch_alter_table("items") as items:
        for column in _item_columns():
            items.drop_column(column.name)
    op.drop_index("events_by_item", "events")
    op.drop_index("events_by_user", "events")
    with op.batch_alter_table("events") as events:
        events.drop_column("recommendation_id")
