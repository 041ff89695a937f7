"""What the pacing controller is compared with: the two simple ways to pace that everybody knows."""

from collections.abc import Callable
from dataclasses import dataclass

from simulator.pacing_backtest import Terms
from simulator.slots import STEP_S


@dataclass
class FullPrice:
    """As fast as possible."""

    terms: Terms

    def decide(self, at_s: int, impressions: int, spent: int) -> tuple[float, float]:
        return self.terms.price, 1.0


@dataclass
class Linear:
    """The straight line through the day, ``ahead`` times as steep: bids the full price while it is behind the line, and
    not at all otherwise."""

    terms: Terms

    def decide(self, at_s: int, impressions: int, spent: int) -> tuple[float, float]:
        terms = self.terms
        soon = min(1.0, terms.ahead * (at_s + STEP_S - terms.start_s) / (terms.end_s - terms.start_s))
        return terms.price, float(spent < terms.budget * soon)


@dataclass
class Pid:
    """A textbook PID on the bid, towards the curve that past traffic draws; it does not look at today's traffic.

    The error is a share of the budget; gains are set by hand.
    """

    terms: Terms
    expected: Callable[[float, float], float]
    """Impressions that the past lets one expect between two moments."""
    proportional: float = 20.0
    integral: float = 0.2
    """Per minute."""
    derivative: float = 5.0
    """Minutes."""
    start: float = 0.5
    total: float = 0.0
    last: float = 0.0

    def decide(self, at_s: int, impressions: int, spent: int) -> tuple[float, float]:
        terms = self.terms
        day = self.expected(terms.start_s, terms.end_s)
        plan = min(1.0, terms.ahead * self.expected(terms.start_s, at_s) / day) if day else 0.0
        error = plan - spent / terms.budget
        change, self.last = error - self.last, error
        output = self.start + self.proportional * error + self.derivative * change
        if 0 < output + self.integral * self.total < 1:  # where the bid is at its limit, errors are not summed up
            self.total += error
        output += self.integral * self.total
        return terms.price * min(max(output, 0.0), 1.0), 1.0
