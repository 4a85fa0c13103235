"""The tables of data-pipeline."""

import sqlalchemy as sa

metadata = sa.MetaData()

_Sequence = sa.BigInteger().with_variant(sa.Integer, "sqlite")

event_chunks = sa.Table(
    "event_chunks",
    metadata,
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
    sa.Index("event_chunks_of_tenant", "tenant_id", "last_sequence"),
    sa.Index("event_chunks_by_lane", "lane", "last_sequence"),
    sa.Index(
        "event_chunks_measured",
        *("tenant_id", "lane", "day", "last_sequence", "rows", "size", "object_key"),
    ),
)
"""The event log: each row some events of one tenant that arrived on one day (UTC, ISO 8601).

A small chunk holds its events itself, a large one names its Parquet object, an empty one does
neither; `size` is the length of either in bytes. The events arrived from `oldest_ms` to
`newest_ms`.
"""

removed_event_ids = sa.Table(
    "removed_event_ids",
    metadata,
    sa.Column("sequence", _Sequence, primary_key=True, autoincrement=True),
    sa.Column("tenant_id", sa.Text, nullable=False),
    sa.Column("hashes", sa.LargeBinary, nullable=False),
    sa.Column("removed_at_ms", sa.BigInteger, nullable=False),
    sa.Index("removed_event_ids_of_tenant", "tenant_id", "sequence"),
    sqlite_autoincrement=True,
)
"""Event ids that may be used again, as their hashes: what the index of seen ids must forget."""

event_log_removals = sa.Table(
    "event_log_removals",
    metadata,
    sa.Column("tenant_id", sa.Text, primary_key=True),
    sa.Column("why", sa.Text, primary_key=True),
    sa.Column("rows", sa.BigInteger, nullable=False),
)
"""How many events were taken out of the log: by removal, erasure or retention."""

loose_objects = sa.Table(
    "loose_objects",
    metadata,
    sa.Column("object_key", sa.Text, primary_key=True),
    sa.Column("tenant_id", sa.Text, nullable=False),
    sa.Column("since_ms", sa.BigInteger, nullable=False, index=True),
)
"""Objects that no chunk names: named before they are written, until the transaction of their chunk;
and given up by a chunk that was rewritten, until those who read it are done. Then they are swept.
"""

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

validation_rules = sa.Table(
    "validation_rules",
    metadata,
    sa.Column("tenant_id", sa.Text, primary_key=True),
    sa.Column("version", sa.BigInteger, primary_key=True, autoincrement=False),
    sa.Column("rules", sa.Text, nullable=False),
    sa.Column("created_at_ms", sa.BigInteger, nullable=False),
)
"""Every version of the tenants' rules, as JSON; the newest is in force."""

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
    sa.Column("holder", sa.Text),
    sa.Column("renewals", sa.BigInteger, nullable=False),
    sa.Index("imports_of_tenant", "tenant_id", "import_id"),
    sa.Index("imports_by_status", "status", "tenant_id", "import_id"),
)

upkeep = sa.Table(
    "upkeep",
    metadata,
    sa.Column("name", sa.Text, primary_key=True),
    sa.Column("holder", sa.Text),
    sa.Column("renewals", sa.BigInteger, nullable=False),
)

stream_positions = sa.Table(
    "stream_positions",
    metadata,
    sa.Column("topic", sa.Text, primary_key=True),
    sa.Column("partition", sa.BigInteger, primary_key=True, autoincrement=False),
    sa.Column("next_offset", sa.BigInteger, nullable=False),
)
"""How far the messages of each partition of a stream are stored."""

erased_users = sa.Table(
    "erased_users",
    metadata,
    sa.Column("tenant_id", sa.Text, primary_key=True),
    sa.Column("user_hash", sa.Text, primary_key=True),
    sa.Column("erased_at_ms", sa.BigInteger, nullable=False),
)

ledger = sa.Table(
    "ledger",
    metadata,
    sa.Column("tenant_id", sa.Text, primary_key=True),
    sa.Column("day", sa.Text, primary_key=True),
    sa.Column("source", sa.Text, primary_key=True),
    sa.Column("data_type", sa.Text, primary_key=True),
    sa.Column("received", sa.BigInteger, nullable=False),
    sa.Column("loaded", sa.BigInteger, nullable=False),
    sa.Column("duplicates", sa.BigInteger, nullable=False),
    sa.Column("quarantined", sa.BigInteger, nullable=False),
)
"""What became of the records that arrived on one day (UTC, ISO 8601)."""

quarantine = sa.Table(
    "quarantine",
    metadata,
    sa.Column("sequence", _Sequence, primary_key=True, autoincrement=True),
    sa.Column("tenant_id", sa.Text, nullable=False),
    sa.Column("data_type", sa.Text, nullable=False),
    sa.Column("source", sa.Text, nullable=False),
    sa.Column("origin", sa.Text, nullable=False),
    sa.Column("place", sa.BigInteger, nullable=False),
    sa.Column("code", sa.Text, nullable=False),
    sa.Column("reason", sa.Text, nullable=False),
    sa.Column("received_at_ms", sa.BigInteger, nullable=False),
    sa.Column("cut", sa.Boolean, nullable=False),
    sa.Column("form", sa.Text, nullable=False),
    sa.Column("raw", sa.LargeBinary, nullable=False),
    sa.Index("quarantine_of_tenant", "tenant_id", "sequence"),
    sa.Index("quarantine_by_code", "tenant_id", "code", "sequence"),
    sa.Index("quarantine_by_origin", "tenant_id", "origin", "sequence"),
    sa.Index("quarantine_by_age", "received_at_ms"),
    sqlite_autoincrement=True,
)
"""Records that could not be loaded, with their bytes."""

quarantine_departures = sa.Table(
    "quarantine_departures",
    metadata,
    sa.Column("tenant_id", sa.Text, primary_key=True),
    sa.Column("why", sa.Text, primary_key=True),
    sa.Column("records", sa.BigInteger, nullable=False),
)
"""How many entries left the quarantine without a replay."""

snapshots = sa.Table(
    "snapshots",
    metadata,
    sa.Column("sequence", _Sequence, primary_key=True, autoincrement=True),
    sa.Column("tenant_id", sa.Text, nullable=False),
    sa.Column("snapshot_id", sa.Text, nullable=False),
    sa.Column("events_stored", sa.BigInteger, nullable=False),
    sa.Column("made_at_ms", sa.BigInteger, nullable=False),
    sa.Column("removed", sa.Boolean, nullable=False),
    sa.Index("snapshots_by_id", "tenant_id", "snapshot_id", unique=True),
    sa.Index("snapshots_of_tenant", "tenant_id", "sequence"),
    sqlite_autoincrement=True,
)
"""Training snapshots in the order of their making; `events_stored` is how many events had ever been
stored of the tenant by then.
"""
