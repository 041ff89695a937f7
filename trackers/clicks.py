"""Clicks: recorded, then redirected to the landing page that was sealed in, and to nowhere else."""

from urllib.parse import quote

from aiohttp import web

from domain.events import Kind
from trackers.click_ids import PARAMETER
from trackers.desk import DESK, NO_STORE, pixel, wrong
from trackers.notices import read_notice

URL_CHARACTERS = "%:/?#[]@!$&'()*+,;=~"
"""What stays as it is in a Location header; anything else but letters, digits and ``-._`` is percent-encoded."""


async def click(request: web.Request) -> web.Response:
    """The ad's link. The token is bound to the landing URL ``u``, so an altered one is refused as forged."""
    desk = request.app[DESK]
    landing = request.query.get("u")
    if not landing:
        raise wrong("u", landing, "it must be the landing URL, percent-encoded")
    token = desk.open(request, Kind.CLICK, landing.encode("utf-8", "replace"))
    await desk.record_notice(read_notice(desk, token, Kind.CLICK, {}))
    location = with_click_id(landing, desk.click_ids.make(token.bid, token.imp))
    return web.Response(status=302, headers={**NO_STORE, "Location": location})


async def clicked(request: web.Request) -> web.Response:
    """A report of a click that leads elsewhere by itself, as players send it of third parties' ads."""
    desk = request.app[DESK]
    token = desk.open(request, Kind.CLICK)
    await desk.record_notice(read_notice(desk, token, Kind.CLICK, {}))
    return pixel()


def with_click_id(landing: str, click_id: str) -> str:
    """The landing URL with ``obclid`` added to its query, otherwise as the advertiser wrote it."""
    address, mark, fragment = landing.partition("#")
    joint = "&" if "?" in address else "?"
    return quote(f"{address}{joint}{PARAMETER}={click_id}{mark}{fragment}", safe=URL_CHARACTERS)
