"""The controller of a goal: results cost what the marketer said, while the budget's controller keeps the budget.

Both say a multiplier for the line item's bids, and the smaller one rules: a bid is never higher than the goal allows,
nor than the budget does. Each steers by what it can see. The budget's is `pacing.controller`; this one compares what
was spent with what the results that came of it were allowed to cost:

    error = (goal × new results × (1 + catch-up) − new spend that has ripened) / (goal × `ENOUGH` results)
    push += error

Spend ripens as conversions of it arrive: of what was spent an hour ago only the share counts whose conversions would
have come within an hour (`prediction.delays`). Without that every new line item would look dear, and be throttled for
it. ``push`` is the logarithm of the multiplier, within `MOST_PACE` either way. Where the budget rules the push is
held to the budget's, so that it does not wind up while it has no say. Steering the cost of results by feedback is
known from Zhang et al., "Feedback Control of Real-Time Display Advertising" (WSDM 2016), and doing so beside a budget
from Yang et al., "Bid Optimization by Multivariable Control in Display Advertising" (KDD 2019).
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from math import exp, log

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from domain.clock import SECOND
from domain.strategy import MOST_PACE

COMPUTED_FLOOR = 0.05
"""The lowest multiplier of bids that are worked out; below it fewer are made. It is lower than a fixed CPM's
(`pacing.controller.Pacer.floor`), since such bids win the best impressions first, however low they are."""
ENOUGH = 50.0
"""Results whose cost, gone or saved altogether, changes the multiplier by a factor of e."""
CATCH_UP = 100.0
"""What results so far cost too much or too little is made good over so many …"""
CATCH_UP_AT_MOST = 0.1
"""… but by aiming no more than so much beside the goal."""
MARGIN = 0.1
"""How far above the budget's a goal's push may stand, so that it takes over without a jump."""
MOST_PUSH = log(MOST_PACE)
BIN_NS = 300 * SECOND
"""Spend is kept by the time it was spent in, this exactly, until all its conversions can be there."""
MOST_BINS = 1_000
"""Then neighbouring ones are put together."""

RIPE = 0.9999
"""Share of the results that counts as all."""

Floats = NDArray[np.float64]
Arrived = Callable[[Floats], Floats]
"""Ages in seconds -> share of the results that have come by then."""


def at_once(age_s: Floats) -> Floats:
    """Of clicks: they come with the impression, or not at all."""
    return np.ones_like(age_s)


class Kept(Struct, frozen=True, array_like=True):
    """What has to survive a restart."""

    push: float
    spent: int
    allowed: float
    ripe: float
    ripened: float
    bins: tuple[tuple[int, float], ...]
    goal: str = ""
    delays: tuple[tuple[int, int], ...] = ()


@dataclass
class GoalPacer:
    """One line item's. ``spent`` and ``allowed`` are its totals when it was looked at last: nanos that were spent,
    and that its results may have cost.
    """

    push: float = 0.0
    spent: int = 0
    allowed: float = 0.0
    ripe: float = 0.0
    """Spend of which all results have come …"""
    bins: dict[int, float] = field(default_factory=dict)
    """… and other spend, by when it was spent."""
    ripened: float = 0.0
    """Of all spend what had ripened at the last look."""
    saved_ns: int = 0
    goal: str = ""
    """What it was begun for, as text: under another goal what results were allowed to cost is another."""
    delays: tuple[tuple[int, int], ...] = ()
    """When the clicks of the newest conversions were, and when these came: of those from before a restart."""

    @classmethod
    def begin(cls, spent: int, allowed: float, push: float = 0.0, goal: str = "") -> "GoalPacer":
        """One that answers for nothing that was before it."""
        return cls(push=push, spent=spent, allowed=allowed, ripe=allowed, ripened=allowed, goal=goal)

    @property
    def multiplier(self) -> float:
        return exp(self.push)

    def look(
        self, at_ns: int, spent: int, allowed: float, result: float, arrived: Arrived, budget: float = MOST_PUSH
    ) -> float:
        """Takes the totals until ``at_ns``; ``result`` is what one more result may cost, ``budget`` the logarithm of
        what the budget's controller allows. Returns the multiplier."""
        more, gained, before = max(0, spent - self.spent), allowed - self.allowed, self.ripened
        saved = self.allowed - before
        self.spent, self.allowed = spent, allowed
        if more:
            self.bins[at_ns // BIN_NS] = self.bins.get(at_ns // BIN_NS, 0.0) + more
        self.ripened = self._ripen(at_ns, arrived)
        if result <= 0:
            return self.multiplier
        catch_up = min(max(saved / (result * CATCH_UP), -CATCH_UP_AT_MOST), CATCH_UP_AT_MOST)
        error = (gained * (1 + catch_up) - (self.ripened - before)) / (result * ENOUGH)
        self.push += min(max(error, -1.0), 1.0)
        self.push = max(min(self.push, MOST_PUSH, budget + MARGIN), -MOST_PUSH)
        return self.multiplier

    def _ripen(self, at_ns: int, arrived: Arrived) -> float:
        """What has ripened by now; bins that are ripe are dropped."""
        if not self.bins:
            return self.ripe
        places = np.fromiter(self.bins, np.float64, len(self.bins))
        amounts = np.fromiter(self.bins.values(), np.float64, len(self.bins))
        ages = np.maximum(0.0, (at_ns / BIN_NS - places) * (BIN_NS / SECOND))
        shares = arrived(np.where(places == at_ns // BIN_NS, ages / 2, np.maximum(0.0, ages - BIN_NS / SECOND / 2)))
        over = shares >= RIPE
        self.ripe += float(amounts[over].sum())
        for at in places[over].tolist():
            del self.bins[int(at)]
        if len(self.bins) > MOST_BINS:
            self._coarsen()
        return self.ripe + float((amounts * shares)[~over].sum())

    def _coarsen(self) -> None:
        """The older half in bins twice as long."""
        old = sorted(self.bins)[: MOST_BINS // 2]
        for first, second in zip(old[::2], old[1::2], strict=False):
            self.bins[second] += self.bins.pop(first)

    def kept(self) -> Kept:
        bins = tuple(sorted(self.bins.items()))
        return Kept(self.push, self.spent, self.allowed, self.ripe, self.ripened, bins, self.goal, self.delays)

    @classmethod
    def restored(cls, kept: Kept) -> "GoalPacer":
        found = cls(kept.push, kept.spent, kept.allowed, kept.ripe, dict(kept.bins), kept.ripened)
        found.goal, found.delays = kept.goal, kept.delays
        return found
