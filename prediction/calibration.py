"""Probabilities put right on rows that the model has not learnt from: a curve for all, and one for each segment.

Levels follow each other (advertiser, then advertiser and exchange …): a level's segments correct what the levels before
have left. How far a segment is believed depends on how much its rows know and on how much segments of that level differ
at all; a segment that nothing is known of is calibrated as its parent is.
"""

from collections.abc import Mapping, Sequence
from typing import Literal

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray
from scipy.special import expit

from cython_ext.curves import keys_of
from domain.errors import Problem, Refused
from prediction.calibrated import Calibrated
from prediction.curve import SAME, Curve, bent_further, isotonic, log_odds, loss, platt, tilted
from prediction.pooling import scatter
from prediction.ranking import Floats, checked
from prediction.scorer import Scorer

Method = Literal["none", "platt", "isotonic"]
METHODS: tuple[Method, ...] = ("none", "platt", "isotonic")
"""From the simplest: a simpler one is kept unless the next is better by more than chance would have it."""

FOLDS = 5
EXPECTED_HEIGHT = 0.3**2
"""Of a level of which no rows speak: the variance of its segments' log odds, a factor of 1.35 either way."""
EXPECTED_SLOPE = 0.1**2
BENDING_EVENTS = 100.0
"""Expected events from which on a segment's curve may have a shape of its own, and not only a line's."""
LEAST_EVENTS = 1.0
"""Expected events below which a segment has no curve of its own."""

Segments = Mapping[str, NDArray[np.uint32]]
"""Values of what tells segments apart, by feature."""


class Segment(Struct, frozen=True):
    """One segment's correction and what it rests on."""

    values: tuple[int, ...]
    rows: int
    positives: float
    expected: float
    """Sum of the probabilities before its correction."""
    pooled: float
    """Share of its height that is its parent's: 1 where its own rows say nothing, 0 where they say all."""
    curve: Curve


class Level(Struct, frozen=True):
    """Segments that one or more features tell apart."""

    features: tuple[str, ...]
    height_variance: float
    slope_variance: float
    segments: tuple[Segment, ...]


class Calibration(Struct, frozen=True):
    """A calibration that was fitted; `calibrate` puts it on a model."""

    method: Method
    curve: Curve
    levels: tuple[Level, ...]
    losses: dict[str, float]
    """Mean log loss of each method, on folds that it was not fitted on."""

    def log_odds(self, score: Floats, segments: Segments) -> Floats:
        """Calibrated log odds of a model's probabilities."""
        z = self.curve(log_odds(score))
        for level in self.levels:
            z = _along(z, level, _values(level.features, segments, len(z)))
        return z

    def scores(self, score: Floats, segments: Segments) -> Floats:
        """Calibrated probabilities."""
        return np.asarray(expit(self.log_odds(score, segments)))


def fit(
    label: NDArray[np.float64],
    score: NDArray[np.float64],
    weight: NDArray[np.float64] | None = None,
    segments: Segments | None = None,
    levels: Sequence[Sequence[str]] = (),
    *,
    method: Method | Literal["best"] = "best",
    seed: int = 0,
) -> Calibration:
    """A calibration from held-out rows: labels, a model's probabilities, and the values of the levels' features.

    Raises:
        Refused: As `ranking.checked`; or a level names a feature that ``segments`` has not.
    """
    y, p, w = checked(label, score, weight)
    known = segments or {}
    if unknown := [name for level in levels for name in level if name not in known]:
        raise Refused([Problem("levels", unknown[0], f"one of {', '.join(known) or 'no segments'} is")])
    z = log_odds(p)
    losses = _losses(z, y, w, seed) if method == "best" else {}
    chosen = _chosen(losses) if method == "best" else method
    curve = _fitted(chosen, z, y, w)
    z, made = curve(z), []
    for level in levels:
        values = _values(tuple(level), known, len(z))
        made.append(_level(tuple(level), values, z, y, w, bend=chosen == "isotonic"))
        z = _along(z, made[-1], values)
    return Calibration(chosen, curve, tuple(made), {name: float(each.mean()) for name, each in losses.items()})


def calibrate(scorer: Scorer, calibration: Calibration, slots: Mapping[str, int]) -> Calibrated:
    """The model with the calibration behind it; ``slots``: where in a row of values each feature of the levels is."""
    levels = [tuple(slots[name] for name in level.features) for level in calibration.levels]
    curves, keys = [calibration.curve], []
    for number, level in enumerate(calibration.levels):
        if level.segments:
            keys.append(keys_of(number, np.array([each.values for each in level.segments], np.uint32)))
            curves.extend(each.curve for each in level.segments)
    arrays = {
        "x": np.concatenate([curve.x for curve in curves]),
        "y": np.concatenate([curve.y for curve in curves]),
        "begins": np.cumsum([0, *(len(curve.x) for curve in curves)]).astype(np.int32),
        "slopes": np.array([(curve.below, curve.above) for curve in curves]),
        "keys": np.concatenate(keys) if keys else np.empty(0, np.uint64),
    }
    return Calibrated(scorer, levels, arrays)


def _fitted(method: Method, z: Floats, label: Floats, weight: Floats) -> Curve:
    if method == "platt":
        return platt(z, label, weight)
    return isotonic(z, label, weight) if method == "isotonic" else SAME


def _losses(z: Floats, label: Floats, weight: Floats, seed: int) -> dict[str, Floats]:
    """Weighted log loss of each row by each method, fitted on the other folds."""
    fold = np.random.default_rng(seed).permutation(len(z)) % FOLDS
    made = {name: np.empty(len(z)) for name in METHODS}
    for each in range(min(FOLDS, len(z))):
        rest, tested = fold != each, fold == each
        for name in METHODS:
            curve = _fitted(name, z[rest], label[rest], weight[rest]) if rest.any() else SAME
            made[name][tested] = loss(curve(z[tested]), label[tested]) * weight[tested]
    return {name: each / weight.mean() for name, each in made.items()}


def _chosen(losses: Mapping[str, Floats]) -> Method:
    """The simplest that no other beats by more than a standard error of the difference."""
    best: Method = METHODS[0]
    for name in METHODS[1:]:
        gain = losses[best] - losses[name]
        if gain.mean() > gain.std() / np.sqrt(len(gain)):
            best = name
    return best


def _values(features: tuple[str, ...], segments: Segments, rows: int) -> NDArray[np.uint32]:
    values = np.column_stack([np.asarray(segments[name], dtype=np.uint32) for name in features])
    if len(values) != rows:
        raise Refused([Problem(f"segments[{features[0]!r}]", len(values), f"as many as there are rows, {rows}")])
    return values


def _level(
    features: tuple[str, ...], values: NDArray[np.uint32], z: Floats, label: Floats, weight: Floats, *, bend: bool
) -> Level:
    """Every segment's likeliest line, given how much the segments of this level scatter.

    ``bend``: with a shape of its own where it has many events.
    """
    kinds, segment = np.unique(values, axis=0, return_inverse=True)
    segment = segment.ravel()
    p = expit(z)
    gap, spread = weight * (label - p), p * (1 - p)

    def total(each: Floats) -> Floats:
        return np.bincount(segment, each, len(kinds)).astype(np.float64)

    information, noise = total(weight * spread), total(weight**2 * spread)
    height_variance = scatter(total(gap), noise, information, EXPECTED_HEIGHT)
    believed = information * height_variance / (noise / np.maximum(information, 1e-12) + information * height_variance)
    middle = total(weight * spread * z) / np.maximum(information, 1e-12)
    known = np.flatnonzero(noise >= LEAST_EVENTS).tolist()
    rows_of = _Rows(segment, len(kinds))
    height = np.zeros(len(kinds))  # first without a slope: its gap shows only when the height is right
    for each in known:
        rows = rows_of(each)
        height[each] = _height(tilted(z[rows], label[rows], _effective(weight[rows]), height_variance, 0.0))
    off = z - middle[segment]
    p = expit(z + height[segment])
    curvature = p * (1 - p) * off * off
    slope_variance = scatter(
        total(weight * (label - p) * off), total(weight**2 * curvature), total(weight * curvature), EXPECTED_SLOPE
    )
    made = []
    for each in known:
        rows = rows_of(each)
        own = z[rows], label[rows], _effective(weight[rows])
        line = tilted(*own, height_variance, slope_variance)
        made.append(
            Segment(
                tuple(int(value) for value in kinds[each]),
                len(rows),
                float((weight[rows] * label[rows]).sum()),
                float((weight[rows] * expit(z[rows])).sum()),
                float(1 - believed[each]),
                bent_further(line, *own) if bend and noise[each] >= BENDING_EVENTS else line,
            )
        )
    return Level(features, height_variance, slope_variance, tuple(made))


def _height(line: Curve) -> float:
    return float(line.y[0] - line.x[0])


def _effective(weight: Floats) -> Floats:
    """Weights that add up to how many equal rows would know as much: a row that stands for ten is still one row."""
    return np.asarray(weight * (weight.sum() / (weight**2).sum()))


class _Rows:
    """The rows of each segment, sorted once."""

    def __init__(self, segment: NDArray[np.int64], segments: int) -> None:
        self._order = np.argsort(segment, kind="stable")
        self._ends = np.cumsum(np.bincount(segment, minlength=segments))

    def __call__(self, segment: int) -> NDArray[np.int64]:
        return self._order[self._ends[segment - 1] if segment else 0 : self._ends[segment]]


def _along(z: Floats, level: Level, values: NDArray[np.uint32]) -> Floats:
    """Log odds after a level's corrections."""
    if not level.segments:
        return z
    kinds, segment = np.unique(values, axis=0, return_inverse=True)
    rows_of = _Rows(segment.ravel(), len(kinds))
    curves = {each.values: each.curve for each in level.segments}
    moved = z.copy()
    for number, kind in enumerate(kinds):
        if curve := curves.get(tuple(int(value) for value in kind)):
            rows = rows_of(number)
            moved[rows] = curve(z[rows])
    return moved
