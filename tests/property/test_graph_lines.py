"""The compiled reader of edges takes only what the careful parser takes, and takes it alike."""

import random

from risk.graph_files import LABELS
from risk.graph_kinds import parse_node
from risk.graph_lines import read_block

HASH = "5eb63bbbe01eeed093cb22bb8f5acdc3" * 2
EMPTY_HASH = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"


def test_lines_of_pieces_that_are_almost_right() -> None:
    """What is not plain is handed over whole."""
    rng = random.Random(5)
    words = ["ifa:", "IDFA:", "aaid:", "oaid:", "device:", "cookie:", "account:", "key:", "ip:", "phone_sha256:", "ip"]
    values = [
        "6D92078A-8246-4BA4-AE5B-76104861E7DC", "00-00", "0", "a_b-C", "+4912345678", "a@b.cd", "1.2.3.4", "01.2.3.4",
        "1.2.3", "1.2.3.4.5", "256.1.1.1", "0.0.0.0", "1..2.3", "ffffffffffffffff", "FFFFFFFFFFFFFFF", "0" * 16, HASH,
        HASH.upper(), HASH[1:], EMPTY_HASH, EMPTY_HASH.upper(), "", " ", "ä", "x" * 90, "::1", "a.b", "a:b",
    ]  # fmt: skip
    taken = 0
    for _ in range(3_000):
        one, other = (rng.choice(words) + rng.choice(values) for _ in range(2))
        line = f"{one},{rng.choice([other, other, other, *LABELS])}{rng.choice(['', chr(13)])}"
        edges, edge_lines, labels, label_lines, odd, lines = read_block(line.encode(), 7)
        assert len(edges) + len(labels) + len(odd) == lines == 1
        if odd:
            assert odd == [(7, line.encode())]
            continue
        taken += 1
        said = line.rstrip("\r").partition(",")[2]
        node = parse_node(one)
        if said in LABELS:
            assert (labels.tolist(), label_lines.tolist()) == ([(*node, LABELS[said])], [7])
        else:
            second = parse_node(said)
            assert edges.tolist() == [(node.key, second.key, node.kind, second.kind)]
            assert edge_lines.tolist() == [7]
    assert taken > 300
