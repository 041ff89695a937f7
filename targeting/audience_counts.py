"""How many persons audiences have, and how many they share: by roaring bitmaps, a 256th of all persons at a time.

Keys are hashes of 64 bits, so a bitmap of a whole audience would take some hundred bytes a member; a part of it takes a
few megabytes whatever the audience, and the counts of the parts add up. Sets of audiences are evaluated on the bitmaps
of their lists, by the definition and not by the expression that the bidder makes of it.
"""

from collections.abc import Callable, Sequence
from typing import NamedTuple

from pyroaring import BitMap64

from domain.audience import AudienceSet
from targeting.audience_algebra import Definitions, evaluated, names_in
from targeting.audience_import import STEP
from targeting.audience_lists import Lists, live
from targeting.audience_spool import PARTS

Progress = Callable[[float], None]
"""Called now and then with the share that is done."""


class Overlap(NamedTuple):
    """Of some audiences, in their order: ``shared[i][j]`` persons are live members of the i-th and of the j-th."""

    shared: tuple[tuple[int, ...], ...]

    def share(self, i: int, j: int) -> float:
        """How much of the i-th is in the j-th, 0 to 1."""
        return self.shared[i][j] / self.shared[i][i] if self.shared[i][i] else 0.0


def overlap(
    lists: Lists,
    audiences: Sequence[int],
    definitions: Definitions,
    now_s: int,
    progress: Progress = lambda done: None,
) -> Overlap:
    """Counts members whose membership has not ended by ``now_s`` (unix seconds)."""
    count = len(audiences)
    shared = [[0] * count for _ in range(count)]
    for part in range(PARTS):
        found = _Part(lists, definitions, part, now_s)
        bitmaps = [found.of(audience) for audience in audiences]
        for i, one in enumerate(bitmaps):
            shared[i][i] += len(one)
            for j in range(i):
                shared[i][j] += one.intersection_cardinality(bitmaps[j])
        progress((part + 1) / PARTS)
    return Overlap(tuple(tuple(shared[max(i, j)][min(i, j)] for j in range(count)) for i in range(count)))


def live_sizes(
    lists: Lists,
    audiences: Sequence[int],
    definitions: Definitions,
    now_s: int,
    progress: Progress = lambda done: None,
) -> list[int]:
    """How many members each has whose membership has not ended by ``now_s``."""
    sizes = [0] * len(audiences)
    for part in range(PARTS):
        found = _Part(lists, definitions, part, now_s)
        for i, audience in enumerate(audiences):
            sizes[i] += found.size(audience)
        progress((part + 1) / PARTS)
    return sizes


class _Part:
    """The 256th of some audiences; lists are read once, sets are made of them."""

    def __init__(self, lists: Lists, definitions: Definitions, part: int, now_s: int) -> None:
        self._lists, self._definitions, self._part, self._now_s = lists, definitions, part, now_s
        self._needed = {name for of in definitions.values() for name in names_in(of)}
        self._found: dict[int, BitMap64] = {}

    def size(self, audience: int) -> int:
        if audience in self._definitions or audience in self._needed:
            return len(self.of(audience))
        return len(live(self._lists, audience, self._part, self._now_s))

    def of(self, one: int | AudienceSet) -> BitMap64:
        if not isinstance(one, int):
            return self._made(one)
        if one not in self._found:
            definition = self._definitions.get(one)
            self._found[one] = (
                self._made(definition)
                if definition is not None
                else BitMap64(live(self._lists, one, self._part, self._now_s))
            )
        return self._found[one]

    def _made(self, definition: AudienceSet) -> BitMap64:
        return evaluated(definition, self.of, BitMap64.__and__, BitMap64.__or__, BitMap64.__sub__)


def end_memberships(lists: Lists, audience: int, now_s: int, progress: Progress = lambda done: None) -> int:
    """Takes out the members whose membership has ended by ``now_s``; returns how many."""
    ended = 0
    for part in range(PARTS):
        alive = live(lists, audience, part, now_s)
        over = sorted(set(lists.part(audience, part)).difference(alive))
        for first in range(0, len(over), STEP):
            ended += lists.end(audience, over[first : first + STEP], now_s)
        progress((part + 1) / PARTS)
    return ended
