"""Win, billing, loss and impression notices."""

from collections.abc import Mapping

from aiohttp import web

from domain.clock import SECOND
from domain.events import PROOFS, Kind, Mark, Notice
from domain.token import Token
from openrtb.notices import read_loss_reason, read_millionths, read_price, read_time_ms
from trackers.desk import DESK, Desk, pixel
from trackers.prices import read_told


def read_notice(desk: Desk, token: Token, kind: Kind, query: Mapping[str, str]) -> Notice:
    """What a notice says, from its token and from the macros in its query; all marks but those that need memory."""
    received_ns = desk.clock.now_ns()
    marks = Mark.TEST if token.test else Mark(0)
    # A click comes when the person likes, and an ad plays as long as it does: only the others can be late.
    expired_ns = token.bid_ns + int(token.expiry_s * SECOND * desk.clock.speed)
    if kind not in (Kind.CLICK, Kind.EVENT) and received_ns > expired_ns:
        marks |= Mark.LATE
    price = 0
    if kind in PROOFS:
        price, price_marks, fault = read_told(desk.directory, token, query)
        marks |= price_marks
        if fault:
            desk.counts[fault] += 1
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
        multiplier=read_millionths(query.get("x")),
        imp_ms=read_time_ms(query.get("t")),
        mbr=read_millionths(query.get("mbr")),
        discount_share=read_millionths(query.get("dp"), 100),
        discount=read_price(query.get("dc")).cpm_micros,
        device=token.device,
        household=token.household,
        context=token.context,
    )


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
