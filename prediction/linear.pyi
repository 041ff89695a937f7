import numpy as np
from numpy.typing import NDArray

from cython_ext.encoding import Encoder
from cython_ext.expansion import Expansion
from prediction.scorer import Scorer

class Linear(Scorer):
    TYPE: str
    encoder: Encoder
    expansion: Expansion
    bias: float
    def __init__(
        self,
        encoder: Encoder,
        expansion: Expansion,
        weights: NDArray[np.float64],
        bias: float,
        places: NDArray[np.uint32] | None = None,
    ) -> None: ...
    @property
    def weights(self) -> NDArray[np.float64]: ...
