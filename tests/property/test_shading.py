"""The compiled search for the best bid and its plain twin, on curves of any shape."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from cython_ext.shading import STRAY_SPREAD, Landscape
from tests.examples import examples
from tests.shading_twin import allowed, surplus, win_rate

MONEY = st.integers(0, 10**9)


@st.composite
def curves(draw: st.DrawFn) -> tuple[list[float], list[float]]:
    prices = sorted(draw(st.sets(st.integers(1, 10**9), min_size=1, max_size=40)))
    wins = sorted(draw(st.lists(st.floats(0, 1, width=32), min_size=len(prices), max_size=len(prices))))
    return [float(price) for price in prices], wins


def landscape(curve: tuple[list[float], list[float]], strays: float = 0.0) -> Landscape:
    return Landscape(*curve, [(0, 0, len(curve[0]))], [(0, 7, 1)], strays)


def one(number: int, dtype: type = np.int64) -> np.ndarray:
    return np.array([number], dtype)


@settings(max_examples=examples(300), deadline=None)
@given(curves(), MONEY, MONEY, MONEY)
def test_no_bid_earns_more(curve: tuple[list[float], list[float]], value: int, floor: int, cap: int) -> None:
    """Nor is it outside of what is allowed. Of bids that nothing is expected of, the highest has most chances."""
    bid = int(landscape(curve).shade(one(1, np.uint32), one(value), one(floor), one(cap))[0])
    tried = allowed(curve[0], value, floor, cap)
    assert bid in tried
    best = max(surplus(*curve, value, other) for other in tried)
    if best > 0:
        assert surplus(*curve, value, bid) >= best * (1 - 1e-12)
    else:
        assert bid == tried[-1]


@settings(max_examples=examples(200), deadline=None)
@given(curves(), st.lists(st.integers(0, 2 * 10**9), min_size=1, max_size=20))
def test_the_win_rate_of_any_bid(curve: tuple[list[float], list[float]], bids: list[int]) -> None:
    found = landscape(curve).win_rates(np.ones(len(bids), np.uint32), np.array(bids, np.int64))
    assert np.allclose(found, [win_rate(*curve, bid) for bid in bids], rtol=1e-9, atol=1e-12)


@settings(max_examples=60, deadline=None)
@given(curves(), MONEY, MONEY, MONEY, st.floats(0.01, 0.9))
def test_propensities_are_those_of_the_draw(
    curve: tuple[list[float], list[float]], value: int, floor: int, cap: int, strays: float
) -> None:
    """What is said of a price is the twin's probability of it, and all of them are 1 together."""
    made = landscape(curve, strays)
    bid = int(made.shade(one(1, np.uint32), one(value), one(floor), one(cap))[0])
    n = 400
    each = [np.full(n, number, np.int64) for number in (value, bid, floor, cap)]
    prices, chances = made.stray(np.ones(n, np.uint32), *each, np.arange(n, dtype=np.uint64))
    highest = min(value, cap)
    others = [price for price in curve[0] if max(floor, 0) <= price <= highest and price != bid]
    best = surplus(*curve, value, bid)
    inside = [price for price in curve[0] if max(floor, 0) <= price <= highest]
    if len(inside) < 2 or best <= 0 or floor >= highest:
        assert set(prices) == {bid} and set(chances) == {1.0}
        return
    weights = {price: np.exp((surplus(*curve, value, price) / best - 1) / STRAY_SPREAD) for price in others}
    whole = sum(weights.values())
    for price, chance in zip(prices.tolist(), chances.tolist(), strict=True):
        expected = 1 - strays if price == bid else strays * weights[price] / whole
        assert np.isclose(chance, expected, rtol=1e-6, atol=1e-12)
        assert max(floor, 0) <= price <= highest


def test_a_price_is_tried_out_as_often_as_said() -> None:
    """Numbers that follow one another are drawn as if they did not."""
    made = landscape(([1e5, 2e5, 3e5, 4e5], [0.2, 0.5, 0.6, 0.65]), 0.3)
    n = 40_000
    each = [np.full(n, number, np.int64) for number in (500_000, 200_000, 0, 500_000)]
    prices, chances = made.stray(np.ones(n, np.uint32), *each, np.arange(n, dtype=np.uint64))
    told = {}
    for price in np.unique(prices):
        chosen = prices == price
        told[price] = chances[chosen][0]
        assert abs(chosen.mean() - told[price]) < 4 * np.sqrt(told[price] / n)
    assert sum(told.values()) > 0.999
