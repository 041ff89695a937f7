"""The part that models have in common: how a row's columns are encoded as numbers, and expanded to places."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from cython_ext.encoding import Encoder
from cython_ext.expansion import Expansion
from prediction.packing import Packed

Parts = tuple[dict[str, Any], dict[str, NDArray[Any]]]


def pack_encoder(encoder: Encoder) -> Parts:
    """Its parameters and arrays."""
    parameters = {"columns": [encoder.n_shared, encoder.n_own], "sources": [list(pair) for pair in encoder.sources]}
    arrays: dict[str, NDArray[Any]] = {
        "encoder_sizes": encoder.sizes,
        "encoder_keys": encoder.keys,
        "encoder_numbers": encoder.numbers,
        "encoder_unseen": encoder.unseen,
    }
    return parameters, arrays


def unpack_encoder(packed: Packed) -> Encoder:
    """Raises ValueError."""
    n_shared, n_own = _pair("columns", packed.parameter("columns", list))
    sources = [_pair("sources", pair) for pair in packed.parameter("sources", list)]
    sizes = packed.array("encoder_sizes", "i8", (len(sources),))
    keys = packed.array("encoder_keys", "u4", (None,))
    unseen = packed.array("encoder_unseen", "f4", (len(sources), None))
    numbers = packed.array("encoder_numbers", "f4", (len(keys), unseen.shape[1]))
    try:
        return Encoder(n_shared, n_own, sources, sizes, keys, numbers, unseen)
    except ValueError as error:
        raise ValueError(f"encoder_{error}") from None


def pack_expansion(expansion: Expansion) -> Parts:
    """Its parameters and arrays."""
    edges = [given for given in expansion.edges if given is not None]
    levels = [given for _, given in expansion.levels]
    parameters = {
        "bits": expansion.bits,
        "kinds": [int(kind) for kind in expansion.kinds],
        "crosses": [list(pair) for pair in expansion.crosses],
        "levels": [column for column, _ in expansion.levels],
        "keeps": expansion.kept is not None,
    }
    arrays: dict[str, NDArray[Any]] = {
        "edge_counts": np.array([len(given) for given in edges + levels], np.int64),
        "edges": np.concatenate([np.empty(0, np.float32), *edges, *levels]),
    }
    if expansion.kept is not None:
        arrays["kept"] = expansion.kept
    return parameters, arrays


def unpack_expansion(packed: Packed, encoder: Encoder) -> Expansion:
    """Raises ValueError."""
    bits = packed.parameter("bits", int)
    kinds = [kind == 1 for kind in packed.parameter("kinds", list)]
    crosses = [_pair("crosses", pair) for pair in packed.parameter("crosses", list)]
    levels = [_index("levels", column) for column in packed.parameter("levels", list)]
    counts = packed.array("edge_counts", "i8", (sum(kinds) + len(levels),))
    edges = packed.array("edges", "f4", (None,))
    if (counts < 0).any() or counts.sum() != len(edges):
        raise ValueError(f"edge_counts: do not make up {len(edges)} edges")
    if not 6 <= bits <= 26:
        raise ValueError(f"bits: {bits} is not allowed; 6 to 26 is")
    kept = packed.array("kept", "u8", (1 << (bits - 6),)) if packed.parameter("keeps", bool) else None
    if len(kinds) != encoder.n_shared_out + encoder.n_own_out:
        raise ValueError(f"kinds: are {len(kinds)}, the encoder makes {encoder.n_shared_out} + {encoder.n_own_out}")
    parts = np.split(edges, np.cumsum(counts)[:-1]) if len(counts) else []
    numbers = iter(parts)
    of_columns = [next(numbers) if kind else None for kind in kinds]
    return Expansion(
        encoder.n_shared_out, kinds, of_columns, crosses, list(zip(levels, numbers, strict=True)), bits, kept
    )


def _index(name: str, value: object) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or not -1 <= value < 1 << 16:
        raise ValueError(f"{name}: {value!r} is not allowed; columns are")
    return value


def _pair(name: str, value: object) -> tuple[int, int]:
    if not isinstance(value, list) or len(value) != 2:
        raise ValueError(f"{name}: {value!r} is not allowed; pairs of columns are")
    return _index(name, value[0]), _index(name, value[1])
