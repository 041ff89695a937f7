"""Field-aware factorization: encoder, expansion, a weight and a row of vectors for each place that has been learnt."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from prediction.factorization import Factorization
from prediction.forms.columns import pack_encoder, pack_expansion, unpack_encoder, unpack_expansion
from prediction.packing import Packed


def pack(model: Factorization) -> Packed:
    """Of the places only those that have a weight or vectors."""
    encoder, encoder_arrays = pack_encoder(model.encoder)
    expansion, expansion_arrays = pack_expansion(model.expansion)
    weights, row_of = model.weights, model.row_of
    places = np.flatnonzero((weights != 0) | (row_of != 0)).astype(np.uint32)
    arrays: dict[str, NDArray[Any]] = {
        "places": places,
        "rows": row_of[places],
        "weights": weights[places],
        "vectors": model.vectors,
    }
    parameters = {**encoder, **expansion, "bias": model.bias}
    return Packed(Factorization.TYPE, parameters, {**encoder_arrays, **expansion_arrays, **arrays})


def unpack(packed: Packed) -> Factorization:
    """Raises ValueError."""
    packed.count(0)
    encoder = unpack_encoder(packed)
    expansion = unpack_expansion(packed, encoder)
    places = packed.array("places", "u4", (None,))
    row_of = packed.array("rows", "u4", (len(places),))
    weights = packed.array("weights", "f4", (len(places),))
    vectors = packed.array("vectors", "f4", (None, len(expansion.kinds), None))
    bias = float(packed.parameter("bias", float, int))
    return Factorization(encoder, expansion, row_of, vectors, weights, bias, places)
