"""Days in the account's time zone, on the days when clocks are changed too."""

from datetime import UTC, datetime

import pytest

from domain.clock import SECOND
from pacing.days import day_of
from pacing.purse import Purse

HOUR = 3600 * SECOND


def utc(*when: int) -> int:
    return int(datetime(*when, tzinfo=UTC).timestamp()) * SECOND


@pytest.mark.parametrize(
    ("moment", "zone", "name", "start", "hours"),
    [
        (utc(2026, 7, 1, 3, 59), "America/New_York", "2026-06-30", utc(2026, 6, 30, 4), 24),
        (utc(2026, 7, 1, 4), "America/New_York", "2026-07-01", utc(2026, 7, 1, 4), 24),
        (utc(2026, 3, 8, 12), "America/New_York", "2026-03-08", utc(2026, 3, 8, 5), 23),
        (utc(2026, 11, 1, 12), "America/New_York", "2026-11-01", utc(2026, 11, 1, 4), 25),
        (utc(2026, 6, 30, 16), "Asia/Shanghai", "2026-07-01", utc(2026, 6, 30, 16), 24),
        (utc(2026, 1, 1, 0), "Asia/Kathmandu", "2026-01-01", utc(2025, 12, 31, 18, 15), 24),
        # clocks go from 23:59:59 to 01:00: the day begins at 01:00
        (utc(2018, 11, 4, 12), "America/Sao_Paulo", "2018-11-04", utc(2018, 11, 4, 3), 23),
        # clocks go back from 01:00 to 00:00: the first of the two midnights begins the day
        (utc(2026, 11, 1, 4, 30), "America/Havana", "2026-11-01", utc(2026, 11, 1, 4), 25),
    ],
)
def test_a_day_is_from_midnight_to_midnight(moment: int, zone: str, name: str, start: int, hours: int) -> None:
    day = day_of(moment, zone)
    assert (day.name, day.start_ns, day.end_ns - day.start_ns) == (name, start, hours * HOUR)
    assert day.start_ns <= moment < day.end_ns


@pytest.mark.parametrize(("date", "hours"), [((2026, 3, 8), 23), ((2026, 11, 1), 25), ((2026, 6, 1), 24)])
def test_a_daily_budget_lasts_a_day_of_any_length(date: tuple[int, int, int], hours: int) -> None:
    day = day_of(utc(*date, 12), "America/New_York")
    purse = Purse("America/New_York", 0, utc(2030, 1, 1), daily=hours * 100, total=None)
    assert purse.pace(day.start_ns, HOUR) == 100
    assert purse.planned(day.start_ns + 6 * HOUR) == (600, hours * 100)
    assert purse.planned(day.end_ns - HOUR) == ((hours - 1) * 100, hours * 100)


def test_spend_counts_on_the_day_of_the_account_not_of_utc() -> None:
    purse = Purse("America/New_York", 0, utc(2030, 1, 1), daily=100, total=None)
    purse.spent_on = {"2026-06-30": 80}
    assert purse.left(utc(2026, 7, 1, 3)) == 20  # still the 30th in New York
    assert purse.left(utc(2026, 7, 1, 4)) == 100


def test_a_flight_that_ends_within_the_day_has_the_budget_until_then() -> None:
    noon = utc(2026, 6, 1, 12)
    purse = Purse("UTC", 0, noon, daily=1200, total=None, activated_ns=utc(2026, 6, 1, 6))
    assert purse.pace(utc(2026, 6, 1, 11), HOUR) == 1200
    assert purse.planned(utc(2026, 6, 1, 9)) == (600, 1200)


def test_a_total_budget_is_spread_over_the_flight() -> None:
    start, end = utc(2026, 6, 1), utc(2026, 6, 11)
    purse = Purse("UTC", start, end, daily=None, total=10 * 2400)
    assert purse.pace(start, HOUR) == 100
    assert purse.planned(utc(2026, 6, 1, 12)) == (1200, 2400)
    purse.spent, purse.spent_on = 9 * 2400 + 1200, {"2026-06-10": 1200}
    assert purse.left(utc(2026, 6, 10, 12)) == 1200
    assert purse.planned(utc(2026, 6, 10, 12)) == (1200, 2400)


def test_the_tighter_budget_decides() -> None:
    purse = Purse("UTC", utc(2026, 6, 1), utc(2026, 6, 11), daily=1000, total=24_000)
    assert purse.left(utc(2026, 6, 1)) == 1000
    purse.spent = 23_900
    assert purse.left(utc(2026, 6, 10)) == 100
