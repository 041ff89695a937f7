from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

from prediction.scorer import Scorer

class Blend(Scorer):
    TYPE: str
    members: tuple[Scorer, ...]
    weights: NDArray[np.float64]
    bias: float
    def __init__(self, members: Sequence[Scorer], weights: ArrayLike, bias: float) -> None: ...
