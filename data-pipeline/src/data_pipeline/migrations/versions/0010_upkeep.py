"""Which replica does the upkeep."""

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"


def upgrade() -> None:
    op.create_table(
        "upkeep",
        sa.Column("name", sa.Text, primary_key=True),
        sa.Column("holder", sa.Text),
        sa.Column("renewals", sa.BigInteger, nullable=False),
    )
    op.execute("INSERT INTO upkeep (name, renewals) VALUES ('upkeep', 0)")


def downgrade() -> None:
    op.drop_table("upkeep")
