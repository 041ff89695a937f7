"""What all formats of files have in common: blocks of lines in, training rows out."""

from collections.abc import Iterator
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from prediction.datasets.columns import Wrong
from prediction.datasets.lines import Bad, Block, Lines
from prediction.feature_set import FeatureSet
from prediction.rows import Rows

History = dict[str, NDArray[Any]]
"""What a reading knows at its end that later rows need, as arrays by name."""


class Dataset:
    """A file of one format. Iterating reads it once, from the first line, in blocks of rows; memory stays bounded.

    A format says in `parsed` what a block of lines is; lines that it finds wrong are left out, and told in ``bad``.
    """

    keeps_time: ClassVar[bool] = True
    """Whether the rows have times."""

    def __init__(self, lines: Lines, features: FeatureSet) -> None:
        self._lines, self.features = lines, features

    @property
    def bad(self) -> Bad:
        """The lines that were left out so far."""
        return self._lines.bad

    @property
    def share(self) -> float:
        """How much of the file has been read, 0 to 1."""
        return self._lines.share

    def __iter__(self) -> Iterator[Rows]:
        for block in self._lines.blocks():
            wrong: Wrong = {}
            rows = self.parsed(block, wrong)
            if wrong:
                for at in sorted(wrong):
                    self.bad.add(block.numbers[at], wrong[at])
                rows = rows.take(np.array([at not in wrong for at in range(len(block))]))
            if len(rows):
                yield rows

    def parsed(self, block: Block, wrong: Wrong) -> Rows:
        """A row a line; ``wrong`` gets the positions of lines that are none, and their rows do not matter."""
        raise NotImplementedError

    def history(self) -> History:
        """What rows that come after those read need to know of them; empty where a row stands for itself."""
        return {}

    def resume(self, history: History) -> None:
        """Goes on where another reading of the format ended."""
