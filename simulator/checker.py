"""The exchange's own check of a bid response: what an auction house refuses before it compares prices.

Written from OpenRTB 2.6 alone, beside Outbid's own protocol code and not on top of it, so that a mistake made there is
seen here. A refused bid carries the loss reason (list 5.25) that its loss notice will tell.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from decimal import Decimal
from enum import IntEnum
from typing import Any, TypeGuard

import msgspec

from simulator.media_checks import check_native, check_played
from simulator.offer import DealOffer, ImpOffer, Json, Offer
from simulator.pod_checks import pod_faults
from simulator.rule_checks import (
    asked,
    blocked_app,
    blocked_category,
    check_banner,
    disagreed,
    insecure,
    outside,
    overdue,
    wrong_language,
    wrong_size,
)

decode = msgspec.json.Decoder(float_hook=Decimal).decode

DOMAIN = re.compile(r"[^\s/:]+\.[^\s/:]+$")
FLOOR_SLACK = Decimal("0.98")
"""A floor in another currency than the bid's is judged with this slack: the two sides' daily rates differ a little."""


class Loss(IntEnum):
    """Loss reasons (list 5.25) that this exchange gives."""

    WON = 0
    INVALID_RESPONSE = 3
    INVALID_DEAL = 4
    INVALID_ADVERTISER = 6
    NO_MARKUP = 7
    NO_CREATIVE_ID = 8
    NO_PRICE = 9
    BELOW_FLOOR = 100
    BELOW_DEAL_FLOOR = 101
    OUTBID = 102
    LOST_TO_DEAL = 103
    SEAT_BLOCKED = 104
    SIZE = 203
    FORMAT = 204
    ADVERTISER = 205
    APP = 206
    NOT_SECURE = 207
    LANGUAGE = 208
    CATEGORY = 209
    ATTRIBUTE = 210
    NOT_IN_DEAL = 213


@dataclass(frozen=True)
class Bid:
    """One bid as the exchange holds it."""

    response_id: str
    """BidResponse.bidid, for ``${AUCTION_BID_ID}``"""
    id: str
    imp: str
    seat: str
    ad: str
    price: Decimal
    currency: str
    domains: tuple[str, ...]
    """``adomain``: where a click may lead."""
    deal: DealOffer | None
    kind: int
    """``mtype``: 1 banner, 2 video, 3 audio, 4 native."""
    markup: str
    nurl: str
    burl: str
    lurl: str
    refused: Loss
    """``WON`` while nothing speaks against it."""
    why: str
    floor: Decimal = Decimal(0)
    """The least that it had to be, in its currency."""
    group: int | None = None
    """Bids of one group are won together or not at all."""
    campaign: str = ""
    """``cid``"""
    creative: str = ""
    """``crid``"""
    size: tuple[int, int] = (0, 0)
    """``w`` and ``h``; (0, 0) where they are not told."""


@dataclass(frozen=True)
class Answer:
    """What a response amounts to: bids, or a no-bid, or something an exchange counts as an error (``fault``)."""

    bids: tuple[Bid, ...] = ()
    reason: int | None = None
    """``nbr`` of a no-bid, if told."""
    fault: str = ""


class _Refused(Exception):
    def __init__(self, loss: Loss, why: str) -> None:
        self.loss, self.why = loss, why


Rates = Mapping[tuple[str, str], Decimal]


class Checker:
    """Judges responses; ``rates[(base, quote)]`` is how many units of quote one unit of base is for this exchange."""

    def __init__(self, rates: Rates) -> None:
        self.rates = rates

    def read(self, status: int, body: bytes, offer: Offer) -> Answer:
        """Status and (unzipped) body of the response to ``offer``'s request."""
        if status == 204:
            return Answer(fault="a body with status 204") if body else Answer()
        if status != 200:
            return Answer(fault=f"status {status}")
        try:
            response = decode(body)
        except msgspec.DecodeError as error:
            return Answer(fault=f"not JSON: {error}")
        if not isinstance(response, dict):
            return Answer(fault="the response is no object")
        seats = response.get("seatbid", [])
        reason = response.get("nbr")
        if reason is not None and type(reason) is not int:
            return Answer(fault=f"nbr is {reason!r}")
        if not seats:
            return Answer(reason=reason)
        if response.get("id") != offer.id:
            return Answer(fault=f"the response's id is {response.get('id')!r}, the request's {offer.id!r}")
        pairs = [
            (place, seat, bid)
            for place, seat in enumerate(seats if isinstance(seats, list) else [])
            if isinstance(seat, dict) and isinstance(seat.get("bid"), list)
            for bid in seat["bid"]
            if isinstance(bid, dict)
        ]
        if not pairs:
            return Answer(fault="seatbid holds no bid")
        ids = [_string(bid.get("id")) for _, _, bid in pairs]
        if len(set(ids)) < len(ids):
            return Answer(fault=f"bid ids are not unique: {sorted(ids)}")
        in_pods = pod_faults([bid for _, _, bid in pairs], offer)
        bids = [
            self._bid(response, seat, bid, offer, place if seat.get("group") == 1 else None, in_pods.get(n, ""))
            for n, (place, seat, bid) in enumerate(pairs)
        ]
        return Answer(tuple(map(_with_its_group(bids), bids)))

    def _bid(
        self, response: dict[str, Any], seat: Json, bid: dict[str, Any], offer: Offer, group: int | None, in_pod: str
    ) -> Bid:
        currency = response.get("cur", "USD")
        imp = offer.imps.get(_string(bid.get("impid")))
        price = bid.get("price")
        deal = imp.deals.get(_string(bid.get("dealid"))) if imp else None
        refused, why, floor = Loss.WON, "", Decimal(0)
        try:
            self._whole(response, seat, bid, offer)
            if imp is None:
                raise _Refused(Loss.INVALID_RESPONSE, f"impid {bid.get('impid')!r} was not offered")
            floor = self._price(bid, currency, imp, deal)
            _markup(bid, imp)
            _blocks(bid, imp, offer)
            _deal_terms(seat, bid, deal, currency)
            if in_pod:
                raise _Refused(Loss.INVALID_RESPONSE, in_pod)
        except _Refused as refusal:
            refused, why = refusal.loss, refusal.why
        return Bid(
            response_id=_string(response.get("bidid")),
            id=_string(bid.get("id")),
            imp=_string(bid.get("impid")),
            seat=_string(seat.get("seat")),
            ad=_string(bid.get("adid")),
            price=Decimal(price) if _is_number(price) else Decimal(0),
            currency=_string(currency),
            domains=tuple(map(_string, bid["adomain"])) if isinstance(bid.get("adomain"), list) else (),
            deal=deal,
            kind=bid["mtype"] if type(bid.get("mtype")) is int else 1,
            markup=_string(bid.get("adm")),
            nurl=_string(bid.get("nurl")),
            burl=_string(bid.get("burl")),
            lurl=_string(bid.get("lurl")),
            refused=refused,
            why=why,
            floor=floor,
            group=group,
            campaign=_string(bid.get("cid")),
            creative=_string(bid.get("crid")),
            size=(bid["w"], bid["h"]) if type(bid.get("w")) is int and type(bid.get("h")) is int else (0, 0),
        )

    def _whole(self, response: dict[str, Any], seat: Json, bid: dict[str, Any], offer: Offer) -> None:
        if not _string(bid.get("id")):
            raise _Refused(Loss.INVALID_RESPONSE, f"bid.id is {bid.get('id')!r}")
        currency = response.get("cur", "USD")
        if currency not in offer.currencies:
            raise _Refused(Loss.INVALID_RESPONSE, f"cur is {currency!r}, not one of {sorted(offer.currencies)}")
        name = seat.get("seat", "")
        if name in offer.blocked_seats or (offer.allowed_seats and name not in offer.allowed_seats):
            raise _Refused(Loss.SEAT_BLOCKED, f"seat {name!r} may not bid")

    def _price(self, bid: dict[str, Any], currency: str, imp: ImpOffer, deal: DealOffer | None) -> Decimal:
        """The floor that the price is at or above."""
        price = bid.get("price")
        if not _is_number(price) or not price > 0:
            raise _Refused(Loss.NO_PRICE, f"price is {price!r}")
        if "dealid" in bid and deal is None:
            raise _Refused(Loss.INVALID_DEAL, f"dealid {bid['dealid']!r} was not offered")
        if imp.private and deal is None:
            raise _Refused(Loss.INVALID_DEAL, "a private auction takes bids on its deals only")
        floor = self._floor(*asked(bid, imp, deal), currency)
        if price < floor:
            loss = Loss.BELOW_DEAL_FLOOR if deal else Loss.BELOW_FLOOR
            raise _Refused(loss, f"price {price} is below the floor {floor} {currency}")
        return floor

    def _floor(self, floor: Decimal, floor_currency: str, currency: str) -> Decimal:
        """The least that a bid in ``currency`` may be."""
        if floor_currency == currency or not floor:
            return floor
        rate = self.rates.get((floor_currency, currency))
        if rate is None:
            raise _Refused(Loss.INVALID_RESPONSE, f"no rate to compare {currency} with a floor in {floor_currency}")
        return floor * rate * FLOOR_SLACK


def _with_its_group(bids: list[Bid]) -> Callable[[Bid], Bid]:
    """A group that has a refused bid, or two for one imp, is refused whole."""
    whys: dict[int, str] = {}
    seen: set[tuple[int, str]] = set()
    for bid in bids:
        if bid.group is None:
            continue
        if bid.refused:
            whys.setdefault(bid.group, f"bid {bid.id!r} of its group is refused: {bid.why}")
        if (bid.group, bid.imp) in seen:
            whys.setdefault(bid.group, f"its group has two bids for imp {bid.imp!r}")
        seen.add((bid.group, bid.imp))

    def judged(bid: Bid) -> Bid:
        if bid.group not in whys or bid.refused:
            return bid
        return replace(bid, refused=Loss.INVALID_RESPONSE, why=whys[bid.group])

    return judged


def _markup(bid: dict[str, Any], imp: ImpOffer) -> None:
    markup = _string(bid.get("adm"))
    if not markup:
        raise _Refused(Loss.NO_MARKUP, "adm is missing (this exchange takes no markup from nurl)")
    if not _string(bid.get("crid")):
        raise _Refused(Loss.NO_CREATIVE_ID, f"crid is {bid.get('crid')!r}")
    kind = bid.get("mtype", 1)
    if "mtype" not in bid and len(imp.types) > 1:
        raise _Refused(Loss.FORMAT, "mtype is missing, and several were offered")
    if kind not in imp.types:
        raise _Refused(Loss.FORMAT, f"mtype {kind!r} was not offered, only {sorted(imp.types)}")
    why = _unfit(kind, bid, imp, markup) or overdue(bid, imp)
    if why:
        raise _Refused(Loss.FORMAT, why)
    if imp.secure and (url := insecure(bid, markup)):
        raise _Refused(Loss.NOT_SECURE, f"secure=1, and the markup has {url!r}")


def _unfit(kind: int, bid: dict[str, Any], imp: ImpOffer, markup: str) -> str:
    if kind == 1:
        if why := wrong_size(bid, imp):
            raise _Refused(Loss.SIZE, why)
        return check_banner(imp.offered[1], markup)
    return check_native(imp.offered[4], markup) if kind == 4 else check_played(bid, imp.offered[kind], markup)


def _blocks(bid: dict[str, Any], imp: ImpOffer, offer: Offer) -> None:
    domains, categories, attributes = bid.get("adomain"), bid.get("cat", []), bid.get("attr", [])
    if not isinstance(domains, list) or not domains or not all(isinstance(d, str) and DOMAIN.match(d) for d in domains):
        raise _Refused(Loss.INVALID_ADVERTISER, f"adomain is {domains!r}")
    for domain in domains:
        parts = domain.lower().split(".")
        if any(".".join(parts[i:]) in offer.blocked_domains for i in range(len(parts))):
            raise _Refused(Loss.ADVERTISER, f"adomain {domain!r} is blocked")
    if not isinstance(categories, list) or not all(isinstance(c, str) for c in categories):
        raise _Refused(Loss.INVALID_RESPONSE, f"cat is {categories!r}")
    category = blocked_category(categories, bid.get("cattax", 1), offer)
    for loss, why in (
        (Loss.CATEGORY, category),
        (Loss.APP, blocked_app(bid, offer)),
        (Loss.LANGUAGE, wrong_language(bid, offer)),
    ):
        if why:
            raise _Refused(loss, why)
    if not isinstance(attributes, list) or not all(type(a) is int for a in attributes):
        raise _Refused(Loss.INVALID_RESPONSE, f"attr is {attributes!r}")
    blocked = imp.blocked_attributes[bid.get("mtype", 1)].intersection(attributes)
    if blocked:
        raise _Refused(Loss.ATTRIBUTE, f"attr {sorted(blocked)} is blocked")


def _deal_terms(seat: Json, bid: dict[str, Any], deal: DealOffer | None, currency: str) -> None:
    if deal is None:
        return
    if disagreed(bid, deal, currency):
        raise _Refused(Loss.INVALID_DEAL, f"price {bid['price']} is not the agreed one, {deal.floor} {currency}")
    if why := outside(deal, seat.get("seat"), bid["adomain"]):
        raise _Refused(Loss.NOT_IN_DEAL, why)


def _string(value: Any) -> str:
    return value if isinstance(value, str) else ""


def _is_number(value: object) -> TypeGuard[int | Decimal]:
    return type(value) is int or isinstance(value, Decimal)
