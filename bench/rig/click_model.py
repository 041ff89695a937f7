"""A hashed logistic regression of the features of bids with weights that are drawn; it costs what a learnt one does."""

from pathlib import Path

import numpy as np
from rig.world import LIKELY

from cython_ext.encoding import Encoder
from cython_ext.expansion import Expansion
from prediction.artefact import Description, TrainedOn, save
from prediction.features import BID
from prediction.linear import Linear
from prediction.registry import Registry

BITS = 20
BUCKETS = 32
SPREAD = 0.1
"""Of the weights, so that about half of the probabilities are within a factor of 1.5 of `LIKELY`."""


def model() -> Linear:
    draw = np.random.default_rng(1)
    numbers = [feature.kind == "number" for feature in BID.features]
    edges = [np.linspace(0.1, 60.0, BUCKETS - 1, dtype=np.float32) if number else None for number in numbers]
    expansion = Expansion(BID.n_shared, numbers, edges, BID.pairs(), bits=BITS)
    weights = draw.normal(0.0, SPREAD, 1 << BITS)
    return Linear(Encoder(BID.n_shared, BID.n_own), expansion, weights, float(np.log(LIKELY / (1 - LIKELY))))


def promote(data: Path) -> None:
    """Puts it in service."""
    registry = Registry(data)
    version = registry.draw("ctr")
    told = Description("ctr", version, 1, BID, TrainedOn("drawn", 1, 0.0, 0, 0))
    save(registry.path("ctr", version), model(), told)
    registry.promote("ctr", version)
