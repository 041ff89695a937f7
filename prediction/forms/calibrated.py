"""A calibrated model: levels, curves, and as its member the model put right. What was seen since is left out."""

import numpy as np

from prediction import packing
from prediction.calibrated import Calibrated
from prediction.packing import Packed
from prediction.scorer import Scorer

ARRAYS: dict[str, tuple[str, tuple[int | None, ...]]] = {
    "x": ("f8", (None,)),
    "y": ("f8", (None,)),
    "begins": ("i4", (None,)),
    "slopes": ("f8", (None, 2)),
    "keys": ("u8", (None,)),
}
"""Types and shapes of what `Calibrated` takes."""


def pack(model: Calibrated) -> Packed:
    """The model that it puts right is its one member."""
    arrays = {name: np.asarray(model.arrays[name], kind) for name, (kind, _) in ARRAYS.items()}
    levels = [list(level) for level in model.levels]
    return Packed(Calibrated.TYPE, {"levels": levels}, arrays, (packing.pack(model.inner),))


def unpack(packed: Packed) -> Calibrated:
    """Raises ValueError that begins with the name of what is wrong."""
    levels = packed.parameter("levels", list)
    for level in levels:
        if not isinstance(level, list) or not all(type(slot) is int for slot in level):
            raise ValueError(f"levels: {level!r} is not allowed; lists of slots are")
    packed.count(1)
    inner = packing.unpack(packed.members[0])
    if not isinstance(inner, Scorer):
        raise ValueError(f"members: a {packed.members[0].model_type} does not score impressions")
    return Calibrated(inner, levels, {name: packed.array(name, *shape) for name, shape in ARRAYS.items()})
