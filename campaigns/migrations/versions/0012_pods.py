"""Breaks of video and audio streams: what may be in one together, and at which end of it."""

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None

COLUMNS = {"one_per_pod": ("line_item", 16), "pod_slot": ("any", 8)}
"""With what they are for line items that are there already, and their lengths."""


def upgrade() -> None:
    with op.batch_alter_table("line_items") as table:
        for name, (default, length) in COLUMNS.items():
            table.add_column(sa.Column(name, sa.String(length=length), nullable=False, server_default=default))
    with op.batch_alter_table("line_items") as table:
        for name in COLUMNS:
            table.alter_column(name, server_default=None)


def downgrade() -> None:
    with op.batch_alter_table("line_items") as table:
        for name in COLUMNS:
            table.drop_column(name)
