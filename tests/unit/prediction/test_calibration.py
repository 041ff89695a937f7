"""Calibration: curves against scikit-learn's and brute force, segments against a known truth, the compiled scorer
against the plain one."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy.special import expit, logit
from sklearn.isotonic import IsotonicRegression
from sklearn.linear_model import LogisticRegression

from cython_ext.curves import bent, keys_of, table_of
from cython_ext.encoding import Encoder
from cython_ext.expansion import Expansion
from domain.errors import Refused
from prediction import artefact, calibration, curve, metrics
from prediction.calibrated import Calibrated
from prediction.feature_set import Feature, FeatureSet
from prediction.linear import Linear
from prediction.packing import pack, unpack
from prediction.scorer import Scorer

FINITE = st.integers(-20_000, 20_000).map(lambda thousandths: thousandths / 1_000)


@settings(max_examples=100, deadline=None)
@given(
    st.lists(FINITE, min_size=1, max_size=9, unique=True),
    st.lists(FINITE, min_size=9, max_size=9),
    st.tuples(st.floats(0, 3), st.floats(0, 3)),
    st.lists(FINITE, max_size=20),
)
def test_the_kernel_draws_straight_pieces(
    x: list[float], y: list[float], slopes: tuple[float, float], at: list[float]
) -> None:
    x, y = sorted(x), sorted(y)[: len(x)]
    made = bent(x, y, *slopes, [*at, *x])
    for where, value in zip([*at, *x], made, strict=True):
        if where <= x[0]:
            expected = y[0] + slopes[0] * (where - x[0])
        elif where >= x[-1]:
            expected = y[-1] + slopes[1] * (where - x[-1])
        else:
            expected = float(np.interp(where, x, y))
        assert value == pytest.approx(expected, rel=1e-9, abs=1e-9)


def divergence(truth: NDArray[np.float64], said: NDArray[np.float64]) -> float:
    """What log loss has too much, on average, without the labels' noise."""
    said = np.clip(said, 1e-6, 1 - 1e-6)
    return float((truth * np.log(truth / said) + (1 - truth) * np.log((1 - truth) / (1 - said))).mean())


def test_platt_is_the_logistic_regression_of_smoothed_targets() -> None:
    rng = np.random.default_rng(1)
    z = rng.normal(-2, 1.5, 2_000)
    label = (rng.random(2_000) < expit(0.6 * z - 0.8)).astype(float)
    weight = rng.choice([1.0, 3.0], 2_000)
    made = curve.platt(z, label, weight)
    positive, negative = (weight * label).sum(), (weight * (1 - label)).sum()
    target = np.where(label == 1, (positive + 1) / (positive + 2), 1 / (negative + 2))
    theirs = LogisticRegression(C=np.inf, tol=1e-10, max_iter=1_000).fit(
        np.concatenate([z, z])[:, None],
        np.repeat([1, 0], 2_000),
        np.concatenate([weight * target, weight * (1 - target)]),
    )
    assert made.below == made.above == pytest.approx(theirs.coef_[0, 0], abs=1e-5)
    assert made(np.zeros(1))[0] == pytest.approx(theirs.intercept_[0], abs=1e-5)
    apart = curve.platt(np.array([-1.0, 1.0]), np.array([0.0, 1.0]), np.ones(2))
    assert apart.below < 10, "labels that scores tell apart wholly do not make the slope infinite"
    upside_down = curve.platt(z, 1 - label, weight)
    assert upside_down.below == curve.LEAST_SLOPE


def test_isotonic_follows_scikit_learns_and_rises() -> None:
    rng = np.random.default_rng(2)
    score = rng.beta(1, 8, 40_000)
    truth = np.where(score < 0.1, score / 2, np.minimum(2 * score - 0.15, 0.9))
    label = (rng.random(40_000) < truth).astype(float)
    made = curve.isotonic(curve.log_odds(score), label, np.ones(40_000))
    assert 10 < len(made.x) <= curve.MOST_BINS
    grid = np.linspace(0.001, 0.7, 300)
    ours = expit(made(logit(grid)))
    assert (np.diff(ours) >= 0).all()
    theirs = IsotonicRegression(out_of_bounds="clip").fit(score, label).predict(grid)
    inner = (grid > 0.01) & (grid < 0.4)
    assert np.abs(ours - theirs)[inner].mean() < 0.01
    assert np.abs(ours - np.interp(grid, score[np.argsort(score)], np.sort(truth)))[inner].mean() < 0.012
    held = (rng.random(40_000) < truth).astype(float)
    after = metrics.measure(held, expit(made(curve.log_odds(score))), resamples=0)
    before = metrics.measure(held, score, resamples=0)
    predicted = IsotonicRegression(out_of_bounds="clip").fit(score, label).predict(score)
    ours_off, theirs_off = divergence(truth, expit(made(curve.log_odds(score)))), divergence(truth, predicted)
    assert ours_off < theirs_off < divergence(truth, score) / 10
    assert after.ece < before.ece / 4
    assert after.bias == pytest.approx(1, abs=0.03)
    for one_sided in (np.zeros(50), np.ones(50)):
        flat = curve.isotonic(np.linspace(-5, 1, 50), one_sided, np.ones(50))
        assert np.isfinite(flat.y).all()


def market(seed: int, rows: int) -> tuple[NDArray[np.float64], NDArray[np.float64], dict[str, NDArray[np.uint32]]]:
    """Scores that are right on average, and truths that differ by advertiser: true log odds, scores, segments."""
    rng = np.random.default_rng(seed)
    advertisers = np.minimum(rng.zipf(1.3, rows), 200).astype(np.uint32)
    exchanges = rng.integers(1, 4, rows).astype(np.uint32)
    off = np.random.default_rng(99)
    by_advertiser = off.normal(0, 0.5, 201)
    by_both = off.normal(0, 0.2, (201, 4))
    z = rng.normal(-3.5, 1, rows)
    truth = z + by_advertiser[advertisers] + by_both[advertisers, exchanges]
    return truth, expit(z), {"advertiser": advertisers, "exchange": exchanges}


LEVELS = (("advertiser",), ("advertiser", "exchange"))


def test_pooling_is_better_than_none_and_than_each_segment_by_itself() -> None:
    truth, score, segments = market(1, 60_000)
    rng = np.random.default_rng(5)
    label = (rng.random(len(truth)) < expit(truth)).astype(float)
    fitted = calibration.fit(label, score, None, segments, LEVELS)
    assert 0.15 < fitted.levels[0].height_variance < 0.45, "0.25 is true"
    held_truth, held_score, held_segments = market(2, 60_000)

    def wrong(scores: NDArray[np.float64]) -> float:
        return divergence(expit(held_truth), scores)

    own = held_score.copy()
    for advertiser in np.unique(segments["advertiser"]):
        here, there = segments["advertiser"] == advertiser, held_segments["advertiser"] == advertiser
        line = curve.platt(logit(score[here]), label[here], np.ones(here.sum()))
        own[there] = expit(line(logit(held_score[there])))
    alone = fitted.scores(held_score, held_segments)
    assert wrong(alone) < 0.6 * min(wrong(held_score), wrong(own))
    unseen = {name: np.full(len(held_score), 4_000_000, np.uint32) for name in segments}
    parent = fitted.curve(curve.log_odds(held_score))
    assert np.array_equal(fitted.log_odds(held_score, unseen), parent), "an unknown segment is as its parent"
    level = fitted.levels[0].segments
    most, least = max(level, key=lambda each: each.expected), min(level, key=lambda each: each.expected)
    assert most.pooled < 0.05 < 0.5 < least.pooled


def test_segments_that_do_not_differ_are_left_alone() -> None:
    rng = np.random.default_rng(3)
    score = rng.beta(1, 20, 50_000)
    label = (rng.random(50_000) < score).astype(float)
    weight = rng.choice([1.0, 5.0], 50_000)
    segments = {"advertiser": rng.integers(1, 300, 50_000).astype(np.uint32)}
    fitted = calibration.fit(label, score, weight, segments, [("advertiser",)])
    moved = fitted.log_odds(score, segments) - logit(score)
    assert fitted.levels[0].height_variance < 0.03
    assert np.sqrt((moved**2).mean()) < 0.12
    assert fitted.method == "none"


def test_a_bend_of_a_large_segment_is_followed() -> None:
    rng = np.random.default_rng(4)
    score, segments = rng.beta(1, 8, 80_000), {"advertiser": rng.integers(1, 3, 80_000).astype(np.uint32)}
    truth = np.where(segments["advertiser"] == 1, np.minimum(score, 0.08), np.where(score < 0.1, score / 3, score))
    label = (rng.random(80_000) < truth).astype(float)
    fitted = calibration.fit(label, score, None, segments, [("advertiser",)], method="isotonic")
    for advertiser in (1, 2):
        here = segments["advertiser"] == advertiser
        made = fitted.scores(score[here], {"advertiser": segments["advertiser"][here]})
        line = curve.platt(curve.log_odds(score[here]), label[here], np.ones(here.sum()))
        straight = expit(line(curve.log_odds(score[here])))
        assert divergence(truth[here], made) < divergence(truth[here], straight) / 2
        assert (np.diff(made[np.argsort(score[here], kind="stable")]) >= 0).all()


class Said(Scorer):
    """Not compiled: what the base says, one half, is enough to lead along curves."""


@pytest.mark.parametrize("method", calibration.METHODS)
def test_the_compiled_scorer_is_the_plain_calibration(method: calibration.Method) -> None:
    truth, score, segments = market(6, 30_000)
    label = (np.random.default_rng(7).random(len(truth)) < expit(truth)).astype(float)
    levels = (("exchange",), ("advertiser",), ("exchange", "advertiser"))
    fitted = calibration.fit(label, score, None, segments, levels, method=method)
    made = calibration.calibrate(Said(2, 2), fitted, {"exchange": 1, "advertiser": 2})
    rng = np.random.default_rng(8)
    values = rng.integers(0, 205, (3_000, 4)).astype(np.uint32)
    values[:, 1] %= 5
    plain = fitted.scores(np.full(3_000, 0.5), {"exchange": values[:, 1], "advertiser": values[:, 2]})
    assert made.scores(values) == pytest.approx(plain, abs=1e-12)
    request = made.request_scores(values[0, :2], np.ascontiguousarray(values[:, 2:]))
    values[:, :2] = values[0, :2]
    assert np.array_equal(request, made.scores(values))
    keys = keys_of(1, values[:1, 2:3])
    moved = made.corrected(keys, np.array([0.5]))
    hit = values[:, 2] == values[0, 2]
    assert logit(moved.scores(values)) == pytest.approx(logit(made.scores(values)) + np.where(hit, 0.5, 0), abs=1e-9)
    again = made.corrected(np.empty(0, np.uint64), np.empty(0))
    assert np.array_equal(again.scores(values), made.scores(values))


def test_bad_models_are_refused_by_name() -> None:
    one = {"x": [0.0], "y": [0.0], "begins": [0, 1], "slopes": [[1.0, 1.0]], "keys": np.empty(0, np.uint64)}
    inner = Scorer(1, 1)
    assert Calibrated(inner, [[0]], one).scores(np.zeros((1, 2), np.uint32))[0] == 0.5
    for changed, said in (
        ({"begins": [0, 2]}, "begins: "),
        ({"begins": []}, "begins: "),
        ({"begins": [0, 0, 1]}, "begins: "),
        ({"slopes": [[1.0, -1.0]]}, "slopes: "),
        ({"x": [0.0, 0.0], "y": [0.0, 1.0], "begins": [0, 2]}, "x, y: "),
        ({"x": [0.0, 1.0], "y": [1.0, 0.0], "begins": [0, 2]}, "x, y: "),
        ({"keys": np.array([7], np.uint64)}, "begins: "),
    ):
        with pytest.raises(ValueError, match=said):
            Calibrated(inner, [[0]], one | changed)
    for levels in ([[2]], [[]], [[-1]], [[0]] * 9):
        with pytest.raises(ValueError, match="levels: "):
            Calibrated(inner, levels, one)
    with pytest.raises(ValueError, match="offsets: "):
        Calibrated(inner, [[0]], one, (np.array([1], np.uint64), np.array([3.0])))
    with pytest.raises(ValueError, match="comes twice"):
        table_of(np.array([1, 1], np.uint64))
    with pytest.raises(Refused, match=r"'site'.*advertiser"):
        calibration.fit(np.ones(1), np.ones(1), None, {"advertiser": np.ones(1, np.uint32)}, [("site",)])


def test_a_calibrated_model_is_saved_with_the_model_in_it(tmp_path: Path) -> None:
    features = FeatureSet(
        "few", 1, (Feature("exchange", "category", "request"), Feature("advertiser", "category", "candidate"))
    )
    weights = np.random.default_rng(1).normal(0, 1, 1 << 10)
    inner = Linear(Encoder(1, 1), Expansion(1, [False, False], [None, None], bits=10), weights, -1.0)
    truth, score, segments = market(9, 5_000)
    label = (np.random.default_rng(7).random(len(truth)) < expit(truth)).astype(float)
    fitted = calibration.fit(label, score, None, segments, LEVELS)
    made = calibration.calibrate(inner, fitted, {"exchange": 0, "advertiser": 1})
    told = artefact.TrainedOn("test", 1, 1.0, 0, 0)
    artefact.save(tmp_path / "1", made, artefact.Description("ctr", 1, 1, features, told))
    read = artefact.load(tmp_path / "1")
    values = np.random.default_rng(2).integers(0, 100, (500, 2)).astype(np.uint32)
    assert isinstance(read, Calibrated)
    assert np.array_equal(read.scores(values), made.scores(values))
    assert np.std(read.scores(values)) > 0.1
    packed = pack(made)
    for changed, said in (
        ({"parameters": {"levels": [["0"]]}}, "levels: "),
        ({"parameters": {}}, "levels: is missing"),
        ({"members": ()}, "members: "),
        ({"arrays": {**packed.arrays, "x": packed.arrays["x"][1:]}}, "begins: "),
    ):
        with pytest.raises(ValueError, match=said):
            unpack(replace(packed, **changed))
