"""The price landscape from columns of bids and what became of them, as the analytics store has them."""

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from prediction.landscape import STRAYS, PriceLandscape, landscape_of
from prediction.price_context import Column, values
from prediction.price_curves import Floats
from prediction.price_learner import Ids, PriceLearner, Settings

CANDIDATES = ("format", "size", "site", "place", "device_type", "country", "hour", "floor", "ctr_wide", "ctr")
LEAST_BIDS = 500
"""Of an exchange; with fewer its bids are not shaded."""
MOST_LEVELS = 5
HELD_OUT = 0.2
"""The newest bids, that features are chosen by."""
LEAST_GAIN, SURE = 0.01, 2.0
"""Of the mean log likelihood of a held-out bid, that a feature must add; and in standard errors of that."""
ROOM = 2.0
"""A grid goes so many times beyond the highest price that was observed."""


def bounds(
    price: Column, floor: Column, won: Column, paid: Column, min_to_win: Column, second_price: Column, hopeless: Column
) -> tuple[Floats, Floats]:
    """What is known of the highest price of the others after each bid: above low, at most high; equal where told.

    Nanos of the exchange's currency; ``paid`` and ``min_to_win`` are 0 where they were not told; ``hopeless`` lost for
    a reason that no price could have changed (both inf). What is told at or below the floor says only that the floor
    was enough.
    """
    price, floor = price.astype(np.float64), floor.astype(np.float64)
    to_win = min_to_win.astype(np.float64)
    clears = won & (to_win <= 0) & second_price & (paid > 0) & (paid < price)
    to_win = np.where(clears, paid, to_win)
    known = np.where(won, (to_win > floor) & (to_win < price), to_win > price) & ~(hopeless & ~won)
    at_floor = won & (to_win > 0) & (to_win <= floor)
    low = np.where(won, 0.0, np.where(hopeless, np.inf, price))
    high = np.where(won, np.where(at_floor, np.maximum(floor, 1.0), price), np.inf)
    return np.where(known, to_win, low), np.where(known, to_win, high)


def fit(
    bids: Mapping[str, Column],
    low: Floats,
    high: Floats,
    features: Sequence[str] | None = None,
    settings: Settings | None = None,
    strays: float = STRAYS,
) -> tuple[PriceLandscape, dict[str, float]]:
    """Of bids in the order of time: columns named as the fields of `domain.events.Bid`, ``exchange`` among them; bounds
    as `bounds` makes them. None as ``features``: those of `CANDIDATES` that make the newest bids' outcomes most likely,
    the most telling first.

    The metrics are the mean log likelihood of a held-out bid's outcome, and the same by each exchange's curve alone.
    """
    settings = settings or Settings(half_life=float("inf"), strength=60.0)
    exchanges, counts = np.unique(bids["exchange"], return_counts=True)
    exchanges = exchanges[counts >= LEAST_BIDS]
    kept = np.isin(bids["exchange"], exchanges)
    low, high, exchange = low[kept], high[kept], bids["exchange"][kept].astype(np.int64)
    offered = CANDIDATES if features is None else tuple(features)
    columns = values(offered, {name: column[kept] for name, column in bids.items()})
    newest = _newest(exchange)
    if features is None:
        chosen = narrowing(columns, low, high, exchange, newest, settings)
    else:
        chosen = list(range(len(offered)))
    metrics = {
        "log_likelihood": float(held_out(columns[:, chosen], low, high, exchange, newest, settings).mean()),
        "log_likelihood_of_exchange": float(held_out(columns[:, :0], low, high, exchange, newest, settings).mean()),
        "rows": float(len(low)),
    }
    learners = learned(columns[:, chosen], low, high, exchange, settings)
    return landscape_of(learners, [offered[place] for place in chosen], strays), metrics


def narrowing(
    columns: Ids, low: Floats, high: Floats, exchange: NDArray[np.int64], newest: NDArray[np.bool_], settings: Settings
) -> list[int]:
    """The columns by which contexts narrow, chosen one by one."""
    chosen: list[int] = []
    best = held_out(columns[:, :0], low, high, exchange, newest, settings)
    while len(chosen) < min(MOST_LEVELS, columns.shape[1]):
        tried = {
            place: held_out(columns[:, [*chosen, place]], low, high, exchange, newest, settings)
            for place in range(columns.shape[1])
            if place not in chosen
        }
        place = max(tried, key=lambda each: float(tried[each].mean()))
        gains = tried[place] - best
        if gains.mean() < max(LEAST_GAIN, SURE * gains.std() / np.sqrt(len(gains))):
            break
        chosen.append(place)
        best = tried[place]
    return chosen


def held_out(
    columns: Ids, low: Floats, high: Floats, exchange: NDArray[np.int64], newest: NDArray[np.bool_], settings: Settings
) -> Floats:
    """Log likelihoods of the newest bids' outcomes, learned from the others."""
    old = ~newest
    learners = learned(columns[old], low[old], high[old], exchange[old], settings)
    found = np.zeros(len(low))
    for id_, learner in learners.items():
        chosen = newest & (exchange == id_)
        found[chosen] = learner.log_likelihood(columns[chosen], low[chosen], high[chosen])
    return found[newest]


def learned(
    columns: Ids,
    low: Floats,
    high: Floats,
    exchange: NDArray[np.int64],
    settings: Settings,
    weight: Floats | None = None,
) -> dict[int, PriceLearner]:
    """A learner for each exchange, that was told all of it. ``weight``: how many bids a row stands for, 1 if None."""
    learners = {}
    for id_ in np.unique(exchange).tolist():
        chosen = exchange == id_
        ends = np.concatenate([low[chosen], high[chosen]])
        ends = ends[np.isfinite(ends) & (ends > 0)]
        if not len(ends):
            continue
        learner = PriceLearner(columns.shape[1], float(ends.min()), ROOM * float(ends.max()), settings)
        learner.observe(columns[chosen], low[chosen], high[chosen], None if weight is None else weight[chosen])
        learner.settle()
        learners[id_] = learner
    return learners


def _newest(exchange: NDArray[np.int64]) -> NDArray[np.bool_]:
    """The last of each exchange's bids."""
    newest = np.zeros(len(exchange), bool)
    for id_ in np.unique(exchange):
        places = np.flatnonzero(exchange == id_)
        newest[places[int(len(places) * (1 - HELD_OUT)) :]] = True
    return newest
