"""The price landscape as a model: how often a bid wins in a context, what it should be, and how it is saved.

Its artefact has the target ``price`` and no feature set: contexts are told apart by `prediction.price_context`, the
exchange first. An exchange that nothing was learned of is in no context, and bids there are not shaded.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cython_ext.shading import Landscape
from prediction.packing import Packed
from prediction.price_context import FEATURES
from prediction.price_learner import Ids, PriceLearner

TYPE = "price_landscape"
STRAYS = 0.02
"""Share of first-price auctions in which a price is tried out, so that what is near the best bid stays known."""


class PriceLandscape:
    """``features``: of `FEATURES`, by which an exchange's contexts narrow, in this order; the arrays are
    `Landscape`'s."""

    TYPE = TYPE

    def __init__(
        self,
        features: Sequence[str],
        prices: NDArray[np.float64],
        wins: NDArray[np.float32],
        curves: NDArray[np.int32],
        children: NDArray[np.uint32],
        strays: float = STRAYS,
    ) -> None:
        self.features = tuple(features)
        if unknown := [name for name in self.features if name not in FEATURES]:
            raise ValueError(f"features: {unknown[0]!r} is not allowed; {', '.join(FEATURES)} are")
        self.prices, self.wins, self.curves, self.children = prices, wins, curves, children
        self.kernel = Landscape(prices, wins, curves, children, strays)

    @property
    def strays(self) -> float:
        return self.kernel.strays

    def contexts(self, exchange: NDArray[np.int64], values: Ids) -> Ids:
        """The narrowest contexts of exchanges (n) and the features' values (n, features)."""
        return self.kernel.contexts(np.column_stack([exchange.astype(np.uint32), values]))


def landscape_of(
    learners: Mapping[int, PriceLearner], features: Sequence[str], strays: float = STRAYS
) -> PriceLandscape:
    """What the learners of exchanges know by now. Contexts are numbered level by level, so that each is after its outer
    one."""
    prices: list[NDArray[np.float64]] = []
    wins: list[NDArray[np.float32]] = []
    curves: list[tuple[int, int, int]] = []
    children: list[tuple[int, int, int]] = []
    grid_at = wins_at = 0
    for exchange, learner in sorted(learners.items()):
        points = learner.points.astype(np.float64)
        prices.append(points)
        first = [len(curves) + 1]
        for shares in learner.shares():
            first.append(first[-1] + len(shares))
            rates = np.minimum(np.maximum.accumulate(np.cumsum(shares[:, :-1], axis=1), axis=1), 1.0)
            wins.append(rates.astype(np.float32).ravel())
            curves.extend((grid_at, wins_at + row * len(points), len(points)) for row in range(len(shares)))
            wins_at += rates.size
        children.append((0, exchange, first[0]))
        for level, below in enumerate(learner.children(), 1):
            children.extend(
                (first[level - 1] + outer, value, first[level] + context) for outer, value, context in below
            )
        grid_at += len(points)
    return PriceLandscape(
        features,
        np.concatenate(prices) if prices else np.zeros(0),
        np.concatenate(wins) if wins else np.zeros(0, np.float32),
        np.array(curves, np.int32).reshape(-1, 3),
        np.array(children, np.uint32).reshape(-1, 3),
        strays,
    )


def pack(model: PriceLandscape) -> Packed:
    arrays: dict[str, NDArray[Any]] = {
        "prices": model.prices,
        "wins": model.wins,
        "curves": model.curves,
        "children": model.children,
    }
    return Packed(TYPE, {"features": list(model.features), "strays": model.strays}, arrays)


def unpack(packed: Packed) -> PriceLandscape:
    """Raises ValueError."""
    packed.count(0)
    features = packed.parameter("features", list)
    if not all(isinstance(name, str) for name in features):
        raise ValueError(f"features: {features!r} is not allowed; a list of names is")
    return PriceLandscape(
        features,
        packed.array("prices", "f8", (None,)),
        packed.array("wins", "f4", (None,)),
        packed.array("curves", "i4", (None, 3)),
        packed.array("children", "u4", (None, 3)),
        float(packed.parameter("strays", float, int)),
    )
