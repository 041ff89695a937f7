"""Reward models for off-policy evaluation: what an action is expected to earn, from a log of actions and rewards."""

import numpy as np

from prediction.off_policy import Floats, Ints, Logged, RewardModel, Rewards

RIDGE = 20.0
"""The penalty on squared slopes, of features scaled to a deviation of 1: as much as so many rows hold against it."""


def rates(log: Logged) -> Rewards:
    """Mean rewards of each action in each slot, drawn to the action's mean, and that to the mean of all.

    How far, empirical Bayes says: as much as the means differ by no more than chance. Features are not looked at.
    """
    slots = int(log.slot.max()) + 1
    everything = np.full(log.actions, float(log.reward.mean()))
    of_action = _drawn(log.action, log.reward, log.actions, everything)
    cell = log.slot * log.actions + log.action
    of_cell = _drawn(cell, log.reward, slots * log.actions, np.tile(of_action, slots)).reshape(slots, log.actions)

    def expected(asked: Logged) -> Floats:
        known = asked.slot < slots
        return np.where(known[:, None], of_cell[np.where(known, asked.slot, 0)], of_action)

    return expected


def _drawn(group: Ints, reward: Floats, groups: int, parents: Floats) -> Floats:
    """Means of groups, each with as many rows of its parent's mean added as the variance within groups is larger than
    that between them (method of moments)."""
    rows = np.bincount(group, minlength=groups).astype(np.float64)
    sums = np.bincount(group, reward, groups)
    seen = rows > 0
    means = np.where(seen, sums / np.maximum(rows, 1.0), parents)
    total, count = float(rows.sum()), int(seen.sum())
    within = float(np.square(reward - means[group]).sum()) / max(1.0, total - count)
    spread = float((rows * np.square(means - parents)).sum()) - (count - 1) * within
    between = spread / max(1e-12, total - float(np.square(rows).sum()) / total)
    if between <= 0 or not within:
        return parents if within else means
    added = within / between
    return np.asarray((sums + added * parents) / (rows + added))


def linear(log: Logged) -> Rewards:
    """Those rates, and of each action a ridge regression of what they leave over on the features."""
    base = rates(log)
    mean, scale = log.features.mean(axis=0), log.features.std(axis=0)
    scale = np.where(scale > 0, scale, 1.0)
    left = log.reward - base(log)[np.arange(len(log)), log.action]
    inputs = (log.features - mean) / scale
    slopes = np.zeros((log.actions, inputs.shape[1]))
    for action in range(log.actions):
        own = inputs[log.action == action]
        if len(own):
            penalty = RIDGE * np.eye(inputs.shape[1])
            slopes[action] = np.linalg.solve(own.T @ own + penalty, own.T @ left[log.action == action])

    def expected(asked: Logged) -> Floats:
        return np.asarray(base(asked) + (asked.features - mean) / scale @ slopes.T)

    return expected


MODELS: dict[str, RewardModel] = {"rates": rates, "linear": linear}
