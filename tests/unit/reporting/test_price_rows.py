"""The price landscape from made-up bids, where others' prices are known."""

from typing import Any

import numpy as np
import pytest

from domain.errors import Refused
from reporting.price_rows import learn, told_by
from reporting.training import COLUMNS
from reporting.training_rows import Outcomes

ROWS = 8_000
MEDIAN, SIGMA = 900_000.0, 0.5


def bids(seed: int, **others: Any) -> tuple[Outcomes, np.ndarray]:
    """Exchange 1 tells second prices and nothing else, exchange 2 is first price and tells what would have won."""
    rng = np.random.default_rng(seed)
    columns: dict[str, Any] = {name: np.zeros(ROWS, kind) for name, kind in COLUMNS.items()}
    site = rng.integers(1, 4, ROWS)
    market = MEDIAN * np.exp(rng.normal(0, SIGMA, ROWS)) * np.array([0, 0.5, 1.0, 2.0])[site]
    price = MEDIAN * np.exp(rng.normal(0, 0.7, ROWS))
    won, second = price >= market, rng.random(ROWS) < 0.5
    floor = np.where(rng.random(ROWS) < 0.3, MEDIAN / 4, 0)
    paid = np.where(second, np.maximum(market, floor), price)
    columns |= {
        "time_ns": np.arange(ROWS, dtype=np.int64) * 10**9,
        "exchange": np.where(second, 1, 2).astype(np.uint32),
        "site": site.astype(np.uint64) << np.uint64(40),
        "context": np.full(ROWS, 1 << 25, np.uint32),
        "width": np.full(ROWS, 300), "height": np.full(ROWS, 250),
        "price": price.astype(np.int64), "floor": np.minimum(floor, price).astype(np.int64),
        "won": won.astype(np.uint8), "paid": np.where(won, np.minimum(paid, price), 0).astype(np.int64),
        "min_to_win": np.where(second, 0, market).astype(np.int64), "weight": np.ones(ROWS),
    }  # fmt: skip
    return Outcomes(columns | others, np.empty((ROWS, 0), np.uint32)), market


def test_what_a_bid_says_of_the_others_holds() -> None:
    told, market = bids(1)
    low, high = told_by(told.columns)
    exact = low == high
    assert (low[~exact] <= market[~exact] + 1).all() and (market <= high + 1).all()
    assert np.abs(low[exact] - market[exact]).max() <= 1 and 0.4 < exact.mean() < 0.9
    assert np.isinf(high[(told["exchange"] == 1) & (told["won"] == 0)]).all()


def test_win_rates_are_those_of_the_market_for_each_site_and_deals_say_nothing() -> None:
    told, _ = bids(2, deal=np.where(np.arange(ROWS) % 10 == 0, 7, 0).astype(np.uint32))
    spoilt = np.where(told["deal"] > 0, 1, told["price"])  # who would take these for bids would be led astray
    told.columns["price"] = spoilt
    made = learn(told, 0.15)
    assert made.rows == ROWS * 9 // 10 and made.figures["exchanges"] == 2
    assert made.figures["win_normalised_entropy"] < 0.8 and made.figures["win_bias"] == pytest.approx(1, abs=0.1)
    for exchange in (1, 2):
        for number, factor in enumerate((0.5, 1.0, 2.0), 1):
            values = np.array([[1, 300 << 16 | 250, number << 8]], np.uint32)
            place = made.landscape.contexts(np.array([exchange]), values)
            at = np.array([MEDIAN * factor], np.int64)  # half of the others' prices are below
            assert made.landscape.kernel.win_rates(place, at)[0] == pytest.approx(0.5, abs=0.08)


def test_too_few_bids_are_refused() -> None:
    told, _ = bids(3, exchange=(np.arange(ROWS) // 400).astype(np.uint32))
    with pytest.raises(Refused, match="500 bids"):
        learn(told, 0.15)
