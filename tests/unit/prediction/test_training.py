"""Training on rows whose truth is known: it is found and calibrated, and where there is nothing, nothing is found."""

import numpy as np
import pytest
from numpy.typing import NDArray

from domain.errors import Refused
from prediction.feature_set import Feature, FeatureSet, numbers
from prediction.fitting.choices import KINDS, choices
from prediction.metrics import auc
from prediction.parts import ENOUGH, judged, newest, weighed
from prediction.rows import Rows, rows
from prediction.training import TrainSettings, fit, train

FEATURES = FeatureSet(
    "made",
    1,
    (
        Feature("site", "category", "request"),
        Feature("age", "number", "request"),
        Feature("id", "category", "request", doc="nearly a key: what is learnt of it is worth nothing"),
        Feature("advertiser", "category", "candidate"),
    ),
)


def world(count: int, seed: int, strength: float = 1.0, timed: bool = True) -> tuple[Rows, NDArray[np.float64]]:
    """Rows, and the true probability of each."""
    rng = np.random.default_rng(seed)
    site, advertiser = rng.integers(1, 9, count), rng.integers(1, 4, count)
    age = rng.normal(size=count)
    margin = -1.5 + strength * ((site - 4.5) / 3 + np.sin(2 * age) + (advertiser == 2))
    truth = 1 / (1 + np.exp(-margin))
    values = np.stack([site, numbers(age), rng.integers(1, count, count), advertiser], axis=1).astype(np.uint32)
    times = np.arange(count, dtype=np.int64) // 10 if timed else None
    return rows(values, (rng.random(count) < truth).astype(np.float64), time_ns=times), truth


def test_the_truth_is_found_and_calibrated() -> None:
    made, truth = world(4000, 1)
    shares: list[float] = []
    found = train(FEATURES, made, TrainSettings("lr", levels=(("advertiser",),), refit=False), shares.append)
    assert shares == sorted(shares) and shares[-1] == 1.0
    judgement = found.judgement
    assert len(found.learnt_from) == 2800 and judgement.rows.time_ns.min() > found.learnt_from.time_ns.max()
    best = auc(judgement.rows.label, truth[2800:])
    assert best - 0.02 < judgement.metrics.auc <= best + 0.01
    assert judgement.metrics.ece < judgement.metrics.ece_null + 0.01
    fresh, chance = world(20_000, 2)
    scores = found.model.scores(fresh.values)
    assert np.abs(scores - chance).mean() < 0.045
    for advertiser in (1, 2, 3):
        mine = fresh.values[:, 3] == advertiser
        assert scores[mine].mean() == pytest.approx(chance[mine].mean(), rel=0.12)
    again = train(FEATURES, made, TrainSettings("lr", levels=(("advertiser",),)))
    assert len(again.learnt_from) == 4000 and again.judgement.metrics.auc == judgement.metrics.auc


def test_where_there_is_nothing_to_learn_nothing_is_found() -> None:
    """Encodings of outcomes must not tell a row its own: with a feature that is nearly a key this would show."""
    made, _ = world(600, 3, strength=0.0, timed=False)
    model, *_ = fit(FEATURES, made, TrainSettings("trees", folds=2))
    fresh, _ = world(4000, 4, strength=0.0, timed=False)
    fresh.values[:, 2] = made.values[np.arange(4000) % 600, 2]  # known ones, of other rows
    scores = model.scores(fresh.values)
    assert abs(auc(fresh.label, scores) - 0.5) < 0.04
    assert scores.std() < 0.05 and scores.mean() == pytest.approx(made.base_rate(), rel=0.1)


def test_parts_are_newer_or_disjoint_and_few_outcomes_are_spread_over_all_times() -> None:
    made, _ = world(5000, 4)
    (late,) = judged(made, 0.3, 5, 1)
    assert made.time_ns[late].min() > made.time_ns[~late].max() and late.sum() == 1500
    many, few = made, rows(made.values, np.arange(5000) % 50 == 0, time_ns=made.time_ns)
    assert many.label[newest(many, 0.3)].sum() >= ENOUGH and len(weighed(many, 0.3, 5, 1)) == 1
    stretches = weighed(few, 0.3, 5, 1)
    assert len(stretches) == 5 and (sum(map(np.asarray, stretches)) == 1).all()
    for mask in stretches:
        assert np.ptp(np.flatnonzero(mask)) == mask.sum() - 1, "a stretch of time"
    still = rows(made.values, made.label, time_ns=np.full(5000, 7))
    assert len(judged(still, 0.3, 5, 1)) == 5, "of one instant: folds"


def test_what_has_one_outcome_only_is_refused_and_every_kind_has_settings() -> None:
    made, _ = world(200, 5)
    with pytest.raises(Refused, match="both outcomes"):
        fit(FEATURES, rows(made.values, np.zeros(200)), TrainSettings("lr"))
    with pytest.raises(ValueError, match="test_share"):
        TrainSettings(test_share=1.0)
    for kind in KINDS:
        for count in (1_000, 50_000, 1_000_000, 100_000_000):
            tried = choices(kind, count, 3)
            assert tried and all(choice and all(choice) for choice in tried)
