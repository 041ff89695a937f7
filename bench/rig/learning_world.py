"""A market in one process, in which a bidder learns whom its advertisements please: production's auction, its events
and its feature values on one side, the simulator's traffic, auction house and hidden clicks on the other.

Six advertisers bid by target CPC on a second-price exchange, each in about half of the regions. Nothing but prices
keeps a bid from winning: no caps, no budgets that end, no blocked categories, no deals.
"""

import math
import random
import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from typing import NamedTuple

from bidder.answer import Answer
from bidder.auction import Auction, NoBid
from bidder.enrichment.chain import Chain
from bidder.enrichment.device import DeviceModule
from bidder.enrichment.geo import GeoModule
from bidder.frequency import History
from bidder.journal import Journal
from bidder.leases import Leases
from bidder.models import Models
from bidder.view import View
from domain.campaign import Advertiser, Campaign, LineItem, Rate, Snapshot
from domain.clock import SECOND, ManualClock
from domain.creative import Creative
from domain.events import Bid, Event, Kind, Mark, Notice, decode, encode
from domain.exchange import Exchange
from domain.strategy import Strategy
from domain.token import Sealer
from openrtb.tcf import Vendor
from pacing.protocol import Grant
from prediction.scorer import Scorer
from simulator.checker import Bid as Told
from simulator.checker import Checker, Loss
from simulator.config import Seller, SimulatorSettings
from simulator.exchange import Auction as Offered
from simulator.exchange import settle
from simulator.hidden_clicks import PERSON_SHARE, HiddenClicks, Impression, impression
from simulator.market import HOURS
from simulator.offer import ImpOffer
from simulator.run import population
from simulator.traffic import Traffic
from targeting.expression import published

DAY_NS = 86_400 * SECOND
START_NS = int(datetime(2027, 3, 16, tzinfo=UTC).timestamp()) * SECOND
SIZES = ((300, 250), (728, 90), (160, 600), (320, 50), (300, 600), (336, 280))
REGIONS = ("ca", "tx", "ny", "fl", "il", "wa", "on", "bc", "qc", "eng", "sct", "be", "by", "nw", "cmx", "jal")
ADVERTISERS = 6
NOT_PRICE = ("read", "admit", "targeting", "fit", "exchange", "supply", "blocks", "deals", "frequency", "gate")
"""Stages that leave nobody to bid for another reason than the price."""
UNLIMITED = 10**17
MEAN_TASTE = math.exp(2 * (-0.32 * PERSON_SHARE + (0.8 * PERSON_SHARE) ** 2 / 2))
"""The appetite with which the odds are their mean over all people's (`simulator.population`)."""


class Outcome(NamedTuple):
    """What one impression on offer brought, in nanos of the exchange's currency."""

    best: float
    """What the one who knows all chances would have gained."""
    known: float
    """What the one would have gained who knows all but the person's own inclination, which no request tells."""
    gained: float
    """Value that was expected of what was shown, less its price; 0 where nothing was won."""
    promised: float
    """The probability that the bid was made by; 0 where nothing was won."""
    true: float


class LearningWorld:
    """``seed`` is a world: its people's tastes, its traffic and its campaigns' regions and goals."""

    def __init__(self, seed: int, click_rate: float, click_value: float) -> None:
        """``click_value``: about what a click is worth to an advertiser, units of currency."""
        self.rng, self.clock = random.Random(seed), ManualClock(START_NS)
        seller = Seller(key="usx", currency="USD", billing="impression", auction_type=2)
        settings = SimulatorSettings(sellers=(seller,), audiences="none", persons=20_000)
        self.traffic = Traffic(population(settings), self.clock, self.rng)
        self.hidden = HiddenClicks(seed, click_rate, 0.2)
        self.checker = Checker(settings.rates())
        self.snapshot = _campaigns(random.Random(seed + 1), click_value)
        self.goals = {item.id: item.strategy.goal for item in self.snapshot.line_items}
        self.log: list[bytes] = []
        leases = Leases()
        self.models = Models(click_rate)
        answer = Answer(Sealer(b"0123456789abcdef", b"fedcba9876543210"), self._append, "https://t.example")
        answer.start(seed + 1)
        self.auction = Auction(
            Chain([GeoModule(), DeviceModule()]), leases, answer, Journal(self._append, 1 << 30), self.clock,
            Vendor(0), history=History(), models=self.models,
        )  # fmt: skip
        self.view = View(self.snapshot, leases, True)
        for item in self.snapshot.line_items:
            leases.apply(Grant(1_000 + item.id, item.id, UNLIMITED, 86_400.0), time.monotonic_ns())
        by_id = {creative.id: creative for creative in self.snapshot.creatives}
        advertisers = {each.id: each for each in self.snapshot.advertisers}
        self.fitting: dict[str, list[tuple[LineItem, Creative, Advertiser]]] = {}
        for region in REGIONS:
            self.fitting[region] = [
                (item, by_id[id_], advertisers[by_id[id_].advertiser])
                for item in self.snapshot.line_items
                for id_ in item.creatives
                if region in _regions(item)
            ]

    def _append(self, record: bytes) -> int:
        self.log.append(record)
        return len(self.log)

    def predict_by(self, model: Scorer | None, version: int) -> None:
        """From here on clicks are predicted by it."""
        self.models.put("ctr", model, version)

    def day(self, number: int, requests: int) -> Iterator[Outcome]:
        """One day of so many requests; an outcome for each impression that nothing but its price stands against."""
        shape = [HOURS[hour] for hour in range(24)]
        for n in range(requests):
            self.clock.time_ns = START_NS + number * DAY_NS + _moment(n / requests, shape)
            offered = self.traffic.auction()
            if offered.request.get("test") or offered.request.get("regs", {}).get("coppa"):
                continue
            yield from self._trade(offered)

    def _trade(self, offered: Offered) -> Iterator[Outcome]:
        now_ns, offer = self.clock.now_ns(), offered.offer()
        outcome = self.auction.decide(offered.body, self.view.sellers["usx"], self.view)
        if isinstance(outcome, NoBid):
            if outcome.stage not in NOT_PRICE:
                for imp in offer.imps.values():
                    yield Outcome(*self._best(offered, imp, now_ns), 0.0, 0.0, 0.0)
            return
        assert isinstance(outcome, bytes)
        bids = {}
        while self.log and isinstance(event := decode(self.log[-1]), Bid) and event.auction == offer.id:
            bids[offer_imp(offered, event.imp)] = event
            self.log.pop()
        answer = self.checker.read(200, outcome, offer)
        assert not answer.fault and not any(bid.refused for bid in answer.bids), (answer.fault, answer.bids)
        self.log += [encode(event) for event in bids.values()]
        won = {one.imp.id: one for one in settle(answer, offer, offered.market).won}
        for imp in offer.imps.values():
            best = self._best(offered, imp, now_ns)
            if imp.id not in won:
                yield Outcome(*best, 0.0, 0.0, 0.0)
                continue
            sale, event = won[imp.id], bids[imp.id]
            chance = self.hidden.click_chance(impression(offered, imp, sale.bid, now_ns))
            self._tell(event, sale.nanos, self.rng.random() < chance)
            yield Outcome(*best, self.goals[event.line_item] * chance - sale.nanos, event.ctr, chance)

    def _best(self, offered: Offered, imp: ImpOffer, now_ns: int) -> tuple[float, float]:
        """What the best advertisement, at its true value, gains of this impression; and the one that is best for
        somebody like this, at that value.
        """
        assert offered.person is not None
        floor = self.checker._floor(imp.floor, imp.currency, "USD")
        price = float(max(offered.market, floor) * 1_000_000)
        best = likely = gained = 0.0
        for item, creative, advertiser in self.fitting.get(offered.person.region.lower(), ()):
            if 1 in imp.types and (creative.width, creative.height) in imp.sizes:
                shown, goal = _seen(offered, imp, creative, advertiser, now_ns), item.strategy.goal
                gain = goal * self.hidden.click_chance(shown) - price
                best = max(best, gain)
                if (hoped := goal * self.hidden.click_chance(replace(shown, appetite=MEAN_TASTE)) - price) > likely:
                    likely, gained = hoped, gain
        return best, gained

    def _tell(self, bid: Bid, price: int, clicked: bool) -> None:
        """The notices of a sale, as a tracker logs them."""
        for kind, after_s in ((Kind.IMPRESSION, 1), (Kind.CLICK, 5))[: 1 + clicked]:
            self.log.append(
                encode(
                    Notice(
                        kind, bid.time_ns + after_s * SECOND, Mark.FIRST if kind == Kind.IMPRESSION else 0, bid.bid,
                        bid.imp, bid.time_ns, bid.exchange, bid.advertiser, bid.campaign, bid.line_item, bid.creative,
                        bid.deal, bid.site, bid.person, 1, 0, bid.price, Kind.IMPRESSION, price, 0, 0,
                        context=bid.context,
                    )
                )
            )  # fmt: skip

    def events(self) -> list[Event]:
        """All that was logged since the last call."""
        records, self.log = self.log, []
        return [decode(record) for record in records]


def offer_imp(offered: Offered, place: int) -> str:
    name: str = offered.request["imp"][place]["id"]
    return name


def _seen(offered: Offered, imp: ImpOffer, creative: Creative, advertiser: Advertiser, now_ns: int) -> Impression:
    told = Told(
        "", "", imp.id, "", "", Decimal(1), "USD", (advertiser.domain,), None, 1, "", "", "", "", Loss.WON, "",
        creative=str(creative.id), size=(creative.width, creative.height),
    )  # fmt: skip
    return impression(offered, imp, told, now_ns)


def _moment(share: float, shape: list[float]) -> int:
    """When in the day so much of its traffic is over, nanoseconds."""
    left = share * sum(shape)
    for hour, mass in enumerate(shape):
        if left < mass:
            return int((hour + left / mass) * 3_600 * SECOND)
        left -= mass
    return DAY_NS - 1


def _regions(item: LineItem) -> frozenset[str]:
    written = item.targeting.any_of
    return frozenset(value.rpartition("-")[2].lower() for clause in written[0] for value in clause.values)


def _campaigns(draw: random.Random, click_value: float) -> Snapshot:
    advertisers = tuple(
        Advertiser(n, f"a{n}", f"Advertiser {n}", "USD", "UTC", f"a{n}.example", ("IAB22",))
        for n in range(1, ADVERTISERS + 1)
    )
    creatives: list[Creative] = []
    items: list[LineItem] = []
    for n in range(1, ADVERTISERS + 1):
        for theme in (0, 1):
            first = len(creatives) + 101
            for width, height in SIZES:
                creatives.append(
                    Creative(
                        len(creatives) + 101, f"c{n}-{theme}-{width}", n, width, height, f"https://a{n}.example/",
                        image_url=f"https://cdn.a{n}.example/{theme}.png",
                    )
                )  # fmt: skip
            goal = int(click_value * 1e9 * draw.uniform(0.7, 1.4))
            targeting = published({"region": draw.sample(_REGION_NAMES, 8)})
            items.append(
                LineItem(
                    len(items) + 11, f"l{n}-{theme}", n, f"Line {n}, {theme}", 0, targeting,
                    tuple(range(first, first + len(SIZES))), strategy=Strategy("target_cpc", goal, explore_ppm=0),
                    bid_cap_cpm=50_000_000, pacing="asap",
                )
            )  # fmt: skip
    return Snapshot(
        version=1, published_ns=1, exchanges=(Exchange(1, "usx", "USD", {"banner": "impression"}),),
        rates=(Rate(1, "CNY", "USD", "2020-01-01", 140_845_070),), advertisers=advertisers,
        campaigns=tuple(Campaign(n, f"k{n}", n, f"Campaign {n}", 0, 2**62) for n in range(1, ADVERTISERS + 1)),
        line_items=tuple(items), creatives=tuple(creatives), deals=(), audiences=(),
    )  # fmt: skip


_REGION_NAMES = tuple(
    f"{country}-{region}"
    for country, regions in (
        ("usa", REGIONS[:6]), ("can", REGIONS[6:9]), ("gbr", REGIONS[9:11]), ("deu", REGIONS[11:14]),
        ("mex", REGIONS[14:]),
    )
    for region in regions
)  # fmt: skip
