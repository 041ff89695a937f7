"""What a bid request offers, as the exchange that sent it understands its own words.

Requests from files may be sloppy (numbers as text, a single value where a list belongs), so every field is read
leniently; a field that makes no sense is taken as absent. Money is `Decimal` CPM.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any
from urllib.parse import urlsplit

import msgspec

from simulator.sloppy import integer, integers, listed, money, name_of, object_of, text_of, texts, whole

Json = Mapping[str, Any]

URL = re.compile(r"([a-z][a-z0-9+.-]*:)?//", re.IGNORECASE)

encode_request = msgspec.json.Encoder(decimal_format="number").encode
"""A request as the exchange sends it; money is written as a JSON number, digit for digit."""


@dataclass(frozen=True)
class DealOffer:
    id: str
    floor: Decimal
    currency: str
    at: int
    seats: frozenset[str]
    domains: frozenset[str]
    sent: Json
    """The deal, as it was sent."""


@dataclass(frozen=True)
class ImpOffer:
    """One impression for sale."""

    id: str
    floor: Decimal
    currency: str
    types: frozenset[int]
    """Markup types offered, as in ``bid.mtype``: 1 banner, 2 video, 3 audio, 4 native."""
    sizes: frozenset[tuple[int, int]]
    """Banner sizes; empty if the request names none, then any will do."""
    ratios: frozenset[tuple[int, int]]
    """Flexible sizes: width to height."""
    offered: Mapping[int, Json]
    """What is offered of each type, as it was sent."""
    blocked_attributes: Mapping[int, frozenset[int]]
    """By type."""
    secure: bool
    private: bool
    """Only bids on deals are taken."""
    position: int
    """List 5.4; 0 unknown, 1 above the fold."""
    expires_s: int | None
    """``exp``: how long after the auction a bid may be billed."""
    deals: dict[str, DealOffer] = field(default_factory=dict)

    def takes_several(self, kind: int) -> bool:
        """Is it a dynamic pod, or that part of one (7.6), for ads of this type?"""
        offered = self.offered.get(kind, {})
        return kind in (2, 3) and integer(offered.get("poddur")) > 0 and integer(offered.get("maxseq")) != 1


@dataclass(frozen=True)
class Offer:
    """The whole request."""

    id: str
    imps: dict[str, ImpOffer]
    auction_type: int
    currencies: frozenset[str]
    """What bids may come in: the exchange's own currency, as it is paid in no other, unless the request forbids it."""
    test: bool
    tmax_ms: int
    """The answer must be there by then; 0: not said."""
    blocked_categories: frozenset[str]
    """Upper case; a category blocks its sub-categories."""
    allowed_categories: frozenset[str]
    """As the blocked ones; empty: any."""
    blocked_domains: frozenset[str]
    """Lower case. Many exchanges list URLs; then it is the host that is meant."""
    allowed_seats: frozenset[str]
    blocked_seats: frozenset[str]
    taxonomy: int
    """What ``blocked_categories`` are in (list "Category Taxonomies")."""
    blocked_apps: frozenset[str]
    languages: frozenset[str]
    """That ads may be in, lower case: ``wlang`` and ``wlangb``; empty: any."""
    regional_languages: frozenset[str]
    """Those of ``wlangb``."""


def read_offer(request: Json, *, currency: str, auction_type: int) -> Offer:
    """``currency`` and ``auction_type`` are the exchange's own, for requests that do not say."""
    imps = (_imp(item) for item in map(object_of, listed(request.get("imp"))) if item)
    return Offer(
        id=name_of(request.get("id")),
        imps={imp.id: imp for imp in imps},
        auction_type=integer(request.get("at"), auction_type),
        currencies=frozenset({currency}).intersection(map(str.upper, texts(request.get("cur")) or [currency])),
        test=integer(request.get("test")) == 1,
        tmax_ms=integer(request.get("tmax")),
        blocked_categories=frozenset(text.upper() for text in texts(request.get("bcat"))),
        allowed_categories=frozenset(text.upper() for text in texts(request.get("acat"))),
        blocked_domains=frozenset(_domain(text) for text in texts(request.get("badv"))),
        allowed_seats=frozenset(texts(request.get("wseat"))),
        blocked_seats=frozenset(texts(request.get("bseat"))),
        taxonomy=integer(request.get("cattax"), 1),
        blocked_apps=frozenset(text.lower() for text in texts(request.get("bapp"))),
        languages=frozenset(text.lower() for name in ("wlang", "wlangb") for text in texts(request.get(name))),
        regional_languages=frozenset(text.lower() for text in texts(request.get("wlangb"))),
    )


def _imp(imp: Json) -> ImpOffer:
    named = ((code, imp.get(name)) for code, name in enumerate(("banner", "video", "audio", "native"), 1))
    offered = {code: object_of(one) for code, one in named if isinstance(one, Mapping) or object_of(one)}
    banner = offered.get(1, {})
    pmp = object_of(imp.get("pmp"))
    formats = [object_of(item) for item in listed(banner.get("format"))] + [banner]
    deals = (_deal(item) for item in map(object_of, listed(pmp.get("deals"))) if item)
    return ImpOffer(
        id=name_of(imp.get("id")),
        floor=money(imp.get("bidfloor")),
        currency=text_of(imp.get("bidfloorcur")).upper() or "USD",
        types=frozenset(offered),
        sizes=_pairs(formats, "w", "h"),
        ratios=_pairs(formats, "wratio", "hratio"),
        offered=offered,
        blocked_attributes={code: frozenset(integers(one.get("battr"))) for code, one in offered.items()},
        secure=integer(imp.get("secure")) == 1,
        private=integer(pmp.get("private_auction")) == 1,
        position=integer(banner.get("pos")),
        expires_s=whole(imp.get("exp")),
        deals={deal.id: deal for deal in deals if deal.id},
    )


def _domain(text: str) -> str:
    text = text.strip()
    try:
        host = urlsplit(text if URL.match(text) else f"//{text}").hostname
    except ValueError:
        return text.lower()
    return (host or "").removeprefix("*").strip(".")


def _deal(deal: Json) -> DealOffer:
    return DealOffer(
        id=name_of(deal.get("id")),
        floor=money(deal.get("bidfloor")),
        currency=text_of(deal.get("bidfloorcur")).upper() or "USD",
        at=integer(deal.get("at")),
        seats=frozenset(texts(deal.get("wseat"))),
        domains=frozenset(_domain(text) for text in texts(deal.get("wadomain"))),
        sent=deal,
    )


def _pairs(objects: list[Json], first: str, second: str) -> frozenset[tuple[int, int]]:
    pairs = ((integer(item.get(first)), integer(item.get(second))) for item in objects)
    return frozenset(pair for pair in pairs if pair[0] > 0 and pair[1] > 0)
