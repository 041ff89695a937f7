"""Macros, markup, forgeries, landing pages: what a notice is made of."""

import random
from base64 import urlsafe_b64encode
from urllib.parse import parse_qs, urlsplit

import pytest

from domain.keys import Keys
from simulator.config import Trouble
from simulator.landing import Advertiser, Landings, Published
from simulator.macros import substitute
from simulator.markup import read_markup
from simulator.mischief import Mischief, longest_segment


def test_macros_become_their_values_and_unknown_ones_empty() -> None:
    url = "https://t/w?p=${AUCTION_PRICE}&b=${AUCTION_PRICE:B64}&i=${AUCTION_ID}&m=${AUCTION_MBR}&x=${OTHER}&${"
    encoded = urlsafe_b64encode(b"1.25").decode()
    found = substitute(url, {"AUCTION_PRICE": "1.25", "AUCTION_ID": "a&b=/"})
    assert substitute("${AUCTION_PRICE:ROT13}", {"AUCTION_PRICE": "1.25"}) == ""
    assert found == f"https://t/w?p=1.25&b={encoded}&i=a%26b%3D%2F&m=&x=${{OTHER}}&${{"


def test_a_browser_finds_what_leads_to_the_bidders_host() -> None:
    html = (
        '<a href="https://t.example/click/x?u=https%3A%2F%2Fb.example&amp;k=1"><img src="https://cdn.example/a.png"></a>'
        '<img SRC=https://t.example/impression/y width=1><a name="x">no link</a><img alt="no source">'
    )
    markup = read_markup(html).from_host("t.example")
    assert markup.images == ("https://t.example/impression/y",)
    assert markup.links == ("https://t.example/click/x?u=https%3A%2F%2Fb.example&k=1",)


def test_a_forgery_differs_in_token_or_target_and_in_nothing_else() -> None:
    mischief = Mischief(Trouble(), random.Random(3))
    url = "https://t.example/click/AAAABBBBCCCC?u=https%3A%2F%2Fbank.example%2F&p=1"
    others = [url, "https://t.example/win/DDDDEEEEFFFF?p=1"]
    tokens, targets = set(), set()
    for _ in range(200):
        forged = urlsplit(mischief.forge(url, others))
        assert (forged.netloc, forged.path[:7]) == ("t.example", "/click/")
        query = parse_qs(forged.query)
        assert query["p"] == ["1"]
        token, target = longest_segment(forged.geturl()), query["u"][0]
        assert (token, target) != ("AAAABBBBCCCC", "https://bank.example/")
        assert token in ("AAAABBBBCCCC", "DDDDEEEEFFFF") or sum(map(str.__ne__, token, "AAAABBBBCCCC")) == 1
        tokens.add(token)
        targets.add(target)
    assert targets == {"https://bank.example/", "https://phishing.example/"}
    assert {"AAAABBBBCCCC", "DDDDEEEEFFFF"} < tokens


@pytest.fixture
def landings() -> Landings:
    found = Landings("https://t.example", Keys(b"", b"", bytes(32)), random.Random(1))
    found.learn(Published((Advertiser("bank", "Bank.example", "EUR"),)))
    return found


def test_a_page_belongs_to_the_advertiser_of_its_domain(landings: Landings) -> None:
    owners = [landings.owner(f"https://{host}/x") for host in ("bank.example", "www.bank.example")]
    assert [owner.key for owner in owners if owner] == ["bank", "bank"]
    assert landings.owner("https://notbank.example/") is None
    assert landings.owner("https://example/") is None


def test_conversions_are_reported_by_pixel_and_by_postback(landings: Landings) -> None:
    reports = [landings.report("https://bank.example/?a=1&obclid=abc", "12.50") for _ in range(40)]
    assert all(report and "abc" in (report.body or report.url) for report in reports)
    assert {report.url.split("?")[0] for report in reports if report} == {
        "https://t.example/conversion",
        "https://t.example/postback/bank",
    }
    pixel = next(report for report in reports if report and report.body is None)
    query = parse_qs(urlsplit(pixel.url).query)
    assert (query["advertiser"], query["value"], query["currency"]) == (["bank"], ["12.50"], ["EUR"])
    assert landings.report("https://bank.example/", "1") is None
    assert landings.report("https://other.example/?obclid=1", "1") is None
