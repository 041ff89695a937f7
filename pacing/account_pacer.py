"""One account's plans, kept to: a controller for each of its budgets, and how hard that lets its line items bid."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from domain.clock import SECOND
from pacing.controller import Pacer
from pacing.forecast import BIN_S, Forecast, Supply
from pacing.plans import Plan, plans
from pacing.purse import Purse, straight
from pacing.traffic import Traffic

Owner = tuple[str, int]
"""Kind and id of an account: ``line_item``, ``campaign``, ``advertiser`` or ``agency``."""


@dataclass
class Course:
    """A controller at work on the plan that began at ``start_ns``."""

    start_ns: int
    pacer: Pacer
    before: int
    """The account's `Traffic.total` when nothing of the plan had been seen."""


@dataclass(eq=False)
class AccountPacer:
    """``lines`` are the paced line items that spend from the account, by how far they may run ahead of an even plan."""

    owner: Owner
    purse: Purse
    lines: Mapping[float, list[int]] = field(default_factory=dict)
    traffic: Traffic = field(default_factory=Traffic)
    pushes: dict[float, float] = field(default_factory=dict)
    """What the tightest budget allows, as `Pacer.push`; by how far ahead."""
    courses: dict[tuple[str, float], Course] = field(default_factory=dict)
    heard: dict[int, int] = field(default_factory=dict)
    """Each line item's figure of auctions, as it was counted here last."""
    kept: dict[tuple[str, float], float] = field(default_factory=dict)
    """Pushes from before a restart."""
    hours: frozenset[int] | None = None
    first_push: float = 0.0
    """Where a controller of which nothing is known begins."""
    due_ns: int | None = None
    """When it is to be looked at next."""
    saved_ns: int = 0
    learned: bool = True
    """Whether the forecast is another than what was saved."""

    def open_in(self, hours: Sequence[frozenset[int] | None]) -> None:
        """Takes the hours of the week of each line item; None is all."""
        some = [each for each in hours if each is not None]
        self.hours = frozenset().union(*some) if len(some) == len(hours) else None
        self.traffic.forecast.open_in(self.hours)

    def hear(self, auctions: Mapping[int, int], at_ns: int) -> None:
        """Takes what the line items could have bid on since the last time."""
        fresh = 0
        for lines in self.lines.values():
            for line in lines:
                now = auctions.get(line, 0)
                fresh += now - self.heard.get(line, 0)
                self.heard[line] = now
        self.traffic.add(at_ns // SECOND, fresh)

    def look(self, at_ns: int) -> None:
        """Sees how each plan gets on, and decides how hard to push."""
        self.pushes.clear()
        purse = self.purse
        if not max(purse.start_ns, purse.activated_ns) <= at_ns < purse.end_ns:
            return
        self.learned |= self.traffic.learn_until(purse.now(at_ns).day.start_ns // SECOND)
        wanted = list(plans(purse, at_ns))
        for ahead in self.lines:
            self.pushes[ahead] = min((self._push(plan, ahead, at_ns) for plan in wanted), default=0.0)
        names = {plan.name for plan in wanted}
        for key in [key for key in self.courses if key[0] not in names or key[1] not in self.lines]:
            del self.courses[key]

    def _push(self, plan: Plan, ahead: float, at_ns: int) -> float:
        key = plan.name, ahead
        course = self.courses.get(key)
        if course is None or course.start_ns != plan.start_ns:
            course = self.courses[key] = self._begin(plan, ahead, at_ns, course.pacer.push if course else None)
        pacer = course.pacer
        pacer.budget, pacer.end_s = plan.budget, plan.end_ns / SECOND
        pacer.look(at_ns / SECOND, self.traffic.total - course.before, plan.spent)
        return pacer.push

    def _begin(self, plan: Plan, ahead: float, at_ns: int, push: float | None) -> Course:
        """A controller that knows what the plan's time has brought so far."""
        supply = Supply(self.traffic.forecast, plan.start_ns / SECOND)
        seen = 0
        for quarter, count in self.traffic.since(plan.start_ns // SECOND):
            supply.tell(min((quarter + 1) * BIN_S, at_ns / SECOND), count)
            seen += count
        if push is None:
            push = self.kept.pop((plan.name, ahead), self.first_push)
        pacer = Pacer(supply, plan.budget, plan.end_ns / SECOND, ahead=ahead, push=push, seen=seen, spent=plan.spent)
        return Course(plan.start_ns, pacer, self.traffic.total - seen)

    def shape(self, from_ns: int, to_ns: int, until_ns: int) -> float:
        """`pacing.purse.Shape`: along the forecast, or a straight line where that expects nothing."""
        forecast: Forecast = self.traffic.forecast
        whole = forecast.expected(from_ns / SECOND, until_ns / SECOND)
        if whole <= 0:
            return straight(from_ns, to_ns, until_ns)
        return forecast.expected(from_ns / SECOND, to_ns / SECOND) / whole

    def today(self) -> dict[str, Any]:
        """What has to survive a restart beside the forecast."""
        pushes = [(name, ahead, course.pacer.push) for (name, ahead), course in self.courses.items()]
        return self.traffic.today() | {"pushes": pushes}

    def restore(self, forecast: Forecast, today: dict[str, Any]) -> None:
        forecast.open_in(self.hours)
        self.traffic.forecast = forecast
        self.traffic.restore(today)
        self.kept = {(name, ahead): push for name, ahead, push in today["pushes"]}
