"""Plans, scopes and lives of keys, the audit log, usage, and answers by Idempotency-Key."""

import json

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"

STANDARD = {
    "serving": {"per_second": 500, "burst": 1000},
    "ingestion": {"per_second": 100, "burst": 200},
    "management": {"per_second": 50, "burst": 100},
}
FREE = {
    "serving": {"per_second": 10, "burst": 20},
    "ingestion": {"per_second": 5, "burst": 10},
    "management": {"per_second": 5, "burst": 20},
}


def upgrade() -> None:
    _plans()
    # Column by column: SQLite would have to drop a table that keys refer to. For the same reason
    # the plan is no foreign key; the store checks it in the transaction of each change.
    op.add_column(
        "tenants", sa.Column("plan_id", sa.String(63), nullable=False, server_default="standard")
    )
    op.add_column(
        "tenants", sa.Column("status", sa.String(16), nullable=False, server_default="active")
    )
    op.create_index("tenants_by_plan", "tenants", ["plan_id"])
    with op.batch_alter_table("api_keys") as table:
        table.alter_column("tenant_id", existing_type=sa.String(63), nullable=True)
        table.add_column(sa.Column("name", sa.Text))
        table.add_column(
            sa.Column("scopes", sa.String(32), nullable=False, server_default="read,write")
        )
        table.add_column(sa.Column("expires_at", sa.BigInteger))
        table.add_column(sa.Column("last_used_at", sa.BigInteger))
        table.drop_index("api_keys_by_tenant")
        table.create_index("api_keys_by_tenant", ["tenant_id", "created_at", "key_id"])
    _audit_log()
    _usage()
    _idempotency_keys()


def downgrade() -> None:
    for table in ("idempotency_keys", "usage_batches", "usage", "audit_log"):
        op.drop_table(table)
    op.execute("DELETE FROM api_keys WHERE tenant_id IS NULL")
    with op.batch_alter_table("api_keys") as table:
        table.drop_index("api_keys_by_tenant")
        table.create_index("api_keys_by_tenant", ["tenant_id"])
        table.alter_column("tenant_id", existing_type=sa.String(63), nullable=False)
        for column in ("name", "scopes", "expires_at", "last_used_at"):
            table.drop_column(column)
    op.drop_index("tenants_by_plan", "tenants")
    op.drop_column("tenants", "status")
    op.drop_column("tenants", "plan_id")
    op.drop_table("plans")


def _plans() -> None:
    plans = op.create_table(
        "plans",
        sa.Column("plan_id", sa.String(63), primary_key=True),
        sa.Column("limits", sa.Text, nullable=False),
        sa.Column("monthly_requests", sa.BigInteger),
        sa.Column("price", sa.BigInteger, nullable=False),
        sa.Column("currency", sa.String(3), nullable=False),
    )
    rows = [
        ("standard", json.dumps(STANDARD), None, 500_000),
        ("free", json.dumps(FREE), 100_000, 0),
        ("enterprise", "{}", None, 250_000),
    ]
    names = ("plan_id", "limits", "monthly_requests", "price")
    op.bulk_insert(
        plans, [{**dict(zip(names, row, strict=True)), "currency": "EUR"} for row in rows]
    )


def _audit_log() -> None:
    op.create_table(
        "audit_log",
        sa.Column("audit_id", sa.String(32), primary_key=True),
        sa.Column("at", sa.BigInteger, nullable=False),
        sa.Column("actor", sa.String(64), nullable=False),
        sa.Column("tenant_id", sa.String(63)),
        sa.Column("action", sa.String(64), nullable=False),
        sa.Column("target", sa.Text, nullable=False),
        sa.Column("details", sa.Text, nullable=False),
    )
    op.create_index("audit_log_by_tenant", "audit_log", ["tenant_id", "at", "audit_id"])
    op.create_index("audit_log_by_time", "audit_log", ["at", "audit_id"])


def _usage() -> None:
    op.create_table(
        "usage",
        sa.Column("day", sa.Date, primary_key=True),
        sa.Column("tenant_id", sa.String(63), primary_key=True),
        sa.Column("endpoint", sa.String(200), primary_key=True),
        sa.Column("currency", sa.String(3), primary_key=True),
        sa.Column("requests", sa.BigInteger, nullable=False),
        sa.Column("billed_requests", sa.BigInteger, nullable=False),
        sa.Column("tokens", sa.BigInteger, nullable=False),
        sa.Column("cost", sa.BigInteger, nullable=False),
    )
    op.create_index("usage_by_tenant", "usage", ["tenant_id", "day"])
    op.create_table(
        "usage_batches",
        sa.Column("batch_id", sa.String(32), primary_key=True),
        sa.Column("written_at", sa.BigInteger, nullable=False),
    )
    op.create_index("usage_batches_by_time", "usage_batches", ["written_at"])


def _idempotency_keys() -> None:
    op.create_table(
        "idempotency_keys",
        sa.Column("owner", sa.String(63), primary_key=True),
        sa.Column("idempotency_key", sa.String(255), primary_key=True),
        sa.Column("attempt_id", sa.String(32), nullable=False),
        sa.Column("expires_at", sa.BigInteger, nullable=False),
        sa.Column("fingerprint", sa.String(64)),
        sa.Column("status", sa.Integer),
        sa.Column("headers", sa.Text),
        sa.Column("body", sa.LargeBinary),
    )
    op.create_index("idempotency_keys_by_expiry", "idempotency_keys", ["expires_at"])
