from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from prediction.scorer import Scorer

MOST_SHIFT: float

class Calibrated(Scorer):
    TYPE: str
    inner: Scorer
    levels: tuple[tuple[int, ...], ...]
    arrays: dict[str, NDArray[Any]]
    offsets: tuple[NDArray[np.uint64], NDArray[np.float64]]
    shift: float
    def __init__(
        self,
        inner: Scorer,
        levels: Sequence[Sequence[int]],
        arrays: Mapping[str, NDArray[Any]],
        offsets: tuple[NDArray[np.uint64], NDArray[np.float64]] | None = None,
        shift: float = 0,
    ) -> None: ...
    def corrected(self, keys: NDArray[np.uint64], offsets: NDArray[np.float64], shift: float = 0) -> Calibrated: ...
