"""Campaigns that want everything: one advertiser's ads in every format and size, and money for each of them.

Every line item has all creatives, so that what gets no bid has none for a reason of the request's.
"""

from typing import Any

import yaml

from tests.strangers.offers import SIZES

PRICE = 20
"""CPM in USD that every line item bids."""
LINE_ITEMS = 24
"""As many bids as one response can have: each bids once in it."""
HOME = "https://www.bank.example/"
CDN = "https://cdn.bank.example/"
MORE_SIZES = ((99, 99), (100, 123), (300, 300), (120, 20), (640, 360), (50, 50))


def _film(key: str, seconds: int) -> dict[str, Any]:
    return {
        "key": key, "advertiser": "bank", "format": "video", "landing_url": HOME, "language": "en",
        "video": {
            "duration_s": seconds,
            "renditions": [
                {"url": f"{CDN}{key}-720.mp4", "size": "1280x720", "bitrate_kbps": 2000},
                {"url": f"{CDN}{key}-360.webm", "size": "640x360", "bitrate_kbps": 700},
            ],
        },
    }  # fmt: skip


def _spot(key: str, seconds: int) -> dict[str, Any]:
    return {
        "key": key, "advertiser": "bank", "format": "audio", "landing_url": HOME, "language": "en",
        "audio": {"duration_s": seconds, "renditions": [{"url": f"{CDN}{key}.mp3", "bitrate_kbps": 128}]},
    }  # fmt: skip


NATIVE = {
    "key": "native", "advertiser": "bank", "format": "native", "landing_url": HOME, "language": "en",
    "native": {
        "titles": ["A card that pays back", "Card"],
        "texts": {"sponsored": ["The Bank of the Example", "Bank"], "description": "Two percent on all you buy.",
                  "call_to_action": "Apply"},
        "images": [{"type": "icon", "size": "80x80", "url": f"{CDN}icon.png"},
                   {"type": "main", "size": "1200x627", "url": f"{CDN}main.jpg"}],
    },
}  # fmt: skip


def campaign_file() -> str:
    """The file for ``outbid campaigns import``."""
    banners = [
        {"key": f"b-{w}x{h}", "advertiser": "bank", "size": f"{w}x{h}", "landing_url": HOME, "language": "en",
         "image_url": f"{CDN}{w}x{h}.png"}
        for w, h in (*SIZES, *MORE_SIZES)
    ]  # fmt: skip
    creatives = [
        *banners,
        _film("film-15", 15),
        _film("film-30", 30),
        _spot("spot-15", 15),
        _spot("spot-30", 30),
        NATIVE,
    ]
    wanted = {"creatives": [one["key"] for one in creatives], "targeting": {}, "bid_cpm": PRICE, "pacing": "asap"}
    exchanges = {"usx": ("USD", "nbr"), "eux": ("EUR", "204"), "cnx": ("CNY", "empty")}
    document = {
        "exchanges": [
            {"key": key, "currency": currency, "billing": "burl", "no_bid": no_bid, "bid_expiry_s": 60}
            for key, (currency, no_bid) in exchanges.items()
        ],
        "rates": [
            {"base": "EUR", "quote": "USD", "day": "2020-01-01", "rate": 1.1},
            {"base": "USD", "quote": "CNY", "day": "2020-01-01", "rate": 7.0},
            {"base": "EUR", "quote": "CNY", "day": "2020-01-01", "rate": 7.7},
            {"base": "GBP", "quote": "USD", "day": "2020-01-01", "rate": 1.25},
            {"base": "GBP", "quote": "EUR", "day": "2020-01-01", "rate": 1.136},
            {"base": "GBP", "quote": "CNY", "day": "2020-01-01", "rate": 8.75},
        ],
        "advertisers": [{"key": "bank", "name": "Bank", "currency": "USD", "time_zone": "UTC", "domain": "bank.example",
                         "categories": ["IAB13-2"]}],
        "creatives": creatives,
        "deals": [{"key": f"d{n}-{x}", "advertiser": "bank", "exchange": x, "code": f"deal-{n}"} for n in (1,
            2) for x in exchanges],
        "campaigns": [{
            "key": "all", "advertiser": "bank", "name": "All", "start": "2020-01-01", "end": "2039-12-31",
            "daily_budget": 50_000_000,
            "line_items": [
                {"key": f"l{n}", "name": f"Line {n}", **wanted,
                 **({"deals": [f"d{n % 2 + 1}-{x}" for x in exchanges], "deals_only": False} if n < 8 else {})}
                for n in range(LINE_ITEMS)
            ],
        }],
    }  # fmt: skip
    return yaml.safe_dump(document, sort_keys=False, allow_unicode=True)
