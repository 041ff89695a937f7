"""What bids come to by strategy, multipliers, pace and cap: against the same rules in plain Python, in two
currencies."""

import json
import math
from typing import Any

import msgspec
import numpy as np
import pytest
from scipy import stats

from bidder.auction import NoBid
from bidder.beliefs import explores_in, thompson_ratio
from bidder.explain import explain
from bidder.pricing.strategies import COMPUTED
from cython_ext.beta_draw import beta_draws
from domain.events import Bid, decode
from domain.strategy import NEEDS_CVR, STRATEGIES
from openrtb.nobid import NoBidReason
from pacing.protocol import BeliefOrder, PaceOrder
from tests.auction_table import Table, merge, snapshot

CTR, CVR = 0.004, 0.05
WORTH = 60e9
FEES = {
    "terms": [{"id": 9, "parts": [["fee", 1, 125_000, 0], ["fee", 2, 0, 50_000]]}],
}
REQUEST: dict[str, Any] = {
    "id": "a",
    "imp": [{"id": "1", "banner": {"w": 300, "h": 250}}],
    "site": {"page": "https://news.example/"},
    "device": {"geo": {"country": "USA"}, "devicetype": 4},
}
RATES = {"usx": 1.0, "cnx": 0.14}
"""USD for a unit of the exchange's currency."""
CREDIT = {
    "margin": 15 * 10**9, "exposure": 500 * 10**9, "lgd_ppm": 450_000, "p_approved_ppm": 550_000, "pd_ppm": 30_000,
}  # fmt: skip
GOALS = {"target_cpc": 300_000_000, "target_cpa": 5 * 10**9, "target_roas": 8_000_000}


def table(name: str, terms: int = 0, **more: Any) -> Table:
    item: dict[str, Any] = {
        "id": 11, "key": "open", "campaign": 1, "name": "", "bid_cpm": 0, "bid_cap_cpm": 4_000_000, "creatives": [101],
        "terms": terms, "targeting": {}, "strategy": {"name": name, "explore_ppm": 0, "goal": GOALS.get(name, 0)},
    }  # fmt: skip
    item |= {field: value for field, value in more.items() if field != "strategy"}
    item["strategy"] |= (CREDIT if name == "credit_value" else {}) | more.get("strategy", {})
    return Table(snapshot(merge(FEES, {"line_items": [item]})))


def believe(on: Table, strength: float = 1e9, **more: float) -> None:
    for creative in (0, 101):
        on.auction.beliefs.apply(
            BeliefOrder(
                11, creative, CTR * strength, (1 - CTR) * strength, CVR * strength, (1 - CVR) * strength,
                more.get("usual_ctr", CTR), more.get("usual_cvr", CVR), more.get("worth", WORTH),
            )
        )  # fmt: skip


def price(on: Table, request: object = REQUEST, exchange: str = "usx") -> float:
    outcome = on.decide(request, exchange)
    assert isinstance(outcome, dict), outcome
    return float(outcome["seatbid"][0]["bid"][0]["price"])


def logged(on: Table) -> Bid:
    return next(event for event in map(decode, reversed(on.log)) if isinstance(event, Bid))


def worth(strategy: str) -> float:
    """USD an impression, fees included: the strategies once more."""
    return {
        "target_cpc": 0.3 * CTR,
        "target_cpa": 5 * CTR * CVR,
        "target_roas": 60 * CTR * CVR / 8,
        "max_clicks": 0.004,  # of the usual probability: the cap
        "max_conversions": 0.004,
        "max_value": 0.004,
        "credit_value": CTR * CVR * 0.55 * (15 - 0.03 * 0.45 * 500),
    }[strategy]


def net(gross: float, exchange: str, terms: int) -> float:
    """CPM of the exchange's currency without fees."""
    media = (gross - (0.00005 if terms else 0)) / (1.125 if terms else 1)
    return media / RATES[exchange] * 1000


@pytest.mark.parametrize("terms", [0, 9])
@pytest.mark.parametrize("exchange", ["usx", "cnx"])
@pytest.mark.parametrize("strategy", list(COMPUTED))
def test_each_strategy_bids_what_an_impression_is_worth_to_it(strategy: str, exchange: str, terms: int) -> None:
    on = table(strategy, terms)
    believe(on)
    expected = net(worth(strategy), exchange, terms)
    assert price(on, exchange=exchange) == pytest.approx(expected, abs=2e-6)
    bid = logged(on)
    assert bid.value == pytest.approx(expected * 1e6, abs=2) and bid.full_price == bid.price and not bid.explored
    assert bid.ctr == pytest.approx(CTR) and (bid.cvr == pytest.approx(CVR)) == (strategy in NEEDS_CVR)
    gross = on.lease - on.leases.available(11)  # what is reserved covers fees, and is at most what it is worth
    assert gross / 1e9 == pytest.approx(worth(strategy), rel=1e-5)
    on.auction.paces.apply(PaceOrder(11, 0.5, 1.0))
    assert price(on, exchange=exchange) == pytest.approx(net(worth(strategy) / 2, exchange, terms), abs=2e-6)
    on.auction.paces.apply(PaceOrder(11, 8.0, 1.0))  # a goal's controller may bid more than the goal, but never the cap
    top = min(8 * worth(strategy), 0.004)
    assert price(on, exchange=exchange) == pytest.approx(net(top, exchange, terms), abs=2e-6)


def test_values_that_are_none_bid_nothing() -> None:
    """Whatever a model or a strategy says, the port neither raises nor bids above the cap."""
    on = table("target_cpa", strategy={"goal": 10**15})
    believe(on)
    assert price(on) == 4.0
    on = table("target_roas", strategy={"goal": 8_000_000})
    believe(on, worth=0.0)  # nobody knows what a conversion is worth
    assert on.decide(REQUEST, "usx") == NoBid(NoBidReason.BELOW_FLOOR, "pricing")
    for strategy in COMPUTED.values():
        for odd in (math.inf, math.nan, -1.0, 0.0):
            strategy.value_of(
                goal=odd,
                cap=1.0,
                worth=odd,
                known_ctr=odd,
                known_cvr=odd,
                known_worth=odd,
                ctr=1,
                cvr=odd,
                margin=odd,
                exposure=odd,
                lgd=odd,
                facts=(odd, odd),
            )


def test_without_beliefs_the_priors_of_the_models_are_taken() -> None:
    on = table("target_cpc")
    assert price(on) == pytest.approx(0.3 * on.auction.models.prior_ctr * 1000, abs=2e-6)


def test_a_fixed_cpm_is_multiplied_up_to_its_cap() -> None:
    when = {"any_of": [[["device_type", ["4"]]]]}
    said = [{"when": when, "factor": 1_500_000}, {"when": {"any_of": [[["country", ["can"]]]]}, "factor": 100_000}]
    on = table("fixed_cpm", bid_cpm=2_000_000, bid_cap_cpm=2_500_000, multipliers=said)
    assert price(on) == 2.5
    on = table("fixed_cpm", bid_cpm=1_000_000, bid_cap_cpm=2_500_000, multipliers=said)
    assert price(on) == 1.5
    assert price(on, {**REQUEST, "device": {"geo": {"country": "USA"}, "devicetype": 2}}) == 1.0
    assert price(on, {**REQUEST, "device": {"geo": {"country": "CAN"}, "devicetype": 4}}) == pytest.approx(0.15)
    on.auction.paces.apply(PaceOrder(11, 0.5, 1.0))
    assert price(on) == 0.75


def test_multipliers_hold_for_the_impression_that_they_are_said_of() -> None:
    """Two imps of two sizes, in one request: each is looked at by itself."""
    wide = {"when": {"any_of": [[["size", [str(728 << 16 | 90)]]]]}, "factor": 2_000_000}
    on = table("target_cpc", multipliers=[wide], creatives=[101, 102])
    believe(on)
    for size, expected in (((300, 250), 1.2), ((728, 90), 2.4)):
        one = {"id": "1", "banner": {"w": size[0], "h": size[1]}}
        other = {"id": "2", "banner": {"w": 1, "h": 1}}
        outcome = on.decide({**REQUEST, "imp": [other, one]}, "usx")
        assert isinstance(outcome, dict)
        assert outcome["seatbid"][0]["bid"][0]["price"] == pytest.approx(expected, abs=2e-6)


def test_the_product_of_multipliers_is_bounded() -> None:
    everywhere = {"any_of": [[]]}
    for factor, expected in ((5_000_000, 10.0), (200_000, 0.1)):
        on = table("target_cpc", bid_cap_cpm=10**9, multipliers=[{"when": everywhere, "factor": factor}] * 3)
        believe(on)
        assert price(on) == pytest.approx(0.3 * CTR * 1000 * expected, rel=1e-6)


def test_in_a_deal_at_a_fixed_price_it_bids_where_it_is_worth_it() -> None:
    on = table("target_cpc", deals=[31])
    believe(on)  # worth a CPM of 1.2

    def ask(floor: float) -> Any:
        deals = [{"id": "FIN-1", "at": 3, "bidfloor": floor, "bidfloorcur": "USD"}]
        return {**REQUEST, "imp": [{**REQUEST["imp"][0], "pmp": {"private_auction": 1, "deals": deals}}]}

    assert price(on, ask(1.0)) == 1.0
    assert on.decide(ask(1.5), "usx") == NoBid(NoBidReason.BELOW_FLOOR, "pricing")
    on.auction.paces.apply(PaceOrder(11, 0.5, 1.0))
    assert on.decide(ask(1.0), "usx") == NoBid(NoBidReason.PACING, "pricing")


def test_what_is_not_worth_the_floor_says_so() -> None:
    on = table("target_cpc")
    believe(on)
    dear = {**REQUEST, "imp": [{**REQUEST["imp"][0], "bidfloor": 2.0, "bidfloorcur": "USD"}]}
    assert on.decide(dear, "usx") == NoBid(NoBidReason.BELOW_FLOOR, "pricing")
    told = explain(on.auction, json.dumps(dear).encode(), on.view.sellers["usx"], on.view)
    assert "worth a CPM of 1.2000" in told.stages["pricing"][0].why


def test_exploring_takes_its_share_of_what_is_bid_and_can_be_drawn_again() -> None:
    share = 0.1
    on = table("target_cpc", strategy={"explore_ppm": int(share * 1e6)}, bid_cap_cpm=10**9)
    believe(on, strength=1_500)  # six clicks: nobody knows much
    prices, explored = [], []
    for n in range(3_000):
        prices.append(price(on, {**REQUEST, "id": f"auction-{n}"}))
        explored.append(logged(on).explored)
    again = Table(on.campaigns)
    believe(again, strength=1_500)
    assert [price(again, {**REQUEST, "id": f"auction-{n}"}) for n in range(300)] == prices[:300]
    bid = np.array(prices)
    drawn = bid[np.array(explored)]
    assert np.allclose(bid[~np.array(explored)], 1.2, atol=2e-6)
    assert 0.06 < np.mean(explored) <= 0.1 * 1.2
    assert drawn.sum() / bid.sum() <= share + 5 / 3_000  # one dear draw may be on its way
    assert drawn.std() > 0.2 and drawn.min() >= 1.2 / 4 - 1e-5 and drawn.max() <= 4.8 + 1e-5
    assert on.auction.beliefs.explored() == (pytest.approx(bid.sum() * 1e6), pytest.approx(drawn.sum() * 1e6))


def test_draws_are_of_the_beliefs() -> None:
    on = table("target_cpc")
    believe(on, strength=5_000)
    ratios = [thompson_ratio(on.auction.beliefs, n * 7919, 11, 101, False) for n in range(20_000)]
    a, b = CTR * 5_000, (1 - CTR) * 5_000
    assert stats.kstest(np.array(ratios) * CTR, stats.beta(a, b).cdf).pvalue > 0.001
    assert thompson_ratio(on.auction.beliefs, 1, 12, 101, False) is None
    came = np.mean([explores_in(n, 11, 0.03) for n in range(50_000)])
    assert came == pytest.approx(0.03, abs=0.004)
    for shape in ((0.3, 40.0), (1.0, 1.0), (30.0, 2.0)):
        draws = np.array(beta_draws(*shape, 42, 20_000))
        assert stats.kstest(draws, stats.beta(*shape).cdf).pvalue > 0.001


def test_every_strategy_of_campaign_files_has_its_class() -> None:
    assert {"fixed_cpm", *COMPUTED} == set(STRATEGIES)
    assert all(set(one.predictions) <= {"ctr", "cvr"} for one in COMPUTED.values())
    assert msgspec.json.encode(sorted(COMPUTED))
