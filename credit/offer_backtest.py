"""The matching policy on logs of other policies: learnt from one log, evaluated on another, off-policy.

An action is a product, its reward an approval that pays 1; slots and features are what the model of approvals knows of
the applicant. Learning and choosing are those of the service: the hierarchical model of `credit.offer_rates` and the
shares of `credit.policy`. Which rewards the evaluated log has, the policy never saw.
"""

from collections.abc import Mapping, Sequence

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from credit.offer_rates import Answers, Beliefs, Rates, fit
from credit.policy import Policy
from prediction.off_policy import LEVEL, Estimate, Evaluation, Logged, RewardModel, cross_fitted, evaluate

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

LEAST_SHARE = 0.05
"""Values of a feature that fewer rows have are no inputs of their own."""


class Inputs:
    """Inputs of the model, made of a log's slots and features; each feature's values are names. Learnt from one log."""

    def __init__(self, log: Logged) -> None:
        self._slots = np.unique(log.slot)[1:]
        self._values: list[tuple[int, float]] = []
        for column in range(log.features.shape[1]):
            values, counts = np.unique(log.features[:, column], return_counts=True)
            usual = values[np.argmax(counts)]
            frequent = values[counts >= LEAST_SHARE * len(log)]
            self._values += [(column, float(value)) for value in frequent if value != usual]

    @property
    def width(self) -> int:
        return 1 + len(self._slots) + len(self._values)

    def of(self, log: Logged) -> Floats:
        """(n, width): one, then which slot, then which values."""
        columns = [np.ones(len(log))]
        columns += [(log.slot == slot).astype(float) for slot in self._slots]
        columns += [(log.features[:, column] == value).astype(float) for column, value in self._values]
        return np.column_stack(columns)


def learn(log: Logged, group_of: Ints, inputs: Inputs) -> Rates:
    """What a log teaches of each action's rewards (0 to 1). ``group_of``: whose action each is."""
    rate = (float(log.reward.sum()) + 0.5) / (len(log) + 1.0)
    usual = np.zeros(inputs.width)
    usual[0] = np.log(rate / (1 - rate))
    scatter = np.full(inputs.width, 0.02)
    scatter[0] = 0.25
    spread = np.full(inputs.width, 0.1)
    spread[0] = 1.0
    answers = Answers(log.action, inputs.of(log), log.reward, np.ones(len(log)))
    found = fit(answers, group_of, Beliefs(usual, spread, scatter, scatter))
    return Rates(found.products.mean, found.products.covariance)


def shares_of(rates: Rates, inputs: Inputs, log: Logged, policy: Policy) -> Floats:
    """(n, actions): with which probabilities the policy would have chosen in each row."""
    rows, which = np.unique(inputs.of(log), axis=0, return_inverse=True)
    everything, worth = np.arange(log.actions), np.ones(log.actions)
    shares = np.empty((len(rows), log.actions))
    for place, row in enumerate(rows):
        mean, deviation = rates.logits(np.tile(row, (log.actions, 1)), everything)
        shares[place] = policy.shares(mean, deviation, worth)
    return shares[which.reshape(-1)]


class Direction(Struct, frozen=True):
    """A policy that was learnt from one log, on another one."""

    learnt_from: str
    evaluated_on: str
    policy: str
    learnt_rows: int
    learnt_rewards: float
    logging: Estimate
    """What the policy that wrote the evaluated log earned a decision."""
    evaluation: Evaluation
    gain: Estimate
    """What is to be gained a decision, doubly robust; each row is compared with itself."""


def both_ways(
    logs: Mapping[str, Logged],
    group_of: Ints,
    policies: Mapping[str, Policy],
    model: RewardModel,
    *,
    clip: float,
    resamples: int,
    seed: int,
) -> list[Direction]:
    """Each log evaluated with what every other one taught."""
    found = []
    for source, learnt in logs.items():
        inputs = Inputs(learnt)
        rates = learn(learnt, group_of, inputs)
        for name, held in logs.items():
            if name == source:
                continue
            for label, policy in policies.items():
                target = shares_of(rates, inputs, held, policy)
                found.append(
                    Direction(
                        source,
                        name,
                        label,
                        len(learnt),
                        float(learnt.reward.sum()),
                        _mean(held.reward, resamples, seed),
                        evaluate(held, target, model, clip=clip, resamples=resamples, seed=seed),
                        _gain(held, target, model, clip, resamples, seed),
                    )
                )
    return found


def _gain(log: Logged, target: Floats, model: RewardModel, clip: float, resamples: int, seed: int) -> Estimate:
    rows = np.arange(len(log))
    weight = np.minimum(target[rows, log.action] / log.propensity, clip)
    expected = cross_fitted(log, model, seed)
    robust = np.einsum("ij,ij->i", target, expected) + weight * (log.reward - expected[rows, log.action])
    return _mean(robust - log.reward, resamples, seed)


def _mean(values: Floats, resamples: int, seed: int) -> Estimate:
    """A mean with its intervals."""
    rng = np.random.default_rng([seed, 2])
    mean, error = float(values.mean()), float(values.std(ddof=1)) / len(values) ** 0.5
    drawn = [values[rng.integers(0, len(values), len(values))].mean() for _ in range(resamples)]
    low, high = np.quantile(drawn, (0.025, 0.975))
    return Estimate(mean, mean - LEVEL * error, mean + LEVEL * error, float(low), float(high))


def groups(names: Sequence[str], of: Mapping[str, str]) -> Ints:
    """The number of each action's group; of an action without one, a group of its own."""
    numbers: dict[str, int] = {}
    return np.array([numbers.setdefault(of.get(name, f"\0{name}"), len(numbers)) for name in names], dtype=np.int64)
