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
    places = np.flatnonzero((model.weights != 0) | (model.row_of != 0)).astype(np.uint32)
    arrays: dict[str, NDArray[Any]] = {
        "places": places,
        "rows": model.row_of[places],
        "weights": model.weights[places],
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
    if len(places) and int(places.max()) >= 1 << expansion.bits:
        raise ValueError(f"places: {places.max()} is not allowed; there are {1 << expansion.bits}")
    row_of = np.zeros(1 << expansion.bits, np.uint32)
    weights = np.zeros(1 << expansion.bits, np.float32)
    row_of[places] = packed.array("rows", "u4", (len(places),))
    weights[places] = packed.array("weights", "f4", (len(places),))
    vectors = packed.array("vectors", "f4", (None, len(expansion.kinds), None))
    return Factorization(encoder, expansion, row_of, vectors, weights, float(packed.parameter("bias", float, int)))
