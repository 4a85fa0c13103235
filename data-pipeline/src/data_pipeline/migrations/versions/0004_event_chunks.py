"""The event log in chunks, and the event ids that may be used again."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"

_Sequence = sa.BigInteger().with_variant(sa.Integer, "sqlite")


def upgrade() -> None:
    op.drop_table("events")
    op.create_table(
        "event_chunks",
        sa.Column("last_sequence", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("first_sequence", sa.BigInteger, nullable=False),
        sa.Column("tenant_id", sa.Text, nullable=False),
        sa.Column("lane", sa.Text, nullable=False),
        sa.Column("day", sa.Text, nullable=False),
        sa.Column("rows", sa.BigInteger, nullable=False),
        sa.Column("oldest_ms", sa.BigInteger, nullable=False),
        sa.Column("newest_ms", sa.BigInteger, nullable=False),
        sa.Column("size", sa.BigInteger, nullable=False),
        sa.Column("content", sa.LargeBinary),
        sa.Column("object_key", sa.Text),
    )
    op.create_index("event_chunks_of_tenant", "event_chunks", ["tenant_id", "last_sequence"])
    op.create_index("event_chunks_by_lane", "event_chunks", ["lane", "last_sequence"])
    # What compaction reads of every chunk, without the chunks themselves.
    measured = ["tenant_id", "lane", "day", "last_sequence", "rows", "size", "object_key"]
    op.create_index("event_chunks_measured", "event_chunks", measured)
    op.create_table(
        "event_log_removals",
        sa.Column("tenant_id", sa.Text, primary_key=True),
        sa.Column("why", sa.Text, primary_key=True),
        sa.Column("rows", sa.BigInteger, nullable=False),
    )
    op.create_table(
        "removed_event_ids",
        sa.Column("sequence", _Sequence, primary_key=True, autoincrement=True),
        sa.Column("tenant_id", sa.Text, nullable=False),
        sa.Column("hashes", sa.LargeBinary, nullable=False),
        sa.Column("removed_at_ms", sa.BigInteger, nullable=False),
        sqlite_autoincrement=True,
    )
    op.create_index("removed_event_ids_of_tenant", "removed_event_ids", ["tenant_id", "sequence"])
    op.create_table(
        "loose_objects",
        sa.Column("object_key", sa.Text, primary_key=True),
        sa.Column("tenant_id", sa.Text, nullable=False),
        sa.Column("since_ms", sa.BigInteger, nullable=False, index=True),
    )
    counters = sa.table("counters", sa.column("name", sa.Text), sa.column("value", sa.BigInteger))
    op.bulk_insert(counters, [{"name": "events", "value": 0}])


def downgrade() -> None:
    op.execute("DELETE FROM counters WHERE name = 'events'")
    for table in ("loose_objects", "removed_event_ids", "event_log_removals", "event_chunks"):
        op.drop_table(table)
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
        sa.Column("recommendation_id", sa.Text),
        sa.UniqueConstraint("tenant_id", "event_id"),
        sqlite_autoincrement=True,
    )
    op.create_index("events_by_user", "events", ["tenant_id", "user_id", "sequence"])
    op.create_index("events_by_item", "events", ["tenant_id", "item_id", "sequence", "event_type"])
