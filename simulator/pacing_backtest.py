"""A back-test of budget pacing on recorded supply: an auction model, shocks, a plan, and a ruler.

What paces is handed in as a `Pacing`, so the harness shares no code with the controller that it measures. It alone
knows the plan: budget × the share of the day's supply that has come by now, which nobody knows before the day is over.

**Auction model.** A slot tells how many impressions there were and what they cost on average. The market price of each
impression is taken as log-normal around that mean, independent of the others; a higher bid wins and pays the market
price (second price). Of a minute with many impressions only the sum is drawn, from the normal distribution with the
exact mean and variance of that sum; of one with few, each impression. Bids do not move the market.

Times are seconds since 1970; prices are nanos an impression, budgets nanos.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from math import exp, log, sqrt
from random import Random
from statistics import NormalDist
from typing import Protocol

from domain.errors import Problem, Refused
from simulator.slots import DAY_S, SLOT_S, RecordedDay

STEP_S = 60
"""A pacing decides once a minute."""

TOLD_LATE_S = 60
"""What a pacing is told is so old: billing notices take their time."""

SIGMA = 0.91
"""Deviation of the logarithm of market prices: iPinYou's price histograms, as in `simulator.market`."""

FEW = 30
"""Below so many impressions each is drawn by itself."""

LEAST_DAY_S = 12 * 3600
"""A day that was recorded for less than this is learned from, but not run."""

HIGHEST_BID = 2.0
"""The advertiser's price, against the mean market price of the days that were learned from."""

NORMAL = NormalDist()


@dataclass(frozen=True)
class Shock:
    """From ``hour`` of the day on, for ``minutes`` or until the day ends: traffic and prices times a factor."""

    name: str
    traffic: float = 1.0
    prices: float = 1.0
    minutes: int | None = None
    hour: int = 12

    def starts_s(self, day: RecordedDay) -> int:
        return day.midnight_s + self.hour * 3600

    def on(self, day: RecordedDay) -> RecordedDay:
        """The day as it would have been."""
        start_s = self.starts_s(day)
        end_s = day.end_s if self.minutes is None else start_s + 60 * self.minutes
        slots = (
            replace(slot, impressions=round(slot.impressions * self.traffic), price=slot.price * self.prices)
            if start_s <= slot.at_s < end_s
            else slot
            for slot in day.slots
        )
        return replace(day, slots=tuple(slots))


SHOCKS = (
    Shock("traffic × 5, 1 h", traffic=5, minutes=60),
    Shock("traffic ÷ 5, 1 h", traffic=1 / 5, minutes=60),
    Shock("prices + 50 %, 1 h", prices=1.5, minutes=60),
    Shock("prices + 50 %, to stay", prices=1.5),
    Shock("traffic × 5, to stay", traffic=5),
    Shock("traffic ÷ 5, to stay", traffic=1 / 5),
)


class Pacing(Protocol):
    """What is tested. It hears of the past only."""

    def decide(self, at_s: int, impressions: int, spent: int) -> tuple[float, float]:
        """``impressions`` on offer and nanos ``spent`` since the day began, as of ``at_s``. Says (the bid in nanos an
        impression, the share of impressions to bid on)."""
        ...


@dataclass(frozen=True)
class Terms:
    """What a pacing is told before the day begins. ``price`` is the advertiser's, the highest bid."""

    start_s: int
    end_s: int
    budget: int
    price: float


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

    def back_after(self, shock_s: int, within: float = 0.05) -> int | None:
        """Minutes from the beginning of a shock until spend is near the plan to stay; None if it never is."""
        after = self.deviations[(shock_s - self.start_s) // STEP_S :]
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
        terms = Terms(day.start_s, end_s, self.budget, self.price)

        def run(supply: RecordedDay) -> Outcome:
            return run_day(supply, self.budget, make(terms), Random(f"{self.seed} {day.name}"))

        shocked = {shock.name: run(shock.on(day)) for shock in self.shocks}
        back = {shock.name: shocked[shock.name].back_after(shock.starts_s(day)) for shock in self.shocks}
        return Trial(day.name, name, run(day), shocked, back)


def run_day(day: RecordedDay, budget: int, pacing: Pacing, chance: Random) -> Outcome:
    """Runs a day minute by minute; when the budget is spent, nothing more is."""
    slots = {slot.at_s: slot for slot in day.slots}
    seen, spent = [0], [0]
    for at_s in range(day.start_s, day.end_s, STEP_S):
        told = max(0, len(seen) - 1 - TOLD_LATE_S // STEP_S)
        bid, share = pacing.decide(day.start_s + told * STEP_S, seen[told], spent[told])
        impressions, cost = 0, 0.0
        slot = slots.get(at_s - at_s % SLOT_S)
        if slot is not None:
            step, steps = (at_s - slot.at_s) // STEP_S, SLOT_S // STEP_S
            impressions = slot.impressions * (step + 1) // steps - slot.impressions * step // steps
            cost = bought(impressions, slot.price, bid, share, chance)
        seen.append(seen[-1] + impressions)
        spent.append(min(budget, spent[-1] + round(cost)))
    total = max(1, seen[-1])
    return Outcome(day.start_s, tuple(nanos / budget for nanos in spent[1:]), tuple(n / total for n in seen[1:]))


def bought(impressions: int, mean: float, bid: float, share: float, chance: Random) -> float:
    """What the impressions cost that are won, of so many with this mean market price."""
    if bid <= 0 or share <= 0 or mean <= 0 or impressions <= 0:
        return 0.0
    middle = log(mean) - SIGMA**2 / 2
    if impressions < FEW:
        prices = [chance.lognormvariate(middle, SIGMA) for _ in range(impressions) if chance.random() < share]
        return sum(price for price in prices if price < bid)
    z = (log(bid) - middle) / SIGMA
    paid = share * mean * NORMAL.cdf(z - SIGMA)
    paid_squared = share * mean**2 * exp(SIGMA**2) * NORMAL.cdf(z - 2 * SIGMA)
    return max(0.0, chance.gauss(impressions * paid, sqrt(impressions * max(0.0, paid_squared - paid**2))))
