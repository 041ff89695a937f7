"""The pacing controller: spends a budget in step with the impressions on offer, by price first, throttling second.

Even pacing along the supply means that each available impression has the same share of the budget, whether there are
many or few of them at the moment. So the controller steers spend *per available impression*, and a change of traffic
needs no reaction at all; a change of prices does.

Adaptive pacing of the bid price is known from Xu et al., "Smart Pacing for Effective Online Ad Campaign Optimization"
(KDD 2015), and Agarwal et al., "Budget Pacing for Targeted Online Advertisements at LinkedIn" (KDD 2014).
"""

from dataclasses import dataclass
from math import exp, log

from pacing.forecast import DAY_S, Supply

CATCH_UP_S = 15 * 60
"""What was spent too little or too much is to be made good within this time …"""

CATCH_UP_LATER_S = 3600
"""… and within so much more for each day that is left after this one: what a day's level says of a whole flight is too
uncertain to stop for, or to race for …"""

CATCH_UP_AT_MOST = 2.0
"""… but by spending no more than so many times the even pace, unless all the rest of the day takes more."""

REACTION_S = 240
"""No spend at all in so much time raises the price by a factor of e; twice the plan's lowers it by as much."""

FEW = 100
"""The price follows what at least so many impressions cost: what a handful cost is chance."""


@dataclass(frozen=True)
class Pace:
    """What a bidder has to do until the next look: bid ``multiplier`` × the price, on ``share`` of the impressions."""

    multiplier: float
    share: float


@dataclass
class Pacer:
    """One budget, of a day or of a whole flight, until ``end_s`` (seconds since 1970).

    ``ahead`` is how far spend is to run before the even plan: with 1.2 a fifth, so that the money is gone when five
    sixths of the impressions have come.

    ``floor`` is the lowest multiplier; below it bids would win only what nobody wants, so fewer are made instead. The
    highest is 1: the price that the advertiser named. ``push`` is both in one number, the logarithm of
    multiplier × share.

    ``budget`` and ``end_s`` may be assigned between two looks: the plan is drawn anew at each, from the budget's
    beginning. ``push``, ``seen`` and ``spent``, with a `Supply` that was told of today's traffic, are all there is to
    keep over a restart.
    """

    supply: Supply
    budget: int
    """Nanos."""
    end_s: float
    ahead: float = 1.0
    floor: float = 0.3
    least_share: float = 0.001
    push: float = 0.0
    seen: int = 0
    spent: int = 0

    def look(self, at_s: float, seen: int, spent: int) -> Pace:
        """Takes what happened until ``at_s``: impressions that could have been bid on, and nanos spent, both since the
        budget began. Says how to bid from here."""
        impressions, cost = seen - self.seen, spent - self.spent
        self.seen, self.spent = seen, spent
        self.supply.tell(at_s, impressions)
        to_come = self.supply.to_come(self.end_s)
        if to_come > 0 and self.budget > 0:
            even = self.ahead * self.budget / (seen + to_come)
            later_days = max(0.0, (self.end_s - at_s) / DAY_S - 1)
            until_s = at_s + CATCH_UP_S + CATCH_UP_LATER_S * later_days
            soon = self.supply.to_come(min(self.end_s, until_s))
            by_then = min(float(self.budget), even * (seen + soon))
            wanted = (by_then - spent) / soon if soon else even
            most = max(even * CATCH_UP_AT_MOST, (self.budget - spent) / to_come)
            wanted = min(max(0.0, wanted), most)
            enough = max(FEW, self.supply.to_come(at_s + REACTION_S))
            error = (wanted * impressions - cost) / (even * enough)
            self.push += min(max(error, -1.0), 1.0)
            self.push = min(max(self.push, log(self.floor * self.least_share)), 0.0)
        return self.pace

    @property
    def pace(self) -> Pace:
        pushed = exp(self.push)
        return Pace(max(pushed, self.floor), min(1.0, pushed / self.floor))
