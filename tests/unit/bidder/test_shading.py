"""First-price bids in the bid path: their contexts are those that training makes of the logged bid, their prices what
the landscape says of these."""

import asyncio
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from bidder.model_watch import ModelWatch
from bidder.pricing.landscape import Shading
from domain.events import Bid
from prediction import artefact
from prediction.artefact import Description, TrainedOn
from prediction.landscape import PriceLandscape
from prediction.price_context import FEATURES, Column, values
from prediction.registry import Registry
from tests.feature_world import World
from tests.small_models import learnt, scattered

EXCHANGE = 1
MODEL = scattered(learnt(), 1)
PRICES = np.geomspace(1e4, 2e7, 60).round()


def decided(model: PriceLandscape | None, at: int = 1, n: int = 120) -> list[Bid]:
    """All bids on the same requests, half of them with floors."""
    world = World(seed=5)
    world.table.auction.models.put("ctr", MODEL, 1)
    world.table.auction.shading.use(model, 3 if model else 0)
    for number in range(n):
        request = world.request(number) | {"at": at}
        for imp in request["imp"]:
            imp["bidfloor"] = number % 2 * 0.003 * (number % 17)
        world.table.decide(request)
    return [event for event in world.table.events() if isinstance(event, Bid)]


def columns(bids: Sequence[Bid]) -> dict[str, Column]:
    unsigned = {"site": np.uint64}
    names = ("context", "width", "height", "site", "time_ns", "floor", "ctr")
    return {name: np.array([getattr(bid, name) for bid in bids], unsigned.get(name)) for name in names}


def landscape(features: Sequence[str], rows: np.ndarray, strays: float = 0.0) -> PriceLandscape:
    """A curve of its own for each context of the rows."""
    draw = np.random.default_rng(len(rows))
    children, wins, places = [(0, EXCHANGE, 1)], [], {(): 1}
    for row in rows.tolist():
        for depth in range(1, len(features) + 1):
            if tuple(row[:depth]) not in places:
                places[tuple(row[:depth])] = len(places) + 1
                children.append((places[tuple(row[: depth - 1])], row[depth - 1], len(places)))
    for _ in places:
        wins.append(np.sort(draw.uniform(size=len(PRICES)) ** draw.uniform(0.5, 4)))
    curves = [(0, at * len(PRICES), len(PRICES)) for at in range(len(wins))]
    return PriceLandscape(
        features, PRICES, np.concatenate(wins).astype(np.float32), np.array(curves, np.int32),
        np.array(children, np.uint32), strays,
    )  # fmt: skip


def expected(model: PriceLandscape, bids: Sequence[Bid]) -> list[int]:
    rows = values(model.features, columns(bids))
    full, floor = (np.array([getattr(bid, name) for bid in bids], np.int64) for name in ("full_price", "floor"))
    contexts = model.contexts(np.full(len(bids), EXCHANGE), rows)
    return model.kernel.shade(contexts, full, floor, full).tolist()


@pytest.mark.parametrize("features", [*((name,) for name in FEATURES), ("format", "size", "site", "ctr")])
def test_contexts_are_those_of_the_log(features: tuple[str, ...]) -> None:
    bids = decided(None)
    assert len(bids) > 80 and all(bid.price == bid.full_price for bid in bids)
    rows = values(features, columns(bids))
    model = landscape(features, rows)
    shaded = decided(model)
    assert [bid.full_price for bid in shaded] == [bid.full_price for bid in bids]
    assert [bid.price for bid in shaded] == expected(model, shaded)
    assert all(bid.floor <= bid.price <= bid.full_price for bid in shaded)
    assert np.mean([bid.price < bid.full_price for bid in shaded]) > 0.5
    if features != ("hour",):
        assert len(np.unique(rows, axis=0)) > 1


def test_second_prices_and_unknown_exchanges_are_left_alone() -> None:
    rows = values(("site",), columns(decided(None)))
    model = landscape(("site",), rows)
    assert all(bid.price == bid.full_price for bid in decided(model, at=2))
    elsewhere = PriceLandscape(
        ("site",), model.prices, model.wins, model.curves, np.array([(0, EXCHANGE + 1, 1)], np.uint32)
    )
    assert [bid.price for bid in decided(elsewhere)] == [bid.price for bid in decided(None)]


def test_prices_are_tried_out_and_said_to_be() -> None:
    """In about that share of the bids another price of the curve is bid, again the same when it is played again."""
    model = landscape(("site",), values(("site",), columns(decided(None))), strays=0.4)
    bids = decided(model)
    best = expected(model, bids)
    differ = [bid.price != price for bid, price in zip(bids, best, strict=True)]
    assert [bid.explored for bid in bids] == differ
    assert 0.25 < np.mean(differ) < 0.5
    assert all(bid.floor <= bid.price <= bid.full_price for bid in bids)
    assert [bid.price for bid in decided(model)] == [bid.price for bid in bids]


def test_a_landscape_comes_and_goes_like_other_models(tmp_path: Path) -> None:
    """And one that is no landscape changes nothing."""
    registry, world = Registry(tmp_path), World(seed=5)
    shading = Shading()
    watch = ModelWatch(tmp_path, world.table.auction.models, shading)
    model = landscape(("site",), values(("site",), columns(decided(None))))
    for version, kept in ((1, model), (2, MODEL)):
        told = Description("price", version, 1, None, TrainedOn("test", 1, 0.0, 0, 0))
        artefact.save(registry.path("price", version), kept, told)
    registry.promote("price", 1)
    asyncio.run(watch.look())
    assert (shading.on, shading.version, watch.trouble) == (True, 1, {})
    registry.promote("price", 2)
    asyncio.run(watch.look())
    assert (shading.on, shading.version) == (True, 1)
    assert "price_landscape" in watch.trouble["price"]
