"""The plan of a day that is over, and how soon after a shock the best of all pacings could be back on it.

Both need to know the whole day, so they are for the harness alone. All sequences have a figure for each minute, a share
of the day's budget.
"""

from collections.abc import Sequence
from itertools import accumulate
from typing import Final, Literal

from simulator.pacing_market import expected_cost
from simulator.slots import RecordedDay

Mode = Literal["even", "ahead", "asap"]
"""In step with the supply, a fifth ahead of it, or as fast as possible."""

AHEAD: Final = {"even": 1.0, "ahead": 1.2}
"""What the plan is, against the even one, until the budget is spent. ``asap`` has no such plan."""

BACK_WITHIN = 0.05
"""On plan is who is no further from it, after a shock."""


def affordable(day: RecordedDay, price: float, budget: int) -> list[float]:
    """What the full price on all impressions can be expected to spend, were there no end to the budget."""
    return [impressions * expected_cost(mean, price) / budget for impressions, mean in day.minutes]


def planned(day: RecordedDay, mode: Mode, most: Sequence[float]) -> tuple[float, ...]:
    """What is to be spent by the end of each minute: the share of the day's impressions that have come, or so much more
    as the mode is ahead; for ``asap`` all that can be spent (``most``)."""
    if mode == "asap":
        return tuple(min(1.0, spent) for spent in accumulate(most))
    come = list(accumulate(impressions for impressions, _ in day.minutes))
    total = max(1, come[-1])
    return tuple(min(1.0, AHEAD[mode] * (by_now / total)) for by_now in come)


def soonest(spent: float, plan: Sequence[float], most: Sequence[float], within: float = BACK_WITHIN) -> int | None:
    """The fewest minutes after which anybody could be near the plan to stay; None if nobody could.

    ``spent`` is what had been before the first minute, ``plan`` what is to be by the end of each, ``most`` what can be
    in each. Money cannot be taken back, and there is no more than the budget. The bound is exact: what can be reached
    by a minute and what allows to stay near the plan from there are both intervals.
    """
    reach = list(accumulate(most, initial=spent))[1:]
    found = None if plan else 0
    least, highest, more = 0.0, 1.0, 0.0
    for minute in range(len(plan) - 1, -1, -1):  # backwards: what must have been spent, at least and at most, to stay
        least, highest = max(least - more, plan[minute] - within), min(highest, plan[minute] + within)
        if least > highest:
            break
        if max(spent, least) <= min(reach[minute], highest):
            found = minute
        more = most[minute]
    return found
