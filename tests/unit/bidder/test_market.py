"""What is learned from bids that were won and lost, against markets that are known."""

from pathlib import Path

import numpy as np
import pytest

from bidder.market import CLICK_PRIORS, LEAST_BIDS, PRIOR_STRENGTH, Market, Outcome, expected_price, read_market
from domain.events import Bid, Kind, Mark, Notice, encode
from eventlog.writer import LogWriter
from prediction.win_curve import WinCurve
from tests.auction_table import NOW_NS, snapshot

INF = np.inf


def product_limit(times: list[float], exact: list[bool], at: float) -> float:
    """Kaplan's and Meier's estimator of P(T <= at), which the general one must equal where nothing is censored on the
    left (JASA 53, 1958)."""
    survival = 1.0
    for time in sorted({t for t, known in zip(times, exact, strict=True) if known}):
        if time <= at:
            risk = sum(t >= time for t in times)
            survival *= 1 - sum(t == time and known for t, known in zip(times, exact, strict=True)) / risk
    return 1 - survival


def test_lost_bids_of_which_some_were_told_the_price() -> None:
    """Losses tell the price to win, or only that it was above the bid."""
    times = [1.0, 2.0, 2.0, 3.0, 4.0, 4.0, 5.0, 6.0, 7.0, 8.0]
    exact = [True, False, True, True, False, True, True, False, True, True]
    low = np.array(times)
    high = np.array([time if known else INF for time, known in zip(times, exact, strict=True)])
    curve = WinCurve(low, high)
    for at in times:
        assert curve.wins(np.array([at]))[0] == pytest.approx(product_limit(times, exact, at), abs=1e-4)


def test_one_price_only() -> None:
    """Of a price that was always bid the share won is known, and nothing above it."""
    low, high = np.array([0.0] * 30 + [100.0] * 70), np.array([100.0] * 30 + [INF] * 70)
    curve = WinCurve(low, high)
    assert curve.wins(np.array([100.0, 500.0])) == pytest.approx([0.3, 0.3])
    assert curve.wins(np.array([0.0, 50.0])) == pytest.approx([0.0, 0.15])


@pytest.mark.parametrize("told", ["nothing", "second price", "price to win"])
def test_a_market_is_found_again(told: str) -> None:
    """Others' prices are log-normal; whatever exchanges tell, the share won comes out within 3 points, the price paid
    within 6 %."""
    draw = np.random.default_rng(8)
    others, bids = draw.lognormal(14, 0.5, 20_000), draw.uniform(2e5, 4e6, 20_000)
    won = others < bids
    low, high = np.where(won, 0.0, bids), np.where(won, bids, INF)
    if told != "nothing":
        low, high = np.where(won, others, low), np.where(won, others, high)
    if told == "price to win":
        low, high = others, others
    curve, fresh = WinCurve(low, high), draw.lognormal(14, 0.5, 100_000)
    for bid in (5e5, 1e6, 2e6, 3.5e6):
        wins, second = expected_price(curve, 2, np.array([bid]), np.array([4e5]))
        assert wins[0] == pytest.approx(np.mean(fresh < bid), abs=0.03)
        paid = np.where(fresh < bid, np.maximum(fresh, 4e5), 0).mean()
        if told != "nothing" or bid > 5e5:
            assert second[0] == pytest.approx(paid, rel=0.06 if told != "nothing" else 0.1)
        assert expected_price(curve, 1, np.array([bid]), np.array([4e5]))[1][0] == pytest.approx(wins[0] * bid)


def test_losses_that_no_price_would_have_changed() -> None:
    low = np.array([0.0] * 40 + [10.0] * 20 + [INF] * 40)
    high = np.array([10.0] * 40 + [12.0] * 20 + [INF] * 40)
    assert WinCurve(low, high).wins(np.array([10.0, 12.0, 1e9])) == pytest.approx([0.4, 0.6, 0.6])


def test_too_few_bids_tell_nothing() -> None:
    few = Market([Outcome(1, "banner", 0, 5)] * (LEAST_BIDS - 1), {})
    assert few.curve(1, "banner") is None
    wins, paid = expected_price(None, 2, np.array([5.0]), np.array([3.0]))
    assert (wins[0], paid[0]) == (1.0, 3.0)
    some = Market([Outcome(1, "banner", 0, 5)] * LEAST_BIDS, {})
    assert some.curve(1, "video") is some.curve(1, "audio") is not None  # that of the exchange
    assert some.curve(2, "banner") is None


def bid(number: int, price: int, floor: int = 100, exchange: int = 1, ago_s: int = 3_600, test: bool = False) -> bytes:
    at = NOW_NS - ago_s * 10**9
    place = (exchange, 1, 1, 11, 101, 0, 5)
    return encode(Bid(at, number, 0, f"a{number}", *place, 7, price, floor, "USD", 300, 250, "USA", 2, test))


def notice(
    kind: Kind, number: int, price: int, marks: int = 0, reason: int = 0, to_win: int = 0, exchange: int = 1
) -> bytes:
    at = NOW_NS - 3_500 * 10**9
    place = (exchange, 1, 1, 11, 101, 0, 5)
    return encode(Notice(kind, at, marks, number, 0, at, *place, 7, 3, 1, 2_000, Kind.BILLING, price, reason, to_win))


def test_logs_are_read(tmp_path: Path) -> None:
    """From the logs of two workers: wins with and without their price, losses, repetitions, tests, and bids that have
    not expired, or that nobody has heard of."""
    bids = [LogWriter(tmp_path / "log" / "bids" / str(slot), sync_s=1) for slot in (0, 1)]
    money = LogWriter(tmp_path / "log" / "money" / "0", sync_s=1)
    for number in range(400):
        bids[number % 2].append(bid(number, 1_000))
        if number < 100:  # won at 600, the second price
            money.append(notice(Kind.BILLING, number, 600, Mark.FIRST))
            money.append(notice(Kind.BILLING, number, 600, Mark.DUPLICATE))
        elif number < 200:  # won, the price not told
            money.append(notice(Kind.IMPRESSION, number, 0, Mark.FIRST | Mark.NO_PRICE))
        elif number < 300:  # lost, to 1,500
            money.append(notice(Kind.LOSS, number, 0, 0, 102, 1_500))
        elif number < 310:  # the creative was refused
            money.append(notice(Kind.LOSS, number, 0, 0, 203))
        if number < 5:
            money.append(notice(Kind.CLICK, number, 0))
            money.append(notice(Kind.CLICK, number, 0, Mark.DUPLICATE))
    for number in range(500, 900):
        bids[0].append(bid(number, 1_000, test=True))
        bids[0].append(bid(number, 1_000, ago_s=60))
        bids[0].append(bid(number, 1_000, exchange=2))
    for log in (*bids, money):
        log.close()
    market = read_market(tmp_path, snapshot(), NOW_NS)
    curve = market.curve(1, "banner")
    assert curve is not None
    assert curve.bids == 400
    # the most likely place of what is only known to lie above 1,000 is where others were found, or nowhere
    wins = curve.wins(np.array([599.0, 600.0, 1_000.0, 1_400.0, 1_500.0, 9_000.0]))
    above = 0.5 * 100 / 110
    assert wins == pytest.approx([0, 0.5, 0.5, 0.5, 0.5 + above, 0.5 + above], abs=2e-3)
    paid = curve.second_prices(np.array([1_000.0, 1_000.0, 1_500.0]), np.array([100.0, 700.0, 100.0]))
    assert paid == pytest.approx([0.5 * 600, 0.5 * 700, 0.5 * 600 + above * 1_500], rel=5e-3)
    assert market.curve(2, "banner") is None
    shown, clicked, prior = 100, 5, CLICK_PRIORS["banner"]
    rate = (clicked + prior * PRIOR_STRENGTH) / (shown + PRIOR_STRENGTH)
    assert market.click_rate(2, "banner") == pytest.approx(rate)
    assert market.click_rate(1, "banner") == pytest.approx((clicked + rate * PRIOR_STRENGTH) / (shown + PRIOR_STRENGTH))
    assert market.click_rate(1, "video") == CLICK_PRIORS["video"]


def test_no_logs(tmp_path: Path) -> None:
    assert read_market(tmp_path, snapshot(), NOW_NS).curve(1, "banner") is None
