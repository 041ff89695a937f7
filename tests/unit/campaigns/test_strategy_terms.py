"""Strategies, goals, caps and multipliers: from a campaign file to the published snapshot, and what may not stand
there."""

from copy import deepcopy
from itertools import count
from pathlib import Path
from typing import Any

import msgspec
import pytest

from campaigns.catalogue import Catalogue
from campaigns.fee_terms import agree
from campaigns.reading import Reading
from campaigns.snapshot import compile_snapshot
from domain.campaign import Clause, LineItem, Snapshot
from domain.errors import Refused
from domain.strategy import EXPLORE_PPM, Strategy
from tests.unit.campaigns.test_importing import FILE, NOW, Desk

IN_LINE = "campaigns[0].line_items[0]"
CPA: dict[str, Any] = {"bid_cpm": None, "strategy": "target_cpa", "goal": "25", "bid_cap_cpm": 8}
MOBILE = {"when": {"device_type": ["phone"]}, "factor": 1.5}


@pytest.fixture
def desk(tmp_path: Any, store: Any) -> Desk:
    return Desk(tmp_path, store)


def told(said: dict[str, Any], **campaign: Any) -> dict[str, Any]:
    content = deepcopy(FILE)
    content["campaigns"][0] |= campaign
    line = content["campaigns"][0]["line_items"][0] | said
    content["campaigns"][0]["line_items"][0] = {name: value for name, value in line.items() if value is not None}
    return content


def published(desk: Desk, content: dict[str, Any]) -> LineItem:
    """As it comes to a bidder."""
    desk.take(content)
    sent = msgspec.msgpack.encode(compile_snapshot(desk.stored(), NOW))
    return msgspec.msgpack.decode(sent, type=Snapshot).line_items[0]


def test_a_strategy_goes_all_the_way_to_the_snapshot(desk: Desk) -> None:
    of_value = {
        "bid_cpm": None, "strategy": "target_roas", "goal": 2.5, "bid_cap_cpm": "9.5", "conversion": "approved",
        "conversion_value": 40, "explore": "1.5%",
    }  # fmt: skip
    item = published(desk, told(of_value))
    assert item.strategy == Strategy("target_roas", 2_500_000, "approved", 40 * 10**9, 15_000)
    assert (item.bid_cpm, item.bid_cap_cpm, item.highest_cpm) == (0, 9_500_000, 9_500_000)
    assert not desk.take(told(of_value)).changed
    item = published(desk, told(CPA))
    assert item.strategy == Strategy("target_cpa", 25 * 10**9) and item.strategy.explore_ppm == EXPLORE_PPM
    item = published(desk, told({}))  # and back
    assert (item.strategy, item.highest_cpm) == (Strategy(), 1_250_000)


def test_multipliers_are_published_in_utc_and_of_lists_only(desk: Desk) -> None:
    multipliers = [
        {"when": {"hour_of_week": ["mon 00-02"]}, "factor": 0.5},
        {"when": {"audience": ["any"]}, "factor": 2},
    ]
    content = told({"multipliers": multipliers, "bid_cap_cpm": 2})
    content["audiences"].append({"key": "any", "advertiser": "bank", "name": "Any", "of": {"any": ["prime"]}})
    item = published(desk, content)
    prime = desk.stored().audiences["prime"].id
    # America/New_York is four hours behind UTC then
    assert item.multipliers[0].when.any_of == ((Clause("hour_of_week", ("4", "5")),),)
    assert item.multipliers[1].when.any_of == ((Clause("audience", (str(prime),)),),)
    assert [one.factor for one in item.multipliers] == [500_000, 2_000_000]
    assert item.highest_cpm == 2_000_000


def test_the_audience_of_a_multiplier_is_paid_for(desk: Desk) -> None:
    content = told({"targeting": {}, "bid_cap_cpm": 2, "multipliers": [{"when": {"audience": ["prime"]}, "factor": 2}]})
    desk.take(content)
    with desk.store.write() as conn:
        terms = agree(conn, desk.stored())
    (item,) = (one for one in desk.stored().line_items.values() if one.key == "l1")
    assert [part.kind for part in terms[item.id].parts] == ["fee", "fee", "data"]


MISTAKES: list[tuple[dict[str, Any], str, object, str]] = [
    ({"strategy": "cheap"}, "strategy", "cheap", "'fixed_cpm' or 'target_cpc'"),
    ({"bid_cpm": None}, "bid_cpm", None, "must be given"),
    ({**CPA, "bid_cpm": 1}, "bid_cpm", 1, "'target_cpa' works bids out"),
    ({**CPA, "bid_cap_cpm": None}, "bid_cap_cpm", None, "must be given"),
    ({**CPA, "goal": None}, "goal", None, "must be given"),
    ({**CPA, "goal": 0}, "goal", 0, "above 0"),
    ({**CPA, "conversion_value": 3}, "conversion_value", 3, "'target_roas' and 'max_value'"),
    ({"goal": 3}, "goal", 3, "'target_cpc' and 'target_cpa' and 'target_roas'"),
    ({"explore": "1%"}, "explore", "1%", "not for 'fixed_cpm'"),
    ({**CPA, "explore": "51%"}, "explore", "51%", "at most 50%"),
    ({**CPA, "explore": 0.02}, "explore", 0.02, "a share such as"),
    ({**CPA, "strategy": "target_roas", "goal": 1001}, "goal", 1001, "at most 1000"),
    (
        {**CPA, "strategy": "max_clicks", "goal": None, "conversion": "lead"},
        "conversion",
        "lead",
        "'target_cpa' and",
    ),
    ({"bid_cap_cpm": 1}, "bid_cap_cpm", 1, "must not be below bid_cpm"),
    ({"multipliers": [MOBILE]}, "bid_cap_cpm", None, "where a multiplier is above 1"),
    ({"multipliers": {}}, "multipliers", {}, "must be a list"),
    ({"multipliers": [{**MOBILE, "factor": 11}]}, "multipliers[0].factor", 11, "from 0.1 to 10"),
    ({"multipliers": [{**MOBILE, "factor": "2"}]}, "multipliers[0].factor", "2", "from 0.1 to 10"),
    ({"multipliers": [{"factor": 0.5}]}, "multipliers[0].when", None, "must be given"),
    ({"multipliers": [{**MOBILE, "why": 1}]}, "multipliers[0].why", 1, "no such field"),
    ({"multipliers": [{**MOBILE, "when": {"mood": ["good"]}}]}, "multipliers[0].when.mood", ["good"], "no such"),
    ({"multipliers": [{**MOBILE, "factor": 0.5}] * 33}, "multipliers", None, "at most 32"),
]


def test_what_makes_no_price_is_refused_where_it_stands(tmp_path: Path) -> None:
    (tmp_path / "prime.txt").write_text("ifa:A1\n")
    for said, path, value, allowed in MISTAKES:
        ids = count(1)
        reading = Reading(Catalogue(), tmp_path, lambda kind, ids=ids: next(ids), "2026-09-01")
        with pytest.raises(Refused) as refused:
            reading.read(told(said))
        reading.close()
        (problem,) = refused.value.problems
        assert problem.path == f"{IN_LINE}.{path}" and allowed in problem.allowed, (said, problem)
        assert value is None or str(problem.value) == str(value)


def test_in_a_special_category_multipliers_do_not_choose_by_who_people_are_either(desk: Desk) -> None:
    older = {"multipliers": [{"when": {"age": ["50-60"]}, "factor": 0.5}]}
    place = {"country": ["USA"]}
    ((path, _, why),) = desk.refused(told({**older, "targeting": place}, special_category="credit"))
    assert path == f"{IN_LINE}.multipliers[0].when.age" and "special category" in why
    desk.take(told({**older, "targeting": place}))
    content = told({}, special_category="credit")
    content["campaigns"][0]["line_items"] = []
    ((path, _, why),) = desk.refused(content)
    assert path == "campaigns[0].special_category" and "'l1' stands in the way" in why
