"""The values of `prediction.features` in plain Python, from the request as it was sent and the person's record as it
was put: the oracle of `bidder.feature_values`. It knows nothing of the compiled request.
"""

import math
import struct
from typing import Any

from domain.events import Bid
from domain.naming import name_id
from domain.person import Stage
from targeting.record import advertiser_scope, campaign_scope
from targeting.unpacked import Record

MASK = 2**64 - 1
NAN = 0x7FC00000
AGENTS = {
    "": ("", "", 0),
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/130.0.0.0 Safari/537.36": (
        "windows", "chrome", 2,
    ),
    "Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.5 "
    "Mobile/15E148 Safari/604.1": ("ios", "safari", 4),
    "Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0": ("linux", "firefox", 2),
}  # fmt: skip
"""User agents, and what they tell: system, browser, device type."""
ALPHA_3 = {"USA": "USA", "US": "USA", "usa": "USA", "DE": "DEU", "CHN": "CHN", "Atlantis": ""}


def category(number: int) -> int:
    """32 bits of SplitMix64 of a 64-bit id; 0 where there is none."""
    if not number:
        return 0
    x = (number + 0x9E3779B97F4A7C15) & MASK
    x = ((x ^ (x >> 30)) * 0xBF58476D1CE4E5B9) & MASK
    x = ((x ^ (x >> 27)) * 0x94D049BB133111EB) & MASK
    x ^= x >> 31
    return (x & 0xFFFFFFFF) or 1


def named(text: str | None) -> int:
    return category(name_id(text)) if text else 0


def number(value: float | None) -> int:
    return NAN if value is None else int.from_bytes(struct.pack("<f", value), "little")


def days(at: int, now_s: int) -> int:
    return number(max(0, now_s - at) / 86_400.0) if at else NAN


def halved(times: list[int], now_s: int) -> int:
    """Impressions of 7 days, each halved by the day; the newest are added first."""
    total = 0.0
    for at in reversed(times):
        age = max(0, now_s - at)
        if age >= 7 * 86_400:
            break
        total += math.exp2(-age / 86_400)
    return number(total)


def text(value: Any) -> str:
    """Numbers where text belongs are taken for it."""
    return "" if value is None else str(value)


def whole(value: Any) -> int:
    return int(float(value)) if value is not None else 0


def row(
    request: dict[str, Any], bid: Bid, record: Record | None, person: bool, format: str, special: bool
) -> list[int]:
    """The row of one bid. ``record``: of the person, None without one. ``person``: may the person be used?"""
    shared = _shared(request, bid, record, person, format)
    if special:
        shared |= {"city": 0, "language": 0, "age": NAN, "gender": 0, "postcode": 0}
    return [*shared.values(), *_own(bid, record, person).values()]


def _shared(request: dict[str, Any], bid: Bid, record: Record | None, person: bool, format: str) -> dict[str, int]:
    app = "app" in request
    place = request.get("app") or request["site"]
    device, user = request.get("device", {}), request.get("user", {})
    geo, imp = device.get("geo", {}), request["imp"][bid.imp]
    site = (place.get("bundle") or place.get("domain") if app else place["domain"]).lower()
    categories = [each for said in place.get("cat", []) for each in (said, said.split("-")[0])]
    country = ALPHA_3[geo.get("country", "Atlantis")]
    system, browser, kind = AGENTS[device.get("ua", "")]
    media = imp.get(format, {})
    size = (media.get("w"), media.get("h"))
    if format == "banner" and media.get("format"):
        size = (media["format"][0]["w"], media["format"][0]["h"])
    width, height = map(whole, size)
    position = whole(media.get("pos")) if format in ("banner", "video") else 0
    tag, offset = text(imp.get("tagid")), geo.get("utcoffset")
    minutes = bid.time_ns // 60_000_000_000
    now_s = bid.time_ns // 10**9
    relations = record.relations.values() if record else ()
    firsts = [at for of in relations for at in (of.since_s, of.visited_s, of.shown_s, of.clicked_s) if at]
    age = _year(now_s) - whole(user.get("yob")) if whole(user.get("yob")) > 0 else 0
    return {
        "exchange": category(bid.exchange),
        "inventory": category(2 if app else 1),
        "site": named(site),
        "publisher": named(text(place.get("publisher", {}).get("id"))),
        "placement": category(name_id(tag) ^ (name_id(site) * 0x9E3779B97F4A7C15 & MASK)) if tag else 0,
        "format": category(1 + ("banner", "video", "audio", "native").index(format)),
        "slot": category(width << 16 | height) if width and height else 0,
        "position": category(position),
        "interstitial": category(2 if whole(imp.get("instl")) else 1),
        "category": category(min(map(name_id, map(str.lower, categories)))) if categories else 0,
        "country": named(country.lower()),
        "region": named(f"{country}-{geo['region']}".lower()) if country and geo.get("region") else 0,
        "city": named(text(geo.get("city")).lower()) if country and _personal(request) else 0,
        "device_type": category(whole(device.get("devicetype")) or kind),
        "model": named(text(device.get("model")).lower()),
        "os": named(text(device.get("os")).lower() or system),
        "browser": named(browser),
        "language": named(text(device.get("language")).lower()[:2]),
        "connection": category(whole(device.get("connectiontype"))),
        "hour_of_week": category(1 + (minutes // 60 + 72) % 168),
        "hour_of_day": category(1 + (minutes + offset) // 60 % 24) if offset is not None else 0,
        "known": category(0 if not person else 2 if record else 1),
        "segments": number(sum(end > now_s for end in record.segments.values()) if record and person else None),
        "known_days": days(min(firsts), now_s) if firsts and person else NAN,
        "age": number(age if 0 < age <= 120 and _personal(request) else None),
        "gender": named(text(user.get("gender")).lower()) if _personal(request) else 0,
        "postcode": named(text(geo.get("zip")).replace(" ", "").lower()) if _personal(request) else 0,
    }


def _own(bid: Bid, record: Record | None, person: bool) -> dict[str, int]:
    now_s = bid.time_ns // 10**9
    known = record if person else None
    of = known.relations.get(bid.advertiser) if known else None
    nothing = number(0.0) if person else NAN
    return {
        "advertiser": category(bid.advertiser),
        "campaign": category(bid.campaign),
        "line_item": category(bid.line_item),
        "creative": category(bid.creative),
        "size": category(bid.width << 16 | bid.height),
        "deal": category(bid.deal),
        "stage": category(Stage(of.stage) if of and of.stage else 0),
        "since_visit": days(of.visited_s, now_s) if of else NAN,
        "since_shown": days(of.shown_s, now_s) if of else NAN,
        "since_click": days(of.clicked_s, now_s) if of else NAN,
        "seen_advertiser": halved(known.shown.get(advertiser_scope(bid.advertiser), []), now_s) if known else nothing,
        "seen_campaign": halved(known.shown.get(campaign_scope(bid.campaign), []), now_s) if known else nothing,
    }


def _personal(request: dict[str, Any]) -> bool:
    """Of the signals that the requests of these tests have."""
    return not whole(request.get("device", {}).get("lmt"))


def _year(now_s: int) -> int:
    import datetime

    return datetime.datetime.fromtimestamp(now_s, datetime.UTC).year
