"""The person before the screen: sees the ad, perhaps clicks, perhaps becomes a customer."""

import math
import random

from simulator.offer import ImpOffer
from simulator.population import Person


class Audience:
    """How people react. None of this is told to the bidder: it is there to be learned from the clicks."""

    def __init__(self, click_rate: float, conversion_rate: float, rng: random.Random) -> None:
        self.click_rate, self.conversion_rate, self.rng = click_rate, conversion_rate, rng

    def clicks(self, person: Person | None, imp: ImpOffer) -> bool:
        """Above the fold and on large slots people click more; some people far more than others."""
        area = max((w * h for w, h in imp.sizes), default=0)
        odds = self.click_rate * (1.3 if imp.position == 1 else 0.85) * (1.2 if area >= 75_000 else 0.8)
        return self.rng.random() < odds * (person.appetite if person else 1.0)

    def converts(self) -> bool:
        return self.rng.random() < self.conversion_rate

    def looks_after_s(self) -> float:
        """Seconds from the auction until the ad is on the screen."""
        return self.rng.expovariate(1 / 0.15)

    def clicks_after_s(self) -> float:
        """Seconds from the impression to the click; shorter than in life, so that a demonstration can drain."""
        return 0.2 + self.rng.expovariate(1 / 0.5)

    def converts_after_s(self) -> float:
        return 0.2 + self.rng.expovariate(1 / 0.5)

    def order_value(self) -> str:
        """What the customer is worth to the advertiser, units of currency with cents: log-normal around 60."""
        return f"{self.rng.lognormvariate(math.log(60), 0.7):.2f}"
