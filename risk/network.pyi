import numpy as np
from numpy.typing import NDArray

from risk.graph_features import GraphFeatures

MAX_DISTANCE: int
DAMPING: float
EPSILON: float
MOST_SHARED: int
HUBS: int
ROW: np.dtype[np.void]

class Network:
    def __init__(
        self,
        rows: NDArray[np.void] | None = None,
        offsets: NDArray[np.uint64] | None = None,
        neighbours: NDArray[np.uint32] | None = None,
        slots: NDArray[np.uint32] | None = None,
    ) -> None: ...
    def __len__(self) -> int: ...
    @property
    def edges(self) -> int: ...
    @property
    def since(self) -> int: ...
    def features(self, key: int) -> GraphFeatures: ...
    def columns(self) -> tuple[NDArray[np.uint64], NDArray[np.uint8], NDArray[np.float64], NDArray[np.float64]]: ...
    def missing(self, first: NDArray[np.uint64], second: NDArray[np.uint64]) -> NDArray[np.bool_]: ...
    def add(
        self,
        first: NDArray[np.uint64],
        first_kinds: NDArray[np.uint8],
        second: NDArray[np.uint64],
        second_kinds: NDArray[np.uint8],
    ) -> int: ...
    def label(self, key: int, kind: int, label: int) -> None: ...
    def settle(self) -> None: ...

def numbered(
    keys: NDArray[np.uint64], kinds: NDArray[np.uint8]
) -> tuple[NDArray[np.uint64], NDArray[np.uint8], NDArray[np.uint32]]: ...
def slots_of(keys: NDArray[np.uint64]) -> NDArray[np.uint32]: ...
