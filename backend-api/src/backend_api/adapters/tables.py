"""The tables of backend-api; the migrations make them. Times are Unix milliseconds."""

from typing import Final

from sqlalchemy import BigInteger, Column, ForeignKey, Index, MetaData, String, Table, Text

metadata: Final = MetaData()

tenants: Final = Table(
    "tenants",
    metadata,
    Column("tenant_id", String(63), primary_key=True),
    Column("name", Text, nullable=False),
    Column("created_at", BigInteger, nullable=False),
)

api_keys: Final = Table(
    "api_keys",
    metadata,
    Column("key_id", String(12), primary_key=True),
    Column("tenant_id", String(63), ForeignKey("tenants.tenant_id"), nullable=False),
    Column("key_hash", String(64), nullable=False),
    Column("created_at", BigInteger, nullable=False),
    Column("revoked_at", BigInteger),
    Index("api_keys_by_tenant", "tenant_id"),
)
