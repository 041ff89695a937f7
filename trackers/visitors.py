"""Whose browser it is that loads a pixel on an advertiser's page.

The click says so that brought the person, else our cookie: neither where the request's signals forbid to know, since
consent that was there at the click may be gone. The cookie would say so anywhere, but a pixel's address is no secret:
any site could load it in the browsers of its visitors, to fill a rival's audiences, to have them taken for customers
whom its ads need not be shown, or to join them with somebody whose address it knows. So the cookie counts only on pages
of the advertiser's domain, which the browser names as ``Referer``; a page can keep that back, but not make it up.
"""

from urllib.parse import urlsplit

from aiohttp import web

from domain.campaign import Advertiser
from domain.events import Notice
from trackers.cookies import allowed, person_of
from trackers.desk import DESK


def visitor(request: web.Request, advertiser: Advertiser, click: Notice | None) -> int:
    """Key of the person; 0: not to be known; or without a click, no cookie, or not on a page of the advertiser's."""
    if click is not None:
        return click.person if allowed(request) else 0
    person = person_of(request)
    return person if person and is_on_page_of(request, advertiser) else 0


def is_on_page_of(request: web.Request, advertiser: Advertiser) -> bool:
    """Whether the browser says that it is on a page of the advertiser's domain. Counts where it does not."""
    if _is_of(request.headers.get("Referer", ""), advertiser.domain):
        return True
    request.app[DESK].counts["person.on_another_site"] += 1
    return False


def _is_of(page: str, domain: str) -> bool:
    try:
        host = urlsplit(page).hostname or ""
    except ValueError:
        return False
    return host == domain or host.endswith(f".{domain}")
