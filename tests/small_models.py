"""Models of clicks on the features of bids, small enough for tests, and put into a registry."""

from pathlib import Path

import msgspec
import numpy as np
from numpy.typing import NDArray

from prediction.artefact import Description, TrainedOn, save
from prediction.calibrated import Calibrated
from prediction.curve import log_odds
from prediction.feature_set import FeatureSet
from prediction.features import BID
from prediction.fitting.columns import ExpansionSettings
from prediction.fitting.linear import LinearSettings, fit
from prediction.held_out import packed
from prediction.linear import Linear
from prediction.registry import Registry
from prediction.rows import Rows, rows

SITES = np.array([11, 12, 13, 14], np.uint32)
TRUE = np.array([0.05, 0.1, 0.2, 0.4])
"""Probability of a click on each of these sites."""


def clicks(count: int, seed: int) -> Rows:
    """Rows of the features of bids, whose clicks depend on the site alone."""
    draw = np.random.default_rng(seed)
    values = np.zeros((count, len(BID.features)), np.uint32)
    for place, feature in enumerate(BID.features):
        values[:, place] = 0x7FC00000 if feature.kind == "number" else 1
    site = draw.integers(0, len(SITES), count)
    values[:, BID.slot("site")] = SITES[site]
    return rows(
        values,
        (draw.random(count) < TRUE[site]).astype(np.float64),
        time_ns=np.arange(count, dtype=np.int64),
        segment={"exchange": np.ones(count, np.uint32)},
    )


def learnt(seed: int = 1, count: int = 6_000) -> Linear:
    """A model that knows the sites."""
    settings = LinearSettings(solver="ftrl", expansion=ExpansionSettings(bits=12), passes=2)
    return fit(BID, clicks(count, seed), settings)


def moved(model: Linear, by: float) -> Linear:
    """The same model with all log odds off by so much."""
    return Linear(model.encoder, model.expansion, model.weights, model.bias + by)


def ignorant(model: Linear, rate: float) -> Linear:
    """A model that tells nothing apart."""
    none: NDArray[np.float64] = np.zeros_like(model.weights)
    return Linear(model.encoder, model.expansion, none, float(log_odds(np.array([rate]))[0]))


def scattered(model: Linear, seed: int) -> Linear:
    """A model that tells everything apart, by nothing but chance."""
    weights = np.random.default_rng(seed).normal(0.0, 0.3, len(model.weights))
    return Linear(model.encoder, model.expansion, weights, -3.0)


def keep(
    registry: Registry,
    target: str,
    model: Linear | Calibrated,
    held_out: Rows | None = None,
    features: FeatureSet | None = BID,
    last_ns: int = 6_000,
) -> int:
    """Puts a model beside the others of its target; returns its version."""
    version = registry.draw(target)
    told = Description(
        target, version, 1_700_000_000_000_000_000, features, TrainedOn("tests", 6_000, 1_100.0, 0, last_ns)
    )
    files = {"held_out.npz": packed(held_out)} if held_out is not None else {}
    save(registry.path(target, version), model, told, files)
    return version


def damage(directory: Path) -> None:
    """Turns one byte of the model's numbers over."""
    path = directory / "arrays.bin"
    raw = bytearray(path.read_bytes())
    raw[len(raw) // 2] ^= 0xFF
    path.write_bytes(raw)


def other_features() -> FeatureSet:
    """As the bidder's, of another version."""
    return msgspec.structs.replace(BID, version=BID.version + 1)
