"""Google Authorized Buyers in its OpenRTB JSON form, where settings do not say it: its extensions of imp and bid.

https://developers.google.com/authorized-buyers/rtb/response-guide: the request names the billing ids of all buyers whom
it is open to (``imp.ext.billing_id``), and a bid must say which of them it is for; ``imp.ext.excluded_creatives`` are
those that the publisher has blocked.
"""

from collections.abc import Iterator, Mapping
from typing import Any

import msgspec

from domain.exchange import Exchange
from openrtb.adapters.adapter import Adapter, Fault, Offer


class _Excluded(msgspec.Struct):
    buyer_creative_id: str = ""


class _ImpExt(msgspec.Struct):
    billing_id: list[int | str] | int | str = msgspec.field(default_factory=list)
    excluded_creatives: list[_Excluded] = msgspec.field(default_factory=list)


class _Imp(msgspec.Struct):
    ext: _ImpExt | None = None


class _Request(msgspec.Struct):
    imp: list[_Imp]


_decode = msgspec.json.Decoder(_Request, strict=False).decode
NOTHING_SAID = Offer()


class GoogleAdapter(Adapter):
    narrows = True

    def faults(self, exchange: Exchange) -> Iterator[Fault]:
        yield from super().faults(exchange)
        if exchange.billing_id and not (exchange.billing_id.isascii() and exchange.billing_id.isdigit()):
            yield Fault("billing_id", exchange.billing_id, "it must be digits: a billing id of Authorized Buyers")

    def bid_ext(self, exchange: Exchange) -> Mapping[str, Any]:
        """``billing_id`` names the buyer that the bid is for."""
        return {**exchange.bid_ext, **({"billing_id": [exchange.billing_id]} if exchange.billing_id else {})}

    def offers(self, body: bytes, exchange: Exchange) -> list[Offer]:
        """Extensions that cannot be read say nothing; an imp that names billing ids is open to those alone."""
        try:
            request = _decode(body)
        except (msgspec.MsgspecError, RecursionError):
            return []
        return [_offer(imp.ext, exchange.billing_id) for imp in request.imp]


def _offer(ext: _ImpExt | None, ours: str) -> Offer:
    if ext is None:
        return NOTHING_SAID
    named = ext.billing_id if isinstance(ext.billing_id, list) else [ext.billing_id]
    open_to_us = not ours or not named or ours in map(str, named)
    return Offer(open_to_us, frozenset(one.buyer_creative_id for one in ext.excluded_creatives))
