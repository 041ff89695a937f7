import numpy as np
from numpy.typing import NDArray

from cython_ext.encoding import Encoder
from cython_ext.expansion import Expansion
from prediction.scorer import Scorer

class Linear(Scorer):
    TYPE: str
    encoder: Encoder
    expansion: Expansion
    weights: NDArray[np.float64]
    bias: float
    def __init__(self, encoder: Encoder, expansion: Expansion, weights: NDArray[np.float64], bias: float) -> None: ...
