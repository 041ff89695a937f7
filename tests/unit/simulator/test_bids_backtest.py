"""Strategies on recorded auctions: the money is kept, the past is all that is learnt from, and figures are what a plain
loop, a linear programme and the strategies' own optimality say."""

from pathlib import Path

import numpy as np
import pytest
from scipy.optimize import linprog

from cli import budgeted_bids
from domain.errors import Refused
from simulator.auction_replay import Auctions, in_quanta, read_auctions
from simulator.auction_spending import Market, spend
from simulator.bid_baselines import families
from simulator.bids_backtest import BidsBackTest, draws, result
from simulator.clairvoyant import most_value
from simulator.click_value import click_value

BUDGETS = (2, 8, 32)


def made(count: int, seed: int, *, slope: float = 1.0, rate: float = 0.01, dearer: float = 1.0) -> Auctions:
    """Clicks as likely as pCTR says to the power of ``slope``; from half of the time on the market is dearer."""
    rng = np.random.default_rng(seed)
    spread = rng.normal(size=count)
    truth = np.clip(rate * np.exp(spread - 0.5), 0, 0.5)
    market = in_quanta(np.exp(3.5 + 0.4 * spread + 0.9 * rng.normal(size=count)))
    market[count // 2 :] *= dearer
    pctr = np.clip(rate * np.exp(spread / slope - 0.5), 0, 1)
    return Auctions((rng.random(count) < truth).astype(np.float64), market, pctr)


def one_by_one(bids: np.ndarray, market: np.ndarray, budget: float, kind: Market) -> list[float | None]:
    """What each auction cost; None where it was lost."""
    left, costs = budget, []
    for bid, price in zip(bids.tolist(), market.tolist(), strict=True):
        bid = min(bid, left)
        costs.append((bid if kind == "first" else price) if bid > 0 and bid >= price else None)
        left -= costs[-1] or 0.0
    return costs


@pytest.mark.parametrize("kind", ["first", "second"])
@pytest.mark.parametrize("seed", range(40))
def test_bids_are_settled_one_by_one(kind: Market, seed: int) -> None:
    rng = np.random.default_rng(seed)
    count = int(rng.integers(1, 60))
    market, bids = rng.integers(0, 12, (2, count)).astype(np.float64)
    budget = float(rng.integers(0, 120))
    found = spend(bids, market, budget, kind)
    costs = one_by_one(bids, market, budget, kind)
    assert found.won.tolist() == [cost is not None for cost in costs]
    assert found.cost.tolist() == [cost or 0.0 for cost in costs]
    assert found.cost.sum() <= budget


@pytest.mark.parametrize("seed", range(5))
def test_the_clairvoyant_is_the_linear_programmes(seed: int) -> None:
    rng = np.random.default_rng(seed)
    value, market = rng.integers(0, 3, 50) * rng.random(50), rng.integers(0, 9, 50).astype(np.float64)
    for budget in (0.0, 7.5, 60.0, 1e3):
        solved = linprog(-value, A_ub=[market], b_ub=[budget], bounds=(0, 1))
        assert most_value(value, market, budget) == pytest.approx(-solved.fun)


@pytest.mark.parametrize("name", ["ortb1", "ortb2"])
def test_ortb_bids_are_optimal_for_their_win_rate(name: str) -> None:
    """Each maximises (pCTR / λ - bid) × win rate: the λ of one bid must make all others best, by trying prices."""
    past = made(4000, 1)
    family, found = families(past, float(past.pctr.mean()))[name]
    c, power = found["c"], 1 if name == "ortb1" else 2
    prices = np.linspace(0.01, 400, 400_000)
    rate = prices**power / (c**power + prices**power)
    pctr = np.array([0.001, 0.01, 0.03])
    bids = family(25.0, pctr)
    at = bids[1]
    win, slope = at**power / (c**power + at**power), power * c**power * at ** (power - 1) / (c**power + at**power) ** 2
    price_of_click = (win / slope + at) / pctr[1]  # where the derivative is 0
    for predicted, bid in zip(pctr.tolist(), bids.tolist(), strict=True):
        best = prices[np.argmax((price_of_click * predicted - prices) * rate)]
        assert bid == pytest.approx(best, abs=0.01)
    assert family(25.0, np.array([past.pctr.mean()]))[0] == pytest.approx(25.0)


@pytest.mark.parametrize("kind", ["first", "second"])
@pytest.mark.parametrize("dearer", [1.0, 2.0])
def test_ours_buys_most_and_never_more_than_the_budget(kind: Market, dearer: float) -> None:
    """Counted in the pCTR that was won, which here is the true rate: without the chance of clicks."""
    test = BidsBackTest(made(8000, 2, dearer=dearer), 0.6, BUDGETS, kind)
    pctr: dict[str, list[float]] = {}
    drawn = draws(50, 1)
    for trial in test.trials(budgeted_bids.strategies):
        found = result(trial, test.rest, drawn)
        assert found.spend <= trial.budget
        assert found.clicks == sum(test.rest.click[trial.spent.won])
        assert found.clicks_interval[0] <= found.clicks <= found.clicks_interval[1]
        assert found.pctr <= test.most_pctr(trial.budget) * (1 + 1e-12)
        pctr.setdefault(trial.strategy, []).append(found.pctr)
        if trial.strategy == "outbid":
            assert found.spend >= 0.99 * trial.budget
            if kind == "second":
                assert found.pctr >= 0.96 * test.most_pctr(trial.budget)
    ours, controller = pctr.pop("outbid"), pctr.pop("controller")
    assert sum(controller) >= 0.9 * sum(ours)
    for others in pctr.values():
        assert all(a >= 0.99 * b for a, b in zip(ours, others, strict=True))
        assert sum(ours) > sum(others)


@pytest.mark.parametrize("kind", ["first", "second"])
@pytest.mark.parametrize("name", ["outbid", "controller"])
def test_nobody_sees_the_future_or_a_lost_price(kind: Market, name: str) -> None:
    test = BidsBackTest(made(3000, 3), 0.5, (8,), kind)
    run = budgeted_bids.strategies(test.past, kind)[name]
    budget = test.budget(8)
    before = run(test.rest, budget)
    half = len(test.rest) // 2
    changed = test.rest.market.copy()
    changed[half:] *= 3
    lost = np.flatnonzero(~before.won[:half])
    changed[lost] += 1000.0
    again = run(Auctions(1 - test.rest.click, changed, test.rest.pctr), budget)
    assert again.cost[:half].tolist() == before.cost[:half].tolist()
    assert again.cost[half:].tolist() != before.cost[half:].tolist()


def test_a_distorted_prediction_is_put_right_where_clicks_show_it() -> None:
    """pCTR spreads half as wide as the truth: found from many clicks, left alone with few."""
    many, few = made(30_000, 4, slope=2.0), made(1500, 4, slope=2.0, rate=0.005)
    known = click_value(many)
    assert known.name in ("power", "isotonic")
    low, high = known.rate(np.array([0.005, 0.02]))
    assert np.log(high / low) / np.log(4) == pytest.approx(2.0, abs=0.5)
    assert click_value(few.part(0, 300)).name == "scaled"
    assert click_value(made(30_000, 5)).name == "scaled"


def test_nothing_clicked_and_nothing_dear_are_no_trouble() -> None:
    rng = np.random.default_rng(6)
    for market in (np.zeros(400), np.full(400, 7.0)):
        test = BidsBackTest(Auctions(np.zeros(400), market, rng.random(400)), 0.5, (1, 4), "second")
        for trial in test.trials(budgeted_bids.strategies):
            assert trial.spent.cost.sum() <= trial.budget


def test_lines_are_read_and_refused_by_name(tmp_path: Path) -> None:
    path = tmp_path / "replay.txt"
    path.write_text("# made\n0 70 0.002\n\n1,3.5,0.25\n0\t0\t1e-3\n")
    found = read_auctions(path)
    assert (found.click.tolist(), found.market.tolist()) == ([0, 1, 0], [70, 3.5, 0])
    assert found.pctr.tolist() == [0.002, 0.25, 0.001]
    for line, where in (
        ("2 70 0.1", "line 2, click"),
        ("1 -1 0.1", "line 2, market price"),
        ("1 nan 0.1", "line 2, market price"),
        ("1 7 1.5", "line 2, pCTR"),
        ("1 7", "line 2: "),
    ):
        path.write_text(f"0 1 0.1\n{line}\n")
        with pytest.raises(Refused, match=where):
            read_auctions(path)
    path.write_text("")
    with pytest.raises(Refused, match="a line an auction"):
        read_auctions(path)
    with pytest.raises(Refused, match=r"none\.txt"):
        read_auctions(tmp_path / "none.txt")


def test_parts_and_budgets_that_make_no_sense_are_refused() -> None:
    auctions = made(300, 7)
    for fraction, budgets, where in (
        (0.9, (2,), "train-fraction"),
        (1.5, (2,), "train-fraction"),
        (0.5, (0.5,), "bud"),
    ):
        with pytest.raises(Refused, match=where):
            BidsBackTest(auctions, fraction, budgets)
