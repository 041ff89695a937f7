"""What many share: nodes that several others of one kind are next to, such as an address with twenty devices."""

import numpy as np
from msgspec import Struct

from risk.graph import Graph
from risk.graph_features import GraphFeatures
from risk.graph_kinds import KINDS

LOOKED_AT = 20
"""Nodes that are looked at for each ring that is asked for: those of the highest degree, and those of which the most
neighbours are near known fraud."""


class Ring(Struct, frozen=True):
    """A node, and what kind of nodes shares it most."""

    key: int
    kind: str
    shared_by: int
    shared_kind: str
    features: GraphFeatures

    @property
    def near_fraud(self) -> float:
        """About how many of those that share it are on the way to known fraud."""
        return self.shared_by * self.features.label_score


def rings(graph: Graph, least: int, limit: int) -> list[Ring]:
    """At most ``limit`` nodes that at least ``least`` of one kind share, those with the most near known fraud first,
    then the largest.
    """
    keys, kinds, degrees, scores = graph.columns()
    number = min(len(keys), limit * LOOKED_AT)
    if not number:
        return []
    largest, nearest = (np.argpartition(-rank, number - 1)[:number] for rank in (degrees, degrees * scores))
    found = []
    for place in np.union1d(largest, nearest).tolist():
        features = graph.features(int(keys[place]))
        shared_by, shared_kind = max((getattr(features, f"{kind}_degree"), kind) for kind in KINDS)
        if shared_by >= least:
            found.append(Ring(int(keys[place]), KINDS[int(kinds[place])], shared_by, shared_kind, features))
    found.sort(key=lambda ring: (-round(ring.near_fraud, 3), -ring.shared_by, ring.key))
    return found[:limit]
