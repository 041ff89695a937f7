"""Distributions from censored prices, against estimators of special cases that are known, and markets that are."""

import numpy as np
import pytest

from prediction.price_curves import MOST_POINTS, grid, log_normal, most_likely

POINTS = 8


def estimate(won: list[int], lost: list[int], told: list[int], rounds: int = 20_000) -> np.ndarray:
    """Of one context without any parent's help: the share of prices at or below each point."""
    rows = [np.array([counts], np.float64) for counts in (won, lost, told)]
    flat = np.full((1, POINTS + 1), 1 / (POINTS + 1))
    shares = most_likely(*rows, flat, 0.0, flat, np.eye(POINTS), rounds)
    assert shares.sum() == pytest.approx(1.0)
    assert shares.min() >= 0
    return np.cumsum(shares[0])[:-1]


def product_limit(lost: list[int], told: list[int]) -> list[float]:
    """Kaplan's and Meier's (JASA 53, 1958), for losses whose price is above the bid."""
    survival, found = 1.0, []
    for point in range(POINTS):
        at_risk = sum(told[point:]) + sum(lost[point:])
        survival *= 1 - told[point] / at_risk if at_risk else 1.0
        found.append(1 - survival)
    return found


def pooled(won: list[int], lost: list[int]) -> list[float]:
    """Who only knows won or lost: the rates themselves, neighbours that fall pooled (Ayer and others, 1955)."""
    blocks: list[tuple[float, float, int]] = []
    for wins, losses in zip(won, lost, strict=True):
        blocks.append((wins, wins + losses, 1))
        while len(blocks) > 1 and blocks[-2][0] / blocks[-2][1] >= blocks[-1][0] / blocks[-1][1]:
            (a, n, k), (b, m, j) = blocks[-2:]
            blocks[-2:] = [(a + b, n + m, k + j)]
    return [wins / all_ for wins, all_, count in blocks for _ in range(count)]


def test_prices_told_and_losses_give_the_product_limit() -> None:
    lost, told = [3, 0, 2, 5, 0, 1, 4, 2], [2, 6, 0, 3, 5, 1, 2, 4]
    assert estimate([0] * POINTS, lost, told) == pytest.approx(product_limit(lost, told), abs=1e-6)


def test_won_and_lost_alone_give_the_pooled_rates() -> None:
    """In the order in which they rise; at a point where they fall it is pooled with its neighbours."""
    won, lost = [1, 5, 3, 9, 8, 15, 14, 19], [19, 15, 17, 11, 12, 5, 6, 1]
    assert estimate(won, lost, [0] * POINTS) == pytest.approx(pooled(won, lost), abs=2e-3)


def test_a_parent_stands_where_nothing_was_observed() -> None:
    parent = np.diff(np.array([0, 0.1, 0.3, 0.35, 0.6, 0.7, 0.8, 0.9, 0.95, 1.0]))[None, :]
    none = np.zeros((1, POINTS))
    shares = most_likely(none, none, none, parent, 60.0, np.full((1, POINTS + 1), 1 / (POINTS + 1)), np.eye(POINTS), 5)
    assert shares == pytest.approx(parent)


@pytest.mark.parametrize("lowest", [10_000, 123_456, 90_000_000])
def test_a_grid_covers_what_it_should(lowest: int) -> None:
    points = grid(lowest, 40 * lowest, 10_000)
    assert points[0] <= lowest
    assert points[-1] >= 40 * lowest
    assert (points % 10_000 == 0).all()
    steps = np.diff(points)
    assert ((steps == 10_000) | (steps <= 0.05 * points[:-1])).all()
    assert (steps > 0).all()
    assert len(grid(1, 1e18, 1)) == MOST_POINTS
    with pytest.raises(ValueError, match="not allowed"):
        grid(0, 5, 1)


def test_a_log_normal_market_is_found_behind_losses() -> None:
    """Half of the prices are above all bids; where they lie comes out of those below."""
    draw = np.random.default_rng(5)
    points = grid(1e5, 1e8, 10_000)
    prices = draw.lognormal(np.log(3e6), 0.8, 20_000)
    bids = draw.choice(points[points < 3_000_000], 20_000)
    won = prices <= bids
    told = np.bincount(np.searchsorted(points, prices[won]), minlength=len(points)).astype(float)
    lost = np.bincount(np.searchsorted(points, bids[~won]), minlength=len(points)).astype(float)
    below = np.cumsum(log_normal(points, np.zeros(len(points)), lost, told))
    for price in (2e6, 4e6, 8e6):
        at = int(np.searchsorted(points, price))
        assert below[at] == pytest.approx(np.mean(prices <= points[at]), abs=0.03)
