"""A made-up day for the pacing controller: a market that answers exactly as it is told."""

from collections.abc import Callable
from dataclasses import dataclass, field

from pacing.controller import Pace, Pacer
from pacing.forecast import DAY_S, MONDAY_S, Forecast, Supply

BUDGET = 1_000_000_000
EVERY_S = 60


def flat_forecast(a_minute: int = 100) -> Forecast:
    forecast = Forecast()
    forecast.learn(MONDAY_S, MONDAY_S + DAY_S, [(MONDAY_S + s, a_minute) for s in range(0, DAY_S, 60)])
    return forecast


@dataclass
class Day:
    """Spend of each minute is traffic × share × (bid in the market's prices)², at most ``full`` a piece."""

    pacer: Pacer
    traffic: Callable[[int], int] = lambda _: 100
    prices: Callable[[int], float] = lambda _: 1.0
    full: float = 4 * BUDGET / (1440 * 100)
    """Nanos an impression at the full price: four times what is needed on average."""
    spent: list[int] = field(default_factory=lambda: [0])
    seen: int = 0
    paces: list[Pace] = field(default_factory=list)

    def run(self, minutes: int) -> "Day":
        for _ in range(minutes):
            minute = len(self.spent)
            pace = self.pacer.look(MONDAY_S + (minute - 1) * 60, self.seen, self.spent[-1])
            self.paces.append(pace)
            impressions = self.traffic(minute)
            price = self.full * pace.share * (pace.multiplier / self.prices(minute)) ** 2 * self.prices(minute)
            self.seen += impressions
            self.spent.append(min(self.pacer.budget, self.spent[-1] + round(impressions * price)))
        return self

    def share(self, minute: int) -> float:
        return self.spent[minute] / self.pacer.budget


def pacer(budget: int = BUDGET) -> Pacer:
    return Pacer(Supply(flat_forecast(), MONDAY_S), budget, MONDAY_S + DAY_S)
