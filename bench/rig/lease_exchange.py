"""The other side of the lease bench: exchanges that hold auctions, tell of them late or never, and keep books.

Notices go into a money log as the tracker writes it, durable one by one. The books are kept here with exact fractions,
from what was sent; nothing of the ledger's arithmetic is used.
"""

import asyncio
import heapq
import random
import time
from collections import Counter, defaultdict
from dataclasses import dataclass, field
from fractions import Fraction

from domain.campaign import Snapshot
from domain.clock import SECOND, Clock
from domain.events import Kind, Mark, Notice, encode
from eventlog.writer import LogWriter

BASIS = {"usx": Kind.BILLING, "cnx": Kind.IMPRESSION}
"""What each exchange bills by, as in the campaign file."""
LOOK_S = 0.02


@dataclass(frozen=True)
class Manners:
    """How the exchanges behave: shares, and real seconds."""

    win: float = 0.2
    untold: float = 0.02
    """Of lost bids: those that no notice ever tells of."""
    slow: float = 0.05
    """Of notices: those that take long, though they come in time."""
    late: float = 0.005
    """Of wins: those that are billed after the bid's expiry."""
    repeated: float = 0.02
    """Of wins: those that are told once more later on."""
    billing_s: float = 3.0
    loss_s: float = 1.0
    """Usual delays, as means."""
    slow_s: float = 10.0
    """The least of a long delay; the most is the expiry."""
    latest_s: float = 60.0


@dataclass
class Account:
    """What a line item or a campaign was billed, in its advertiser's currency."""

    in_time: int = 0
    late: int = 0

    @property
    def all(self) -> int:
        return self.in_time + self.late


@dataclass
class Books:
    lines: dict[int, Account] = field(default_factory=lambda: defaultdict(Account))
    campaigns: dict[int, Account] = field(default_factory=lambda: defaultdict(Account))
    exchanges: dict[str, tuple[int, int]] = field(default_factory=dict)
    """(bids billed, nanos of its currency)"""
    counts: Counter[str] = field(default_factory=Counter)


class Exchanges:
    """Takes the workers' lines, and sends notices until everything is told."""

    def __init__(self, snapshot: Snapshot, log: LogWriter, clock: Clock, manners: Manners, draw: random.Random) -> None:
        self.log, self.clock, self.manners, self.draw = log, clock, manners, draw
        self.books = Books()
        self.bid_times: list[float] = []
        """When each bid came (monotonic)."""
        self.workers: set[int] = set()
        """Incarnations that have bid."""
        self._exchanges = {exchange.id: exchange for exchange in snapshot.exchanges}
        self._lines = {item.id: item for item in snapshot.line_items}
        self._campaigns = {campaign.id: campaign for campaign in snapshot.campaigns}
        self._currency = {advertiser.id: advertiser.currency for advertiser in snapshot.advertisers}
        self._rates = {(rate.base, rate.quote): rate for rate in snapshot.rates}
        self._due: list[tuple[float, int, Notice]] = []
        self._number = 0

    @property
    def pending(self) -> int:
        return len(self._due)

    def hear(self, line: bytes) -> None:
        """One bid: it is won or lost at once, and told of later."""
        self.bid_times.append(time.monotonic())
        bid, bid_ns, line_item, exchange, price, lease = map(int, line.split())
        self.workers.add(bid >> 32)
        draw, manners, counts = self.draw, self.manners, self.books.counts
        counts["bids"] += 1
        expiry_s = float(self._exchanges[exchange].bid_expiry_s)
        if draw.random() < manners.win:
            counts["wins"] += 1
            notice = self._notice(self._basis(exchange), bid, bid_ns, line_item, exchange, price, lease)
            cleared = Notice(**{**_fields(notice), "price": draw.randint(price * 6 // 10, price)})
            delay = self._delay(manners.billing_s, expiry_s)
            if draw.random() < manners.late:
                delay = draw.uniform(expiry_s + 0.5, manners.latest_s)
            self._send(cleared, delay)
            if draw.random() < manners.repeated:
                again = Notice(**{**_fields(cleared), "marks": int(Mark.DUPLICATE)})
                self._send(again, delay + draw.expovariate(1))
        elif draw.random() < manners.untold:
            counts["lost and untold"] += 1
        else:
            counts["lost"] += 1
            notice = self._notice(Kind.LOSS, bid, bid_ns, line_item, exchange, price, lease)
            self._send(notice, self._delay(manners.loss_s, expiry_s))

    async def heard(self, workers: int) -> None:
        """Returns when so many workers have bid."""
        while True:
            if len(self.workers) >= workers:
                return
            await asyncio.sleep(LOOK_S)

    async def send_for_ever(self) -> None:
        """Writes every notice when it is due."""
        while True:
            now, position = time.monotonic(), 0
            while self._due and self._due[0][0] <= now:
                position = self._deliver(heapq.heappop(self._due)[2])
            if position:
                await self.log.durable(position)
            await asyncio.sleep(LOOK_S)

    def _delay(self, mean_s: float, expiry_s: float) -> float:
        if self.draw.random() < self.manners.slow:
            return self.draw.uniform(self.manners.slow_s, expiry_s - 0.5)
        return min(self.draw.expovariate(1 / mean_s), expiry_s - 0.5)

    def _send(self, notice: Notice, delay_s: float) -> None:
        self._number += 1
        heapq.heappush(self._due, (time.monotonic() + delay_s, self._number, notice))

    def _deliver(self, notice: Notice) -> int:
        """Marks it as the tracker would, logs and books it; returns its position in the log."""
        received_ns = self.clock.now_ns()
        exchange = self._exchanges[notice.exchange]
        late = received_ns > notice.bid_ns + exchange.bid_expiry_s * SECOND
        marks = notice.marks | (Mark.LATE if late else 0)
        if notice.kind != Kind.LOSS and not marks & Mark.DUPLICATE:
            self._book(notice, late)
        return self.log.append(encode(Notice(**{**_fields(notice), "received_ns": received_ns, "marks": int(marks)})))

    def _book(self, notice: Notice, late: bool) -> None:
        exchange = self._exchanges[notice.exchange]
        billed, spend = self.books.exchanges.get(exchange.key, (0, 0))
        self.books.exchanges[exchange.key] = (billed + 1, spend + notice.price)
        self.books.counts["billed late"] += late
        rate = self._rates.get((exchange.currency, self._currency[notice.advertiser]))
        cost = round(notice.price * Fraction(rate.per_unit, 10**9)) if rate else notice.price  # half-even
        for account in (self.books.lines[notice.line_item], self.books.campaigns[notice.campaign]):
            account.late += cost if late else 0
            account.in_time += 0 if late else cost

    def _basis(self, exchange: int) -> Kind:
        return BASIS[self._exchanges[exchange].key]

    def _notice(
        self, kind: Kind, bid: int, bid_ns: int, line_item: int, exchange: int, price: int, lease: int
    ) -> Notice:
        item = self._lines[line_item]
        campaign = self._campaigns[item.campaign]
        rate = self._rates.get((self._exchanges[exchange].currency, self._currency[campaign.advertiser]))
        return Notice(
            kind=kind, received_ns=0, marks=0, bid=bid, imp=0, bid_ns=bid_ns, exchange=exchange,
            advertiser=campaign.advertiser, campaign=campaign.id, line_item=line_item, creative=item.creatives[0],
            deal=0, site=0, person=0, lease=lease, rate=rate.id if rate else 0, max_price=price,
            basis=self._basis(exchange), price=0, loss_reason=0, min_to_win=0,
        )  # fmt: skip


def _fields(notice: Notice) -> dict[str, int]:
    return {name: getattr(notice, name) for name in Notice.__struct_fields__}
