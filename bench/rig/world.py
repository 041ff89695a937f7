"""The world that the bid path is measured in: campaigns, people and requests, made from a fixed seed.

1,000 line items of 10 advertisers (countries, devices, browsers, categories, audiences, hours, exclusions, frequency
caps, deals), 100,000 people in 20 audiences, and 12,000 distinct requests of the shape that exchanges send: 1.1 KB,
one to three imps, block lists, floors, deals, some privacy signals.
"""

import json
import random
from pathlib import Path

SIZES = ("300x250", "728x90", "160x600", "320x50", "300x600", "970x250", "336x280", "320x100")
COUNTRIES = ("USA", "CAN", "GBR", "DEU", "FRA", "ESP", "AUS", "JPN")
COUNTRY_WEIGHTS = (50, 10, 12, 8, 6, 5, 5, 4)
CATEGORIES = tuple(f"IAB{n}" for n in range(1, 21))
AUDIENCES = 20
PEOPLE = 100_000
AGENTS = (
    ("Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/{v}.0.0.0 "
     "Safari/537.36", 2),
    ("Mozilla/5.0 (iPhone; CPU iPhone OS 17_{m} like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.{m} "
     "Mobile/15E148 Safari/604.1", 4),
    ("Mozilla/5.0 (Linux; Android 14; Pixel 8) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/{v}.0.0.0 Mobile "
     "Safari/537.36", 4),
    ("Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.{m} "
     "Safari/605.1.15", 2),
    ("Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:{v}.0) Gecko/20100101 Firefox/{v}.0", 2),
)  # fmt: skip


LIKELY = 0.01
"""Probability of a click that bids are made for."""


def campaigns(line_items: int, bid_step: float = 0.0, by_click: bool = False) -> dict[str, object]:
    """The campaign file; ``bid_step`` shifts every bid a little, for a change that is published during a run.
    ``by_click``: line items say what a click may cost, and bid about the same where it is `LIKELY`.
    """
    draw = random.Random(1)
    advertisers = [
        {
            "key": f"bank{a}",
            "name": f"Bank {a}",
            "currency": "EUR" if a == 9 else "USD",
            "time_zone": "America/New_York",
            "domain": f"bank{a}.example",
            "categories": ["IAB13", "IAB13-2"],
        }
        for a in range(10)
    ]
    creatives = [
        {
            "key": f"ad{a}-{size}-{n}",
            "advertiser": f"bank{a}",
            "size": size,
            "attributes": [6] if n == 2 else [],
            "landing_url": f"https://www.bank{a}.example/offer/{n}?src=display",
            "image_url": f"https://cdn.bank{a}.example/{size}-{n}.png",
        }
        for a in range(10)
        for size in SIZES
        for n in range(3)
    ]
    made = []
    for c in range(50):
        made.append(
            {
                "key": f"campaign{c}",
                "advertiser": f"bank{c % 10}",
                "name": f"Campaign {c}",
                "start": "2020-01-01",
                "end": "2039-12-31",
                "daily_budget": 500_000_000,
                "frequency_caps": [{"impressions": 20, "per": "1d"}] if c % 2 else [],
                "line_items": [_line_item(draw, c % 10, i, bid_step, by_click) for i in range(c, line_items, 50)],
            }
        )
    return {
        "exchanges": [
            {"key": "usx", "currency": "USD", "billing": "burl", "auction_type": 2, "bid_expiry_s": 300},
        ],
        "rates": [{"base": "EUR", "quote": "USD", "day": "2020-01-01", "rate": 1.09}],
        "advertisers": advertisers,
        "audiences": [
            {"key": f"people{n}", "advertiser": f"bank{n % 10}", "name": f"People {n}", "file": f"people{n}.txt"}
            for n in range(AUDIENCES)
        ],
        "creatives": creatives,
        "deals": [
            {"key": f"deal{n}", "advertiser": f"bank{n}", "exchange": "usx", "code": f"DEAL-{n}"} for n in range(10)
        ],
        "campaigns": made,
    }  # fmt: skip


def _line_item(draw: random.Random, advertiser: int, number: int, bid_step: float, by_click: bool) -> dict[str, object]:
    targeting: dict[str, object] = {"country": draw.sample(COUNTRIES, draw.choice((1, 1, 2, 3)))}
    if draw.random() < 0.4:
        targeting["device_type"] = draw.choice((["pc"], ["phone", "tablet"]))
    if draw.random() < 0.3:
        targeting["browser"] = draw.sample(("chrome", "safari", "firefox"), 2)
    if draw.random() < 0.3:
        targeting["category"] = draw.sample(CATEGORIES, 4)
    if draw.random() < 0.4:  # an advertiser targets its own audiences
        targeting["audience"] = [f"people{advertiser + 10 * draw.randrange(2)}"]
    if draw.random() < 0.2:
        targeting["hour_of_week"] = ["mon-sun 00-24"]
    if draw.random() < 0.3:
        targeting["not"] = {"category": draw.sample(CATEGORIES, 2)}
    item: dict[str, object] = {
        "key": f"item{number}", "name": f"Line item {number}",
        "bid_cpm": round(0.6 + 4 * draw.random() ** 2 + bid_step, 3), "daily_budget": 50_000_000, "pacing": "asap",
        "creatives": [f"ad{advertiser}-{size}-{draw.randrange(3)}" for size in draw.sample(SIZES, 3)],
        "targeting": targeting,
    }  # fmt: skip
    if by_click:
        bid = item.pop("bid_cpm")
        assert isinstance(bid, float)
        item |= {"strategy": "target_cpc", "goal": round(bid / 1000 / LIKELY, 6), "bid_cap_cpm": round(3 * bid, 3)}
    if draw.random() < 0.5:
        item["frequency_caps"] = [{"impressions": draw.choice((3, 5, 10)), "per": "1d"}]
    if draw.random() < 0.05:
        item["deals"] = [f"deal{advertiser}"]
    return item


def write_audiences(folder: Path) -> None:
    """The id lists: every person is in two or three audiences."""
    draw = random.Random(2)
    lists: list[list[str]] = [[] for _ in range(AUDIENCES)]
    for person in range(PEOPLE):
        for audience in draw.sample(range(AUDIENCES), draw.choice((2, 3))):
            lists[audience].append(f"buyeruid:usx:person-{person:06d}")
    for number, ids in enumerate(lists):
        (folder / f"people{number}.txt").write_text("\n".join(ids) + "\n")


def request(draw: random.Random, number: int) -> dict[str, object]:
    """One distinct bid request."""
    agent, kind = draw.choice(AGENTS)
    country = draw.choices(COUNTRIES, COUNTRY_WEIGHTS)[0]
    site = draw.randrange(400)
    imps = []
    for n in range(draw.choices((1, 2, 3), (80, 14, 6))[0]):
        sizes = draw.sample(SIZES, draw.choice((1, 1, 2, 3)))
        imp: dict[str, object] = {
            "id": str(n + 1), "tagid": f"slot-{site}-{n}", "secure": 1, "bidfloorcur": "USD",
            "bidfloor": round(0.05 + draw.expovariate(2.5), 2),
            "banner": {
                "format": [{"w": int(s.split("x")[0]), "h": int(s.split("x")[1])} for s in sizes],
                "pos": draw.choice((1, 3)), "battr": [1, 2, 3, 8, 9, 10], "btype": [1], "topframe": 1,
            },
        }  # fmt: skip
        if draw.random() < 0.1:
            deal = {"id": f"DEAL-{draw.randrange(10)}", "bidfloor": 0.8, "bidfloorcur": "USD", "at": 1}
            imp["pmp"] = {"private_auction": 0, "deals": [deal]}
        imps.append(imp)
    body: dict[str, object] = {
        "id": f"{number:08x}-{draw.getrandbits(64):016x}", "at": 2, "tmax": 120, "cur": ["USD"], "imp": imps,
        "site": {
            "id": f"s{site}", "name": f"Site number {site}", "domain": f"www.site{site}.example",
            "page": f"https://www.site{site}.example/articles/2026/{draw.randrange(10_000)}.html",
            "cat": draw.sample(CATEGORIES, 2), "publisher": {"id": f"p{site % 50}", "name": f"Publisher {site % 50}"},
            "ref": "https://www.search.example/?q=finance",
        },
        "device": {
            "ua": agent.format(v=draw.randrange(110, 140), m=draw.randrange(7)), "devicetype": kind, "js": 1,
            "ip": f"203.0.113.{draw.randrange(256)}", "language": "en", "connectiontype": 2, "dnt": 0, "lmt": 0,
            "geo": {"country": country, "region": "R1", "city": "Springfield", "type": 2, "lat": 40.1, "lon": -74.2},
        },
        "user": {"id": f"x{draw.getrandbits(48):x}", "buyeruid": f"person-{draw.randrange(PEOPLE):06d}"},
        "bcat": ["IAB24", "IAB25", "IAB26", "IAB7-39", "IAB8-5", "IAB8-18", "IAB14-1"],
        "badv": ["casino.example", "bank3.example" if draw.random() < 0.1 else "tobacco.example", "vape.example"],
        "regs": {"coppa": 0}, "source": {"fd": 0, "tid": f"{draw.getrandbits(64):016x}"},
    }  # fmt: skip
    if draw.random() < 0.05:
        body["regs"] = {"coppa": 0, "gdpr": 1}
    return body


def write_requests(path: Path, port: int, count: int = 12_000) -> int:
    """Whole HTTP requests for `loadgen`, each after its length; returns their mean body size in bytes."""
    draw = random.Random(3)
    total = 0
    with path.open("wb") as file:
        for number in range(count):
            body = json.dumps(request(draw, number), separators=(",", ":")).encode()
            total += len(body)
            head = (
                f"POST /openrtb2/usx HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nContent-Type: application/json\r\n"
                f"x-openrtb-version: 2.6\r\nContent-Length: {len(body)}\r\n\r\n"
            ).encode()
            file.write((len(head) + len(body)).to_bytes(4, "little") + head + body)
    return total // count
