"""A back-test of budget pacing on recorded supply: days are run minute by minute and held against the plan.

What paces is handed in as a `Pacing`, so the harness shares no code with the controller that it measures. It alone
knows the plan (`simulator.pacing_plan`), which nobody knows before the day is over.

Times are seconds since 1970; prices are nanos an impression, budgets nanos.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from math import inf
from random import Random
from typing import Protocol

from domain.errors import Problem, Refused
from simulator.pacing_market import bought
from simulator.pacing_plan import AHEAD, BACK_WITHIN, Mode, affordable, planned, soonest
from simulator.pacing_shocks import SHOCKS, Shock
from simulator.slots import DAY_S, STEP_S, RecordedDay

TOLD_LATE_S = 60
"""What a pacing is told is so old: billing notices take their time."""

LEAST_DAY_S = 12 * 3600
"""A day that was recorded for less than this is learned from, but not run."""

HIGHEST_BID = 2.0
"""The advertiser's price, against the mean market price of the days that were learned from."""


class Pacing(Protocol):
    """What is tested. It hears of the past only."""

    def decide(self, at_s: int, impressions: int, spent: int) -> tuple[float, float]:
        """``impressions`` on offer and nanos ``spent`` since the day began, as of ``at_s``. Says (the bid in nanos an
        impression, the share of impressions to bid on)."""
        ...


@dataclass(frozen=True)
class Terms:
    """What a pacing is told before the day begins. ``price`` is the advertiser's, the highest bid; spend is to run
    ``ahead`` × the even pace."""

    start_s: int
    end_s: int
    budget: int
    price: float
    ahead: float = 1.0


@dataclass(frozen=True)
class Outcome:
    """A day that was run. ``spent`` and ``plan`` are shares of the budget at the end of each minute."""

    start_s: int
    spent: tuple[float, ...]
    plan: tuple[float, ...]

    @property
    def deviations(self) -> list[float]:
        return [abs(spent - plan) for spent, plan in zip(self.spent, self.plan, strict=True)]

    @property
    def deviation(self) -> float:
        """Mean over the day's minutes."""
        return sum(self.deviations) / len(self.deviations)

    def back_after(self, shock_s: int, within: float = BACK_WITHIN) -> int | None:
        """Minutes from the beginning of a shock until spend is near the plan to stay; None if it never is."""
        after = self.deviations[max(0, shock_s - self.start_s) // STEP_S :]
        outside = [minute for minute, far in enumerate(after, 1) if far > within]
        if outside and outside[-1] == len(after):
            return None
        return outside[-1] if outside else 0


@dataclass(frozen=True)
class Trial:
    """One pacing on one day: as it was, and under each shock."""

    day: str
    pacing: str
    calm: Outcome
    shocked: Mapping[str, Outcome] = field(default_factory=dict)
    back_after: Mapping[str, int | None] = field(default_factory=dict)
    soonest: Mapping[str, int | None] = field(default_factory=dict)
    """When the best of all pacings would be back."""


@dataclass(frozen=True)
class BackTest:
    """Learns from the first days and runs the others; a day that was run is learned from too, once it is over.

    ``told_end``: pacings are told when the recording of a day ends, as the end of the day's budget. Otherwise they plan
    for midnight, and are cut off.
    """

    days: Sequence[RecordedDay]
    learned: int
    budget_share: float
    """Of what all impressions of an average learned day cost."""
    seed: int = 1
    told_end: bool = True
    shocks: Sequence[Shock] = SHOCKS
    mode: Mode = "even"

    def __post_init__(self) -> None:
        if not 0 < self.learned < len(self.days):
            allowed = f"of {len(self.days)} days some must be learned from, and some run"
            raise Refused([Problem("learn", self.learned, allowed)])
        if not 0 < self.budget_share <= 1:
            raise Refused([Problem("budget", self.budget_share, "it must be a share of the supply, above 0, up to 1")])
        if self.budget < 1:
            raise Refused([Problem("slots", 0, "the impressions that are learned from must have cost something")])

    @property
    def budget(self) -> int:
        """Of each day."""
        return round(self.budget_share * sum(day.value for day in self.days[: self.learned]) / self.learned)

    @property
    def price(self) -> float:
        learned = self.days[: self.learned]
        return HIGHEST_BID * sum(day.value for day in learned) / sum(day.impressions for day in learned)

    @property
    def too_short(self) -> list[RecordedDay]:
        """Days that are not run."""
        return [day for day in self.days[self.learned :] if day.end_s - day.start_s < LEAST_DAY_S]

    def trials(
        self, pacings: Mapping[str, Callable[[Terms], Pacing]], learn: Callable[[RecordedDay], None]
    ) -> Iterator[Trial]:
        """Runs each pacing on each day. ``learn`` is called with a day when it is over."""
        for number, day in enumerate(self.days):
            if number >= self.learned and day not in self.too_short:
                for name, make in pacings.items():
                    yield self._trial(day, name, make)
            learn(day)

    def _trial(self, day: RecordedDay, name: str, make: Callable[[Terms], Pacing]) -> Trial:
        end_s = day.end_s if self.told_end else day.midnight_s + DAY_S
        terms = Terms(day.start_s, end_s, self.budget, self.price, AHEAD.get(self.mode, inf))

        def run(supply: RecordedDay) -> Outcome:
            spent = run_day(supply, self.budget, make(terms), Random(f"{self.seed} {day.name}"))
            return Outcome(day.start_s, spent, planned(supply, self.mode, affordable(supply, self.price, self.budget)))

        calm = run(day)
        shocked = {shock.name: run(shock.on(day)) for shock in self.shocks}
        back = {shock.name: shocked[shock.name].back_after(shock.starts_s(day)) for shock in self.shocks}
        best = {shock.name: self._soonest(day, shock, calm.plan, shocked[shock.name].plan) for shock in self.shocks}
        return Trial(day.name, name, calm, shocked, back, best)

    def _soonest(self, day: RecordedDay, shock: Shock, calm: Sequence[float], shocked: Sequence[float]) -> int | None:
        first = max(0, shock.starts_s(day) - day.start_s) // STEP_S
        most = affordable(shock.on(day), self.price, self.budget)
        spent = [0.0, *calm][: first + 1][-1]
        return soonest(spent, shocked[first:], most[first:])


def run_day(day: RecordedDay, budget: int, pacing: Pacing, chance: Random) -> tuple[float, ...]:
    """Runs a day minute by minute: the share of the budget that is spent at the end of each. When the budget is spent,
    nothing more is."""
    seen, spent = [0], [0]
    for impressions, price in day.minutes:
        told = max(0, len(seen) - 1 - TOLD_LATE_S // STEP_S)
        bid, share = pacing.decide(day.start_s + told * STEP_S, seen[told], spent[told])
        seen.append(seen[-1] + impressions)
        spent.append(min(budget, spent[-1] + round(bought(impressions, price, bid, share, chance))))
    return tuple(nanos / budget for nanos in spent[1:])
