"""What advertisers and campaigns say of attribution."""

import sqlalchemy as sa
from alembic import op

revision = "0020"
down_revision = "0019"
branch_labels = None
depends_on = None

TABLES = ("advertisers", "campaigns")
COMMENT = "the fields of `domain.attribution.Attribution` that are set"


def upgrade() -> None:
    """Those that are there say nothing, so the defaults hold."""
    for name in TABLES:
        with op.batch_alter_table(name) as table:
            table.add_column(sa.Column("attribution", sa.JSON(), nullable=False, server_default="{}", comment=COMMENT))
        with op.batch_alter_table(name) as table:
            table.alter_column("attribution", server_default=None)


def downgrade() -> None:
    """The defaults hold for all."""
    for name in TABLES:
        with op.batch_alter_table(name) as table:
            table.drop_column("attribution")
