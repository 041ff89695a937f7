"""The shape of the week is learned from traffic, and today's level from today's."""

import pytest

from pacing.forecast import DAY_S, MONDAY_S, WEEK_S, Forecast, Supply

HOUR_S = 3600


def traffic(start_s: int, rates: dict[int, int]) -> list[tuple[int, int]]:
    """One count a minute; ``rates`` says how many from which hour of the day on."""
    counts = []
    for at_s in range(start_s, start_s + DAY_S, 60):
        hour = at_s % DAY_S // HOUR_S
        counts.append((at_s, rates[max(since for since in rates if since <= hour)]))
    return counts


def learned(*days: dict[int, int], first: int = 0) -> Forecast:
    forecast = Forecast()
    for number, rates in enumerate(days, first):
        start_s = MONDAY_S + number * DAY_S
        forecast.learn(start_s, start_s + DAY_S, traffic(start_s, rates))
    return forecast


def test_the_shape_of_a_day_is_found_on_another_day() -> None:
    forecast = learned({0: 10, 8: 50, 20: 30})
    tuesday_s = MONDAY_S + 15 * WEEK_S + DAY_S
    assert forecast.expected(tuesday_s, tuesday_s + HOUR_S) == pytest.approx(600)
    assert forecast.expected(tuesday_s + 7 * HOUR_S, tuesday_s + 9 * HOUR_S) == pytest.approx(600 + 3000)
    assert forecast.expected(tuesday_s, tuesday_s + DAY_S) == pytest.approx(60 * (8 * 10 + 12 * 50 + 4 * 30))
    assert forecast.expected(tuesday_s + 90, tuesday_s + 120) == pytest.approx(5)


def test_a_weekday_gets_a_shape_of_its_own_the_more_often_it_was_seen() -> None:
    """Six quiet days and a busy one, for 1 and for 8 weeks."""
    week = [{0: 10}] * 6 + [{0: 80}]
    sunday_s = MONDAY_S + 50 * WEEK_S + 6 * DAY_S
    for weeks, a_minute in ((1, (80 + 20) / 2), (8, (8 * 80 + 20) / 9)):
        forecast = learned(*week * weeks)
        assert forecast.expected(sunday_s, sunday_s + 60) == pytest.approx(a_minute)


def test_what_was_not_watched_is_not_empty() -> None:
    """Watched until 18:00 only: the evening lies between the afternoon and the night."""
    forecast = Forecast()
    counts = [count for count in traffic(MONDAY_S, {0: 10, 6: 50}) if count[0] < MONDAY_S + 18 * HOUR_S]
    forecast.learn(MONDAY_S, MONDAY_S + 18 * HOUR_S, counts)
    evening = [forecast.expected(MONDAY_S + h * HOUR_S, MONDAY_S + (h + 1) * HOUR_S) / 60 for h in range(18, 24)]
    assert evening == sorted(evening, reverse=True)
    assert 40 < evening[0] < 50 and 10 < evening[-1] < 20


def test_what_was_watched_and_empty_is_empty() -> None:
    forecast = Forecast()
    forecast.learn(MONDAY_S, MONDAY_S + DAY_S, [(MONDAY_S + 12 * HOUR_S, 900)])
    assert forecast.expected(MONDAY_S, MONDAY_S + 12 * HOUR_S) == 0
    assert forecast.expected(MONDAY_S, MONDAY_S + DAY_S) == pytest.approx(900)


def test_traffic_outside_of_what_was_watched_is_refused_whole() -> None:
    forecast = Forecast()
    for wrong in ((MONDAY_S + HOUR_S, 1), (MONDAY_S - 1, 1), (MONDAY_S, -1)):
        with pytest.raises(ValueError, match=f"{wrong[1]} impressions at {wrong[0]}"):
            forecast.learn(MONDAY_S, MONDAY_S + HOUR_S, [(MONDAY_S, 5), wrong])
    assert not forecast.learned


def test_the_level_of_today_is_carried_into_the_rest_of_the_day() -> None:
    supply = Supply(learned({0: 10, 12: 40}), MONDAY_S)
    assert supply.to_come(MONDAY_S + DAY_S) == pytest.approx(720 * 50)
    for minute in range(1, 6 * 60 + 1):
        supply.tell(MONDAY_S + minute * 60, 15)
    assert supply.level == pytest.approx(1.5)
    assert supply.to_come(MONDAY_S + DAY_S) == pytest.approx(1.5 * (360 * 10 + 720 * 40))


def test_a_burst_is_taken_to_last_for_a_while_but_not_all_day() -> None:
    supply = Supply(learned({0: 10}), MONDAY_S)
    for minute in range(1, 5 * 60 + 1):
        supply.tell(MONDAY_S + minute * 60, 50 if minute > 4 * 60 else 10)
    now_s = MONDAY_S + 5 * HOUR_S
    assert supply.level == pytest.approx(1)
    assert supply.to_come(now_s + 600) == pytest.approx(500, rel=0.1)
    assert supply.to_come(MONDAY_S + DAY_S) == pytest.approx(19 * 600 + 30 * 40, rel=0.02)


def test_without_anything_learned_today_is_a_straight_line_at_its_own_level() -> None:
    supply = Supply(Forecast(), MONDAY_S)
    for minute in range(1, 31):
        supply.tell(MONDAY_S + minute * 60, 700)
        assert supply.to_come(supply.at_s + HOUR_S) == pytest.approx(60 * 700)


def test_traffic_where_none_was_expected_does_not_upset_the_day() -> None:
    supply = Supply(learned({0: 0, 12: 40}), MONDAY_S)
    for minute in range(1, 11 * 60 + 1):
        supply.tell(MONDAY_S + minute * 60, 1)
    assert supply.to_come(MONDAY_S + DAY_S) == pytest.approx(720 * 40)


@pytest.mark.parametrize(("a_minute", "level"), [(10, 1.0), (1, 0.0)])
def test_an_empty_quarter_is_closed_where_many_were_expected_and_slow_where_few_were(
    a_minute: int, level: float
) -> None:
    supply = Supply(learned({0: a_minute}), MONDAY_S)
    for minute in range(1, 6 * 60 + 1):
        supply.tell(MONDAY_S + minute * 60, 0)
    assert supply.level == pytest.approx(level)


def test_the_level_of_today_says_nothing_of_the_days_after() -> None:
    supply = Supply(learned({0: 10}), MONDAY_S)
    for minute in range(1, 6 * 60 + 1):
        supply.tell(MONDAY_S + minute * 60, 15)
    assert supply.to_come(supply.at_s + 3 * DAY_S) == pytest.approx((1.5 + 1 + 1) * 1440 * 10)
