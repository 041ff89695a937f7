"""What models learn of the columns before they learn weights: encodings of categories, edges of numbers' buckets.

Both are learnt on training rows alone and are part of the model. An encoding tells of the outcomes of rows, so a
training row must not see its own: its numbers come from the rows of the other folds, those of later rows from all.
"""

from collections.abc import Sequence
from typing import Literal

import msgspec
import numpy as np
from numpy.typing import NDArray

from cython_ext.encoding import Encoder
from cython_ext.expansion import Expansion
from cython_ext.feature_hash import crossed_categories
from prediction.feature_set import FeatureSet
from prediction.rows import Rows, folds


class EncodingSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How categories are told as numbers."""

    of: Literal["nothing", "categories", "crosses"] = "nothing"
    """Which sources are encoded; with crosses the categories are too."""
    strength: float = 20.0
    """How many rows of the base rate each value's own rate is shrunk with."""
    folds: int = 5
    seed: int = 1

    def __post_init__(self) -> None:
        if not self.strength > 0 or self.folds < 2:
            raise ValueError("strength is above 0, and folds are 2 or more")


class ExpansionSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How values get places."""

    bits: int = 20
    """There are 2^bits places."""
    buckets: int = 32
    """Of a number, at most, of about equal mass."""
    levels: tuple[int, ...] = ()
    """Further ways to bucket each number: how many buckets."""
    least: int = 1
    """A value with fewer rows goes with the column's other rare ones. From 2 on unseen ones do, too."""

    def __post_init__(self) -> None:
        if not 6 <= self.bits <= 26 or min((self.buckets, *self.levels)) < 1 or self.least < 1:
            raise ValueError("bits are 6 to 26; buckets, those of levels, and least are 1 or more")


def fit_encoder(features: FeatureSet, rows: Rows, settings: EncodingSettings) -> tuple[Encoder, NDArray[np.uint32]]:
    """The encoder, and the training rows extended by it, each without knowing its own outcome.

    A source's numbers are the log odds of the rate and the logarithm of 1 + rows (by weight).
    """
    kinds = features.kinds()
    sources: list[tuple[int, int]] = []
    if settings.of != "nothing":
        sources = [(column, -1) for column in range(len(kinds)) if not kinds[column]]
    if settings.of == "crosses":
        sources += [pair for pair in features.pairs() if not (kinds[pair[0]] or kinds[pair[1]])]
    if not sources:
        encoder = Encoder(features.n_shared, features.n_own)
        return encoder, encoder.extend(rows.values)
    fold = folds(len(rows), settings.folds, settings.seed)
    base = rows.base_rate()
    sizes, keys, numbers, held_out = [], [], [], []
    for source in sources:
        key, row = np.unique(_keys(rows.values, source), return_inverse=True)
        cells = (len(key), settings.folds)
        flat = row * settings.folds + fold
        weights = np.bincount(flat, rows.weight, len(key) * settings.folds).reshape(cells)
        positives = np.bincount(flat, rows.weight * rows.label, len(key) * settings.folds).reshape(cells)
        others = weights.sum(1, keepdims=True) - weights
        other_positives = positives.sum(1, keepdims=True) - positives
        keys.append(key)
        sizes.append(len(key))
        numbers.append(_numbers(weights.sum(1), positives.sum(1), base, settings.strength))
        whole = settings.folds / (settings.folds - 1)  # as many rows as all folds would have
        told = _numbers(others * whole, other_positives * whole, base, settings.strength * whole)
        held_out.append(told[row, fold])
    unseen = np.tile(_numbers(np.zeros(1), np.zeros(1), base, settings.strength), (len(sources), 1))
    encoder = Encoder(
        features.n_shared, features.n_own, sources, sizes, np.concatenate(keys), np.concatenate(numbers), unseen
    )
    extended = encoder.extend(rows.values)
    for column, (source_or_column, which) in enumerate(encoder.columns()):
        if which >= 0:
            extended[:, column] = held_out[source_or_column][:, which].view(np.uint32)
    return encoder, extended


def _keys(values: NDArray[np.uint32], source: tuple[int, int]) -> NDArray[np.uint32]:
    first = np.ascontiguousarray(values[:, source[0]])
    return first if source[1] < 0 else crossed_categories(first, np.ascontiguousarray(values[:, source[1]]))


def _numbers(
    weights: NDArray[np.float64], positives: NDArray[np.float64], base: float, strength: float
) -> NDArray[np.float32]:
    base = min(max(base, 1e-6), 1 - 1e-6)
    rate = (positives + strength * base) / (weights + strength)
    return np.stack([np.log(rate / (1 - rate)), np.log1p(weights)], axis=-1).astype(np.float32)


def extended_column(encoder: Encoder, column: int) -> int:
    """Where a column is in an extended row."""
    return column if column < encoder.n_shared else encoder.n_shared_out + column - encoder.n_shared


def extended_kinds(encoder: Encoder, features: FeatureSet) -> NDArray[np.bool_]:
    """Which columns of an extended row are numbers."""
    kinds = features.kinds()
    return np.array([which >= 0 or kinds[column] for column, which in encoder.columns()], dtype=np.bool_)


def fit_expansion(
    features: FeatureSet, encoder: Encoder, extended: NDArray[np.uint32], settings: ExpansionSettings
) -> Expansion:
    """Edges at the quantiles of the rows, crosses as the feature set has them, rare places left out."""
    kinds = extended_kinds(encoder, features)
    numbers = [column for column in range(len(kinds)) if kinds[column]]
    edges = [quantile_edges(extended[:, c], settings.buckets) if kinds[c] else None for c in range(len(kinds))]
    levels = [(c, quantile_edges(extended[:, c], buckets)) for buckets in settings.levels for c in numbers]
    crosses = [(extended_column(encoder, a), extended_column(encoder, b)) for a, b in features.pairs()]
    expansion = Expansion(encoder.n_shared_out, list(kinds), edges, crosses, levels, settings.bits)
    return expansion.keeping(extended, settings.least) if settings.least > 1 else expansion


def quantile_edges(values: NDArray[np.uint32], buckets: int) -> NDArray[np.float32]:
    """Ascending edges of up to so many buckets; of a number with few values each has a bucket of its own."""
    known = np.ascontiguousarray(values).view(np.float32)
    known = known[np.isfinite(known)]
    distinct: Sequence[np.float32] | NDArray[np.float32] = np.unique(known)
    if len(distinct) > buckets:
        distinct = np.unique(np.quantile(known, np.arange(1, buckets) / buckets, method="higher"))
        return np.asarray(distinct, np.float32)
    return np.asarray(distinct[1:], np.float32)
