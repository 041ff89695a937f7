import numpy as np
from numpy.typing import NDArray

class Ftrl:
    alpha: float
    beta: float
    l1: float
    l2: float
    size: int
    def __init__(
        self,
        size: int,
        alpha: float = 0.05,
        beta: float = 1.0,
        l1: float = 0.0,
        l2: float = 1.0,
        bias: float = 0.0,
    ) -> None: ...
    def learn(
        self,
        places: NDArray[np.uint32],
        labels: NDArray[np.float64],
        weights: NDArray[np.float64],
        order: NDArray[np.int64] | None = None,
    ) -> float: ...
    @property
    def bias(self) -> float: ...
    def weights(self) -> NDArray[np.float64]: ...
    def state(self) -> NDArray[np.float64]: ...
    def resume(self, state: NDArray[np.float64]) -> None: ...
