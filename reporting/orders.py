"""The conversions of some orders, and what they are credited to, as the store has them."""

from collections.abc import Iterable, Sequence
from typing import Any

from reporting.counting import COUNTED
from reporting.crediting import Converted, Credited, Touch
from reporting.schema import ATTRIBUTIONS, Table
from reporting.store import Store
from reporting.touches import drop, in_memory

ORDERS = Table("attribution_orders", {"advertiser": "UInt32", "order": "String"}, ("advertiser",))
AT = "if(happened_ns = 0, received_ns, happened_ns)"
"""When a conversion happened."""

OrderKey = tuple[int, str]
"""Advertiser, and its own id of the order."""
_TOLD = (
    "received_ns, advertiser, event, `order`, value, currency, person, "
    f"{AT}, click_ns, bid, exchange, campaign, line_item, creative, deal, site, context"
)
CREDITED = ", ".join(f"`{name}`" for name in Credited._fields)


def read(
    store: Store, orders: Iterable[OrderKey]
) -> tuple[dict[OrderKey, list[Converted]], dict[OrderKey, list[tuple[Credited, int]]]]:
    """By order: the conversions that count, and what the rows of ``attributions`` come to: each with how often it is
    there, once if nothing is amiss.
    """
    in_memory(store, ORDERS, orders)
    theirs = f"(advertiser, `order`) GLOBAL IN (SELECT advertiser, `order` FROM {ORDERS.name})"
    told: dict[OrderKey, list[Converted]] = {}
    for row in store.query(f"SELECT {_TOLD} FROM conversions WHERE {COUNTED} AND {theirs}"):
        one = _converted(row)
        told.setdefault((one.advertiser, one.order), []).append(one)
    now: dict[OrderKey, list[tuple[Credited, int]]] = {}
    sums = f"SELECT {CREDITED}, sum(sign) AS times FROM {ATTRIBUTIONS.name} WHERE {theirs} GROUP BY {CREDITED}"
    for row in store.query(f"{sums} HAVING times != 0"):
        credit = _credited(row[:-1])
        now.setdefault((credit.advertiser, credit.order), []).append((credit, int(row[-1])))
    drop(store, ORDERS)
    return told, now


def _converted(row: Sequence[Any]) -> Converted:
    received_ns, advertiser, event, order, value, currency, person, at_ns, click_ns, bid, *place = row
    click = Touch(int(click_ns), int(bid), 0, *map(int, place)) if int(bid) else None
    return Converted(
        int(received_ns), int(advertiser), event, order, int(value), currency, int(person), int(at_ns), click
    )


def _credited(row: Sequence[Any]) -> Credited:
    received_ns, advertiser, event, order, value, currency, *rest = row
    return Credited(int(received_ns), int(advertiser), event, order, int(value), currency, *map(int, rest))
