"""Agencies, fees, funding; limits by hour and by impressions; billing by format."""

import json
from collections.abc import Callable
from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

FORMATS = ("banner", "video", "audio", "native")
LIMITED = ("campaigns", "line_items")


def upgrade() -> None:
    op.create_table(
        "agencies",
        sa.Column("id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("key", sa.String(length=64), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("currency", sa.String(length=3), nullable=False),
        sa.Column("time_zone", sa.String(length=64), nullable=False),
        _limits(nullable=False),
        sa.Column("funding", sa.String(length=8), nullable=False),
        sa.Column("credit_limit", sa.BigInteger(), nullable=False),
        sa.Column("status", sa.String(length=8), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_agencies"),
        sa.UniqueConstraint("key", name="uq_agencies_key"),
    )
    op.create_table(
        "fees",
        sa.Column("id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("key", sa.String(length=64), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("share_ppm", sa.BigInteger(), nullable=False),
        sa.Column("cpm", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_fees"),
        sa.UniqueConstraint("key", name="uq_fees_key"),
    )
    op.create_table(
        "fee_terms",
        sa.Column("id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("parts", sa.JSON(), nullable=False, comment="[kind, of, share_ppm, cpm] of each"),
        sa.PrimaryKeyConstraint("id", name="pk_fee_terms"),
        comment="Rows are never changed, because bids in flight name them",
    )
    with op.batch_alter_table("advertisers") as table:
        table.add_column(sa.Column("agency", sa.BigInteger(), nullable=False, server_default="0", comment="0: none"))
        table.add_column(_limits(nullable=False, server_default="{}"))
        table.add_column(sa.Column("funding", sa.String(length=8), nullable=False, server_default="open"))
        table.add_column(sa.Column("credit_limit", sa.BigInteger(), nullable=False, server_default="0"))
        table.add_column(sa.Column("fees", sa.JSON(), nullable=False, server_default="[]"))
        table.create_index("ix_advertisers_agency", ["agency"])
    with op.batch_alter_table("audiences") as table:
        table.add_column(sa.Column("data_cpm", sa.BigInteger(), nullable=False, server_default="0"))
    with op.batch_alter_table("campaigns") as table:
        table.add_column(sa.Column("fees", sa.JSON(), nullable=True, comment="null: the advertiser's"))
    for name in LIMITED:
        with op.batch_alter_table(name) as table:
            table.add_column(_limits(nullable=False, server_default="{}"))
        _change_rows(name, ("daily_budget", "total_budget"), ("limits",), _as_limits, "JSON")
        with op.batch_alter_table(name) as table:
            table.drop_column("daily_budget")
            table.drop_column("total_budget")
    _by_format("exchanges", ("billing", "price_source"))
    with op.batch_alter_table("exchanges") as table:
        table.add_column(sa.Column("price_key", sa.String(length=255), nullable=False, server_default=""))
    for name, columns in DEFAULTS.items():
        with op.batch_alter_table(name) as table:
            for column in columns:
                table.alter_column(column, server_default=None)


DEFAULTS = {
    "advertisers": ("agency", "limits", "funding", "credit_limit", "fees"),
    "audiences": ("data_cpm",),
    "campaigns": ("limits",),
    "line_items": ("limits",),
    "exchanges": ("price_key",),
}
"""New columns of tables that may have rows: a default fills those, and then goes."""


def downgrade() -> None:
    """Limits and terms that the older schema has no place for are lost."""
    with op.batch_alter_table("exchanges") as table:
        table.drop_column("price_key")
    _by_exchange("exchanges", {"billing": 16, "price_source": 8})
    for name in LIMITED:
        with op.batch_alter_table(name) as table:
            table.add_column(sa.Column("daily_budget", sa.BigInteger(), nullable=True))
            table.add_column(sa.Column("total_budget", sa.BigInteger(), nullable=True))
        _change_rows(name, ("limits",), ("daily_budget", "total_budget"), _as_budgets)
        with op.batch_alter_table(name) as table:
            table.drop_column("limits")
    with op.batch_alter_table("campaigns") as table:
        table.drop_column("fees")
    with op.batch_alter_table("audiences") as table:
        table.drop_column("data_cpm")
    with op.batch_alter_table("advertisers") as table:
        table.drop_index("ix_advertisers_agency")
        for column in DEFAULTS["advertisers"]:
            table.drop_column(column)
    for name in ("fee_terms", "fees", "agencies"):
        op.drop_table(name)


def _limits(**kwargs: Any) -> sa.Column[Any]:
    return sa.Column("limits", sa.JSON(), comment="the fields of `domain.campaign.Limits` that are set", **kwargs)


def _as_limits(daily: int | None, total: int | None) -> tuple[str]:
    limits = {"daily_budget": daily, "total_budget": total}
    return (json.dumps({name: amount for name, amount in limits.items() if amount is not None}),)


def _as_budgets(limits: Any) -> tuple[int | None, int | None]:
    of = json.loads(limits) if isinstance(limits, str) else limits
    return of.get("daily_budget"), of.get("total_budget")


def _change_rows(
    table: str,
    read: tuple[str, ...],
    written: tuple[str, ...],
    change: Callable[..., tuple[Any, ...]],
    kind: str = "",
) -> None:
    """Sets columns of each row from others of its own. ``kind``: the type that the written text is to be taken as."""
    conn = op.get_bind()
    place = f"CAST(:{{}} AS {kind})" if kind and conn.dialect.name == "postgresql" else ":{}"
    changed = ", ".join(f"{name} = {place.format(name)}" for name in written)
    for id_, *values in conn.execute(sa.text(f"SELECT id, {', '.join(read)} FROM {table}")).fetchall():
        new = dict(zip(written, change(*values), strict=True))
        conn.execute(sa.text(f"UPDATE {table} SET {changed} WHERE id = :id"), new | {"id": id_})


def _by_format(table: str, columns: tuple[str, ...]) -> None:
    """Words become mappings from every format to that word."""
    for column in columns:
        with op.batch_alter_table(table) as batch:
            batch.alter_column(column, new_column_name=f"{column}_word")
        with op.batch_alter_table(table) as batch:
            batch.add_column(sa.Column(column, sa.JSON(), nullable=False, server_default="{}", comment="by format"))
        _change_rows(table, (f"{column}_word",), (column,), _every_format, "JSON")
        with op.batch_alter_table(table) as batch:
            batch.drop_column(f"{column}_word")
            batch.alter_column(column, server_default=None)


def _every_format(word: str) -> tuple[str]:
    return (json.dumps(dict.fromkeys(FORMATS, word)),)


def _by_exchange(table: str, columns: dict[str, int]) -> None:
    """Mappings become the banner's word."""
    for column, length in columns.items():
        with op.batch_alter_table(table) as batch:
            batch.alter_column(column, new_column_name=f"{column}_json")
        with op.batch_alter_table(table) as batch:
            batch.add_column(sa.Column(column, sa.String(length=length), nullable=False, server_default="macro"))
        _change_rows(table, (f"{column}_json",), (f"{column}",), _banner)
        with op.batch_alter_table(table) as batch:
            batch.drop_column(f"{column}_json")
            batch.alter_column(column, server_default=None)


def _banner(mapping: Any) -> tuple[str]:
    of = json.loads(mapping) if isinstance(mapping, str) else mapping
    return (of.get("banner") or next(iter(of.values()), "macro"),)
