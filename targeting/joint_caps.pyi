from collections.abc import Sequence

def is_capped_together(
    data: bytes, line_items: Sequence[int], impressions: int, seconds: int, now_s: int
) -> bool: ...
