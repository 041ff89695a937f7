import numpy as np
from numpy.typing import NDArray

from cython_ext.encoding import Encoder
from cython_ext.expansion import Expansion
from prediction.scorer import Scorer

class Factorization(Scorer):
    TYPE: str
    encoder: Encoder
    expansion: Expansion
    bias: float
    def __init__(
        self,
        encoder: Encoder,
        expansion: Expansion,
        row_of: NDArray[np.uint32],
        vectors: NDArray[np.float32],
        weights: NDArray[np.float32],
        bias: float,
        places: NDArray[np.uint32] | None = None,
    ) -> None: ...
    @property
    def row_of(self) -> NDArray[np.uint32]: ...
    @property
    def vectors(self) -> NDArray[np.float32]: ...
    @property
    def weights(self) -> NDArray[np.float32]: ...
