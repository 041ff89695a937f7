"""A campaign file is taken whole or refused whole, and every mistake is named: where, what, and what is allowed."""

import json
from collections.abc import Callable
from copy import deepcopy
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
import yaml
from sqlalchemy import text

from campaigns import catalogue
from campaigns.catalogue import Catalogue
from campaigns.importing import Summary, import_file
from campaigns.snapshot import compile_snapshot
from campaigns.store import Store
from domain.campaign import Clause, Limits, SupplyRules
from domain.errors import Refused
from domain.exchange import Privacy, UserSync
from domain.frequency import FrequencyCap
from domain.naming import person_key
from targeting.index import TargetingIndex
from targeting.profiles import ProfileStore
from tests.control_stores import new_control_store

EXAMPLES = Path(__file__).parents[3] / "examples" / "consumer-finance" / "campaigns.yaml"
NOW = 1_790_000_000 * 10**9

FILE: dict[str, Any] = {
    "exchanges": [
        {"key": "usx", "currency": "USD", "billing": "burl", "ads_domain": "usx.example"},
        {"key": "cnx", "currency": "CNY", "billing": "impression", "auction_type": 1},
    ],
    "rates": [{"base": "USD", "quote": "CNY", "day": "2020-01-01", "rate": "7.1"}],
    "agencies": [{"key": "house", "name": "House", "currency": "CNY", "time_zone": "UTC", "daily_budget": "5000"}],
    "fees": [
        {"key": "platform", "name": "Platform", "share": "12.5%"}, {"key": "serving", "name": "Serving", "cpm": "0.05"},
    ],
    "advertisers": [
        {
            "key": "bank", "fees": ["serving", "platform"], "name": "Bank", "currency": "USD", "domain": "bank.example",
            "time_zone": "America/New_York", "categories": ["IAB13"],
        },
        {
            "agency": "house", "key": "loans", "name": "Loans", "currency": "CNY", "time_zone": "Asia/Shanghai",
            "domain": "loans.example", "categories": ["IAB13-2"],
        },
    ],
    "audiences": [{"key": "prime", "advertiser": "bank", "name": "Prime", "file": "prime.txt", "data_cpm": "0.4"}],
    "creatives": [
        {
            "key": "c1", "advertiser": "bank", "size": "300x250", "landing_url": "https://www.bank.example/card",
            "image_url": "https://cdn.example/1.jpg", "attributes": [1],
        },
        {
            "key": "c2", "advertiser": "loans", "size": "728x90", "landing_url": "https://loans.example/",
            "markup": '<a href="${CLICK_URL}">x</a>',
        },
    ],
    "deals": [{"key": "d1", "advertiser": "bank", "exchange": "usx", "code": "X-1"}],
    "campaigns": [
        {
            "key": "cards", "advertiser": "bank", "name": "Cards", "start": "2026-03-08", "end": "2026-11-01",
            "daily_budget": "100.5", "frequency_caps": [{"impressions": 3, "per": "1d"}],
            "line_items": [
                {
                    "key": "l1", "name": "Line", "bid_cpm": "1.25", "creatives": ["c1"], "deals": ["d1"],
                    "targeting": {
                        "country": ["USA"], "size": ["300x250"], "audience": ["prime"], "exchange": ["usx"],
                        "device_type": ["pc"], "hour_of_week": ["mon 00-02"], "not": {"site": ["Bad.example"]},
                    },
                    "supply": {"ads_txt": "authorised", "schain": "not_incomplete", "max_hops": 3},
                },
            ],
        },
    ],
    "block_lists": [
        {
            "key": "unsafe", "domains": ["bad.example"], "bundles": ["com.bad.game", "1234567"],
            "publishers": ["usx:pub:7"], "nodes": ["murky.example", "ssp.example:00-A"],
        },
        {"key": "rivals", "campaign": "cards", "domains": ["rival.example"]},
    ],
}  # fmt: skip

Change = Callable[[dict[str, Any]], object]


class Desk:
    """A store, and a folder with a file to import into it."""

    def __init__(self, folder: Path, store: Store) -> None:
        self.folder, self.store = folder, store
        (folder / "prime.txt").write_text("ifa:A1\n# a remark\nbuyeruid:usx:77\n")

    def take(self, content: object, now_ns: int = NOW) -> Summary:
        path = self.folder / "file.yaml"
        path.write_text(content if isinstance(content, str) else yaml.safe_dump(content))
        return import_file(self.store, path, profiles=self.folder / "profiles.lmdb", now_ns=now_ns)

    def refused(self, content: object) -> list[tuple[str, object, str]]:
        before = self.stored()
        with pytest.raises(Refused) as refused:
            self.take(content)
        assert self.stored() == before
        return [(p.path, p.value, p.allowed) for p in refused.value.problems]

    def stored(self) -> Catalogue:
        with self.store.read() as conn:
            return catalogue.load(conn)


@pytest.fixture
def desk(tmp_path: Path, store: Store) -> Desk:
    return Desk(tmp_path, store)


def changed(change: Change) -> dict[str, Any]:
    content = deepcopy(FILE)
    change(content)
    return content


def at(content: dict[str, Any], path: str) -> Any:
    """``creatives.0`` -> that entry."""
    for step in path.split("."):
        content = content[int(step)] if step.isdigit() else content[step]  # type: ignore[call-overload]
    return content


LINE = "campaigns.0.line_items.0"
TARGET = f"{LINE}.targeting"
IN_LINE = "campaigns[0].line_items[0]"
IN_TARGET = f"{IN_LINE}.targeting"
CAPS = "campaigns[0].frequency_caps"

MISTAKES: list[tuple[str, str, object, str, object, str]] = [
    # entry, field, value -> path, value said, part of what is allowed
    ("advertisers.0", "name", "a\0b", "advertisers[0].name", "a\0b", "none of them NUL"),
    ("exchanges.0", "currency", "USDX", "exchanges[0].currency", "USDX", "ISO 4217"),
    ("exchanges.0", "currency", "XQX", "exchanges[0].currency", "XQX", "ISO 4217"),
    ("exchanges.0", "billing", "win", "exchanges[0].billing", "win", "'burl' or 'impression' or 'nurl'"),
    ("exchanges.0", "billing", {"print": "burl"}, "exchanges[0].billing.print", "burl", "no such format"),
    ("exchanges.0", "billing", {"video": "win"}, "exchanges[0].billing.video", "win", "'burl' or 'impression'"),
    ("exchanges.0", "billing", {}, "exchanges[0].billing", {}, "at least one format"),
    ("exchanges.0", "privacy", "no_bid", "exchanges[0].privacy", "no_bid", "a mapping from coppa, lmt, dnt, gdpr, us"),
    ("exchanges.0", "privacy", {"ccpa": "no_bid"}, "exchanges[0].privacy.ccpa", "no_bid", "no such signal"),
    ("exchanges.0", "privacy", {"coppa": "ignore"}, "exchanges[0].privacy.coppa", "ignore", "'no_bid' or 'contextual'"),
    ("exchanges.0", "privacy", {"lmt": ["ignore"]}, "exchanges[0].privacy.lmt", ["ignore"], "'contextual' or 'ignore'"),
    ("exchanges.0", "price_source", "encrypted", "exchanges[0].price_key", None, "where prices are encrypted"),
    ("exchanges.0", "price_key", "c2hvcnQ=", "exchanges[0].price_key", "c2hvcnQ=", "64 bytes"),
    ("agencies.0", "currency", "USD", "advertisers[1].agency", "house", "accounts in CNY, too"),
    ("agencies.0", "funding", "credit", "agencies[0].credit_limit", None, "where funding is 'credit'"),
    ("agencies.0", "funding", "gold", "agencies[0].funding", "gold", "'open' or 'prepaid' or 'credit'"),
    ("fees.0", "share", "101%", "fees[0].share", "101%", "up to 100%"),
    ("fees.0", "share", "0.1", "fees[0].share", "0.1", "such as '12.5%'"),
    ("fees.0", "share", "0.00001%", "fees[0].share", "0.00001%", "four decimals"),
    ("fees.0", "cpm", "1", "fees[0].share", "12.5%", "not both"),
    ("advertisers.0", "fees", ["none"], "advertisers[0].fees[0]", "none", "the key of a fee"),
    ("advertisers.0", "agency", "no", "advertisers[0].agency", "no", "the key of an agency"),
    ("advertisers.0", "credit_limit", "5", "advertisers[0].credit_limit", "5", "and only there"),
    ("advertisers.0", "hourly_impressions", 0, "advertisers[0].hourly_impressions", 0, "from 1"),
    ("campaigns.0", "total_impressions", "1.5", "campaigns[0].total_impressions", "1.5", "whole number"),
    ("audiences.0", "data_cpm", "-1", "audiences[0].data_cpm", "-1", "above 0"),
    ("exchanges.0", "user_sync", "yes", "exchanges[0].user_sync", "yes", "the fields match, answer, uid"),
    ("exchanges.0", "user_sync", {"to": "x"}, "exchanges[0].user_sync.to", "x", "no such field"),
    *(
        ("exchanges.0", "user_sync", {"match": url}, "exchanges[0].user_sync.match", url, allowed)
        for url, allowed in (
            ("http://usx.example/?u=${UID}", "https"), ("https://usx.example/", "macro ${UID}"), (7, "https"),
            ("https://usx.example/?u=${UID}&x=${IFA}", "must be of ${UID}, ${GDPR}"),
            ("https://${UID}.usx.example/", "same for everybody"), ("https://usx.example/?u=${UID}${", "https"),
        )
    ),
    ("exchanges.0", "user_sync", {"uid": "ifa"}, "exchanges[0].user_sync.uid", "ifa", "'user' or 'buyeruid'"),
    ("exchanges.0", "auction_type", 3, "exchanges[0].auction_type", 3, "from 1 to 2"),
    ("exchanges.0", "auction_type", True, "exchanges[0].auction_type", True, "from 1 to 2"),
    ("exchanges.0", "bid_expiry_s", 70_000, "exchanges[0].bid_expiry_s", 70_000, "from 1 to 65535"),
    ("exchanges.0", "colour", "red", "exchanges[0].colour", "red", "there is no such field"),
    ("exchanges.1", "key", "usx", "exchanges[1].key", "usx", "in the file already"),
    ("exchanges.1", "key", "Usx!", "exchanges[1].key", "Usx!", "lower-case letters"),
    ("rates.0", "rate", "0", "rates[0].rate", "0", "above 0"),
    ("rates.0", "rate", "7.1234567891", "rates[0].rate", "7.1234567891", "nine decimals"),
    ("rates.0", "day", "2020-02-30", "rates[0].day", "2020-02-30", "YYYY-MM-DD"),
    ("rates.0", "quote", "USD", "rates[0].quote", "USD", "another currency"),
    ("rates.0", "day", "2090-01-01", "advertisers[0].currency", "USD", "of 2026-09-21 or before"),
    ("advertisers.0", "currency", "EUR", "advertisers[0].currency", "EUR", "a rate with CNY and USD"),
    ("advertisers.0", "time_zone", "America/Gotham", "advertisers[0].time_zone", "America/Gotham", "IANA"),
    ("advertisers.0", "domain", "https://bank.example", "advertisers[0].domain", "https://bank.example", "a domain"),
    ("advertisers.0", "categories", ["IAB99"], "advertisers[0].categories[0]", "IAB99", "'IAB1' to 'IAB26'"),
    ("advertisers.0", "categories", [], "advertisers[0].categories", [], "at least 1 entry"),
    ("advertisers.0", "categories", "IAB1", "advertisers[0].categories", "IAB1", "a list"),
    ("advertisers.0", "name", 7, "advertisers[0].name", 7, "text of 1 to 255"),
    ("advertisers.0", "status", "on", "advertisers[0].status", "on", "'active' or 'paused'"),
    ("audiences.0", "advertiser", "banc", "audiences[0].advertiser", "banc", "there are bank, loans"),
    ("creatives.0", "size", "300*250", "creatives[0].size", "300*250", "WIDTHxHEIGHT"),
    ("creatives.0", "size", "0x250", "creatives[0].size", "0x250", "WIDTHxHEIGHT"),
    ("creatives.0", "landing_url", "http://bank.example/", "creatives[0].landing_url", "http://bank.example/", "https://"),
    ("creatives.0", "landing_url", "https://bank.example.evil/", "creatives[0].landing_url", "https://bank.example.evil/",
     "on the advertiser's domain 'bank.example'"),
    ("creatives.0", "landing_url", "https://notbank.example/", "creatives[0].landing_url", "https://notbank.example/",
     "on the advertiser's domain"),
    ("creatives.0", "landing_url", "https://bank.example@evil.example/", "creatives[0].landing_url",
     "https://bank.example@evil.example/", "without a user name"),
    ("creatives.0", "image_url", "http://cdn.example/1.jpg", "creatives[0].image_url", "http://cdn.example/1.jpg", "https://"),
    ("creatives.0", "image_url", "//cdn.example/1.jpg", "creatives[0].image_url", "//cdn.example/1.jpg", "https://"),
    ("creatives.0", "image_url", None, "creatives[0].image_url", None, "either image_url or markup"),
    ("creatives.0", "markup", "${CLICK_URL}", "creatives[0].image_url", "https://cdn.example/1.jpg", "not both"),
    ("creatives.0", "attributes", [18], "creatives[0].attributes[0]", 18, "from 1 to 17"),
    ("creatives.0", "attributes", [1, 1], "creatives[0].attributes[1]", 1, "in the list already"),
    ("creatives.0", "mime", "image/bmp", "creatives[0].mime", "image/bmp", "'image/png'"),
    ("creatives.1", "markup", "<a>x</a>", "creatives[1].markup", "<a>x</a>", "${CLICK_URL}"),
    ("creatives.1", "mime", "image/png", "creatives[1].mime", "image/png", "always text/html"),
    ("creatives.1", "key", "c1", "creatives[1].key", "c1", "in the file already"),
    ("exchanges.0", "ads_domain", "USX", "exchanges[0].ads_domain", "USX", "a domain in lower case"),
    (LINE, "supply", "direct", f"{IN_LINE}.supply", "direct", "the fields ads_txt, schain, sellers_json, max_hops"),
    (LINE, "supply", {"ads_txt": "yes"}, f"{IN_LINE}.supply.ads_txt", "yes", "'not_unauthorised' or 'authorised'"),
    (LINE, "supply", {"schain": 1}, f"{IN_LINE}.supply.schain", 1, "'any' or 'not_incomplete' or 'complete'"),
    (LINE, "supply", {"sellers_json": ""}, f"{IN_LINE}.supply.sellers_json", "", "'not_missing' or 'listed'"),
    (LINE, "supply", {"max_hops": 0}, f"{IN_LINE}.supply.max_hops", 0, "from 1 to 100"),
    ("block_lists.0", "domains", ["*.bad.example"], "block_lists[0].domains[0]", "*.bad.example", "a domain"),
    ("block_lists.0", "publishers", ["adx:7"], "block_lists[0].publishers[0]", "adx:7", "there are cnx, usx"),
    ("block_lists.0", "publishers", ["usx"], "block_lists[0].publishers[0]", "usx", "EXCHANGE:ACCOUNT"),
    ("block_lists.0", "nodes", ["murky.example:"], "block_lists[0].nodes[0]", "murky.example:", "SYSTEM:SELLER"),
    ("block_lists.0", "nodes", ["x"], "block_lists[0].nodes[0]", "x", "SYSTEM:SELLER"),
    ("block_lists.0", "advertiser", "banc", "block_lists[0].advertiser", "banc", "there are bank, loans"),
    ("block_lists.1", "advertiser", "bank", "block_lists[1].campaign", "cards", "one scope only"),
    ("block_lists.1", "domains", [], "block_lists[1].domains", None, "at least one of domains, bundles"),
    ("deals.0", "exchange", "adx", "deals[0].exchange", "adx", "there are cnx, usx"),
    ("campaigns.0", "start", "2026-12-24", "campaigns[0].end", "2026-11-01", "after the start, '2026-12-24'"),
    ("campaigns.0", "end", "next year", "campaigns[0].end", "next year", "YYYY-MM-DD"),
    ("campaigns.0", "daily_budget", "-5", "campaigns[0].daily_budget", "-5", "above 0"),
    ("campaigns.0", "daily_budget", "0.0000000001", "campaigns[0].daily_budget", "0.0000000001", "nine decimals"),
    ("campaigns.0", "daily_budget", "1e30", "campaigns[0].daily_budget", "1e30", "out of range"),
    ("campaigns.0", "daily_budget", "NaN", "campaigns[0].daily_budget", "NaN", "finite"),
    ("campaigns.0", "daily_budget", "lots", "campaigns[0].daily_budget", "lots", "decimal number"),
    ("campaigns.0", "daily_budget", [5], "campaigns[0].daily_budget", [5], "amount of money"),
    ("campaigns.0", "daily_budget", True, "campaigns[0].daily_budget", True, "amount of money"),
    ("campaigns.0", "frequency_caps", [{"impressions": 0, "per": "1d"}], f"{CAPS}[0].impressions", 0,
     "from 1 to"),
    ("campaigns.0", "frequency_caps", [{"impressions": 1, "per": "31d"}], f"{CAPS}[0].per", "31d",
     "at most 30 days"),
    ("campaigns.0", "frequency_caps", [{"impressions": 1}], f"{CAPS}[0].per", None, "must be given"),
    ("campaigns.0", "frequency_caps", {}, CAPS, {}, "a list"),
    ("campaigns.0", "frequency_caps", [{"impressions": 1, "per": "1d", "by": "family"}], f"{CAPS}[0].by", "family",
     "'person' or 'device' or 'household'"),
    ("campaigns.0", "frequency_caps", [{"min_gap": "10s"}], f"{CAPS}[0].min_gap", "10s", "such as '30m'"),
    ("campaigns.0", "frequency_caps", [{"min_gap": "1h", "per": "1d"}], f"{CAPS}[0].per", "1d", "beside min_gap"),
    ("campaigns.0", "frequency_caps", [{"impressions": 3, "per": "1d"}, {"impressions": 4, "per": "24h"}],
     f"{CAPS}[1].per", "24h", "another window"),
    ("campaigns.0", "frequency_caps", [{"impressions": 1, "per": "1d", "each": "day"}], f"{CAPS}[0].each", "day",
     "the fields here are impressions, per, min_gap, by"),
    ("campaigns.0", "frequency_caps", [{"impressions": 9, "per": f"{n}m"} for n in range(1, 22)], CAPS, "21 caps",
     "at most 20"),
    ("advertisers.0", "frequency_caps", [{"impressions": 2000, "per": "1d"}],
     "advertisers[0].frequency_caps[0].impressions", 2000, "from 1 to 1000"),
    ("audiences.0", "frequency_caps", [{"per": "1d"}], "audiences[0].frequency_caps[0].impressions", None,
     "must be given"),
    ("creatives.0", "frequency_caps", ["3/1d"], "creatives[0].frequency_caps[0]", "3/1d", "a mapping with the fields"),
    (LINE, "bid_cpm", "0.0000001", f"{IN_LINE}.bid_cpm", "0.0000001", "six decimals"),
    (LINE, "bid_cpm", "20000", f"{IN_LINE}.bid_cpm", "20000", "at most 10000"),
    (LINE, "creatives", ["c9"], f"{IN_LINE}.creatives[0]", "c9", "there are c1, c2"),
    (LINE, "creatives", ["c2"], f"{IN_LINE}.creatives[0]", "c2", "a creative of 'bank'; there is c1"),
    (LINE, "creatives", [], f"{IN_LINE}.creatives", [], "at least 1"),
    (LINE, "deals", ["d2"], f"{IN_LINE}.deals[0]", "d2", "there is d1"),
    (LINE, "pacing", "slow", f"{IN_LINE}.pacing", "slow", "'even' or 'ahead' or 'asap'"),
    (LINE, "targeting", {"any_of": {}}, f"{IN_TARGET}.any_of", {}, "the keys here are all, any, not, and"),
    (LINE, "targeting", ["USA"], IN_TARGET, ["USA"], "a mapping that says something"),
    (TARGET, "planet", ["mars"], f"{IN_TARGET}.planet", ["mars"], "no such dimension"),
    (TARGET, "all", [], f"{IN_TARGET}.all", [], "at least 1 expression"),
    (TARGET, "any", {"os": ["ios"]}, f"{IN_TARGET}.any", {"os": ["ios"]}, "a list of at least 1 expression"),
    (TARGET, "any", [{"os": ["ios"]}, {}], f"{IN_TARGET}.any[1]", {}, "a mapping that says something"),
    (TARGET, "any", [{"os": ["bsd"]}, {"not": {"os": []}}], f"{IN_TARGET}.any[0].os[0]", "bsd", "'ios' or"),
    (TARGET, "any", [{"os": ["ios"]}, {"not": {"os": []}}], f"{IN_TARGET}.any[1].not.os", [], "at least 1"),
    (TARGET, "not", {"os": ["ios"], "site": ["x.example"]}, f"{IN_TARGET}.not",
     {"os": ["ios"], "site": ["x.example"]}, "not: {any: [...]} or {all: [...]}"),
    (TARGET, "all", [{"os": ["ios"]}, {"os": ["android"]}], f"{IN_TARGET}.all", [{"os": ["ios"]}, {"os": ["android"]}],
     "it contradicts itself"),
    (TARGET, "any", [{"os": ["ios"]}, {"not": {"os": ["ios", "tvos"]}}, {"os": ["tvos"]}], f"{IN_TARGET}.any",
     [{"os": ["ios"]}, {"not": {"os": ["ios", "tvos"]}}, {"os": ["tvos"]}], "every request meets one of these"),
    (TARGET, "not", {"any": [{"os": ["ios"]}, {"not": {"os": ["ios"]}}]}, f"{IN_TARGET}.not.any",
     [{"os": ["ios"]}, {"not": {"os": ["ios"]}}], "every request meets it"),
    (TARGET, "radius", [{"lat": 1, "lon": 2}], f"{IN_TARGET}.radius[0]", {"lat": 1, "lon": 2}, "{lat: -90 to 90"),
    (TARGET, "os_version", ["ios 15"], f"{IN_TARGET}.os_version[0]", "ios 15", "'ios >=15.2 <17'"),
    (TARGET, "os_version", ["ios >=17 <15"], f"{IN_TARGET}.os_version[0]", "ios >=17 <15", "'ios >=15.2 <17'"),
    (TARGET, "page", ["*"], f"{IN_TARGET}.page[0]", "*", "a pattern of a page's URL"),
    (TARGET, "score", ["credit"], f"{IN_TARGET}.score[0]", "credit", "'credit >=600 <750'"),
    (TARGET, "last_visit", ["7d"], f"{IN_TARGET}.last_visit[0]", "7d", "'<7d'"),
    (TARGET, "age", ["5-10"], f"{IN_TARGET}.age[0]", "5-10", "from 13 to 120"),
    (TARGET, "lifecycle", ["rich"], f"{IN_TARGET}.lifecycle[0]", "rich", "'prospect' or"),
    ("campaigns.0", "special_category", "loans", "campaigns[0].special_category", "loans", "'credit' or"),
    (TARGET, "deal", ["d2"], f"{IN_TARGET}.deal[0]", "d2", "there is d1"),
    (TARGET, "key_value", ["loans"], f"{IN_TARGET}.key_value[0]", "loans", "key=value"),
    (TARGET, "country", ["USA", "US"], f"{IN_TARGET}.country[1]", "US", "alpha-3"),
    (TARGET, "country", ["XYZ"], f"{IN_TARGET}.country[0]", "XYZ", "alpha-3"),
    (TARGET, "country", "USA", f"{IN_TARGET}.country", "USA", "a list"),
    (TARGET, "language", ["xx"], f"{IN_TARGET}.language[0]", "xx", "ISO 639-1"),
    (TARGET, "size", ["728x90"], f"{IN_TARGET}.size", "728x90", "a creative of each size"),
    (TARGET, "audience", ["primes"], f"{IN_TARGET}.audience[0]", "primes", "there is prime"),
    (TARGET, "exchange", ["adx"], f"{IN_TARGET}.exchange[0]", "adx", "there are cnx, usx"),
    (TARGET, "device_type", ["desktop"], f"{IN_TARGET}.device_type[0]", "desktop", "'pc'"),
    (TARGET, "hour_of_week", ["mon 18-08"], f"{IN_TARGET}.hour_of_week[0]", "mon 18-08",
     "first hour is before the last"),
    (TARGET, "os", [], f"{IN_TARGET}.os", [], "at least 1"),
]  # fmt: skip


@pytest.mark.parametrize(("entry", "name", "value", "path", "found", "allowed"), MISTAKES)
def test_a_mistake_is_named(
    desk: Desk, entry: str, name: str, value: object, path: str, found: object, allowed: str
) -> None:
    problems = desk.refused(changed(lambda content: at(content, entry).__setitem__(name, value)))
    assert path in [p for p, _, _ in problems], problems
    (said,) = [problem for problem in problems if problem[0] == path]
    assert said[1] == found
    assert allowed in said[2]
    assert desk.stored() == Catalogue()


@pytest.mark.parametrize("category", ["credit", "housing", "employment"])
@pytest.mark.parametrize(
    ("targeting", "below", "allowed"),
    [
        ({"age": ["25-40"]}, ".age", "must not target by age"),
        ({"not": {"gender": ["male"]}}, ".not.gender", "must not target by gender"),
        ({"any": [{"os": ["ios"]}, {"postcode": ["10001"]}]}, ".any[1].postcode", "must not target by postcode"),
        ({"radius": [{"lat": 1, "lon": 2, "km": 24.9}]}, ".radius", "a radius is at least 25 km"),
    ],
)
def test_a_special_category_does_not_choose_by_who_people_are(
    desk: Desk, category: str, targeting: dict[str, Any], below: str, allowed: str
) -> None:
    def spoil(content: dict[str, Any]) -> None:
        content["campaigns"][0]["special_category"] = category
        content["campaigns"][0]["line_items"][0]["targeting"] = targeting

    ((path, _, why),) = desk.refused(changed(spoil))
    assert (path, allowed in why) == (f"{IN_TARGET}{below}", True)
    desk.take(changed(lambda content: at(content, LINE).__setitem__("targeting", targeting)))  # in no such category
    special: dict[str, Any] = changed(lambda content: content["campaigns"][0].__setitem__("special_category", category))
    special["campaigns"][0]["line_items"] = []
    ((path, _, why),) = desk.refused(special)  # what was saved before counts too
    assert (path, "line item 'l1' stands in the way" in why) == ("campaigns[0].special_category", True)


def test_a_special_category_takes_what_is_lawful(desk: Desk) -> None:
    def change(content: dict[str, Any]) -> None:
        content["campaigns"][0]["special_category"] = "credit"
        content["campaigns"][0]["line_items"][0]["targeting"] = {
            "country": ["USA"], "radius": [{"lat": 1, "lon": 2, "km": 25}],
        }  # fmt: skip

    desk.take(changed(change))
    assert desk.stored().campaigns["cards"].special_category == "credit"


@pytest.mark.parametrize(
    ("entry", "name"),
    [
        ("exchanges.0", "billing"),
        ("advertisers.0", "domain"),
        ("creatives.0", "landing_url"),
        ("deals.0", "code"),
        ("campaigns.0", "start"),
        (LINE, "bid_cpm"),
    ],
)
def test_a_missing_field_is_named(desk: Desk, entry: str, name: str) -> None:
    problems = desk.refused(changed(lambda content: at(content, entry).pop(name)))
    assert any(
        path.endswith(f".{name}") and found is None and "must be given" in says for path, found, says in problems
    )


def test_a_campaign_without_a_budget_is_refused(desk: Desk) -> None:
    ((path, _, allowed),) = desk.refused(changed(lambda content: content["campaigns"][0].pop("daily_budget")))
    assert (path, "a daily_budget, a total_budget or" in allowed) == ("campaigns[0].daily_budget", True)


def test_all_mistakes_are_told_at_once_and_none_twice(desk: Desk) -> None:
    def spoil(content: dict[str, Any]) -> None:
        content["advertisers"][0]["time_zone"] = "Mars/Base"
        content["creatives"][0]["size"] = "big"
        content["campaigns"][0]["line_items"][0]["bid_cpm"] = -1

    assert [path for path, _, _ in desk.refused(changed(spoil))] == [
        "advertisers[0].time_zone",
        "creatives[0].size",
        f"{IN_LINE}.bid_cpm",
    ]


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("exchanges: [", "must be YAML"),
        ("exchanges: []\nexchanges: []", "'exchanges' is there twice"),
        ("- a\n- b", "it must be a mapping"),
        ("", "it must be a mapping"),
        ("5: x", "the key 5 is not text"),
        ("advertisers: {}", "it must be a list"),
        ("advertisers: [3]", "it must be a mapping with the fields key, name"),
        ("campaign: []", "there is no such field; the fields here are exchanges, rates"),
    ],
)
def test_a_file_of_another_form_is_refused(desk: Desk, text: str, says: str) -> None:
    assert any(says in f"{found} {allowed}" for _, found, allowed in desk.refused(text))


def test_files_that_are_not_there_or_no_text_are_refused(desk: Desk) -> None:
    with pytest.raises(Refused, match="readable file"):
        import_file(desk.store, desk.folder / "nothing.yaml")
    (desk.folder / "binary.yaml").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(Refused, match="UTF-8"):
        import_file(desk.store, desk.folder / "binary.yaml")


def test_a_bad_line_of_an_audience_file_is_named(desk: Desk) -> None:
    (desk.folder / "prime.txt").write_text("ifa:A1\nbuyeruid:adx:1\nsomebody\n")
    problems = desk.refused(FILE)
    assert [(path, found) for path, found, _ in problems] == [
        ("audiences[0].file", "buyeruid:adx:1"),
        ("audiences[0].file", "somebody"),
    ]
    assert "line 2" in problems[0][2]


def test_caps_of_every_level_are_taken_and_published(desk: Desk) -> None:
    file = deepcopy(FILE)
    caps = [{"impressions": 3, "per": "12h"}, {"impressions": 5, "per": "7d", "by": "household"}, {"min_gap": "30m"}]
    for owner in (*file["advertisers"], *file["audiences"], *file["creatives"], *file["campaigns"]):
        owner["frequency_caps"] = caps
    file["campaigns"][0]["line_items"][0]["frequency_caps"] = caps[:1]
    desk.take(file)
    published = compile_snapshot(desk.stored(), NOW)
    wanted = (FrequencyCap(3, 43_200), FrequencyCap(5, 604_800, "household"), FrequencyCap(1, 1_800))
    kinds = (published.advertisers, published.audiences, published.creatives, published.campaigns)
    assert all(owner.frequency_caps == wanted for owners in kinds for owner in owners)
    assert [cap.text for cap in wanted] == [
        "at most 3 in 12h by person", "at most 5 in 7d by household", "at most 1 in 30m by person",
    ]  # fmt: skip
    assert published.line_items[0].frequency_caps == wanted[:1]


def test_an_older_store_keeps_the_caps_that_it_knows(tmp_path: Path) -> None:
    store = new_control_store(tmp_path / "store.sqlite")
    file = deepcopy(FILE)
    caps = [{"impressions": 3, "per": "12h"}, {"impressions": 5, "per": "7d", "by": "household"}]
    file["campaigns"][0]["frequency_caps"] = caps
    Desk(tmp_path, store).take(file)
    store.migrate(import_module("campaigns.migrations.versions.0014_frequency").down_revision)
    with store.read() as conn:
        (kept,) = conn.execute(text("SELECT frequency_caps FROM campaigns WHERE key = 'cards'")).scalars()
    assert json.loads(kept) == [{"impressions": 3, "seconds": 43_200}]
    store.migrate()
    assert Desk(tmp_path, store).stored().campaigns["cards"].frequency_caps == (FrequencyCap(3, 43_200),)
    store.close()


def test_what_is_taken_is_what_was_written(desk: Desk) -> None:
    summary = desk.take(FILE)
    assert summary.version == 1
    stored = desk.stored()
    campaign, line = stored.campaigns["cards"], stored.line_items["l1"]
    assert campaign.limits == Limits(daily_budget=100_500_000_000)
    assert campaign.frequency_caps == (FrequencyCap(3, 86_400),)
    # days begin in New York: on 8 March still in winter time, and 1 November, the last day, has 25 hours
    assert campaign.start_ns == 1_772_946_000 * 10**9
    assert campaign.end_ns == 1_793_595_600 * 10**9
    assert line.bid_cpm == 1_250_000
    assert line.creatives == (stored.creatives["c1"].id,)
    assert line.deals == (stored.deals["d1"].id,)
    assert line.targeting.any_of == (
        (
            Clause("exchange", (str(stored.exchanges["usx"].id),)),
            Clause("country", ("usa",)),
            Clause("device_type", ("2",)),
            Clause("site", ("bad.example",), False),
            Clause("hour_of_week", ("0", "1")),
            Clause("audience", (str(stored.audiences["prime"].id),)),
            Clause("size", (str(300 << 16 | 250),)),
        ),
    )
    assert line.targeting.written == FILE["campaigns"][0]["line_items"][0]["targeting"]
    assert (stored.creatives["c1"].mime, stored.creatives["c2"].mime) == ("image/jpeg", "text/html")
    assert [(r.base, r.quote, r.per_unit) for r in stored.rates] == [
        ("USD", "CNY", 7_100_000_000),
        ("CNY", "USD", 140_845_070),
    ]


def test_a_privacy_policy_is_stored_and_published(desk: Desk) -> None:
    file = deepcopy(FILE)
    file["exchanges"][0]["privacy"] = {"lmt": "ignore", "gdpr": "no_bid"}
    desk.take(file)
    stored = desk.stored()
    assert stored.exchanges["usx"].privacy == Privacy(lmt="ignore", gdpr="no_bid")
    assert stored.exchanges["cnx"].privacy == Privacy()
    published = {e.key: e.privacy for e in compile_snapshot(stored, NOW).exchanges}
    assert published["usx"] == Privacy(lmt="ignore", gdpr="no_bid")
    desk.take(FILE)
    assert desk.stored().exchanges["usx"].privacy == Privacy()  # what is not given falls back to its default


def test_a_cookie_sync_is_stored_and_published(desk: Desk) -> None:
    file, match = deepcopy(FILE), "https://sync.usx.example/m?u=${UID}&c=${GDPR_CONSENT}"
    file["exchanges"][0]["user_sync"] = {"match": match, "uid": "buyeruid"}
    desk.take(file)
    published = {e.key: e.user_sync for e in compile_snapshot(desk.stored(), NOW).exchanges}
    assert published == {"usx": UserSync(match=match, uid="buyeruid"), "cnx": UserSync()}


def test_numbers_are_exact_and_words_are_words(desk: Desk) -> None:
    text = yaml.safe_dump(FILE).replace("'1.25'", "1.100001").replace("'100.5'", "0.123456789")
    assert "1.100001" in text
    assert "0.123456789" in text
    desk.take(text)
    assert desk.stored().line_items["l1"].bid_cpm == 1_100_001
    assert desk.stored().campaigns["cards"].limits.daily_budget == 123_456_789
    ((_, said, allowed),) = desk.refused(text.replace("0.123456789", "0.12345678901"))
    assert repr(said) in allowed
    assert "Decimal" not in allowed
    problems = desk.refused(yaml.safe_dump(FILE).replace("- USA", "- no"))
    assert problems[0][1] == "no"  # and not False


def test_audience_members_reach_the_profile_store(desk: Desk) -> None:
    desk.take(FILE)
    audience = desk.stored().audiences["prime"]
    assert audience.size == 2
    (desk.folder / "prime.txt").write_text("ifa:A1\nifa:B2\nifa:b2\n")
    desk.take(FILE)
    with ProfileStore(desk.folder / "profiles.lmdb") as profiles:
        assert set(profiles.members(audience.id)) == {person_key("ifa", "a1"), person_key("ifa", "b2")}


def test_importing_again_keeps_ids_and_changes_only_what_differs(desk: Desk) -> None:
    first = desk.take(FILE)
    ids = {key: item.id for key, item in desk.stored().line_items.items()}
    assert desk.take(FILE).version == first.version
    again = desk.take(changed(lambda content: at(content, LINE).update(bid_cpm=2, name="Other")))
    assert again.version == first.version + 1
    assert (again.counts["line_items"].changed, again.counts["campaigns"].unchanged) == (1, 1)
    assert desk.stored().line_items["l1"].name == "Other"
    assert {key: item.id for key, item in desk.stored().line_items.items()} == ids


def test_a_file_may_hold_only_what_is_new(desk: Desk) -> None:
    desk.take(FILE)
    line = deepcopy(at(FILE, LINE)) | {"key": "l2"}
    new = deepcopy(FILE["campaigns"][0]) | {"key": "more", "line_items": [line]}
    summary = desk.take({"campaigns": [new]})
    assert (summary.counts["line_items"].added, summary.counts["line_items"].unchanged) == (1, 1)
    assert set(desk.stored().line_items) == {"l1", "l2"}


@pytest.mark.parametrize(
    ("entry", "name", "value"),
    [
        ("exchanges.0", "currency", "CNY"),
        ("advertisers.0", "currency", "CNY"),
        ("creatives.1", "advertiser", "bank"),
        ("deals.0", "exchange", "cnx"),
    ],
)
def test_what_money_was_booked_under_cannot_change(desk: Desk, entry: str, name: str, value: str) -> None:
    desk.take(FILE)
    content = changed(lambda content: at(content, entry).update({name: value}))
    if entry == "creatives.1":
        content["creatives"][1]["landing_url"] = "https://bank.example/"
    assert any("cannot change" in allowed for _, _, allowed in desk.refused(content))


def test_a_corrected_rate_is_a_newer_row(desk: Desk) -> None:
    desk.take(FILE)
    desk.take(changed(lambda content: at(content, "rates.0").update(rate="7.2")))
    desk.take(changed(lambda content: at(content, "rates.0").update(rate="7.1")))
    rates = [r for r in desk.stored().rates if r.base == "USD"]
    assert [r.per_unit for r in rates] == [7_100_000_000, 7_200_000_000, 7_100_000_000]
    published = compile_snapshot(desk.stored(), NOW).rates
    assert [r.id for r in published if r.base == "USD"] == [rates[-1].id]


def test_an_import_that_came_between_is_built_upon(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    desk.take(FILE)
    write, meanwhile = desk.store.write, deepcopy(FILE)
    at(meanwhile, LINE)["name"] = "Theirs"
    at(meanwhile, LINE)["key"] = "l2"
    other = Store(desk.store.url)
    (desk.folder / "theirs").mkdir()
    theirs = desk.folder / "prime.yaml"
    theirs.write_text(yaml.safe_dump({"campaigns": meanwhile["campaigns"]}))
    calls = []

    def first_the_other() -> Any:
        if not calls:
            calls.append(1)
            import_file(other, theirs, now_ns=NOW)
        return write()

    monkeypatch.setattr(desk.store, "write", first_the_other)
    summary = desk.take({"campaigns": [changed(lambda c: at(c, LINE).update(name="Ours"))["campaigns"][0]]})
    other.close()
    assert calls
    assert summary.version == 3
    assert {key: item.name for key, item in desk.stored().line_items.items()} == {"l1": "Ours", "l2": "Theirs"}


def test_rules_and_block_lists_are_stored_and_published(desk: Desk) -> None:
    desk.take(FILE)
    stored = desk.stored()
    assert stored.exchanges["usx"].ads_domain == "usx.example"
    assert stored.line_items["l1"].supply == SupplyRules("authorised", "not_incomplete", max_hops=3)
    unsafe, rivals = stored.block_lists["unsafe"], stored.block_lists["rivals"]
    assert (unsafe.agency, unsafe.advertiser, unsafe.campaign) == (0, 0, 0)
    assert (unsafe.domains, unsafe.bundles) == (("bad.example",), ("com.bad.game", "1234567"))
    assert unsafe.publishers == ((stored.exchanges["usx"].id, "pub:7"),)
    assert unsafe.nodes == (("murky.example", ""), ("ssp.example", "00-A"))
    assert rivals.campaign == stored.campaigns["cards"].id
    snapshot = compile_snapshot(stored, NOW)
    assert snapshot.block_lists == (unsafe, rivals) and snapshot.line_items[0].supply.max_hops == 3
    assert desk.take(FILE).version == 1, "nothing has changed"


def test_the_example_set_is_taken_and_has_what_it_promises(desk: Desk) -> None:
    import_file(desk.store, EXAMPLES, profiles=desk.folder / "profiles.lmdb", now_ns=NOW)
    stored = desk.stored()
    assert len(stored.advertisers) >= 4
    assert len(stored.campaigns) >= 10
    assert len(stored.line_items) >= 25
    assert len(stored.creatives) >= 30
    assert len(stored.audiences) >= 3
    assert len(stored.deals) >= 2
    snapshot = compile_snapshot(stored, NOW)
    TargetingIndex(snapshot.line_items)
    used = {creative for item in snapshot.line_items for creative in item.creatives}
    assert used == {creative.id for creative in snapshot.creatives}
    assert all(campaign.start_ns < NOW < campaign.end_ns for campaign in snapshot.campaigns)
