"""The auction house: takes the bids of one response, and says who won at what price and why the others lost.

The rest of the market is one number for each impression, the best price that anyone else bids (CPM, the seller's
currency). A bid wins when it is at least that. All arithmetic is in `Decimal`; a price that is charged is a whole
number of CPM micros, so that an impression costs a whole number of nanos.
"""

from dataclasses import dataclass
from decimal import ROUND_DOWN, ROUND_HALF_EVEN, Decimal
from typing import Any

from simulator.checker import Answer, Bid, Loss
from simulator.config import Seller
from simulator.offer import ImpOffer, Offer, read_offer
from simulator.population import Person

MICRO = Decimal("0.000001")


@dataclass(frozen=True)
class Auction:
    """One request that an exchange is about to send, and what it knows beside it."""

    seller: Seller
    body: bytes
    request: dict[str, Any]
    """``body``, decoded; empty if it is no JSON object."""
    market: Decimal
    """Best price of the other bidders, CPM in the seller's currency."""
    person: Person | None = None
    """Who looks at the page; None: nobody of whom the simulator knows more."""
    clicks: bool | None = None
    """What the person does if shown the ad; None: drawn by chance."""
    gzip: bool = False

    def offer(self) -> Offer:
        return read_offer(self.request, currency=self.seller.currency, auction_type=self.seller.auction_type)


@dataclass(frozen=True)
class Won:
    bid: Bid
    imp: ImpOffer
    cpm: Decimal
    """What an impression costs, times a thousand; a whole number of micros."""

    @property
    def nanos(self) -> int:
        """Price of the impression."""
        return int(self.cpm * 1_000_000)


@dataclass(frozen=True)
class Lost:
    bid: Bid
    reason: Loss
    min_to_win: Decimal | None
    """CPM that would have won, where a price was the reason."""


@dataclass(frozen=True)
class Outcome:
    won: tuple[Won, ...]
    lost: tuple[Lost, ...]


def settle(answer: Answer, offer: Offer, market: Decimal) -> Outcome:
    """Deals come first, as exchanges promise them to; then the open bids meet the market. One winner an impression,
    but in a dynamic pod, where each bid is for a place of its own.

    A group that does not win all its impressions loses all of them, and the others are settled without it.
    """
    won: list[Won] = []
    lost = [Lost(bid, bid.refused, None) for bid in answer.bids if bid.refused]
    for imp in offer.imps.values():
        bids = sorted(
            (bid for bid in answer.bids if bid.imp == imp.id and not bid.refused),
            key=lambda bid: (bid.deal is not None, bid.price),
            reverse=True,
        )
        if not bids:
            continue
        best = bids[0]
        if imp.takes_several(best.kind):
            together = [bid for bid in bids if bid.kind == best.kind]
            prices = [(bid, clearing_price(bid, offer, market)) for bid in together]
            won += [Won(bid, imp, price) for bid, price in prices if price is not None]
            lost += [Lost(bid, Loss.OUTBID, market) for bid, price in prices if price is None]
            lost += [Lost(bid, Loss.OUTBID, max(market, best.price)) for bid in bids if bid.kind != best.kind]
            continue
        price = clearing_price(best, offer, market)
        if price is not None:
            won.append(Won(best, imp, price))
        for bid in bids[1:] if price is not None else bids:
            if price is not None and best.deal is not None and bid.deal is None:
                lost.append(Lost(bid, Loss.LOST_TO_DEAL, None))
            else:
                lost.append(Lost(bid, Loss.OUTBID, max(market, best.price if price is not None else market)))
    broken = {one.bid.group for one in lost if not one.bid.refused} - {None}
    if broken:
        split = [bid for bid in answer.bids if bid.group in broken and not bid.refused]
        rest = settle(Answer(tuple(bid for bid in answer.bids if bid not in split)), offer, market)
        return Outcome(rest.won, (*rest.lost, *(Lost(bid, Loss.OUTBID, max(market, bid.price)) for bid in split)))
    return Outcome(tuple(won), tuple(lost))


def clearing_price(bid: Bid, offer: Offer, market: Decimal) -> Decimal | None:
    """CPM that the winner pays, None if the market bids more.

    First price: the bid, without what is below a micro. Second price: the market's, at least the floor, never above the
    bid. A deal meets no market: fixed price or second price is its floor, first price the bid.
    """
    if bid.deal is not None:
        at = bid.deal.at or offer.auction_type
        clearing = bid.price if at == 1 else bid.floor
    elif bid.price < market:
        return None
    else:
        clearing = bid.price if offer.auction_type == 1 else max(market, bid.floor)
    price = clearing.quantize(MICRO, ROUND_HALF_EVEN)
    return price if price <= bid.price else bid.price.quantize(MICRO, ROUND_DOWN)
