"""Rates of ads that little or nothing is known of: each is held to what it is a part of.

A creative in a line item, the line item, its campaign, its advertiser, and all of them: at each level the rates of the
parts scatter around the rate of the whole as a beta distribution does, and how much they scatter is what the parts' own
counts make likely (empirical Bayes of the beta-binomial model; Morris, 1983, and for click rates Agarwal et al., KDD
2010). A part that was shown often has its own rate, one that was never shown has that of the whole, and what lies
between is weighed by how alike the parts are. What comes out is a beta distribution for each ad, to take the mean of,
or to draw from.

The levels are taken together as a tree: what a part says of its whole counts for no more than the scatter lets it say,
however often it was shown; and what a whole says of a part is what its other parts say, and is itself uncertain.
"""

from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.special import betaln

from domain.errors import Problem, Refused

Floats = NDArray[np.float64]

LEVELS = 4
STRENGTHS = np.geomspace(0.5, 5_000.0, 41)
"""Successes that a whole may count for in each of its parts."""
USUAL_STRENGTH = 5.0
"""What is taken for likely while few parts have been seen …"""
PARTS_OF_USUAL = 3.0
"""… as if that had been seen of so many parts."""
ROUNDS = 3
"""How much parts scatter says how much they tell, and the other way round: so often."""
MOST_PARTS = 5_000
"""Parts of a level that its scatter is worked out from; of more, every second, third … is."""


class Counts(NamedTuple):
    """Of one creative in one line item."""

    advertiser: int
    campaign: int
    line_item: int
    creative: int
    trials: int
    successes: int


class Beta(NamedTuple):
    """A beta distribution of a rate."""

    a: float
    b: float

    @property
    def mean(self) -> float:
        return self.a / (self.a + self.b)


class _Level(NamedTuple):
    """Parts of one level: whose part each is, and the counts of what is below them, or what these say."""

    keys: list[tuple[int, ...]]
    above: NDArray[np.int64]
    n: Floats
    k: Floats


class Priors:
    """Beta distributions of the rates of ads, and of what they are parts of."""

    def __init__(self, known: Mapping[tuple[int, ...], Beta], strengths: tuple[float, ...], first: Beta) -> None:
        self._known, self._first = known, first
        self.strengths = strengths
        """Trials that a whole counts for in its parts: all in advertisers, these in campaigns, line items,
        creatives."""

    def of(self, *path: int) -> Beta:
        """Of ``(advertiser, campaign, line item, creative)``, or of a beginning of it; what was never seen has the
        distribution that a new part of the nearest known whole has."""
        found, n = self._first, 0
        for n in range(len(path), 0, -1):
            if path[:n] in self._known:
                found = self._known[path[:n]]
                break
        else:
            n = 0
        for level in range(n, len(path)):
            strength = _through(self.strengths[level], found.a + found.b)
            found = Beta(strength * found.mean, strength * (1 - found.mean))
        return found


def priors(rows: Iterable[Counts], first: Beta) -> Priors:
    """What is to be believed of all rates. ``first``: of all together, before anything was counted.

    Raises `Refused` for counts below 0, or more successes than trials.
    """
    counted = list(rows)
    for i, row in enumerate(counted):
        if not 0 <= row.successes <= row.trials:
            raise Refused([Problem(f"rows[{i}]", (row.trials, row.successes), "successes from 0 to the trials")])
    paths = np.array([row[:LEVELS] for row in counted], dtype=np.int64).reshape(-1, LEVELS)
    trials = np.array([row.trials for row in counted], dtype=np.float64)
    successes = np.array([row.successes for row in counted], dtype=np.float64)
    rate = float((first.a + successes.sum()) / (first.a + first.b + trials.sum()))
    strengths = [USUAL_STRENGTH / rate] * LEVELS
    parts = _numbered(paths)
    known: dict[tuple[int, ...], Beta] = {}
    top = first
    for turn in range(ROUNDS if counted else 0):
        tree = _told(parts, trials, successes, strengths)
        top = Beta(first.a + float(tree[0][1].sum()), first.b + float((tree[0][0] - tree[0][1]).sum()))
        a, b = np.array([first.a]), np.array([first.b])  # of the wholes, but for what their parts say
        for level in range(LEVELS):
            says_n, says_k, n, k = tree[level]
            above = parts[level].above
            all_n, all_k = _summed(above, says_n, len(a)), _summed(above, says_k, len(a))
            rest_a = a[above] + all_k[above] - says_k
            rest_b = b[above] + (all_n - all_k)[above] - (says_n - says_k)
            strengths[level] = _strength(n, k, rest_a, rest_b, rate)
            size = _through(strengths[level], rest_a + rest_b)
            mean = rest_a / (rest_a + rest_b)
            a, b = size * mean, size * (1 - mean)
            if turn == ROUNDS - 1:
                found = zip(parts[level].keys, (a + k).tolist(), (b + n - k).tolist(), strict=True)
                known |= {key: Beta(one, other) for key, one, other in found}
    return Priors(known, tuple(strengths), top)


def _numbered(paths: NDArray[np.int64]) -> list[_Level]:
    """The parts of each level; ``n`` and ``k`` of the last one's are the places of the rows."""
    found = []
    before = np.zeros(len(paths), dtype=np.int64)
    for level in range(LEVELS):
        keys, places = np.unique(paths[:, : level + 1], axis=0, return_inverse=True)
        places = places.reshape(-1)
        above = np.zeros(len(keys), dtype=np.int64)
        above[places] = before
        found.append(_Level([tuple(key) for key in keys.tolist()], above, places.astype(np.float64), np.empty(0)))
        before = places
    return found


def _told(
    parts: list[_Level], trials: Floats, successes: Floats, strengths: list[float]
) -> list[tuple[Floats, Floats, Floats, Floats]]:
    """Of each level's parts: trials and successes that they say of their wholes, and those that are said to them."""
    found: list[tuple[Floats, Floats, Floats, Floats]] = []
    places = parts[-1].n.astype(np.int64)
    n, k = _summed(places, trials, len(parts[-1].keys)), _summed(places, successes, len(parts[-1].keys))
    for level in reversed(range(LEVELS)):
        part = strengths[level] / (strengths[level] + n)
        found.append((n * part, k * part, n, k))
        if level:
            size = len(parts[level - 1].keys)
            n, k = _summed(parts[level].above, n * part, size), _summed(parts[level].above, k * part, size)
    return found[::-1]


def _summed(places: NDArray[np.int64], values: Floats, n: int) -> Floats:
    return np.bincount(places, weights=values, minlength=n).astype(np.float64)


def _through(strength: Any, size: Any) -> Any:
    """What a whole that is known as from ``size`` trials counts for in a part: two uncertainties, one after the
    other."""
    return strength * size / (strength + size)


def _strength(n: Floats, k: Floats, rest_a: Floats, rest_b: Floats, rate: float) -> float:
    """The likeliest number of trials that wholes count for in their parts, held to what is usual."""
    seen = np.flatnonzero(n > 0)
    seen = seen[:: 1 + len(seen) // MOST_PARTS]
    n, k, rest_a, rest_b = n[seen], k[seen], rest_a[seen], rest_b[seen]
    mean, size = rest_a / (rest_a + rest_b), rest_a + rest_b
    best, found = -np.inf, USUAL_STRENGTH
    for strength in STRENGTHS:
        through = _through(strength / rate, size)
        a, b = through * mean, through * (1 - mean)
        score = float((betaln(a + k, b + n - k) - betaln(a, b)).sum())
        score -= PARTS_OF_USUAL * 0.5 * (np.log10(strength / USUAL_STRENGTH)) ** 2
        if score > best:
            best, found = score, float(strength)
    return found / rate
