"""CSV files of one's own, as a `Mapping` says."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from prediction.datasets.columns import Categories, Times, Wrong, floats, iso, labels, written_as
from prediction.datasets.dataset import Dataset
from prediction.datasets.lines import Block, Lines
from prediction.datasets.mapping import Mapping
from prediction.feature_set import numbers
from prediction.rows import Rows, rows


class Mapped(Dataset):
    """The rows of such a file."""

    def __init__(self, path: Path, mapping: Mapping) -> None:
        names = mapping.columns
        lines = Lines(path, mapping.delimiter, names=names, header=not names, needed=mapping.needed())
        super().__init__(lines, mapping.feature_set())
        self._mapping = mapping
        self._meaning = dict.fromkeys(mapping.positive, 1.0) | dict.fromkeys(mapping.negative, 0.0)
        hashed = [feature.name for feature in mapping.features if feature.kind == "category"]
        self._categories = {name: Categories(mapping.missing) for name in {*hashed, *mapping.segments.values()}}
        known: dict[str, Callable[[str], float]] = {"iso": iso, "unix": float, "unix_ms": _milliseconds}
        self._times = Times(known.get(mapping.time_format) or written_as(mapping.time_format))

    def parsed(self, block: Block, wrong: Wrong) -> Rows:
        mapping = self._mapping
        label = labels(mapping.label, block[mapping.label], wrong, self._meaning)
        values = np.empty((len(block), len(mapping.features)), dtype=np.uint32)
        for column, feature in enumerate(mapping.features):
            texts = block[feature.name]
            if feature.kind == "number":
                values[:, column] = numbers(floats(feature.name, texts, wrong, mapping.missing))
            else:
                values[:, column] = self._categories[feature.name](texts)
        return rows(
            values,
            label,
            weight=self._weights(block, wrong),
            time_ns=self._times(mapping.time, block[mapping.time], wrong) if mapping.time else None,
            segment={name: self._categories[column](block[column]) for name, column in mapping.segments.items()},
        )

    def _weights(self, block: Block, wrong: Wrong) -> NDArray[np.float64] | None:
        name = self._mapping.weight
        if name is None:
            return None
        told = floats(name, block[name], wrong, ()).astype(np.float64)
        for at in np.flatnonzero(~(told > 0)).tolist():
            wrong.setdefault(at, f"{name}: {block[name][at][:40]!r} is no weight; a number above 0 is")
            told[at] = 1.0
        return told


def _milliseconds(text: str) -> float:
    return float(text) / 1000
