"""A bidder worker that has no bid port: it bids by reserving from its leases, as an auction does.

The lease kernel, the line to control and the snapshot are the bidder's own. A bid goes out as one line on standard
output, after it was reserved; what has not left when the process is killed was never sent. ::

    bid  bid_ns  line_item  exchange  max_price  lease

Arguments: control's address, the data directory, bids a second, a seed, and the line items' shares of traffic as JSON.
"""

import asyncio
import json
import os
import random
import sys
import time
from pathlib import Path

import uvloop

from bidder.answer import Answer
from bidder.control_link import ControlLink
from bidder.leases import Leases
from bidder.paces import Paces
from bidder.state import State
from domain.campaign import Snapshot
from domain.clock import Clock, from_env
from domain.keys import load_keys
from domain.money import RATE_UNIT, convert_up
from domain.token import Sealer

LOOK_S = 0.02
MOST_OWED_S = 0.2
"""So much traffic is made good after the process stood still; the exchange asked somebody else for the rest."""

Offer = tuple[int, int, int, int]
"""(line item, exchange, price in the exchange's currency, what has to be reserved for it)"""


def offers(snapshot: Snapshot, shares: dict[str, float]) -> tuple[list[Offer], list[float]]:
    """What can be bid on, and how often it comes up: every line item on every exchange."""
    currency = {advertiser.id: advertiser.currency for advertiser in snapshot.advertisers}
    owner = {campaign.id: currency[campaign.advertiser] for campaign in snapshot.campaigns}
    rates = {(rate.base, rate.quote): rate.per_unit for rate in snapshot.rates}
    found, weights = [], []
    for item in snapshot.line_items:
        for exchange in snapshot.exchanges:
            per_unit = rates.get((exchange.currency, owner[item.campaign]), RATE_UNIT)
            price = item.bid_cpm * RATE_UNIT // per_unit
            found.append((item.id, exchange.id, price, convert_up(price, per_unit)))
            weights.append(shares[item.key])
    return found, weights


async def bid(state: State, link: ControlLink, clock: Clock, rate: float, draw: random.Random, shares: str) -> None:
    """Bids for ever."""
    await state.ready.wait()
    assert state.view is not None
    found, weights = offers(state.view.snapshot, json.loads(shares))
    counter, owed, last = 0, 0.0, time.monotonic()
    while True:
        await asyncio.sleep(LOOK_S)
        now = time.monotonic()
        owed, last = min(owed + (now - last) * rate, MOST_OWED_S * rate), now
        link.leases.tick()
        lines = []
        for line_item, exchange, price, reserved in draw.choices(found, weights, k=int(owed)):
            lease = link.leases.take(line_item, reserved)
            if lease:
                counter += 1
                number = link.worker << 32 | counter
                lines.append(f"{number} {clock.now_ns()} {line_item} {exchange} {price} {lease}\n")
        owed -= int(owed)
        if lines:
            os.write(sys.stdout.fileno(), "".join(lines).encode())


async def main(base: str, data: str, rate: str, seed: str, shares: str) -> None:
    keys = load_keys(Path(data))
    leases = Leases()
    state = State(leases, base)
    answer = Answer(Sealer(keys.seal, keys.mac), lambda record: 0, base)
    link = ControlLink(base, state, Paces(leases), leases, answer)
    await asyncio.gather(link.run(), bid(state, link, from_env(), float(rate), random.Random(seed), shares))


if __name__ == "__main__":
    uvloop.run(main(*sys.argv[1:]))
