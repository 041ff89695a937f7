"""The kernels of scoring against their twins in plain Python: places, encodings, and what each model makes of a row,
alone and as one of a request's candidates.
"""

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from cython_ext.encoding import Encoder
from cython_ext.expansion import Expansion
from cython_ext.feature_hash import crossed_categories, id_categories, text_categories
from cython_ext.forest import Forest
from prediction.blend import Blend
from prediction.factorization import Factorization
from prediction.linear import Linear
from prediction.scorer import Scorer
from prediction.trees import Trees
from tests import scoring_twin as twin

ODD = [0.0, -0.0, 1.0, -1.5, math.inf, -math.inf, math.nan, 3.4028234663852886e38, 1e-45, -1e-45, 0.1]
LARGEST = float(np.finfo(np.float32).max)
WORDS = st.one_of(st.integers(0, 3), st.integers(0, 2**32 - 1), st.sampled_from([1 << 31, 2**32 - 1]))


class World:
    """Random columns, tables and rows, all from one seed."""

    def __init__(self, seed: int) -> None:
        self.rng = rng = np.random.default_rng(seed)
        self.n_shared, self.n_own = int(rng.integers(0, 6)), int(rng.integers(0, 5))
        if self.n_shared + self.n_own == 0:
            self.n_own = 1
        self.columns = self.n_shared + self.n_own
        self.kinds = [bool(kind) for kind in rng.random(self.columns) < 0.5]
        self.rows = np.stack([self.column(kind, 12) for kind in self.kinds], 1)
        self.sources = [self.source() for _ in range(int(rng.integers(0, 4)))]
        self.width = int(rng.integers(1, 4))
        self.tables = [self.table(source) for source in self.sources]
        self.unseen = rng.normal(0, 1, (len(self.sources), self.width)).astype(np.float32)
        self.encoder = Encoder(
            self.n_shared,
            self.n_own,
            self.sources,
            [len(table) for table in self.tables],
            np.array([key for table in self.tables for key in table], np.uint32),
            np.array([list(n) for table in self.tables for n in table.values()], np.float32).reshape(-1, self.width),
            self.unseen,
        )
        self.extended = np.array([self.extend(row) for row in self.rows.tolist()], np.uint32)
        self.out_kinds = [which >= 0 or self.kinds[column] for column, which in self.encoder.columns()]
        self.expand()

    def column(self, is_number: bool, count: int) -> NDArray[np.uint32]:
        if is_number:
            drawn = np.where(self.rng.random(count) < 0.4, self.rng.choice(ODD, count), self.rng.normal(0, 2, count))
            return drawn.astype(np.float32).view(np.uint32)
        return self.rng.choice([0, 1, 2, 3, 2**32 - 1, 77_777_777], count).astype(np.uint32)

    def source(self) -> tuple[int, int]:
        return int(self.rng.integers(self.columns)), int(self.rng.integers(-1, self.columns))

    def table(self, source: tuple[int, int]) -> dict[int, list[float]]:
        keys = self.rng.integers(0, 2**32, 5).tolist()
        for row in self.rows[: int(self.rng.integers(0, 12))].tolist():
            keys.append(row[source[0]] if source[1] < 0 else twin.crossed(row[source[0]], row[source[1]]))
        return {key: self.rng.normal(0, 1, self.width).astype(np.float32).tolist() for key in keys}

    def extend(self, row: list[int]) -> list[int]:
        return twin.extended(row, self.n_shared, self.sources, self.tables, self.unseen.tolist())

    def edges(self) -> NDArray[np.float32]:
        drawn = np.concatenate([self.rng.normal(0, 2, int(self.rng.integers(0, 9))), [0.0] * int(self.rng.integers(2))])
        return np.unique(drawn.astype(np.float32))

    def expand(self) -> None:
        rng, columns = self.rng, len(self.out_kinds)
        edges = [self.edges() if kind else None for kind in self.out_kinds]
        crosses = [tuple(rng.integers(0, columns, 2).tolist()) for _ in range(int(rng.integers(0, 4)))]
        numbers = [column for column in range(columns) if self.out_kinds[column]]
        levels = [(int(rng.choice(numbers)), self.edges()) for _ in range(int(rng.integers(0, 3)) if numbers else 0)]
        self.bits = int(rng.integers(6, 12))
        kept = rng.integers(0, 2**64, 1 << (self.bits - 6), dtype=np.uint64) if rng.random() < 0.5 else None
        self.expansion = Expansion(self.encoder.n_shared_out, self.out_kinds, edges, crosses, levels, self.bits, kept)
        self.places = twin.Places(
            self.encoder.n_shared_out,
            [None if given is None else given.tolist() for given in edges],
            crosses,
            [(column, given.tolist()) for column, given in levels],
            self.bits,
            None if kept is None else {p for p in range(1 << self.bits) if int(kept[p >> 6]) >> (p & 63) & 1},
        )

    def linear(self) -> tuple[Linear, list[float]]:
        weights, bias = self.rng.normal(0, 1, 1 << self.bits), float(self.rng.normal())
        found = [self.places.of(row) for row in self.extended.tolist()]
        margins = [bias + math.fsum(float(weights[p]) for p in shared + own) for shared, own in found]
        return Linear(self.encoder, self.expansion, weights, bias), margins

    def factorization(self) -> tuple[Factorization, list[float]]:
        rng, columns, k = self.rng, len(self.out_kinds), int(self.rng.choice([1, 3, 4, 8]))
        vectors = rng.normal(0, 0.5, (40, columns, k)).astype(np.float32)
        vectors[0] = 0
        row_of = rng.integers(0, 40, 1 << self.bits).astype(np.uint32)
        weights, bias = rng.normal(0, 1, 1 << self.bits).astype(np.float32), float(rng.normal())
        margins = []
        for row in self.extended.tolist():
            shared, own = self.places.of(row)
            fields = shared[: self.encoder.n_shared_out] + own[: self.encoder.n_own_out]
            pairs = twin.pair_margin([vectors[row_of[place]].tolist() for place in fields])
            margins.append(bias + math.fsum(float(weights[p]) for p in shared + own) + pairs)
        return Factorization(self.encoder, self.expansion, row_of, vectors, weights, bias), margins

    def trees(self) -> tuple[Trees, list[float]]:
        columns = len(self.out_kinds)
        grown = [self.grow(int(self.rng.integers(0, 6))) for _ in range(int(self.rng.integers(0, 20)))]
        flat: list[list[tuple[int, float, int, float]]] = [flattened(tree) for tree in grown]
        nodes = [node for tree in flat for node in tree]
        asked, thresholds, ahead, leaves = zip(*nodes, strict=True) if nodes else ((), (), (), ())
        forest = Forest(columns, [len(tree) for tree in flat], asked, thresholds, ahead, leaves)
        margins = [0.5 + math.fsum(leaf_of(tree, row) for tree in grown) for row in self.extended.tolist()]
        return Trees(self.encoder, forest, 0.5), margins

    def grow(self, depth: int) -> Any:
        """A tree as nested (number asked for, threshold, yes, no), or a leaf's value."""
        if depth == 0 or self.rng.random() < 0.2:
            return float(self.rng.normal())
        odd, usual = self.rng.choice([*ODD[:4], ODD[7], 0.5]), self.rng.normal()
        threshold = float(np.float32(odd if self.rng.random() < 0.5 else usual))
        asked = int(self.rng.integers(0, 2 * len(self.out_kinds)))
        return asked, threshold, self.grow(depth - 1), self.grow(depth - 1)


def flattened(tree: Any) -> list[tuple[int, float, int, float]]:
    """(asked, threshold, ahead, leaf), level by level."""
    waiting, nodes, end = [tree], [], 1
    for node in waiting:
        if isinstance(node, tuple):
            nodes.append((node[0], node[1], end - len(nodes), 0.0))
            waiting += node[2:]
            end += 2
        else:
            nodes.append((0, 0.0, 0, node))
    return nodes


def leaf_of(tree: Any, row: list[int]) -> float:
    while isinstance(tree, tuple):
        asked, threshold, yes, no = tree
        x = twin.number(row[asked]) if asked < len(row) else -twin.number(row[asked - len(row)])
        x = math.copysign(LARGEST, x) if math.isinf(x) else x
        tree = yes if x <= threshold else no
    return float(tree)


@settings(max_examples=120)
@given(st.integers(0, 2**32))
def test_kernels_and_twins_agree(seed: int) -> None:
    world = World(seed)
    assert world.encoder.extend(world.rows).tolist() == world.extended.tolist()
    found = [shared + own for shared, own in map(world.places.of, world.extended.tolist())]
    assert world.expansion.expand(world.extended).tolist() == found
    made = [world.linear(), world.factorization(), world.trees()]
    weights = world.rng.normal(0, 1, len(made))
    together = [0.25 + float(weights @ margins) for margins in zip(*(m for _, m in made), strict=True)]
    made.append((Blend([model for model, _ in made], weights, 0.25), together))
    for model, margins in made:
        agree(world, model, [twin.probability(margin) for margin in margins])


def agree(world: World, model: Scorer, wanted: list[float]) -> None:
    """Row by row, and as candidates of the request that the first row's shared values make."""
    assert model.scores(world.rows) == pytest.approx(wanted, abs=2e-6)
    shared, own = world.rows[0, : world.n_shared], np.ascontiguousarray(world.rows[:, world.n_shared :])
    candidates = np.concatenate([np.tile(shared, (len(own), 1)), own], axis=1)
    assert model.request_scores(shared, own) == pytest.approx(model.scores(candidates), abs=2e-6)
    assert np.all((model.scores(world.rows) > 0) & (model.scores(world.rows) < 1))


@given(st.lists(WORDS, min_size=1), st.lists(st.binary(max_size=20), min_size=1))
def test_values_of_categories(words: list[int], texts: list[bytes]) -> None:
    numbers = np.array(words, np.uint64) * np.uint64(0x1234567)
    assert id_categories(numbers).tolist() == [twin.category(int(n)) for n in numbers]
    assert text_categories(texts).tolist() == [twin.category(text) if text else 0 for text in texts]
    first, second = np.array(words, np.uint32), np.array(words[::-1], np.uint32)
    assert crossed_categories(first, second).tolist() == [
        twin.crossed(a, b) for a, b in zip(first.tolist(), second.tolist(), strict=True)
    ]


def test_places_spread_evenly() -> None:
    """Neighbouring ids and small numbers, as exchanges give them, collide no more than chance has it."""
    ids = id_categories(np.arange(30_000, dtype=np.uint64))
    assert len(np.unique(ids)) > 30_000 - 3
    expansion = Expansion(1, [False], [None], bits=16)
    for values in (ids, np.arange(30_000, dtype=np.uint32)):
        used = len(np.unique(expansion.expand(values[:, None])))
        chance = 65_536 * (1 - (1 - 1 / 65_536) ** 30_000)
        assert abs(used - chance) < 5 * math.sqrt(chance * 0.3)
