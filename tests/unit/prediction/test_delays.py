"""Conversions that come late, in worlds whose truth is known: counted as they stand they are too few."""

import numpy as np
import pytest
from scipy.special import expit, logit
from sklearn.linear_model import LogisticRegression

from domain.clock import SECOND
from domain.errors import Refused
from prediction import delays, funnel, maturing, outcome_values
from prediction.maturing import Touches

HOUR, DAY = 3_600.0, 86_400.0
WINDOW = 30 * DAY


def clicks(seed: int, rows: int, chance: float = 0.08, shape: str = "lognormal") -> tuple[Touches, np.ndarray]:
    """Clicks of growing traffic, most of them young, and all delays (that have come or will)."""
    rng = np.random.default_rng(seed)
    age = np.where(rng.random(rows) < 0.1, rng.uniform(0, WINDOW, rows), 7 * DAY * rng.beta(1, 3, rows))
    drawn = {
        "lognormal": rng.lognormal(np.log(DAY / 2), 1.2, rows),
        "exponential": rng.exponential(2 * DAY, rows),
    }[shape]
    delay = np.where(drawn < WINDOW, drawn, rng.uniform(0, WINDOW, rows))
    seen = np.where((rng.random(rows) < chance) & (delay <= age), delay, np.nan)
    return maturing.touches(age, seen), delay


@pytest.mark.parametrize("shape", ["lognormal", "exponential"])
def test_rates_are_too_low_as_they_stand_and_right_when_corrected(shape: str) -> None:
    held = 0
    for seed in range(10):
        made, _ = clicks(seed, 8_000, shape=shape)
        found = maturing.rate_interval(made, WINDOW, resamples=40, seed=seed)
        held += found.low <= 0.08 <= found.high
        naive = made.converted.mean()
        assert naive + 1.96 * np.sqrt(naive * (1 - naive) / 8_000) < 0.08, "biased low, far beyond chance"
    assert held >= 7, "19 in 20 are promised; fewer than 7 of 10 would come once in 100 times"


def test_the_curve_of_arrivals_is_the_true_one_and_that_of_those_seen_is_not() -> None:
    made, everything = clicks(1, 60_000)
    known = maturing.fit_delays(made, WINDOW)
    seen = made.delay_s[made.converted]
    for at in (2 * HOUR, 6 * HOUR, 12 * HOUR, DAY, 2 * DAY, 5 * DAY):
        truth = (everything <= at).mean()
        assert known.arrived([at])[0] == pytest.approx(truth, abs=0.02)
        if at <= DAY:
            assert (seen <= at).mean() > truth + 0.02
    assert known.arrived([0, WINDOW, 2 * WINDOW]).tolist() == [0, 1, 1]
    assert known.arrived([known.quantile_s(0.4)])[0] == pytest.approx(0.4)


def test_the_product_limit_is_woodroofes() -> None:
    """Brute force over the definition; held to a parent only where nothing is known."""
    rng = np.random.default_rng(2)
    age = rng.uniform(1, 100, 400)
    delay = rng.uniform(0, 1, 400) * age
    edges = np.geomspace(1, 100, delays.BINS)
    shares = []
    parent = np.linspace(0.01, 1, delays.BINS)
    for edge in edges:
        share = 1.0
        for place, (begin, end) in enumerate(zip([0.0, *edges], edges, strict=False)):
            if end > edge:
                by_end = int(((delay <= end) & (age >= end)).sum())
                inside = int(((delay > begin) & (delay <= end) & (age >= end)).sum())
                share *= 1 - inside / by_end if by_end else parent[place - 1] / parent[place]
        shares.append(share)
    seen = delays._Seen(delay, age, np.ones(400))
    before, delays.PRIOR_CONVERSIONS = delays.PRIOR_CONVERSIONS, 1e-12
    try:
        assert delays._held(seen, edges, parent) == pytest.approx(np.array(shares), abs=1e-6)
    finally:
        delays.PRIOR_CONVERSIONS = before


def test_a_segment_of_few_conversions_is_as_its_parent_and_one_of_many_as_itself() -> None:
    rng = np.random.default_rng(3)
    segment = np.repeat(np.array([1, 2, 3], np.uint32), [2_000, 2_000, 4])
    delay = rng.exponential(np.array([HOUR, 3 * DAY, 9 * DAY])[segment - 1])
    age = np.full(len(delay), WINDOW)
    inside = delay < WINDOW
    known = delays.fit(delay[inside], age[inside], WINDOW, segment=segment[inside])
    at = np.full(4, DAY)
    found = known.arrived(at, np.array([1, 2, 3, 77], np.uint32))
    assert found[0] > 0.97
    assert found[1] == pytest.approx(1 - np.exp(-1 / 3), abs=0.03)
    assert found[2] == pytest.approx(found[3], abs=0.15)
    assert delays.fit([], [], WINDOW).arrived([DAY])[0] > 0.1, "with nothing seen a delay is assumed, and none is sure"


def test_a_model_learns_the_truth_from_young_touches() -> None:
    """Logistic regression on one number: with labels as they stand it says far too little, corrected it does not."""
    rng = np.random.default_rng(4)
    base, _ = clicks(4, 40_000, chance=1.0)
    drawn = rng.lognormal(np.log(DAY), 1.0, len(base.age_s))
    x = rng.normal(0, 1, len(drawn))
    truth = expit(-2.5 + 0.8 * x)
    came = (rng.random(len(x)) < truth) & (drawn <= np.minimum(base.age_s, WINDOW))
    made = maturing.touches(base.age_s, np.where(came, drawn, np.nan))
    known = maturing.fit_delays(made, WINDOW)

    def learnt(label: np.ndarray, weight: np.ndarray) -> np.ndarray:
        model = LogisticRegression(C=np.inf)
        model.fit(
            np.concatenate([x, x])[:, None],
            np.repeat([1, 0], len(x)),
            np.concatenate([weight * label, weight * (1 - label)]),
        )
        return model.predict_proba(x[:, None])[:, 1]

    naive = learnt(made.converted.astype(float), np.ones(len(x)))
    rough = np.full(len(x), maturing.rates(made, known).all.rate)
    weighted = learnt(*maturing.training(made, known, rough))
    weighted = learnt(*maturing.training(made, known, weighted))
    soft = rough
    for _ in range(4):
        soft = learnt(maturing.expected(made, known, soft), np.ones(len(x)))
    assert naive.mean() / truth.mean() < 0.75
    assert weighted.mean() / truth.mean() == pytest.approx(1, abs=0.06)
    assert soft.mean() / truth.mean() == pytest.approx(1, abs=0.06)
    for scores in (weighted, soft):
        slope = np.polyfit(x, logit(scores), 1)[0]
        assert slope == pytest.approx(0.8, abs=0.06)


def test_rates_of_segments_are_pooled() -> None:
    rng = np.random.default_rng(5)
    segment = rng.integers(0, 40, 40_000).astype(np.uint32) ** 2 // 30
    truth = expit(np.random.default_rng(6).normal(-2.5, 0.5, 60))[segment]
    base, delay = clicks(5, 40_000, chance=1.0)
    seen = np.where((rng.random(40_000) < truth) & (delay <= base.age_s), delay, np.nan)
    made = maturing.touches(base.age_s, seen, segment=segment)
    found = maturing.rates(made, maturing.fit_delays(made, WINDOW)).of(segment)
    naive = np.bincount(segment, made.converted)[segment] / np.bincount(segment)[segment]
    alone = np.abs(naive - truth).mean()
    assert np.abs(found - truth).mean() < alone / 2
    assert maturing.rates(made, maturing.fit_delays(made, WINDOW)).of(np.array([999], np.uint32))[0] > 0


def test_a_funnel_knows_of_late_steps_early_and_tells_clicks_from_views() -> None:
    rng = np.random.default_rng(7)
    rows, now = 60_000, 2_000_000_000 * SECOND
    touch = now - (rng.beta(1, 3, rows) * 25 * DAY * SECOND).astype(np.int64)
    chances, means = (0.2, 0.5, 0.6), (6 * HOUR, 2 * DAY, 4 * DAY)
    outcomes, at, going, truly = {}, touch.copy(), np.ones(rows, bool), np.ones(rows, bool)
    for name, chance, mean in zip(("lead", "application", "approved"), chances, means, strict=True):
        truly &= rng.random(rows) < chance
        at = at + (rng.exponential(mean, rows) * SECOND).astype(np.int64)
        going = truly & (at <= now)
        outcomes[name] = np.where(going, at, 0)
    windows = [("lead", 20 * DAY), ("application", 30 * DAY), ("approved", 40 * DAY)]
    made = funnel.fit(touch, outcomes, now, windows)
    none = np.zeros(1, np.uint32)
    assert going.mean() < 0.06 * 0.6, "as they stand"
    assert made.chance("approved", none)[0] == pytest.approx(0.06, rel=0.1)
    assert made.chance("approved", none, after="lead")[0] == pytest.approx(0.3, rel=0.1)
    labels = made.expected("approved", touch, outcomes, now, np.zeros(rows, np.uint32))
    assert labels.mean() == pytest.approx(truly.mean(), rel=0.07)
    assert (labels[outcomes["approved"] > 0] == 1).all() and labels.min() >= 0
    only_last = {name: np.where(outcomes["approved"] > 0, times, 0) for name, times in outcomes.items()}
    only_last["lead"] = np.zeros(rows, np.int64)
    assert funnel.fit(touch, only_last, now, windows).steps[0].rates.all.conversions == (outcomes["approved"] > 0).sum()
    with pytest.raises(Refused, match="a step before 'lead'"):
        made.chance("lead", none, after="approved")
    with pytest.raises(Refused, match="one of lead"):
        made.chance("sale", none)
    impressions = touch - SECOND
    clicked = rng.random(rows) < 0.3
    kinds = np.zeros(rows, np.uint32)
    by_click, after_click = funnel.post_click(np.where(clicked, touch, 0), outcomes["lead"], now, kinds)
    by_view, after_view = funnel.post_view(impressions, np.where(clicked, touch, 0), outcomes["lead"], now, kinds)
    assert sorted([*by_click, *by_view]) == list(range(rows))
    assert after_click.converted.sum() + after_view.converted.sum() == (outcomes["lead"] > 0).sum()
    assert np.array_equal(by_click, np.flatnonzero(clicked))


def test_values_are_believed_as_far_as_they_go() -> None:
    rng = np.random.default_rng(8)
    means = 100 * np.exp(np.random.default_rng(9).normal(0, 0.4, 60))
    segment = np.minimum(rng.zipf(1.4, 3_000), 59).astype(np.uint32)
    gamma = rng.gamma(2.0, means[segment] / 2)
    heavy = means[segment] * rng.lognormal(-(1.2**2) / 2, 1.2, len(segment))
    for value, family in ((gamma, "gamma"), (heavy, "lognormal")):
        found = outcome_values.fit(value, segment)
        assert found.family == family
        kinds = np.unique(segment)
        own = np.array([value[segment == each].mean() for each in kinds])
        ours = np.log(found.of(kinds) / means[kinds])
        assert (ours**2).mean() < 0.7 * min((np.log(own / means[kinds]) ** 2).mean(), np.log(means[kinds]).var())
        rarest, commonest = np.argmin(np.bincount(segment)[kinds]), np.argmax(np.bincount(segment)[kinds])
        assert found.segments[int(kinds[rarest])].credibility < 0.6
        assert found.segments[int(kinds[commonest])].credibility > 0.95
        assert found.of(np.array([1_000], np.uint32))[0] == found.mean
    assert outcome_values.fit([50.0]).mean == pytest.approx(50)


@pytest.mark.parametrize(
    ("age", "delay", "said"),
    [([1.0], [2.0], r"touches\[0\]"), ([1.0, 2.0], [np.nan], "one length"), ([-1.0], [np.nan], "0 ≤ delay ≤ age")],
)
def test_impossible_touches_are_refused(age: list[float], delay: list[float], said: str) -> None:
    with pytest.raises(Refused, match=said):
        maturing.touches(age, delay)


def test_impossible_delays_and_values_are_refused() -> None:
    with pytest.raises(Refused, match=r"delay_s\[1\]: 3.0"):
        delays.fit([1, 3], [1, 2], DAY)
    with pytest.raises(Refused, match="window_s"):
        delays.fit([], [], 0)
    with pytest.raises(Refused, match=r"value\[1\]: 0.0"):
        outcome_values.fit([1.0, 0.0])
