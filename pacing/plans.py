"""What the budgets of one account want spent until when: what a pacing controller is to keep to."""

from collections.abc import Iterator
from dataclasses import dataclass

from pacing.purse import FOREVER_NS, Purse


@dataclass(frozen=True)
class Plan:
    """``budget`` is to be spent from ``start_ns`` until ``end_ns``; ``spent`` was so far. Nanos or impressions."""

    name: str
    start_ns: int
    end_ns: int
    budget: int
    spent: int


def plans(purse: Purse, at_ns: int) -> Iterator[Plan]:
    """Of each budget that has an end. A total one is planned anew each day, from what the days before left of it: what
    they spent too little or too much is spread over the rest of the flight.
    """
    now = purse.now(at_ns)
    opened = max(purse.start_ns, purse.activated_ns)
    hour, day = max(now.hour.start_ns, opened), max(now.day.start_ns, opened)
    for unit, budget in (("money", purse.money), ("impressions", purse.impressions)):
        in_hour, in_day = budget.by_hour.get(now.hour.start_ns, 0), budget.by_day.get(now.day.start_ns, 0)
        if budget.hourly is not None:
            yield Plan(f"{unit} hourly", hour, min(now.hour.end_ns, now.end_ns), budget.hourly, in_hour)
        if budget.daily is not None:
            yield Plan(f"{unit} daily", day, min(now.day.end_ns, now.end_ns), budget.daily, in_day)
        if budget.total is not None and now.end_ns < FOREVER_NS:
            left = max(0, budget.total - (budget.spent - in_day))
            yield Plan(f"{unit} total", day, now.end_ns, left, in_day)
