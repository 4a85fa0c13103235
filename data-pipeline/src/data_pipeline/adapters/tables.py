"""The tables of data-pipeline."""

import sqlalchemy as sa

metadata = sa.MetaData()

_Sequence = sa.BigInteger().with_variant(sa.Integer, "sqlite")

events = sa.Table(
    "events",
    metadata,
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
    sa.Index("events_by_user", "tenant_id", "user_id", "sequence"),
    # With the type, events are counted by their weight in the index alone.
    sa.Index("events_by_item", "tenant_id", "item_id", "sequence", "event_type"),
    sqlite_autoincrement=True,
)

items = sa.Table(
    "items",
    metadata,
    sa.Column("tenant_id", sa.Text, primary_key=True),
    sa.Column("item_id", sa.Text, primary_key=True),
    sa.Column("sequence", _Sequence, nullable=False, unique=True),
    sa.Column("title", sa.Text),
    sa.Column("categories", sa.JSON, nullable=False),
    sa.Column("year", sa.Integer),
    sa.Column("attributes", sa.JSON, nullable=False, server_default="{}"),
    sa.Column("latitude", sa.Float),
    sa.Column("longitude", sa.Float),
    sa.Column("available", sa.Boolean, nullable=False, server_default=sa.true()),
    sa.Column("removed", sa.Boolean, nullable=False, server_default=sa.false()),
    sa.Column("updated_at_ms", sa.BigInteger, nullable=False, server_default="0"),
)

users = sa.Table(
    "users",
    metadata,
    sa.Column("tenant_id", sa.Text, primary_key=True),
    sa.Column("user_id", sa.Text, primary_key=True),
    sa.Column("sequence", _Sequence, nullable=False, unique=True),
    sa.Column("attributes", sa.JSON, nullable=False),
    sa.Column("updated_at_ms", sa.BigInteger, nullable=False),
)

merged_ids = sa.Table(
    "merged_ids",
    metadata,
    sa.Column("tenant_id", sa.Text, primary_key=True),
    sa.Column("merged_id", sa.Text, primary_key=True),
    sa.Column("user_id", sa.Text, nullable=False),
    sa.Index("merged_ids_by_user", "tenant_id", "user_id"),
)
"""Ids that became another name of a user, who is never a merged id."""

event_types = sa.Table(
    "event_types",
    metadata,
    sa.Column("tenant_id", sa.Text, primary_key=True),
    sa.Column("event_type", sa.Text, primary_key=True),
    sa.Column("weight", sa.Float, nullable=False),
)

corrections = sa.Table(
    "corrections",
    metadata,
    sa.Column("sequence", _Sequence, primary_key=True, autoincrement=True),
    sa.Column("tenant_id", sa.Text, nullable=False),
    sa.Column("kind", sa.Text, nullable=False),
    sa.Column("subject", sa.Text, nullable=False),
    sqlite_autoincrement=True,
)

counters = sa.Table(
    "counters",
    metadata,
    sa.Column("name", sa.Text, primary_key=True),
    sa.Column("value", _Sequence, nullable=False),
)

imports = sa.Table(
    "imports",
    metadata,
    sa.Column("import_id", sa.Text, primary_key=True),
    sa.Column("tenant_id", sa.Text, nullable=False),
    sa.Column("status", sa.Text, nullable=False),
    sa.Column("created_at_ms", sa.BigInteger, nullable=False),
    sa.Column("finished_at_ms", sa.BigInteger, index=True),
    sa.Column("position", sa.BigInteger, nullable=False),
    sa.Column("beginnings", sa.Integer, nullable=False),
    sa.Column("trace_headers", sa.JSON, nullable=False),
    sa.Column("job", sa.Text, nullable=False),
    sa.Index("imports_of_tenant", "tenant_id", "import_id"),
    sa.Index("imports_by_status", "status", "tenant_id", "import_id"),
)

erased_users = sa.Table(
    "erased_users",
    metadata,
    sa.Column("tenant_id", sa.Text, primary_key=True),
    sa.Column("user_hash", sa.Text, primary_key=True),
    sa.Column("erased_at_ms", sa.BigInteger, nullable=False),
)
