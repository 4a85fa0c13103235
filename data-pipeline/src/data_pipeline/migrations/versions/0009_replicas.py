"""Several replicas: who takes in an import."""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"


def upgrade() -> None:
    with op.batch_alter_table("imports") as table:
        table.add_column(sa.Column("holder", sa.Text))
        table.add_column(sa.Column("renewals", sa.BigInteger, nullable=False, server_default="0"))


def downgrade() -> None:
    with op.batch_alter_table("imports") as table:
        table.drop_column("renewals")
        table.drop_column("holder")
