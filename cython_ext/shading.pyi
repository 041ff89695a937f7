import numpy as np
from numpy.typing import ArrayLike, NDArray

STRAY_SPREAD: float

class Landscape:
    strays: float
    def __init__(
        self, prices: ArrayLike, wins: ArrayLike, curves: ArrayLike, children: ArrayLike, strays: float = 0.0
    ) -> None: ...
    def __len__(self) -> int: ...
    def contexts(self, values: NDArray[np.uint32]) -> NDArray[np.uint32]: ...
    def win_rates(self, contexts: NDArray[np.uint32], bids: NDArray[np.int64]) -> NDArray[np.float64]: ...
    def shade(
        self,
        contexts: NDArray[np.uint32],
        values: NDArray[np.int64],
        floors: NDArray[np.int64],
        caps: NDArray[np.int64],
    ) -> NDArray[np.int64]: ...
    def stray(
        self,
        contexts: NDArray[np.uint32],
        values: NDArray[np.int64],
        bids: NDArray[np.int64],
        floors: NDArray[np.int64],
        caps: NDArray[np.int64],
        numbers: NDArray[np.uint64],
    ) -> tuple[NDArray[np.int64], NDArray[np.float64]]: ...
