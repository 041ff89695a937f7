"""Remembered answers of slow look-ups: a dict that fills itself and starts anew when it is full."""

from collections.abc import Callable
from typing import Generic, TypeVar

K = TypeVar("K")
T = TypeVar("T")

MOST = 200_000
"""Entries; at about 300 bytes each, 60 MB at the very most."""


class Memory(dict[K, T], Generic[K, T]):
    """``memory[key]`` is ``find(key)``, computed once. A hit is one dict look-up, without a call of Python."""

    def __init__(self, find: Callable[[K], T], most: int = MOST) -> None:
        super().__init__()
        self._find, self._most = find, most

    def __missing__(self, key: K) -> T:
        if len(self) >= self._most:
            self.clear()
        value = self[key] = self._find(key)
        return value
