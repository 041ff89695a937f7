"""A flight of an hour: a worker's real auction, its conversation with a real treasury, and its bills.

Nothing is known of the traffic beforehand, and the first minutes cost what they cost. The plan is made here: budget ×
the share of the auctions that have come.
"""

import json
import time
from pathlib import Path
from typing import cast

from msgspec.structs import replace

from bidder.answer import Answer
from bidder.control_link import ControlLink
from bidder.state import State
from campaigns.store import Store
from domain.campaign import Limits, Snapshot
from domain.clock import SECOND
from domain.events import Bid, Kind, Notice, encode
from eventlog.writer import LogWriter
from pacing.protocol import Register
from pacing.treasury import Treasury
from tests.auction_table import NOW_NS, Table, snapshot

REQUEST = json.loads((Path(__file__).parents[1] / "golden" / "request.json").read_text())
STEP_S, STEPS = 2, 1800
AUCTIONS = 5
"""In each step."""


def flight(total: int) -> Snapshot:
    """The golden campaigns' line item that wins the golden request, alone, in a flight of so many steps from now."""
    everything = snapshot()
    table = Table(everything)
    table.decide(REQUEST)
    (bid,) = (event for event in table.events() if isinstance(event, Bid))
    (item,) = (item for item in everything.line_items if item.id == bid.line_item)
    item = replace(item, pacing="even", frequency_caps=(), limits=Limits(total_budget=total))
    times = {"start_ns": NOW_NS, "end_ns": NOW_NS + STEPS * STEP_S * SECOND}
    campaigns = tuple(replace(one, limits=Limits(), frequency_caps=(), **times) for one in everything.campaigns)
    return replace(everything, line_items=(item,), campaigns=campaigns)


async def test_a_worker_bids_lower_and_less_often_to_keep_to_its_plan(tmp_path: Path, store: Store) -> None:
    """There are eight times the auctions that the budget pays for; two thirds of the bid is billed, a step later."""
    price = flight(1).line_items[0].bid_cpm
    budget = AUCTIONS * STEPS * price // 8
    campaigns = flight(budget)
    table = Table(campaigns, lease=0)
    treasury = Treasury(store.write, tmp_path, table.clock, campaigns)
    writer = LogWriter(tmp_path / "log" / "money" / "0")
    link = ControlLink("", cast(State, None), table.auction.paces, table.leases, cast(Answer, None))
    link.worker = treasury.register(Register("here", 1))
    spent, curve, prices, waiting = 0, [], [], []
    for step in range(STEPS):
        link._supplied_s = 0.0
        report = link.report()
        link.hear(treasury.heartbeat(report), report, time.monotonic_ns())
        for number in range(AUCTIONS):
            table.decide({**REQUEST, "id": f"{step}-{number}"})
        held = [use.lease for use in table.leases.uses()]
        bids = [event for event in table.events() if isinstance(event, Bid)]
        table.log.clear()
        table.clock.advance(STEP_S)
        for bid, lease in waiting:
            paid = bid.price * 2 // 3
            position = writer.append(encode(_bill(bid, lease, paid, table.clock.now_ns())))
            spent += paid
        if waiting:
            await writer.durable(position)
        waiting = [(bid, held[0]) for bid in bids]
        prices += [bid.price for bid in bids]
        while treasury.settle(10_000):
            pass
        treasury.expire()
        treasury.steer()
        curve.append(spent)
    writer.close()
    spent += sum(bid.price * 2 // 3 for bid, _ in waiting)
    off = sum(abs(now / budget - place / STEPS) for place, now in enumerate(curve, 1)) / STEPS
    assert 0.97 <= spent / budget <= 1.0 and off <= 0.05, (spent / budget, off)
    assert min(prices) < price / 2


def _bill(bid: Bid, lease: int, paid: int, now_ns: int) -> Notice:
    return Notice(
        kind=Kind.BILLING, received_ns=now_ns, marks=0, bid=bid.bid, imp=bid.imp, bid_ns=bid.time_ns,
        exchange=bid.exchange, advertiser=bid.advertiser, campaign=bid.campaign, line_item=bid.line_item,
        creative=bid.creative, deal=0, site=bid.site, person=0, lease=lease, rate=0, max_price=bid.price,
        basis=Kind.BILLING, price=paid, loss_reason=0, min_to_win=0,
    )  # fmt: skip
