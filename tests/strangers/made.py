"""Well-formed bid requests as strangers send them: any exchange's habits, any format, place, person, law and deal."""

import copy
import random
from collections.abc import Iterator
from typing import Any

from tests.strangers.habits import HABITS
from tests.strangers.offers import FORMATS, SCREENS

Json = dict[str, Any]

PHONE = (
    "Mozilla/5.0 (Linux; Android 14; Pixel 8) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0 Mobile Safari/537.36"
)
PC = "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0.0.0 Safari/537.36"
TV = "Mozilla/5.0 (SMART-TV; Linux; Tizen 6.0) AppleWebKit/538.1 (KHTML, like Gecko) Version/6.0 TV Safari/538.1"
CONSENT = "CPXxRfAPXxRfAAfKABENB-CgAAAAAAAAAAYgAAAAAAAA"
"""A TC string of the specification's own examples; it gives nobody anything."""

SITES: list[Json] = [
    {"id": "s1", "name": "News", "domain": "news.example", "page": "https://news.example/a?b=c&d=%20", "cat": ["IAB12"],
     "publisher": {"id": "pub-1", "name": "Verlag Größe & Söhne", "domain": "verlag.example"}, "mobile": 1},
    {"page": "https://www.zeitung.example/straße/日本?q=\"x\"", "ref": "https://search.example/?q=geld",
     "search": "kredit",
     "cattax": 6, "cat": ["52"], "sectioncat": ["53"], "pagecat": ["54", "55"], "keywords": "geld,haus,ö",
     "privacypolicy": 1, "content": {"title": "Über Geld", "language": "de", "cat": ["IAB13"], "len": 300}},
    {"domain": "blog.example", "kwarray": ["a", "b"], "inventorypartnerdomain": "partner.example", "publisher": {}},
    {"id": "", "name": "", "domain": "", "page": "", "publisher": {"id": ""}},
    {},
]  # fmt: skip
APPS: list[Json] = [
    {"id": "a1", "name": "Wetter ☀️", "bundle": "com.example.weather", "domain": "weather.example", "ver": "2.4",
     "storeurl": "https://play.google.com/store/apps/details?id=com.example.weather", "cat": ["IAB15-10"], "paid": 0,
     "publisher": {"id": "pub-2", "domain": "apps.example"}},
    {"bundle": "372648912", "storeurl": "https://apps.apple.com/us/app/id372648912", "privacypolicy": 1,
     "content": {"network": {"domain": "net.example"}, "channel": {"name": "One"}, "genre": "comedy", "livestream": 1}},
    {"name": "CTV", "bundle": "B0ABCDEF", "publisher": {"id": "p", "cat": ["IAB1"]}, "content": {
        "series": "Série", "season": "2", "episode": 3, "contentrating": "TV-PG", "data": [
            {"id": "1", "name": "iris", "segment": [{"id": "6", "value": "x"}], "ext": {"segtax": 7}}]}},
]  # fmt: skip
DOOHS: list[Json] = [
    {
        "id": "screen-7",
        "name": "Bahnhof",
        "venuetype": ["transit.train_stations"],
        "venuetypetax": 1,
        "domain": "ooh.example",
    },
    {"id": "d", "publisher": {"id": "ooh"}},
]
DEVICES: list[Json] = [
    {"ua": PHONE, "ip": "203.0.113.9", "devicetype": 4, "make": "Google", "model": "Pixel 8", "os": "Android",
     "osv": "14",
     "ifa": "b84f0ee0-8c1a-4b6f-9f5c-1f7b7f6f9c11", "lmt": 0, "dnt": 0, "js": 1, "w": 1080, "h": 2400, "pxratio": 2.625,
     "connectiontype": 6, "carrier": "Ö-Mobil", "mccmnc": "232-01", "language": "de",
     "geo": {"lat": 48.2, "lon": 16.37, "type": 1, "accuracy": 20, "country": "AUT", "region": "9", "city": "Wien",
             "zip": "1010", "utcoffset": 60}},
    {"ua": PC, "ip": "198.51.100.77", "devicetype": 2, "os": "Windows", "language": "en-US", "langb": "en-US", "geo": {
        "country": "USA", "region": "NY", "metro": "501", "city": "New York", "type": 2, "ipservice": 3},
     "sua": {"browsers": [{"brand": "Chromium", "version": ["126", "0"]}], "platform": {"brand": "Windows"},
             "mobile": 0}},
    {"ua": TV, "ipv6": "2001:db8::1", "devicetype": 3, "ifa": "00000000-0000-0000-0000-000000000000", "lmt": 1,
     "geo": {"country": "USA"}, "ext": {"atts": 2}},
    {"ua": PHONE, "ip": "192.0.2.4", "didsha1": "a1", "dpidmd5": "b2", "macsha1": "c3", "flashver": "9", "geofetch": 1},
    {"ip": "192.0.2.0", "geo": {}},
]  # fmt: skip
USERS: list[Json] = [
    {"id": "u-1", "buyeruid": "ours-1", "yob": 1984, "gender": "F", "keywords": "cards", "customdata": "eyJh",
     "data": [{"id": "d", "name": "Provider", "segment": [{"id": "1", "name": "x", "value": "y"}]}]},
    {"eids": [{"source": "id.example", "inserter": "ssp.example", "matcher": "m.example", "mm": 3,
               "uids": [{"id": "ü1", "atype": 1}, {"id": "2", "atype": 3}]}], "kwarray": ["a"]},
    {"id": "", "buyeruid": "", "geo": {"country": "USA"}},
    {},
]  # fmt: skip
LAWS: list[Json] = [
    {},
    {"regs": {"coppa": 0, "ext": {"gdpr": 1}}, "user": {"ext": {"consent": CONSENT}}},
    {"regs": {"gdpr": 1}, "user": {"consent": CONSENT}},
    {"regs": {"gdpr": 0, "us_privacy": "1YNN"}},
    {"regs": {"ext": {"us_privacy": "1YYN", "gpc": "1"}}},
    {"regs": {"gpp": "DBABLA~BVQqAAAAAgA.QA", "gpp_sid": [7]}},
    {"regs": {"gdpr": 1, "ext": {"dsa": {"dsarequired": 2, "pubrender": 0, "datatopub": 1}}}, "user": {"consent": ""}},
    {"regs": {}},
]
CHAIN = {"ver": "1.0", "complete": 1, "nodes": [
    {"asi": "ssp.example", "sid": "pub-1", "hp": 1, "rid": "r-1", "name": "P", "domain": "news.example"},
    {"asi": "Other.example", "sid": "00-9", "hp": 1}]}  # fmt: skip
SOURCES: list[Json] = [
    {},
    {"source": {"fd": 0, "tid": "0192", "pchain": "a:b!c:d"}},
    {"source": {"schain": CHAIN}},
    {"source": {"ext": {"schain": {**CHAIN, "complete": 0}, "omidpn": "Sdk", "omidpv": "1.4"}}},
    {"ext": {"schain": CHAIN}},
]
WHOLE: list[Json] = [
    {},
    {"at": 1, "tmax": 250, "cur": ["USD"], "test": 0, "allimps": 0},
    {
        "at": 2,
        "tmax": 1500,
        "cur": ["EUR", "USD", "CNY"],
        "bcat": ["IAB7-39", "IAB25", "BSW1"],
        "badv": ["casino.example"],
    },
    {"at": 3, "cattax": 1, "acat": ["IAB13"], "bapp": ["com.other.app"], "wlang": ["en", "de"]},
    {"cattax": 2, "bcat": ["80", "483"], "wseat": ["outbid", "165"], "bseat": ["16"]},
    {"cattax": 6, "bcat": ["7"], "wlangb": ["en-US", "zh-Hant"], "bseat": []},
    {"bcat": [], "badv": [], "wseat": [], "cur": []},
    {"test": 1},
    {"at": 503, "ext": {"x": None}, "allimps": 1},
]
DEALS: list[Json] = [
    {},
    {"pmp": {"private_auction": 0, "deals": [{"id": "deal-1", "bidfloor": 2.5, "bidfloorcur": "USD", "at": 1,
                                              "wseat": ["outbid"]}]}},
    {"pmp": {"private_auction": 1, "deals": [
        {"id": "deal-2", "bidfloor": 3, "at": 3, "wadomain": ["bank.example", "other.example"]}, {"id": "unknown",
                                                                                                  "at": 2}]}},
    {"pmp": {"private_auction": 1, "deals": [{"id": "not-ours", "bidfloor": 1.0, "wseat": ["Agency1"]}]}},
    {"pmp": {"deals": [{"id": "deal-1", "bidfloor": 1, "bidfloorcur": "EUR", "guar": 1}, {"id": "deal-2"}],
             "ext": {"p": 1}}},
    {"pmp": {}},
]  # fmt: skip
FLOORS: list[Json] = [
    {}, {"bidfloor": 0}, {"bidfloor": 0.011}, {"bidfloor": 3.213, "bidfloorcur": "USD"}, {"bidfloor": 19.999999},
    {"bidfloor": 25}, {"bidfloor": 1.5, "bidfloorcur": "EUR"}, {"bidfloor": 70, "bidfloorcur": "CNY"},
    {"bidfloor": 0.426008552312851}, {"bidfloor": 2, "bidfloorcur": "GBP"}, {"bidfloor": 5, "bidfloorcur": "XXX"},
]  # fmt: skip
PLACEMENTS: list[Json] = [
    {}, {"secure": 1}, {"secure": 0, "instl": 0}, {"secure": 1, "instl": 1}, {"exp": 120, "tagid": "Größe-1",
                                                                              "clickbrowser": 1},
    {"metric": [{"type": "viewability", "value": 0.85, "vendor": "v.example"}], "ssai": 2, "rwdd": 1},
]  # fmt: skip


def _merged(*parts: Json) -> Json:
    """All of them in one, objects merged; what comes later counts."""
    whole: Json = {}
    for part in parts:
        for key, value in part.items():
            both = isinstance(value, dict) and isinstance(whole.get(key), dict)
            whole[key] = _merged(whole[key], value) if both else copy.deepcopy(value)
    return whole


def make(number: int, draw: random.Random) -> Json:
    """The request of that number; the first hundreds have every value of every list at least once."""

    def nth(values: list[Json], stride: int) -> Json:
        return values[(number // stride) % len(values)] if number < 400 else draw.choice(values)

    kind = list(FORMATS)[number % len(FORMATS)]
    screen = number % 23 == 22
    offers = SCREENS if screen else FORMATS[kind]
    count = 50 if number % 97 == 96 else draw.choice((1, 1, 1, 2, 3, 8))
    imps = [
        _merged(
            {"id": "1" if count == 1 else draw.choice((f"{n}", f"imp-{n}", f"ü{n}", f"35c22289-06e2-{n}"))},
            nth(offers, 5) if n == 0 else draw.choice(offers),
            nth(FLOORS, 3) if n == 0 else draw.choice(FLOORS),
            nth(DEALS, 7) if n == 0 else draw.choice(DEALS[:3]),
            nth(PLACEMENTS, 2),
        )
        for n in range(count)
    ]
    where = {"dooh": nth(DOOHS, 1)} if screen else {"app": nth(APPS, 4)} if number % 3 == 0 else {"site": nth(SITES, 4)}
    if number % 31 == 30 and not screen:
        where = {}
    person = {} if number % 17 == 16 else {"device": nth(DEVICES, 1), "user": nth(USERS, 6)}
    request = _merged(
        {"id": f"made-{number}" if number % 5 else f"ид-{number}-日本"}, nth(WHOLE, 11), where, person,
        {} if screen else nth(LAWS, 9), nth(SOURCES, 13), {"imp": imps},
    )  # fmt: skip
    HABITS[number % len(HABITS)](request)
    return request


def requests(count: int, seed: int = 4) -> Iterator[Json]:
    """So many well-formed requests, always the same ones for a seed."""
    draw = random.Random(seed)
    for number in range(count):
        yield make(number, draw)
