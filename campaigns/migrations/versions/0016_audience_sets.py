"""Audiences made of others, how long memberships last, and whom advertisers and campaigns suppress."""

import sqlalchemy as sa
from alembic import op

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None

OF = "`domain.audience.AudienceSet`; null: it has members of its own"
OWNERS = ("advertisers", "campaigns")


def upgrade() -> None:
    """Those that are there suppress nobody, and are lists without an end."""
    for name in OWNERS:
        with op.batch_alter_table(name) as table:
            table.add_column(sa.Column("suppress", sa.JSON(), nullable=False, server_default="[]", comment="audiences"))
        with op.batch_alter_table(name) as table:
            table.alter_column("suppress", server_default=None)
    with op.batch_alter_table("audiences") as table:
        table.add_column(sa.Column("ttl_s", sa.BigInteger(), nullable=False, server_default="0", comment="0: for ever"))
        table.add_column(sa.Column("of", sa.JSON(), comment=OF))
    with op.batch_alter_table("audiences") as table:
        table.alter_column("ttl_s", server_default=None)


def downgrade() -> None:
    """Audiences that were made of others have no members any more; what was suppressed is shown to again."""
    with op.batch_alter_table("audiences") as table:
        table.drop_column("of")
        table.drop_column("ttl_s")
    for name in OWNERS:
        with op.batch_alter_table(name) as table:
            table.drop_column("suppress")
