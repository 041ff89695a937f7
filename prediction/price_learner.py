"""Learns the price landscape of one exchange from what became of bids, a batch at a time, while it serves.

Contexts narrow step by step (format, then size, then site …): each is a context within another, with counts of its own
that fade, so that prices may drift. A context is there from its `Settings.least`-th observation on; before that, and
for values that were never seen, what holds is the context around it.
"""

from collections import Counter
from collections.abc import Sequence

import msgspec
import numpy as np
from numpy.typing import NDArray

from prediction.price_curves import Counts, Floats, blurring, grid, log_normal, most_likely

Ids = NDArray[np.uint32]
EXACT, WON, LOST = 0, 1, 2
NO_CONTEXT = -1


class Settings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How a landscape is learned."""

    strength: float = 20.0
    """How many observations of its own a context needs to count as much as the context around it."""
    least: int = 50
    """Observations before a context stands by itself."""
    half_life: float = 50_000.0
    """Observations of the exchange after which one counts half; inf: they never fade."""
    blur: float = 0.03
    """Standard deviation of log price that shares are spread by."""
    rounds: int = 5
    """Of the estimate, after each batch; they go on from the last one's."""
    step: int = 10_000
    """Smallest difference of two prices, nanos (a CPM of 0.01)."""
    most_contexts: int = 50_000

    def __post_init__(self) -> None:
        for name in ("strength", "least", "half_life", "rounds", "step", "most_contexts"):
            if not getattr(self, name) > 0:
                raise ValueError(f"{name}: {getattr(self, name)} is not allowed; it must be above 0")
        if not 0 <= self.blur < 1:
            raise ValueError(f"blur: {self.blur} is not allowed; it must be from 0 to below 1")


class PriceLearner:
    """Of one exchange, whose contexts narrow by ``levels`` values. ``lowest`` and ``highest``: prices that bids may
    have, nanos; what is told above or below counts as the last or the first of them.
    """

    def __init__(self, levels: int, lowest: float, highest: float, settings: Settings | None = None) -> None:
        self.settings = settings or Settings()
        self.points = grid(lowest, highest, self.settings.step)
        self.observed = 0.0
        size = len(self.points)
        self._blur = blurring(self.points, self.settings.blur)
        self._children: list[dict[int, int]] = [{} for _ in range(levels)]
        self._waiting: list[Counter[int]] = [Counter() for _ in range(levels)]
        self._parents: list[list[int]] = [[0], *([] for _ in range(levels))]
        self._counts = [Counts(size) for _ in range(levels + 1)]
        self._shares: list[Floats] = [np.zeros((0, size + 1)) for _ in range(levels + 1)]
        self._base: Floats = np.full((1, size + 1), 1.0 / (size + 1))
        self._shares[0] = self._base

    def observe(self, values: Ids, low: Floats, high: Floats, weight: Floats | None = None) -> None:
        """A batch: contexts (n, levels), and that others' price was above ``low`` and at most ``high`` (as
        `prediction.win_curve.WinCurve` takes them: equal where it was told, ``high`` inf where the bid lost)."""
        if values.shape != (len(low), len(self._children)) or len(low) != len(high):
            raise ValueError(f"values of shape {values.shape} for {len(low)} and {len(high)} bounds are not allowed")
        if not len(low):
            return
        weight = np.ones(len(low)) if weight is None else weight
        kind, cell = self._kinds(low, high)
        fading = 0.5 ** (len(low) / self.settings.half_life)
        self.observed = self.observed * fading + float(weight.sum())
        row = np.zeros(len(low), np.int64)
        for level, counts in enumerate(self._counts):
            if level:
                row = self._rows(level, row, values[:, level - 1])
            counts.grow(len(self._parents[level]))
            counts.fade(fading)
            for of, into in ((EXACT, counts.told), (WON, counts.won), (LOST, counts.lost)):
                chosen = (kind == of) & (row >= 0)
                np.add.at(into, (row[chosen], cell[chosen]), weight[chosen])
        self._estimate(self.settings.rounds)

    def settle(self, rounds: int = 100) -> None:
        """Improves the estimate of what is known, after a batch that is the whole of it. Above the highest bid nothing
        was observed: there prices are taken to go on as the log-normal ones that are most likely."""
        counts = self._counts[0]
        self._base = log_normal(self.points, counts.won[0], counts.lost[0], counts.told[0])[None, :]
        self._shares[0] = self._base
        self._estimate(rounds)

    def shares_of(self, values: Ids) -> Floats:
        """(n, points + 1): of the narrowest context of each row of values (n, levels) the share of each cell."""
        found = np.repeat(self._shares[0][:1], len(values), axis=0)
        row = np.zeros(len(values), np.int64)
        for level, children in enumerate(self._children, 1):
            keys = row.astype(np.uint64) << np.uint64(32) | values[:, level - 1].astype(np.uint64)
            unique, places = np.unique(keys, return_inverse=True)
            at = np.array([children.get(key, NO_CONTEXT) for key in unique.tolist()], np.int64)[places]
            row = np.where(row >= 0, at, NO_CONTEXT)
            if not (row >= 0).any():
                break
            found[row >= 0] = self._shares[level][row[row >= 0]]
        return found

    def log_likelihood(self, values: Ids, low: Floats, high: Floats) -> Floats:
        """(n,): of observations as `observe` takes them; of a price that was told, of its cell."""
        below = np.cumsum(self.shares_of(values), axis=1)
        kind, cell = self._kinds(low, high)
        rows = np.arange(len(low))
        upper = below[rows, cell]
        lower = np.where(cell > 0, below[rows, np.maximum(cell - 1, 0)], 0.0)
        chance = np.where(kind == WON, upper, np.where(kind == LOST, 1.0 - upper, upper - lower))
        logs: Floats = np.log(np.maximum(chance, 1e-9))
        return logs

    def shares(self) -> list[Floats]:
        """By level, of its contexts the share of each cell, the last one above the grid."""
        return [shares[: len(parents)] for shares, parents in zip(self._shares, self._parents, strict=True)]

    def children(self) -> list[list[tuple[int, int, int]]]:
        """By level after the first, (context of the level above, value, context)."""
        return [
            [(key >> 32, key & 0xFFFFFFFF, place) for key, place in children.items()] for children in self._children
        ]

    def contexts(self) -> int:
        return sum(map(len, self._parents))

    def _kinds(self, low: Floats, high: Floats) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        kind = np.where(low == high, EXACT, np.where(np.isfinite(high), WON, LOST))
        kind = np.where(np.isfinite(low), kind, LOST)
        cell = self._cells(kind, low, high)
        return np.where(cell == len(self.points), LOST, kind), np.minimum(cell, len(self.points) - 1)

    def _cells(self, kind: NDArray[np.int64], low: Floats, high: Floats) -> NDArray[np.int64]:
        """Of a price told the cell that it is in; of a bid the nearest point."""
        price = np.where(kind == LOST, low, high)
        told = np.searchsorted(self.points, price)
        price = np.clip(price, self.points[0], self.points[-1])
        above = np.minimum(np.searchsorted(self.points, price), len(self.points) - 1)
        below = np.maximum(above - 1, 0)
        nearer = np.where(price - self.points[below] < self.points[above] - price, below, above)
        return np.where(kind == EXACT, told, nearer)

    def _rows(self, level: int, outer: NDArray[np.int64], values: Ids) -> NDArray[np.int64]:
        """The contexts of this level within those of the level above; NO_CONTEXT where there is none (yet)."""
        children, waiting = self._children[level - 1], self._waiting[level - 1]
        known = outer >= 0
        keys = outer[known].astype(np.uint64) << np.uint64(32) | values[known].astype(np.uint64)
        unique, places, counts = np.unique(keys, return_inverse=True, return_counts=True)
        found = np.empty(len(unique), np.int64)
        if len(waiting) > self.settings.most_contexts:
            waiting.clear()
        for at, (key, count) in enumerate(zip(unique.tolist(), counts.tolist(), strict=True)):
            place = children.get(key, NO_CONTEXT)
            if place == NO_CONTEXT and self.contexts() < self.settings.most_contexts:
                waiting[key] += count
                if waiting[key] >= self.settings.least:
                    place = children[key] = len(self._parents[level])
                    self._parents[level].append(key >> 32)
                    del waiting[key]
            found[at] = place
        rows = np.full(len(outer), NO_CONTEXT, np.int64)
        rows[known] = found[places]
        return rows

    def _estimate(self, rounds: int) -> None:
        parents = self._base
        for level, (counts, of) in enumerate(zip(self._counts, self._parents, strict=True)):
            if not of:
                return
            outer = parents[np.array(of)]
            start = self._shares[level]
            if len(start) < len(of):
                start = np.concatenate([start, outer[len(start) :]])
            held: Sequence[Floats] = [c[: len(of)] for c in (counts.won, counts.lost, counts.told)]
            strength = self.settings.strength if level else 2.0
            parents = most_likely(held[0], held[1], held[2], outer, strength, start, self._blur, rounds)
            self._shares[level] = parents
