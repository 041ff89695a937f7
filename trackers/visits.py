"""Visits: a pixel on the pages of an advertiser says who was there. Rules of audiences are made of them.

Whose visit it is says the click that brought the person (``obclid``; if nobody was to be known then, nobody is now),
else our cookie in the browser (`trackers.visitors`): both only where the request's own signals allow to know. Nobody
has to be known: then the visit is only a number.
"""

from urllib.parse import urlsplit

from aiohttp import web

from domain.events import Mark, Visit
from trackers.conversions import find_advertiser, find_click
from trackers.cookies import welcome
from trackers.desk import DESK, pixel, wrong
from trackers.visitors import visitor

MOST_PAGE, MOST_URL = 128, 512


async def visit(request: web.Request) -> web.Response:
    """The pixel: ``advertiser``, ``page`` (the advertiser's name for it), and perhaps ``url`` and ``obclid``."""
    desk, query = request.app[DESK], request.query
    advertiser = find_advertiser(desk, query.get("advertiser", ""))
    page, url = _page(query.get("page", "")), _address(query.get("url", ""))
    click = find_click(desk, advertiser, query.get("obclid"))
    response = pixel()
    welcome(request, response)
    await desk.record_visit(
        Visit(
            received_ns=desk.clock.now_ns(),
            marks=click.marks & (Mark.TEST | Mark.AUDIT) if click else 0,
            advertiser=advertiser.id,
            page=page,
            url=url,
            bid=click.bid if click else 0,
            person=visitor(request, advertiser, click),
        )
    )
    return response


def _page(text: str) -> str:
    if not 0 < len(text) <= MOST_PAGE or not text.isprintable() or " " in text:
        allowed = f"it must be your name for the page, 1 to {MOST_PAGE} printable characters without spaces"
        raise wrong("page", text[: MOST_PAGE + 1] or None, allowed)
    return text


def _address(text: str) -> str:
    """Host (in lower case) and path. The query and the fragment are not kept: there may be a person's data in them."""
    if not text:
        return ""
    try:
        parts = urlsplit(text)
        host = parts.hostname or ""
    except ValueError:
        host = ""
    if not host or parts.scheme not in ("http", "https") or not text.isprintable():
        raise wrong("url", text[:80], "it must be the page's address, http:// or https://, percent-encoded")
    return f"{host}{parts.path}"[:MOST_URL]
