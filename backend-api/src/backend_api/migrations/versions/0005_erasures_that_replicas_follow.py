"""When erasures began, and of which ids, so that every replica can follow them."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    with op.batch_alter_table("erasures") as table:
        table.add_column(
            sa.Column("merged_id_hashes", sa.Text, nullable=False, server_default=sa.text("''"))
        )
        table.add_column(
            sa.Column("begun_at", sa.BigInteger, nullable=False, server_default=sa.text("0"))
        )
    op.execute("UPDATE erasures SET begun_at = requested_at")
    op.create_index("erasures_by_begin", "erasures", ["begun_at"])


def downgrade() -> None:
    op.drop_index("erasures_by_begin", "erasures")
    with op.batch_alter_table("erasures") as table:
        table.drop_column("begun_at")
        table.drop_column("merged_id_hashes")
