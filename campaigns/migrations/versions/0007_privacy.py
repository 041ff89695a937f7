"""What privacy signals leave, by exchange."""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table("exchanges") as table:
        table.add_column(
            sa.Column(
                "privacy",
                sa.JSON(),
                nullable=False,
                server_default="{}",
                comment="the fields of `domain.exchange.Privacy` that are set",
            )
        )
    with op.batch_alter_table("exchanges") as table:
        table.alter_column("privacy", server_default=None)


def downgrade() -> None:
    """Every exchange has the default policy again."""
    with op.batch_alter_table("exchanges") as table:
        table.drop_column("privacy")
