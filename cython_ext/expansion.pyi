from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

class Expansion:
    n_shared: int
    n_own: int
    n_shared_places: int
    n_own_places: int
    bits: int
    kinds: tuple[bool, ...]
    edges: tuple[NDArray[np.float32] | None, ...]
    crosses: tuple[tuple[int, int], ...]
    levels: tuple[tuple[int, NDArray[np.float32]], ...]
    kept: NDArray[np.uint64] | None
    def __init__(
        self,
        n_shared: int,
        kinds: Sequence[bool],
        edges: Sequence[NDArray[np.float32] | None],
        crosses: Sequence[tuple[int, int]] = (),
        levels: Sequence[tuple[int, NDArray[np.float32]]] = (),
        bits: int = 20,
        kept: NDArray[np.uint64] | None = None,
    ) -> None: ...
    def expand(self, values: NDArray[np.uint32]) -> NDArray[np.uint32]: ...
    def keeping(self, values: NDArray[np.uint32], least: int) -> Expansion: ...
