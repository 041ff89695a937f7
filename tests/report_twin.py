"""What reports must say, by plain counting over events and bookings: no SQL, nothing from `reporting`.

`Twin.rows` answers for any dimensions, filter, time zone and currency what `reporting.report` answers out of a store.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from domain.campaign import Rate, Snapshot
from domain.context_word import unpack
from domain.events import NOT_COUNTED, Bid, Conversion, Kind, Mark, NoBid, Notice, PlayEvent
from domain.money import convert
from pacing.protocol import Settlement

PLAYS = {
    PlayEvent.START: ("starts",),
    PlayEvent.FIRST_QUARTILE: ("first_quartiles",),
    PlayEvent.MIDPOINT: ("midpoints",),
    PlayEvent.THIRD_QUARTILE: ("third_quartiles",),
    PlayEvent.COMPLETE: ("completes",),
    PlayEvent.VIEWABLE: ("measured", "viewable"),
    PlayEvent.NOT_VIEWABLE: ("measured",),
}
ACCOUNT, EXCHANGE = ("spend", "fees", "conversion_value"), ("bid_price", "win_price", "win_max_price", "exchange_spend")


@dataclass(frozen=True)
class Credit:
    """A row of `attributions`."""

    received_ns: int
    advertiser: int
    event: str
    value: int
    currency: str
    kind: int
    sign: int
    exchange: int
    campaign: int
    line_item: int
    creative: int
    deal: int
    site: int
    context: int


class Worth:
    """What a credited conversion was worth: a figure in a currency of its own."""

    def __init__(self, currency: str, of: Credit) -> None:
        self.paid, self._of = currency, of

    def __getattr__(self, name: str) -> Any:
        return getattr(self._of, name)


@dataclass
class Twin:
    """``bids``, ``money`` and ``settlements`` as `tests.trade.Trade` has them."""

    snapshot: Snapshot
    bids: Iterable[Any]
    money: Iterable[Any]
    settlements: Iterable[Settlement]
    credits: Iterable[Credit] = ()
    rates: Iterable[Rate] = ()
    facts: list[tuple[Any, int, dict[str, int]]] = field(default_factory=list)
    """(event, when, sum -> amount)."""

    def __post_init__(self) -> None:
        for event in self.bids:
            if isinstance(event, Bid) and not event.test:
                self.facts.append((event, event.time_ns, {"bids": 1, "bid_price": event.price}))
            elif isinstance(event, NoBid):
                self.facts.append((event, event.time_ns, {"no_bids": event.weight}))
        for event in self.money:
            if event.marks & NOT_COUNTED:
                continue
            sums = (
                {f"conversions:{event.event}": 1, "conversions": 1} if isinstance(event, Conversion) else notice(event)
            )
            self.facts.append((event, event.received_ns, sums))
        for row in self.settlements:
            sums = {
                "billed": int(row.number == 0),
                "spend": row.account_price,
                "fees": row.fees,
                "exchange_spend": row.price,
            }
            self.facts.append((row, row.received_ns, sums))
        for credit in self.credits:
            name = {1: "click_conversions", 2: "view_conversions"}.get(credit.kind)
            if name:
                self.facts.append((credit, credit.received_ns, {name: credit.sign}))
                worth = Worth(credit.currency, credit)
                self.facts.append((worth, credit.received_ns, {"conversion_value": credit.value * credit.sign}))

    def rows(
        self,
        by: Iterable[str],
        sums: Iterable[str],
        zone: str = "UTC",
        days: tuple[date, date] | None = None,
        wanted: Callable[[Callable[[str], Any]], bool] = lambda value: True,
        currency: str = "",
    ) -> dict[tuple[Any, ...], dict[str, int]]:
        """(keys of the dimensions, currency, exchange's currency) -> the sums that are not 0. Ids stand for
        themselves.
        """
        sums, where, by = set(sums), ZoneInfo(zone), tuple(by)
        money = bool(sums & set(EXCHANGE))
        daily: dict[tuple[Any, ...], Counter[str]] = {}
        persons: dict[tuple[Any, ...], set[int]] = {}
        for event, at, told in self.facts:
            clock = datetime.fromtimestamp(at // 1_000_000_000, UTC).astimezone(where)
            if days and not days[0] <= clock.date() <= days[1]:
                continue
            if not sums & told.keys() and not ("reach" in sums and is_impression(event)):
                continue
            value = lambda name, event=event, clock=clock: self.value(event, clock, name)  # noqa: E731
            if not wanted(value):
                continue
            paid, sold = self.currencies(event)
            utc_day = datetime.fromtimestamp(at // 1_000_000_000, UTC).date().isoformat()
            key = (*(value(name) for name in by), paid, sold if money else "")
            found = daily.setdefault((key, utc_day), Counter())
            found.update({name: amount for name, amount in told.items() if name in sums})
            if "reach" in sums and is_impression(event) and event.person:
                final = (*key[:-2], currency or paid, (currency or sold) if money else "")
                persons.setdefault(final, set()).add(event.person)
        result: dict[tuple[Any, ...], Counter[str]] = {}
        for (key, day), counts in daily.items():
            if currency:
                paid, sold = key[-2:]
                for name in counts:
                    unit = paid if name in ACCOUNT else sold if name in EXCHANGE else currency
                    counts[name] = convert(counts[name], self.rate(unit, currency, day))
                key = (*key[:-2], currency, currency if money else "")
            result.setdefault(key, Counter()).update(counts)
        for key, seen in persons.items():
            result.setdefault(key, Counter())["reach"] = len(seen)
        told_rows = {key: {name: n for name, n in found.items() if n} for key, found in result.items()}
        return {key: found for key, found in told_rows.items() if found}

    def value(self, event: Any, clock: datetime, name: str) -> Any:
        """The key of a dimension, as reports label it, or the id."""
        thing = {one.id: one for one in self.snapshot.creatives}.get(getattr(event, "creative", 0))
        match name:
            case "minute":
                return f"{clock:%Y-%m-%d %H:%M:00}"
            case "hour":
                return f"{clock:%Y-%m-%d %H:00:00}"
            case "day":
                return f"{clock:%Y-%m-%d}"
            case "week":
                return (clock.date() - timedelta(days=clock.weekday())).isoformat()
            case "month":
                return f"{clock:%Y-%m}"
            case "hour_of_day":
                return str(clock.hour)
            case "day_of_week":
                return f"{clock:%A}"
            case "agency":
                return next(one.agency for one in self.snapshot.advertisers if one.id == event.advertiser)
            case "format":
                return thing.format if thing else ""
            case "size":
                return f"{thing.width}x{thing.height}" if thing and thing.width else ""
            case "country" if isinstance(event, NoBid):
                return event.country
            case "country" | "device_type" | "os" | "place":
                return words(name, getattr(unpack(event.context), name))
            case "conversion_event":
                return event.event
            case "conversion_source":
                return event.source
            case "attribution_kind":
                return {1: "click", 2: "view"}[event.kind]
            case "play_event":
                return PlayEvent(event.event).name.lower()
            case "loss_reason":
                return event.loss_reason
            case "no_bid_reason":
                return event.reason
        return getattr(event, name)

    def currencies(self, event: Any) -> tuple[str, str]:
        """The account's and the exchange's."""
        paid = {one.id: one.currency for one in self.snapshot.advertisers}.get(getattr(event, "advertiser", 0), "")
        sold = {one.id: one.currency for one in self.snapshot.exchanges}.get(event.exchange, "")
        return (event.paid if isinstance(event, Worth) else paid), sold

    def rate(self, base: str, quote: str, day: str) -> int:
        if base == quote:
            return 1_000_000_000
        return max(
            (r for r in self.rates if (r.base, r.quote) == (base, quote) and r.day <= day), key=lambda r: r.day
        ).per_unit


def is_impression(event: Any) -> bool:
    return isinstance(event, Notice) and event.kind == Kind.IMPRESSION


def notice(event: Notice) -> dict[str, int]:
    if event.kind == Kind.EVENT:
        return {"play_events": 1, **dict.fromkeys(PLAYS.get(PlayEvent(event.event), ()), 1)}
    sums = {Kind.IMPRESSION: {"impressions": 1, "known_impressions": int(event.person != 0)},
            Kind.CLICK: {"clicks": 1}, Kind.LOSS: {"losses": 1}}.get(Kind(event.kind), {})  # fmt: skip
    if event.marks & Mark.FIRST:
        sums |= {"wins": 1}
        if not event.marks & Mark.NO_PRICE:
            sums |= {"win_price": event.price, "win_max_price": event.max_price}
    return sums


def words(name: str, value: Any) -> str:
    if name == "device_type":
        known: Mapping[int, str] = {1: "mobile", 2: "pc", 3: "tv", 4: "phone", 5: "tablet"}
        return known.get(value, "") if value else ""
    if name == "country":
        return str(value)
    return value.name.lower() if value else ""
