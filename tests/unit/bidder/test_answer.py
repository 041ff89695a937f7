"""What a bid carries: tracker URLs that open, a markup that is right, events that say the same."""

import json
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest

from domain.events import Bid, Kind, Name, NoBid
from domain.naming import name_id, person_key
from domain.token import Forged
from openrtb.parse import Malformed
from tests.auction_table import NOW_NS, SEALER, Table, snapshot

REQUEST = json.loads((Path(__file__).parents[2] / "golden" / "request.json").read_text())
BASE = "https://t.example"


class Links(HTMLParser):
    def __init__(self, markup: str) -> None:
        super().__init__()
        self.images: list[str] = []
        self.links: list[str] = []
        self.feed(markup)

    def handle_starttag(self, tag, attrs):
        found = dict(attrs)
        if tag == "img":
            self.images.append(found["src"])
        elif tag == "a":
            self.links.append(found["href"])


def the_bid(table: Table, request: dict = REQUEST, exchange: str = "usx") -> dict:
    return table.decide(request, exchange)["seatbid"][0]["bid"][0]


def token_of(url: str) -> str:
    return urlsplit(url).path.rsplit("/", 1)[1]


def test_every_url_opens_as_its_own_kind_and_no_other():
    bid = the_bid(Table())
    links = Links(bid["adm"])
    landing = parse_qs(urlsplit(links.links[0]).query)["u"][0]
    assert landing == "https://www.bank.example/card?a=1&b=2"
    urls = {
        Kind.WIN: (bid["nurl"], b""),
        Kind.BILLING: (bid["burl"], b""),
        Kind.LOSS: (bid["lurl"], b""),
        Kind.IMPRESSION: (links.images[-1], b""),
        Kind.CLICK: (links.links[0], landing.encode()),
    }
    for kind, (url, extra) in urls.items():
        assert url.startswith(f"{BASE}/{kind.name.lower()}/") and len(url) < 512
        token = SEALER.open(token_of(url), kind, extra)
        assert (token.line_item, token.creative, token.campaign, token.advertiser) == (11, 101, 1, 1)
        assert (token.bid, token.imp, token.bid_ns, token.exchange) == (7 << 32 | 1, 0, NOW_NS, 1)
        assert (token.max_price, token.basis, token.lease, token.rate) == (2_000_000, Kind.BILLING, 1_011, 0)
        assert (token.person, token.site) == (person_key("buyeruid", "ann", "usx"), name_id("news.example"))
        for other in Kind:
            if other != kind:
                with pytest.raises(Forged):
                    SEALER.open(token_of(url), other, extra)
    with pytest.raises(Forged):
        SEALER.open(token_of(links.links[0]), Kind.CLICK, b"https://evil.example/")
    assert sum(len(url) for url, _ in urls.values()) < 4096


def test_macros_are_left_for_the_exchange():
    bid = the_bid(Table())
    assert bid["nurl"].endswith("?p=${AUCTION_PRICE}&c=${AUCTION_CURRENCY}&m=${AUCTION_MIN_TO_WIN}")
    assert bid["burl"].endswith("?p=${AUCTION_PRICE}&c=${AUCTION_CURRENCY}")
    assert bid["lurl"].endswith("?r=${AUCTION_LOSS}&m=${AUCTION_MIN_TO_WIN}")
    assert Links(bid["adm"]).images[-1].endswith("?p=${AUCTION_PRICE}")


def test_an_exchange_that_bills_by_impression_gets_no_burl():
    table = Table()
    request = {
        **REQUEST,
        "cur": ["CNY"],
        "device": {"geo": {"country": "CHN"}},
        "imp": [{**REQUEST["imp"][0], "bidfloor": 0}],
    }
    bid = the_bid(table, request, "cnx")
    assert "burl" not in bid
    token = SEALER.open(token_of(bid["nurl"]), Kind.WIN)
    assert (token.basis, token.max_price, token.expiry_s) == (Kind.IMPRESSION, 3_000_000, 600)


@pytest.mark.parametrize(
    ("source", "asked"), [("macro", "p=${AUCTION_PRICE}"), ("encrypted", "e=${AUCTION_PRICE}"), ("none", "")]
)
def test_the_exchange_is_asked_for_prices_as_it_tells_them(source, asked):
    seller = {"price_source": {"banner": source, "video": "macro"}}
    bid = the_bid(Table(snapshot({"exchanges[0]": seller})))
    queries = [urlsplit(bid["nurl"]).query, urlsplit(bid["burl"]).query, urlsplit(Links(bid["adm"]).images[-1]).query]
    both = f"{asked}&c=${{AUCTION_CURRENCY}}" if asked else ""
    win = f"{both}&m=${{AUCTION_MIN_TO_WIN}}" if both else "m=${AUCTION_MIN_TO_WIN}"
    assert queries == [win, both, asked]


def test_price_in_another_currency_carries_its_rate_and_reserves_in_the_accounts():
    table = Table(snapshot({"line_items[0]": {"targeting": {"exchange": ["2"]}}}))
    bid = the_bid(table, {**REQUEST, "cur": ["CNY"], "imp": [{**REQUEST["imp"][0], "bidfloor": 0}]}, "cnx")
    token = SEALER.open(token_of(bid["nurl"]), Kind.WIN)
    assert (token.max_price, token.rate) == (14_285_714, 1)
    [use] = [use for use in table.leases.uses() if use.lease == 1_011]
    assert use.reserved == 2_000_000  # 14.285714 CNY at 0.14, rounded up: never above the 2.00 USD that were wanted


def test_the_log_says_what_was_bid():
    table = Table()
    table.decide(REQUEST)
    name, bid = table.events()
    assert name == Name("site", name_id("news.example"), "news.example")
    assert isinstance(bid, Bid)
    assert (bid.bid, bid.auction, bid.line_item, bid.creative, bid.price) == (
        7 << 32 | 1,
        "auction-1",
        11,
        101,
        2_000_000,
    )
    assert (bid.floor, bid.currency, bid.width, bid.height, bid.country) == (500_000, "USD", 300, 250, "USA")
    assert bid.device_type == 2 and not bid.test


def test_no_bids_are_sampled_with_their_reason():
    table = Table()
    table.decide({**REQUEST, "regs": {"coppa": 1}})
    [event] = table.events()
    assert isinstance(event, NoBid) and (event.reason, event.stage, event.weight) == (506, "admit", 1)


def test_test_requests_are_marked_in_token_and_log():
    table = Table()
    bid = the_bid(table, {**REQUEST, "test": 1})
    assert SEALER.open(token_of(bid["burl"]), Kind.BILLING).test
    assert table.events()[-1].test


def test_bid_ids_never_repeat():
    table = Table()
    ids = [the_bid(table)["id"] for _ in range(100)]
    assert len(set(ids)) == 100


def test_without_a_right_to_the_person_nothing_names_them():
    table = Table()
    bid = the_bid(table, {**REQUEST, "device": {**REQUEST["device"], "lmt": 1}})
    assert SEALER.open(token_of(bid["nurl"]), Kind.WIN).person == 0
    assert table.events()[-1].person == 0


@pytest.mark.parametrize("name", ['say "hi"\\\n', "ünïcødé", "日本", "a" * 500])
def test_ids_come_back_as_they_were(name):
    table = Table()
    outcome = table.decide({**REQUEST, "id": name, "imp": [{**REQUEST["imp"][0], "id": name}]})
    assert outcome["id"] == name and outcome["seatbid"][0]["bid"][0]["impid"] == name


@pytest.mark.parametrize("name", ["\ud800", 1e40, "", None, {}])
def test_an_id_that_could_not_come_back_as_it_was_is_refused(name):
    table = Table()
    with pytest.raises(Malformed, match=r"^id"):
        table.decide({**REQUEST, "id": name})
    with pytest.raises(Malformed, match=r"^imp\[0\]\.id"):
        table.decide({**REQUEST, "imp": [{**REQUEST["imp"][0], "id": name}]})


def test_equal_bids_take_turns():
    same = {
        "line_items[3]": {
            "campaign": 1,
            "bid_cpm": 2_000_000,
            "creatives": [101],
            "targeting": {"exchange": ["1"], "country": None},
        }
    }
    table = Table(snapshot(same))
    winners = [the_bid(table, {**REQUEST, "id": f"a{n}"}) for n in range(200)]
    lines = [SEALER.open(token_of(bid["nurl"]), Kind.WIN).line_item for bid in winners]
    assert 60 < lines.count(11) < 140 and set(lines) == {11, 14}
