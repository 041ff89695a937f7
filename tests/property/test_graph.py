"""The compiled graph says of every node what plain Python works out, however its edges and labels came."""

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

NODES = 40
EDGES = st.tuples(st.just("edge"), st.integers(1, NODES), st.integers(1, NODES))
LABELS = st.tuples(st.just("label"), st.integers(1, NODES), st.sampled_from([True, False, None]))
STEPS = st.lists(st.one_of(EDGES, EDGES, EDGES, EDGES, LABELS), max_size=90)
KIND_OF = {key: key % 9 if key % 2 else 1 + key % 4 // 2 for key in range(1, NODES + 1)}
"""Half of them addresses and devices, so that they share some."""


def agree(network: Network, twin: GraphTwin) -> None:
    wanted = twin.features()
    assert len(network) == len(wanted)
    assert network.edges == sum(map(len, twin.around.values())) // 2
    for key, told in wanted.items():
        found = network.features(key)
        assert abs(found.label_score - told.label_score) < 0.002
        assert msgspec.structs.replace(found, label_score=0) == msgspec.structs.replace(told, label_score=0)
    assert network.features(NODES + 1) == GraphFeatures()


def add(network: Network, one: int, other: int) -> int:
    keys, kinds = np.array([one, other], np.uint64), np.array([KIND_OF[one], KIND_OF[other]], np.uint8)
    return network.add(keys[:1], kinds[:1], keys[1:], kinds[1:])


@settings(max_examples=examples(40), deadline=None)
@given(STEPS, STEPS)
def test_edges_and_labels_one_by_one_after_a_snapshot(before: list[tuple], after: list[tuple]) -> None:
    twin = GraphTwin()
    edges, labels = [], []
    for step, one, other in before:
        if step == "label":
            labels.append((one, KIND_OF[one], {True: 1, False: -1, None: 0}[other]))
            twin.label(one, other, KIND_OF[one])
        elif one != other:
            edges.append((one, other, KIND_OF[one], KIND_OF[other]))
            twin.join(one, KIND_OF[one], other, KIND_OF[other])
    arrays = build(np.array(edges, EDGE), np.array(labels, LABEL))
    network = arrays.network()
    agree(network, twin)
    for step, one, other in after:
        if step == "label":
            twin.label(one, other, KIND_OF[one])
            network.label(one, KIND_OF[one], {True: 1, False: -1, None: 0}[other])
        elif one != other:
            ends = np.array([[one], [other]], np.uint64)
            assert network.missing(*ends).tolist() == [bool(add(network, one, other))]
            twin.join(one, KIND_OF[one], other, KIND_OF[other])
    agree(network, twin)
