"""The person before the screen: sees the ad, perhaps clicks, perhaps becomes a customer."""

import math
import random

from simulator.exchange import Auction, Won
from simulator.hidden_clicks import HiddenClicks, impression
from simulator.markup import PLAYED
from simulator.offer import ImpOffer
from simulator.population import Person

COMPLETED, MUTED, MEASURED, IN_VIEW = 0.7, 0.2, 0.8, 0.65
"""Shares of ads that play to their end, are muted meanwhile, can be measured; and of these, that are in view. Our
choice."""
HASTE = 20.0


class Audience:
    """How people react. None of this is told to the bidder: it is there to be learned from the clicks."""

    def __init__(
        self,
        click_rate: float,
        conversion_rate: float,
        rng: random.Random,
        return_rate: float = 0.0,
        hidden: HiddenClicks | None = None,
    ) -> None:
        """``hidden``: who reacts how; without it a few plain rules."""
        self.click_rate, self.conversion_rate, self.return_rate = click_rate, conversion_rate, return_rate
        self.rng, self.hidden = rng, hidden

    def chances(self, auction: Auction, won: Won, now_ns: int) -> tuple[float, float]:
        """That this person clicks this advertisement; and becomes a customer, having clicked."""
        if auction.clicks is not None:
            return float(auction.clicks), self.conversion_rate
        if self.hidden is not None:
            shown = impression(auction, won.imp, won.bid, now_ns)
            return self.hidden.click_chance(shown), self.hidden.conversion_chance(shown)
        return min(1.0, self.plain_chance(auction.person, won.imp)), self.conversion_rate

    def plain_chance(self, person: Person | None, imp: ImpOffer) -> float:
        """Above the fold and on large slots people click more; some people far more than others."""
        area = max((w * h for w, h in imp.sizes), default=0)
        odds = self.click_rate * (1.3 if imp.position == 1 else 0.85) * (1.2 if area >= 75_000 else 0.8)
        return odds * (person.appetite if person else 1.0)

    def happens(self, chance: float) -> bool:
        return self.rng.random() < chance

    def plays(self, seconds: float, *, skippable: bool) -> list[tuple[str, float]]:
        """What a player reports of a video or audio ad, by the names of `simulator.markup.EVENTS`, and how many seconds
        after the impression. Time runs `HASTE` times faster than in life, so that a demonstration can drain.
        """
        rng, left = self.rng, 1.0 if self.rng.random() < COMPLETED else self.rng.random()
        parts = [(name, i / 4) for i, name in enumerate(PLAYED) if i / 4 <= left]
        if skippable and left < 1:
            parts.append(("skip", left))
        if rng.random() < MUTED:
            muted = left * rng.random()
            parts += [("mute", muted)] + ([("unmute", (muted + left) / 2)] if rng.random() < 0.5 else [])
        if rng.random() < MEASURED:
            seen = left * seconds >= 2 and rng.random() < IN_VIEW
            parts.append(("viewable", 2 / seconds) if seen else ("not_viewable", left))
        return [(name, part * seconds / HASTE) for name, part in sorted(parts, key=lambda one: one[1])]

    def views(self) -> list[tuple[str, float]]:
        """The same of an ad that stands still: only its coming into view is told."""
        return [("viewable", 1.0 / HASTE)] if self.rng.random() < IN_VIEW else []

    def returns(self) -> bool:
        """Whether somebody who saw the ad becomes a customer without having clicked it."""
        return self.rng.random() < self.return_rate

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
