"""Answers that were told lately, by what was asked: bounded, with an expiry, and cheap to keep."""

from collections.abc import Hashable
from typing import Generic, TypeVar

T = TypeVar("T")


class AnswerCache(Generic[T]):
    """Holds ``most`` answers for ``seconds`` each. There are two generations: when the young one is full it becomes the
    old one, whose answers come back as they are asked for, and the others are dropped. So what is in use stays, without
    an order that every look-up would have to keep.
    """

    def __init__(self, seconds: float, most: int) -> None:
        self._seconds, self._half = seconds, max(1, most // 2)
        self._young: dict[Hashable, tuple[float, T]] = {}
        self._old: dict[Hashable, tuple[float, T]] = {}

    def get(self, key: Hashable, now: float) -> T | None:
        """None: nothing that is fresh enough. ``now``: seconds of the clock that `put` is given."""
        entry = self._young.get(key)
        if entry is None:
            entry = self._old.pop(key, None)
            if entry is None:
                return None
            self._keep(key, entry)
        return entry[1] if now < entry[0] else None

    def put(self, key: Hashable, answer: T, now: float) -> None:
        if self._seconds > 0:
            self._keep(key, (now + self._seconds, answer))

    def __len__(self) -> int:
        return len(self._young) + len(self._old)

    def _keep(self, key: Hashable, entry: tuple[float, T]) -> None:
        if len(self._young) >= self._half:
            self._old, self._young = self._young, {}
        self._young[key] = entry
