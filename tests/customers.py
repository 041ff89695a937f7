"""Made-up people who see ads, click and become customers, as trackers log it, with all that makes attribution hard.

Few persons, campaigns and orders, so that everything meets everything; times on a coarse grid, so that things happen at
the same moment and exactly at the end of a window.
"""

import random

from domain.events import Conversion, Kind, Mark, Notice, PlayEvent
from tests.attribution_twin import Rule

START_NS = 20_700 * 86_400 * 10**9
STEP_NS = 1_800 * 10**9
HOUR_S = 3_600
RULES: dict[int, Rule] = {
    1: (24 * HOUR_S, 6 * HOUR_S, False),
    2: (2 * HOUR_S, 0, False),
    3: (12 * HOUR_S, 12 * HOUR_S, True),
}
DEFAULT: Rule = (30 * 24 * HOUR_S, 24 * HOUR_S, False)
"""Of campaign 4."""


def rule(campaign: int) -> Rule:
    return RULES.get(campaign, DEFAULT)


class Customers:
    """``events`` in an order that has nothing to do with when they were received."""

    def __init__(self, seed: int, touches: int = 90, conversions: int = 30, hours: int = 40) -> None:
        self.draw = random.Random(seed)
        self._hours = hours
        self.events: list[Notice | Conversion] = []
        clicks = []
        for bid in range(1, touches + 1):
            touch = self._touch(bid)
            self.events.append(touch)
            if touch.kind == Kind.CLICK:
                clicks.append(touch)
        for _ in range(conversions):
            self.events.append(self._conversion(clicks))
        self.draw.shuffle(self.events)

    def _time(self) -> int:
        return START_NS + self.draw.randrange(self._hours * 2) * STEP_NS

    def _touch(self, bid: int) -> Notice:
        draw = self.draw
        kind = draw.choice((Kind.CLICK, *[Kind.IMPRESSION] * 4, *[Kind.EVENT] * 2))
        campaign = draw.randint(1, 4)
        marks = draw.choice((0,) * 8 + (Mark.FIRST, Mark.TEST, Mark.DUPLICATE, Mark.LATE))
        event = draw.choice((PlayEvent.VIEWABLE, PlayEvent.VIEWABLE, PlayEvent.START)) if kind == Kind.EVENT else 0
        return Notice(
            kind=int(kind), received_ns=self._time(), marks=int(marks), bid=bid, imp=draw.randint(0, 1), bid_ns=1,
            exchange=draw.randint(1, 2), advertiser=1 + campaign % 2, campaign=campaign, line_item=10 + campaign,
            creative=20 + campaign, deal=draw.choice((0, 5)), site=draw.choice((7, 1 << 63)),
            person=draw.choice((0, 1, 2, 3, (1 << 63) + 4)), lease=1, rate=1, max_price=1, basis=2, price=1,
            loss_reason=0, min_to_win=0, event=int(event), context=draw.choice((0, 1 << 27)),
        )  # fmt: skip

    def _conversion(self, clicks: list[Notice]) -> Conversion:
        draw, received_ns = self.draw, self._time() + draw_jitter(self.draw)
        click = draw.choice(clicks) if clicks and draw.random() < 0.25 else None
        advertiser = click.advertiser if click else draw.randint(1, 2)
        marks = (click.marks & (Mark.TEST | Mark.AUDIT) if click else 0) | (
            Mark.DUPLICATE if draw.random() < 0.1 else 0
        )
        place = (
            (click.bid, click.received_ns, click.exchange, click.campaign, click.line_item, click.creative, click.deal,
             click.site) if click else (0,) * 8
        )  # fmt: skip
        person = click.person if click and draw.random() < 0.8 else draw.choice((0, 1, 2, 3, (1 << 63) + 4, 5, 6))
        happened_ns = max(received_ns - draw.randrange(80) * STEP_NS, 1) if draw.random() < 0.3 else 0
        return Conversion(
            received_ns, int(marks), advertiser, draw.choice(("lead", "approved", "it's")), f"o{draw.randint(1, 16)}",
            draw.choice((0, 5_000_000_000)), draw.choice(("USD", "EUR")), "postback", *place, person, happened_ns,
            click.context if click else 0,
        )  # fmt: skip


def draw_jitter(draw: random.Random) -> int:
    """Conversions are received at moments of their own, and sometimes at that of a touch."""
    return draw.choice((0, draw.randrange(STEP_NS)))
