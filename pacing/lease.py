"""One lease: what a worker may bid for a line item, in money and, where they are limited, in bids."""

from dataclasses import dataclass, field
from typing import Literal

Unit = Literal["money", "bids"]
"""Nanos; and bids, each of which may become one impression."""

ROUSED_S = 10.0
"""Real seconds over which the rate of use is averaged."""


@dataclass
class Part:
    """A lease in one unit, nanos or bids. ``reserved`` is the worker's final figure; before there is one, all that was
    granted may have been reserved. ``granted`` None: this unit is not limited, and nothing is held in it.
    """

    granted: int | None = 0
    released: int = 0
    reserved: int | None = None
    used: int = 0
    """The latest figure while it is open."""
    share: int = 0
    """What is to be free on it: of an ``asap`` line item it follows the use."""
    lately: int = 0
    """How much of that was used since the figure before it."""
    per_s: float = 0.0
    """Use a real second, of late."""

    @property
    def held(self) -> int:
        if self.granted is None:
            return 0
        return max(0, (self.granted if self.reserved is None else self.reserved) - self.released)

    def plenty(self, least: int) -> bool:
        """Whether enough of it is left to go on."""
        return (self.granted or 0) - self.used >= max(self.share // 2, least)

    def use(self, used: int, passed_s: float) -> None:
        """The worker's figure, so long after the last one."""
        if used == self.used and not self.lately and self.per_s < 1e-3:
            return
        if passed_s > 0:
            self.per_s += (max(0, used - self.used) / passed_s - self.per_s) * min(1.0, passed_s / ROUSED_S)
        self.lately = max(0, used - self.used)
        self.used += self.lately


@dataclass
class Lease:
    """One worker's part of a line item's budgets."""

    id: int
    worker: int
    line_item: int
    opened_ns: int
    end_ns: int
    closed_ns: int | None = None
    money: Part = field(default_factory=Part)
    bids: Part = field(default_factory=Part)
    heard_ns: int = 0
    """When its use was told last."""

    def part(self, unit: Unit) -> Part:
        return self.money if unit == "money" else self.bids

    @property
    def returned(self) -> bool:
        return self.money.reserved is not None

    @property
    def holds(self) -> bool:
        return bool(self.money.held or self.bids.held)
