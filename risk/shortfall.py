"""Fraud told from installs that did not come.

Clicks that were paid for and led to no install are not fraudulent one by one: most honest clicks lead to none. But a
crowd of honest clicks brings the installs that its apps usually bring, and a machine's brings none. So fraud's share of
a crowd is its shortfall: ``1 - installs / (clicks x the app's genuine rate)``. The genuine rate of an app is that of
its clicks of which no fact speaks for fraud; it is found together with the shares, each in turn.

What this assumes: fraudulent clicks never install, and clicks that facts say nothing against are honest. Both make the
told share too low rather than too high. Fraud that installs (farms, bots with devices of their own) is not seen.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize, minimize_scalar
from scipy.special import gammaln
from scipy.stats import chi2

from risk.fitting import Column, Design, Floats, fit, strengths

ROUNDS = 6
LARGEST_SCALE = 1.5


class Clicks(NamedTuple):
    """Clicks with what came of them."""

    design: Design
    installed: Floats
    """0 or 1."""
    app: NDArray[np.int64]
    """0 to apps - 1."""

    def take(self, chosen: NDArray[np.bool_]) -> "Clicks":
        return Clicks(self.design.take(chosen), self.installed[chosen], self.app[chosen])


class Learnt(NamedTuple):
    """Shares, and the genuine rates found with them."""

    columns: tuple[Column, ...]
    parameters: Floats
    rates: Floats
    """Of each app."""


class Band(NamedTuple):
    """Clicks of neighbouring scores, and how many of their installs are missing."""

    least: int
    most: int
    """Scores."""
    clicks: int
    expected: float
    """Installs, were all clicks honest."""
    installs: int
    told: float
    """Mean probability of fraud that the card gave …"""
    shortfall: float
    """… and the share of the installs that did not come, with its 95 % interval (of Poisson's distribution)."""
    low: float
    high: float


def learn(clicks: Clicks, apps: int, penalty: float) -> Learnt:
    """Shares and rates that are likeliest together, found in turn."""
    given = clicks.design
    parameters = np.zeros(given.parameters)
    installs = given.total(clicks.installed)
    rates = genuine_rates(clicks, np.zeros(len(clicks.app)), apps)
    for _ in range(ROUNDS):
        expected = given.total(rates[clicks.app])

        def loss(strength: Floats, expected: Floats = expected) -> tuple[float, Floats]:
            left = expected * np.exp(-strength)
            return float((left + installs * strength).sum()), installs - left

        before = parameters
        parameters, _ = fit(given, loss, penalty, start=parameters)
        rates = genuine_rates(clicks, strengths(given, parameters), apps)
        if float(np.abs(parameters - before).max(initial=0.0)) < 1e-2:
            break
    return Learnt(given.columns, parameters, rates)


def genuine_rates(clicks: Clicks, strength: Floats, apps: int) -> Floats:
    """Installs a click of each app, were all clicks honest: as many of its own as there are, else of all apps.

    Rates are taken to be drawn from a gamma distribution, the one that makes the installs of all apps likeliest.
    """
    honest = np.bincount(clicks.app, np.exp(-strength), apps)
    installs = np.bincount(clicks.app, clicks.installed, apps)
    seen = honest > 0
    mean = max(float(installs.sum()), 0.5) / float(honest.sum())

    def unlikely(at: Floats) -> float:  # the negative binomial's likelihood
        shape, prior = np.exp(at)
        told = gammaln(installs[seen] + shape) - gammaln(shape) + shape * np.log(prior)
        return -float((told - (installs[seen] + shape) * np.log(honest[seen] + prior)).sum())

    found = minimize(unlikely, np.log([0.3, 0.3 / mean]), method="Nelder-Mead", options={"xatol": 0.01, "fatol": 0.01})
    shape, prior = np.exp(np.clip(found.x, np.log([0.02, 0.02]), np.log([50.0, 50.0 / mean])))
    return np.asarray(np.minimum((installs + shape) / (honest + prior), 1.0))


def log_loss(clicks: Clicks, learnt: Learnt, scale: float = 1.0) -> float:
    """Poisson's, in nats a click."""
    strength = scale * strengths(clicks.design, learnt.parameters)
    return _loss(clicks.installed, learnt.rates[clicks.app], strength)


def scale_of(installed: Floats, expected: Floats, strength: Floats) -> float:
    """By what the strengths have to be multiplied to be right on rows that they were not learnt from: 0 if nothing of
    them holds there, above 1 where the penalty made them too small.
    """
    if not strength.any():
        return 1.0

    def cost(scale: float) -> float:  # the level is left free: folds differ in their rates
        left = expected * np.exp(-scale * strength)
        level = installed.sum() / max(left.sum(), 1e-12)
        return _loss(installed, level * expected, scale * strength) * len(installed)

    found = minimize_scalar(cost, bounds=(0.0, LARGEST_SCALE), method="bounded")
    return float(found.x)


def _loss(installed: Floats, expected: Floats, strength: Floats) -> float:
    left = expected * np.exp(-strength)
    return float((left - installed * np.log(np.maximum(left, 1e-12))).mean())


def bands(score: NDArray[np.int64], told: Floats, expected: Floats, installed: Floats, most: int = 6) -> list[Band]:
    """Clicks by score in bands of about equally many expected installs; equal scores stay together."""
    order = np.argsort(score, kind="stable")
    reached = np.cumsum(expected[order])
    slot = np.minimum((reached / reached[-1] * most - 1e-9).astype(np.int64), most - 1)
    ordered = score[order]
    first = np.searchsorted(ordered, ordered, side="left")
    slot = slot[first]
    made = []
    for number in np.unique(slot).tolist():
        rows = order[slot == number]
        due, came = float(expected[rows].sum()), int(installed[rows].sum())
        low, high = _poisson_interval(came)
        missing = [1 - came / due, 1 - high / due, 1 - low / due]
        scores = int(score[rows].min()), int(score[rows].max())
        made.append(Band(*scores, len(rows), due, came, float(told[rows].mean()), *missing))
    return made


def _poisson_interval(count: int) -> tuple[float, float]:
    """Garwood's exact 95 % interval of the mean."""
    low = float(chi2.ppf(0.025, 2 * count)) / 2 if count else 0.0
    return low, float(chi2.ppf(0.975, 2 * count + 2)) / 2
