"""Rules of the supply chain, and block lists."""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table("exchanges") as table:
        table.add_column(sa.Column("ads_domain", sa.String(length=255), nullable=False, server_default=""))
    with op.batch_alter_table("exchanges") as table:
        table.alter_column("ads_domain", server_default=None)
    with op.batch_alter_table("line_items") as table:
        table.add_column(
            sa.Column(
                "supply",
                sa.JSON(),
                nullable=False,
                server_default="{}",
                comment="the fields of `domain.campaign.SupplyRules` that are set",
            )
        )
    with op.batch_alter_table("line_items") as table:
        table.alter_column("supply", server_default=None)
    op.create_table(
        "block_lists",
        sa.Column("id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("key", sa.String(length=64), nullable=False),
        sa.Column("agency", sa.BigInteger(), nullable=False, comment="0: of none; all three 0: of the whole house"),
        sa.Column("advertiser", sa.BigInteger(), nullable=False),
        sa.Column("campaign", sa.BigInteger(), nullable=False),
        sa.Column("domains", sa.JSON(), nullable=False),
        sa.Column("bundles", sa.JSON(), nullable=False),
        sa.Column("publishers", sa.JSON(), nullable=False, comment="[exchange, account] of each"),
        sa.Column("nodes", sa.JSON(), nullable=False, comment="[advertising system, seller or empty] of each"),
        sa.Column("status", sa.String(length=8), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_block_lists"),
        sa.UniqueConstraint("key", name="uq_block_lists_key"),
    )


def downgrade() -> None:
    """The rules are lost."""
    op.drop_table("block_lists")
    with op.batch_alter_table("line_items") as table:
        table.drop_column("supply")
    with op.batch_alter_table("exchanges") as table:
        table.drop_column("ads_domain")
