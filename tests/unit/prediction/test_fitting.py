"""What is learnt: as scikit-learn and LightGBM learn it where they are the learners, as plain Python does where ours
is; and that no row is told of its own outcome.
"""

import math
from typing import Any

import lightgbm
import numpy as np
import pytest
from numpy.typing import NDArray
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import OneHotEncoder
from threadpoolctl import threadpool_limits

from cython_ext.encoding import Encoder
from cython_ext.factorization import PairLearner
from cython_ext.ftrl import Ftrl
from prediction.feature_set import Feature, FeatureSet, category, numbers
from prediction.fitting import blend, factorization, linear, trees
from prediction.fitting.columns import EncodingSettings, ExpansionSettings, fit_encoder, fit_expansion, quantile_edges
from prediction.fitting.tree_nodes import from_hist_gradient_boosting, from_lightgbm, rounded_down
from prediction.rows import Rows, rows
from prediction.trees import Trees

CATEGORIES = FeatureSet(
    "categories",
    1,
    (
        Feature("a", "category", "request"),
        Feature("b", "category", "request"),
        Feature("c", "category", "candidate"),
    ),
    (("a", "c"),),
)


def categories(count: int, seed: int = 1) -> tuple[list[list[str]], Rows]:
    """Rows as text, and as values. What is clicked depends on a, and on a and c together."""
    rng = np.random.default_rng(seed)
    told = [[f"a{rng.integers(12)}", f"b{rng.integers(5)}", f"c{rng.integers(4)}"] for _ in range(count)]
    values = np.array([[category(text) for text in row] for row in told], np.uint32)
    chance = [0.1 + 0.04 * int(a[1:]) + 0.3 * (int(a[1:]) % 4 == int(c[1:])) for a, _, c in told]
    return told, rows(values, (rng.random(count) < chance).astype(np.float64))


def test_logistic_regression_is_scikit_learns() -> None:
    """From the same rows told in its own way: one-hot columns made of the texts by scikit-learn."""
    told, known = categories(2000)
    tags = np.array([[*row, row[0] + row[2]] for row in told])
    hot = OneHotEncoder().fit(tags)
    theirs = LogisticRegression(C=1 / 3.0, tol=1e-6, max_iter=1000).fit(hot.transform(tags), known.label)
    ours = linear.fit(CATEGORIES, known, linear.LinearSettings(l2=3.0, expansion=ExpansionSettings(bits=22)))
    wanted = theirs.predict_proba(hot.transform(tags))[:, 1]
    assert np.abs(ours.scores(known.values) - wanted).max() < 1e-6


def test_labels_between_nought_and_one_are_rows_of_both() -> None:
    _, known = categories(500)
    half = rows(known.values, 0.25 + 0.5 * known.label)
    twice = Rows(
        np.concatenate([known.values] * 2),
        np.repeat([1.0, 0.0], 500),
        np.concatenate([half.label, 1 - half.label]),
        known.time_ns,
    )
    small = ExpansionSettings(bits=18)
    for fit, settings in (
        (linear.fit, linear.LinearSettings(expansion=small)),
        (trees.fit, trees.TreesSettings(EncodingSettings("crosses", folds=2), trees=5, least_rows=1)),
    ):
        a, b = fit(CATEGORIES, half, settings), fit(CATEGORIES, twice, settings)  # type: ignore[operator]
        if fit is linear.fit:
            assert np.abs(a.scores(known.values) - b.scores(known.values)).max() < 1e-5
        assert 0.25 < a.scores(known.values).mean() < 0.75


class FtrlTwin:
    """McMahan et al. (2013), algorithm 1, in dictionaries."""

    def __init__(self, alpha: float, beta: float, l1: float, l2: float, bias: float) -> None:
        self.alpha, self.beta, self.l1, self.l2 = alpha, beta, l1, l2
        self.z: dict[Any, float] = {"bias": -bias * beta / alpha}
        self.n: dict[Any, float] = {}

    def weight(self, place: Any) -> float:
        z, n = self.z.get(place, 0.0), self.n.get(place, 0.0)
        l1, l2 = (0.0, 0.0) if place == "bias" else (self.l1, self.l2)
        if abs(z) <= l1:
            return 0.0
        return -(z - math.copysign(l1, z)) / ((self.beta + math.sqrt(n)) / self.alpha + l2)

    def learn(self, places: list[int], label: float, weight: float) -> float:
        """Its logloss before."""
        margin = math.fsum(self.weight(p) for p in [*places, "bias"])
        p = 1 / (1 + math.exp(-margin))
        g = (p - label) * weight
        for place in [*places, "bias"]:
            n = self.n.get(place, 0.0)
            sigma = (math.sqrt(n + g * g) - math.sqrt(n)) / self.alpha
            self.z[place] = self.z.get(place, 0.0) + g - sigma * self.weight(place)
            self.n[place] = n + g * g
        return -weight * (label * math.log(p) + (1 - label) * math.log(1 - p))


def test_ftrl_is_its_twin_and_goes_on_from_its_state() -> None:
    rng = np.random.default_rng(2)
    places = rng.permuted(np.tile(np.arange(30, dtype=np.uint32), (200, 1)), axis=1)[:, :5].copy()
    labels, weights = (places[:, 0] % 3 == 0).astype(np.float64), rng.random(200) * 2
    twin, ours = FtrlTwin(0.3, 0.5, 1.5, 0.2, -1.0), Ftrl(30, 0.3, 0.5, 1.5, 0.2, -1.0)
    loss = 0.0
    for row in range(200):
        loss += twin.learn(places[row].tolist(), labels[row], weights[row])
    assert ours.bias == pytest.approx(-1.0)
    assert ours.learn(places[:120], labels[:120], weights[:120]) > 0
    later = Ftrl(30, 0.3, 0.5, 1.5, 0.2)
    later.resume(ours.state())
    later.learn(places[120:], labels[120:], weights[120:])
    assert later.weights() == pytest.approx([twin.weight(p) for p in range(30)], abs=1e-12)
    assert later.bias == pytest.approx(twin.weight("bias"), abs=1e-12)
    assert 0 < np.count_nonzero(later.weights()) < 30  # l1 leaves some out
    whole = Ftrl(30, 0.3, 0.5, 1.5, 0.2, -1.0)
    order = np.arange(200, dtype=np.int64)
    assert whole.learn(places, labels, weights, order) == pytest.approx(loss / weights.sum(), abs=1e-12)
    with pytest.raises(IndexError):
        whole.learn(places + np.uint32(1), labels, weights)
    with pytest.raises(ValueError, match="state"):
        whole.resume(ours.state()[:, 1:].copy())


def test_the_factorization_machine_learns_as_its_twin() -> None:
    rng = np.random.default_rng(3)
    fields, k, n_rows = 3, 2, 7
    vectors = np.stack([rng.integers(1 + 2 * f, 3 + 2 * f, 60) for f in range(fields)], 1).astype(np.uint32)
    places = np.stack([rng.integers(3 * f, 3 + 3 * f, 60) for f in range(2)], 1).astype(np.uint32)
    labels, weights = rng.integers(0, 2, 60).astype(np.float64), rng.random(60) + 0.5
    ours = PairLearner(n_rows, 6, fields, k, 0.2, 0.01, -0.5, 4)
    scale = 1 / fields
    table = ours.learnt()[0].astype(np.float64) / math.sqrt(scale)
    assert not table[0].any() and (table[1:] >= 0).all() and (table[1:] <= 1 / math.sqrt(k) + 1e-6).all()
    linear_weights, squares = np.zeros(6), np.ones(6)
    table_squares, bias, bias_square = np.ones(table.shape), -0.5, 1.0
    order = rng.permutation(60).astype(np.int64)
    pairs = [(i, j) for i in range(fields) for j in range(i)]

    def margin_of(row: int) -> float:
        v = vectors[row]
        products = math.fsum(float(table[v[i], j] @ table[v[j], i]) for i, j in pairs)
        return bias + float(linear_weights[places[row]].sum()) + scale * products

    loss = 0.0
    for row in order:
        margin = margin_of(row)
        p = 1 / (1 + math.exp(-margin))
        loss -= weights[row] * (labels[row] * math.log(p) + (1 - labels[row]) * math.log(1 - p))
        g = weights[row] * (p - labels[row])
        for i, j in pairs:
            at, other = (vectors[row, i], j), (vectors[row, j], i)
            du = g * scale * table[other] + 0.01 * table[at]
            dv = g * scale * table[at] + 0.01 * table[other]
            for cell, slope in ((at, du), (other, dv)):
                table_squares[cell] += slope**2
                table[cell] -= 0.2 * slope / np.sqrt(table_squares[cell])
        for place in places[row]:
            slope = g + 0.01 * linear_weights[place]
            squares[place] += slope**2
            linear_weights[place] -= 0.2 * slope / math.sqrt(squares[place])
        bias_square += g * g
        bias -= 0.2 * g / math.sqrt(bias_square)
    assert ours.learn(vectors, places, labels, weights, order) == pytest.approx(loss / weights.sum(), abs=1e-5)
    assert ours.learnt()[0] / math.sqrt(scale) == pytest.approx(table, abs=1e-4)
    assert ours.learnt()[1] == pytest.approx(linear_weights, abs=1e-4)
    assert ours.bias == pytest.approx(bias, abs=1e-5)
    assert ours.margins(vectors, places) == pytest.approx([margin_of(row) for row in range(60)], abs=1e-3)
    with pytest.raises(IndexError):
        ours.learn(vectors * np.uint32(0), places, labels, weights, order)
    with pytest.raises(IndexError):
        ours.margins(vectors + np.uint32(1), places)


def table(count: int, columns: int, missing: list[float], seed: int) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
    """Numbers with few and many values, of which a share is missing, and labels that depend on both."""
    rng = np.random.default_rng(seed)
    x = rng.normal(0, 1, (count, columns)).astype(np.float32)
    x[:, 0] = np.round(x[:, 0])
    label = rng.random(count) < 1 / (1 + np.exp(-x[:, 0] - x[:, 1] * x[:, 2]))
    for column, share in enumerate(missing):
        gone = rng.random(count) < share * (0.5 + label)
        x[gone, column] = np.nan
    return x, label


def strange(x: NDArray[np.float32]) -> NDArray[np.float32]:
    """Rows as they were, and others with what is missing where nothing was, with infinities and noughts."""
    odd = x.copy()
    rng = np.random.default_rng(9)
    for value in (np.nan, np.inf, -np.inf, 0.0, -0.0):
        odd[rng.random(odd.shape) < 0.1] = value
    return np.concatenate([x, odd])


def scores(forest: Any, bias: float, x: NDArray[np.float32]) -> NDArray[np.float64]:
    values = np.zeros((len(x), forest.n_columns), np.uint32)
    values[:, 1:] = x.view(np.uint32)
    return Trees(Encoder(1, forest.n_columns - 1), forest, bias).scores(values)


def test_trees_are_scikit_learns() -> None:
    x, label = table(1500, 6, [0, 0.3, 0, 0.2, 0, 0], 5)
    with threadpool_limits(1, "openmp"):
        model = HistGradientBoostingClassifier(max_iter=100, max_leaf_nodes=31, random_state=1).fit(x, label)
    forest, bias = from_hist_gradient_boosting(model, 7, range(1, 7))
    assert len(forest.sizes) == 100 and forest.sizes.max() == 61
    every = strange(x)
    assert np.abs(scores(forest, bias, every) - model.predict_proba(every)[:, 1]).max() < 1e-6


def test_trees_leave_out_a_number_that_no_row_has() -> None:
    """As one from the store that nobody sends; what serving may find in it later changes no score."""
    x, label = table(600, 3, [0], 5)
    a = numbers(x[:, :1])
    features = FeatureSet("numbers", 1, (Feature("never", "number", "request"), Feature("a", "number", "request")))
    never = np.full((len(x), 1), np.nan)
    made = trees.fit(features, rows(np.hstack([numbers(never), a]), label), trees.TreesSettings(trees=20))
    alone = FeatureSet("alone", 1, (Feature("a", "number", "request"),))
    wanted = trees.fit(alone, rows(a, label), trees.TreesSettings(trees=20)).scores(a)
    for later in (never, np.ones_like(never)):
        assert np.array_equal(made.scores(np.hstack([numbers(later), a])), wanted)
    with pytest.raises(ValueError, match="every number is missing"):
        trees.fit(alone, rows(numbers(never), label))


@pytest.mark.parametrize("missing", [[0, 0.3, 0, 0.2, 0, 0], []])
def test_trees_are_lightgbms(missing: list[float]) -> None:
    x, label = table(1500, 6, missing, 6)
    told = lightgbm.Dataset(x.astype(np.float64), label)
    quiet = {"objective": "binary", "verbosity": -1, "num_leaves": 31, "num_threads": 1, "seed": 1}
    booster = lightgbm.train(quiet, told, 100)
    forest, bias = from_lightgbm(booster, 7, range(1, 7))
    every = strange(x)
    assert np.abs(scores(forest, bias, every) - booster.predict(every.astype(np.float64))).max() < 1e-6
    other = lightgbm.train({**quiet, "objective": "regression"}, told, 1)
    with pytest.raises(ValueError, match="regression"):
        from_lightgbm(other, 7, range(1, 7))
    zeros = lightgbm.train({**quiet, "zero_as_missing": True}, lightgbm.Dataset(x, label), 2)
    with pytest.raises(ValueError, match="missing 'Zero'"):
        from_lightgbm(zeros, 7, range(1, 7))


def test_thresholds_divide_the_same_numbers() -> None:
    rng = np.random.default_rng(7)
    for threshold in [*rng.normal(0, 1, 200).tolist(), 0.1, 1e-46, -1e-46, 1e300, 0.0]:
        near = np.float32(threshold) if abs(threshold) < 1e38 else np.float32(0)
        for x in (near, np.nextafter(near, np.float32(9e9)), np.nextafter(near, np.float32(-9e9))):
            assert (float(x) <= threshold) == bool(x <= np.float32(rounded_down(threshold)))


def test_an_encoding_does_not_tell_a_row_its_own_outcome() -> None:
    """Every row has a category of its own; what is said of it must be what is said of one that was never seen."""
    rng = np.random.default_rng(8)
    known = rows(np.arange(3, 3003, dtype=np.uint32).reshape(-1, 3), (rng.random(1000) < 0.3).astype(np.float64))
    encoder, extended = fit_encoder(CATEGORIES, known, EncodingSettings("crosses"))
    out = [column for column, (_, which) in enumerate(encoder.columns()) if which >= 0]
    assert len(out) == 8 and extended.shape == (1000, 11)
    assert np.unique(extended[:, out], axis=0).shape[0] == 1
    assert (extended[:, out] == encoder.extend(known.values + np.uint32(5000))[:, out]).all()
    later = encoder.extend(known.values)[:, out].view(np.float32)
    assert (later[known.label == 1, 0].min() > later[known.label == 0, 0].max()) and (later[:, 1] > 0.6).all()


def test_encodings_count_the_other_folds() -> None:
    _, known = categories(400)
    settings = EncodingSettings("categories", strength=10.0, folds=4, seed=3)
    encoder, extended = fit_encoder(CATEGORIES, known, settings)
    fold = np.random.default_rng(3).permutation(np.arange(400) % 4)
    base = known.label.mean()
    for row in range(0, 400, 37):
        same = (known.values[:, 0] == known.values[row, 0]) & (fold != fold[row])
        n, positives = same.sum() * 4 / 3, known.label[same].sum() * 4 / 3
        rate = (positives + 10 * 4 / 3 * base) / (n + 10 * 4 / 3)
        assert extended[row, 2:4].view(np.float32) == pytest.approx(
            [math.log(rate / (1 - rate)), math.log1p(n)], rel=1e-5
        )
        every = known.values[:, 0] == known.values[row, 0]
        rate = (known.label[every].sum() + 10 * base) / (every.sum() + 10)
        assert encoder.extend(known.values[row : row + 1])[0, 2:4].view(np.float32) == pytest.approx(
            [math.log(rate / (1 - rate)), math.log1p(every.sum())], rel=1e-5
        )


def test_rare_values_go_together_and_edges_split_evenly() -> None:
    values = np.array([[1, 1, 1]] * 5 + [[2, 1, 1]] * 2 + [[3, 1, 1]], np.uint32)
    encoder = Encoder(2, 1)
    expansion = fit_expansion(CATEGORIES, encoder, values, ExpansionSettings(bits=16, least=3))
    places = expansion.expand(np.array([[1, 1, 1], [2, 1, 1], [3, 1, 1], [99, 1, 1]], np.uint32))
    assert places[0, 0] != places[1, 0] == places[2, 0] == places[3, 0]
    x = np.arange(1000, dtype=np.float32)
    buckets = np.searchsorted(quantile_edges(numbers(x), 10), x, "right")
    assert np.bincount(buckets).tolist() == [100] * 10
    assert quantile_edges(numbers([5, 5, 7, np.nan, np.inf]), 10).tolist() == [7.0]
    assert quantile_edges(numbers([np.nan]), 10).tolist() == []


def test_models_find_what_there_is_and_a_blend_is_no_worse() -> None:
    """The pair a × c decides: a factorization machine without crosses finds it, and the blend keeps what its members
    know. Timed rows are split by time.
    """
    _, known = categories(6000)
    _, later = categories(6000, 2)
    plain = FeatureSet("plain", 1, CATEGORIES.features)
    pairs = factorization.FactorizationSettings(expansion=ExpansionSettings(bits=16), rate=0.2, l2=1e-4, passes=30)
    members = (linear.LinearSettings(expansion=ExpansionSettings(bits=16)), pairs)
    timed = Rows(known.values, known.label, known.weight, np.arange(6000, dtype=np.int64)[::-1].copy())

    def loss(model: Any) -> float:
        p = model.scores(later.values)
        return float(-np.mean(np.log(np.where(later.label == 1, p, 1 - p))))

    alone = [loss(blend.fit_member(plain, known, one)) for one in members]
    assert alone[1] < alone[0] - 0.02
    made = blend.fit(plain, timed, blend.BlendSettings(members))
    assert loss(made) < min(alone) + 0.003
    assert made.weights[1] > 0.5 and made.weights.min() >= 0
    with pytest.raises(ValueError, match="nothing to learn"):
        linear.fit(plain, rows(known.values, np.zeros(6000)))
