from collections.abc import Iterable, Sequence

from cython_ext.bitset import Bitsets
from domain.campaign import Clause

class Measures:
    def __init__(
        self,
        place: tuple[float, float] | None = None,
        os: str = "",
        version: str = "",
        page: str = "",
        record: bytes | None = None,
        now_s: int = 0,
    ) -> None: ...

class Matcher:
    n_lines: int
    wanted: int
    sets: Bitsets
    later: Matcher | None
    gone: frozenset[int]
    def __init__(
        self,
        n_lines: int,
        wanted: int,
        sets: Bitsets,
        owners: Sequence[int],
        checks: Sequence[tuple[Clause, ...]],
    ) -> None: ...
    def changed(self, n_lines: int, gone: Iterable[int], later: Matcher | None) -> Matcher: ...
    def matching(self, facts: Sequence[Sequence[int]], measures: Measures) -> list[int]: ...
    def timed(
        self, requests: Sequence[Sequence[Sequence[int]]], measures: Measures, rounds: int
    ) -> list[tuple[int, int, int]]: ...
    def size_bytes(self) -> int: ...

def holds(clause: Clause, facts: Sequence[Sequence[int]], measures: Measures) -> bool: ...
