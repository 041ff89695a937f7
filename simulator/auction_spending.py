"""What bids win of recorded auctions, and what that costs, while a budget lasts."""

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from simulator.auction_replay import Floats, in_quanta

Market = Literal["first", "second"]
"""Whether a won auction costs what was bid or the market price."""


@dataclass(frozen=True, eq=False)
class Spent:
    """By auction: whether it was won, and what it cost (0 where it was not)."""

    won: NDArray[np.bool_]
    cost: Floats


def spend(bids: Floats, market: Floats, budget: float, kind: Market) -> Spent:
    """One bid after the other, none above what is left of ``budget``; a bid of nothing wins nothing."""
    if kind == "first":
        bids = in_quanta(bids)
    wanted = np.flatnonzero((bids >= market) & (bids > 0))
    won, cost = np.zeros(len(bids), np.bool_), np.zeros(len(bids))
    left = budget
    while wanted.size and left > 0:
        price = bids[wanted] if kind == "first" else market[wanted]
        total = np.cumsum(price)
        fit = int(np.searchsorted(total, left, "left"))
        fit += int(fit < wanted.size and total[fit] == left)
        taken = wanted[:fit]
        won[taken], cost[taken] = True, price[:fit]
        left -= float(total[fit - 1]) if fit else 0.0
        # The bids from here on are cut to what is left. In a first-price auction the next one to win pays all of it.
        wanted = wanted[fit:]
        wanted = wanted[market[wanted] <= left]
        if kind == "first" and wanted.size and bids[wanted[0]] > left > 0:
            won[wanted[0]], cost[wanted[0]] = True, left
            break
    return Spent(won, cost)
