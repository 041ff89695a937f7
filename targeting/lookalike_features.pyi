from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

STAGES_KNOWN: int
AGES: int
COUNTS: int
SCORE_RANGES: int

class Features:
    advertiser: int
    width: int
    def __init__(
        self,
        advertiser: int,
        audiences: Iterable[int],
        scores: Iterable[tuple[int, int, int]] = (),
        conversions: Iterable[int] = (),
        dealings: bool = True,
    ) -> None: ...
    def rows(self, records: list[bytes], now_s: int) -> tuple[NDArray[np.int64], NDArray[np.int32]]: ...
