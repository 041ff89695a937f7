"""Shares against draws, and draws against shares."""

import numpy as np
import pytest

from credit.policy import Policy, best_shares, draw
from domain.errors import Refused


@pytest.mark.parametrize(("count", "spread"), [(2, 0.1), (6, 0.6), (30, 1.5), (6, 1e-12)])
def test_each_product_is_offered_as_often_as_it_is_the_best(count: int, spread: float) -> None:
    rng = np.random.default_rng(count)
    mean, deviation = rng.normal(size=count) - 1, rng.uniform(0.3, 1, count) * spread
    worth = rng.uniform(10, 60, count)
    drawn = worth / (1 + np.exp(-(mean + deviation * rng.normal(size=(40_000, count)))))
    frequency = np.bincount(drawn.argmax(axis=1), minlength=count) / len(drawn)
    shares = best_shares(mean, deviation, worth)
    assert shares.sum() == pytest.approx(1)
    assert shares == pytest.approx(frequency, abs=0.01)


def test_the_even_share_is_everybodys() -> None:
    mean, deviation, worth = np.array([3.0, -3.0, -3.0, -9.0]), np.full(4, 0.1), np.array([50.0, 50.0, 49.0, 1.0])
    for policy in (Policy("thompson", 0.1), Policy("greedy", 0.1)):
        assert policy.shares(mean, deviation, worth) == pytest.approx([0.925, 0.025, 0.025, 0.025], abs=1e-6)
    assert Policy("greedy", 0.0).shares(mean, deviation, worth).tolist() == [1, 0, 0, 0]
    assert Policy().shares(mean[:0], deviation[:0], worth[:0]).tolist() == []
    assert Policy().shares(mean[:1], deviation[:1], worth[:1]) == pytest.approx([1.0])
    many = Policy("thompson", 0.2).shares(np.zeros(300), np.ones(300), np.ones(300))
    assert many.sum() == pytest.approx(1) and many.min() == pytest.approx(0.2 / 300)
    with pytest.raises(Refused, match="even_share"):
        Policy("greedy", 1.5)


def test_a_draw_falls_on_each_place_as_often_as_its_share_says() -> None:
    shares = np.array([0.0, 0.3, 0.0, 0.5, 0.2, 0.0])
    numbers = (np.arange(10_000) + 0.5) / 10_000
    places = [draw(shares, float(number)) for number in numbers]
    assert (np.bincount(places, minlength=6) / len(places)).tolist() == shares.tolist()
    assert draw(shares, 0.0) == 1 and draw(shares, 1.0) == 4
    assert draw(shares * 1e-9, 0.5) == 3
