"""Categories in several taxonomies, advertised apps, and line items' rules for deals, full screens and neighbours."""

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table("advertisers") as table:
        table.add_column(
            sa.Column("categories_in", sa.JSON(), nullable=False, server_default="{}", comment="by taxonomy")
        )
    with op.batch_alter_table("advertisers") as table:
        table.alter_column("categories_in", server_default=None)
    with op.batch_alter_table("creatives") as table:
        table.add_column(sa.Column("bundle", sa.String(length=255), nullable=False, server_default=""))
    with op.batch_alter_table("creatives") as table:
        table.alter_column("bundle", server_default=None)
    added: tuple[sa.Column[Any], ...] = (
        sa.Column("deals_only", sa.Boolean(), nullable=False, server_default=sa.true()),
        sa.Column("interstitials", sa.String(length=8), nullable=False, server_default="any"),
        sa.Column("roadblock", sa.String(length=8), nullable=False, server_default="none"),
        sa.Column("separate_categories", sa.Boolean(), nullable=False, server_default=sa.false()),
        sa.Column("separate_from", sa.JSON(), nullable=False, server_default="[]", comment="advertisers"),
    )
    with op.batch_alter_table("line_items") as table:
        for column in added:
            table.add_column(column)
    with op.batch_alter_table("line_items") as table:
        for column in added:
            table.alter_column(column.name, server_default=None)


def downgrade() -> None:
    """Line items fall back to what they did before: deals only, any placement, beside anybody, one bid each."""
    with op.batch_alter_table("line_items") as table:
        for name in ("deals_only", "interstitials", "roadblock", "separate_categories", "separate_from"):
            table.drop_column(name)
    with op.batch_alter_table("creatives") as table:
        table.drop_column("bundle")
    with op.batch_alter_table("advertisers") as table:
        table.drop_column("categories_in")
