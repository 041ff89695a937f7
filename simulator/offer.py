"""What a bid request offers, as the exchange that sent it understands its own words.

Requests from files may be sloppy (numbers as text, a single value where a list belongs), so every field is read
leniently; a field that makes no sense is taken as absent. Money is `Decimal` CPM.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal, InvalidOperation
from typing import Any

import msgspec

Json = Mapping[str, Any]

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
    deals: dict[str, DealOffer] = field(default_factory=dict)

    def takes_several(self, kind: int) -> bool:
        """Is it a dynamic pod, or that part of one (7.6), for ads of this type?"""
        offered = self.offered.get(kind, {})
        return kind in (2, 3) and _int(offered.get("poddur")) > 0 and _int(offered.get("maxseq")) != 1


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
    blocked_domains: frozenset[str]
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
    imps = (_imp(item) for item in _list(request.get("imp")) if isinstance(item, Mapping))
    return Offer(
        id=_text(request.get("id")),
        imps={imp.id: imp for imp in imps},
        auction_type=_int(request.get("at"), auction_type),
        currencies=frozenset({currency}).intersection(map(str.upper, _texts(request.get("cur")) or [currency])),
        test=_int(request.get("test")) == 1,
        tmax_ms=_int(request.get("tmax")),
        blocked_categories=frozenset(text.upper() for text in _texts(request.get("bcat"))),
        blocked_domains=frozenset(text.lower() for text in _texts(request.get("badv"))),
        allowed_seats=frozenset(_texts(request.get("wseat"))),
        blocked_seats=frozenset(_texts(request.get("bseat"))),
        taxonomy=_int(request.get("cattax"), 1),
        blocked_apps=frozenset(text.lower() for text in _texts(request.get("bapp"))),
        languages=frozenset(text.lower() for name in ("wlang", "wlangb") for text in _texts(request.get(name))),
        regional_languages=frozenset(text.lower() for text in _texts(request.get("wlangb"))),
    )


def _imp(imp: Json) -> ImpOffer:
    named = ((code, imp.get(name)) for code, name in enumerate(("banner", "video", "audio", "native"), 1))
    offered = {code: _object(one) for code, one in named if one is not None}
    banner = offered.get(1, {})
    pmp = _object(imp.get("pmp"))
    formats = [_object(item) for item in _list(banner.get("format"))] + [banner]
    deals = (_deal(item) for item in _list(pmp.get("deals")) if isinstance(item, Mapping))
    return ImpOffer(
        id=_text(imp.get("id")),
        floor=_decimal(imp.get("bidfloor")),
        currency=_text(imp.get("bidfloorcur")).upper() or "USD",
        types=frozenset(offered),
        sizes=_pairs(formats, "w", "h"),
        ratios=_pairs(formats, "wratio", "hratio"),
        offered=offered,
        blocked_attributes={
            code: frozenset(_int(item, -1) for item in _list(one.get("battr"))) for code, one in offered.items()
        },
        secure=_int(imp.get("secure")) == 1,
        private=_int(pmp.get("private_auction")) == 1,
        position=_int(banner.get("pos")),
        deals={deal.id: deal for deal in deals},
    )


def _deal(deal: Json) -> DealOffer:
    return DealOffer(
        id=_text(deal.get("id")),
        floor=_decimal(deal.get("bidfloor")),
        currency=_text(deal.get("bidfloorcur")).upper() or "USD",
        at=_int(deal.get("at")),
        seats=frozenset(_texts(deal.get("wseat"))),
        domains=frozenset(text.lower() for text in _texts(deal.get("wadomain"))),
        sent=deal,
    )


def _pairs(objects: list[Json], first: str, second: str) -> frozenset[tuple[int, int]]:
    pairs = ((_int(item.get(first)), _int(item.get(second))) for item in objects)
    return frozenset(pair for pair in pairs if pair[0] > 0 and pair[1] > 0)


def _object(value: Any) -> Json:
    return value if isinstance(value, Mapping) else {}


def _list(value: Any) -> list[Any]:
    if value is None:
        return []
    return value if isinstance(value, list) else [value]


def _text(value: Any) -> str:
    return value if isinstance(value, str) else "" if value is None or isinstance(value, dict | list) else str(value)


def _texts(value: Any) -> list[str]:
    return [text for text in map(_text, _list(value)) if text]


def _decimal(value: Any) -> Decimal:
    try:
        number = Decimal(str(value))
    except InvalidOperation:
        return Decimal(0)
    return number if number.is_finite() and number > 0 else Decimal(0)


def _int(value: Any, default: int = 0) -> int:
    try:
        return int(Decimal(str(value if not isinstance(value, bool) else int(value))))
    except (InvalidOperation, ValueError, OverflowError):
        return default
