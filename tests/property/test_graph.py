"""The compiled graph says of every node what plain Python works out, however its edges and labels came.

Worlds are drawn by a seed and not step by step: they are large enough for crowds, ways round them, and labels that are
taken back while much is still to be told.
"""

import random

import msgspec
import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from risk.graph_features import GraphFeatures
from risk.graph_records import EDGE, LABEL
from risk.graph_snapshot import build
from risk.network import Network
from tests.examples import examples
from tests.graph_twin import GraphTwin

SIGN = {True: 1, False: -1, None: 0}


def agree(network: Network, twin: GraphTwin) -> None:
    wanted = twin.features()
    assert len(network) == len(wanted)
    assert network.edges == sum(map(len, twin.around.values())) // 2
    for key, told in wanted.items():
        found = network.features(key)
        assert abs(found.label_score - told.label_score) < 0.002
        assert msgspec.structs.replace(found, label_score=0) == msgspec.structs.replace(told, label_score=0)
    assert network.features(1 << 40) == GraphFeatures()


class World:
    """``nodes`` of some kinds, of which a few are met far more often than others."""

    def __init__(self, seed: int, nodes: int) -> None:
        self.rng, self.nodes = random.Random(seed), nodes
        self.kinds = {key: self.rng.choice((0, 1, 1, 2, 2, 5, 8)) for key in range(1, nodes + 1)}

    def edge(self) -> tuple[int, int]:
        one, other = self.rng.randint(1, self.nodes), 1 + int(self.nodes * self.rng.random() ** 2)
        return (one, other) if one != other else self.edge()

    def label(self, twin: GraphTwin) -> tuple[int, bool | None]:
        """As often as not it takes one back."""
        known = [key for key, fraud in twin.labels.items() if fraud]
        if known and self.rng.random() < 0.5:
            return self.rng.choice(known), self.rng.choice((False, None))
        return self.rng.randint(1, self.nodes), self.rng.choice((True, True, False))


@settings(max_examples=examples(60), deadline=None)
@given(st.integers(0, 1 << 32), st.integers(2, 40), st.integers(0, 80), st.integers(0, 80), st.integers(1, 9))
def test_edges_and_labels_after_a_snapshot(seed: int, nodes: int, before: int, after: int, crowd: int) -> None:
    world, twin = World(seed, nodes), GraphTwin(crowd)
    kinds, edges, labels = world.kinds, [], []
    for _ in range(before):
        one, other = world.edge()
        twin.join(one, kinds[one], other, kinds[other])
        edges.append((one, other, kinds[one], kinds[other]))
        if world.rng.random() < 0.1:
            key, fraud = world.label(twin)
            twin.label(key, fraud, kinds[key])
            labels.append((key, kinds[key], SIGN[fraud]))
    network = build(np.array(edges, EDGE), np.array(labels, LABEL), crowd=crowd).network(crowd)
    agree(network, twin)
    for _ in range(after):
        steps = world.rng.choice((0, 3, 1 << 40))  # as often as not something is left to be told
        if world.rng.random() < 0.25:
            key, fraud = world.label(twin)
            twin.label(key, fraud, kinds[key])
            network.label(key, kinds[key], SIGN[fraud], steps)
        else:
            one, other = world.edge()
            keys, of = np.array([one, other], np.uint64), np.array([kinds[one], kinds[other]], np.uint8)
            new = twin.join(one, kinds[one], other, kinds[other])
            assert network.missing(keys[:1], keys[1:]).tolist() == [new]
            assert network.add(keys[:1], of[:1], keys[1:], of[1:], steps) == new
    while network.spread(5):
        pass
    agree(network, twin)
