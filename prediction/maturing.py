"""Touches too young to tell: what their labels and weights must be for a model to learn what will have become of them.

A click of an hour ago without a conversion is no negative yet. Who counts it as one learns rates that are too low, the
more so the more traffic has grown; who waits for the window's end learns of a market that is gone.
"""

from typing import NamedTuple

import numpy as np
from msgspec import Struct
from numpy.typing import ArrayLike, NDArray

from domain.errors import Problem, Refused
from prediction import delays
from prediction.delays import Delays
from prediction.metrics import Interval, middle
from prediction.pooling import scatter
from prediction.ranking import Floats

LEAST_ARRIVED = 0.05
"""A touch of which less than this share would be known says too little, at too high a weight: it is left out."""
ROUNDS = 200
EXPECTED_HEIGHT = 0.3**2
"""As in `calibration`: the variance of segments' log odds of which no rows speak."""


class Touches(NamedTuple):
    """Clicks, or views, in the order of the training rows."""

    age_s: Floats
    """How long ago each was, when conversions were last looked for."""
    delay_s: Floats
    """After how long it converted; not a number where it has not."""
    segment: NDArray[np.uint32]
    weight: Floats

    @property
    def converted(self) -> NDArray[np.bool_]:
        return ~np.isnan(self.delay_s)


class Rate(Struct, frozen=True):
    """The chance of a conversion within the window, of a segment or of all."""

    touches: int
    conversions: int
    rate: float


class Rates(Struct, frozen=True):
    """Chances corrected for what has not come yet, of segments partly pooled with all."""

    all: Rate
    segments: dict[int, Rate]

    def of(self, segment: NDArray[np.uint32]) -> Floats:
        """Each touch's chance, by its segment alone."""
        kinds, place = np.unique(segment, return_inverse=True)
        chances = [self.segments[each].rate if each in self.segments else self.all.rate for each in kinds.tolist()]
        return np.array(chances)[place.ravel()]


def touches(
    age_s: ArrayLike,
    delay_s: ArrayLike,
    *,
    segment: NDArray[np.uint32] | None = None,
    weight: ArrayLike | None = None,
) -> Touches:
    """Checked touches. Raises Refused: lengths differ, an age is negative or a delay longer than its age."""
    age, delay = np.asarray(age_s, dtype=np.float64), np.asarray(delay_s, dtype=np.float64)
    kinds = np.zeros(len(age), np.uint32) if segment is None else np.asarray(segment, dtype=np.uint32)
    times = np.ones_like(age) if weight is None else np.asarray(weight, dtype=np.float64)
    if not age.shape == delay.shape == kinds.shape == times.shape:
        raise Refused([Problem("age_s, delay_s, segment, weight", (age.shape, delay.shape), "arrays of one length")])
    good = (age >= 0) & (np.isnan(delay) | ((delay >= 0) & (delay <= age)))
    if not good.all():
        row = int(np.argmin(good))
        raise Refused([Problem(f"touches[{row}]", (float(age[row]), float(delay[row])), "0 ≤ delay ≤ age")])
    return Touches(age, delay, kinds, times)


def fit_delays(made: Touches, window_s: float) -> Delays:
    """The delays of those that have converted, by segment."""
    came = made.converted
    return delays.fit(
        made.delay_s[came], made.age_s[came], window_s, segment=made.segment[came], weight=made.weight[came]
    )


def arrived(made: Touches, known: Delays) -> Floats:
    """The share of each touch's conversions that would be there by now."""
    return known.arrived(made.age_s, made.segment)


def training(made: Touches, known: Delays, chance: Floats) -> tuple[Floats, Floats]:
    """Labels, 0 or 1, and weights with which the mean loss is that of touches whose end is known.

    With p the ``chance`` of a touch (the live model's, or `rates`), F what has arrived: a conversion comes into sight
    with p·F, so it counts 1/F times, and what has not converted counts (1 - p) / (1 - p·F) times. p enters only by the
    second, which is near 1 where conversions are rare: a rough one does. Weight 0: too young to be used.
    """
    share = arrived(made, known)
    label = _within(made, known)
    chance = np.clip(chance, 0.0, 1 - 1e-9)
    weight = np.where(label == 1, 1 / np.maximum(share, LEAST_ARRIVED), (1 - chance) / (1 - chance * share))
    return label, np.where(share < LEAST_ARRIVED, 0.0, weight * made.weight)


def expected(made: Touches, known: Delays, chance: Floats) -> Floats:
    """Labels with which all weights stay as they are: 1, or for what has not converted the chance that it still will,
    p·(1 - F) / (1 - p·F) (the E step of Chapelle's). ``chance`` has to be good: they teach what it says.
    """
    share = arrived(made, known)
    later = chance * (1 - share) / np.maximum(1 - chance * share, 1e-12)
    return np.where(_within(made, known) == 1, 1.0, later)


def rates(made: Touches, known: Delays) -> Rates:
    """Likeliest chances of all, and of segments as far as their touches and the segments' differences support them."""
    share, label = arrived(made, known), _within(made, known)
    everything = _likeliest(label, share, made.weight)
    whole = Rate(len(label), int(label.sum()), everything)
    kinds, place = np.unique(made.segment, return_inverse=True)
    place = place.ravel()
    seen = everything * share
    by_odds = seen * (1 - everything) / (1 - seen)  # what a step of the log odds does to the mean, over its variance

    def total(each: Floats) -> Floats:
        return np.bincount(place, each, len(kinds)).astype(np.float64)

    gap = total(made.weight * (label - seen) * (1 - everything) / (1 - seen))
    noise = total(made.weight**2 * by_odds * (1 - everything))
    variance = scatter(gap, noise, total(made.weight * by_odds * (1 - everything)), EXPECTED_HEIGHT)
    segments = {}
    for number, kind in enumerate(kinds.tolist()):
        rows = place == number
        chance = _likeliest(label[rows], share[rows], made.weight[rows], everything, variance)
        segments[int(kind)] = Rate(int(rows.sum()), int(label[rows].sum()), chance)
    return Rates(whole, segments)


def rate_interval(made: Touches, window_s: float, *, resamples: int = 100, seed: int = 0) -> Interval:
    """The chance of all with a 95 % interval, in which the delays are as uncertain as the conversions."""
    rng = np.random.default_rng(seed)

    def once(weight: Floats) -> float:
        drawn = made._replace(weight=weight)
        known = fit_delays(drawn, window_s)
        return _likeliest(_within(made, known), arrived(drawn, known), weight)

    drawn = [once(made.weight * rng.poisson(1.0, len(made.weight))) for _ in range(resamples)]
    return Interval(once(made.weight), *middle(np.array(drawn)))


def _within(made: Touches, known: Delays) -> Floats:
    return (made.converted & (np.nan_to_num(made.delay_s, nan=0.0) <= known.window_s)).astype(np.float64)


def _likeliest(label: Floats, share: Floats, weight: Floats, parent: float = 0.5, variance: float = np.inf) -> float:
    """The chance p with which conversions come into sight at p·share; log odds scatter about the parent's."""
    total = float((weight * label).sum())
    if np.isinf(variance) and total == 0:
        return 0.0
    odds = np.log(max(total, 0.5) / max(float((weight * share).sum()), 1.0))
    centre = np.log(parent / (1 - parent)) if 0 < parent < 1 else 0.0
    low, high = -30.0, 30.0
    for _ in range(ROUNDS):  # Newton's step on the log odds, kept between what is known to be too low and too high
        p = 1 / (1 + np.exp(-odds))
        seen = p * share
        slope = float((weight * (label - seen) * (1 - p) / (1 - seen)).sum())
        curvature = float((weight * seen * (1 - p) ** 2 / (1 - seen)).sum())
        if not np.isinf(variance):
            slope -= (odds - centre) / variance
            curvature += 1 / variance
        if slope > 0:
            low = odds
        else:
            high = odds
        step = slope / max(curvature, 1e-12)
        before, odds = odds, odds + step if low < odds + step < high else (low + high) / 2
        if abs(odds - before) < 1e-9:
            break
    return float(1 / (1 + np.exp(-odds)))
