import numpy as np
from numpy.typing import NDArray
from typing_extensions import Buffer

def read_lines(
    data: Buffer,
    kind: bytes,
    first: int,
    keys: NDArray[np.uint64],
    terms: NDArray[np.int32],
    lines: NDArray[np.int64],
    seen: dict[bytes, int],
    odd: list[tuple[int, bytes]],
) -> tuple[int, int]: ...
def key_of(text: Buffer) -> int: ...
