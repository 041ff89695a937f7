"""Off-policy evaluation: what another policy would have earned, told from the log of one that acted by chance.

A policy gives each action (a creative, a bid of several) a probability. Where the logged one wrote down the probability
of what it did, its propensity, a row stands for ``target / propensity`` rows of the policy asked about. Estimators:

- IPS, inverse propensity scoring (Horvitz and Thompson 1952): the weighted mean. Unbiased, and wild where weights are;
- SNIPS, self-normalised (Swaminathan and Joachims, NIPS 2015): over the sum of weights; a little biased, far steadier;
- DM, the direct method: what a reward model says. Its interval knows nothing of the model's error;
- DR, doubly robust (Dudík, Langford and Li, ICML 2011): the model's word, put right by the weighted errors it made on
  the log. Unbiased if the propensities are right, whatever the model. The model is cross-fitted: each row's is fitted
  to the other folds, so that it cannot have learnt that row's reward.

Weights may be clipped, which bounds chance at the price of a bias: the share of the weight that is cut is told.
"""

from collections.abc import Callable, Sequence
from math import inf

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from domain.errors import Problem, Refused

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

LEVEL = 1.959963984540054
"""Standard deviations on either side of a 95 % interval."""

FOLDS = 5
RESAMPLES = 1000


class Logged(Struct, frozen=True, eq=False):
    """What a policy did; row ``i`` of every array is one decision."""

    action: Ints
    """(n,): 0 to actions - 1."""
    reward: Floats
    """(n,): any number; a click, or a click's value less its cost."""
    propensity: Floats
    """(n,): the probability with which ``action`` was taken then, above 0."""
    slot: Ints
    """(n,): what it was taken for, a position or a placement; 0 and up."""
    features: Floats
    """(n, d): what reward models may know of the decision beside; d may be 0."""
    actions: int

    def __len__(self) -> int:
        return len(self.action)

    def take(self, chosen: Ints | NDArray[np.bool_]) -> "Logged":
        return Logged(
            self.action[chosen],
            self.reward[chosen],
            self.propensity[chosen],
            self.slot[chosen],
            self.features[chosen],
            self.actions,
        )


Rewards = Callable[[Logged], Floats]
"""Expected rewards (n, actions) of every action in each row."""

RewardModel = Callable[[Logged], Rewards]
"""Fits such a function to a log."""


class Estimate(Struct, frozen=True):
    """``low`` to ``high`` is a 95 % interval by the normal distribution, the drawn one by bootstrap."""

    value: float
    low: float
    high: float
    drawn_low: float
    drawn_high: float


class Evaluation(Struct, frozen=True):
    rows: int
    effective_rows: float
    """(sum of weights)² / sum of squared weights (Kish 1965): as many rows of the policy itself would tell as much."""
    mean_weight: float
    """Of the weights before clipping: 1, but for chance, if propensities and policy are right."""
    mean_weight_error: float
    """The standard error of that."""
    most_weight: float
    clipped: float
    """The share of all weight that clipping cut."""
    estimates: dict[str, Estimate]
    """By name: ips, snips, dm, dr."""


def evaluate(
    log: Logged,
    target: Floats,
    model: RewardModel,
    *,
    clip: float = inf,
    resamples: int = RESAMPLES,
    seed: int = 0,
) -> Evaluation:
    """What the policy ``target``, (n, actions) probabilities, would have earned a decision. No weight counts more than
    ``clip``. `Refused` names what is wrong with log or target, and the row."""
    check(log, target)
    rows = np.arange(len(log))
    weight = target[rows, log.action] / log.propensity
    bounded = np.minimum(weight, clip)
    expected = cross_fitted(log, model, seed)
    direct = np.einsum("ij,ij->i", target, expected)
    missed = log.reward - expected[rows, log.action]
    mean = float(weight.mean())
    return Evaluation(
        rows=len(log),
        effective_rows=effective_rows(bounded),
        mean_weight=mean,
        mean_weight_error=float(weight.std()) / len(log) ** 0.5,
        most_weight=float(weight.max()),
        clipped=1 - float(bounded.mean()) / mean if mean else 0.0,
        estimates=_estimates(bounded, log.reward, direct, missed, resamples, seed),
    )


def effective_rows(weight: Floats) -> float:
    squares = float(np.square(weight).sum())
    return float(weight.sum()) ** 2 / squares if squares else 0.0


def cross_fitted(log: Logged, model: RewardModel, seed: int) -> Floats:
    """Expected rewards (n, actions), each row's from a model of the other folds."""
    fold = np.random.default_rng(seed).permutation(np.arange(len(log)) % FOLDS)
    found = np.empty((len(log), log.actions))
    for number in range(FOLDS):
        held = fold == number
        found[held] = model(log.take(~held))(log.take(held))
    return found


def _estimates(
    weight: Floats, reward: Floats, direct: Floats, missed: Floats, resamples: int, seed: int
) -> dict[str, Estimate]:
    """Each estimator is a mean, or a ratio of two; the bootstrap draws rows, with what the model says of them."""
    ones = np.ones(len(weight))
    parts = {
        "ips": (weight * reward, ones),
        "snips": (weight * reward, weight),
        "dm": (direct, ones),
        "dr": (direct + weight * missed, ones),
    }
    columns = np.column_stack([part for pair in parts.values() for part in pair])
    drawn = _drawn_sums(columns, resamples, seed)
    found = {}
    for number, (name, (above, below)) in enumerate(parts.items()):
        total = float(below.sum())
        value = float(above.sum()) / total if total else 0.0
        influence = (above - value * below) * len(weight) / total if total else np.zeros(len(weight))
        error = float(influence.std(ddof=1)) / len(weight) ** 0.5
        sums = drawn[:, 2 * number : 2 * number + 2]
        ratios = np.divide(sums[:, 0], sums[:, 1], out=np.zeros(len(sums)), where=sums[:, 1] > 0)
        low, high = np.quantile(ratios, (0.025, 0.975))
        found[name] = Estimate(value, value - LEVEL * error, value + LEVEL * error, float(low), float(high))
    return found


def _drawn_sums(columns: Floats, resamples: int, seed: int) -> Floats:
    """(resamples, columns): sums over rows, each drawn with replacement as often as there are rows."""
    rng = np.random.default_rng([seed, 1])
    count = len(columns)
    sums = np.empty((resamples, columns.shape[1]))
    for number in range(resamples):
        times = np.bincount(rng.integers(0, count, count), minlength=count)
        sums[number] = (columns * times[:, None]).sum(axis=0)
    return sums


def frequencies(log: Logged, slots: int) -> Floats:
    """(slots, actions): how often a log has each action in each slot. What a policy without context did on the average
    of its time; an action that it never took has a probability of 0, a slot without rows all actions alike."""
    counts = np.zeros((slots, log.actions))
    np.add.at(counts, (log.slot, log.action), 1.0)
    of_slot = counts.sum(axis=1, keepdims=True)
    return np.where(of_slot > 0, counts / np.maximum(of_slot, 1.0), 1.0 / log.actions)


def bid_policy(factors: Sequence[float], wanted: float) -> Floats:
    """Probabilities of the tried bids (ascending factors of the usual one) that bid ``wanted`` times the usual one on
    the average: of the two beside it by nearness. `Refused` outside of what was tried: of that the log says nothing."""
    if not factors[0] <= wanted <= factors[-1]:
        raise Refused([Problem("wanted", wanted, f"it must be from {factors[0]} to {factors[-1]}, which were tried")])
    found = np.zeros(len(factors))
    right = int(np.searchsorted(factors, wanted))
    if factors[right] == wanted:
        found[right] = 1.0
        return found
    share = (wanted - factors[right - 1]) / (factors[right] - factors[right - 1])
    found[right - 1], found[right] = 1 - share, share
    return found


def check(log: Logged, target: Floats) -> None:
    """`Refused` for what cannot be evaluated."""
    problems = []
    if len(log) < 2 * FOLDS:
        problems.append(Problem("log", len(log), f"it must have {2 * FOLDS} rows or more"))
    for name, wrong, allowed in (
        ("action", (log.action < 0) | (log.action >= log.actions), f"it must be from 0 to {log.actions - 1}"),
        ("reward", ~np.isfinite(log.reward), "it must be a finite number"),
        ("propensity", ~((log.propensity > 0) & (log.propensity <= 1)), "it must be above 0 and not above 1"),
        ("slot", log.slot < 0, "it must be 0 or above"),
    ):
        if wrong.any():
            at = int(np.argmax(wrong))
            problems.append(Problem(f"log.{name}[{at}]", getattr(log, name)[at].item(), allowed))
    if target.shape != (len(log), log.actions):
        shape = f"it must have the shape ({len(log)}, {log.actions})"
        problems.append(Problem("target", target.shape, shape))
    else:
        wrong = ~(np.all(target >= 0, axis=1) & (np.abs(target.sum(axis=1) - 1) < 1e-6))
        if wrong.any():
            at = int(np.argmax(wrong))
            allowed = "probabilities must be 0 or above, 1 together"
            problems.append(Problem(f"target[{at}]", float(target[at].sum()), allowed))
    if problems:
        raise Refused(problems)
