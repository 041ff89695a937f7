"""What contexts of the price landscape are told apart by: numbers of 32 bits, the same at bid time and from the log.

`bidder/pricing/landscape.pyx` works them out of the request; here they come out of columns of logged bids.
"""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from domain.context_word import COUNTRY_BITS, DEVICE_AT, DEVICE_BITS, FORMAT_AT, FORMAT_BITS, PLACE_AT, PLACE_BITS

Ids = NDArray[np.uint32]
Column = NDArray[Any]

HOUR_NS = 3_600_000_000_000
WIDE_CTR, FINE_CTR = 22, 20
"""Bits of a float's fraction that are cut off: two and eight steps to each doubling."""


def _part(at: int, bits: int) -> Callable[[Mapping[str, Column]], Column]:
    return lambda bids: bids["context"].astype(np.uint32) >> np.uint32(at) & np.uint32((1 << bits) - 1)


def folded(ids: Column) -> Ids:
    """64-bit name ids in 32 bits."""
    whole = ids.astype(np.uint64)
    return ((whole ^ whole >> np.uint64(32)) & np.uint64(0xFFFFFFFF)).astype(np.uint32)


def floor_step(floor: Column) -> Ids:
    """Money in steps of a fifth or less: of its highest bit and the two below; 0 for none."""
    nanos = np.maximum(floor.astype(np.int64), 0)
    bits = np.zeros(len(nanos), np.int64)
    for shift in (32, 16, 8, 4, 2, 1):
        bits = np.where(nanos >> (bits + shift) > 0, bits + shift, bits)
    below = np.where(bits >= 2, nanos >> np.maximum(bits - 2, 0), nanos << np.maximum(2 - bits, 0)) & 3
    return np.where(nanos > 0, (bits + 1) << 2 | below, 0).astype(np.uint32)


def ctr_step(ctr: Column, cut: int) -> Ids:
    """Of a predicted click rate, as a float of 32 bits: exponent and the first bits of the fraction; 0 for none."""
    return np.maximum(ctr.astype(np.float32), np.float32(0)).view(np.uint32) >> np.uint32(cut)


FEATURES: dict[str, Callable[[Mapping[str, Column]], Column]] = {
    "format": _part(FORMAT_AT, FORMAT_BITS),
    "size": lambda bids: bids["width"].astype(np.uint32) << np.uint32(16) | bids["height"].astype(np.uint32),
    "site": lambda bids: folded(bids["site"]),
    "place": _part(PLACE_AT, PLACE_BITS),
    "device_type": _part(DEVICE_AT, DEVICE_BITS),
    "country": _part(0, COUNTRY_BITS),
    "hour": lambda bids: (bids["time_ns"].astype(np.int64) // HOUR_NS % 24).astype(np.uint32),
    "floor": lambda bids: floor_step(bids["floor"]),
    "ctr_wide": lambda bids: ctr_step(bids["ctr"], WIDE_CTR),
    "ctr": lambda bids: ctr_step(bids["ctr"], FINE_CTR),
}
"""By name, from columns named as the fields of `domain.events.Bid`. The hour is UTC's, the size the creative's."""

NUMBERS = {name: number for number, name in enumerate(FEATURES)}
"""As kernels know them."""


def values(features: tuple[str, ...], bids: Mapping[str, Column]) -> Ids:
    """(n, features) of columns of bids. Raises ValueError for a feature that there is not."""
    if unknown := [name for name in features if name not in FEATURES]:
        raise ValueError(f"features: {unknown[0]!r} is not allowed; {', '.join(FEATURES)} are")
    return np.stack([FEATURES[name](bids).astype(np.uint32) for name in features], axis=1)
