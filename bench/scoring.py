"""What it costs to score an impression, and to shade a bid: each model's compiled scorer, without the bid path around.

Twenty features of the request and the candidate (12 categories, 8 numbers) of `--requests` distinct requests; what is
measured is a request with one candidate, which shares nothing, and beside it a further candidate of the same request.
Hashed logistic regression has 2^20 weights and six crosses; the factorization machine a row of vectors (k = 4) for
each of `--values` values, so that they do not lie in the cache; the trees are 100 of 31 leaves, grown by scikit-learn
on categories encoded by tables. Weights are drawn at random: this is no test of quality. Times are of this process's
processor, the best of `--rounds`. Shading is by a landscape of 500 contexts with 100 prices each.

The last line is the result as JSON: microseconds an impression.
"""

import argparse
import json
import sys
import time
from collections.abc import Callable
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

import numpy as np
from numpy.typing import NDArray

from cython_ext.encoding import Encoder
from cython_ext.feature_hash import id_categories
from cython_ext.shading import Landscape
from prediction.factorization import Factorization
from prediction.feature_set import Feature, FeatureSet, numbers
from prediction.fitting import trees
from prediction.fitting.columns import ExpansionSettings, fit_expansion
from prediction.linear import Linear
from prediction.rows import rows
from prediction.scorer import Scorer

CATEGORIES = 12
NUMBERS = 8
OWN = 4
CROSSES = (("c0", "c11"), ("c1", "c11"), ("c2", "c10"), ("c3", "c10"), ("n7", "c11"), ("c4", "c9"))
CONTEXTS, PRICES = 500, 100


def features() -> FeatureSet:
    """The last ones are the candidate's."""
    names = [*(f"n{i}" for i in range(NUMBERS)), *(f"c{i}" for i in range(CATEGORIES))]
    shared = len(names) - OWN
    return FeatureSet(
        "bench",
        1,
        tuple(
            Feature(name, "number" if name[0] == "n" else "category", "request" if place < shared else "candidate")
            for place, name in enumerate(names)
        ),
        CROSSES,
    )


def impressions(count: int, values: int, rng: np.random.Generator) -> NDArray[np.uint32]:
    """Rows: categories as skewed as sites and devices are, numbers with a long tail, one in ten missing."""
    columns = []
    for _ in range(NUMBERS):
        told = rng.lognormal(1, 1.5, count)
        told[rng.random(count) < 0.1] = np.nan
        columns.append(numbers(told))
    each = values // CATEGORIES
    for place in range(CATEGORIES):
        ranks = (each * rng.random(count) ** 2).astype(np.uint64)
        columns.append(id_categories(ranks + np.uint64(place * values)))
    return np.ascontiguousarray(np.stack(columns, 1))


def best(rounds: int, work: Callable[[], object]) -> float:
    """Seconds of processor."""
    taken = []
    for _ in range(rounds):
        begun = time.process_time()
        work()
        taken.append(time.process_time() - begun)
    return min(taken)


def measure(name: str, model: Scorer, given: NDArray[np.uint32], rounds: int) -> float:
    """Microseconds of an impression alone; a further candidate is told."""
    alone = 1e6 * best(rounds, lambda: model.scores(given)) / len(given)
    shared, own = given[0, : model.n_shared].copy(), np.ascontiguousarray(given[:, model.n_shared :])
    further = 1e6 * best(rounds, lambda: model.request_scores(shared, own)) / len(given)
    print(f"{name}: {alone:.2f} µs an impression alone, {further:.2f} µs a further candidate of a request")
    return round(alone, 2)


def shading(count: int, rounds: int, rng: np.random.Generator) -> float:
    """Microseconds a bid."""
    prices = np.sort(rng.random((CONTEXTS, PRICES)), axis=1) * 20_000_000
    wins = np.sort(rng.random((CONTEXTS, PRICES)), axis=1)
    curves = [(at * PRICES, at * PRICES, PRICES) for at in range(CONTEXTS)]
    landscape = Landscape(prices.ravel(), wins.ravel(), curves, np.zeros((0, 3)))
    contexts = rng.integers(1, CONTEXTS + 1, count).astype(np.uint32)
    worth = rng.integers(100_000, 20_000_000, count)
    floors = (worth * 0.1 * rng.random(count)).astype(np.int64)
    taken = 1e6 * best(rounds, lambda: landscape.shade(contexts, worth, floors, worth)) / count
    print(f"shading: {taken:.2f} µs a bid")
    return round(taken, 2)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--requests", type=int, default=20_000)
    parser.add_argument("--values", type=int, default=200_000, help="of all categories together")
    parser.add_argument("--rounds", type=int, default=7)
    asked = parser.parse_args()
    rng = np.random.default_rng(1)
    told = features()
    given = impressions(asked.requests, asked.values, rng)
    plain = Encoder(told.n_shared, told.n_own)
    expansion = fit_expansion(told, plain, given, ExpansionSettings())
    size = 1 << expansion.bits
    linear = Linear(plain, expansion, rng.normal(0, 0.1, size), -4.0)
    vectors = rng.normal(0, 0.1, (asked.values + 1, len(told.features), 4)).astype(np.float32)
    vectors[0] = 0
    row_of = rng.integers(1, asked.values + 1, size).astype(np.uint32)
    pairs = Factorization(plain, expansion, row_of, vectors, rng.normal(0, 0.1, size).astype(np.float32), -4.0)
    label = rng.random(len(given)) < 0.05 + 0.4 * (np.nan_to_num(given[:, 0].view(np.float32)) > 5)
    forest = trees.fit(told, rows(given, label.astype(np.float64)), trees.TreesSettings(least_rows=5))
    result = {
        "bench": "scoring",
        "lr_us": measure("logistic regression", linear, given, asked.rounds),
        "ffm_us": measure("factorization machine", pairs, given, asked.rounds),
        "trees_us": measure("100 trees", forest, given, asked.rounds),
        "shade_us": shading(asked.requests, asked.rounds, rng),
    }
    print(json.dumps(result))


if __name__ == "__main__":
    main()
