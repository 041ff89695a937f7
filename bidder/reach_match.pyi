from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from bidder.candidates import Candidates
from bidder.seller import Seller
from bidder.view import View
from openrtb.request import Request

class Matches:
    """What was found so far: see `arrays`."""

    def add(self, c: Candidates, view: View, seller: Seller, r: Request, number: int) -> int: ...
    def arrays(self) -> tuple[NDArray[np.int32], NDArray[np.int32], NDArray[np.int32], NDArray[np.int64]]: ...
    def __len__(self) -> int: ...

FORMAT_NAMES: Sequence[str]
