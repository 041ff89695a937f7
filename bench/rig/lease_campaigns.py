"""The campaigns of the lease bench: line items with budgets of their own and without, large and small."""

from decimal import Decimal

from domain.money import NANOS

WORLD = (
    # campaign, its budget; line items: key, CPM, own budget, size in bids at full price
    ("shared", "daily", (("low", "1.00", "", 400), ("middle", "2.00", "", 400), ("high", "3.50", "", 400))),
    ("mixed", "total", (("by-day", "1.50", "daily", 500), ("in-all", "2.50", "total", 800))),
    (
        "own",
        "total",
        (("large", "1.20", "total", 1500), ("small", "4.00", "total", 150), ("tiny", "3.00", "daily", 30)),
    ),
)
"""A campaign's budget is the sum of its line items' sizes, so that every budget there is has to be spent to its end."""


def world(size: Decimal, expiry_s: int) -> tuple[dict[str, object], dict[str, int]]:
    """The campaign file, and every budget in it by the key of its line item or campaign, in nanos."""
    budgets: dict[str, int] = {}
    campaigns = []
    for campaign, kind, lines in WORLD:
        items, whole = [], Decimal(0)
        for key, cpm, own, bids in lines:
            budget = Decimal(cpm) * bids * size / 1000
            whole += budget
            limit = {f"{own}_budget": f"{budget}"} if own else {}
            budgets |= {key: int(budget * NANOS)} if own else {}
            item = {"key": key, "name": key, "bid_cpm": cpm, "pacing": "asap", "creatives": ["banner"], "targeting": {}}
            items.append(item | limit)
        budgets[campaign] = int(whole * NANOS)
        flight = {"start": "2027-01-01", "end": "2027-12-31", f"{kind}_budget": f"{whole}"}
        campaigns.append({"key": campaign, "advertiser": "bank", "name": campaign, "line_items": items} | flight)
    return {
        "exchanges": [
            {"key": "usx", "currency": "USD", "billing": "burl", "bid_expiry_s": expiry_s},
            {"key": "cnx", "currency": "CNY", "billing": "impression", "bid_expiry_s": expiry_s},
        ],
        "rates": [{"base": "USD", "quote": "CNY", "day": "2027-01-01", "rate": 7.1}],
        "advertisers": [
            {
                "key": "bank", "name": "Bank", "currency": "USD", "time_zone": "UTC", "domain": "bank.example",
                "categories": ["IAB13"],
            }
        ],
        "creatives": [
            {
                "key": "banner", "advertiser": "bank", "size": "300x250", "landing_url": "https://bank.example/",
                "image_url": "https://bank.example/a.png",
            }
        ],
        "campaigns": campaigns,
    }, budgets  # fmt: skip
