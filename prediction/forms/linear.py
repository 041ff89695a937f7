"""The linear model: encoder, expansion, a weight a place."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from prediction.forms.columns import pack_encoder, pack_expansion, unpack_encoder, unpack_expansion
from prediction.linear import Linear
from prediction.packing import Packed


def pack(model: Linear) -> Packed:
    """Of the weights only those that are not nought."""
    encoder, encoder_arrays = pack_encoder(model.encoder)
    expansion, expansion_arrays = pack_expansion(model.expansion)
    weights = model.weights
    places = np.flatnonzero(weights).astype(np.uint32)
    arrays: dict[str, NDArray[Any]] = {"places": places, "weights": weights[places]}
    return Packed(
        Linear.TYPE, {**encoder, **expansion, "bias": model.bias}, {**encoder_arrays, **expansion_arrays, **arrays}
    )


def unpack(packed: Packed) -> Linear:
    """Raises ValueError."""
    packed.count(0)
    encoder = unpack_encoder(packed)
    expansion = unpack_expansion(packed, encoder)
    places = packed.array("places", "u4", (None,))
    weights = packed.array("weights", "f8", (len(places),))
    return Linear(encoder, expansion, weights, float(packed.parameter("bias", float, int)), places)
