"""Win, billing, loss and impression notices."""

from collections.abc import Mapping

from aiohttp import web

from domain.clock import SECOND
from domain.events import Kind, Mark, Notice
from domain.token import Token
from openrtb.notices import PriceKind, read_currency, read_loss_reason, read_price
from trackers.desk import DESK, Desk, pixel

PRICED = frozenset({Kind.WIN, Kind.BILLING, Kind.IMPRESSION})
"""Kinds whose URL carries a price macro."""


def read_notice(desk: Desk, token: Token, kind: Kind, query: Mapping[str, str]) -> Notice:
    """What a notice says, from its token and from the macros in its query; all marks but those that need memory."""
    received_ns = desk.clock.now_ns()
    marks = Mark.TEST if token.test else Mark(0)
    # A click comes when the person likes; only the exchange's own notices can be late.
    if kind is not Kind.CLICK and received_ns > token.bid_ns + int(token.expiry_s * SECOND * desk.clock.speed):
        marks |= Mark.LATE
    price = 0
    if kind in PRICED:
        price, price_marks = _price(desk, token, query)
        marks |= price_marks
    return Notice(
        kind=kind,
        received_ns=received_ns,
        marks=int(marks),
        bid=token.bid,
        imp=token.imp,
        bid_ns=token.bid_ns,
        exchange=token.exchange,
        advertiser=token.advertiser,
        campaign=token.campaign,
        line_item=token.line_item,
        creative=token.creative,
        deal=token.deal,
        site=token.site,
        person=token.person,
        lease=token.lease,
        rate=token.rate,
        max_price=token.max_price,
        basis=token.basis,
        price=price,
        loss_reason=read_loss_reason(query.get("r")),
        min_to_win=read_price(query.get("m")).cpm_micros,
        terms=token.terms,
    )


def _price(desk: Desk, token: Token, query: Mapping[str, str]) -> tuple[int, Mark]:
    told = read_price(query.get("p"))
    if told.kind is PriceKind.AUDIT:
        return 0, Mark.AUDIT
    currency, ours = read_currency(query.get("c")), desk.directory.currency(token.exchange)
    if told.kind is PriceKind.NONE or (currency and ours and currency != ours):
        return 0, Mark.NO_PRICE  # a price in a currency that was not bid in is none
    if told.cpm_micros > token.max_price:
        return token.max_price, Mark.CAPPED
    return told.cpm_micros, Mark(0)


async def _record(request: web.Request, kind: Kind) -> None:
    desk = request.app[DESK]
    token = desk.open(request, kind)
    await desk.record_notice(read_notice(desk, token, kind, request.query))


async def win(request: web.Request) -> web.Response:
    """``nurl``"""
    await _record(request, Kind.WIN)
    return web.Response(status=204)


async def billing(request: web.Request) -> web.Response:
    """``burl``"""
    await _record(request, Kind.BILLING)
    return web.Response(status=204)


async def loss(request: web.Request) -> web.Response:
    """``lurl``"""
    await _record(request, Kind.LOSS)
    return web.Response(status=204)


async def impression(request: web.Request) -> web.Response:
    """The pixel in the markup."""
    await _record(request, Kind.IMPRESSION)
    return pixel()
