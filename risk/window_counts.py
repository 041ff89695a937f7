"""How often something came with a key in sliding windows, and when last.

A window of ``n`` buckets of ``s`` seconds is the bucket of now and the ``n - 1`` before it: 24 buckets of an hour tell
of the last 23 to 24 hours. Counts stop at 65,535 a bucket. What comes late is counted as long as its bucket is
kept.
"""

from collections.abc import Mapping
from pathlib import Path
from struct import Struct
from typing import NamedTuple

from risk.slots import Slots

LARGEST = 65_535


class Window(NamedTuple):
    """``buckets`` of ``bucket_s`` seconds each."""

    bucket_s: int
    buckets: int


class _Layout(NamedTuple):
    last: int
    """Where in a record the time of the last event is."""
    windows: tuple[tuple[int, Window, Struct], ...]


class WindowCounts:
    """Counts of the kinds of ``events``, each in its windows. ``idle``: an event of the first kind counts one up, and
    one of the second sets to 0, what `idled` tells. Parameters else as `Slots`.
    """

    def __init__(
        self,
        path: Path | None,
        events: Mapping[str, tuple[Window, ...]],
        slots: int,
        *,
        idle: tuple[str, str] | None = None,
        readonly: bool = False,
    ) -> None:
        self._idle = idle
        self._layouts: dict[str, _Layout] = {}
        self._heads = Struct(f"<{_LASTS + len(events)}I")
        at = self._heads.size
        for place, (event, windows) in enumerate(events.items()):
            last, laid = (_LASTS + place) * _TIME.size, []
            for window in windows:
                packed = Struct(f"<I{window.buckets}H")
                laid.append((at, window, packed))
                at += packed.size
            self._layouts[event] = _Layout(last, tuple(laid))
        self.slots = Slots(path, at + -at % 4, slots, readonly=readonly)

    def observe(self, key: int, event: str, at_s: int) -> None:
        """Counts one event. Raises KeyError for one of no kind, ValueError for key 0."""
        layout = self._layouts[event]
        record, new = self.slots.claim(key, at_s)
        memory = self.slots.memory
        if new or at_s < _TIME.unpack_from(memory, record)[0]:
            _TIME.pack_into(memory, record, at_s)
        if self._idle is not None and event in self._idle:
            place = record + _TIME.size
            idled = _TIME.unpack_from(memory, place)[0]
            _TIME.pack_into(memory, place, min(idled + 1, 2**32 - 1) if event == self._idle[0] else 0)
        if at_s > _TIME.unpack_from(memory, record + layout.last)[0]:
            _TIME.pack_into(memory, record + layout.last, at_s)
        for place, (bucket_s, buckets), packed in layout.windows:
            head, *counts = packed.unpack_from(memory, record + place)
            bucket = at_s // bucket_s
            if bucket > head:
                for passed in range(max(head + 1, bucket - buckets + 1), bucket + 1):
                    counts[passed % buckets] = 0
                head = bucket
            elif bucket <= head - buckets:
                continue
            if counts[bucket % buckets] < LARGEST:
                counts[bucket % buckets] += 1
            packed.pack_into(memory, record + place, head, *counts)

    def find(self, key: int) -> int:
        """The key's record, for `heads` and `counted`; -1: nothing is known of it."""
        return self.slots.find(key)

    def heads(self, record: int) -> tuple[int, ...]:
        """When the key was seen first, how many idled, and when each kind of event came last (0: never), in order."""
        return self._heads.unpack_from(self.slots.memory, record)

    def counted(self, record: int, event: str, now_s: int) -> tuple[int, ...]:
        """How many came in each window of an event, in their order."""
        memory, told = self.slots.memory, []
        for place, (bucket_s, buckets), packed in self._layouts[event].windows:
            head, *counts = packed.unpack_from(memory, record + place)
            now = now_s // bucket_s
            if now == head:
                told.append(sum(counts))
            elif abs(now - head) >= buckets:
                told.append(0)
            else:  # passed since the last event, or not yet come
                without = range(min(now, head) + 1, max(now, head) + 1)
                told.append(sum(counts) - sum([counts[other % buckets] for other in without]))
        return tuple(told)


_TIME = Struct("<I")
_LASTS = 2
"""Of the heads: first there are when it was first seen and what idled."""
