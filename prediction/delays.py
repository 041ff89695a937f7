"""How long after a click, or a view, conversions come: the share of them that has arrived by a given age.

Only conversions that have already come can be seen, so short delays are over-represented among young touches: the
delays are truncated on the right. The product-limit estimator for that (Woodroofe, 1985: Kaplan and Meier's with time
reversed) needs no shape; where few conversions speak it is held to an exponential delay, which Chapelle (2014) assumes
of all, and a segment's to that of its parent.
"""

from typing import NamedTuple

import numpy as np
from msgspec import Struct
from numpy.typing import ArrayLike, NDArray
from scipy.optimize import minimize_scalar

from domain.errors import Problem, Refused
from prediction.ranking import Floats

BINS = 60
FIRST_S = 30.0
"""The first bin's end; the others' grow by a constant factor up to the window."""
PRIOR_CONVERSIONS = 10.0
"""Conversions that the parent's curve counts for, in every bin."""
LONGEST_MEAN = 10.0
"""In windows: an exponential delay is not taken to be longer on average, which no truncated sample could tell."""


class Delays(Struct, frozen=True):
    """Shares of the conversions within a window that have arrived after some time."""

    window_s: float
    edges_s: tuple[float, ...]
    """Ends of the bins, the last one the window; before the first nothing has arrived at 0 s."""
    shares: tuple[float, ...]
    """What has arrived at each edge, of all together; the last one is 1."""
    mean_s: float
    """Of the exponential delay that the curve is held to where it knows nothing."""
    conversions: int
    known_s: float
    """The oldest touch's age, or the window: beyond it the curve is the exponential's."""
    segments: dict[int, tuple[float, ...]] = {}
    """Shares of the segments that have conversions."""

    def arrived(self, age_s: ArrayLike, segment: NDArray[np.uint32] | None = None) -> Floats:
        """The share of conversions to come that is there at an age, touch by touch."""
        age = np.asarray(age_s, dtype=np.float64)
        edges = np.concatenate(([0.0], self.edges_s))
        made = np.interp(age, edges, np.concatenate(([0.0], self.shares)))
        if segment is not None:
            for each in np.unique(segment).tolist():
                if each in self.segments:
                    here = segment == each
                    made[here] = np.interp(age[here], edges, np.concatenate(([0.0], self.segments[each])))
        return made

    def quantile_s(self, share: float) -> float:
        """After how long that share has arrived."""
        return float(np.interp(share, np.concatenate(([0.0], self.shares)), np.concatenate(([0.0], self.edges_s))))


class _Seen(NamedTuple):
    """Conversions that have come within the window of touches of these ages (at most the window)."""

    delay: Floats
    age: Floats
    weight: Floats


def fit(
    delay_s: ArrayLike,
    age_s: ArrayLike,
    window_s: float,
    *,
    segment: NDArray[np.uint32] | None = None,
    weight: ArrayLike | None = None,
) -> Delays:
    """The delays of conversions, from all that have come so far.

    Args:
        delay_s: For each conversion the time from its touch, in seconds.
        age_s: For each conversion how long ago its touch is; at least ``delay_s``.
        window_s: What comes later than this after a touch is none of its conversions.
        segment: Of each conversion, where delays are to be told apart.
        weight: Of each conversion.

    Raises:
        Refused: Lengths differ, a delay is negative or longer than the age, the window is not above 0.
    """
    delay, age = np.asarray(delay_s, dtype=np.float64), np.asarray(age_s, dtype=np.float64)
    times = np.ones_like(delay) if weight is None else np.asarray(weight, dtype=np.float64)
    if not 0 < window_s < np.inf:
        raise Refused([Problem("window_s", window_s, "seconds above 0")])
    if not delay.shape == age.shape == times.shape or (segment is not None and segment.shape != delay.shape):
        raise Refused([Problem("delay_s, age_s", (delay.shape, age.shape), "arrays of one length")])
    if not (good := (delay >= 0) & (delay <= age)).all():
        row = int(np.argmin(good))
        raise Refused([Problem(f"delay_s[{row}]", float(delay[row]), f"0 to the touch's age, {age[row]}")])
    inside = delay <= window_s
    seen = _Seen(delay[inside], np.minimum(age[inside], window_s), times[inside])
    edges = np.geomspace(min(FIRST_S, window_s / 2), window_s, BINS)
    edges[-1] = window_s
    mean_s = _mean(seen, window_s)
    grown = -np.expm1(-edges / mean_s)
    exponential = grown / grown[-1]
    parent = _held(seen, edges, exponential)
    segments = {}
    if segment is not None:
        kept = segment[inside]
        for each in np.unique(kept).tolist():
            own = _Seen(*(part[kept == each] for part in seen))
            segments[int(each)] = tuple(_held(own, edges, parent).tolist())
    known = float(seen.age.max()) if len(seen.age) else 0.0
    return Delays(window_s, tuple(edges.tolist()), tuple(parent.tolist()), mean_s, len(seen.delay), known, segments)


def _mean(seen: _Seen, window_s: float) -> float:
    """The likeliest mean of an exponential delay of which only what came before the age was seen."""
    if not len(seen.delay):
        return window_s / 5
    age = np.maximum(seen.age, 1e-6)

    def cost(log_rate: float) -> float:
        rate = np.exp(log_rate)
        return float((seen.weight * (rate * seen.delay - log_rate + np.log(-np.expm1(-rate * age)))).sum())

    bounds = -np.log(window_s * LONGEST_MEAN), -np.log(max(window_s * 1e-6, 1e-3))
    return float(np.exp(-minimize_scalar(cost, bounds=bounds, method="bounded").x))


def _held(seen: _Seen, edges: Floats, parent: Floats) -> Floats:
    """Shares at the edges: from the window backwards, the chance not to have come in a bin among what came by its end.

    A conversion tells of a bin if its touch is older than the bin's end. The parent's chances count for
    `PRIOR_CONVERSIONS` more.
    """
    came = np.searchsorted(edges, seen.delay, "left")  # the bin it came in
    oldest = np.searchsorted(edges, seen.age, "right") - 1  # the last bin whose end its touch has reached
    telling = came <= oldest
    in_bin = np.bincount(came[telling], seen.weight[telling], len(edges))
    begins = np.bincount(came[telling], seen.weight[telling], len(edges) + 1)
    ends = np.bincount(oldest[telling] + 1, seen.weight[telling], len(edges) + 1)
    by_end = np.cumsum(begins - ends)[:-1]  # what is known to have come by its end, of touches old enough
    before = np.concatenate(([0.0], parent[:-1]))
    chance = np.divide(parent - before, parent, out=np.ones_like(parent), where=parent > 0)
    hazard = (in_bin + PRIOR_CONVERSIONS * chance) / (np.maximum(by_end, 0.0) + PRIOR_CONVERSIONS)
    later = np.cumprod((1 - np.clip(hazard, 0.0, 1.0))[::-1])[::-1]
    return np.concatenate((later[1:], [1.0]))
