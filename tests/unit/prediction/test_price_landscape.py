"""Landscapes learned from bids on markets that are known, kept, and asked again."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from prediction import artefact
from prediction.artefact import Damaged, Description, TrainedOn
from prediction.landscape import PriceLandscape, landscape_of, pack, unpack
from prediction.packing import Packed
from prediction.price_learner import PriceLearner, Settings
from prediction.price_training import bounds, fit, learned

INF = np.inf
WHOLE = Settings(half_life=INF, strength=60.0)
EXCHANGE = 4


def market(n: int, seed: int = 3) -> dict[str, NDArray[Any]]:
    """Two sites with prices of their own, three sizes that make no difference, bids of any height, first price."""
    draw = np.random.default_rng(seed)
    site = draw.choice(np.array([11, 22], np.uint64), n)
    others = np.where(site == 11, draw.lognormal(14, 0.4, n), draw.lognormal(15.2, 0.3, n))
    price = draw.uniform(2e5, 8e6, n).astype(np.int64)
    return {
        "exchange": np.full(n, EXCHANGE),
        "site": site,
        "width": draw.choice([300, 320, 728], n),
        "height": np.full(n, 250),
        "price": price,
        "others": others,
        "won": others <= price,
    }


def censored(bids: dict[str, NDArray[Any]]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    price = bids["price"].astype(np.float64)
    return np.where(bids["won"], 0.0, price), np.where(bids["won"], price, INF)


def truth(site: int, bid: float) -> float:
    draw = np.random.default_rng(99)
    return float(np.mean(draw.lognormal(*((14, 0.4) if site == 11 else (15.2, 0.3)), 200_000) <= bid))


def rates(model: PriceLandscape, site: int, bids: list[int]) -> NDArray[np.float64]:
    values = np.full((len(bids), 1), site, np.uint32)
    contexts = model.contexts(np.full(len(bids), EXCHANGE), values)
    return model.kernel.win_rates(contexts, np.array(bids, np.int64))


def test_sites_get_their_own_curves() -> None:
    """From won or lost alone each site gets its own curve, and it is the true one."""
    bids = market(20_000)
    model, metrics = fit(bids, *censored(bids), features=("site",), settings=WHOLE)
    assert metrics["log_likelihood"] > metrics["log_likelihood_of_exchange"] + 0.1
    for site in (11, 22):
        for bid in (1_000_000, 2_000_000, 4_000_000, 6_000_000):
            assert rates(model, site, [bid])[0] == pytest.approx(truth(site, bid), abs=0.06)


def test_features_are_chosen_by_what_they_foretell(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("prediction.price_training.CANDIDATES", ("size", "site"))
    bids = market(12_000)
    model, _ = fit(bids, *censored(bids), settings=WHOLE)
    assert model.features == ("site",)


def test_a_new_site_has_its_exchanges_curve_and_a_new_exchange_has_none() -> None:
    bids = market(5_000)
    columns = bids["site"].astype(np.uint32)[:, None]
    learners = learned(columns, *censored(bids), bids["exchange"], WHOLE)
    model = landscape_of(learners, ("site",))
    known, new = (model.contexts(np.array([EXCHANGE]), np.array([[site]], np.uint32))[0] for site in (11, 77))
    assert (int(new), int(known) > 1) == (1, True)
    assert model.contexts(np.array([EXCHANGE + 1]), np.array([[11]], np.uint32)).tolist() == [0]


def test_few_observations_move_a_context_a_little() -> None:
    """A site with 60 bids, all lost, lies between its exchange's curve and what these say."""
    bids = market(4_000)
    columns = np.full((4_060, 1), 5, np.uint32)
    columns[4_000:] = 6
    low, high = censored(bids)
    low, high = np.concatenate([low, np.full(60, 6e6)]), np.concatenate([high, np.full(60, INF)])
    model = landscape_of(learned(columns, low, high, np.full(4_060, EXCHANGE), WHOLE), ("site",))
    around, own = rates(model, 5, [5_900_000])[0], rates(model, 6, [5_900_000])[0]
    assert 0.3 * around < own < 0.7 * around


def test_a_learner_follows_a_market_that_moves() -> None:
    """It hears of won and lost only, and forgets: after prices have doubled its curve is the new one."""
    draw = np.random.default_rng(1)
    learner = PriceLearner(0, 1e5, 2e7, Settings(half_life=4_000.0, rounds=20))
    none = np.zeros((1_000, 0), np.uint32)
    for batch in range(50):
        others = draw.lognormal(14 if batch < 25 else 14.7, 0.4, 1_000)
        bid = draw.uniform(3e5, 8e6, 1_000)
        won = others <= bid
        learner.observe(none, np.where(won, 0.0, bid), np.where(won, bid, INF))
        if batch == 24:
            before = np.cumsum(learner.shares()[0][0])
    after = np.cumsum(learner.shares()[0][0])
    at = int(np.searchsorted(learner.points, 1_500_000))
    fresh = draw.lognormal(14, 0.4, 50_000), draw.lognormal(14.7, 0.4, 50_000)
    assert before[at] == pytest.approx(np.mean(fresh[0] <= 1_500_000), abs=0.08)
    assert after[at] == pytest.approx(np.mean(fresh[1] <= 1_500_000), abs=0.08)


def test_what_is_known_of_a_bid() -> None:
    """Won at a second price, lost with the price to win, lost for good, cleared at the floor; the rest is censored."""
    rows = np.array(
        [  # price, floor, won, paid, min to win, second price, hopeless -> low, high
            (100, 10, 1, 60, 0, 1, 0, 60, 60),
            (100, 10, 1, 60, 0, 0, 0, 0, 100),
            (100, 10, 1, 100, 0, 1, 0, 0, 100),
            (100, 10, 1, 60, 70, 0, 0, 70, 70),
            (100, 10, 1, 10, 0, 1, 0, 0, 10),
            (100, 10, 0, 0, 0, 1, 0, 100, INF),
            (100, 10, 0, 0, 130, 0, 0, 130, 130),
            (100, 10, 0, 0, 90, 0, 0, 100, INF),
            (100, 10, 0, 0, 130, 0, 1, INF, INF),
        ]
    )
    price, floor, won, paid, to_win, second, hopeless, low, high = rows.T
    found = bounds(price, floor, won.astype(bool), paid, to_win, second.astype(bool), hopeless.astype(bool))
    assert [each.tolist() for each in found] == [low.tolist(), high.tolist()]


def described() -> Description:
    return Description("price", 1, 1, None, TrainedOn("test", 5_000, 0.0, 0, 0))


def test_it_is_kept_as_it_is(tmp_path: Path) -> None:
    bids = market(5_000)
    columns = bids["site"].astype(np.uint32)[:, None]
    model = landscape_of(learned(columns, *censored(bids), bids["exchange"], WHOLE), ("site",), 0.07)
    artefact.save(tmp_path / "1", model, described())
    again = artefact.load_model(tmp_path / "1")
    assert isinstance(again, PriceLandscape)
    assert (again.features, again.strays) == (("site",), 0.07)
    prices = list(range(200_000, 9_000_000, 70_000))
    for site in (11, 22, 33):
        assert rates(again, site, prices).tolist() == rates(model, site, prices).tolist()
    with pytest.raises(Damaged, match="does not score"):
        artefact.load(tmp_path / "1")


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"features": ["moon"]}, "features"),
        ({"features": "site"}, "features"),
        ({"strays": 2.0}, "strays"),
        ({"wins": np.array([0.5, 0.4], np.float32)}, "wins"),
        ({"prices": np.array([2.0, 1.0])}, "prices"),
        ({"curves": np.array([[0, 0, 9]], np.int32)}, "curves"),
        ({"children": np.array([[0, 4, 2]], np.uint32)}, "children"),
        ({"children": np.array([[0, 4]], np.uint32)}, "children"),
    ],
)
def test_what_is_damaged_is_refused_by_name(change: dict[str, Any], named: str) -> None:
    model = PriceLandscape(
        ("site",), np.array([1.0, 2.0]), np.array([0.4, 0.5], np.float32), np.array([[0, 0, 2]], np.int32),
        np.array([[0, 4, 1]], np.uint32),
    )  # fmt: skip
    packed = pack(model)
    parameters = {**packed.parameters, **{k: v for k, v in change.items() if k in packed.parameters}}
    arrays = {**packed.arrays, **{k: v for k, v in change.items() if k in packed.arrays}}
    with pytest.raises(ValueError, match=f"^{named}"):
        unpack(Packed(packed.model_type, parameters, arrays))
