import numpy as np
from numpy.typing import NDArray

from cython_ext.encoding import Encoder
from cython_ext.expansion import Expansion
from prediction.scorer import Scorer

class Factorization(Scorer):
    TYPE: str
    encoder: Encoder
    expansion: Expansion
    row_of: NDArray[np.uint32]
    vectors: NDArray[np.float32]
    weights: NDArray[np.float32]
    bias: float
    def __init__(
        self,
        encoder: Encoder,
        expansion: Expansion,
        row_of: NDArray[np.uint32],
        vectors: NDArray[np.float32],
        weights: NDArray[np.float32],
        bias: float,
    ) -> None: ...
