"""Made-up trade of a few days: events as workers and trackers log them, the ledger's bookings, what reports must say.

The sums are made by plain counting over the same events, with no SQL and nothing from `reporting`.
"""

import random
from collections import Counter
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

from msgspec.structs import replace

from domain.campaign import Advertiser, Campaign, LineItem, Snapshot, Targeting
from domain.context_word import Context, Place, System, pack
from domain.creative import FORMATS, Creative, every_format
from domain.events import NOT_COUNTED, Bid, Conversion, Kind, Mark, Name, NoBid, Notice, PlayEvent
from domain.exchange import Exchange
from domain.naming import name_id
from pacing.protocol import Settlement

START_NS = 1_790_000_000_000_000_000
"""2026-09-21 14:13:20 UTC."""
SITES = ("news.example", 'it\'s \\ a "site"\n.example', "пример.example")
PLAYS = {1: ("starts",), 5: ("completes",), 12: ("measured", "viewable"), 13: ("measured",)}
CONTEXTS = (
    Context("USA", 4, System.IOS, Place.APP), Context("USA", 2, System.WINDOWS, Place.SITE),
    Context("DEU", 4, System.ANDROID, Place.SITE), Context("", 0, System.UNKNOWN, Place.DOOH), Context("JPN"),
)  # fmt: skip
CURRENCY = {1: "USD", 2: "CNY"}  # of an exchange, and of an advertiser


def snapshot(suffix: str = "", published_ns: int = 1) -> Snapshot:
    """Two exchanges, two advertisers, four line items in as many campaigns."""
    return Snapshot(
        version=1,
        published_ns=published_ns,
        exchanges=(
            Exchange(1, "usx", "USD", every_format("burl")),
            Exchange(2, "cnx", "CNY", every_format("impression")),
        ),
        rates=(),
        advertisers=tuple(
            Advertiser(n, f"adv{n}", f"Advertiser {n}{suffix}", CURRENCY[n], "UTC", "a.example", ()) for n in (1, 2)
        ),
        campaigns=tuple(Campaign(n, f"c{n}", 1 + n % 2, f"Campaign {n}{suffix}", 0, 1) for n in range(1, 5)),
        line_items=tuple(
            LineItem(n, f"l{n}", n, f"Line {n}{suffix}", 1_000_000, Targeting(), (n,)) for n in range(1, 5)
        ),
        creatives=tuple(
            Creative(n, f"cr{n}", 1 + n % 2, 300, 250, "https://a.example", format=FORMATS[n - 1]) for n in range(1, 5)
        ),
        deals=(),
        audiences=(),
    )


class Trade:
    """``bids`` and ``money`` are the two logs' events in order, ``settlements`` the ledger's bookings."""

    def __init__(self, seed: int, auctions: int, days: float = 2.5) -> None:
        draw = random.Random(seed)
        self.bids: list[Bid | NoBid | Name] = [Name("site", name_id(site), site) for site in SITES]
        self.money: list[Notice | Conversion] = []
        self.settlements: list[Settlement] = []
        for number in range(auctions):
            at = START_NS + int(days * 86_400e9 * number / auctions)
            self._auction(draw, number, at)

    def _auction(self, draw: random.Random, number: int, at: int) -> None:
        exchange, line_item, site = draw.choice((1, 2)), draw.randint(1, 4), name_id(draw.choice(SITES))
        if draw.random() < 0.3:
            self.bids.append(NoBid(at, f"a{number}", exchange, 500, "targeting", 10, site, "USA"))
            return
        advertiser, price = 1 + line_item % 2, draw.randint(1, 9_000_000)
        test = draw.random() < 0.05
        context = pack(CONTEXTS[number % len(CONTEXTS)]._replace(format=FORMATS[line_item - 1]))
        place = (exchange, advertiser, line_item, line_item, line_item, 0, site)
        bid = 1 << 63 | number
        self.bids.append(
            Bid(at, bid, 0, f"a{number}", *place, 7, price, 1, CURRENCY[exchange], 300, 250, "USA", 2, test, context)
        )
        if draw.random() < 0.4:
            return
        always = Mark.TEST if test else Mark.AUDIT | Mark.NO_PRICE if draw.random() < 0.05 else Mark(0)
        basis = Kind.BILLING if exchange == 1 else Kind.IMPRESSION
        kinds = [kind for kind in (Kind.WIN, Kind.BILLING, Kind.IMPRESSION, Kind.CLICK) if draw.random() < 0.8]
        draw.shuffle(kinds)
        proven, later = False, at
        for kind in kinds:
            for again in range(2 if draw.random() < 0.1 else 1):
                later += draw.randint(1, 4_000_000_000_000)
                marks = always | (Mark.DUPLICATE if again else 0) | (Mark.LATE if draw.random() < 0.1 else 0)
                if not marks & NOT_COUNTED and kind != Kind.CLICK and not proven:
                    marks, proven = marks | Mark.FIRST, True
                notice = Notice(kind, later, marks, bid, 0, at, *place, 7, 3, 1, price, basis, price - 1, 0, 0)
                self.money.append(replace(notice, context=context))
                if kind == basis and not marks & NOT_COUNTED:
                    account, rate = CURRENCY[advertiser], 7 if CURRENCY[advertiser] == "CNY" else 1
                    corrections = [-draw.randint(0, price), 5][: draw.choice((0, 0, 0, 1, 2))]
                    for number, amount in enumerate([price, *corrections]):
                        self.settlements.append(
                            Settlement(len(self.settlements) * 3 + 1, later, bid, *place, amount, CURRENCY[exchange],
                                       amount * rate, account, bool(corrections and not number), int(marks),
                                       amount // 7, number, context)
                        )  # fmt: skip
        for event in [event for event in PlayEvent if draw.random() < 0.2]:
            marks = always | (Mark.DUPLICATE if draw.random() < 0.1 else 0)
            notice = Notice(Kind.EVENT, later, marks, bid, 0, at, *place, 7, 3, 1, price, basis, 0, 0, 0)
            error = 901 if event == PlayEvent.ERROR else 0
            self.money.append(replace(notice, event=int(event), error=error, context=context))
        if draw.random() < 0.2:
            lost = Notice(Kind.LOSS, later, always, bid, 0, at, *place, 7, 3, 1, price, basis, 0, 102, 5)
            self.money.append(replace(lost, context=context))
        if draw.random() < 0.2:
            marks = Mark.DUPLICATE if draw.random() < 0.3 else 0
            attributed = (bid, at, exchange, *place[2:]) if draw.random() < 0.8 else (0, 0, 0, 0, 0, 0, 0, 0)
            self.money.append(
                Conversion(later + 1, marks, advertiser, "lead", f"o{number}", 5, "USD", "pixel", *attributed, 7)
            )

    def sums(self, by: Iterable[str]) -> dict[tuple[Any, ...], dict[str, int]]:
        """(values of the dimensions, currency) -> counts and spend."""
        found: dict[tuple[Any, ...], Counter[str]] = {}

        def add(event: Any, at: int, metric: str, amount: int = 1) -> None:
            key = (*(_value(event, at, name) for name in by), CURRENCY[event.advertiser])
            found.setdefault(key, Counter())[metric] += amount

        for event in self.bids:
            if isinstance(event, Bid) and not event.test:
                add(event, event.time_ns, "bids")
        for event in self.money:
            if event.marks & NOT_COUNTED:
                continue
            if isinstance(event, Conversion):
                add(event, event.received_ns, "conversions")
                continue
            if event.marks & Mark.FIRST:
                add(event, event.received_ns, "wins")
            if event.kind == Kind.EVENT:
                for metric in PLAYS.get(event.event, ()):
                    add(event, event.received_ns, metric)
            if event.kind in (Kind.IMPRESSION, Kind.CLICK):
                add(event, event.received_ns, "impressions" if event.kind == Kind.IMPRESSION else "clicks")
        for row in self.settlements:
            add(row, row.received_ns, "billed", int(row.number == 0))
            add(row, row.received_ns, "spend", row.account_price)
            add(row, row.received_ns, "fees", row.fees)
        return {key: dict(sums) for key, sums in found.items()}


def _value(event: Any, at: int, dimension: str) -> Any:
    moment = datetime.fromtimestamp(at // 1_000_000_000, UTC)
    if dimension == "day":
        return f"{moment:%Y-%m-%d}"
    if dimension == "hour":
        return f"{moment:%Y-%m-%d %H:00:00}"
    if dimension == "format":
        return FORMATS[event.creative - 1] if event.creative else ""
    return getattr(event, dimension)
