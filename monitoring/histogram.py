"""Counting how long something takes, in buckets."""

from bisect import bisect_left
from collections.abc import Sequence

from monitoring.page import Family, Page

SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0)
"""Upper bounds that suit answers to people, and writes to a disk or a store."""


class Histogram:
    """Observations of one series; ``bounds`` rise."""

    def __init__(self, bounds: Sequence[float] = SECONDS) -> None:
        self.bounds, self.counts, self.total = tuple(bounds), [0] * (len(bounds) + 1), 0.0

    def observe(self, value: float) -> None:
        self.counts[bisect_left(self.bounds, value)] += 1
        self.total += value

    def put(self, page: Page, family: Family, *labels: str) -> None:
        """Puts the series on a page."""
        page.histogram(family, self.bounds, self.counts, self.total, *labels)
