"""The whole auction against a twin that knows no index, no bitsets and no compiled code: plain loops over the nouns."""

from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from bidder.auction import NoBid
from bidder.changes import change_of
from bidder.view import View
from domain.campaign import Advertiser, Campaign, Clause, Deal, LineItem, Rate, Snapshot, Targeting
from domain.creative import Creative, every_format
from domain.exchange import Exchange
from domain.frequency import FrequencyCap
from tests.auction_table import NOW_NS, PLENTY, People, Table, line_item_scope
from tests.auction_twin import Offer, Twin
from tests.examples import examples

COUNTRIES = ("USA", "CAN", "FRA")
SIZES = ((300, 250), (728, 90))
CATEGORIES = ("IAB1", "IAB1-2", "IAB9")
DOMAINS = ("bank.example", "www.shop.example")
DEALS = ("D1", "D2")

CLAUSES = st.one_of(
    st.builds(Clause, st.just("country"), st.lists(st.sampled_from(COUNTRIES), min_size=1, unique=True).map(tuple)),
    st.builds(Clause, st.just("category"), st.lists(st.sampled_from(CATEGORIES), min_size=1, unique=True).map(tuple)),
    st.just(Clause("audience", ("1",))),
    st.sampled_from((Clause("category", ("IAB9",), False), Clause("country", ("FRA",), False))),
)
ALTERNATIVES = st.lists(CLAUSES, max_size=3, unique_by=lambda clause: (clause.dimension, clause.wanted)).map(tuple)
targeting = st.lists(ALTERNATIVES, min_size=1, max_size=2).map(lambda found: Targeting(tuple(found)))


@st.composite
def campaign_sets(draw, *, dense: bool = False) -> Snapshot:
    """``dense``: nearly everybody wants nearly everything, so that rules of the choice decide."""
    creatives = tuple(
        Creative(
            n, f"c{n}", 1 + n % 2, *draw(st.sampled_from(SIZES)), f"https://{DOMAINS[n % 2]}/", "https://cdn.example/i.png",
            attributes=draw(st.sampled_from(((), (3,), (8,)))),
            language="xx" if dense else draw(st.sampled_from(("", "en", "fr", "xx"))),
            bundle=draw(st.sampled_from(("", "", "com.bank.app"))),
        )
        for n in range(1, 7)
    )  # fmt: skip
    items = tuple(
        LineItem(
            n, f"l{n}", 1 + n % 2, f"L{n}", draw(st.integers(1, 5)) * 1_000_000,
            Targeting() if dense else draw(targeting),
            tuple(c.id for c in creatives if c.advertiser == 1 + n % 2),
            frequency_caps=() if dense else draw(st.sampled_from(((), (FrequencyCap(1, 60),)))),
            deals=draw(st.sampled_from(((), (), (1,), (1, 2)))), deals_only=draw(st.booleans()),
            interstitials="any" if dense else draw(st.sampled_from(("any", "any", "only", "never"))),
            roadblock=draw(st.sampled_from(("none", "none", "none", "none", "request", "page"))),
            separate_categories=draw(st.sampled_from((False, False, True))),
            separate_from=draw(st.sampled_from(((), (), (1,), (2,)))),
            status=draw(st.sampled_from(("active", "active", "active", "paused"))),
        )
        for n in range(1, draw(st.integers(2, 9)))
    )  # fmt: skip
    advertisers = tuple(
        Advertiser(
            n + 1,
            f"a{n}",
            "A",
            "USD",
            "UTC",
            DOMAINS[n],
            draw(st.sampled_from(((("IAB13-1",), ("IAB22",))[n], ("IAB13",)))),
            draw(st.sampled_from(({}, {"content_3.1": ("391",)}))),
        )
        for n in range(2)
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
        "at": st.sampled_from((1, 3)),
        "guar": st.sampled_from((0, 0, 1)),
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
        "instl": st.sampled_from((0, 1)),
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
        "bcat": st.lists(st.sampled_from(("IAB13", "IAB13-1", "IAB22", "IAB1", "391", "483")), max_size=2),
        "acat": st.lists(st.sampled_from(("IAB13", "IAB22", "391")), max_size=1),
        "cattax": st.sampled_from((1, 9)),
        "bapp": st.lists(st.sampled_from(("com.bank.app", "com.bank")), max_size=1),
        "wlang": st.lists(st.sampled_from(("en", "fr", "de")), max_size=2),
        "allimps": st.sampled_from((0, 1)),
        "test": st.sampled_from((0, 1)),
        "badv": st.lists(st.sampled_from(("bank.example", "shop.example", "x.example")), max_size=1),
    },
)


dense_imps = st.fixed_dictionaries(
    {
        "banner": st.just({"format": [{"w": w, "h": h} for w, h in SIZES]}),
        "bidfloor": st.sampled_from((0.0, 1.0, 2.0)),
        "pmp": st.fixed_dictionaries({"deals": st.lists(deals, max_size=2, unique_by=lambda d: d["id"])}),
    }
)
dense_requests = st.fixed_dictionaries(
    {"imp": st.lists(dense_imps, min_size=1, max_size=3), "allimps": st.sampled_from((0, 1))}
)


@settings(max_examples=examples(200), deadline=None)
@given(campaign_sets(), requests)
def test_the_auction_agrees_with_its_twin(campaigns: Snapshot, request: dict) -> None:
    compare(campaigns, request)


@settings(max_examples=examples(200), deadline=None)
@given(campaign_sets(dense=True), dense_requests)
def test_the_choice_among_many_agrees_with_its_twin(campaigns: Snapshot, request: dict) -> None:
    compare(campaigns, request)


SHARED = ("exchanges", "rates", "advertisers", "deals")


@settings(max_examples=examples(300), deadline=None)
@given(campaign_sets(), campaign_sets(), st.lists(st.integers(1, 9)), requests, requests)
def test_a_changed_view_agrees_with_the_twin(
    before: Snapshot, other: Snapshot, kept: list[int], request: dict, again: dict
) -> None:
    """Line items, campaigns and creatives of another set, some line items as before: the view takes the change in
    place."""
    same = tuple(item for item in before.line_items if item.id in kept)
    rest = tuple(item for item in other.line_items if item.id not in kept)
    after = replace(
        other, version=before.version + 1, line_items=(*same, *rest), **{name: getattr(before, name) for name in SHARED}
    )
    compare(after, request, before)
    compare(before, again, after)


def compare(campaigns: Snapshot, request: dict, before: Snapshot | None = None) -> None:
    request = {"id": "r", "site": {}, **request}
    request["imp"] = [{**imp, "id": str(n)} for n, imp in enumerate(request["imp"])]
    people = People()
    people.put("buyeruid:usx:member", {1: 2**32 - 1}, {})
    now_s = NOW_NS // 10**9
    people.put("buyeruid:usx:tired", {}, {line_item_scope(n): [now_s - 5] for n in range(1, 10)})
    table = Table(campaigns, people)
    if before is not None:
        table.view = View(before, table.leases)
        change = change_of(table.view, campaigns)
        assert change is not None
        table.view.apply(change, table.leases)
        live = {item.id for item in table.view.line_items if table.view.places.get(item.id) is not None}
        assert len(table.view) == len(live) == len(View(campaigns, table.leases))
    outcome = table.decide(request)
    seats = [] if isinstance(outcome, NoBid) else outcome["seatbid"]
    assert len(seats) <= 1
    twin = Twin(campaigns, request)
    lines = [event.line_item for event in table.events() if type(event).__name__ == "Bid"]
    bids = tuple(found(twin, bid, line) for seat in seats for bid, line in zip(seat["bid"], lines, strict=True))
    assert twin.allows(bids, any(seat.get("group") == 1 for seat in seats)), (
        bids,
        twin.single_bids(),
        twin.roadblocks(),
    )
    spent = sum(PLENTY - table.leases.available(line) for line in {*lines})
    assert spent == (0 if request.get("test") == 1 else sum(bid.price for bid in bids))


def found(twin: Twin, bid: dict, line: int) -> Offer:
    """A bid as the twin writes it."""
    imp, deal = int(bid["impid"]), bid.get("dealid")
    terms = next((d for d in twin.request["imp"][imp].get("pmp", {}).get("deals", []) if d["id"] == deal), {})
    return Offer(imp, deal, round(bid["price"] * 1_000_000), line, terms.get("guar") == 1)
