"""Targeting as an expression in its normal form, and special categories of campaigns."""

import json
from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None

line_items = sa.table("line_items", sa.column("id", sa.BigInteger), sa.column("targeting", sa.JSON))


def upgrade() -> None:
    with op.batch_alter_table("campaigns") as table:
        table.add_column(
            sa.Column(
                "special_category", sa.String(length=16), nullable=False, server_default="", comment="empty: none"
            )
        )
    with op.batch_alter_table("campaigns") as table:
        table.alter_column("special_category", server_default=None)
    _rewrite(_expression)


def downgrade() -> None:
    """An expression of several alternatives cannot be said in the older form: its line item then wants nothing."""
    _rewrite(_halves)
    with op.batch_alter_table("campaigns") as table:
        table.drop_column("special_category")


def _rewrite(form: Any) -> None:
    store = op.get_bind()
    for id_, targeting in store.execute(sa.select(line_items.c.id, line_items.c.targeting)).all():
        told = json.loads(targeting) if isinstance(targeting, str) else targeting
        store.execute(line_items.update().where(line_items.c.id == id_).values(targeting=form(told)))


def _expression(halves: dict[str, dict[str, list[str]]]) -> dict[str, Any]:
    wanted, excluded = halves.get("all_of", {}), halves.get("none_of", {})
    left = {name: [v for v in values if v not in excluded.get(name, ())] for name, values in wanted.items()}
    if not all(left.values()):
        return {"any_of": []}
    clauses = [[name, values, True] for name, values in left.items()]
    clauses += [[name, values, False] for name, values in excluded.items()]
    return {"any_of": [clauses]} if clauses else {}


def _halves(targeting: dict[str, Any]) -> dict[str, Any]:
    ways = targeting.get("any_of", [[]])
    names = [(name, sign) for name, _, sign in ways[0]] if ways else []
    if len(ways) != 1 or len(set(names)) < len(names):
        return {"all_of": {"exchange": ["0"]}, "none_of": {}}
    return {
        "all_of": {name: values for name, values, sign in ways[0] if sign},
        "none_of": {name: values for name, values, sign in ways[0] if not sign},
    }
