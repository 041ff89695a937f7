"""The pacing controller while things change under it: budget, end, a restart, a flight's days, hours of no supply."""

from itertools import pairwise

import pytest

from pacing.controller import Pacer
from pacing.forecast import DAY_S, MONDAY_S, Forecast, Supply
from tests.unit.pacing.paced_day import BUDGET, Day, flat_forecast, pacer


def test_a_budget_that_grows_is_met_by_its_own_plan_and_at_no_more_than_double_pace() -> None:
    day = Day(pacer()).run(480)
    day.pacer.budget = 2 * BUDGET
    day.run(960)
    assert day.share(720) < 0.5
    assert max(day.share(minute + 30) - day.share(minute) for minute in range(480, 1400)) < 2.3 / 48
    for minute in (840, 1000, 1200):
        assert day.share(minute) == pytest.approx(minute / 1440, abs=0.01)
    assert day.share(1440) > 0.995


def test_a_budget_that_shrinks_waits_for_its_plan_or_ends() -> None:
    day = Day(pacer()).run(480)
    day.pacer.budget = BUDGET // 2
    day.run(960)
    assert day.share(480) == pytest.approx(2 / 3, abs=0.01)
    assert day.share(900) - day.share(490) < 0.03
    for minute in (1020, 1200, 1320):
        assert day.share(minute) == pytest.approx(minute / 1440, abs=0.02)
    gone = Day(pacer()).run(480)
    gone.pacer.budget = BUDGET // 4
    spent = gone.spent[-1]
    for minute in range(480, 700):
        pace = gone.pacer.look(MONDAY_S + 60 * minute, 100 * minute, spent)
        assert 0 < pace.share <= 1


@pytest.mark.parametrize(("hours", "pace"), [(20, 16 / 12), (36, 16 / 28)])
def test_an_end_that_moves_is_met_by_a_plan_to_that_end(hours: int, pace: float) -> None:
    """At 8:00 a third is spent. To an end at 20:00 two fifths should be; to one at noon of the next day two ninths."""
    day = Day(pacer()).run(480)
    day.pacer.end_s = MONDAY_S + hours * 3600
    day.run(60 * hours - 480)
    for hour in range(15, hours):
        assert day.share(60 * hour) == pytest.approx(hour / hours, abs=0.01)
    assert day.share(60 * hours) > 0.995


def restarted(old: Pacer, told: list[tuple[int, int]], now_s: int) -> Pacer:
    supply = Supply(flat_forecast(), MONDAY_S)
    for at_s, impressions in told:
        supply.tell(at_s, impressions)
    assert supply.at_s == now_s
    return Pacer(supply, old.budget, old.end_s, push=old.push, seen=old.seen, spent=old.spent)


def test_a_pacer_built_anew_from_saved_figures_goes_on_as_if_nothing_had_been() -> None:
    """Told of the same minutes it is the same to the digit."""
    day = Day(pacer(), traffic=lambda minute: 130 if minute % 7 else 60).run(600)
    old, now_s = day.pacer, MONDAY_S + 599 * 60
    minutes = [(MONDAY_S, 0), *((MONDAY_S + 60 * m, 130 if m % 7 else 60) for m in range(1, 600))]
    new = restarted(old, minutes, now_s)
    assert new.pace == old.pace
    for minute in range(600, 700):
        told = (MONDAY_S + 60 * minute, day.seen + 130 * (minute - 600), day.spent[-1] + 900_000 * (minute - 600))
        assert new.look(*told) == old.look(*told)


def test_a_restart_with_only_the_quarters_of_an_hour_on_record_is_no_jump() -> None:
    day = Day(pacer(), traffic=lambda minute: 150).run(601)
    quarters = [(MONDAY_S + 900 * q, 15 * 150) for q in range(1, 41)]
    day.pacer = restarted(day.pacer, quarters, MONDAY_S + 600 * 60)
    before = day.spent[600] - day.spent[599]
    day.run(839)
    for minute in range(601, 660):
        assert day.spent[minute] - day.spent[minute - 1] == pytest.approx(before, rel=0.1)
    assert day.share(1440) > 0.995


def test_a_flight_of_uneven_days_is_spent_without_stopping_for_hours() -> None:
    """Fourteen days with up to a quarter more or less traffic than was learned. What a day's level says of the whole
    flight must not make spend stop and race."""
    levels = (1.1, 0.8, 1.25, 0.9, 0.75, 1.05, 1.2, 0.85, 1.15, 0.95, 1.25, 0.8, 1.0, 0.9)
    flight = Pacer(Supply(flat_forecast(), MONDAY_S), BUDGET, MONDAY_S + 14 * DAY_S)
    day = Day(flight, traffic=lambda minute: round(100 * levels[(minute - 1) // 1440]), full=4 * BUDGET / 14 / 144_000)
    day.run(14 * 1440)
    come = [0.0]
    for level in levels:
        come.append(come[-1] + level / sum(levels))
    for number, share in enumerate(come):
        assert day.share(1440 * number) == pytest.approx(share, abs=0.035)
    hours = [after - before for before, after in pairwise(day.share(60 * h) for h in range(14 * 24 + 1))]
    assert sum(hour < 0.1 / (14 * 24) for hour in hours) <= 12
    assert day.share(14 * 1440) > 0.995


def in_two_parts(minute: int) -> int:
    """Impressions: from 8:00 to 12:00 and from 18:00 to 22:00 only."""
    return 100 if 480 < minute <= 720 or 1080 < minute <= 1320 else 0


def day_parts(forecast: Forecast) -> Day:
    part = Pacer(Supply(forecast, MONDAY_S), BUDGET, MONDAY_S + DAY_S)
    return Day(part, traffic=in_two_parts, full=4 * BUDGET / (480 * 100)).run(1440)


def test_day_parts_are_spent_on_plan_in_their_hours() -> None:
    forecast = Forecast()
    forecast.learn(MONDAY_S, MONDAY_S + DAY_S, [(MONDAY_S + 60 * (m - 1), in_two_parts(m)) for m in range(1, 1441)])
    day = day_parts(forecast)
    for hour, share in ((8, 0), (9, 1 / 8), (10, 2 / 8), (12, 4 / 8), (18, 4 / 8), (19, 5 / 8), (21, 7 / 8)):
        assert day.share(60 * hour) == pytest.approx(share, abs=0.005)
    assert day.share(1320) > 0.995
    for begins in (480, 1080):  # no jump when the empty hours end: the pace is the even one within minutes
        first, later = (day.share(begins + m + 15) - day.share(begins + m) for m in (5, 45))
        assert first == pytest.approx(later, rel=0.15)


@pytest.mark.parametrize("forecast", [Forecast(), flat_forecast()], ids=["nothing learned", "learned without"])
def test_day_parts_that_the_forecast_does_not_know_are_no_reason_to_race(forecast: Forecast) -> None:
    """Hours of nothing say nothing of the hours that are open. The rest of the day is taken to be open until it is not,
    so money is left at its end; by the next day the forecast knows."""
    day = day_parts(forecast)
    assert day.share(540) == pytest.approx(1 / 16, abs=0.01)
    assert day.share(720) == pytest.approx(4 / 16, abs=0.01)
    assert day.share(1320) > 0.75
