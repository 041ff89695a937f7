"""The budgets of one account and what is left of them: a line item's, or those that its campaign, its advertiser and
its agency have for all of theirs together.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import NamedTuple

from domain.campaign import Limits
from pacing.days import Day, day_of, hour_of
from pacing.lease import Unit

FOREVER_NS = 2**62
"""An account that is no flight has no end over which a total budget could be spread."""

Shape = Callable[[int, int, int], float]
"""(from, to, until) -> which part of all impressions on offer from ``from`` until ``until`` comes before ``to``."""


def straight(from_ns: int, to_ns: int, until_ns: int) -> float:
    """The `Shape` of supply that nothing is known of: the same at every time."""
    return (to_ns - from_ns) / (until_ns - from_ns)


class Moment(NamedTuple):
    """Now, and the hour and the day of the account that it is in."""

    at_ns: int
    hour: Day
    day: Day
    end_ns: int
    """Of the flight."""


@dataclass(eq=False)
class Budget:
    """Limits in one unit, nanos or impressions; None is no limit. ``held`` is what bidders may still spend: open leases
    and bids in flight. It counts as if it were spent, now. ``paced`` is how much of all spent and held an even plan
    has to answer for: of a campaign, its paced line items' part.
    """

    hourly: int | None = None
    daily: int | None = None
    total: int | None = None
    funds: int | None = None
    """What there is to be spent altogether. It limits, but is no plan."""
    least: int = 1
    """What one bid takes: less than that is no use to a bidder. Of a campaign, its dearest line item's."""
    held: int = 0
    spent: int = 0
    by_hour: dict[int, int] = field(default_factory=dict)
    by_day: dict[int, int] = field(default_factory=dict)
    """What was spent in the period that begins then; past ones may be missing."""
    paced: int = 0
    _mark: int | None = None
    _marked_ns: int = 0

    @property
    def limited(self) -> bool:
        return not (self.hourly is self.daily is self.total is self.funds is None)

    def limits(self, now: Moment) -> list[tuple[int, int, int]]:
        """(the limit, what is left of it, until when it has to last) of each budget; 0 is left of an overdrawn one."""
        found = []
        if self.hourly is not None:
            left = self.hourly - self.by_hour.get(now.hour.start_ns, 0) - self.held
            found.append((self.hourly, max(0, left), min(now.hour.end_ns, now.end_ns)))
        if self.daily is not None:
            left = self.daily - self.by_day.get(now.day.start_ns, 0) - self.held
            found.append((self.daily, max(0, left), min(now.day.end_ns, now.end_ns)))
        if self.total is not None:
            found.append((self.total, max(0, self.total - self.spent - self.held), now.end_ns))
        return found

    def left(self, now: Moment) -> int | None:
        """What may still be let out whatever the plan; None without any limit."""
        rooms = [left for _, left, _ in self.limits(now)]
        if self.funds is not None:
            rooms.append(max(0, self.funds - self.spent - self.held))
        return min(rooms, default=None)

    def pace(self, now: Moment, for_ns: int, shape: Shape) -> int | None:
        """What is left, spread along the supply: the part of it for the next ``for_ns``; None if nothing has an end."""
        parts = [
            round(left * shape(now.at_ns, min(now.at_ns + for_ns, until), until)) if until > now.at_ns else 0
            for _, left, until in self.limits(now)
            if until < FOREVER_NS
        ]
        return min(parts, default=None)

    def burst(self, now: Moment, least_ns: int, most_ns: int, shape: Shape) -> int | None:
        """What may be out at once: a plan's next ``least_ns``, and up to ``most_ns`` if that is at most a thousandth of
        a budget: money that is out with a worker which dies is not there for the others for a while.
        """
        soon, later = self.pace(now, least_ns, shape), self.pace(now, most_ns, shape)
        if soon is None or later is None:
            return None
        return max(soon, min(later, self.tolerated(now)))

    def tolerated(self, now: Moment) -> int:
        """A thousandth of the tightest budget."""
        return min((limit for limit, _, _ in self.limits(now)), default=self.funds or 0) // 1000

    def room(self, now: Moment, burst: int | None, shape: Shape, ahead: float) -> int | None:
        """How much an even plan lets out now; None if there is no plan.

        The plan spreads what is left along the supply that is left, again at every look. What may be out rises at
        ``ahead`` times that pace; what comes back (lost auctions, cheaper wins) may go out again at once; and never
        more is let out in one go than ``burst``, or ``least`` if that is more.
        """
        if burst is None:
            return None
        passed = self.pace(now, max(0, now.at_ns - self._marked_ns), shape) or 0
        highest = self.paced + max(burst, self.least)
        accrued = int(passed * ahead)
        self._mark = highest if self._mark is None else min(max(self._mark, self.paced) + accrued, highest)
        self._marked_ns = now.at_ns
        return self._mark - self.paced


@dataclass(eq=False)
class Purse:
    """One account's budgets of money and of impressions."""

    zone: str = "UTC"
    start_ns: int = 0
    end_ns: int = FOREVER_NS
    money: Budget = field(default_factory=Budget)
    impressions: Budget = field(default_factory=Budget)
    sharers: int = 1
    """Its live line items that are paced."""
    activated_ns: int = 0
    _moment: Moment | None = None

    def budget(self, unit: Unit) -> Budget:
        return self.money if unit == "money" else self.impressions

    def limit(self, limits: Limits) -> None:
        """Takes over budgets."""
        money, shows = self.money, self.impressions
        money.hourly, money.daily, money.total = limits.hourly_budget, limits.daily_budget, limits.total_budget
        shows.hourly, shows.daily = limits.hourly_impressions, limits.daily_impressions
        shows.total = limits.total_impressions

    def now(self, at_ns: int) -> Moment:
        known = self._moment
        if known is not None and known.at_ns == at_ns and known.end_ns == self.end_ns:
            return known
        if known is None or not known.hour.start_ns <= at_ns < known.hour.end_ns or known.end_ns != self.end_ns:
            known = Moment(at_ns, hour_of(at_ns, self.zone), day_of(at_ns, self.zone), self.end_ns)
        self._moment = known._replace(at_ns=at_ns)
        return self._moment

    def rezone(self, zone: str) -> None:
        """The account's days are another zone's from now on."""
        if zone != self.zone:
            self.zone, self._moment = zone, None

    def spend(self, at_ns: int, amount: int, impressions: int) -> None:
        """So much was spent at that time, by so many impressions."""
        self.add(amount, impressions)
        self.spend_in(at_ns, amount, impressions)

    def add(self, amount: int, impressions: int) -> None:
        """So much was spent altogether."""
        self.money.spent += amount
        self.impressions.spent += impressions

    def spend_in(self, at_ns: int, amount: int, impressions: int) -> None:
        """So much of what was spent was spent in the hour and the day of that time."""
        hour, day = hour_of(at_ns, self.zone).start_ns, day_of(at_ns, self.zone).start_ns
        for budget, more in ((self.money, amount), (self.impressions, impressions)):
            budget.by_hour[hour] = budget.by_hour.get(hour, 0) + more
            budget.by_day[day] = budget.by_day.get(day, 0) + more

    def spent_today(self, at_ns: int) -> int:
        return self.money.by_day.get(self.now(at_ns).day.start_ns, 0)

    def planned(self, at_ns: int, shape: Shape) -> tuple[int, int] | None:
        """(what an even plan wants spent today by now, today's budget); None without a budget of money that ends."""
        now = self.now(at_ns)
        start = min(at_ns, max(now.day.start_ns, self.activated_ns, self.start_ns))
        end = min(now.day.end_ns, self.end_ns)
        plans = []
        if self.money.daily is not None:
            plans.append(self.money.daily)
        if self.money.hourly is not None:
            plans.append(self.money.hourly * max(1, round((end - start) / (now.hour.end_ns - now.hour.start_ns))))
        if self.money.total is not None and self.end_ns < FOREVER_NS:
            left = max(0, self.money.total - (self.money.spent - self.spent_today(at_ns)))
            plans.append(round(left * shape(start, end, self.end_ns)))
        if not plans:
            return None
        budget = min(plans)
        return round(budget * shape(start, min(at_ns, end), end)), budget

    def forget_before(self, at_ns: int) -> None:
        """Periods that are over need not be known any more."""
        now = self.now(at_ns)
        for budget in (self.money, self.impressions):
            for periods, period in ((budget.by_hour, now.hour), (budget.by_day, now.day)):
                for start in [start for start in periods if start < period.start_ns]:
                    del periods[start]
