import numpy as np
from numpy.typing import NDArray

class PairLearner:
    fields: int
    k: int
    rate: float
    l2: float
    bias: float
    def __init__(
        self,
        n_rows: int,
        n_places: int,
        fields: int,
        k: int = 4,
        rate: float = 0.1,
        l2: float = 2e-5,
        bias: float = 0.0,
        seed: int = 1,
    ) -> None: ...
    def learn(
        self,
        vectors: NDArray[np.uint32],
        places: NDArray[np.uint32],
        labels: NDArray[np.float64],
        weights: NDArray[np.float64],
        order: NDArray[np.int64],
    ) -> float: ...
    def margins(self, vectors: NDArray[np.uint32], places: NDArray[np.uint32]) -> NDArray[np.float64]: ...
    def learnt(self) -> tuple[NDArray[np.float32], NDArray[np.float32]]: ...
