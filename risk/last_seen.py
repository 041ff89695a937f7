"""Which others a key was seen with, and when last: how many different ones there were in any window, up to 32."""

from collections.abc import Collection
from pathlib import Path
from struct import Struct

import numpy as np
from numpy.typing import NDArray

from risk.slots import Slots

MOST = 32
"""Others that are kept of a key; one more pushes out the one that was seen longest ago."""

_RECORD = Struct(f"<{MOST}Q{MOST}I")
_TIMES = Struct(f"<{MOST}I")
_OTHER, _TIME = Struct("<Q"), Struct("<I")


class LastSeen:
    """Parameters as `Slots`."""

    def __init__(self, path: Path | None, slots: int, *, readonly: bool = False) -> None:
        self.slots = Slots(path, _RECORD.size, slots, readonly=readonly)

    def observe(self, key: int, other: int, at_s: int) -> None:
        """They were seen together. Raises ValueError for a key of 0."""
        if not other:
            raise ValueError("other: 0 is nobody's")
        record, _ = self.slots.claim(key, at_s)
        memory = self.slots.memory
        known = _RECORD.unpack_from(memory, record)
        others, times = known[:MOST], known[MOST:]
        if other in others:
            place = others.index(other)
            if at_s <= times[place]:
                return
        else:
            place = times.index(min(times))
            if times[place] > at_s:
                return
            _OTHER.pack_into(memory, record + place * _OTHER.size, other)
        _TIME.pack_into(memory, record + MOST * _OTHER.size + place * _TIME.size, at_s)

    def different(self, key: int, windows_s: Collection[int], now_s: int) -> tuple[int, ...]:
        """How many others were seen in each window that ends now; 32 stands for as many or more."""
        record = self.slots.find(key)
        if record < 0:
            return (0,) * len(windows_s)
        times = _TIMES.unpack_from(self.slots.memory, record + MOST * _OTHER.size)
        ago = [now_s - time for time in times if time and time <= now_s]
        return tuple([sum([since < window for since in ago]) for window in windows_s])

    def seen_with(self, keys: Collection[int]) -> NDArray[np.intp]:
        """Where these keys are others' others, for `forget`: a row each. It looks at the whole table, and may do so
        in a thread while the writer goes on.
        """
        others = self.slots.column("<u8", 0, MOST)
        return np.argwhere(np.isin(others, np.fromiter(keys, np.uint64, len(keys))))

    def forget(self, keys: Collection[int], places: NDArray[np.intp]) -> None:
        """Removes the keys, and removes them from the ``places`` at which they are another's other still."""
        gone = set(keys)
        for key in gone:
            self.slots.forget(key)
        others = self.slots.column("<u8", 0, MOST)
        times = self.slots.column("<u4", MOST * _OTHER.size, MOST)
        for bucket, way, place in places.tolist():
            if int(others[bucket, way, place]) in gone:
                others[bucket, way, place] = times[bucket, way, place] = 0
