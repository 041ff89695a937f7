"""What pacing knows of traffic."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "supply",
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("owner", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column(
            "learned",
            sa.LargeBinary(),
            nullable=False,
            comment="msgpack: impressions and seconds by quarter of the week",
        ),
        sa.Column(
            "today",
            sa.LargeBinary(),
            nullable=False,
            comment="msgpack: what is not learned yet, and how hard to push",
        ),
        sa.PrimaryKeyConstraint("kind", "owner", name="pk_supply"),
        comment="What pacing knows of the traffic that an account's line items could bid on",
    )


def downgrade() -> None:
    """What was learned is lost, and learned anew."""
    op.drop_table("supply")
