"""The tables of ml-engine."""

import sqlalchemy as sa

metadata = sa.MetaData()

training_jobs = sa.Table(
    "training_jobs",
    metadata,
    sa.Column("job_id", sa.Text, primary_key=True),
    sa.Column("tenant_id", sa.Text, nullable=False),
    sa.Column("status", sa.Text, nullable=False, index=True),
    sa.Column("created_at", sa.Text, nullable=False),
    sa.Column("started_at", sa.Text),
    sa.Column("holder", sa.Text),
    sa.Column("renewals", sa.Integer, nullable=False),
    sa.Column("cancel_wanted", sa.Boolean, nullable=False),
    sa.Column("trace_headers", sa.Text, nullable=False),
    sa.Column("job", sa.Text, nullable=False),
    # JSON: what attempts at a job that has not ended have found.
    sa.Column("checkpoints", sa.Text, nullable=False),
    sa.Index("training_jobs_of_tenant", "tenant_id", "created_at", "job_id"),
    sa.Index("training_jobs_begun", "tenant_id", "started_at"),
)

serving_versions = sa.Table(
    "serving_versions",
    metadata,
    sa.Column("tenant_id", sa.Text, primary_key=True),
    # Over all tenants: the row that changed last has the highest.
    sa.Column("sequence", sa.BigInteger, nullable=False, unique=True),
    # JSON: the versions that served, the one that serves first.
    sa.Column("history", sa.Text, nullable=False),
)

serving_sequence = sa.Table(
    "serving_sequence",
    metadata,
    # One row, which each change locks: so changes are seen in the order of their numbers.
    sa.Column("sequence", sa.BigInteger, nullable=False),
)

version_marks = sa.Table(
    "version_marks",
    metadata,
    sa.Column("tenant_id", sa.Text, primary_key=True),
    sa.Column("version", sa.Text, primary_key=True),
    sa.Column("mark", sa.Text, nullable=False),
)
