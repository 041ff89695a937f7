"""The exchange's own reading of floors by length (OpenRTB 2.6, 3.2.35 and 7.11) and of the lists that bids keep to.

Plain, and from the specification alone; `simulator.checker` turns what is found into loss reasons.
"""

import re
from collections.abc import Iterable, Mapping
from decimal import Decimal
from typing import Any
from urllib.parse import urlsplit

from simulator.media_checks import unlike
from simulator.offer import DealOffer, ImpOffer, Offer
from simulator.sloppy import integer, integers, listed, money, object_of, texts, whole

Json = Mapping[str, Any]
VIDEO, AUDIO = 2, 3
CONTENT_1 = 1
"""List "Category Taxonomies"."""
FIXED_PRICE = 3
"""``deal.at``: the floor is the agreed price."""
JAVASCRIPT, IFRAME = 3, 4
"""List 5.2."""
HTTP_URL = re.compile(r"""http://[^\s"'<>\\)]+""", re.IGNORECASE)
NAMESPACE = re.compile(r"""\sxmlns(:\w+)?=("[^"]*"|'[^']*')""")
"""Names of XML vocabularies look like URLs, but nothing loads them."""
LOOPBACK = frozenset({"127.0.0.1", "localhost", "::1"})
"""Browsers treat these as secure whatever the scheme (W3C Secure Contexts, 3.1), so they are no mixed content."""
IMAGE = re.compile(r"""<img[^>]*\ssrc=["']?([^"'\s>]+)""", re.IGNORECASE)


def asked(bid: Json, imp: ImpOffer, deal: DealOffer | None) -> tuple[Decimal, str]:
    """CPM and currency that this bid must reach: the deal says it, else the video or audio, else the imp."""
    kind, seconds = bid.get("mtype", 1), bid.get("dur")
    seconds = seconds if kind in (VIDEO, AUDIO) and type(seconds) is int else None
    if deal is not None:
        said = [*_by_length(deal.sent, seconds)]
        if deal.sent.get("bidfloor") is not None:
            said.append(deal.floor)
        if said:
            return max(said), deal.currency
    return max(_by_length(imp.offered.get(kind, {}), seconds), default=imp.floor), imp.currency


def _by_length(sent: Json, seconds: int | None) -> Iterable[Decimal]:
    if seconds is None:
        return
    if per_second := money(sent.get("mincpmpersec")):
        yield per_second * seconds
    for span in map(object_of, listed(sent.get("durfloors"))):
        if span and integer(span.get("mindur")) <= seconds <= (whole(span.get("maxdur")) or seconds):
            yield money(span.get("bidfloor"))


def blocked_app(bid: Json, offer: Offer) -> str:
    """Why the advertised app is refused; empty if it is not."""
    bundle = bid.get("bundle", "")
    return f"app {bundle!r} is blocked" if str(bundle).lower() in offer.blocked_apps else ""


def wrong_language(bid: Json, offer: Offer) -> str:
    """Why the ad's language is refused. ``xx`` has no words; a language fits in any of its countries."""
    if not offer.languages:
        return ""
    language = str(bid.get("language") or bid.get("langb") or "").lower()
    asked_for = offer.languages | {wanted.split("-")[0] for wanted in offer.regional_languages}
    if language == "xx" or language in asked_for or language in offer.regional_languages:
        return ""
    return f"language {language!r} is not one of {sorted(offer.languages)}"


def blocked_category(categories: list[str], taxonomy: int, offer: Offer) -> str:
    """What is wrong with the categories. One that is blocked or allowed is so with all that is below it in Content 1.0;
    ids of two taxonomies say nothing of each other.
    """
    if taxonomy != offer.taxonomy:
        return ""
    for category in map(str.upper, categories):
        above = {category, category.split("-")[0]}
        if above & offer.blocked_categories:
            return f"cat {category!r} is blocked"
        if taxonomy == CONTENT_1 and offer.allowed_categories and not above & offer.allowed_categories:
            return f"cat {category!r} is not allowed"
    return ""


def check_banner(offered: Json, markup: str) -> str:
    """Why a banner's markup is refused: an ad type that is blocked (list 5.2), or an image of a type not taken."""
    blocked = integers(offered.get("btype"))
    for kind, tag in ((JAVASCRIPT, "<script"), (IFRAME, "<iframe")):
        if kind in blocked and tag in markup.lower():
            return f"btype blocks {kind}, and the markup has {tag}>"
    mimes = texts(offered.get("mimes"))
    return next(filter(None, (unlike(url, mimes) for url in IMAGE.findall(markup))), "")


def insecure(bid: Json, markup: str) -> str:
    """The first URL that is loaded over plain HTTP."""
    for text in (NAMESPACE.sub("", markup), *(bid.get(name) for name in ("burl", "nurl", "lurl", "iurl"))):
        for url in HTTP_URL.findall(text if isinstance(text, str) else ""):
            if urlsplit(url).hostname not in LOOPBACK:
                return str(url)
    return ""


def overdue(bid: Json, imp: ImpOffer) -> str:
    """Why the bid's ``exp`` does not suit the imp's."""
    told = bid.get("exp")
    if told is None:
        return ""
    if type(told) is not int or told <= 0:
        return f"exp is {told!r}"
    return f"exp is {told}, longer than {imp.expires_s}" if imp.expires_s and told > imp.expires_s else ""


def wrong_size(bid: Json, imp: ImpOffer) -> str:
    """Why a banner's size, or its ratio where that was offered, is none of those offered."""
    w, h = bid.get("w"), bid.get("h")
    if bid.get("wratio") is not None and (bid["wratio"], bid.get("hratio")) in imp.ratios:
        return ""
    if isinstance(w, int) and isinstance(h, int) and (not imp.sizes or (w, h) in imp.sizes):
        return ""
    return f"size {w}x{h} was not offered, only {sorted(imp.sizes)}"


def outside(deal: DealOffer, seat: object, domains: list[str]) -> str:
    """Why the deal is not open to this seat, or to this advertiser: a domain stands for those below it."""
    if deal.seats and seat not in deal.seats:
        return f"seat {seat!r} is not in deal {deal.id!r}"
    above = {".".join(parts[i:]) for d in domains for parts in [d.lower().split(".")] for i in range(len(parts))}
    return f"adomain {domains!r} is not in deal {deal.id!r}" if deal.domains and not deal.domains & above else ""


def disagreed(bid: Json, deal: DealOffer, currency: str) -> bool:
    """Is the price above the one that was agreed? Below it, it is below the floor."""
    agreed = deal.at == FIXED_PRICE and deal.floor and deal.currency == currency
    return bool(agreed and bid["price"] > deal.floor)
