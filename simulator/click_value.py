"""What a predicted click rate is worth: the rate that clicks have shown it to mean, as far as past clicks can tell.

A prediction may be too high by a factor, which a budget's price takes away again, or its spread may be wrong: what is
predicted to be clicked twice as often is clicked three times as often. That moves money from the good impressions to
the bad ones. The few clicks of a campaign tell it only roughly, so the maps are tried on the newer parts of the past,
the simplest first, and a more complex one is taken only where it is better by more than chance would make it.
"""

from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from scipy.special import expit

from prediction.curve import Curve, isotonic, log_odds, platt
from simulator.auction_replay import Auctions, Floats

Map = Callable[[Floats], Floats]
"""Click rates, above 0, from pCTR."""

TINY = 1e-9
CUTS = (0.4, 0.6, 0.8)
"""Where the past is cut: what is fitted before a cut is tried on what comes between it and the next."""

BETTER = 1.0
"""Standard errors by which a more complex map has to be better."""

FEWEST_CLICKS = 10
"""With fewer clicks, or without any impression that was not clicked, predictions are taken as they are."""


@dataclass(frozen=True)
class ClickValue:
    """``name`` is "scaled", "power" or "isotonic"."""

    name: str
    rate: Map


def scaled(past: Auctions) -> Map:
    """Times one factor: the past's clicks over those predicted."""
    factor = max(float(past.click.sum()), 0.5) / max(float(past.pctr.sum()), TINY)
    return lambda pctr: np.clip(factor * pctr, TINY, 1 - TINY)


def power(past: Auctions) -> Map:
    """Platt's line through log odds: small rates are a power of the prediction."""
    return _along(platt(log_odds(past.pctr), past.click, np.ones(len(past))))


def monotone(past: Auctions) -> Map:
    """Isotonic regression, in straight pieces through log odds."""
    return _along(isotonic(log_odds(past.pctr), past.click, np.ones(len(past))))


def _along(curve: Curve) -> Map:
    return lambda pctr: np.clip(expit(curve(log_odds(pctr))), TINY, 1 - TINY)


MAPS: dict[str, Callable[[Auctions], Map]] = {"scaled": scaled, "power": power, "isotonic": monotone}
"""The simplest first."""


def click_value(past: Auctions) -> ClickValue:
    """The map to use after ``past``, fitted to all of it."""
    name = "scaled"
    clicks = int(past.click.sum())
    if FEWEST_CLICKS <= clicks < len(past):
        losses = {other: _losses(fit, past) for other, fit in MAPS.items()}
        for other in list(MAPS)[1:]:
            gain = losses[name] - losses[other]
            if len(gain) and gain.mean() > BETTER * gain.std() / np.sqrt(len(gain)):
                name = other
    return ClickValue(name, MAPS[name](past))


def _losses(fit: Callable[[Auctions], Map], past: Auctions) -> Floats:
    """Minus the logarithm of the rate given to what happened, of each auction after the first cut."""
    found = []
    ends = [round(cut * len(past)) for cut in (*CUTS, 1.0)]
    for begin, end in pairwise(ends):
        before, after = past.part(0, begin), past.part(begin, end)
        if not 0 < before.click.sum() < len(before):
            continue
        rate = fit(before)(after.pctr)
        # The level is the budget's price's business: only the spread is judged.
        rate = np.clip(rate * max(float(after.click.sum()), 0.5) / float(rate.sum()), TINY, 1 - TINY)
        found.append(-np.log(np.where(after.click > 0, rate, 1 - rate)))
    return np.concatenate(found) if found else np.empty(0)
