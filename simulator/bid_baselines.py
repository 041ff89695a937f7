"""Bidding strategies of the literature, as they are published, fitted to past auctions and a budget.

const bids one price; MCPC the past's cost of a click times pCTR; LIN in proportion to pCTR; ORTB1 and ORTB2 on a curve
that grows more slowly than pCTR, which follows from a model of the win rate with one parameter, c:

- LIN: Perlich et al., "Bid Optimizing and Inventory Scoring in Targeted Online Advertising", KDD 2012: b0 pCTR / mean;
- ORTB: Zhang, Yuan and Wang, "Optimal Real-Time Bidding for Display Advertising", KDD 2014. ORTB1 takes the win rate
  as b / (c + b), ORTB2 as b² / (c² + b²).

A strategy with a parameter is a family of bids, numbered by what it bids for the mean pCTR; the member that would have
won most clicks of the past with the budget is the one. The budget is scaled from the auctions to come to those past.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

from simulator.auction_replay import Auctions, Floats
from simulator.auction_spending import Market, spend

Family = Callable[[float, Floats], Floats]
"""Bids for some pCTR, given the bid for the mean one."""

PRICES = 200
"""So many members of a family are tried, and values of c …"""

BELOW, ABOVE = 0.1, 10.0
"""… from a tenth of the lowest market price (or of a thousandth of the highest) to ten times the highest."""


@dataclass(frozen=True)
class Fitted:
    """A strategy ready to run: ``bids`` of pCTR, and the parameters that were found."""

    bids: Callable[[Floats], Floats]
    parameters: Mapping[str, float]


def fitted(past: Auctions, budget: float, market: Market, worth: Floats) -> dict[str, Fitted]:
    """All of them. ``budget`` is that of the past, ``worth`` what winning each of its auctions counts: its click as
    published, or the rate that is expected of it, which is less a matter of chance."""
    prices = _grid(past)
    mean = float(past.pctr.mean()) or 1.0
    of_click = float(past.market.sum()) / max(1.0, float(past.click.sum()))
    found = {"mcpc": Fitted(lambda pctr: of_click * pctr, {"cost_per_click": of_click})}
    for name, (family, c) in families(past, mean).items():
        base = best(family, past, budget, market, worth, prices)
        found[name] = Fitted(_member(family, base), {"bid_at_mean": base, "mean_pctr": mean, **c})
    return {name: found[name] for name in ("const", "mcpc", "lin", "ortb1", "ortb2")}


def _member(family: Family, base: float) -> Callable[[Floats], Floats]:
    return lambda pctr: family(base, pctr)


def families(past: Auctions, mean: float) -> dict[str, tuple[Family, dict[str, float]]]:
    c1 = _win_rate(past, lambda bid, c: bid / (c + bid))
    c2 = _win_rate(past, lambda bid, c: bid**2 / (c**2 + bid**2))

    def ortb1(base: float, pctr: Floats) -> Floats:
        of_lambda = ((base + c1) ** 2 - c1**2) / (c1 * mean)  # 1 / λ
        return np.asarray(np.sqrt(c1 * of_lambda * pctr + c1**2) - c1)

    def ortb2(base: float, pctr: Floats) -> Floats:
        root = (base / c2 + np.hypot(base / c2, 2.0)) / 2
        c_lambda = 2 * root**3 * mean / (root**6 - 1)
        cubic = np.cbrt((pctr + np.hypot(c_lambda, pctr)) / c_lambda)
        return np.asarray(c2 * (cubic - 1 / cubic))

    return {
        "const": (lambda base, pctr: np.full(len(pctr), base), {}),
        "lin": (lambda base, pctr: base * pctr / mean, {}),
        "ortb1": (ortb1, {"c": c1}),
        "ortb2": (ortb2, {"c": c2}),
    }


def best(family: Family, past: Auctions, budget: float, market: Market, worth: Floats, prices: Floats) -> float:
    """The bid at the mean pCTR that wins what is worth most; among equals the one with the highest sum of pCTR."""
    found, most = float(prices[0]), (-1.0, -1.0)
    for base in prices.tolist():
        won = spend(family(base, past.pctr), past.market, budget, market).won
        if (got := (float(worth[won].sum()), float(past.pctr[won].sum()))) > most:
            found, most = base, got
    return found


def _grid(past: Auctions) -> Floats:
    highest = max(float(past.market.max()), 1e-6)
    lowest = max(float(past.market.min()), highest / 1000)
    return np.geomspace(lowest * BELOW, highest * ABOVE, PRICES)


def _win_rate(past: Auctions, curve: Callable[[Floats, float], Floats]) -> float:
    """The c whose curve is nearest, in least squares over bids up to the highest market price, to the past's."""
    ordered = np.sort(past.market)
    bids = np.linspace(0.0, max(float(ordered[-1]), 1e-6), 301)[1:]
    rates = np.searchsorted(ordered, bids, "right") / len(ordered)
    candidates = _grid(past)
    return float(candidates[np.argmin([np.sum((curve(bids, c) - rates) ** 2) for c in candidates.tolist()])])
