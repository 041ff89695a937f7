"""Priors of rates against a made world whose rates are known, and against the beta-binomial model in plain Python."""

import math
from typing import NamedTuple

import numpy as np
import pytest
from scipy import stats

from domain.errors import Refused
from prediction.priors import Beta, Counts, Priors, priors

FIRST = Beta(1.0, 999.0)


class World(NamedTuple):
    rows: list[Counts]
    rates: np.ndarray


def world(seed: int, scatter: float = 300.0) -> World:
    """Ten advertisers, each with campaigns, line items and creatives; rates scatter at each level, traffic is
    uneven."""
    rng = np.random.default_rng(seed)
    rows, rates = [], []

    def below(rate: float, strength: float) -> float:
        return float(rng.beta(rate * strength, (1 - rate) * strength))

    for advertiser in range(1, 11):
        of_advertiser = below(0.01, scatter)
        for campaign in range(3):
            of_campaign = below(of_advertiser, scatter * 3)
            for line in range(3):
                of_line = below(of_campaign, scatter * 10)
                for creative in range(4):
                    rate = below(of_line, scatter * 10)
                    trials = int(rng.lognormal(5, 2))
                    line_id = advertiser * 100 + campaign * 10 + line
                    row = Counts(
                        advertiser,
                        advertiser * 10 + campaign,
                        line_id,
                        creative + 1,
                        trials,
                        rng.binomial(trials, rate),
                    )
                    rows.append(row)
                    rates.append(rate)
    return World(rows, np.array(rates))


def believed(found: Priors, rows: list[Counts]) -> list[Beta]:
    return [found.of(*row[:4]) for row in rows]


@pytest.mark.parametrize("seed", range(3))
def test_what_is_believed_is_nearer_the_truth_than_counts_or_the_mean(seed: int) -> None:
    rows, rates = world(seed)
    posteriors = believed(priors(rows, FIRST), rows)
    means = np.array([each.mean for each in posteriors])
    trials, successes = np.array([row[4:] for row in rows]).T
    raw = successes / np.maximum(trials, 1)
    overall = successes.sum() / trials.sum()

    def error(guess: object) -> float:
        return float(np.mean((guess - rates) ** 2))  # type: ignore[operator]

    assert error(means) < 0.5 * error(raw) and error(means) < 0.7 * error(overall)
    covered = [stats.beta(*each).cdf(rate) for each, rate in zip(posteriors, rates, strict=True)]
    assert 0.78 < np.mean([0.05 < c < 0.95 for c in covered]) <= 0.99


def test_an_ad_that_was_never_shown_has_the_rate_of_what_it_is_part_of() -> None:
    rows = [Counts(1, 10, 100, 1, 100_000, 2_000), Counts(2, 20, 200, 2, 100_000, 200)]
    found = priors(rows, FIRST)
    new = found.of(1, 10, 100, 9)
    assert new.mean == pytest.approx(found.of(1, 10, 100).mean)
    assert 0.012 < new.mean < 0.02
    assert new.a + new.b <= found.strengths[3] and new.a + new.b < 100_000
    assert found.of(1, 10, 999, 5).mean == pytest.approx(found.of(1, 10).mean)
    unknown = found.of(3, 30, 300, 3)
    assert 0.002 < unknown.mean < 0.02  # between the two
    assert priors([], FIRST).of(1, 2, 3, 4).mean == pytest.approx(FIRST.mean)


def test_much_is_not_shrunk_and_little_is() -> None:
    much, little = Counts(1, 10, 100, 1, 1_000_000, 30_000), Counts(1, 10, 100, 2, 10, 5)
    found = priors([much, little], FIRST)
    assert found.of(*much[:4]).mean == pytest.approx(0.03, rel=0.02)
    assert 0.03 < found.of(*little[:4]).mean < 0.35


def test_the_strength_is_the_likeliest_one() -> None:
    """The marginal likelihood in plain Python, of parts that scatter a lot."""
    rng = np.random.default_rng(5)
    rows = []
    for n in range(1, 60):
        rate = float(rng.beta(0.02 * 100, 0.98 * 100))
        rows.append(Counts(n, n, n, n, 20_000, int(rng.binomial(20_000, rate))))
    found = priors(rows, FIRST)
    mean = (FIRST.a + sum(r.successes for r in rows)) / (FIRST.a + FIRST.b + sum(r.trials for r in rows))

    def likelihood(strength: float) -> float:
        a, b = strength * mean, strength * (1 - mean)
        total = 0.0
        for row in rows:
            total += math.lgamma(a + row.successes) + math.lgamma(b + row.trials - row.successes)
            total += math.lgamma(a + b) - math.lgamma(a + b + row.trials) - math.lgamma(a) - math.lgamma(b)
        return total

    best = max(np.geomspace(5, 5_000, 200), key=likelihood)
    scatter = sum(1 / strength for strength in found.strengths)  # one part each: no level can be told from another
    assert 1 / scatter == pytest.approx(best, rel=0.4) and 50 < best < 200


def test_counts_that_are_none_are_refused() -> None:
    for row in (Counts(1, 1, 1, 1, 5, 6), Counts(1, 1, 1, 1, 5, -1)):
        with pytest.raises(Refused, match=r"rows\[0\]"):
            priors([row], FIRST)
