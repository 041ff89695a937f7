"""What a model remembers of the rows it has learnt from: a hash of each, and what the folds said of it.

So a file that has such rows can be judged honestly: a row that the model knows is judged by what a model without it
said, all others by the model itself. The hashes are of the columns that the model reads, with the outcome.
"""

import numpy as np
from numpy.typing import NDArray

from credit.artefact import Memory
from credit.columns import Floats, Schema
from credit.model import Values
from domain.naming import name_id

_ODD = np.uint64(0x9E3779B97F4A7C15)
_MIX = np.uint64(0xBF58476D1CE4E5B9)


def keys(schema: Schema, columns: Values, label: Floats) -> NDArray[np.uint64]:
    """Of rows."""
    total = np.where(label > 0.5, np.uint64(1), np.uint64(2))
    for plan in schema.plans:
        if plan.kind == "number":
            numbers = np.nan_to_num(np.asarray(columns[plan.name], np.float64), nan=1e301) + 0.0  # -0.0 is 0.0
            part = numbers.view(np.uint64)
        else:
            codes = np.asarray(columns[plan.name], np.int64) + 1
            part = np.array([name_id(level) for level in ("", *plan.levels, "other")], np.uint64)[codes]
        total = _mixed((total * _ODD) ^ _mixed(part + np.uint64(name_id(plan.name) & 0xFFFFFFFF)))
    return total


def memory(key: NDArray[np.uint64], boosted: Floats, scorecard: Floats) -> Memory:
    """Of the rows of training; rows that are the same are told of once, by their mean."""
    kinds, place = np.unique(key, return_inverse=True)
    rows = np.bincount(place)
    return Memory(
        kinds,
        (np.bincount(place, boosted) / rows).astype(np.float32),
        (np.bincount(place, scorecard) / rows).astype(np.float32),
    )


def recalled(known: Memory, key: NDArray[np.uint64]) -> tuple[NDArray[np.bool_], NDArray[np.int64]]:
    """Which rows were among those of training, and where each is."""
    if not len(known.keys):
        return np.zeros(len(key), np.bool_), np.zeros(len(key), np.int64)
    at = np.searchsorted(known.keys, key).clip(0, len(known.keys) - 1)
    return known.keys[at] == key, at


def _mixed(value: NDArray[np.uint64]) -> NDArray[np.uint64]:
    value = (value ^ (value >> np.uint64(30))) * _MIX
    return value ^ (value >> np.uint64(31))
