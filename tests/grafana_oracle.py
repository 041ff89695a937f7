"""Trade for dashboards to show, and what they must show of it, by plain counting: no SQL, nothing of `reporting`."""

from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from msgspec.structs import replace

from domain.events import Conversion, Kind, Mark, NoBid
from tests.integration.reporting.test_rollups import Credit, counted
from tests.trade import Trade

SINCE = datetime(2026, 9, 22, tzinfo=UTC)
UNTIL = datetime(2026, 9, 23, 23, 59, 59, tzinfo=UTC)
"""Two of the days of the trade; there is some before and after them."""
NOON_NS = int(datetime(2026, 9, 23, 12, tzinfo=UTC).timestamp()) * 10**9


def eventful() -> tuple[Trade, list[Credit]]:
    """Trade in which also happens what dashboards are there to show: budgets end, a line item stops, bids just miss,
    notices tell no price, credit for a conversion is taken back.
    """
    trade = Trade(seed=11, auctions=900)
    reasons = (500, 505, 513, 504)
    trade.bids = [
        replace(event, reason=reasons[number % 4]) if isinstance(event, NoBid) else event
        for number, event in enumerate(trade.bids)
    ]
    credits: list[Credit] = []
    for place, event in enumerate(trade.money):
        if isinstance(event, Conversion):
            if event.bid:
                ids = (event.exchange, event.advertiser, event.campaign, event.line_item, event.creative)
                told = (event.bid % 7 * 100, "USD" if event.bid % 2 else "EUR")
                credits.append(Credit(event.received_ns, *ids, *told, event.bid % 3, 1))
                if event.bid % 4 == 0:
                    credits += [replace(credits[-1], sign=-1), replace(credits[-1], kind=2, line_item=9)]
        elif event.kind == Kind.LOSS:
            trade.money[place] = replace(event, min_to_win=event.max_price * (event.bid % 7) // 4)
        elif event.bid % 5 == 0:
            trade.money[place] = replace(event, marks=int(event.marks | Mark.NO_PRICE), price=0)
    trade.settlements = [row for row in trade.settlements if row.line_item != 4 or row.received_ns < NOON_NS]
    return trade, credits


TRADE, CREDITS = eventful()


def within(ns: int) -> bool:
    return SINCE.timestamp() <= ns // 10**9 <= UNTIL.timestamp()


DAYS = {int(datetime(2026, 9, day, tzinfo=UTC).timestamp()) for day in (22, 23)}
PLACES = ("advertiser", "campaign", "line_item", "creative", "exchange")
MONEY = {"spend", "fees", "conversion_value", "click_value"}


def share(part: float, whole: float) -> float | None:
    return part / whole if whole else None


FORMULAS: dict[str, Callable[[Counter[str]], float | None]] = {
    "win_rate": lambda s: share(s["wins"], s["bids"]),
    "loss_rate": lambda s: share(s["losses"], s["bids"]),
    "ctr": lambda s: share(s["clicks"], s["impressions"]),
    "cvr": lambda s: share(s["click_conversions"], s["clicks"]),
    "viewability": lambda s: share(s["viewable"], s["measured"]),
    "completion_rate": lambda s: share(s["completes"], s["starts"]),
    "billed_share": lambda s: share(s["billed"], s["impressions"]),
    "shown_share": lambda s: share(s["impressions"], s["wins"]),
    "spend": lambda s: s["spend"] / 1e9,
    "fees": lambda s: s["fees"] / 1e9,
    "value": lambda s: s["conversion_value"] / 1e9,
    "exchange_spend": lambda s: s["exchange_spend"] / 1e9,
    "ecpm": lambda s: share(s["spend"] / 1e9 * 1000, s["impressions"]),
    "ecpc": lambda s: share(s["spend"] / 1e9, s["clicks"]),
    "cpa": lambda s: share(s["spend"] / 1e9, s["click_conversions"] + s["view_conversions"]),
    "roas": lambda s: share(s["conversion_value"], s["spend"]),
    "bid_cpm": lambda s: share(s["bid_price"] / 1e9 * 1000, s["bids"]),
    "won_cpm": lambda s: share(s["win_max_price"] / 1e9 * 1000, s["wins_priced"]),
    "clearing_cpm": lambda s: share(s["win_price"] / 1e9 * 1000, s["wins_priced"]),
    "surplus": lambda s: None if not s["win_max_price"] else 1 - s["win_price"] / s["win_max_price"],
}
"""What figures mean, said once more; all others are sums."""


def sums(by: str, account: int = 0, exchange: int = 0, chosen: tuple[str, ...] = ()) -> dict[int, Counter[str]]:
    """Of the two days, by plain counting: figures by an id; of an account, its USD alone."""
    found: dict[int, Counter[str]] = {}
    for (start, *ids, currency), figures in counted(TRADE, CREDITS, "day").items():
        at = dict(zip(PLACES, ids, strict=True))
        if start not in DAYS or (account and at["advertiser"] != account) or (exchange and at["exchange"] != exchange):
            continue
        if chosen and str(at["campaign"]) not in chosen:
            continue
        kept = {name: n for name, n in figures.items() if name not in MONEY or currency == "USD"}
        found.setdefault(at.get(by, 0), Counter()).update(kept)
    return found


EXCHANGES = {1: "usx (USD)", 2: "cnx (CNY)"}
LEAST = 5
HOURS = counted(TRADE, CREDITS, "hour")
LEAST = 5


def of(exchange: int, since: datetime, until: datetime) -> Counter[str]:
    """Figures of an exchange from one hour to another."""
    found = Counter[str]()
    for (start, *ids, _), figures in HOURS.items():
        if ids[-1] == exchange and since.timestamp() <= start < until.timestamp():
            found.update(figures)
    return found


def wrong(rule: str, exchange: int, now: datetime) -> bool:
    hour, day = now.replace(minute=0, second=0), timedelta(days=1)
    if rule == "win_rate_fell":
        new = of(exchange, hour - timedelta(hours=3), hour)
        old = of(exchange, hour - timedelta(hours=3) - day, hour - day)
        if min(new["bids"], old["bids"]) < LEAST or not old["wins"]:
            return False
        return new["wins"] / new["bids"] < old["wins"] / old["bids"] / 2
    if rule == "nothing_billed":
        seen = of(exchange, hour - timedelta(hours=3), hour - timedelta(hours=1))
        return seen["bids"] >= LEAST and not seen["billed"]
    midnight = hour.replace(hour=0)
    seen = of(exchange, midnight - day, midnight)
    return seen["impressions"] >= LEAST and abs(seen["billed"] / seen["impressions"] - 1) > 0.1
