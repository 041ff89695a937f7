"""The impressions that an account's line items could have bid on: today's as they come, and the week's as learned."""

from typing import Any

from pacing.forecast import BIN_S, Forecast

GAP_S = 2 * BIN_S
"""Nothing was heard for longer than that: nobody watched, which is not the same as no traffic."""


class Traffic:
    """Times are seconds since 1970. Days go into the forecast when they are over."""

    def __init__(self) -> None:
        self.forecast = Forecast()
        self.total = 0
        """Since this object was made, or restored."""
        self.quarters: dict[int, int] = {}
        """Impressions by quarter of an hour, of what is not learned yet."""
        self.watched: list[list[int]] = []
        """[from, to) in which traffic was watched, of what is not learned yet."""

    def add(self, at_s: int, impressions: int) -> None:
        """So many came since the last call, until ``at_s``."""
        if self.watched and at_s - self.watched[-1][1] <= GAP_S:
            self.watched[-1][1] = max(at_s, self.watched[-1][1])
        else:
            self.watched.append([at_s, at_s])
        if impressions:
            quarter = at_s // BIN_S
            self.quarters[quarter] = self.quarters.get(quarter, 0) + impressions
            self.total += impressions

    def since(self, start_s: int) -> list[tuple[int, int]]:
        """(quarter of an hour, impressions) of today's quarters that end after ``start_s``, in order."""
        return sorted((q, count) for q, count in self.quarters.items() if (q + 1) * BIN_S > start_s)

    def learn_until(self, end_s: int) -> bool:
        """Puts what came before ``end_s`` into the forecast; whether there was anything."""
        over = [(start, min(end, end_s)) for start, end in self.watched if start < end_s]
        if not over:
            return False
        for start_s, until_s in over:
            counts = ((max(start_s, q * BIN_S), n) for q, n in self.quarters.items())
            self.forecast.learn(start_s, until_s, [(at_s, n) for at_s, n in counts if start_s <= at_s < until_s])
        self.watched = [[max(start, end_s), end] for start, end in self.watched if end > end_s]
        self.quarters = {q: n for q, n in self.quarters.items() if q * BIN_S >= end_s}
        return True

    def today(self) -> dict[str, Any]:
        """What is not learned yet, to be kept; `restore` takes it."""
        return {"quarters": list(self.quarters.items()), "watched": self.watched}

    def restore(self, today: dict[str, Any]) -> None:
        self.quarters = {int(quarter): int(count) for quarter, count in today["quarters"]}
        self.watched = [[int(start), int(end)] for start, end in today["watched"]]
