"""Our cookie in a browser, on the tracker's domain: a random id of 128 bits, which says nothing by itself.

It makes the person ``cookie:VALUE``, whom cookie sync, log-ins and visits of advertisers' pages are about. It is set
only where the request's signals allow it (`trackers.consent`), and never in a browser that opted out: there the cookie
is taken away and another, the same for all, says so.

Over HTTPS the names have the prefix ``__Host-`` (RFC 6265bis, 4.1.3.2: from this host, for this host alone), and the
attributes that a cookie needs on other sites' pages: ``Secure; HttpOnly; SameSite=None``. Over plain HTTP (development)
browsers would refuse these, so it is ``SameSite=Lax`` there.
"""

import re
import secrets
from dataclasses import dataclass

from aiohttp import web

from domain.naming import person_key
from trackers.consent import Consents

ID, OPT_OUT = "outbid", "outbid-optout"
DAY_S = 86_400
MOST_DAYS = 400
"""Browsers keep a cookie no longer (RFC 6265bis, 5.5)."""
_VALUE = re.compile(r"[A-Za-z0-9_-]{22}")


@dataclass(frozen=True)
class Cookies:
    """How cookies are written. ``partitioned``: each site that embeds us has a cookie of its own (CHIPS), which
    browsers keep that block cookies of third parties; exchanges then know the browser by another id on every site.
    """

    consents: Consents
    secure: bool = True
    partitioned: bool = False
    days: int = 390

    def name(self, plain: str) -> str:
        return f"__Host-{plain}" if self.secure else plain

    def header(self, plain: str, value: str, max_age_s: int) -> str:
        """A ``Set-Cookie``; ``max_age_s`` 0 takes the cookie away."""
        scope = "Secure; SameSite=None" if self.secure else "SameSite=Lax"
        apart = "; Partitioned" if self.secure and self.partitioned else ""
        return f"{self.name(plain)}={value}; Max-Age={max_age_s}; Path=/; HttpOnly; {scope}{apart}"


COOKIES = web.AppKey("cookies", Cookies)


def value_of(request: web.Request) -> str:
    """The id in the browser's cookie; empty: there is none that is ours, or it opted out."""
    cookies = request.app[COOKIES]
    if opted_out(request):
        return ""
    value = request.cookies.get(cookies.name(ID), "")
    return value if _VALUE.fullmatch(value) else ""


def person_of(request: web.Request) -> int:
    """Key of the person ``cookie:VALUE``; 0: no cookie, opted out, or the request's signals forbid to know."""
    value = value_of(request)
    return person_key("cookie", value) if value and allowed(request) else 0


def opted_out(request: web.Request) -> bool:
    return bool(request.cookies.get(request.app[COOKIES].name(OPT_OUT)))


def allowed(request: web.Request) -> bool:
    """Whether the browser may have our cookie, and be recognised by it."""
    return not opted_out(request) and request.app[COOKIES].consents.allow(request.query, request.headers)


def welcome(request: web.Request, response: web.StreamResponse) -> str:
    """The browser's id; one that has none gets it with this response. Empty, and no cookie, where it is not `allowed`.

    A cookie is never renewed: a person is asked again, at the latest, when it ends.
    """
    if not allowed(request):
        return ""
    if value := value_of(request):
        return value
    cookies, value = request.app[COOKIES], secrets.token_urlsafe(16)
    response.headers.add("Set-Cookie", cookies.header(ID, value, cookies.days * DAY_S))
    return value


def take_away(request: web.Request, response: web.StreamResponse) -> None:
    """The browser forgets its id, and is not given another."""
    cookies = request.app[COOKIES]
    response.headers.add("Set-Cookie", cookies.header(ID, "", 0))
    response.headers.add("Set-Cookie", cookies.header(OPT_OUT, "1", MOST_DAYS * DAY_S))
