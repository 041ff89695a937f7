"""The whole auction against a twin that knows no index, no bitsets and no compiled code: plain loops over the nouns."""

import json

from hypothesis import given, settings
from hypothesis import strategies as st

from bidder.auction import NoBid
from domain.campaign import (
    Advertiser,
    Campaign,
    Creative,
    Deal,
    Exchange,
    FrequencyCap,
    LineItem,
    Rate,
    Snapshot,
    Targeting,
    every_format,
)
from tests.auction_table import NOW_NS, People, Table, line_item_scope

COUNTRIES = ("USA", "CAN", "FRA")
SIZES = ((300, 250), (728, 90))
CATEGORIES = ("IAB1", "IAB1-2", "IAB9")
DOMAINS = ("bank.example", "www.shop.example")
RATES = {"USD": 1.0, "EUR": 1.25}
DEALS = ("D1", "D2")

targeting = st.builds(
    Targeting,
    all_of=st.fixed_dictionaries(
        {},
        optional={
            "country": st.lists(st.sampled_from(COUNTRIES), min_size=1, unique=True).map(tuple),
            "category": st.lists(st.sampled_from(CATEGORIES), min_size=1, unique=True).map(tuple),
            "audience": st.just(("1",)),
        },
    ),
    none_of=st.fixed_dictionaries({}, optional={"category": st.just(("IAB9",)), "country": st.just(("FRA",))}),
)


@st.composite
def campaign_sets(draw) -> Snapshot:
    creatives = tuple(
        Creative(
            n, f"c{n}", 1 + n % 2, *draw(st.sampled_from(SIZES)), f"https://{DOMAINS[n % 2]}/", "https://cdn.example/i.png",
            attributes=draw(st.sampled_from(((), (3,), (8,)))),
        )
        for n in range(1, 7)
    )  # fmt: skip
    items = tuple(
        LineItem(
            n, f"l{n}", 1 + n % 2, f"L{n}", draw(st.integers(1, 5)) * 1_000_000, draw(targeting),
            tuple(c.id for c in creatives if c.advertiser == 1 + n % 2),
            frequency_caps=draw(st.sampled_from(((), (FrequencyCap(1, 60),)))),
            deals=draw(st.sampled_from(((), (), (1,), (1, 2)))),
            status=draw(st.sampled_from(("active", "active", "active", "paused"))),
        )
        for n in range(1, draw(st.integers(2, 9)))
    )  # fmt: skip
    advertisers = tuple(
        Advertiser(n + 1, f"a{n}", "A", "USD", "UTC", DOMAINS[n], (("IAB13-1",), ("IAB22",))[n]) for n in range(2)
    )
    campaigns = tuple(Campaign(n, f"k{n}", n, "K", 0, 2**62) for n in (1, 2))
    deals = tuple(Deal(n + 1, code, 1, 1) for n, code in enumerate(DEALS))
    rates = (Rate(1, "EUR", "USD", "2026-01-01", 1_250_000_000),)
    exchanges = (Exchange(1, "usx", "USD", every_format("burl")),)
    return Snapshot(1, 0, exchanges, rates, advertisers, campaigns, items, creatives, deals, ())


deals = st.fixed_dictionaries(
    {"id": st.sampled_from((*DEALS, "X"))},
    optional={
        "bidfloor": st.sampled_from((0.5, 2.5, 4.0)),
        "bidfloorcur": st.sampled_from(("USD", "EUR")),
        "wseat": st.sampled_from((["outbid"], ["other"])),
        "wadomain": st.sampled_from((["bank.example"], ["shop.example"])),
    },
)
imps = st.fixed_dictionaries(
    {"banner": st.fixed_dictionaries(
        {"format": st.lists(st.sampled_from([{"w": w, "h": h} for w, h in (*SIZES, (1, 1))]), min_size=1, max_size=2)},
        optional={"battr": st.sampled_from(([3], [8], [1]))},
    )},
    optional={
        "bidfloor": st.sampled_from((0.0, 1.0, 2.0, 3.5)),
        "bidfloorcur": st.sampled_from(("USD", "EUR")),
        "pmp": st.fixed_dictionaries({"deals": st.lists(deals, max_size=2, unique_by=lambda d: d["id"])},
                                     optional={"private_auction": st.sampled_from((0, 1))}),
    },
)  # fmt: skip
requests = st.fixed_dictionaries(
    {"imp": st.lists(imps, min_size=1, max_size=3)},
    optional={
        "site": st.fixed_dictionaries({"cat": st.lists(st.sampled_from(CATEGORIES), max_size=2)}),
        "device": st.fixed_dictionaries({"geo": st.fixed_dictionaries({"country": st.sampled_from(COUNTRIES)})}),
        "user": st.fixed_dictionaries({"buyeruid": st.sampled_from(("member", "tired", "nobody"))}),
        "bcat": st.lists(st.sampled_from(("IAB13", "IAB13-1", "IAB22", "IAB1")), max_size=2),
        "acat": st.lists(st.sampled_from(("IAB13", "IAB22")), max_size=1),
        "badv": st.lists(st.sampled_from(("bank.example", "shop.example", "x.example")), max_size=1),
    },
)


def parents(category: str) -> set[str]:
    return {category, category.split("-")[0]}


def under(domain: str, listed: list[str]) -> bool:
    return any(domain == name or domain.endswith("." + name) for name in listed)


class Twin:
    """For each imp and deal the highest price that anybody may bid."""

    def __init__(self, campaigns: Snapshot, request: dict) -> None:
        self.snapshot, self.request = campaigns, request
        self.person = request.get("user", {}).get("buyeruid")
        cats = request.get("site", {}).get("cat", [])
        self.facts = {
            "country": {request.get("device", {}).get("geo", {}).get("country")} - {None},
            "category": set().union(*map(parents, cats)),
            "audience": {"1"} if self.person == "member" else set(),
        }

    def wants(self, item: LineItem) -> bool:
        t = item.targeting
        wanted = all(set(values) & self.facts[name] for name, values in t.all_of.items())
        return item.status == "active" and wanted and not any(set(v) & self.facts[n] for n, v in t.none_of.items())

    def allowed(self, advertiser: Advertiser) -> bool:
        own = advertiser.categories
        bcat, acat = self.request.get("bcat", []), self.request.get("acat", [])
        if any(parents(c) & set(bcat) for c in own) or under(advertiser.domain, self.request.get("badv", [])):
            return False
        return not acat or all(parents(c) & set(acat) for c in own)

    def fits(self, item: LineItem, imp: dict) -> bool:
        offered = {(f["w"], f["h"]) for f in imp["banner"]["format"]}
        return any(
            (c.width, c.height) in offered and not set(c.attributes) & set(imp["banner"].get("battr", []))
            for c in self.snapshot.creatives
            if c.id in item.creatives
        )

    def deal_of(self, item: LineItem, imp: dict, advertiser: Advertiser) -> dict | None:
        codes = {d.code for d in self.snapshot.deals if d.id in item.deals}
        open_to_us = [
            deal
            for deal in imp.get("pmp", {}).get("deals", [])
            if deal["id"] in codes
            and "outbid" in deal.get("wseat", ["outbid"])
            and ("wadomain" not in deal or under(advertiser.domain, deal["wadomain"]))
        ]
        # The bidder takes the deal with the cheapest floor as written, the first of equals.
        return min(open_to_us, key=lambda deal: deal.get("bidfloor", 0), default=None)

    def capped(self, item: LineItem) -> bool:
        return bool(item.frequency_caps) and (self.person is None or self.person == "tired")

    def offers(self, imp: dict) -> dict[str | None, list[tuple[int, int]]]:
        """By deal id (None: open): (price, line item) of everybody who may bid."""
        found: dict[str | None, list[tuple[int, int]]] = {}
        for item in self.snapshot.line_items:
            advertiser = next(a for a in self.snapshot.advertisers if a.id == item.campaign)
            if not (self.wants(item) and self.allowed(advertiser) and self.fits(item, imp)) or self.capped(item):
                continue
            deal = self.deal_of(item, imp, advertiser) if item.deals else None
            if deal is None and (item.deals or imp.get("pmp", {}).get("private_auction")):
                continue
            rule = deal if deal is not None else imp
            if item.bid_cpm < round(rule.get("bidfloor", 0) * 1_000_000 * RATES[rule.get("bidfloorcur", "USD")]):
                continue
            found.setdefault(deal["id"] if deal else None, []).append((item.bid_cpm, item.id))
        return found


def expected_bids(twin: Twin, bids: list[dict], lines: list[int]) -> None:
    """Walks the response beside the twin: who won is followed, that nobody better was passed over is checked."""
    taken: set[int] = set()
    left = list(zip(bids, lines, strict=True))
    for number, imp in enumerate(twin.request["imp"]):
        offers = twin.offers(imp)
        order = [None, *(deal["id"] for deal in imp.get("pmp", {}).get("deals", []))]
        for deal in order:
            free = [offer for offer in offers.get(deal, []) if offer[1] not in taken]
            if not free:
                continue
            assert left, f"nobody bid on imp {number} in {deal}, though {free} could"
            bid, line = left.pop(0)
            assert (bid["impid"], bid.get("dealid")) == (str(number), deal)
            best = max(price for price, _ in free)
            assert round(bid["price"] * 1_000_000) == best and (best, line) in free
            taken.add(line)
    assert not left, f"bids that nobody may make: {left}"


@settings(max_examples=400, deadline=None)
@given(campaign_sets(), requests)
def test_the_auction_agrees_with_its_twin(campaigns: Snapshot, request: dict) -> None:
    request = {"id": "r", "site": {}, **request}
    request["imp"] = [{**imp, "id": str(n)} for n, imp in enumerate(request["imp"])]
    people = People()
    people.put("buyeruid:usx:member", {1: 2**32 - 1}, {})
    now_s = NOW_NS // 10**9
    people.put("buyeruid:usx:tired", {}, {line_item_scope(n): [now_s - 5] for n in range(1, 10)})
    table = Table(campaigns, people)
    outcome = table.decide(request)
    twin = Twin(campaigns, json.loads(json.dumps(request)))
    bids = [] if isinstance(outcome, NoBid) else outcome["seatbid"][0]["bid"]
    lines = [event.line_item for event in table.events() if type(event).__name__ == "Bid"]
    expected_bids(twin, bids, lines)
