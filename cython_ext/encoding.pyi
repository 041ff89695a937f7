from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

class Encoder:
    n_shared: int
    n_own: int
    n_shared_out: int
    n_own_out: int
    width: int
    sources: tuple[tuple[int, int], ...]
    sizes: NDArray[np.int64]
    keys: NDArray[np.uint32]
    numbers: NDArray[np.float32]
    unseen: NDArray[np.float32]
    def __init__(
        self,
        n_shared: int,
        n_own: int,
        sources: Sequence[tuple[int, int]] = (),
        sizes: ArrayLike = (),
        keys: NDArray[np.uint32] | None = None,
        numbers: NDArray[np.float32] | None = None,
        unseen: NDArray[np.float32] | None = None,
    ) -> None: ...
    def extend(self, values: NDArray[np.uint32]) -> NDArray[np.uint32]: ...
    def columns(self) -> list[tuple[int, int]]: ...
