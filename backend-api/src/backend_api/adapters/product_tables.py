"""The tables of the product's own routes; the migrations make them. Times as in `tables`."""

from typing import Final

from sqlalchemy import (
    BigInteger,
    Column,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    String,
    Table,
    Text,
)

from backend_api.adapters.tables import metadata

scenarios: Final = Table(
    "scenarios",
    metadata,
    Column("tenant_id", String(63), ForeignKey("tenants.tenant_id"), primary_key=True),
    Column("name", String(64), primary_key=True),
    Column("options", Text, nullable=False),
)

# Ids sort by time, so that the oldest answers are found by them.
recommendation_log: Final = Table(
    "recommendation_log",
    metadata,
    Column("recommendation_id", String(36), primary_key=True),
    Column("tenant_id", String(63), nullable=False),
    Column("user_id", Text),
    Column("created_at", BigInteger, nullable=False),
    Column("request", LargeBinary, nullable=False),
    Column("answer", LargeBinary, nullable=False),
    Index("recommendation_log_by_user", "tenant_id", "user_id"),
)

training_schedules: Final = Table(
    "training_schedules",
    metadata,
    Column("tenant_id", String(63), ForeignKey("tenants.tenant_id"), primary_key=True),
    Column("parameters", Text, nullable=False),
    Column("every_hours", Integer),
    Column("min_new_events", BigInteger),
    Column("next_run_at", BigInteger),
    Column("due_at", BigInteger, nullable=False),
    Column("last_job_id", Text),
    Column("last_error", Text),
    Index("training_schedules_by_time", "due_at"),
)

erasures: Final = Table(
    "erasures",
    metadata,
    Column("erasure_id", String(36), primary_key=True),
    Column("tenant_id", String(63), ForeignKey("tenants.tenant_id"), nullable=False),
    Column("user_id_hash", String(64), nullable=False),
    Column("requested_at", BigInteger, nullable=False),
    Column("completed_at", BigInteger),
    Column("places", Text),
    Column("merged_id_hashes", Text, nullable=False),
    Column("begun_at", BigInteger, nullable=False),
    Index("erasures_by_tenant", "tenant_id", "erasure_id"),
    Index("erasures_by_user", "tenant_id", "user_id_hash"),
    Index("erasures_by_begin", "begun_at"),
)

erasure_secret: Final = Table(
    "erasure_secret",
    metadata,
    Column("only", Integer, primary_key=True),
    Column("secret", LargeBinary, nullable=False),
)
