"""What a budget could have bought at most by someone who knows the auctions: the bound that no strategy passes.

Each won auction costs at least its market price, in either kind of auction, so the best choice is a knapsack. Its
fractional form (Dantzig 1957), which takes the most value for money first and of the last auction a part, is above
every whole one by less than the value of one auction.
"""

import numpy as np

from simulator.auction_replay import Floats


def most_value(value: Floats, market: Floats, budget: float) -> float:
    """The most of ``value`` that auctions of those market prices can bring for ``budget``."""
    wanted = value > 0
    value, market = value[wanted], market[wanted]
    order = np.argsort(market / value, kind="stable")
    value, until = value[order], np.cumsum(market[order])
    whole = int(np.searchsorted(until, budget, "right"))
    bought = float(value[:whole].sum())
    if whole < len(value):
        before = float(until[whole - 1]) if whole else 0.0
        bought += float(value[whole]) * (budget - before) / float(until[whole] - before)
    return bought
