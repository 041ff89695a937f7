"""How many impressions are to come: the week's shape learned from past traffic, and today's level against it.

Pure arithmetic, without a clock and without I/O. Times are seconds since 1970 (business time, UTC).
"""

from bisect import bisect_right
from collections import deque
from collections.abc import Collection, Iterable
from itertools import accumulate
from math import exp

BIN_S = 15 * 60
DAY_S = 24 * 3600
WEEK_S = 7 * DAY_S
DAY_BINS = DAY_S // BIN_S
WEEK_BINS = WEEK_S // BIN_S
MONDAY_S = 4 * DAY_S
"""1970-01-05, where weeks are counted from."""

EQUAL_WEEKS = 1.0
"""Weeks after which a quarter of an hour of one weekday counts as much as the same quarter of all days together."""

LEVEL_QUARTERS = 24
"""The day's level is the median of its last so many quarters of an hour, which a burst hardly moves."""

PRIOR_S = 3600
"""In that median the forecast itself counts like so much average traffic: a quiet night says little of the day."""

BURST_S = 30 * 60
"""Traffic that is unlike the day's level just now is taken to stay so for so long, and then to return to it."""

MANY = 20
"""A quarter of an hour without any of so many expected impressions is closed (a day-part, an outage), not slow: it says
nothing of the day's level."""

NOW_S = 3 * 60
"""What is "just now": an older minute counts exponentially less."""


class Forecast:
    """Available impressions by quarter of an hour of the week.

    A weekday that was seen rarely borrows the shape of all days; a time of day that was never seen lies on the line
    between its neighbours.
    """

    def __init__(self) -> None:
        self._impressions = [0.0] * WEEK_BINS
        self._seconds = [0.0] * WEEK_BINS
        self._until: list[float] = [0.0] * (WEEK_BINS + 1)
        self._open = [1.0] * WEEK_BINS
        """0 where nothing may be bid on, whatever comes."""
        self.learned = False
        """Whether there is more than a straight line, whose level today's traffic alone can tell."""
        self._add_up()

    def learn(self, start_s: int, end_s: int, counts: Iterable[tuple[int, int]]) -> None:
        """Takes the traffic of [start_s, end_s): (when, how many) of what came; at other times in there nothing did.

        Raises ValueError for a count outside of it, or below 0.
        """
        counts = list(counts)
        for at_s, count in counts:
            if not (start_s <= at_s < end_s and count >= 0):
                raise ValueError(f"{count} impressions at {at_s} are no traffic of {start_s} to {end_s}")
        for at_s, count in counts:
            self._impressions[_bin(at_s)] += count
        at_s = start_s
        while at_s < end_s:
            next_s = min(end_s, at_s + BIN_S - at_s % BIN_S)
            self._seconds[_bin(at_s)] += next_s - at_s
            at_s = next_s
        self._add_up()

    def open_in(self, hours: Collection[int] | None) -> None:
        """From now on there is something to bid on in these hours of the week (UTC, 0 is Monday's first) only; None: in
        all of them.
        """
        opened = [1.0 if hours is None or b * BIN_S // 3600 in hours else 0.0 for b in range(WEEK_BINS)]
        if opened != self._open:
            self._open = opened
            self._add_up()

    def _add_up(self) -> None:
        rates = self._rates()
        self.learned = any(rates)
        rates = [is_open * (rate if self.learned else 1.0) for is_open, rate in zip(self._open, rates, strict=True)]
        self._until = list(accumulate((rate * BIN_S for rate in rates), initial=0.0))

    @property
    def learned_of(self) -> tuple[list[float], list[float]]:
        """Impressions and seconds of each quarter of an hour of the week; `restored` takes them."""
        return self._impressions, self._seconds

    @classmethod
    def restored(cls, impressions: list[float], seconds: list[float]) -> "Forecast":
        made = cls()
        made._impressions, made._seconds = impressions, seconds
        made._add_up()
        return made

    def expected(self, start_s: float, end_s: float) -> float:
        """Impressions from ``start_s`` to ``end_s``; one a second as long as none were learned of."""
        return max(0.0, self._total(end_s) - self._total(start_s)) if end_s > start_s else 0.0

    def _total(self, at_s: float) -> float:
        """Impressions since weeks are counted."""
        weeks, second = divmod(at_s - MONDAY_S, WEEK_S)
        index, part = divmod(second, BIN_S)
        before = self._until[int(index)]
        return weeks * self._until[-1] + before + (self._until[int(index) + 1] - before) * part / BIN_S

    def _rates(self) -> list[float]:
        """Impressions a second, for each bin of the week."""
        any_day = _fill(
            [sum(self._impressions[b::DAY_BINS]) for b in range(DAY_BINS)],
            [sum(self._seconds[b::DAY_BINS]) for b in range(DAY_BINS)],
        )
        borrowed_s = EQUAL_WEEKS * BIN_S
        return [
            (impressions + borrowed_s * any_day[b % DAY_BINS]) / (seconds + borrowed_s)
            for b, (impressions, seconds) in enumerate(zip(self._impressions, self._seconds, strict=True))
        ]


class Supply:
    """What is to come today: the forecast, times how today's traffic compares with it."""

    def __init__(self, forecast: Forecast, start_s: float) -> None:
        self._forecast = forecast
        self.at_s = start_s
        average = forecast.expected(start_s, start_s + WEEK_S) / WEEK_S if forecast.learned else 0.0
        self._prior = [(1.0, average * PRIOR_S)] if average else []
        self._quarters: deque[tuple[float, float]] = deque(maxlen=LEVEL_QUARTERS)
        """(traffic against the forecast, its weight: what was expected)"""
        self._quarter_s, self._quarter_seen, self._quarter_expected = start_s, 0.0, 0.0
        self._now_seen = self._now_expected = average * NOW_S
        self._little = average * NOW_S / 10

    @property
    def level(self) -> float:
        """Today's traffic against the forecast; 1 is as expected."""
        if self._prior or self._quarters:
            return _median([*self._prior, *self._quarters])
        return self._now_seen / self._now_expected if self._now_expected else 1.0

    def tell(self, at_s: float, impressions: int) -> None:
        """So many impressions came since the last call, until ``at_s``."""
        expected = self._forecast.expected(self.at_s, at_s)
        kept = exp((self.at_s - at_s) / NOW_S)
        self._now_seen = self._now_seen * kept + impressions
        self._now_expected = self._now_expected * kept + expected
        self._quarter_seen += impressions
        self._quarter_expected += expected
        self.at_s = at_s
        if at_s - self._quarter_s >= BIN_S:
            closed = self._quarter_seen == 0 and self._quarter_expected >= MANY
            if self._quarter_expected > 0 and not closed:
                self._quarters.append((self._quarter_seen / self._quarter_expected, self._quarter_expected))
            self._quarter_s, self._quarter_seen, self._quarter_expected = at_s, 0.0, 0.0

    def to_come(self, until_s: float) -> float:
        """Impressions from the last call to ``until_s``. Today's level is taken to last for a day; what was not learned
        has no other."""
        level, expected = self.level, self._now_expected + self._little
        now = (self._now_seen + self._little * level) / expected if expected else level
        burst = self._forecast.expected(self.at_s, min(until_s, self.at_s + BURST_S))
        day_s = min(until_s, self.at_s + DAY_S)
        later = self._forecast.expected(day_s, until_s) * (1.0 if self._forecast.learned else level)
        return level * self._forecast.expected(self.at_s, day_s) + (now - level) * burst + later


def _median(weighted: Iterable[tuple[float, float]]) -> float:
    """The value that half of all weight lies at or below."""
    values = sorted(weighted)
    half = sum(weight for _, weight in values) / 2
    below = accumulate(weight for _, weight in values)
    return next(value for (value, _), weight in zip(values, below, strict=True) if weight >= half)


def _bin(at_s: int) -> int:
    return (at_s - MONDAY_S) % WEEK_S // BIN_S


def _fill(impressions: list[float], seconds: list[float]) -> list[float]:
    """Rates of a ring of bins; those that were never seen are interpolated."""
    known = [b for b, watched in enumerate(seconds) if watched]
    if not known:
        return [0.0] * len(seconds)
    rates = {b: impressions[b] / seconds[b] for b in known}
    filled = []
    for b in range(len(seconds)):
        right = bisect_right(known, b)
        before, after = known[right - 1], known[right % len(known)]
        gap = (after - before) % len(seconds) or len(seconds)
        part = (b - before) % len(seconds) / gap
        filled.append(rates[before] * (1 - part) + rates[after] * part)
    return filled
