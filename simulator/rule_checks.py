"""The exchange's own reading of floors by length (OpenRTB 2.6, 3.2.35 and 7.11) and of the lists that bids keep to.

Plain, and from the specification alone; `simulator.checker` turns what is found into loss reasons.
"""

from collections.abc import Iterable, Mapping
from decimal import Decimal, InvalidOperation
from typing import Any

from simulator.offer import DealOffer, ImpOffer, Offer

Json = Mapping[str, Any]
VIDEO, AUDIO = 2, 3


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
    if sent.get("mincpmpersec"):
        yield _money(sent["mincpmpersec"]) * seconds
    for span in sent.get("durfloors") or ():
        if (span.get("mindur") or 0) <= seconds and (span.get("maxdur") is None or seconds <= span["maxdur"]):
            yield _money(span.get("bidfloor") or 0)


def _money(value: Any) -> Decimal:
    try:
        return Decimal(str(value))
    except InvalidOperation:
        return Decimal(0)


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
    """The first category that is blocked, with all that is below it in Content 1.0; ids of two taxonomies say nothing
    of each other.
    """
    if taxonomy != offer.taxonomy:
        return ""
    for category in categories:
        upper = category.upper()
        if upper in offer.blocked_categories or upper.split("-")[0] in offer.blocked_categories:
            return category
    return ""


def stranger_in(deal: DealOffer, domains: list[str]) -> bool:
    """Is none of these domains the deal's, or below one of them?"""
    above = {".".join(parts[i:]) for d in domains for parts in [d.lower().split(".")] for i in range(len(parts))}
    return bool(deal.domains) and not deal.domains & above
