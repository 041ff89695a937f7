"""Whatever traffic and markets do: forecasts add up, a pace is a pace, and no pacing knows the future."""

from random import Random

from hypothesis import given, settings
from hypothesis import strategies as st

from cli.backtest_pacing import conduct
from pacing.controller import Pacer
from pacing.forecast import DAY_S, WEEK_S, Forecast, Supply
from simulator.pacing_backtest import BackTest
from simulator.slots import RecordedDay, Slot

START_S = 2_000 * WEEK_S
counts = st.lists(st.integers(0, 5_000), min_size=1, max_size=60)


def forecast_of(hourly: list[int], start_s: int = START_S) -> Forecast:
    forecast = Forecast()
    end_s = start_s + 3600 * len(hourly)
    forecast.learn(start_s, end_s, [(start_s + 3600 * hour, count) for hour, count in enumerate(hourly)])
    return forecast


@given(counts, st.lists(st.floats(0, 2 * WEEK_S), min_size=3, max_size=3).map(sorted))
def test_what_is_expected_adds_up(hourly: list[int], moments: list[float]) -> None:
    forecast = forecast_of(hourly)
    a, b, c = (START_S + moment for moment in moments)
    parts = forecast.expected(a, b) + forecast.expected(b, c)
    assert forecast.expected(a, b) >= 0
    assert abs(forecast.expected(a, c) - parts) <= 1e-3 + 1e-9 * parts


@given(counts, st.lists(st.tuples(st.integers(0, 3_000), st.integers(0, 10_000), st.integers(0, 10**9)), max_size=50))
def test_a_pace_is_a_share_of_a_price_whatever_it_is_told(hourly: list[int], looks: list[tuple[int, int, int]]) -> None:
    pacer = Pacer(Supply(forecast_of(hourly), START_S), 10**10, START_S + DAY_S)
    at_s, seen, spent = START_S, 0, 0
    for seconds, impressions, cost in looks:
        at_s, seen, spent = at_s + seconds, seen + impressions, spent + cost
        pace = pacer.look(at_s, seen, spent)
        assert pacer.floor <= pace.multiplier <= 1
        assert 0 < pace.share <= 1
        assert pace.share == 1 or pace.multiplier == pacer.floor
        assert pacer.supply.to_come(at_s + DAY_S) >= 0


def recorded(number: int, hourly: list[int], chance: Random) -> RecordedDay:
    start_s = START_S + number * DAY_S
    slots = (Slot(start_s + 300 * i, hourly[i // 12] // 12, 500_000.0 * chance.uniform(0.5, 2)) for i in range(12 * 24))
    return RecordedDay(f"day {number}", tuple(slots))


days = st.lists(st.integers(0, 20_000), min_size=24, max_size=24)


@settings(max_examples=10, deadline=None)
@given(days, days, days, st.integers(1, 23))
def test_no_pacing_knows_the_future(before: list[int], one: list[int], other: list[int], hour: int) -> None:
    """Two days that are the same until ``hour`` are spent the same until then, whatever comes later."""
    before[0] += 1_200  # supply that is worth something
    ran = []
    for later in (one, other):
        day = recorded(1, one[:hour] + later[hour:], Random(hour))
        test = BackTest([recorded(0, before, Random(0)), day], 1, 0.25, shocks=())
        ran.append({t.pacing: [s * test.budget for s in t.calm.spent[: hour * 60]] for t in conduct(test)})
    assert ran[0] == ran[1]
    assert ran[0].keys() == {"adaptive", "PID", "linear"}
