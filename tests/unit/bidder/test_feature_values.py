"""What a bid is scored by is what its request and its person say: bit for bit the same as worked out by other code."""

import json
from typing import Any

import numpy as np
import pytest
from msgspec.structs import replace

from bidder.auction import Aside
from domain.events import Bid
from domain.frequency import FrequencyCap
from openrtb.parse import Malformed
from prediction.features import BID
from targeting.record import Standing, advertiser_scope, campaign_scope
from tests.auction_table import Table
from tests.feature_world import DAY, NOW_S, SPECIAL, World, campaigns
from tests.fleet_twin import FleetTwin
from tests.small_models import learnt, scattered
from tests.strangers.mutations import encoded, mutants

NAMES = [feature.name for feature in BID.features]


def told(bid: Bid) -> list[int]:
    return np.frombuffer(bid.features, "<u4").tolist()


def test_the_bid_path_and_plain_python_tell_the_same_bits() -> None:
    bids = World(seed=7).bids(1_500)
    assert len(bids) > 1_000
    for bid, expected in bids:
        found = told(bid)
        assert found == expected, {
            name: (one, other) for name, one, other in zip(NAMES, found, expected, strict=True) if one != other
        }
    values = np.array([row for _, row in bids])
    for place, feature in enumerate(BID.features):  # the requests are such that all features say something
        missing = 0x7FC00000 if feature.kind == "number" else 0
        if feature.name != "deal":
            assert len(set(values[:, place].tolist()) - {missing}) >= 1, feature.name
    for name in ("since_visit", "seen_campaign", "known_days", "segments", "stage", "placement", "hour_of_day", "age"):
        assert len(set(values[:, NAMES.index(name)].tolist())) > 3, name


def test_what_is_protected_is_not_told_of_campaigns_in_a_special_category() -> None:
    bids = World(seed=8).bids(600)
    values = {
        special: np.array([told(bid) for bid, _ in bids if (bid.campaign == SPECIAL) is special])
        for special in (True, False)
    }
    assert len(values[True]) > 50 and len(values[False]) > 50
    for place, feature in enumerate(BID.features):
        missing = 0x7FC00000 if feature.kind == "number" else 0
        if feature.protected:
            assert set(values[True][:, place].tolist()) == {missing}, feature.name
            assert set(values[False][:, place].tolist()) > {missing}, feature.name
    assert {feature.name for feature in BID.features if feature.protected} == {
        "age", "gender", "postcode", "city", "language",
    }  # fmt: skip


GOLDEN = (
    "c15c0289c15c02890d98fc89f832892442e852fac15c02898f24a5e8c15c0289c15c028952876e2c6d35eb08de336303"
    "a3ffd11dca8a33e2e4de453fb7ea1aa300000000c89fa580ce56971c07a98d7c5ac389a3ce56971c0000803f00004040"
    "000028423fee626465c5acacc15c0289c15c0289038fde9917d764ad8f24a5e800000000ce56971c0000803f0000003f"
    "0000c07f7a829a3f0000003f"
)
"""39 values, little-endian, in the order of the declaration."""


def test_a_row_stays_what_it_is() -> None:
    """Models and logs of years rely on it: if this fails, a new version of the feature set is due."""
    every = campaigns()
    table = Table(campaigns=replace(every, line_items=tuple(item for item in every.line_items if item.id == 12)))
    table.people.put(
        "buyeruid:usx:zoe",
        {5: NOW_S + 1, 6: NOW_S},
        {advertiser_scope(1): [NOW_S - 9 * DAY, NOW_S - DAY, NOW_S - DAY // 2], campaign_scope(1): [NOW_S - DAY]},
        relations={1: Standing(2, NOW_S - 3 * DAY, NOW_S - DAY, NOW_S - DAY // 2, 0)},
    )
    table.decide(json.loads(REQUEST))
    [bid] = [event for event in table.events() if isinstance(event, Bid)]
    assert bid.features.hex() == GOLDEN


REQUEST = """{"id": "a", "at": 2, "imp": [{"id": "1", "tagid": "top", "banner": {"w": 300, "h": 250, "pos": 1}}],
 "site": {"domain": "news.example", "cat": ["IAB12-1"], "publisher": {"id": "pub-1"}},
 "device": {"ua": "", "os": "ios", "model": "iPhone", "language": "en", "connectiontype": 2, "devicetype": 4,
 "geo": {"country": "USA", "region": "CA", "city": "Los Angeles", "zip": "90001", "utcoffset": -480}},
 "user": {"buyeruid": "zoe", "yob": 1984, "gender": "F"}}"""


def test_nothing_is_told_or_logged_of_line_items_that_say_their_price() -> None:
    table = Table()
    table.decide(json.loads(REQUEST))
    [bid] = [event for event in table.events() if isinstance(event, Bid)]
    assert (bid.features, bid.ctr, bid.cvr, bid.model, bid.value) == (b"", 0.0, 0.0, 0, 0)
    assert table.auction.models.predicted == 0


@pytest.mark.parametrize("target", ["ctr", "cvr", "shadow"])
def test_without_a_model_what_is_likely_is_taken(target: str) -> None:
    table = Table(campaigns=campaigns())
    models = table.auction.models
    models.put(target, None, 9)
    table.decide(json.loads(REQUEST))
    [bid] = [event for event in table.events() if isinstance(event, Bid)]
    assert bid.ctr == models.prior_ctr and bid.model == bid.shadow_model == 0 and bid.shadow_ctr == 0.0
    assert bid.cvr == (0.0 if bid.line_item % 2 else models.prior_cvr) and len(bid.features) == 4 * len(NAMES)


def test_an_auction_that_waits_for_a_fleet_keeps_its_rows_and_its_model() -> None:
    """Others are decided meanwhile, and the model is another when it goes on."""
    every = campaigns()
    capped = tuple(replace(item, frequency_caps=(FrequencyCap(100, 86_400),)) for item in every.line_items)
    fleet = FleetTwin()
    table = Table(campaigns=replace(every, line_items=capped), fleet=fleet)
    world, auction, seller = World(seed=21, table=table), table.auction, table.view.sellers["usx"]
    auction.models.put("ctr", one := scattered(learnt(), 1), 1)
    requests = [world.request(number) for number in range(60)]
    waiting: list[tuple[dict[str, Any], Aside]] = []
    for request in requests:
        outcome = auction.decide(json.dumps(request).encode(), seller, table.view)
        waiting += [(request, outcome)] if isinstance(outcome, Aside) else []
    assert len(waiting) > 15
    auction.models.put("ctr", scattered(learnt(), 2), 2)
    table.log.clear()
    checked = 0
    for request, aside in reversed(waiting):
        auction.resume(aside, fleet.take(aside, table.people.get))
        fleet.let_go(aside)
        for bid in [event for event in table.events() if isinstance(event, Bid)]:
            assert (bid.auction, bid.model) == (request["id"], 1)
            assert told(bid) == world.expected(request, bid)
            assert [bid.ctr] == one.scores(np.array([told(bid)], np.uint32)).tolist()
            checked += 1
        table.log.clear()
    assert checked > 15


def test_whatever_is_sent_the_row_is_whole_and_the_same_however_it_is_read() -> None:
    """Requests broken in every place: scanned, and made odd by a field that does not matter, so that they go through
    the typed model, they give the same rows; nothing raises but for what is no request.
    """
    table = Table(campaigns=campaigns())
    table.auction.models.put("ctr", scattered(learnt(), 3), 1)
    seller, rows = table.view.sellers["usx"], 0

    def decided(body: bytes) -> list[list[int]] | None:
        table.log.clear()
        try:
            table.auction.decide(body, seller, table.view)
        except Malformed:
            return None
        bids = [event for event in table.events() if isinstance(event, Bid)]
        assert all(0 < bid.ctr < 1 and len(bid.features) == 4 * len(NAMES) for bid in bids)
        return [told(bid) for bid in bids]

    base = json.loads(REQUEST)
    for mutant in mutants(base):
        found = decided(encoded(mutant.document))
        rows += len(found or ())
        if isinstance(mutant.document, dict):
            odd = encoded(mutant.document | {"test": "0"})  # a text for a number: the scanner leaves it to the model
            assert decided(odd) == found, mutant
    assert rows > 500
