"""The pacing controller against a market that answers exactly as it is told."""

import pytest

from pacing.controller import Pace, Pacer
from pacing.forecast import DAY_S, MONDAY_S, Forecast, Supply
from tests.unit.pacing.paced_day import BUDGET, Day, pacer


def test_flat_traffic_is_spent_evenly_to_the_end() -> None:
    day = Day(pacer()).run(1440)
    for hour in range(1, 25):
        assert day.share(60 * hour) == pytest.approx(hour / 24, abs=0.005)
    assert day.share(1440) > 0.995


def test_price_comes_first_and_throttling_second() -> None:
    """A quarter of the full spend is half the price here; a hundredth is below the floor, so fewer bids are made."""
    middle = Day(pacer()).run(600).paces[-1]
    assert middle.share == 1
    assert middle.multiplier == pytest.approx(0.5, rel=0.02)
    low = Day(pacer(BUDGET // 25)).run(600).paces[-1]
    assert low.multiplier == 0.3
    assert low.share == pytest.approx(0.01 / 0.09, rel=0.02)


def test_it_never_bids_more_than_the_advertiser_said() -> None:
    day = Day(pacer(20 * BUDGET)).run(300)
    assert day.paces[-1] == Pace(1, 1)
    assert all(pace.multiplier <= 1 and pace.share <= 1 for pace in day.paces)


def test_spend_follows_a_burst_of_traffic_at_once() -> None:
    """Each impression has its share: five times the traffic is five times the spend, in the very minute it comes."""
    day = Day(pacer(), traffic=lambda minute: 500 if minute == 721 else 100).run(721)
    before, burst = day.spent[720] - day.spent[719], day.spent[721] - day.spent[720]
    assert burst == pytest.approx(5 * before, rel=0.02)


def test_after_prices_rise_it_is_back_on_plan_within_half_an_hour() -> None:
    day = Day(pacer(), prices=lambda minute: 1.5 if minute > 720 else 1.0).run(1440)
    assert day.share(750) == pytest.approx(750 / 1440, abs=0.002)
    assert day.share(1440) > 0.995
    assert day.paces[900].multiplier == pytest.approx(0.5 * 1.5**0.5, rel=0.02)


def test_what_could_not_be_spent_is_caught_up_at_no_more_than_double_pace() -> None:
    """No market from 06:00 to 08:00: a twelfth of the budget is missing then, and back two hours later."""
    day = Day(pacer(), prices=lambda minute: 1e9 if 360 < minute <= 480 else 1.0).run(1440)
    assert day.share(480) == pytest.approx(6 / 24, abs=0.01)
    fastest = max(day.share(minute + 30) - day.share(minute) for minute in range(500, 1400))
    assert 1.7 / 48 < fastest < 2.3 / 48
    assert day.share(660) == pytest.approx(11 / 24, abs=0.01)
    assert day.share(1440) > 0.995


def test_where_the_rest_of_the_day_takes_more_than_double_pace_it_gets_it() -> None:
    """No market until 16:00: two thirds of the budget are late, and the last third of the day has to take them all."""
    day = Day(pacer(), prices=lambda minute: 1e9 if minute <= 960 else 1.0).run(1440)
    assert day.share(960) < 0.01
    assert day.share(1200) == pytest.approx(0.5, abs=0.05)
    assert day.share(1440) > 0.99


def test_after_too_much_was_spent_it_waits_and_then_goes_on_at_once() -> None:
    """A tenth of the budget goes in one minute (a late notice, say): bids stop, and come back when the plan does."""
    day = Day(pacer()).run(480)
    day.spent[-1] += BUDGET // 10
    day.run(960)
    assert day.share(520) - day.share(480) < 0.005  # the even pace is 0.028
    for minute in (660, 720, 1000):
        assert day.share(minute) == pytest.approx(minute / 1440, abs=0.01)


def test_without_a_forecast_it_paces_along_a_straight_line() -> None:
    unlearned = Pacer(Supply(Forecast(), MONDAY_S), BUDGET, MONDAY_S + DAY_S)
    day = Day(unlearned).run(1440)
    for hour in range(1, 25):
        assert day.share(60 * hour) == pytest.approx(hour / 24, abs=0.01)


def test_ahead_runs_a_fifth_before_the_even_plan_and_ends_earlier() -> None:
    early = pacer()
    early.ahead = 1.2
    day = Day(early).run(1440)
    for hour in range(1, 20):
        assert day.share(60 * hour) == pytest.approx(1.2 * hour / 24, abs=0.01)
    assert max(day.share(minute) - 1.2 * minute / 1440 for minute in range(30, 1441)) < 0.005
    assert day.share(20 * 60) == pytest.approx(1, abs=0.01)
    assert day.share(21 * 60) > 0.999


def test_ahead_catches_up_at_no_more_than_double_its_pace() -> None:
    early = pacer()
    early.ahead = 1.2
    day = Day(early, prices=lambda minute: 1e9 if 360 < minute <= 480 else 1.0).run(1440)
    fastest = max(day.share(minute + 30) - day.share(minute) for minute in range(500, 1400))
    assert 1.2 * 1.7 / 48 < fastest < 1.2 * 2.3 / 48
    assert day.share(660) == pytest.approx(1.2 * 11 / 24, abs=0.01)
    assert day.share(1440) > 0.999


@pytest.mark.parametrize("budget", [0, 1])
def test_next_to_nothing_to_spend_is_no_error(budget: int) -> None:
    idle = pacer(budget)
    for minute in range(1440):
        idle.look(MONDAY_S + 60 * minute, 100 * minute, min(budget, minute))
    assert idle.look(MONDAY_S + DAY_S, 144_000, budget).share <= 1
