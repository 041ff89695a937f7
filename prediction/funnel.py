"""What becomes of a click, or of a view without one, step by step: a lead, an application, an approval, money paid out.

Late steps are rare and come weeks after the click; the steps before tell of them sooner. So each step has a chance and
a delay of its own, given the one before it, and the chance of a late one is their product.
"""

from collections.abc import Mapping, Sequence

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from domain.clock import SECOND
from domain.errors import Problem, Refused
from prediction import maturing
from prediction.delays import Delays
from prediction.maturing import Rates, Touches
from prediction.ranking import Floats

Times = NDArray[np.int64]
"""Instants in nanoseconds, UTC; 0: it has not happened."""


class Step(Struct, frozen=True):
    """From one outcome, or the touch, to the next."""

    name: str
    delays: Delays
    rates: Rates


class Funnel(Struct, frozen=True):
    """Steps in the order in which they follow each other."""

    steps: tuple[Step, ...]

    def chance(self, goal: str, segment: NDArray[np.uint32], after: str = "") -> Floats:
        """The chance that ``goal`` follows the touch, or the outcome ``after``.

        Raises:
            Refused: There is no such step, or the goal does not come after the other.
        """
        begin, end = self._place(after) + 1 if after else 0, self._place(goal) + 1
        if begin >= end:
            raise Refused([Problem("after", after, f"a step before {goal!r}")])
        made = np.ones(len(segment))
        for step in self.steps[begin:end]:
            made *= step.rates.of(segment)
        return made

    def expected(
        self, goal: str, touch_ns: Times, outcomes: Mapping[str, Times], now_ns: int, segment: NDArray[np.uint32]
    ) -> Floats:
        """For each touch the chance, with all that has been seen by ``now_ns``, that it reaches the goal: 1 if it has,
        else what may still come of the step that it is at. Labels for training, with weights of 1.
        """
        end = self._place(goal) + 1
        known = _ordered(touch_ns, outcomes, [step.name for step in self.steps])
        made = (known[end] > 0).astype(np.float64)
        for number in range(end):
            waiting = (known[number] > 0) & (known[number + 1] == 0)
            at, kinds = known[number][waiting], segment[waiting]
            step, age = self.steps[number], (now_ns - at) / SECOND
            chance, share = step.rates.of(kinds), step.delays.arrived(age, kinds)
            later = chance * (1 - share) / np.maximum(1 - chance * share, 1e-12)
            for following in self.steps[number + 1 : end]:
                later = later * following.rates.of(kinds)
            made[waiting] = later
        return made

    def _place(self, name: str) -> int:
        names = [step.name for step in self.steps]
        if name not in names:
            raise Refused([Problem("goal", name, f"one of {', '.join(names)}")])
        return names.index(name)


def fit(
    touch_ns: Times,
    outcomes: Mapping[str, Times],
    now_ns: int,
    windows_s: Sequence[tuple[str, float]],
    segment: NDArray[np.uint32] | None = None,
) -> Funnel:
    """The funnel of touches: when each was, and when each outcome first followed it.

    ``windows_s``: the steps in order, and within how many seconds of the one before each is counted. An outcome that
    was told without those before it (an advertiser reports approvals only) stands for them too, at its own time.

    Raises:
        Refused: Arrays differ in length, or something happened before its touch or after ``now_ns``.
    """
    names = [name for name, _ in windows_s]
    if missing := [name for name in names if name not in outcomes]:
        raise Refused([Problem("windows_s", missing[0], f"one of {', '.join(outcomes)}")])
    kinds = np.zeros(len(touch_ns), np.uint32) if segment is None else segment
    known = _ordered(touch_ns, outcomes, names)
    steps = []
    for number, (name, window_s) in enumerate(windows_s):
        made = _touches(known[number], known[number + 1], now_ns, kinds)
        delays = maturing.fit_delays(made, window_s)
        steps.append(Step(name, delays, maturing.rates(made, delays)))
    return Funnel(tuple(steps))


def post_click(
    click_ns: Times, conversion_ns: Times, now_ns: int, segment: NDArray[np.uint32]
) -> tuple[NDArray[np.int64], Touches]:
    """Which impressions were clicked, and these clicks as touches."""
    rows = np.flatnonzero(click_ns > 0)
    converted = np.where(conversion_ns[rows] >= click_ns[rows], conversion_ns[rows], 0)
    return rows, _touches(click_ns[rows], converted, now_ns, segment[rows])


def post_view(
    impression_ns: Times, click_ns: Times, conversion_ns: Times, now_ns: int, segment: NDArray[np.uint32]
) -> tuple[NDArray[np.int64], Touches]:
    """Which impressions have not been clicked, and these views as touches. A click takes the conversion to itself: the
    chances of an impression are that of a click times `post_click`'s, and that of none times this one.
    """
    rows = np.flatnonzero((impression_ns > 0) & (click_ns == 0))
    return rows, _touches(impression_ns[rows], conversion_ns[rows], now_ns, segment[rows])


def _touches(begin_ns: Times, end_ns: Times, now_ns: int, segment: NDArray[np.uint32]) -> Touches:
    rows = begin_ns > 0
    begin, end = begin_ns[rows], end_ns[rows]
    delay = np.where(end > 0, (end - begin) / SECOND, np.nan)
    return maturing.touches((now_ns - begin) / SECOND, delay, segment=segment[rows])


def _ordered(touch_ns: Times, outcomes: Mapping[str, Times], names: Sequence[str]) -> list[Times]:
    """Times of the touches and of each outcome; earlier ones are filled in from later ones."""
    columns = [np.asarray(touch_ns, dtype=np.int64), *(np.asarray(outcomes[name], dtype=np.int64) for name in names)]
    for name, column in zip(("touch_ns", *names), columns, strict=True):
        if column.shape != columns[0].shape:
            raise Refused([Problem(name, column.shape, f"of the touches' shape, {columns[0].shape}")])
    for place in range(len(columns) - 2, 0, -1):
        later, here = columns[place + 1], columns[place]
        columns[place] = np.where((later > 0) & ((here == 0) | (here > later)), later, here)
    return columns
