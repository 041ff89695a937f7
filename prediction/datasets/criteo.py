"""Criteo display advertising (the Kaggle challenge's form): label, 13 counts, 26 hashed categories, tabs, no header.

There is no time, and nothing tells what the columns are.
"""

from pathlib import Path

import numpy as np

from prediction.datasets.columns import BINARY, Categories, Wrong, floats, labels
from prediction.datasets.dataset import Dataset
from prediction.datasets.lines import Block, Lines
from prediction.feature_set import Feature, FeatureSet, numbers
from prediction.rows import Rows, rows

NUMBERS = tuple(f"I{n}" for n in range(1, 14))
CATEGORIES = tuple(f"C{n}" for n in range(1, 27))

FEATURES = FeatureSet(
    "criteo",
    1,
    tuple(Feature(name, "number", "request", doc="a count") for name in NUMBERS)
    + tuple(Feature(name, "category", "request", doc="a hashed category") for name in CATEGORIES),
)


class Criteo(Dataset):
    """The rows of such a file."""

    keeps_time = False

    def __init__(self, path: Path) -> None:
        super().__init__(Lines(path, "\t", names=("label", *NUMBERS, *CATEGORIES), quoted=False), FEATURES)
        self._categories = {name: Categories() for name in CATEGORIES}

    def parsed(self, block: Block, wrong: Wrong) -> Rows:
        label = labels("label", block["label"], wrong, BINARY)
        columns = [numbers(floats(name, block[name], wrong)) for name in NUMBERS]
        columns += [self._categories[name](block[name]) for name in CATEGORIES]
        return rows(np.stack(columns, axis=1), label)
