"""The price landscape from the store's bids: what each says of the highest price that others would have paid.

Deals meet no market, and are left out. A bid that nobody told of any more has lost: most exchanges send no loss notice.
"""

from collections.abc import Mapping
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from domain.errors import Problem, Refused
from prediction.landscape import PriceLandscape, landscape_of
from prediction.price_context import values
from prediction.price_learner import PriceLearner, Settings
from prediction.price_training import bounds, learned
from reporting.training_rows import Outcomes

Floats = NDArray[np.float64]

FEATURES = ("format", "size", "site")
"""By which an exchange's contexts narrow."""
LEAST_BIDS = 500
"""Of an exchange, and at least a tenth as many of them won: with fewer its landscape is not known."""
TINY = 1e-6


class PriceModel(msgspec.Struct, frozen=True, eq=False):
    """A landscape, and how well it foretells which of the newest bids win."""

    landscape: PriceLandscape
    figures: dict[str, float]
    rows: int
    won: int


def learn(told: Outcomes, test_share: float) -> PriceModel:
    """From bids in the order of time; the newest share is foretold by what was learnt from the others, and then learnt
    too. Raises Refused where no exchange has enough of them.
    """
    market = told["deal"] == 0
    columns = {name: column[market] for name, column in told.columns.items()}
    low, high = told_by(columns)
    contexts = values(FEATURES, columns)
    cut = int(len(low) * (1 - test_share))
    older, newest = slice(0, cut), slice(cut, len(low))
    learners = _learners(columns, low, high, contexts, older)
    if not learners:
        allowed = f"an exchange must have {LEAST_BIDS} bids, and a tenth of them won"
        raise Refused([Problem("bids", len(low), allowed)])
    figures = _foretold(landscape_of(learners, FEATURES), columns, contexts, newest)
    learners = _learners(columns, low, high, contexts, slice(0, len(low)))
    landscape = landscape_of(learners, FEATURES)
    figures |= {
        "exchanges": float(len(learners)),
        "contexts": float(sum(each.contexts() for each in learners.values())),
    }
    return PriceModel(landscape, figures, len(low), int((columns["won"] > 0).sum()))


def told_by(columns: Mapping[str, NDArray[Any]]) -> tuple[Floats, Floats]:
    """`bounds`: who won for less than the bid paid a second price, and the store tells of losses by price alone."""
    won = columns["won"] > 0
    yes = np.ones_like(won)
    return bounds(columns["price"], columns["floor"], won, columns["paid"], columns["min_to_win"], yes, ~yes)


def _learners(
    columns: Mapping[str, NDArray[Any]], low: Floats, high: Floats, contexts: NDArray[np.uint32], part: slice
) -> dict[int, PriceLearner]:
    exchange = columns["exchange"][part].astype(np.int64)
    ids, place, bids = np.unique(exchange, return_inverse=True, return_counts=True)
    won = np.bincount(place, columns["won"][part] > 0, len(ids))
    kept = np.isin(exchange, ids[(bids >= LEAST_BIDS) & (won >= LEAST_BIDS // 10)])
    told = (contexts[part][kept], low[part][kept], high[part][kept], exchange[kept])
    return learned(*told, Settings(), columns["weight"][part][kept])


def _foretold(
    landscape: PriceLandscape, columns: Mapping[str, NDArray[Any]], contexts: NDArray[np.uint32], part: slice
) -> dict[str, float]:
    """Mean log loss of who wins, and of always saying the mean; bids of exchanges that nothing is known of are left
    out.
    """
    place = landscape.contexts(columns["exchange"][part].astype(np.int64), contexts[part])
    known = place > 0
    if not known.any():
        return {}
    won = (columns["won"][part][known] > 0).astype(np.float64)
    said = landscape.kernel.win_rates(place[known], columns["price"][part][known].astype(np.int64))
    said = np.clip(said, TINY, 1 - TINY)
    mean = np.clip(won.mean(), TINY, 1 - TINY)
    return {
        "win_rate": float(won.mean()),
        "win_bias": float(said.sum() / max(won.sum(), TINY)),
        "win_logloss": _loss(won, said),
        "win_normalised_entropy": _loss(won, said) / _loss(won, np.full(len(won), mean)),
    }


def _loss(label: Floats, score: Floats) -> float:
    return float(-(label * np.log(score) + (1 - label) * np.log1p(-score)).mean())
