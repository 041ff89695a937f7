"""Targeting once more, word by word: an expression as it is written against what a request says. It knows no ids, no
normal form, no bitsets and no compiled code.

A request is a mapping from dimensions to words, with ``place`` (latitude, longitude), ``os``, ``version``, ``page``,
``scores`` (name to value) and ``visits`` (advertiser to seconds ago) for what is checked.
"""

import math
import random
import re
from typing import Any

from domain.person import score_id
from targeting.dimensions import MANY, SETS, Dimension
from targeting.matcher import Measures
from targeting.record import Scored, Standing
from targeting.unpacked import Record, pack

Form = dict[str, Any]
Request = dict[str, Any]
NOW_S = 1_795_000_000


def holds(form: Form, request: Request) -> bool:
    return all(_holds(name, value, request) for name, value in form.items())


def _holds(name: str, value: Any, request: Request) -> bool:
    if name == "all":
        return all(holds(each, request) for each in value)
    if name == "any":
        return any(holds(each, request) for each in value)
    if name == "not":
        return not holds(value, request)
    return any(CHECKS[name](one, request) if name in CHECKS else one in request.get(name, ()) for one in value)


def _in_range(text: str, value: float) -> bool:
    bounds = dict(re.findall(r"(>=|<)([0-9.]+)", text))
    return float(bounds.get(">=", "-inf")) <= value < float(bounds.get("<", "inf"))


def _near(circle: str, request: Request) -> bool:
    """By the angle between two vectors from the Earth's centre."""
    if "place" not in request:
        return False
    lat, lon, metres = map(float, circle.split(","))

    def vector(latitude: float, longitude: float) -> tuple[float, float, float]:
        a, b = math.radians(latitude), math.radians(longitude)
        return math.cos(a) * math.cos(b), math.cos(a) * math.sin(b), math.sin(a)

    one, other = vector(lat, lon), vector(*request["place"])
    return 2 * math.asin(min(1.0, math.dist(one, other) / 2)) * 6_371_008.8 <= metres


def _version(text: str, request: Request) -> bool:
    if "version" not in request:
        return False
    bounds = dict(re.findall(r"(>=|<)([0-9.]+)", text))

    def numbers(version: str) -> list[int]:
        return [*map(int, version.split(".")), 0, 0, 0][:4]

    told = numbers(request["version"])
    low, high = bounds.get(">="), bounds.get("<")
    return (
        text.split(" ")[0] in request.get("os", ())
        and (low is None or numbers(low) <= told)
        and (high is None or told < numbers(high))
    )


def _page(pattern: str, request: Request) -> bool:
    if "page" not in request:
        return False
    told = re.split(r"[?#]", re.sub(r"^[a-z]+://", "", request["page"].lower()))[0]
    return re.fullmatch(".*".join(re.escape(part) for part in pattern.split("*")), told, re.DOTALL) is not None


def _score(text: str, request: Request) -> bool:
    name = text.split(" ")[0]
    return name in request.get("scores", {}) and _in_range(text, request["scores"][name])


def _visit(text: str, request: Request) -> bool:
    advertiser = int(text.split(" ")[0][1:])
    return advertiser in request.get("visits", {}) and _in_range(text, request["visits"][advertiser])


CHECKS = {"radius": _near, "os_version": _version, "page": _page, "score": _score, "last_visit": _visit}

WORDS: dict[Dimension, list[str]] = {
    Dimension.SITE: ["news.example", "money.news.example", "a.b.money.news.example", "shop.example", "x.shop.example"],
    Dimension.CATEGORY: ["iab1", "iab1-2", "iab1-3", "iab13", "iab13-1"],
    Dimension.OS: ["ios", "android", "windows"],
    **{
        d: ["1", "2", "77", "1000"]
        for d in Dimension
        if d.name in ("EXCHANGE", "AUDIENCE", "SIZE", "HOUR_OF_WEEK", "AGE")
    },
}
OTHERS = ["usa", "can", "mex", "ä ö"]
CHECKED = {
    Dimension.RADIUS: ["40.7,-74.0,5000", "40.7,-74.0,50000", "-33.9,151.2,1000.5", "0,179.99,3000"],
    Dimension.OS_VERSION: ["ios >=15", "ios >=15.2 <17", "android <10", "android >=9.0.1", "windows >=10 <11"],
    Dimension.PAGE: ["news.example/*", "*/loans/*", "*loan*rate*", "news.example", "*a", "a*b*c*"],
    Dimension.SCORE: ["credit >=600 <750", "credit <640", "fraud >=100", "intent >=0.5 <700"],
    Dimension.LAST_VISIT: ["a7 <3600", "a7 >=3600 <86400", "a8 >=60"],
}
NUMBERS = {
    *("DEVICE_TYPE", "CONNECTION", "LIFECYCLE", "HOUR_OF_WEEK_UTC", "HOUR_OF_WEEK_USER", "POSITION"),
    *("VIDEO_PLACEMENT", "INTERSTITIAL", "REWARDED"),
}


def words(dimension: Dimension) -> list[str]:
    if dimension >= SETS:
        return CHECKED[dimension]
    return WORDS.get(dimension, ["0", "1", "5", "300"] if dimension.name in NUMBERS else OTHERS)


FAVOURED = [Dimension.COUNTRY, Dimension.OS, Dimension.SITE, Dimension.CATEGORY, Dimension.AUDIENCE, Dimension.SIZE]


def leaf(draw: random.Random) -> Form:
    dimension = draw.choice(FAVOURED) if draw.random() < 0.5 else draw.choice(list(Dimension))
    known = words(dimension)
    return {dimension.name.lower(): draw.sample(known, draw.randint(1, min(3, len(known))))}


def expression(draw: random.Random, depth: int = 3) -> Form:
    """Any expression that is of the right form; it may contradict itself."""
    kind = draw.random()
    if depth == 0 or kind < 0.3:
        return leaf(draw)
    if kind < 0.45:
        inner = expression(draw, depth - 1) if draw.random() < 0.8 else {"not": leaf(draw)}
        return {"not": inner if len(inner) == 1 else {"all": [inner]}}
    if kind < 0.6:
        return leaf(draw) | leaf(draw) | {"any": [expression(draw, depth - 1) for _ in range(draw.randint(1, 2))]}
    return {draw.choice(("all", "any")): [expression(draw, depth - 1) for _ in range(draw.randint(1, 3))]}


PLACES = [(40.7, -74.0), (40.74, -74.02), (41.0, -74.3), (-33.9, 151.2), (-33.909, 151.2), (0.0, -179.99), (90.0, 0.0)]
PAGES = [
    *("https://News.example/loans/", "http://news.example", "news.example/a?b=/loans/", "//x.example/loans/rate#a"),
    *("https://abc.example/abXc", "ftp://a-b-c", "https://news.example/a/loans/b/rates.html"),
]


def request(draw: random.Random) -> Request:
    """Words of every dimension, some of them unknown; a domain and a category with what is above them."""
    found: Request = {}
    for dimension in list(Dimension)[:SETS]:
        if draw.random() < 0.35:
            continue
        some = draw.sample(words(dimension), draw.randint(1, 2) if dimension in MANY else 1)
        if dimension is Dimension.SITE:
            some = [".".join(site.split(".")[n:]) for site in some for n in range(len(site.split(".")) - 1)]
        if dimension is Dimension.CATEGORY:
            some = [name for category in some for name in (category, category.split("-")[0])]
        found[dimension.name.lower()] = list(dict.fromkeys(some))
    if draw.random() < 0.8:
        lat, lon = draw.choice(PLACES)
        found["place"] = (lat + draw.uniform(-0.01, 0.01) * (abs(lat) < 89), lon + draw.uniform(-0.005, 0.005))
    if draw.random() < 0.8:
        found["version"] = draw.choice(("9", "9.0.1", "10", "14.8", "15", "15.2", "15.2.1", "16.99.3.1", "17"))
    if draw.random() < 0.8:
        found["page"] = draw.choice(PAGES)
    if draw.random() < 0.8:
        found["scores"] = {
            name: draw.choice((0, 100, 599, 600, 640, 750)) for name in draw.sample(("credit", "fraud"), 1)
        }
    if draw.random() < 0.8:
        found["visits"] = {draw.choice((7, 8)): draw.choice((0, 59, 60, 3599, 3600, 86400))}
    return found


def measures(found: Request) -> Measures:
    """The same request's facts that are checked, as the matcher has them."""
    record = None
    if "scores" in found or "visits" in found:
        record = pack(
            Record(
                scores={score_id(name): Scored(value, NOW_S) for name, value in found.get("scores", {}).items()},
                relations={a: Standing(visited_s=NOW_S - ago) for a, ago in found.get("visits", {}).items()},
            )
        )
    return Measures(
        found.get("place"), (found.get("os") or [""])[0], found.get("version", ""), found.get("page", ""), record, NOW_S
    )
