from collections.abc import Sequence

CODES: dict[str, int]
REASONS: dict[int, str]

class Builder:
    def __init__(
        self,
        layouts: Sequence[tuple[int, str, int, Sequence[int | str | bool | float | bytes], int]],
        sinks: Sequence[tuple[int, int, int, Sequence[tuple[int, int]]]],
        apart: Sequence[int],
        span: int,
        last: int,
    ) -> None: ...
    def build(
        self, records: list[bytes]
    ) -> tuple[list[tuple[int, int, int, list[bytes]]], list[int], list[tuple[int, int, int]]]: ...
