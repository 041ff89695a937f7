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


class Counted(NamedTuple):
    """What is known of one kind of event with a key."""

    counts: tuple[int, ...]
    """In each window, in their order."""
    last_s: int
    """When the last one came; 0: never."""


class _Layout(NamedTuple):
    last: int
    """Where in a record the time of the last event is."""
    windows: tuple[tuple[int, Window, Struct], ...]
    none: Counted
    """What is told of an event that never came."""


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
        at = 2 * _TIME.size  # when it was first seen, and what idled
        for event, windows in events.items():
            last, laid = at, []
            at += _TIME.size
            for window in windows:
                packed = Struct(f"<I{window.buckets}H")
                laid.append((at, window, packed))
                at += packed.size
            self._layouts[event] = _Layout(last, tuple(laid), Counted((0,) * len(laid), 0))
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
        """The key's record, for `counted`, `first_s` and `idled`; -1: nothing is known of it."""
        return self.slots.find(key)

    def counted(self, record: int, event: str, now_s: int) -> Counted:
        """What is known of one kind of event."""
        layout, memory = self._layouts[event], self.slots.memory
        last = _TIME.unpack_from(memory, record + layout.last)[0]
        if not last:
            return layout.none
        told = []
        for place, (bucket_s, buckets), packed in layout.windows:
            now, newest = now_s // bucket_s, last // bucket_s
            if now - newest >= buckets:
                told.append(0)
                continue
            head, *counts = packed.unpack_from(memory, record + place)
            if now == head:
                told.append(sum(counts))
            elif abs(now - head) >= buckets:
                told.append(0)
            else:  # passed since the last event, or not yet come
                without = range(min(now, head) + 1, max(now, head) + 1)
                told.append(sum(counts) - sum([counts[other % buckets] for other in without]))
        return Counted(tuple(told), last)

    def first_s(self, record: int) -> int:
        """When the key was seen first."""
        return int(_TIME.unpack_from(self.slots.memory, record)[0])

    def idled(self, record: int) -> int:
        """How many came since the last of the other kind."""
        return int(_TIME.unpack_from(self.slots.memory, record + _TIME.size)[0])


_TIME = Struct("<I")
