"""The public generator of targeting: line items with nested expressions, and requests, the same for every run.

Two worlds: ``many`` sells in 60 countries, a few of which have most of the traffic; ``one`` sells in one country, and
60 % of the line items want audiences. In both 30 % exclude something with NOT, and 25 % have an OR within their AND.
Values are written as a snapshot has them; `published` makes targeting of an expression, and `facts` ids of a request's
words.
"""

import random
from collections.abc import Iterator

from domain.campaign import LineItem
from targeting.dimensions import SETS, Dimension, above, value_id
from targeting.expression import Ill, published

WORLDS = ("many", "one")
COUNTRIES = [f"c{n:02d}" for n in range(60)]
COUNTRY_WEIGHTS = [1 / (n + 1) for n in range(60)]
REGIONS, CITIES, SITES, AUDIENCES, DEALS = 50, 2_000, 20_000, 3_000, 500
SIZES = [
    str(width << 16 | height)
    for width, height in (
        *((300, 250), (728, 90), (320, 50), (160, 600), (300, 600), (970, 250), (320, 100), (468, 60), (336, 280)),
        *((250, 250), (120, 600), (970, 90), (300, 50), (480, 320), (320, 480), (768, 1024), (1024, 768), (200, 200)),
    )
]
CATEGORIES = [f"iab{n}-{m}" for n in range(1, 27) for m in range(1, 12)]
OSES = ["android", "ios", "windows", "macos", "linux", "chromeos"]
BROWSERS = ["chrome", "safari", "firefox", "edge", "samsung", "opera"]
LANGUAGES = ["en", "es", "de", "fr", "pt", "zh", "ja", "it"]

Form = dict[str, object]
Words = dict[str, list[str]]


def _skewed(draw: random.Random, most: int) -> int:
    """Small numbers far more often than large ones."""
    return int(most * draw.random() ** 3)


def _some(draw: random.Random, values: list[str], most: int) -> list[str]:
    return draw.sample(values, draw.randint(1, most))


def _audiences(draw: random.Random, most: int) -> list[str]:
    return sorted({str(1 + _skewed(draw, AUDIENCES)) for _ in range(draw.randint(1, most))})


def _sites(draw: random.Random, most: int) -> list[str]:
    return sorted({f"site{_skewed(draw, SITES)}.example" for _ in range(draw.randint(1, most))})


def _hours(draw: random.Random) -> list[str]:
    first, last = draw.choice((6, 8, 9, 12)), draw.choice((18, 20, 22, 24))
    days = draw.choice((range(5), range(7), range(5, 7)))
    return [str(day * 24 + hour) for day in days for hour in range(first, last)]


def expression(draw: random.Random, world: str) -> Form:
    """What one line item wants."""
    form: Form = {}
    if world == "one":
        form["country"] = ["c00"]
        if draw.random() < 0.25:
            form["region"] = [f"c00-{draw.randrange(REGIONS)}" for _ in range(draw.randint(1, 5))]
    elif draw.random() < 0.85:
        form["country"] = sorted(set(draw.choices(COUNTRIES, COUNTRY_WEIGHTS, k=draw.choice((1, 1, 1, 2, 3, 4)))))
    if draw.random() < (0.6 if world == "one" else 0.15):
        form["audience"] = _audiences(draw, 3)
    if draw.random() < 0.3:
        form["exchange"] = _some(draw, [str(n) for n in range(1, 9)], 3)
    if draw.random() < 0.45:
        form["device_type"] = draw.choice((["2"], ["4", "5"], ["4"], ["3", "7"], ["1", "4", "5"]))
    if draw.random() < 0.3:
        form["os"] = _some(draw, OSES, 2)
    if draw.random() < 0.15:
        form["browser"] = _some(draw, BROWSERS, 3)
    if draw.random() < 0.2:
        form["language"] = _some(draw, LANGUAGES, 2)
    if draw.random() < 0.3:
        form["inventory"] = [draw.choice(("site", "app"))]
    if draw.random() < 0.5:
        form["size"] = _some(draw, SIZES, 3)
    if draw.random() < 0.25:
        form["hour_of_week"] = _hours(draw)
    if draw.random() < 0.2:
        form["category"] = _some(draw, CATEGORIES, 5)
    if draw.random() < 0.08:
        form["site"] = _sites(draw, 4)
    if draw.random() < 0.05:
        form["city"] = [f"city{_skewed(draw, CITIES)}" for _ in range(draw.randint(1, 3))]
    if draw.random() < 0.03:
        form["deal"] = [f"D{draw.randrange(DEALS)}"]
    if draw.random() < 0.1:
        form["connection"] = draw.choice((["2"], ["5", "6", "7"]))
    if draw.random() < 0.25:
        form["any"] = [
            {"category": _some(draw, CATEGORIES, 4), "device_type": ["2", "4"]},
            draw.choice(({"site": _sites(draw, 5)}, {"audience": _audiences(draw, 2)}, {"genre": ["news", "money"]})),
        ]
    if draw.random() < 0.3:
        form["not"] = draw.choice(
            (
                {"category": _some(draw, CATEGORIES, 4)},
                {"site": _sites(draw, 20)},
                {"any": [{"audience": _audiences(draw, 2)}, {"browser": [draw.choice(BROWSERS)]}]},
                {"all": [{"region": [f"c00-{draw.randrange(REGIONS)}"]}, {"device_type": ["5"]}]},
            )
        )
    return form


def request(draw: random.Random, world: str) -> Words:
    """What one bid request says."""
    country = draw.choices(COUNTRIES, COUNTRY_WEIGHTS)[0] if world == "many" else "c00"
    device, os = draw.choice(
        (("2", "windows"), ("2", "macos"), ("4", "ios"), ("4", "android"), ("5", "ios"), ("4", "ios"))
    )
    words = {
        "country": [country],
        "region": [f"{country}-{draw.randrange(REGIONS)}"],
        "exchange": [str(draw.randint(1, 8))],
        "device_type": [device],
        "os": [os],
        "browser": [draw.choice(BROWSERS)],
        "inventory": [draw.choice(("site", "site", "app"))],
        "size": _some(draw, SIZES, 3),
        "hour_of_week": [str(draw.randrange(168))],
        "category": _some(draw, CATEGORIES, 3),
        "site": [f"site{_skewed(draw, SITES)}.example"],
        "connection": [draw.choice(("2", "2", "6", "7"))],
    }
    if draw.random() < 0.9:
        words["language"] = [draw.choice(LANGUAGES)]
    if draw.random() < 0.6:
        words["city"] = [f"city{_skewed(draw, CITIES)}"]
    if draw.random() < 0.7:
        words["audience"] = _audiences(draw, 20)
    if draw.random() < 0.1:
        words["deal"] = [f"D{draw.randrange(DEALS)}"]
    if draw.random() < 0.2:
        words["genre"] = [draw.choice(("news", "money", "sports"))]
    return words


def line_items(world: str, count: int, seed: int = 1) -> Iterator[LineItem]:
    """Line items of one campaign, with one creative."""
    draw = random.Random(seed)
    number = 0
    while number < count:
        try:
            wanted = published(expression(draw, world))
        except Ill:
            continue  # it contradicts itself, and a marketer would be told so
        number += 1
        yield LineItem(number, f"item{number}", 1, "", 1_000_000, wanted, (1,))


def facts(words: Words) -> list[list[int]]:
    """A request's words, and those above them, as `targeting.matcher` takes them."""
    found: list[list[int]] = [[] for _ in range(SETS)]
    for name, values in words.items():
        dimension = Dimension[name.upper()]
        all_of_them = dict.fromkeys(word for value in values for word in (value, *above(dimension, value)))
        found[dimension] = [value_id(dimension, word) for word in all_of_them]
    return found
