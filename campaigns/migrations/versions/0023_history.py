"""What things were before each change, what is deleted, and answers of the API that may be asked for again."""

import sqlalchemy as sa
from alembic import op

revision = "0023"
down_revision = "0022"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Things that are there have no history: their first change keeps what they were."""
    op.create_table(
        "resources",
        sa.Column("kind", sa.String(16), primary_key=True, comment="as in `campaigns.catalogue.KINDS`"),
        sa.Column("id", sa.BigInteger(), primary_key=True, autoincrement=False),
        sa.Column("version", sa.Integer(), nullable=False, comment="of its history, the newest"),
        sa.Column("created_ns", sa.BigInteger(), nullable=False, comment="0: before there was a history"),
        sa.Column("updated_ns", sa.BigInteger(), nullable=False),
        sa.Column("deleted_ns", sa.BigInteger(), nullable=False, comment="0: it is there"),
        comment=(
            "Of what is defined above: when, and whether it is deleted. A missing row: never changed since there is one"
        ),
    )
    op.create_table(
        "history",
        sa.Column("kind", sa.String(16), primary_key=True),
        sa.Column("id", sa.BigInteger(), primary_key=True, autoincrement=False),
        sa.Column("version", sa.Integer(), primary_key=True, autoincrement=False, comment="1 is the oldest"),
        sa.Column("at_ns", sa.BigInteger(), nullable=False, comment="0: before there was a history"),
        sa.Column("by", sa.String(80), nullable=False, comment="an API key's id, `file`, or who else"),
        sa.Column("action", sa.String(16), nullable=False),
        sa.Column("entry", sa.JSON(), nullable=False, comment="as a campaign file has it, decimals as text"),
        comment="What things were, whole, after each change",
    )
    op.create_table(
        "answers",
        sa.Column("caller", sa.String(80), primary_key=True),
        sa.Column("key", sa.String(255), primary_key=True, comment="header Idempotency-Key"),
        sa.Column("request", sa.String(64), nullable=False, comment="SHA-256 of what was asked"),
        sa.Column("status", sa.Integer(), nullable=False),
        sa.Column("headers", sa.JSON(), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.Column("at_ns", sa.BigInteger(), nullable=False, index=True),
        comment="What the API answered to writes that may be repeated; kept for a day",
    )


def downgrade() -> None:
    """What is deleted is paused, and stays so; its history is lost."""
    op.drop_table("answers")
    op.drop_table("history")
    op.drop_table("resources")
