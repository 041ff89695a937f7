"""The price of a budget against brute force: the best single price in hindsight, on made auctions."""

from dataclasses import asdict

import numpy as np
import pytest

from pacing.dual import Dual, SpendCurve, measured, proportional

COUNT = 20_000


def auctions(seed: int, count: int = COUNT) -> tuple[np.ndarray, np.ndarray]:
    """Values and market prices, a little related."""
    rng = np.random.default_rng(seed)
    common = rng.normal(size=count)
    return np.exp(common), np.exp(0.5 * common + rng.normal(size=count))


def cost_at(price: float, value: np.ndarray, market: np.ndarray) -> float:
    return float(market[price * value >= market].sum())


def curve(value: np.ndarray, market: np.ndarray) -> SpendCurve:
    prices = np.geomspace(0.01, 100, 200)
    return measured(prices.tolist(), [cost_at(p, value, market) / len(value) for p in prices.tolist()])


def bought(dual: Dual, value: np.ndarray, market: np.ndarray, step: int = 50) -> tuple[float, float]:
    """Value and money, by a plain loop that stops at the budget."""
    got = spent = 0.0
    for at, (worth, price) in enumerate(zip(value.tolist(), market.tolist(), strict=True)):
        if at % step == 0:
            dual.look(at, spent, len(value) - at)
        if dual.price * worth >= price and spent + price <= dual.budget:
            got, spent = got + worth, spent + price
    return got, spent


def best_single(value: np.ndarray, market: np.ndarray, budget: float) -> float:
    """The value of the best price in hindsight that keeps the budget."""
    prices = sorted((market / value).tolist())
    low, high = 0, len(prices) - 1
    while low < high:
        middle = (low + high + 1) // 2
        low, high = (middle, high) if cost_at(prices[middle], value, market) <= budget else (low, middle - 1)
    return float(value[prices[low] * value >= market].sum())


@pytest.mark.parametrize("share", [0.02, 0.2, 0.7])
@pytest.mark.parametrize("dearer", [0.4, 1.0, 3.0])
def test_as_good_as_the_best_price_in_hindsight(share: float, dearer: float) -> None:
    """Also where the market has become cheaper or dearer than the curve says."""
    past, (value, market) = auctions(1), auctions(2)
    market = market * dearer
    budget = share * float(market.sum())
    got, spent = bought(Dual(curve(*past), budget), value, market)
    assert got >= 0.97 * best_single(value, market, budget)
    assert 0.995 * budget <= spent <= budget


def test_a_guess_is_enough_to_begin_with() -> None:
    """One that is wrong by a factor of ten, and not much trusted."""
    value, market = auctions(3)
    budget = 0.1 * float(market.sum())
    got, spent = bought(Dual(proportional(1.0, 0.02), budget, trust=0.005), value, market)
    assert got >= 0.93 * best_single(value, market, budget)
    assert 0.99 * budget <= spent <= budget


def test_a_market_that_turns_is_followed() -> None:
    value, market = auctions(4)
    market[COUNT // 2 :] *= 4
    budget = 0.1 * float(market.sum())
    _, spent = bought(Dual(curve(*auctions(5)), budget), value, market)
    assert 0.99 * budget <= spent <= budget


def test_a_restart_changes_nothing() -> None:
    known = curve(*auctions(6))
    dual = Dual(known, 100.0)
    for seen, spent in ((0, 0.0), (40, 3.0), (90, 3.5)):
        dual.look(seen, spent, 1000 - seen)
    kept = {name: value for name, value in asdict(dual).items() if name != "curve"}
    again = Dual(known, **kept)
    assert again.look(140, 20.0, 860) == dual.look(140, 20.0, 860)


def test_no_price_without_money_or_above_the_highest() -> None:
    dual = Dual(proportional(1.0, 1.0), 10.0, highest=0.25)
    assert dual.look(0, 0.0, 10) == 0.25
    assert dual.look(5, 10.0, 5) == 0.0
    assert dual.look(6, 11.0, 4) == 0.0
    assert Dual(proportional(1.0, 1.0), 0.0).look(0, 0.0, 10) == 0.0


def test_the_price_stays_where_nothing_is_to_come() -> None:
    dual = Dual(proportional(2.0, 1.0), 10.0)
    price = dual.look(0, 0.0, 10)
    assert price == pytest.approx(2.0)
    assert dual.look(10, 9.0, 0) == price


def test_a_curve_reads_both_ways() -> None:
    made = measured([1.0, 2.0, 3.0, 4.0, 8.0], [0.0, 0.5, 0.5, 2.0, 8.0])
    assert (list(made.prices), list(made.costs)) == ([2.0, 4.0, 8.0], [0.5, 2.0, 8.0])
    for price in (0.1, 2.0, 2.7, 4.0, 5.0, 8.0, 1e6):
        assert made.price(made.cost(price)) == pytest.approx(price)
    assert made.cost(16.0) == pytest.approx(16.0)
    assert made.cost(0.0) == made.price(0.0) == 0.0
    assert measured([1.0, 5.0], [0.0, 0.0]).price(2.0) == pytest.approx(10.0)
