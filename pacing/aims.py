"""Whose goals are held, and what each goal's controller is told: the bookkeeping beside `pacing.goals`."""

from collections.abc import Mapping, Sequence

import numpy as np

from domain.clock import SECOND
from domain.strategy import AT_WORTH, BY_VALUE, MOST_PACE, NEEDS_CVR, NEEDS_GOAL, RATIO_UNIT, Strategy
from pacing.goals import MOST_PUSH, Arrived, Floats, GoalPacer, at_once
from pacing.purses import Line
from pacing.results import MOST_DELAYS, Delay, Result, Results, delays_of

DELAYS_S = 60.0
"""Seconds of business time between two looks at the delays of conversions."""
FEW_DELAYS = 5
"""Conversions below which their delay is taken for …"""
USUAL_DELAY_S = 86_400.0
"""… exponential with this mean."""


class Aims:
    """The controllers of all goals, by line item. ``look_ns``: business time between two looks at one."""

    def __init__(self, look_ns: int, save_ns: int) -> None:
        self.pacers: dict[int, GoalPacer] = {}
        self._look_ns, self._save_ns = look_ns, save_ns
        self._lines: dict[int, Line] = {}
        self._due_ns: dict[int, int] = {}
        self._arrived: dict[int, tuple[int, Arrived]] = {}

    def plan(self, lines: Mapping[int, Line]) -> None:
        """Takes over line items; what is known of goals stays."""
        self._lines = {id_: line for id_, line in lines.items() if line.live and line.strategy.name in NEEDS_GOAL}
        self._due_ns = {id_: self._due_ns.get(id_, 0) for id_ in self._lines}

    def multiplier(self, line_item: int, strategy: Strategy) -> float:
        """What the goal allows; without a goal everything, but for strategies whose worth is a profit: that."""
        if strategy.name in AT_WORTH:
            return 1.0
        if strategy.name not in NEEDS_GOAL:
            return MOST_PACE
        pacer = self.pacers.get(line_item)
        return pacer.multiplier if pacer is not None else 1.0

    def restore(self, pacers: dict[int, GoalPacer]) -> None:
        """Those that were stored; what is known here of a goal is newer."""
        self.pacers = pacers | self.pacers

    def due(self, now_ns: int) -> list[int]:
        """Line items whose goals are to be looked at now."""
        return [id_ for id_, due_ns in self._due_ns.items() if now_ns >= due_ns]

    def look(self, now_ns: int, results: Results, budgets: Mapping[int, float]) -> tuple[list[int], list[int]]:
        """Looks at the goals whose turn it is. ``budgets``: the logarithms of what budgets allow. Returns line items
        that were looked at, and those of which something is to be saved."""
        looked, unsaved = [], []
        for id_ in self.due(now_ns):
            line = self._lines[id_]
            self._due_ns[id_] = now_ns + self._look_ns
            result, allowed = _allowed(line.strategy, results.line(id_))
            spent = line.purse.money.spent
            pacer = self.pacers.get(id_)
            goal = f"{line.strategy.name} {line.strategy.goal} {line.strategy.conversion}"
            if pacer is None or pacer.goal != goal:
                pacer = self.pacers[id_] = _anew(pacer, spent, allowed, goal)
            arrived = self._delays(id_, now_ns, results) if line.strategy.name in NEEDS_CVR else at_once
            pacer.look(now_ns, spent, allowed, result, arrived, budgets.get(id_, MOST_PUSH))
            looked.append(id_)
            if now_ns - pacer.saved_ns >= self._save_ns:
                pacer.delays = (*pacer.delays, *results.take_delays(id_))[-MOST_DELAYS:]
                unsaved.append(id_)
        return looked, unsaved

    def _delays(self, line_item: int, now_ns: int, results: Results) -> Arrived:
        at_ns, arrived = self._arrived.get(line_item, (0, _usually))
        if now_ns - at_ns >= DELAYS_S * SECOND:
            kept = (*map(Delay._make, self.pacers[line_item].delays), *results.delays.get(line_item, ()))
            arrived = _arriving(kept, now_ns, results.windows_s[line_item])
            self._arrived[line_item] = now_ns, arrived
        return arrived


def _anew(before: GoalPacer | None, spent: int, allowed: float, goal: str) -> GoalPacer:
    """A controller of another goal; where it means the same conversions, what is known of their delays stays."""
    made = GoalPacer.begin(spent, allowed, before.push if before is not None else 0.0, goal)
    if before is not None and before.goal.split(" ", 2)[2:] == goal.split(" ", 2)[2:]:
        made.delays = before.delays
    return made


def _allowed(strategy: Strategy, seen: Result) -> tuple[float, float]:
    """(what one more result may cost, what those so far may have cost), nanos; 0 for the first: nobody can say."""
    if strategy.name in BY_VALUE:
        ratio = strategy.goal / RATIO_UNIT
        mean = seen.value / seen.valued if seen.valued else float(strategy.conversion_value)
        return mean / ratio, seen.value / ratio
    return float(strategy.goal), float(strategy.goal) * (
        seen.conversions if strategy.name in NEEDS_CVR else seen.clicks
    )


def _usually(age_s: Floats) -> Floats:
    return -np.expm1(-age_s / USUAL_DELAY_S)


def _arriving(kept: Sequence[Delay], now_ns: int, window_s: float) -> Arrived:
    """The share of conversions that has come by an age, by those that have come."""
    if len(kept) < FEW_DELAYS:
        return _usually
    from prediction.delays import fit  # what it needs takes a while to load, and most controls never do

    return fit(*delays_of(kept, now_ns), window_s).arrived
