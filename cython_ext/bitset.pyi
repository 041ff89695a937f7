from collections.abc import Iterable, Sequence

class Bitsets:
    n_items: int
    n_words: int
    n_dimensions: int
    def __init__(
        self,
        n_items: int,
        n_dimensions: int,
        requires: Iterable[tuple[int, int, Sequence[int]]],
        excludes: Iterable[tuple[int, int, Sequence[int]]],
    ) -> None: ...
    def matching(self, facts: Sequence[Sequence[int]]) -> list[int]: ...
    def removals(self, facts: Sequence[Sequence[int]]) -> list[int]: ...
    def size_bytes(self) -> int: ...
