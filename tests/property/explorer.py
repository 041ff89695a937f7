"""Walks through every state of a small world, breadth first, and says how it came to one that is wrong."""

from collections.abc import Callable, Hashable, Iterator
from typing import NamedTuple, TypeVar

S = TypeVar("S", bound=Hashable)


class Explored(NamedTuple):
    states: int
    steps: int


def explore(start: S, steps: Callable[[S], Iterator[tuple[str, S]]], check: Callable[[S], None]) -> Explored:
    """``steps`` yields (what happens, the state after it). An `AssertionError` of either comes with the way to it."""
    came: dict[S, tuple[S, str] | None] = {start: None}
    queue, count = [start], 0
    for state in queue:  # it grows on the way
        try:
            check(state)
            for name, after in steps(state):
                count += 1
                if after not in came:
                    came[after] = state, name
                    queue.append(after)
        except AssertionError as wrong:
            raise type(wrong)(f"{wrong}; after this:\n" + "\n".join(_way(state, came))) from wrong
    return Explored(len(queue), count)


def _way(state: S, came: dict[S, tuple[S, str] | None]) -> list[str]:
    names = []
    while (before := came[state]) is not None:
        state, name = before
        names.append(f"  {name}")
    return names[::-1]
