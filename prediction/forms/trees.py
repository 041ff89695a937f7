"""Boosted trees: encoder, and the nodes of all trees behind each other."""

from cython_ext.forest import Forest
from prediction.forms.columns import pack_encoder, unpack_encoder
from prediction.packing import Packed
from prediction.trees import Trees

NODES = {"asked": "u2", "thresholds": "f4", "ahead": "u2", "leaves": "f8"}


def pack(model: Trees) -> Packed:
    """Taken apart."""
    parameters, arrays = pack_encoder(model.encoder)
    nodes = {name: getattr(model.forest, name) for name in ("sizes", *NODES)}
    return Packed(Trees.TYPE, {**parameters, "bias": model.bias}, {**arrays, **nodes})


def unpack(packed: Packed) -> Trees:
    """Raises ValueError."""
    packed.count(0)
    encoder = unpack_encoder(packed)
    leaves = packed.array("leaves", "f8", (None,))
    nodes = [packed.array(name, dtype, leaves.shape) for name, dtype in NODES.items()]
    sizes = packed.array("sizes", "i8", (None,))
    forest = Forest(encoder.n_shared_out + encoder.n_own_out, sizes, *nodes)
    return Trees(encoder, forest, float(packed.parameter("bias", float, int)))
