from collections.abc import Iterable, Sequence

class Bitsets:
    n_items: int
    n_blocks: int
    def __init__(
        self,
        planes: Sequence[tuple[int, bool]],
        items: Iterable[Iterable[tuple[int, Sequence[int], bool]]],
    ) -> None: ...
    def matching(self, facts: Sequence[Sequence[int]]) -> list[int]: ...
    def size_bytes(self) -> int: ...
