"""The conversions of some orders, and what they are credited to, as the store has them."""

from collections.abc import Iterable

from domain.events import NOT_COUNTED
from reporting.crediting import Converted, Credited, Touch
from reporting.schema import ATTRIBUTIONS, CONVERSIONS, Table
from reporting.store import Store
from reporting.touches import drop, in_memory

ORDERS = Table("attribution_orders", {"advertiser": "UInt32", "order": "String"}, ("advertiser",))
COUNTED = f"bitAnd(marks, {int(NOT_COUNTED)}) = 0"
AT = "if(happened_ns = 0, received_ns, happened_ns)"
"""When a conversion happened."""

OrderKey = tuple[int, str]
"""Advertiser, and its own id of the order."""
_CONTEXT = "context" if "context" in CONVERSIONS.columns else "toUInt32(0)"
_TOLD = (
    "received_ns, advertiser, event, `order`, value, currency, person, "
    f"{AT}, click_ns, bid, exchange, campaign, line_item, creative, deal, site, {_CONTEXT}"
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
        one = _converted(*row)
        told.setdefault((one.advertiser, one.order), []).append(one)
    now: dict[OrderKey, list[tuple[Credited, int]]] = {}
    sums = f"SELECT {CREDITED}, sum(sign) AS times FROM {ATTRIBUTIONS.name} WHERE {theirs} GROUP BY {CREDITED}"
    for row in store.query(f"{sums} HAVING times != 0"):
        credit = credited(row[:-1])
        now.setdefault((credit.advertiser, credit.order), []).append((credit, int(row[-1])))
    drop(store, ORDERS)
    return told, now


def _converted(
    received_ns: object, advertiser: object, event: str, order: str, value: object, currency: str, person: object,
    at_ns: object, click_ns: object, bid: object, *place: object,
) -> Converted:  # fmt: skip
    click = Touch(int(click_ns), int(bid), 0, *map(int, place)) if int(bid) else None  # type: ignore[call-overload]
    facts = int(received_ns), int(advertiser), event, order, int(value), currency, int(person)  # type: ignore[call-overload]
    return Converted(*facts, int(at_ns), click)  # type: ignore[call-overload]


def credited(row: Iterable[object]) -> Credited:
    """From the columns `CREDITED`."""
    texts = ("event", "order", "currency")
    cells = (value if name in texts else int(value) for name, value in zip(Credited._fields, row, strict=True))  # type: ignore[call-overload]
    return Credited(*cells)


