"""The tables of access and usage; the migrations make them. Times are Unix milliseconds."""

from typing import Final

from sqlalchemy import (
    BigInteger,
    Column,
    Date,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
)

metadata: Final = MetaData()

plans: Final = Table(
    "plans",
    metadata,
    Column("plan_id", String(63), primary_key=True),
    Column("limits", Text, nullable=False),
    Column("monthly_requests", BigInteger),
    # Millionths of the currency for 1,000 requests: billionths for one.
    Column("price", BigInteger, nullable=False),
    Column("currency", String(3), nullable=False),
)

tenants: Final = Table(
    "tenants",
    metadata,
    Column("tenant_id", String(63), primary_key=True),
    Column("name", Text, nullable=False),
    Column("created_at", BigInteger, nullable=False),
    Column("plan_id", String(63), nullable=False, server_default="standard"),
    Column("status", String(16), nullable=False, server_default="active"),
    Index("tenants_by_plan", "plan_id"),
)

api_keys: Final = Table(
    "api_keys",
    metadata,
    Column("key_id", String(12), primary_key=True),
    Column("tenant_id", String(63), ForeignKey("tenants.tenant_id")),
    Column("key_hash", String(64), nullable=False),
    Column("created_at", BigInteger, nullable=False),
    Column("revoked_at", BigInteger),
    Column("name", Text),
    Column("scopes", String(32), nullable=False, server_default="read,write"),
    Column("expires_at", BigInteger),
    Column("last_used_at", BigInteger),
    Index("api_keys_by_tenant", "tenant_id", "created_at", "key_id"),
)

audit_log: Final = Table(
    "audit_log",
    metadata,
    Column("audit_id", String(32), primary_key=True),
    Column("at", BigInteger, nullable=False),
    Column("actor", String(64), nullable=False),
    Column("tenant_id", String(63)),
    Column("action", String(64), nullable=False),
    Column("target", Text, nullable=False),
    Column("details", Text, nullable=False),
    Index("audit_log_by_tenant", "tenant_id", "at", "audit_id"),
    Index("audit_log_by_time", "at", "audit_id"),
)

usage: Final = Table(
    "usage",
    metadata,
    Column("day", Date, primary_key=True),
    Column("tenant_id", String(63), primary_key=True),
    Column("endpoint", String(200), primary_key=True),
    Column("currency", String(3), primary_key=True),
    Column("requests", BigInteger, nullable=False),
    Column("billed_requests", BigInteger, nullable=False),
    Column("tokens", BigInteger, nullable=False),
    # Billionths of the currency.
    Column("cost", BigInteger, nullable=False),
    Index("usage_by_tenant", "tenant_id", "day"),
)

usage_batches: Final = Table(
    "usage_batches",
    metadata,
    Column("batch_id", String(32), primary_key=True),
    Column("written_at", BigInteger, nullable=False),
    Index("usage_batches_by_time", "written_at"),
)

idempotency_keys: Final = Table(
    "idempotency_keys",
    metadata,
    Column("owner", String(63), primary_key=True),
    Column("idempotency_key", String(255), primary_key=True),
    Column("attempt_id", String(32), nullable=False),
    # The end of the attempt's lease, later that of its answer.
    Column("expires_at", BigInteger, nullable=False),
    Column("fingerprint", String(64)),
    Column("status", Integer),
    Column("headers", Text),
    Column("body", LargeBinary),
    Index("idempotency_keys_by_expiry", "expires_at"),
)
