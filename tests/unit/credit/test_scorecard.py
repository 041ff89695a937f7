"""Bins, features and the scorecard against plain Python."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import minimize
from scipy.special import expit

from credit import features, scorecard
from credit.binning import PRIOR, Bins, categorical, information, numeric
from credit.features import Derived, Recipe, families
from credit.giveaways import giveaways
from credit.points import Scale
from tests.examples import examples


def applicants(rows: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    x = np.where(rng.random(rows) < 0.1, np.nan, np.round(rng.normal(size=rows), 1))
    label = (rng.random(rows) < expit(-1 + np.nan_to_num(1.2 * x * (1 - 0.6 * np.nan_to_num(x)), nan=1.5))).astype(
        float
    )
    return x, label


@settings(max_examples=examples(15), deadline=None)
@given(seed=st.integers(0, 10_000), rows=st.integers(60, 900), weights=st.booleans())
def test_bins_of_numbers_are_in_order_and_count_what_they_hold(seed: int, rows: int, weights: bool) -> None:
    x, label = applicants(rows, seed)
    if not 0 < label.sum() < rows:
        return
    weight = np.random.default_rng(seed).uniform(0.5, 2, rows) if weights else np.ones(rows)
    bins = numeric(x, label, weight)
    place = bins.of(x)
    steps = np.sign(np.diff(bins.woe[:-1]))
    assert bins.kind == "number" and (np.all(steps >= 0) or np.all(steps <= 0))
    rate = float((weight * label).sum() / weight.sum())
    total = 0.0
    for number, woe in enumerate(bins.woe):
        low = bins.edges[number - 1] if 0 < number < len(bins.woe) - 1 else -math.inf
        high = bins.edges[number] if number < len(bins.edges) else math.inf
        inside = np.isnan(x) if number == len(bins.woe) - 1 else (x > low) & (x <= high)
        assert np.array_equal(inside, place == number) and bins.rows[number] == inside.sum()
        n, bad = float(weight[inside].sum()), float((weight * label)[inside].sum())
        smoothed = (bad + PRIOR * rate) / (n + PRIOR)
        assert woe == pytest.approx(math.log(smoothed / (1 - smoothed)) - math.log(rate / (1 - rate)), abs=1e-9)
        good, all_bad = n - bad, float((weight * label).sum())
        total += (bad / all_bad - good / (weight.sum() - all_bad)) * woe
    assert bins.information_value == pytest.approx(total)


def test_a_level_that_is_rare_or_new_is_one_of_the_others() -> None:
    codes = np.array([0] * 100 + [1] * 100 + [2] * 5 + [-1] * 20, np.int32)
    label = np.array(([1.0] + [0.0] * 4) * 20 + [1.0, 0.0] * 50 + [1.0] * 5 + [0.0] * 20)
    bins = categorical(codes, 3, label, np.ones(len(codes)))
    assert bins.of(np.array([0, 1, 2, 3, -1], np.int32)).tolist() == [0, 1, 2, 2, 3]
    assert bins.woe[0] < bins.woe[1] < bins.woe[2] and bins.rows == (100, 100, 5, 20)


def test_codes_are_told_from_numbers_in_order() -> None:
    rng = np.random.default_rng(1)
    code = rng.integers(1, 6, 4_000).astype(float)
    rate = np.array([0, 0.1, 0.5, 0.1, 0.5, 0.1])[code.astype(int)]
    label = (rng.random(4_000) < rate).astype(float)
    bins = numeric(code, label, np.ones(4_000))
    assert bins.kind == "code"
    assert bins.of(np.array([1.0, 2.0, 7.0, 2.5, np.nan])).tolist() == [0, 1, 5, 5, 6]
    late = (rng.random(4_000) < 0.1 * code).astype(float)
    assert numeric(code, late, np.ones(4_000)).kind == "number"


def test_information_tells_a_signal_from_noise() -> None:
    x, label = applicants(4_000, 3)
    rng = np.random.default_rng(4)
    assert information(x, label) > 10 * information(rng.normal(size=4_000), label)


def test_the_scorecard_is_the_likeliest_and_its_points_add_up() -> None:
    rng = np.random.default_rng(5)
    rows = 1_500
    one, other, noise = rng.normal(size=(3, rows))
    code = rng.integers(0, 3, rows).astype(np.int32)
    label = (rng.random(rows) < expit(-1 + one - 0.7 * other + 0.5 * (code == 1))).astype(float)
    values = {"one": one, "other": other, "noise": noise, "code": code}
    card = scorecard.fit(values, {"code": 3}, label, np.ones(rows))
    assert {each.name for each in card.characteristics} >= {"one", "other", "code"}
    assert all(each.coefficient > 0 for each in card.characteristics)
    evidence = np.stack([each.bins.evidence(values[each.name]) for each in card.characteristics], axis=1)

    def cost(at: np.ndarray) -> float:
        z = at[0] + evidence @ at[1:]
        return float((np.logaddexp(0, z) - label * z).sum() + 0.5 * scorecard.L2 * (at[1:] ** 2).sum())

    found = np.array([card.constant, *(each.coefficient for each in card.characteristics)])
    best = minimize(cost, np.zeros(len(found)), method="BFGS")
    assert cost(found) == pytest.approx(best.fun, rel=1e-6)
    scale, parts = Scale(), card.parts(values)
    total = scale.exact(np.array(card.constant)) - sum(parts.values()) * scale.per_log_odds
    np.testing.assert_allclose(scale.exact(card.log_odds(values)), total)


def test_a_score_is_monotone_in_every_number() -> None:
    rng = np.random.default_rng(6)
    x = rng.normal(size=(3, 1_200))
    label = (rng.random(1_200) < expit(-1 + x[0] - 0.5 * x[1] ** 2)).astype(float)
    values = {f"x{n}": column for n, column in enumerate(x)}
    card = scorecard.fit(values, {}, label, np.ones(1_200))
    for name in values:
        grid = {other: np.zeros(50) for other in values} | {name: np.linspace(-4, 4, 50)}
        steps = np.diff(card.log_odds(grid))
        assert np.all(steps >= 0) or np.all(steps <= 0)


def test_points_double_the_odds() -> None:
    scale = Scale(600, 20, 40)
    odds = np.array([20.0, 40.0, 5.0, 1e-9, 1e9])
    assert scale.points(-np.log(odds)).tolist() == [600, 640, 520, 300, 900]


def test_families_are_columns_of_one_kind() -> None:
    rng = np.random.default_rng(7)
    bill = rng.lognormal(9, 1, 500)
    late = rng.poisson(0.8, 500).astype(float)
    numbers = {"X1": rng.uniform(1e4, 1e6, 500)}
    numbers |= {f"X{n}": np.maximum(late + rng.integers(-1, 2, 500), 0.0) for n in range(6, 12)}
    numbers |= {f"X{n}": bill * rng.uniform(0.8, 1.2, 500) for n in range(12, 18)}
    numbers |= {f"PAY_{n}": 0.1 * bill * rng.uniform(0.8, 1.2, 500) for n in (0, 2, 3)}
    assert families(numbers) == [
        tuple(f"X{n}" for n in range(6, 12)), tuple(f"X{n}" for n in range(12, 18)), ("PAY_0", "PAY_2", "PAY_3"),
    ]  # fmt: skip


@settings(max_examples=examples(20), deadline=None)
@given(st.lists(st.tuples(*[st.one_of(st.just(math.nan), st.integers(-5, 5).map(float))] * 4), min_size=1, max_size=12))
def test_features_are_what_their_names_say(rows: list[tuple[float, ...]]) -> None:
    columns = {f"a{n}": np.array([row[n] for row in rows]) for n in range(4)}
    names = tuple(columns)
    recipe = Recipe(
        names,
        (
            *(Derived(name, name, names) for name in ("mean", "max", "min", "trend", "change", "spread", "above")),
            Derived("ratio", "ratio", ("mean", "a1")),
        ),
    )
    made = recipe.apply(columns)
    for at, row in enumerate(rows):
        known = [value for value in row if not math.isnan(value)]
        mean = sum(known) / len(known) if known else math.nan
        told = {
            "mean": mean,
            "max": max(known, default=math.nan),
            "min": min(known, default=math.nan),
            "change": row[0] - row[1],
            "spread": max(known) - min(known) if known else math.nan,
            "above": float(sum(value > 0 for value in known)) if known else math.nan,
            "ratio": mean / row[1] if row[1] and not math.isnan(row[1]) else math.nan,
        }
        places = [n for n, value in enumerate(row) if not math.isnan(value)]
        told["trend"] = np.polyfit(places, known, 1)[0] if len(known) > 1 else math.nan
        for name, value in told.items():
            assert made[name][at] == pytest.approx(value, nan_ok=True, abs=1e-9), name


def test_ratios_are_taken_in_where_they_tell_more() -> None:
    rng = np.random.default_rng(8)
    limit, bill, other = rng.lognormal(10, 1, 3_000), rng.lognormal(9, 1, 3_000), rng.lognormal(9, 1, 3_000)
    use = bill / limit
    label = (rng.random(3_000) < expit(-1.5 + 1.5 * (np.log(use) > -1) - 1.5 * (np.log(use) < -2))).astype(float)
    found = features.recipe({"limit": limit, "bill": bill, "other": other}, label, np.ones(3_000))
    assert {frozenset(each.inputs) for each in found.derived} >= {frozenset(("limit", "bill"))}
    assert len(found.derived) < 3


def test_a_bin_of_a_number_that_was_never_there() -> None:
    bins = numeric(np.full(50, np.nan), np.array([0.0, 1.0] * 25), np.ones(50))
    assert isinstance(bins, Bins) and bins.of(np.array([np.nan, 3.0])).tolist() == [1, 0]


def test_a_column_that_tells_the_outcome_is_named() -> None:
    rng = np.random.default_rng(9)
    label = (rng.random(500) < 0.3).astype(float)
    numbers = {
        "recoveries": -3 * label,
        "partly": np.where(rng.random(500) < 0.5, np.nan, label),
        "noise": rng.random(500),
    }
    codes = {"status": (label + 1).astype(np.int32)}
    found = giveaways(numbers, codes, {"status": 3}, label, np.ones(500))
    assert {name for name, _ in found} == {"recoveries", "status"}
