"""Exchange adapters: how notices are asked for, click macros, rate limits, fees; approval of creatives."""

import json

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None

STYLE = {
    "urls": ["nurl", "burl", "lurl"],
    "price_macro": "${AUCTION_PRICE}",
    "price_in": ["nurl", "burl", "pixel"],
    "min_to_win_macro": "${AUCTION_MIN_TO_WIN}",
    "facts": [],
}


def _columns() -> list[sa.Column[object]]:
    """Each with what it is for exchanges that are there already."""
    return [
        sa.Column("adapter", sa.String(length=32), nullable=False, server_default="generic"),
        sa.Column(
            "notices",
            sa.JSON(),
            nullable=False,
            server_default=json.dumps(STYLE),
            comment="`domain.exchange.NoticeStyle`",
        ),
        sa.Column("price_unit", sa.String(length=8), nullable=False, server_default="cpm"),
        sa.Column("buyer_fee_ppm", sa.BigInteger(), nullable=False, server_default="0"),
        sa.Column("click_macro", sa.String(length=64), nullable=False, server_default=""),
        sa.Column("click_escapes", sa.Integer(), nullable=False, server_default="0"),
        sa.Column("qps", sa.Integer(), nullable=False, server_default="0"),
        sa.Column("billing_id", sa.String(length=64), nullable=False, server_default=""),
        sa.Column("bid_ext", sa.JSON(), nullable=False, server_default="{}"),
        sa.Column("expiries_s", sa.JSON(), nullable=False, server_default="{}", comment="by format"),
        sa.Column("approval", sa.String(length=8), nullable=False, server_default="optional"),
        sa.Column("creative_api", sa.String(length=16), nullable=False, server_default="none"),
        sa.Column("creative_account", sa.String(length=64), nullable=False, server_default=""),
    ]


def upgrade() -> None:
    names = [column.name for column in _columns()]
    with op.batch_alter_table("exchanges") as table:
        for column in _columns():
            table.add_column(column)
    with op.batch_alter_table("exchanges") as table:
        for name in names:
            table.alter_column(name, server_default=None)
    op.create_table(
        "approvals",
        sa.Column("creative", sa.BigInteger(), nullable=False),
        sa.Column("exchange", sa.BigInteger(), nullable=False),
        sa.Column("status", sa.String(length=16), nullable=False),
        sa.Column("reasons", sa.JSON(), nullable=False, comment="texts, of a disapproval"),
        sa.Column("fingerprint", sa.String(length=32), nullable=False, comment="of the creative that this is said of"),
        sa.Column("submitted_ns", sa.BigInteger(), nullable=False, comment="0: not by us"),
        sa.Column("checked_ns", sa.BigInteger(), nullable=False, comment="when the exchange was asked last"),
        sa.Column("due_ns", sa.BigInteger(), nullable=False, comment="when the exchange is to be asked next"),
        sa.Column("attempts", sa.Integer(), nullable=False, comment="failed ones since the last that did not fail"),
        sa.Column("trouble", sa.Text(), nullable=False, comment="why the last attempt failed"),
        sa.ForeignKeyConstraint(["creative"], ["creatives.id"], name="fk_approvals_creative_creatives"),
        sa.ForeignKeyConstraint(["exchange"], ["exchanges.id"], name="fk_approvals_exchange_exchanges"),
        sa.PrimaryKeyConstraint("creative", "exchange", name="pk_approvals"),
        comment="What exchanges think of creatives; a missing row: not submitted",
    )


def downgrade() -> None:
    """What exchanges thought of creatives is lost, and asked anew."""
    op.drop_table("approvals")
    with op.batch_alter_table("exchanges") as table:
        for column in _columns():
            table.drop_column(column.name)
