"""Offers read from sloppy requests, and the requests that the simulator makes itself."""

import json
import random
from collections import Counter
from decimal import Decimal
from itertools import islice
from pathlib import Path

import pytest

from domain.clock import SECOND, ManualClock
from domain.creative import every_format
from domain.errors import Refused
from domain.exchange import Exchange
from openrtb.decode import decode
from openrtb.parse import dropped, parse
from openrtb.request import Request
from simulator.config import FORMATS, SimulatorSettings
from simulator.exchange import Auction
from simulator.market import HOURS, activity
from simulator.offer import read_offer
from simulator.population import Population
from simulator.replay import replay_ipinyou
from simulator.requests import requests_in
from simulator.run import synthetic

SETTINGS = SimulatorSettings(persons=400)
NOON = ManualClock(1_800_000_000 * SECOND)


def test_a_sloppy_request_is_read_as_it_was_meant() -> None:
    banner = {"w": "300", "h": 250.0, "battr": "8", "format": {"w": 728, "h": "90"}}
    imp = {"id": 7, "bidfloor": "0.50", "secure": "1", "banner": banner, "pmp": {"deals": [{"id": "D", "at": "1"}, 5]}}
    offer = read_offer(
        {"id": 5, "at": "1", "bcat": [26], "imp": [imp, None], "tmax": "90"}, currency="CNY", auction_type=2
    )
    (found,) = offer.imps.values()
    assert (offer.id, offer.auction_type, offer.tmax_ms, offer.blocked_categories) == ("5", 1, 90, {"26"})
    assert (found.id, found.floor, found.currency, found.secure) == ("7", Decimal("0.50"), "USD", True)
    assert (found.sizes, found.blocked_attributes) == ({(300, 250), (728, 90)}, {1: {8}})
    assert (found.deals["D"].at, found.deals["D"].currency) == (1, "USD")


@pytest.mark.parametrize("request_", [{}, {"imp": {"id": "1", "bidfloor": "x", "banner": 3}, "at": [], "test": None}])
def test_what_makes_no_sense_is_absent(request_: dict[str, object]) -> None:
    offer = read_offer(request_, currency="USD", auction_type=2)
    assert (offer.auction_type, offer.test, offer.currencies) == (2, False, {"USD"})
    assert [imp.floor for imp in offer.imps.values()] == [Decimal(0)] * len(offer.imps)


def test_synthetic_traffic_has_supply_chains_of_all_kinds() -> None:
    sources = [auction.request["source"] for auction in islice(synthetic(SETTINGS, NOON, random.Random(1)), 500)]
    chains = [source.get("schain") or source.get("ext", {}).get("schain") for source in sources]
    kinds = Counter(
        "none" if chain is None
        else "incomplete" if not chain["complete"]
        else "broken" if "sid" not in chain["nodes"][0]
        else len(chain["nodes"])
        for chain in chains
    )  # fmt: skip
    assert set(kinds) == {"none", "incomplete", "broken", 1, 2} and min(kinds.values()) > 20
    assert any("ext" in source for source in sources)


def test_synthetic_traffic_has_something_for_every_gate() -> None:
    auctions = list(islice(synthetic(SETTINGS, NOON, random.Random(1)), 3000))
    requests = [json.loads(auction.body) for auction in auctions]
    imps = [imp for request in requests for imp in request["imp"]]
    assert len({request["id"] for request in requests}) == 3000
    assert all("site" in request or "app" in request for request in requests)
    found = Counter(
        name
        for request in requests
        for name, there in {
            "site": "site" in request,
            "app": "app" in request,
            "coppa": request.get("regs", {}).get("coppa") == 1,
            "gdpr without consent": request.get("regs", {}).get("ext", {}).get("gdpr") == 1
            and "ext" not in request["user"],
            "gdpr with consent": "ext" in request["user"],
            "limited": request["device"]["lmt"] == 1,
            "bcat": "bcat" in request,
            "badv": "badv" in request,
            "test": request.get("test") == 1,
            "two imps": len(request["imp"]) == 2,
            "first price": request["at"] == 1,
            "second price": request["at"] == 2,
        }.items()
        if there
    )
    assert len(found) == 12, found
    assert any("pmp" in imp for imp in imps)
    assert any("secure" in imp for imp in imps)
    assert any(
        imp.get("bidfloorcur") not in (None, auction.seller.currency)
        for auction in auctions
        for imp in auction.request["imp"]
    )
    assert 0.2 < sum(auction.gzip for auction in auctions) / 3000 < 0.4
    people = Counter(request["device"].get("ifa") or request["user"].get("buyeruid") for request in requests)
    assert people.most_common(1)[0][1] > 20
    medians = {
        key: sorted(auction.market for auction in auctions if auction.seller.key == key and "banner" in kinds(auction))
        for key in ("usx", "cnx")
    }
    found_medians = {key: float(prices[len(prices) // 2]) for key, prices in medians.items()}
    assert found_medians == pytest.approx({"usx": 0.9, "cnx": 0.57}, rel=0.2)


def kinds(auction: Auction) -> set[str]:
    return {name for imp in auction.request["imp"] for name in FORMATS if name in imp}


def test_synthetic_traffic_offers_every_format_about_as_often_as_it_is_said_to() -> None:
    auctions = list(islice(synthetic(SETTINGS, NOON, random.Random(1)), 4000))
    firsts = Counter(next(name for name in imp if name in FORMATS) for a in auctions for imp in a.request["imp"])
    shares = {name: firsts[name] / firsts.total() for name in FORMATS}
    assert shares == pytest.approx({"banner": 0.70, "native": 0.20, "video": 0.08, "audio": 0.02}, abs=0.02)
    several = [imp for a in auctions for imp in a.request["imp"] if sum(name in imp for name in FORMATS) > 1]
    assert 0.1 < len(several) / len(auctions) < 0.2
    assert {tuple(sorted(set(imp) & set(FORMATS))) for imp in several} == {("banner", "video"), ("banner", "native")}


def test_what_is_offered_is_sound_by_the_models_own_rules() -> None:
    """Read by the typed model, which drops and counts what it cannot read; nothing of these is dropped."""
    request, versions, before = Request(), set(), dropped.total()
    exchange = Exchange(id=1, key="usx", currency="USD", billing=every_format("burl"))
    for auction in islice(synthetic(SETTINGS, NOON, random.Random(2)), 1500):
        parse(auction.body)
        assert not decode(request, auction.body, exchange, NOON.now_ns())
        for imp in auction.request["imp"]:
            versions.add(json.loads(imp["native"]["request"])["ver"] if "native" in imp else "")
    assert dropped.total() == before
    assert versions == {"", "1.1", "1.2"}


def test_the_same_seed_makes_the_same_traffic() -> None:
    first, second = (
        [auction.body for auction in islice(synthetic(SETTINGS, NOON, random.Random(4)), 50)] for _ in range(2)
    )
    assert first == second


def test_one_exchange_alone() -> None:
    keys = {auction.seller.key for auction in islice(synthetic(SETTINGS, NOON, random.Random(1), "usx"), 50)}
    assert keys == {"usx"}


def test_people_of_audience_lists_are_among_the_population(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("# who\n\nifa:11-22\nbuyeruid:usx:abc\nuser:cnx:me\nbuyeruid:elsewhere:x\n")
    people = Population(SETTINGS.sellers, 50, tmp_path).people
    assert len(people) == 50
    found = {(p.seller.key, p.buyeruid, p.user_id) for p in people if p.buyeruid == "abc" or p.user_id}
    assert found == {("usx", "abc", ""), ("cnx", "", "me")}
    assert [person.ifa for person in people].count("11-22") == 1
    assert not any(person.buyeruid == "x" for person in people)
    assert people == Population(SETTINGS.sellers, 50, tmp_path).people


def test_the_hours_of_the_day_average_to_one() -> None:
    day = [activity((1_800_000_000 + minute * 60) * SECOND, 8) for minute in range(1440)]
    assert sum(day) / 1440 == pytest.approx(1, abs=0.01)
    assert activity(0, 15) == HOURS[15]
    assert activity(1800 * SECOND, 23) == pytest.approx((HOURS[23] + HOURS[0]) / 2)


ROW = (
    "1\t6\t11\tabc\t20131019110113626\t1\tCookie\tmac_safari\t14.222.23.*\t216\t233"
    "\t1\tdom\turl\tnull\tslot1\t728\t90\tFirstView\tNa\t5\t7323\t294\t46\tnull\t2259\t1,2"
)


def test_a_recorded_row_becomes_a_valid_request(tmp_path: Path) -> None:
    log = tmp_path / "log.tsv"
    log.write_text(ROW + "\n" + ROW.replace("dom\turl", "null\tnull").replace("\t5\t7323", "\t0\t7323") + "\n")
    first, second = replay_ipinyou(log, SETTINGS.seller("cnx"))
    request = json.loads(first.body)
    assert (request["id"], request["at"], request["cur"]) == ("abc-1", 2, ["CNY"])
    assert request["imp"] == [
        {"id": "1", "banner": {"w": 728, "h": 90, "pos": 1}, "tagid": "slot1", "bidfloor": 0.05, "bidfloorcur": "CNY"}
    ]
    assert request["site"] == {"domain": "dom", "page": "http://dom/url"}
    assert (request["device"]["ip"], request["device"]["geo"]["country"]) == ("14.222.23.0", "CHN")
    assert "Macintosh" in request["device"]["ua"] and "Safari" in request["device"]["ua"]
    assert request["user"]["buyeruid"] == "Cookie"
    assert [segment["id"] for segment in request["user"]["data"][0]["segment"]] == ["1", "2"]
    assert (first.market, first.clicks) == (Decimal("0.46"), True)
    assert json.loads(second.body)["id"] == "abc-2"
    assert "site" not in second.request and "bidfloor" not in second.request["imp"][0]


@pytest.mark.parametrize(
    ("row", "said"),
    [("a\tb", "line 1: 2 is not allowed"), (ROW.replace("\t728\t", "\twide\t"), "line 1, slotwidth: 'wide'")],
)
def test_a_row_that_is_none_is_refused_by_line_and_field(tmp_path: Path, row: str, said: str) -> None:
    (tmp_path / "log.tsv").write_text(row + "\n")
    with pytest.raises(Refused, match=said):
        list(replay_ipinyou(tmp_path / "log.tsv", SETTINGS.seller("cnx")))


def test_a_log_needs_an_exchange_in_its_currency_and_must_be_there(tmp_path: Path) -> None:
    with pytest.raises(Refused, match="must be an exchange in CNY"):
        list(replay_ipinyou(tmp_path / "x", SETTINGS.seller("usx")))
    with pytest.raises(Refused, match="can be read"):
        list(replay_ipinyou(tmp_path / "x", SETTINGS.seller("cnx")))


def test_a_folder_without_requests_is_refused(tmp_path: Path) -> None:
    with pytest.raises(Refused, match="folder with bid requests"):
        list(requests_in(tmp_path, SETTINGS.seller("usx"), random.Random(1)))
