"""Metrics against scikit-learn's, against brute force over pairs of rows, and intervals against how often they hold."""

import numpy as np
import pytest
from numpy.typing import NDArray
from sklearn import metrics as reference

from domain.errors import Refused
from prediction import comparison, metrics, ranking, reliability


def rows(seed: int, count: int, *, ties: bool = False) -> tuple[NDArray[np.float64], ...]:
    rng = np.random.default_rng(seed)
    score = rng.beta(1, 6, count)
    if ties:
        score = np.round(score, 1)
    return (rng.random(count) < score).astype(float), score, rng.choice([0.5, 1.0, 4.0], count)


@pytest.mark.parametrize("ties", [False, True])
def test_figures_are_scikit_learns_on_weighted_and_tied_rows(ties: bool) -> None:
    label, score, weight = rows(1, 3_000, ties=ties)
    score = np.clip(score, 1e-6, 1)
    made = metrics.measure(label, score, weight, resamples=20)
    assert made.auc == pytest.approx(reference.roc_auc_score(label, score, sample_weight=weight), abs=1e-12)
    assert made.logloss == pytest.approx(reference.log_loss(label, score, sample_weight=weight), abs=1e-12)
    rate = np.average(label, weights=weight)
    known = reference.log_loss(label, np.full_like(score, rate), sample_weight=weight)
    assert made.normalised_entropy == pytest.approx(made.logloss / known, abs=1e-12)
    false, true, _ = reference.roc_curve(label, score, sample_weight=weight)
    assert made.ks == pytest.approx((true - false).max(), abs=1e-12)
    assert made.bias == pytest.approx((score * weight).sum() / (label * weight).sum(), abs=1e-12)
    for name in ("auc", "logloss", "normalised_entropy", "bias", "ks"):
        assert getattr(metrics, name)(label, score, weight) == pytest.approx(getattr(made, name), abs=1e-12)


def test_auc_counts_pairs_and_fractions_of_labels() -> None:
    label, score, weight = rows(2, 60, ties=True)
    label[::7] = 0.25
    pairs = wins = 0.0
    for i in range(60):
        for j in range(60):
            mass = weight[i] * label[i] * weight[j] * (1 - label[j])
            pairs += mass
            wins += mass * (1.0 if score[i] > score[j] else 0.5 if score[i] == score[j] else 0.0)
    assert metrics.auc(label, score, weight) == pytest.approx(wins / pairs, abs=1e-12)


def test_neighbours_put_together_change_next_to_nothing() -> None:
    label, score, weight = rows(3, 20_000)
    few = ranking.grouped(ranking.checked(label, score, weight), most=2_000)
    assert 1_000 < len(few.score) <= 2_000
    assert few.positive.sum() == pytest.approx((label * weight).sum())
    assert metrics._auc(few.positive, few.negative) == pytest.approx(metrics.auc(label, score, weight), abs=1e-5)


def test_reliability_bins_hold_every_row_once_and_their_errors_add_up() -> None:
    label, score, weight = rows(4, 5_000, ties=True)
    bins = reliability.reliability(label, score, weight, bins=10)
    assert sum(each.rows for each in bins) == 5_000
    error = 0.0
    for each in bins:
        inside = (score >= each.least) & (score <= each.most)
        assert inside.sum() == each.rows
        assert each.rate == pytest.approx(np.average(label[inside], weights=weight[inside]))
        error += weight[inside].sum() / weight.sum() * abs(each.score - each.rate)
    assert reliability.calibration_error(label, score, weight, bins=10) == pytest.approx(error)
    assert len(reliability.reliability(label[:50], np.full(50, 0.2))) == 1


def test_a_true_model_is_within_its_null_and_a_tilted_one_is_not() -> None:
    held = 0
    for seed in range(40):
        rng = np.random.default_rng(seed)
        score = rng.beta(1, 9, 2_000)
        label = (rng.random(2_000) < score).astype(float)
        held += metrics.measure(label, score, resamples=60, seed=seed).calibrated
    assert not metrics.measure(label, np.minimum(score * 1.5, 1), resamples=100).calibrated
    assert held >= 33, "19 in 20 are promised; fewer than 33 of 40 would come once in 10,000"


def test_intervals_hold_the_truth_as_often_as_they_say() -> None:
    """The truth: the figure on very many rows of the same kind."""
    label, score, _ = rows(5, 200_000)
    truth = metrics.measure(label, score, resamples=0)
    held = dict.fromkeys(("auc", "logloss", "bias"), 0)
    for seed in range(60):
        label, score, weight = rows(100 + seed, 800)
        made = metrics.measure(label, score, weight, resamples=120, seed=seed)
        for name in held:
            low, high = made.intervals[name]
            held[name] += low <= getattr(truth, name) <= high
    assert made == metrics.measure(label, score, weight, resamples=120, seed=59)
    assert min(held.values()) >= 51, held


def test_a_paired_interval_is_narrow_where_two_models_err_alike() -> None:
    label, score, weight = rows(6, 3_000)
    worse = np.clip(score + np.random.default_rng(0).normal(0, 0.05, 3_000), 0, 1)
    found = comparison.paired(label, score, worse, weight, resamples=100)
    assert found["auc"].low > 0 > found["logloss"].high
    ours, theirs = metrics.auc(label, score, weight), metrics.auc(label, worse, weight)
    assert found["auc"].value == pytest.approx(ours - theirs, abs=1e-12)
    assert comparison.paired(label, score, score, weight, resamples=20)["auc"] == metrics.Interval(0, 0, 0)
    single = metrics.measure(label, score, weight).intervals["auc"]
    assert found["auc"].high - found["auc"].low < single[1] - single[0]


def test_differences_over_runs_are_wider_where_runs_share_rows() -> None:
    ours = np.random.default_rng(1).normal(0.75, 0.01, 25)
    theirs = ours - np.random.default_rng(2).normal(0.004, 0.002, 25)
    alone = comparison.over_runs(list(ours), list(theirs))
    shared = comparison.over_runs(list(ours), list(theirs), tested=0.2)
    assert alone.value == shared.value == pytest.approx((ours - theirs).mean())
    assert shared.high - shared.low == pytest.approx((alone.high - alone.low) * np.sqrt(1 + 25 / 4))


@pytest.mark.parametrize(
    ("label", "score", "weight", "said"),
    [
        ([0, 1], [0.1], None, "arrays of one dimension and length"),
        ([], [], None, "at least 1"),
        ([0, 2], [0.1, 0.2], None, r"label\[1\]: 2.0"),
        ([0, 1], [0.1, float("nan")], None, r"score\[1\]: nan"),
        ([0, 1], [0.1, 0.2], [1, 0], r"weight\[1\]: 0.0"),
        ([0, 0], [0.1, 0.2], None, "both labels must occur"),
    ],
)
def test_bad_rows_are_named(label: list[float], score: list[float], weight: list[float] | None, said: str) -> None:
    with pytest.raises(Refused, match=said):
        metrics.measure(label, score, weight)
