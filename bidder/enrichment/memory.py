"""Remembered answers of slow look-ups: a dict that fills itself and starts anew when it is full."""

from collections.abc import Callable
from typing import Generic, TypeVar

T = TypeVar("T")

MOST = 200_000
"""Entries; at about 300 bytes each, 60 MB at the very most."""


class Memory(dict[str, T], Generic[T]):
    """``memory[text]`` is ``find(text)``, computed once. A hit is one dict look-up, without a call of Python."""

    def __init__(self, find: Callable[[str], T], most: int = MOST) -> None:
        super().__init__()
        self._find, self._most = find, most

    def __missing__(self, text: str) -> T:
        if len(self) >= self._most:
            self.clear()
        value = self[text] = self._find(text)
        return value
