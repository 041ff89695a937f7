"""How long each stage of the bid path takes, taken from requests now and then, so that the others pay nothing.

The story in `bidder.auction` is told once. What is timed is a copy of its function that runs the same code, but finds
under the name of every stage the stage with a stopwatch behind it: a lap ends when a stage ends.
"""

import time
from collections.abc import Callable
from types import FunctionType
from typing import Any

from bidder.auction import Aside, Auction, NoBid
from bidder.seller import Seller
from bidder.view import View
from monitoring.histogram import Histogram
from monitoring.page import Family, Page

STAGES = {
    "decode": "read",
    "admit": "admit",
    "by_any_id": "enrich",
    "select": "targeting",
    "fit": "fit",
    "exchange_rules": "exchange",
    "supply": "supply",
    "blocks": "blocks",
    "deals": "deals",
    "floors": "floors",
    "judge": "risk",
    "frequency": "frequency",
    "throttle": "pacing",
    "gate": "gate",
    "predict": "predict",
    "price": "pricing",
    "choose": "choose",
    "shade": "shading",
    "to_hold": "hold",
    "hold": "hold",
}
"""Functions that `Auction.decide` calls in this order, and the stage that has ended with each."""
ANSWER = "answer"
"""From the last stage on: money is reserved, the answer written and the bid logged."""

SECONDS = Family(
    "outbid_bidder_stage_seconds", "histogram", "Time that a stage took, of requests that were timed.", ("stage",)
)
BOUNDS_S = tuple((1 << n) / 1e9 for n in range(8, 24))
"""Powers of two from a quarter of a microsecond to 8 ms."""


class Stopwatch:
    """Decides as ``auction`` does, and takes the time of each stage."""

    def __init__(self, auction: Auction) -> None:
        self._auction, self._at = auction, 0
        self._stages = {stage: Histogram(BOUNDS_S) for stage in (*dict.fromkeys(STAGES.values()), ANSWER)}
        told = Auction.decide
        timed = {name: self._timed(told.__globals__[name], stage) for name, stage in STAGES.items()}
        self._decide = FunctionType(told.__code__, {**told.__globals__, **timed}, told.__name__)

    def decide(self, body: bytes, seller: Seller, view: View) -> bytes | NoBid | Aside:
        """As `Auction.decide`."""
        self._at = time.perf_counter_ns()
        outcome: bytes | NoBid | Aside = self._decide(self._auction, body, seller, view)
        if isinstance(outcome, bytes):
            self._lap(ANSWER)
        return outcome

    def put(self, page: Page) -> None:
        for stage, histogram in self._stages.items():
            histogram.put(page, SECONDS, stage)

    def _timed(self, work: Callable[..., Any], stage: str) -> Callable[..., Any]:
        def done(*arguments: Any) -> Any:
            outcome = work(*arguments)
            self._lap(stage)
            return outcome

        return done

    def _lap(self, stage: str) -> None:
        now = time.perf_counter_ns()
        self._stages[stage].observe((now - self._at) / 1e9)
        self._at = now
