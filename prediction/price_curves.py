"""Distributions of the price that others would have paid, of many contexts at once, from censored observations.

Prices are cut into cells by a grid: cell k holds prices above point k - 1 and up to point k, the last cell what is
above the grid. An observation says that the price lies in one cell (it was told), at or below a point (a bid won), or
above one (a bid lost). The estimate is the self-consistent one (Turnbull, JRSS B 38, 1976; for losses alone it is
Kaplan's and Meier's), in which a context's parent stands for some more observations, so that what a context did not see
itself is as its parent has it. After each round shares are blurred a little over nearby prices (EMS: Silverman and
others, JRSS B 52, 1990): bids that won and lost tell nothing finer, and without it a search for the best bid finds the
largest accident.
"""

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize
from scipy.special import ndtr

Floats = NDArray[np.float64]

STEP = 1.05
"""Between two prices of a grid, where the currency's smallest step is less."""
MOST_POINTS = 400


def grid(lowest: float, highest: float, step: int) -> NDArray[np.int64]:
    """Prices in nanos, multiples of ``step``, from at most ``lowest`` to at least ``highest``, each `STEP` times the
    one before it, or the next multiple; what would take more than `MOST_POINTS` is cut at the top."""
    if not (step > 0 and 0 < lowest <= highest):
        raise ValueError(f"a grid from {lowest} to {highest} by {step} is not allowed; 0 < lowest <= highest, step > 0")
    points = [max(step, int(lowest // step) * step)]
    while points[-1] < highest and len(points) < MOST_POINTS:
        points.append(max(points[-1] + step, int(points[-1] * STEP // step) * step))
    return np.array(points, np.int64)


class Counts:
    """What was observed of each context, a row each: ``won`` at or below a grid's point, ``lost`` above it, and prices
    ``told``, by their cell. Weights; the newest count 1."""

    def __init__(self, points: int) -> None:
        self.won: Floats = np.zeros((0, points))
        self.lost: Floats = np.zeros((0, points))
        self.told: Floats = np.zeros((0, points))

    def grow(self, rows: int) -> None:
        more = rows - len(self.won)
        if more > 0:
            room = max(more, len(self.won) // 2)
            for name in ("won", "lost", "told"):
                old = getattr(self, name)
                setattr(self, name, np.concatenate([old, np.zeros((room, old.shape[1]))]))

    def fade(self, factor: float) -> None:
        for counts in (self.won, self.lost, self.told):
            counts *= factor


def blurring(points: NDArray[np.int64], width: float) -> Floats:
    """(points, points): how much of a point's share each point gets; ``width`` is a standard deviation of log price."""
    logs = np.log(points.astype(np.float64))
    spaces = np.gradient(logs) if len(points) > 1 else np.ones(1)
    shares: Floats = np.exp(-0.5 * ((logs[:, None] - logs[None, :]) / max(width, 1e-9)) ** 2) * spaces[None, :]
    shares /= shares.sum(axis=1, keepdims=True)
    return shares


def most_likely(
    won: Floats, lost: Floats, told: Floats, parents: Floats, strength: float, start: Floats, blur: Floats, rounds: int
) -> Floats:
    """(contexts, points + 1): the share of each cell, improved ``rounds`` times from ``start``.

    ``parents``: the shares of each context's parent, that count as ``strength`` observations.
    """
    shares = start
    points = won.shape[1]
    still_lost = _from_here(lost)
    prior = strength * parents
    for _ in range(rounds):
        below = np.cumsum(shares[:, :points], axis=1)
        fell = shares[:, :points] * _from_here(won / np.maximum(below, 1e-12)) + told + prior[:, :points]
        at_risk = _from_here(fell) + still_lost + prior[:, points:]
        hazard = fell / np.maximum(at_risk, 1e-12)
        left = np.cumprod(1.0 - np.minimum(hazard, 1.0), axis=1)
        shares = np.empty_like(shares)
        shares[:, 0] = hazard[:, 0]
        shares[:, 1:points] = left[:, :-1] * hazard[:, 1:]
        shares[:, points] = left[:, -1]
        shares[:, :points] = shares[:, :points] @ blur
    return shares


def log_normal(points: NDArray[np.int64], won: Floats, lost: Floats, told: Floats) -> Floats:
    """(points + 1): the shares of the log-normal prices that are most likely after such counts of one context."""
    logs = np.log(points.astype(np.float64))

    def shares(parameters: Floats) -> Floats:
        below = ndtr((logs - parameters[0]) / np.exp(parameters[1]))
        cells: Floats = np.diff(np.concatenate([[0.0], below, [1.0]]))
        return np.maximum(cells, 1e-12)

    def surprise(parameters: Floats) -> float:
        cells = shares(parameters)
        below = np.cumsum(cells[:-1])
        above = np.maximum(1.0 - below, 1e-12)
        return -float(won @ np.log(below) + lost @ np.log(above) + told @ np.log(cells[:-1]))

    seen = won + lost + told
    middle = float(seen @ logs) / max(float(seen.sum()), 1e-9) if seen.sum() > 0 else float(logs.mean())
    found: Floats = minimize(surprise, np.array([middle, 0.0]), method="Nelder-Mead", options={"maxiter": 200}).x
    found[1] = np.clip(found[1], np.log(0.05), np.log(5.0))
    whole = shares(found)
    whole /= whole.sum()
    return whole


def _from_here(rows: Floats) -> Floats:
    """Sums of each row from a column to its end."""
    return np.cumsum(rows[:, ::-1], axis=1)[:, ::-1]
