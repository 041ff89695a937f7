"""Which audiences are lookalikes, and of whom."""

import sqlalchemy as sa
from alembic import op

revision = "0018"
down_revision = "0017"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Those that are there are none."""
    with op.batch_alter_table("audiences") as table:
        table.add_column(
            sa.Column(
                "lookalike_of", sa.BigInteger(), nullable=False, server_default="0", comment="0: it is no lookalike"
            )
        )
    with op.batch_alter_table("audiences") as table:
        table.alter_column("lookalike_of", server_default=None)


def downgrade() -> None:
    """Lookalikes become lists; what special categories may not do with them is not known any more."""
    with op.batch_alter_table("audiences") as table:
        table.drop_column("lookalike_of")
