import numpy as np
from numpy.typing import ArrayLike, NDArray

class Forest:
    n_columns: int
    deepest: int
    sizes: NDArray[np.int64]
    asked: NDArray[np.uint16]
    thresholds: NDArray[np.float32]
    ahead: NDArray[np.uint16]
    leaves: NDArray[np.float64]
    def __init__(
        self,
        n_columns: int,
        sizes: ArrayLike,
        asked: ArrayLike,
        thresholds: ArrayLike,
        ahead: ArrayLike,
        leaves: ArrayLike,
    ) -> None: ...
    def totals(self, values: NDArray[np.uint32]) -> NDArray[np.float64]: ...
