"""Country, device, system, place and format of what was booked; and its hours are found quickly."""

import sqlalchemy as sa
from alembic import op

revision = "0019"
down_revision = "0018"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """0, unknown, for what is booked already. The default stays: SQLite would copy the journal to take it off."""
    op.add_column(
        "settlements",
        sa.Column(
            "context",
            sa.BigInteger(),
            nullable=False,
            server_default="0",
            comment="domain.context_word; 0: older than it",
        ),
    )
    op.create_index("ix_settlements_received_ns", "settlements", ["received_ns"])


def downgrade() -> None:
    op.drop_index("ix_settlements_received_ns", "settlements")
    op.drop_column("settlements", "context")
