"""Creatives of every format."""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

PARTS = ("video", "audio", "native")
LISTS = {**dict.fromkeys(("apis", "expands", "trackers", "verifications")), "categories": "empty: the advertiser's"}


def upgrade() -> None:
    with op.batch_alter_table("creatives") as table:
        table.add_column(sa.Column("format", sa.String(length=8), nullable=False, server_default="banner"))
        for name in PARTS:
            table.add_column(sa.Column(name, sa.JSON(), comment="null: it is of another format"))
        for name, comment in LISTS.items():
            table.add_column(sa.Column(name, sa.JSON(), nullable=False, server_default="[]", comment=comment))
        table.add_column(sa.Column("viewability", sa.Boolean(), nullable=False, server_default=sa.false()))
        table.add_column(sa.Column("language", sa.String(length=2), nullable=False, server_default=""))
        table.add_column(
            sa.Column(
                "domain", sa.String(length=255), nullable=False, server_default="", comment="empty: the advertiser's"
            )
        )
    with op.batch_alter_table("creatives") as table:
        for name in ("format", *LISTS, "viewability", "language", "domain"):
            table.alter_column(name, server_default=None)


def downgrade() -> None:
    """Creatives of other formats than banners are lost with what is known of them; line items keep the rest."""
    others = "SELECT id FROM creatives WHERE format <> 'banner'"
    op.execute(f"DELETE FROM line_item_creatives WHERE creative IN ({others})")
    op.execute("DELETE FROM creatives WHERE format <> 'banner'")
    with op.batch_alter_table("creatives") as table:
        for name in ("format", *PARTS, *LISTS, "viewability", "language", "domain"):
            table.drop_column(name)
