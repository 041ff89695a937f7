"""Cookie sync: where browsers are sent with our id of a person, and what answers those that exchanges send."""

import sqlalchemy as sa
from alembic import op

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None


COMMENT = "the fields of `domain.exchange.UserSync` that are set"


def upgrade() -> None:
    with op.batch_alter_table("exchanges") as table:
        table.add_column(sa.Column("user_sync", sa.JSON(), nullable=False, server_default="{}", comment=COMMENT))
    with op.batch_alter_table("exchanges") as table:
        table.alter_column("user_sync", server_default=None)


def downgrade() -> None:
    with op.batch_alter_table("exchanges") as table:
        table.drop_column("user_sync")
