"""How well market prices that were never seen are foretold, from a censored recording: negative log-probability a row.

    python bench/landscape.py [--data FILE]

FILE has a line a bid: click, market price, bid, then features ``id:1`` of the impression. The price is known only where
it is below the bid. Prices are whole numbers. Learned from 70 % of the rows; judged on the true prices of all others,
those of lost bids too: by the landscape, by its root alone (one curve for all), by the censored curve without features
(`prediction.win_curve`), and by a histogram of the prices of won bids, which has one more of each price.
"""

import argparse
import json
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

import numpy as np
from numpy.typing import NDArray

from prediction.price_curves import Floats
from prediction.price_learner import PriceLearner, Settings
from prediction.price_training import narrowing
from prediction.win_curve import WinCurve

DATA = Path("/work/shared/data/ipinyou_2259/yzbx.txt")
HIGHEST = 300
"""Of the recording's prices; every method knows it."""
PLACES = (0, 1, 4, 5, 6, 7, 8, 9, 10, 12, 14, 15)
"""Of the features: not the person's address, and none that all rows have in common."""
LEAST = 1e-6


def read(path: Path) -> tuple[Floats, Floats, NDArray[np.uint32]]:
    rows = [line.split() for line in path.read_text().splitlines()]
    price, bid = np.array([[row[1], row[2]] for row in rows], np.float64).T
    width = max(PLACES) + 4
    ids = [[int(text.split(":")[0]) for text in row[3:width]] for row in rows]
    table = np.array([row + [0] * (width - 3 - len(row)) for row in ids], np.uint32)
    return price, bid, table[:, PLACES]


def of_cells(shares: Floats, points: NDArray[np.int64]) -> Floats:
    """(n, HIGHEST + 1): probability of each whole price: a cell's share is spread evenly over the prices in it."""
    edges = np.concatenate([[0], points])
    spread = np.zeros((len(shares), HIGHEST + 1))
    for cell in range(len(points)):
        inside = np.arange(edges[cell] + 1, min(points[cell], HIGHEST) + 1)
        spread[:, inside] = shares[:, cell : cell + 1] / max(len(inside), 1)
    left = np.maximum(1.0 - spread[:, 1:].sum(axis=1, keepdims=True), 0.0)
    spread[:, 1:] += left / HIGHEST  # no price is higher
    return spread


def surprise(spread: Floats, price: Floats) -> float:
    found = spread[np.arange(len(price)), price.astype(int)] if len(spread) > 1 else spread[0, price.astype(int)]
    return -float(np.log(np.maximum(found, LEAST)).mean())


def measure(price: Floats, bid: Floats, features: NDArray[np.uint32], seed: int) -> dict[str, float]:
    order = np.random.default_rng(seed).permutation(len(price))
    learn, judge = order[: int(len(price) * 0.7)], order[int(len(price) * 0.7) :]
    won = price < bid
    low, high = np.where(won, price, bid), np.where(won, price, np.inf)
    settings = Settings(strength=60, half_life=float("inf"), blur=0.0, step=1, least=20)
    newest = np.zeros(len(learn), bool)
    newest[int(len(learn) * 0.8) :] = True
    one = np.ones(len(learn), np.int64)
    chosen = narrowing(features[learn], low[learn], high[learn], one, newest, settings)
    told = {}
    for name, columns in (("landscape", chosen), ("root", [])):
        learner = PriceLearner(len(columns), 1, HIGHEST, settings)
        learner.observe(features[learn][:, columns], low[learn], high[learn])
        learner.settle()
        told[name] = surprise(of_cells(learner.shares_of(features[judge][:, columns]), learner.points), price[judge])
    curve = WinCurve(low[learn], high[learn])
    below = curve.wins(np.arange(HIGHEST + 1, dtype=np.float64))
    alone = np.diff(below, prepend=0.0)[None, :]
    alone[0, 1:] += max(1.0 - float(alone[0, 1:].sum()), 0.0) / HIGHEST
    told["censored_curve"] = surprise(alone, price[judge])
    seen = price[learn][won[learn]].astype(int)
    counts = np.bincount(seen, minlength=HIGHEST + 1)[: HIGHEST + 1] + 1.0
    counts[0] = 0.0
    told["won_only"] = surprise((counts / counts.sum())[None, :], price[judge])
    told["levels"] = float(len(chosen))
    return told


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--data", type=Path, default=DATA)
    parser.add_argument("--splits", type=int, default=5)
    asked = parser.parse_args()
    price, bid, features = read(asked.data)
    found = [measure(price, bid, features, seed) for seed in range(asked.splits)]
    for split in found:
        print({name: round(value, 4) for name, value in split.items()})
    means = {name: round(float(np.mean([split[name] for split in found])), 4) for name in found[0]}
    gain = [split["won_only"] - split["landscape"] for split in found]
    print(json.dumps({"bench": "landscape", "rows": len(price), **means, "least_gain": round(min(gain), 4)}))


if __name__ == "__main__":
    main()
