"""What `outbid explain` says of sellers, rules and block lists, and what the stage does not do."""

import json
from typing import Any

from bidder.enrichment.supply import SupplyModule
from bidder.explain import Explanation, explain
from domain.events import Name
from tests.auction_table import Table, merge, snapshot

REQUEST: dict[str, Any] = {
    "id": "r",
    "imp": [{"id": "1", "banner": {"w": 300, "h": 250}}],
    "site": {"domain": "a.news.example", "publisher": {"id": "pub-1"}},
    "device": {"geo": {"country": "USA"}},
    "source": {
        "schain": {
            "complete": 1,
            "ver": "1.0",
            "nodes": [{"asi": "ssp.example", "sid": "7", "hp": 1}, {"asi": "usx.example", "sid": "pub-1", "hp": 1}],
        }
    },
}
USX = {"exchanges[0]": {"ads_domain": "usx.example"}}


def explained(campaigns: dict[str, Any], files: dict[str, Any], request: dict[str, Any] = REQUEST) -> Explanation:
    table = Table(snapshot({**USX, **campaigns}))
    table.files.put(files)
    return explain(table.auction, json.dumps(request).encode(), table.view.sellers["usx"], table.view)


def whys(explanation: Explanation) -> list[str]:
    return [removal.why for removal in explanation.stages["supply"]]


def test_explain_says_what_is_known_of_the_sellers() -> None:
    files = {
        "ads.txt": {"news.example": [["usx.example", "pub-1", "RESELLER"], ["ssp.example", "7", "DIRECT"]]},
        "sellers.json": {"usx.example": [["usx.example", "pub-1", "BOTH"]], "ssp.example": []},
    }
    request = explained({}, files).request
    assert (request["ads_txt"], request["sellers_json"]) == ("authorised reseller", "missing")
    assert request["schain"] == "complete, 2 nodes"
    alone = explained({}, {}, merge(REQUEST, {"source": None})).request  # type: ignore[arg-type]
    assert str(alone["ads_txt"]).startswith("not known") and alone["schain"] == "not told"


def test_explain_names_the_entry_and_the_list() -> None:
    for entries, said in (
        ({"domains": ["news.example"]}, "domain news.example"),
        ({"publishers": [[1, "pub-1"]]}, "publisher pub-1"),
        ({"nodes": [["ssp.example", ""]]}, "advertising system ssp.example"),
        ({"nodes": [["ssp.example", "7"]]}, "seller 7 of ssp.example"),
    ):
        lists = {
            "block_lists": [{"id": 1, "key": "other", "domains": ["x.example"]}, {"id": 2, "key": "unsafe", **entries}]
        }
        assert whys(explained(lists, {})) == [f"block list unsafe: {said}"]
    lists = {"block_lists": [{"id": 2, "key": "unsafe", "bundles": ["com.dev.Game"]}]}
    app = {k: v for k, v in REQUEST.items() if k != "site"} | {"app": {"bundle": "com.Dev.game"}}
    assert whys(explained(lists, {}, app)) == ["block list unsafe: bundle com.dev.Game"]


def test_explain_names_the_rule() -> None:
    files = {"ads.txt": {"news.example": [["usx.example", "pub-1", "DIRECT"]]}}
    for rule, said in (
        ({"ads_txt": "authorised"}, "ads.txt does not name"),
        ({"sellers_json": "listed"}, "sellers.json"),
        ({"max_hops": 1}, "too many nodes"),
    ):
        [why] = whys(explained({"line_items[0]": {"supply": rule}}, files))
        assert said in why


class Counting:
    """A store that counts who asks."""

    def __init__(self) -> None:
        self.asked = 0

    def get(self, key: int) -> bytes | None:
        self.asked += 1
        return None


def test_nothing_is_looked_up_for_whom_no_rule_is() -> None:
    store = Counting()
    table = Table(snapshot({**USX, "line_items[1]": {"supply": {"ads_txt": "direct"}}}))
    table.auction.sellers = SupplyModule(store)
    assert isinstance(table.decide(REQUEST), dict)
    assert store.asked == 0


def test_a_site_that_is_turned_away_for_want_of_a_file_is_named_in_the_log() -> None:
    table = Table(snapshot({**USX, "line_items[0]": {"supply": {"ads_txt": "authorised"}}}))
    table.decide(REQUEST)
    table.decide(REQUEST)
    assert [event.name for event in table.events() if isinstance(event, Name)] == ["a.news.example"]
