"""Where leases and budgets stand, for whoever watches."""

from collections.abc import Iterator
from typing import NamedTuple

from pacing.leases import Leases
from pacing.purse import Purse


class Standing(NamedTuple):
    workers: int
    """That have been heard lately."""
    open_leases: int
    returned_leases: int
    """Given back, and still holding money for bids in flight."""
    behind: int
    """Bytes of money log that are not booked yet."""
    overspent: float
    """Of the budget that is furthest overspent: the share of it by which it is; 0 if none is."""


def standing(leases: Leases, now_ns: int, behind: int) -> Standing:
    returned = sum(lease.returned for lease in leases.leases.values())
    purses = leases.purses
    every = (*purses.above.values(), *(line.purse for line in purses.lines.values()))
    overspent = max((share for purse in every for share in _overspent(purse, now_ns)), default=0.0)
    return Standing(len(leases.seen), len(leases.leases) - returned, returned, behind, overspent)


def _overspent(purse: Purse, now_ns: int) -> Iterator[float]:
    """By which share each of its budgets of money is overspent, if it is."""
    money, now = purse.money, purse.now(now_ns)
    spent = (
        (money.hourly, money.by_hour.get(now.hour.start_ns, 0)),
        (money.daily, money.by_day.get(now.day.start_ns, 0)),
        (money.total, money.spent),
        (money.funds, money.spent),
    )
    for limit, so_far in spent:
        if limit is not None and so_far > limit > 0:
            yield (so_far - limit) / limit
