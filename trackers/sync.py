"""Cookie sync: an exchange's id of a browser and ours become ids of one person.

``/sync/EXCHANGE?uid=…`` is called by the exchange with its id, ``/match/EXCHANGE`` sends the browser to the exchange
with ours, and ``/sync`` is a page of images that does so with all exchanges, for advertisers' pages. ``/identify``
joins the cookie with who logged in there, on pages of the advertiser's domain (`trackers.visitors`). Nothing is joined,
set or sent where the request's signals forbid it; the browser goes on as it would.

A browser that brings no cookie is given one and sent to the same address once more: one that keeps no cookies would
otherwise become another person with each call. Redirects lead to addresses that are declared in the exchange's
``user_sync``, and nowhere else.
"""

import html
import re
from collections.abc import Mapping
from urllib.parse import quote, urlencode

from aiohttp import web

from domain.exchange import Exchange
from domain.naming import person_key
from targeting.identity_keys import parse_person
from targeting.redis_address import Away
from trackers.consent import passed_on
from trackers.conversions import find_advertiser
from trackers.cookies import allowed, value_of, welcome
from trackers.desk import DESK, NO_STORE, pixel, wrong
from trackers.joins import JOINS
from trackers.visitors import is_on_page_of

BOUNCED = "bounced"
"""Added to the query of a browser that is sent back to see whether it kept our cookie."""
RAW = ("email", "phone", "mail", "tel")
KINDS = {"email_sha256": "email_sha256", "phone_sha256": "phone_sha256", "id": "first_party"}
"""Parameters of ``/identify``, and the kinds of ids that they are."""
PAGE_HEADERS = {**NO_STORE, "Content-Security-Policy": "default-src 'none'; img-src *"}
_MACRO = re.compile(r"\$\{([A-Z_]+)\}")
_PLACEHOLDER = re.compile(r"[${}\[\]%]|^<|^(undefined|null|none|nil|0|-1)$", re.IGNORECASE)
"""In what is no id, but a macro that nobody replaced, or says that there is none."""


async def sync(request: web.Request) -> web.Response:
    """The exchange has sent the browser with its id."""
    exchange = _exchange(request)
    uid = request.query.get("uid", "")
    if not uid or _PLACEHOLDER.search(uid):
        raise wrong("uid", uid[:80] or None, "it must be the exchange's id of the browser")
    other = _key("uid", f"{exchange.user_sync.uid}:{exchange.key}:{uid}")
    if (back := _bounce(request)) is not None:
        return back
    if value := _known(request):
        await _join(request, person_key("cookie", value), other, "sync")
    return _redirect(exchange.user_sync.answer, value, request.query) if exchange.user_sync.answer else pixel()


async def match(request: web.Request) -> web.Response:
    """The browser is sent to the exchange with our id, which comes back in bid requests as ``user.buyeruid``."""
    exchange = _exchange(request)
    if not exchange.user_sync.match:
        raise web.HTTPNotFound(text=f"exchange {exchange.key!r} takes no ids of ours: its user_sync has no match\n")
    if (back := _bounce(request)) is not None:
        return back
    value = _known(request)
    if not value:
        return pixel()
    await _join(request, person_key("cookie", value), person_key("buyeruid", value, exchange.key), "sync")
    return _redirect(exchange.user_sync.match, value, request.query)


async def sync_all(request: web.Request) -> web.Response:
    """A page without scripts, for an invisible frame: an image for each exchange that takes our id."""
    if (back := _bounce(request)) is not None:
        return back
    images = ""
    if _known(request):
        signals = urlencode(passed_on(request.query))
        for key in sorted(e.key for e in request.app[DESK].directory.exchanges() if e.user_sync.match):
            address = f"match/{key}{'?' if signals else ''}{signals}"
            images += f'<img src="{html.escape(address)}" width="1" height="1" alt="">\n'
    page = f"<!doctype html>\n<title>sync</title>\n{images}"
    return web.Response(text=page, content_type="text/html", headers=PAGE_HEADERS)


async def identify(request: web.Request) -> web.Response:
    """A log-in on an advertiser's page: who it is by the hash of an address or number, or the advertiser's own id."""
    desk, query = request.app[DESK], request.query
    for name in RAW:
        if name in query:
            raise wrong(name, "…", "addresses and numbers are not taken: send email_sha256 or phone_sha256")
    advertiser = find_advertiser(desk, query.get("advertiser", ""))
    told = {name: text for name in KINDS if (text := query.get(name))}
    if not told:
        raise wrong("query", None, f"it must have {', '.join(KINDS)}, one at least")
    keys = []
    for name, text in told.items():
        owner = f"{advertiser.key}:" if name == "id" else ""
        keys.append(_key(name, f"{KINDS[name]}:{owner}{text}", shown="…"))
    if (back := _bounce(request)) is not None:
        return back
    if (value := _known(request)) and is_on_page_of(request, advertiser):
        for key in keys:
            await _join(request, person_key("cookie", value), key, "login")
    return pixel()


def _exchange(request: web.Request) -> Exchange:
    desk, key = request.app[DESK], request.match_info["exchange"]
    for exchange in desk.directory.exchanges():
        if exchange.key == key:
            return exchange
    if not desk.directory.version:
        raise web.HTTPServiceUnavailable(text="no exchanges are known yet; try again\n")
    raise web.HTTPNotFound(text=f"there is no exchange {key!r}\n")


def _key(name: str, person: str, shown: str = "") -> int:
    """Raises Refused, without what may be somebody's address."""
    try:
        return parse_person(person)
    except ValueError as error:
        raise wrong(name, shown or person.partition(":")[2][:80], str(error)) from None


def _known(request: web.Request) -> str:
    """The browser's id, if it has one and may be recognised by it; else empty."""
    return value_of(request) if allowed(request) else ""


def _bounce(request: web.Request) -> web.Response | None:
    """Sends a browser that may be known, and brought no cookie, here again with one; None: there is no need to."""
    if not allowed(request) or value_of(request) or BOUNCED in request.query:
        return None
    again = request.rel_url.update_query({BOUNCED: "1"}).raw_query_string
    response = web.Response(status=302, headers={**NO_STORE, "Location": f"?{again}"})
    welcome(request, response)
    return response


def _redirect(url: str, value: str, query: Mapping[str, str]) -> web.Response:
    """To a declared URL, with our id and the signals that came in place of its macros."""
    told = {"UID": value, **{name.upper(): text for name, text in passed_on(query).items()}}
    location = _MACRO.sub(lambda macro: quote(told.get(macro[1], ""), safe=""), url)
    return web.Response(status=302, headers={**NO_STORE, "Location": location})


async def _join(request: web.Request, cookie: int, other: int, source: str) -> None:
    desk = request.app[DESK]
    try:
        outcome = await request.app[JOINS].join(cookie, other, source, desk.clock.now_ns())
    except Away:  # the next time will do
        outcome = "unwritten"
    desk.counts[f"join.{outcome}"] += 1
