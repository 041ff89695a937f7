"""Running counts against a plain recount of all that came before, and what is kept of them."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from cython_ext.decayed_counts import DecayedCounts

HALF = 1_000

arrivals = st.lists(st.tuples(st.integers(0, 5), st.integers(0, 400)), max_size=60)
"""Keys, and how long after the one before."""


def columns(came: list[tuple[int, int]]) -> tuple[NDArray[np.uint64], NDArray[np.int64]]:
    keys = np.array([key * (2**64 - 1) // 5 for key, _ in came], np.uint64)
    return keys, np.cumsum([later for _, later in came], dtype=np.int64)


@given(arrivals)
def test_an_arrival_is_told_of_those_before_it_only(came: list[tuple[int, int]]) -> None:
    keys, times = columns(came)
    counts, gaps = DecayedCounts(HALF).observe(keys, times)
    for at, (key, time) in enumerate(zip(keys, times, strict=True)):
        before = times[:at][keys[:at] == key]
        assert counts[at] == pytest.approx(sum(0.5 ** ((time - one) / HALF) for one in before), rel=1e-9)
        assert (np.isnan(gaps[at]) and not len(before)) or gaps[at] == pytest.approx((time - before.max()) * 1e-9)


@given(arrivals, st.integers(0, 60))
def test_a_second_reading_goes_on_where_the_first_ended(came: list[tuple[int, int]], cut: int) -> None:
    keys, times = columns(came)
    whole = DecayedCounts(HALF)
    first, second = DecayedCounts(HALF), DecayedCounts(HALF)
    wanted = whole.observe(keys, times)
    begun = first.observe(keys[:cut], times[:cut])
    second.restore(*first.state())
    ended = second.observe(keys[cut:], times[cut:])
    for one, a, b in zip(wanted, begun, ended, strict=True):
        np.testing.assert_array_equal(one, np.concatenate([a, b]))
    for one, other in zip(whole.state(), second.state(), strict=True):
        np.testing.assert_array_equal(one, other)


def test_the_longest_unseen_are_forgotten_and_a_clock_may_go_back() -> None:
    counts = DecayedCounts(1e18, most=100)
    counts.observe(np.arange(1000, dtype=np.uint64), np.arange(1000, dtype=np.int64))
    assert 50 <= len(counts) <= 100
    kept = counts.state()[0]
    assert kept.max() == 999 and kept.min() >= 1000 - 101, "the newest are there"
    same = DecayedCounts(1e18, most=100)  # all of one instant: still no more than that
    same.observe(np.arange(1000, dtype=np.uint64), np.zeros(1000, np.int64))
    assert 50 <= len(same) <= 100
    found, gaps = DecayedCounts(HALF).observe(np.zeros(3, np.uint64), np.array([5000, 0, 5000]))
    assert found.tolist() == [0.0, 1.0, 2.0] and gaps[1:].tolist() == [0.0, 0.0]


def test_what_it_cannot_have_told_is_refused() -> None:
    counts = DecayedCounts(HALF, most=2)
    key, one, time = np.arange(2, dtype=np.uint64), np.ones(2), np.zeros(2, np.int64)
    for wrong in (
        (key, one[:1], time),
        (key, one * np.nan, time),
        (key, -one, time),
        (key * np.uint64(0), one, time),
        (np.arange(3, dtype=np.uint64), np.ones(3), np.zeros(3, np.int64)),
    ):
        with pytest.raises(ValueError, match=r"counts|keys"):
            counts.restore(*wrong)
    for half, most in ((0, 10), (float("nan"), 10), (1, 1)):
        with pytest.raises(ValueError, match=r"half_life_ns|most"):
            DecayedCounts(half, most)
