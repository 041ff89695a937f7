"""Macros, markup, forgeries, landing pages: what a notice is made of."""

import json
import random
from base64 import urlsafe_b64encode
from collections import Counter
from urllib.parse import parse_qs, urlsplit

import pytest

from domain.keys import Keys
from simulator.config import Trouble
from simulator.landing import Advertiser, Landings, Published
from simulator.macros import substitute
from simulator.markup import PLAYED, read_markup
from simulator.mischief import Mischief, longest_segment
from simulator.users import COMPLETED, IN_VIEW, MEASURED, MUTED, Audience


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


TRACKED = """<VAST version="4.1" xmlns="http://www.iab.com/VAST"><Ad><InLine><Impression>https://t/i</Impression>
<ViewableImpression><Viewable>https://t/e?e=viewable</Viewable><NotViewable>https://t/e?e=not_viewable</NotViewable>
</ViewableImpression><Creatives><Creative><Linear skipoffset="00:00:05"><Duration>00:00:30</Duration><TrackingEvents>
<Tracking event="start">https://t/e?e=start</Tracking><Tracking event="start">https://other/e?e=start</Tracking>
<Tracking event="firstQuartile">https://t/e?e=first_quartile</Tracking><Tracking event="skip">https://t/e?e=skip</Tracking>
<Tracking event="midpoint">https://t/e?e=midpoint</Tracking><Tracking event="mute">https://t/e?e=mute</Tracking>
<Tracking event="thirdQuartile">https://t/e?e=third_quartile</Tracking><Tracking event="rewind">https://t/no</Tracking>
<Tracking event="complete">https://t/e?e=complete</Tracking></TrackingEvents><VideoClicks><ClickThrough>https://t/c
</ClickThrough></VideoClicks></Linear></Creative></Creatives></InLine></Ad></VAST>"""


def test_a_player_finds_what_to_report_and_an_app_what_of_it_was_seen() -> None:
    markup = read_markup(TRACKED, 2).from_host("t")
    assert (markup.seconds, markup.skippable, markup.images, markup.links) == (
        30.0,
        True,
        ("https://t/i",),
        ("https://t/c",),
    )
    assert dict(markup.told) == {
        name: f"https://t/e?e={name}"
        for name in (*PLAYED, "mute", "skip", "viewable", "not_viewable")
    }  # fmt: skip
    trackers = [{"event": 1, "method": 1, "url": "https://t/i"}, {"event": 2, "method": 1, "url": "https://t/v"}]
    answer = {"assets": [], "link": {"url": "https://t/c"}, "eventtrackers": [*trackers, {"event": 2, "method": 2}]}
    native = read_markup(json.dumps(answer), 4)
    assert (native.images, native.links, native.told) == (
        ("https://t/i",),
        ("https://t/c",),
        (("viewable", "https://t/v"),),
    )


def test_who_watches_sees_the_parts_in_order_and_skips_only_what_can_be_skipped() -> None:
    audience = Audience(0.0, 0.0, random.Random(5))
    seen: Counter[str] = Counter()
    for _ in range(4000):
        skippable = audience.rng.random() < 0.5
        told = audience.plays(30, skippable=skippable)
        names = [name for name, _ in told]
        parts = [name for name in names if name in PLAYED]
        assert parts == list(PLAYED[: len(parts)]) and names[0] == "start"
        assert "skip" not in names or (skippable and "complete" not in names and names.index("skip") > 0)
        assert skippable is False or "complete" in names or "skip" in names
        assert not {"viewable", "not_viewable"} <= set(names)
        assert [after for _, after in told] == sorted(after for _, after in told) and told[-1][1] <= 30
        assert "unmute" not in names or names.index("mute") < names.index("unmute")
        seen.update(names)
    assert seen["complete"] / 4000 == pytest.approx(COMPLETED, abs=0.03)
    assert seen["mute"] / 4000 == pytest.approx(MUTED, abs=0.03)
    measured = seen["viewable"] + seen["not_viewable"]
    assert measured / 4000 == pytest.approx(MEASURED, abs=0.03)
    assert seen["viewable"] / measured < IN_VIEW  # some of those in view leave before two seconds


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
