"""The house's side of the proof of worth: production's auction on one line item, and an exchange that settles with it.

The bid path is `bidder.auction.Auction` as it serves: requests are bytes, people's scores come out of their profiles,
bids are taken from leases, and the answer is what an exchange would read.
"""

import time
from collections.abc import Mapping
from dataclasses import dataclass

import msgspec
import numpy as np
from numpy.typing import NDArray

from bidder.answer import Answer
from bidder.auction import Auction, NoBid
from bidder.enrichment.chain import Chain
from bidder.enrichment.device import DeviceModule
from bidder.enrichment.geo import GeoModule
from bidder.enrichment.profile import ProfileModule
from bidder.journal import Journal
from bidder.leases import Leases
from bidder.models import Models
from bidder.pricing.landscape import Shading
from bidder.view import View
from domain.campaign import Advertiser, Campaign, LineItem, Snapshot, Targeting
from domain.clock import SECOND, ManualClock
from domain.creative import Creative
from domain.events import Bid, decode
from domain.exchange import Exchange
from domain.money import NANOS
from domain.strategy import Strategy
from domain.token import Sealer
from domain.worth import RiskRules
from openrtb.tcf import Vendor
from pacing.protocol import Grant, PaceOrder
from simulator.worth_traffic import FIRST, MICROS, Traffic

START_NS = 1_805_155_200 * SECOND
"""2027-03-16 00:00 UTC."""
DAY_NS = 86_400 * SECOND
LINE_ITEM = 11
CAP_CPM = 1_000 * MICROS
"""Of bids that choose; whoever has less than an impression at that price left does not bid."""
UNLIMITED = 10**17
LEASE_EVERY = 100
"""Auctions until control gives back what was reserved by bids that lost."""
LEASE_S = 86_400.0

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


class Told(msgspec.Struct):
    """What an exchange reads of an answer."""

    class Seat(msgspec.Struct):
        class One(msgspec.Struct):
            price: float

        bid: list[One]

    seatbid: list[Seat]


_answers = msgspec.json.Decoder(Told)


class Profiles(dict[int, bytes]):
    """The profile store: records by the person's key."""

    any_opted_out = False


@dataclass(frozen=True, eq=False)
class Outcome:
    """A day's auctions. Prices are CPM micros; 0 where there was no bid, or it did not win."""

    bid: Ints
    cost: Ints

    @property
    def won(self) -> NDArray[np.bool_]:
        return self.cost > 0

    @property
    def spend(self) -> float:
        """Units of currency."""
        return float(self.cost.sum()) / NANOS  # CPM micros are nanos an impression


class WorthBidder:
    """One worker with one line item, on an exchange of first or second prices."""

    def __init__(
        self,
        strategy: Strategy,
        risk: RiskRules,
        people: Mapping[int, bytes],
        models: Models,
        shading: Shading | None = None,
        cap_cpm: int = CAP_CPM,
    ) -> None:
        self.clock, self.log = ManualClock(START_NS), list[bytes]()
        self.leases = Leases()
        answer = Answer(Sealer(b"0123456789abcdef", b"fedcba9876543210"), self._append, "https://t.example")
        answer.start(1)
        self.auction = Auction(
            Chain([ProfileModule(Profiles(people)), GeoModule(), DeviceModule()]),
            self.leases,
            answer,
            Journal(self._append, 1 << 30),
            self.clock,
            Vendor(0),
            models=models,
            shading=shading,
        )
        self.view = View(_snapshot(strategy, risk, cap_cpm), self.leases, True)
        self.granted = 0

    def _append(self, record: bytes) -> int:
        self.log.append(record)
        return len(self.log)

    def day(
        self, traffic: Traffic, auction_type: int, budget: float = float("inf"), pace: "float | Floats" = 1.0
    ) -> tuple[Outcome, list[Bid]]:
        """Bids on it all in order, until the budget (units of currency) is gone. ``pace``: one for the day, or one for
        each auction. With the outcome come the events of bids, where there are features in them.
        """
        count = len(traffic)
        bid, cost = np.zeros(count, np.int64), np.zeros(count, np.int64)
        rivals = np.maximum(traffic.market, traffic.floor).tolist()
        paces = np.broadcast_to(np.asarray(pace, np.float64), (count,)).tolist()
        seller, decide, told = self.view.sellers["usx"], self.auction.decide, 0.0
        left = min(budget * NANOS, float(UNLIMITED))
        events: list[Bid] = []
        for n, body in enumerate(traffic.bodies):
            if n % LEASE_EVERY == 0:
                self._grant(int(left))
            if paces[n] != told:
                told = paces[n]
                self.auction.paces.apply(PaceOrder(LINE_ITEM, told, 1.0))
            self.clock.time_ns = START_NS + n * DAY_NS // count
            outcome = decide(body, seller, self.view)
            if isinstance(outcome, bytes):
                price = round(_answers.decode(outcome).seatbid[0].bid[0].price * MICROS)
                bid[n] = price
                if price >= rivals[n]:
                    cost[n] = price if auction_type == FIRST else rivals[n]
                    left -= int(cost[n])
                events += [event for event in map(decode, self.log) if isinstance(event, Bid)]
            else:
                assert isinstance(outcome, NoBid)
            self.log.clear()
        return Outcome(bid, cost), events

    def _grant(self, left: int) -> None:
        """Control's part: the lease has what is left of the budget, and no bid in flight any more."""
        reserved = self.granted - self.leases.available(LINE_ITEM) if self.granted else 0
        self.granted = reserved + max(left, 0)
        self.leases.apply(Grant(1, LINE_ITEM, self.granted, LEASE_S), time.monotonic_ns())


def values(events: list[Bid], features: int) -> NDArray[np.uint32]:
    """(n, features): what the models were given."""
    return np.frombuffer(b"".join(event.features for event in events), "<u4").reshape(-1, features).astype(np.uint32)


def _snapshot(strategy: Strategy, risk: RiskRules, cap_cpm: int) -> Snapshot:
    item = LineItem(
        LINE_ITEM, "loans", 1, "Loans", 0, Targeting(), (101,), strategy=strategy, bid_cap_cpm=cap_cpm, pacing="asap",
        risk=risk,
    )  # fmt: skip
    return Snapshot(
        version=1,
        published_ns=1,
        exchanges=(Exchange(1, "usx", "USD", {"banner": "impression"}),),
        rates=(),
        advertisers=(Advertiser(1, "lender", "Lender", "USD", "UTC", "lender.example", ("IAB13",)),),
        campaigns=(Campaign(1, "loans", 1, "Loans", 0, 2**62),),
        line_items=(item,),
        creatives=(
            Creative(101, "banner", 1, 320, 50, "https://lender.example/", image_url="https://cdn.lender.example/a.png"),
        ),
        deals=(),
        audiences=(),
    )  # fmt: skip
