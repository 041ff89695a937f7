"""Off-policy estimators on made logs whose truth is known: no bias, and intervals that hold it as often as they say."""

from collections.abc import Callable

import numpy as np
import pytest

from domain.errors import Refused
from prediction.off_policy import Evaluation, Floats, Logged, Rewards, bid_policy, evaluate, frequencies
from prediction.reward_models import MODELS

ACTIONS, SLOTS = 5, 2


class World:
    """A policy that prefers some actions, by slot and feature; rewards differ by all three."""

    def __init__(self, seed: int) -> None:
        rng = np.random.default_rng(seed)
        self.likes = rng.normal(size=(SLOTS, ACTIONS))
        self.tilt = rng.normal(size=ACTIONS)
        self.pays = rng.random((SLOTS, ACTIONS))
        self.wanted = rng.dirichlet(np.ones(ACTIONS), SLOTS)

    def log(self, count: int, seed: int) -> tuple[Logged, Floats, Floats]:
        """The log, the policy asked about, and the true expected rewards (n, actions)."""
        rng = np.random.default_rng(seed)
        slot, feature = rng.integers(0, SLOTS, count), rng.normal(size=count)
        odds = np.exp(self.likes[slot] + 0.5 * feature[:, None] * self.tilt)
        chance = odds / odds.sum(axis=1, keepdims=True)
        action = np.array([rng.choice(ACTIONS, p=row) for row in chance])
        truth = self.pays[slot] + 0.3 * feature[:, None] * self.tilt
        rows = np.arange(count)
        reward = truth[rows, action] + 0.5 * rng.normal(size=count)
        log = Logged(action, reward, chance[rows, action], slot, feature[:, None], ACTIONS)
        return log, self.wanted[slot], truth

    @property
    def truth(self) -> float:
        """The feature's mean is 0, and the policy does not look at it."""
        return float((self.wanted * self.pays).sum(axis=1).mean())


def constant(log: Logged) -> Rewards:
    """A model that knows nothing, and is far off."""
    return lambda asked: np.full((len(asked), asked.actions), 2.0)


@pytest.fixture(scope="module")
def evaluations() -> tuple[float, list[Evaluation]]:
    world = World(1)
    found = []
    for seed in range(120):
        log, target, _ = world.log(400, 100 + seed)
        found.append(evaluate(log, target, MODELS["linear"], resamples=60, seed=seed))
    return world.truth, found


@pytest.mark.parametrize("name", ["ips", "snips", "dr"])
def test_intervals_hold_the_truth_as_often_as_they_say(evaluations: tuple[float, list[Evaluation]], name: str) -> None:
    truth, found = evaluations
    estimates = [one.estimates[name] for one in found]
    values = np.array([one.value for one in estimates])
    assert abs(values.mean() - truth) < 3 * values.std() / len(values) ** 0.5
    assert np.mean([one.low <= truth <= one.high for one in estimates]) >= 0.88
    assert np.mean([one.drawn_low <= truth <= one.drawn_high for one in estimates]) >= 0.86


def test_a_model_makes_the_doubly_robust_steadier(evaluations: tuple[float, list[Evaluation]]) -> None:
    _, found = evaluations
    spread = {name: np.std([one.estimates[name].value for one in found]) for name in ("ips", "snips", "dr")}
    assert spread["dr"] < 0.9 * spread["snips"]
    assert spread["snips"] < spread["ips"]


def test_either_right_propensities_or_a_right_model_is_enough() -> None:
    world = World(2)
    log, target, truth = world.log(20_000, 1)

    def knowing(_: Logged) -> Rewards:
        return lambda asked: world.pays[asked.slot] + 0.3 * asked.features * world.tilt

    wrong = Logged(log.action, log.reward, np.full(len(log), 0.2), log.slot, log.features, ACTIONS)
    for given, model in ((log, constant), (wrong, knowing)):
        right = evaluate(given, target, model, resamples=2).estimates["dr"]
        assert right.value == pytest.approx(world.truth, abs=2 * (right.high - right.value))
    for name in ("ips", "dr"):
        off = evaluate(wrong, target, constant, resamples=2).estimates[name]
        assert abs(off.value - world.truth) > 2 * (off.high - off.value)
    found = evaluate(wrong, target, constant, resamples=2)
    assert abs(found.mean_weight - 1) > 5 * found.mean_weight_error
    assert np.einsum("ij,ij->i", target, truth).mean() == pytest.approx(world.truth, abs=0.02)


@pytest.mark.parametrize("clip", [np.inf, 1.5])
def test_figures_are_those_of_plain_loops(clip: float) -> None:
    log, target, _ = World(3).log(60, 2)
    found = evaluate(log, target, constant, clip=clip, resamples=5)
    weights = [target[i, log.action[i]] / log.propensity[i] for i in range(60)]
    cut = [min(weight, clip) for weight in weights]
    rewards = log.reward.tolist()
    ips = sum(w * r for w, r in zip(cut, rewards, strict=True)) / 60
    assert found.estimates["ips"].value == pytest.approx(ips)
    assert found.estimates["snips"].value == pytest.approx(60 * ips / sum(cut))
    assert found.estimates["dm"].value == pytest.approx(2.0)
    dr = 2 + sum(w * (r - 2) for w, r in zip(cut, rewards, strict=True)) / 60
    assert found.estimates["dr"].value == pytest.approx(dr)
    assert found.effective_rows == pytest.approx(sum(cut) ** 2 / sum(w * w for w in cut))
    assert found.clipped == pytest.approx(1 - sum(cut) / sum(weights))
    assert found.most_weight == max(weights)


def test_the_policy_that_wrote_the_log_earns_what_it_earned() -> None:
    log, _, _ = World(4).log(500, 3)
    own = np.zeros((500, ACTIONS))
    own[:] = ((1 - log.propensity) / (ACTIONS - 1))[:, None]
    own[np.arange(500), log.action] = log.propensity
    found = evaluate(log, own, constant, resamples=5)
    assert found.effective_rows == pytest.approx(500)
    for name in ("ips", "snips", "dr"):
        assert found.estimates[name].value == pytest.approx(log.reward.mean())


def test_models_are_not_fitted_to_the_row_they_judge() -> None:
    """A model that remembers every reward it was shown says nothing of the rows held back."""
    log, target, _ = World(5).log(50, 4)
    shown: list[set[float]] = []

    def remembering(part: Logged) -> Rewards:
        known = set(part.reward.tolist())
        shown.append(known)

        def expected(asked: Logged) -> Floats:
            assert not known & set(asked.reward.tolist())
            return np.zeros((len(asked), ACTIONS))

        return expected

    evaluate(log, target, remembering, resamples=2)
    assert len(shown) == 5
    assert all(len(known) == 40 for known in shown)


@pytest.mark.parametrize("name", sorted(MODELS))
def test_reward_models_come_near_the_truth(name: str) -> None:
    world = World(6)
    log, _, truth = world.log(20_000, 5)
    expected = MODELS[name](log)(log)
    if name == "rates":
        truth = world.pays[log.slot]
        assert np.abs(expected - truth).max() < 0.35  # features pull on what was chosen because of them
    else:
        assert np.abs(expected - truth).mean() < 0.1


def test_rates_without_differences_are_one_rate() -> None:
    rng = np.random.default_rng(7)
    log = Logged(
        rng.integers(0, 50, 2000),
        (rng.random(2000) < 0.1).astype(np.float64),
        np.full(2000, 0.02),
        np.zeros(2000, np.int64),
        np.empty((2000, 0)),
        50,
    )
    assert MODELS["rates"](log)(log).std() < 0.02 < np.bincount(log.action, log.reward).std() / 40


def test_a_policy_of_bids_bids_what_is_wanted_on_the_average() -> None:
    factors = (0.7, 1.0, 1.3)
    for wanted in (0.7, 0.9, 1.0, 1.3):
        found = bid_policy(factors, wanted)
        assert found.sum() == pytest.approx(1)
        assert found @ np.array(factors) == pytest.approx(wanted)
    with pytest.raises(Refused, match="wanted"):
        bid_policy(factors, 1.31)


def test_frequencies_are_counts() -> None:
    log = Logged(np.array([0, 1, 1, 2]), np.zeros(4), np.ones(4), np.array([0, 0, 0, 2]), np.empty((4, 0)), 3)
    assert frequencies(log, 3) == pytest.approx(np.array([[1 / 3, 2 / 3, 0], [1 / 3, 1 / 3, 1 / 3], [0, 0, 1]]))


def _change(field: str, value: float) -> Callable[[Logged], Logged]:
    def changed(log: Logged) -> Logged:
        parts = {name: getattr(log, name).copy() for name in ("action", "reward", "propensity", "slot", "features")}
        parts[field][3] = value
        return Logged(**parts, actions=log.actions)

    return changed


@pytest.mark.parametrize(
    ("field", "value"),
    [("action", 5), ("action", -1), ("reward", np.nan), ("propensity", 0.0), ("propensity", 1.1), ("slot", -1)],
)
def test_what_is_wrong_is_named(field: str, value: float) -> None:
    log, target, _ = World(8).log(30, 6)
    with pytest.raises(Refused, match=rf"log\.{field}\[3\]"):
        evaluate(_change(field, value)(log), target, constant)


def test_a_policy_must_be_probabilities() -> None:
    log, target, _ = World(9).log(30, 7)
    target[4] *= 1.1
    with pytest.raises(Refused, match=r"target\[4\]"):
        evaluate(log, target, constant)
    with pytest.raises(Refused, match="shape"):
        evaluate(log, target[:, :3], constant)
    with pytest.raises(Refused, match="10 rows"):
        evaluate(log.take(np.arange(9)), target[:9], constant)
