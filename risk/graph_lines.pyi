import numpy as np
from numpy.typing import NDArray

from risk.graph_records import Entries

def read_block(
    data: bytes, number: int
) -> tuple[Entries, NDArray[np.int64], Entries, NDArray[np.int64], list[tuple[int, bytes]], int]: ...
