"""What values are, where their weights stand and what models make of them, in plain Python: the kernels' oracle."""

import math
import struct
from bisect import bisect_right
from collections.abc import Sequence

from cython_ext.siphash import siphash24

WORD = 2**64 - 1
GOLDEN = 0x9E3779B97F4A7C15
KEY = struct.pack("<QQ", 0x6F75746269642066, 0x6561747572657631)
MISSING_NUMBER = 0x7FC00000


def mixed(x: int) -> int:
    """SplitMix64's finaliser."""
    x = (x ^ (x >> 30)) * 0xBF58476D1CE4E5B9 & WORD
    x = (x ^ (x >> 27)) * 0x94D049BB133111EB & WORD
    return x ^ (x >> 31)


def category(value: int | bytes) -> int:
    whole = mixed((value + GOLDEN) & WORD) if isinstance(value, int) else siphash24(KEY, value)
    return (whole & 0xFFFFFFFF) or 1


def crossed(first: int, second: int) -> int:
    return category(first << 32 | second)


def number(value: int) -> float:
    return float(struct.unpack("<f", struct.pack("<I", value))[0])


def bits(value: float) -> int:
    return int(struct.unpack("<I", struct.pack("<f", value))[0])


class Places:
    """As `Expansion`, for whole rows; ``kept`` are the places that have been seen often enough (None: all)."""

    def __init__(
        self,
        n_shared: int,
        edges: Sequence[Sequence[float] | None],
        crosses: Sequence[tuple[int, int]],
        levels: Sequence[tuple[int, Sequence[float]]],
        bits: int,
        kept: set[int] | None = None,
    ) -> None:
        self.n_shared, self.edges, self.crosses, self.levels = n_shared, edges, crosses, levels
        self.bits, self.kept = bits, kept

    def bucket(self, edges: Sequence[float], value: int) -> int:
        x = number(value)
        return 0 if math.isnan(x) else 1 + bisect_right(edges, x)

    def place(self, slot: int, value: int) -> int:
        place = mixed(((slot << 32 | value) + GOLDEN) & WORD) >> 16 & (1 << self.bits) - 1
        if self.kept is not None and place not in self.kept:
            slots = len(self.edges) + len(self.crosses) + len(self.levels)
            return mixed((((slots + slot) << 32) + GOLDEN) & WORD) >> 16 & (1 << self.bits) - 1
        return place

    def of(self, row: Sequence[int]) -> tuple[list[int], list[int]]:
        """Places of the shared part, and of the own part."""
        coded = [v if e is None else self.bucket(e, v) for v, e in zip(row, self.edges, strict=True)]
        parts: tuple[list[int], list[int]] = ([], [])
        for slot, code in enumerate(coded):
            parts[slot >= self.n_shared].append(self.place(slot, code))
        slot = len(coded)
        for first, second in self.crosses:
            own = max(first, second) >= self.n_shared
            parts[own].append(self.place(slot, crossed(coded[first], coded[second])))
            slot += 1
        for column, edges in self.levels:
            parts[column >= self.n_shared].append(self.place(slot, self.bucket(edges, row[column])))
            slot += 1
        return parts


def extended(
    row: Sequence[int],
    n_shared: int,
    sources: Sequence[tuple[int, int]],
    tables: Sequence[dict[int, Sequence[float]]],
    unseen: Sequence[Sequence[float]],
) -> list[int]:
    """As `Encoder`."""
    parts = [list(row[:n_shared]), list(row[n_shared:])]
    for (first, second), table, others in zip(sources, tables, unseen, strict=True):
        key = row[first] if second < 0 else crossed(row[first], row[second])
        parts[max(first, second) >= n_shared] += [bits(x) for x in table.get(key, others)]
    return parts[0] + parts[1]


def pair_margin(rows: Sequence[Sequence[Sequence[float]]]) -> float:
    """Of a factorization machine: ``rows[i][j]`` is the vector of field i's value against field j."""
    return sum(
        math.fsum(a * b for a, b in zip(rows[i][j], rows[j][i], strict=True))
        for i in range(len(rows))
        for j in range(i)
    )


def probability(margin: float) -> float:
    return 1 / (1 + math.exp(-min(max(margin, -30.0), 30.0)))
