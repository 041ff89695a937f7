"""Days in the account's time zone, on the days when clocks are changed too."""

from datetime import UTC, datetime

import pytest

from domain.campaign import Limits
from domain.clock import SECOND
from pacing.days import day_of, hour_of
from pacing.purse import Purse, straight

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


@pytest.mark.parametrize(
    ("moment", "zone", "name", "start"),
    [
        (utc(2026, 7, 1, 3, 59), "America/New_York", "2026-06-30 23:00", utc(2026, 7, 1, 3)),
        (utc(2026, 1, 1, 0, 10), "Asia/Kathmandu", "2026-01-01 05:00", utc(2025, 12, 31, 23, 15)),
        # the hour that comes twice is two hours
        (utc(2026, 11, 1, 5, 30), "America/New_York", "2026-11-01 01:00", utc(2026, 11, 1, 5)),
        (utc(2026, 11, 1, 6, 30), "America/New_York", "2026-11-01 01:00", utc(2026, 11, 1, 6)),
        # the hour that is left out is none
        (utc(2026, 3, 8, 6, 59), "America/New_York", "2026-03-08 01:00", utc(2026, 3, 8, 6)),
        (utc(2026, 3, 8, 7), "America/New_York", "2026-03-08 03:00", utc(2026, 3, 8, 7)),
    ],
)
def test_an_hour_is_the_accounts_own(moment: int, zone: str, name: str, start: int) -> None:
    hour = hour_of(moment, zone)
    assert (hour.name, hour.start_ns, hour.end_ns - hour.start_ns) == (name, start, HOUR)
    assert hour.start_ns <= moment < hour.end_ns


def purse(zone: str, start_ns: int, end_ns: int, *, activated_ns: int = 0, **limits: int) -> Purse:
    made = Purse(zone, start_ns, end_ns, activated_ns=activated_ns)
    made.limit(Limits(**limits))
    return made


def pace(of: Purse, at_ns: int, for_ns: int) -> int | None:
    return of.money.pace(of.now(at_ns), for_ns, straight)


def left(of: Purse, at_ns: int) -> int | None:
    return of.money.left(of.now(at_ns))


@pytest.mark.parametrize(("date", "hours"), [((2026, 3, 8), 23), ((2026, 11, 1), 25), ((2026, 6, 1), 24)])
def test_a_daily_budget_lasts_a_day_of_any_length(date: tuple[int, int, int], hours: int) -> None:
    day = day_of(utc(*date, 12), "America/New_York")
    of = purse("America/New_York", 0, utc(2030, 1, 1), daily_budget=hours * 100)
    assert pace(of, day.start_ns, HOUR) == 100
    assert of.planned(day.start_ns + 6 * HOUR, straight) == (600, hours * 100)
    assert of.planned(day.end_ns - HOUR, straight) == ((hours - 1) * 100, hours * 100)


def test_spend_counts_on_the_day_of_the_account_not_of_utc() -> None:
    of = purse("America/New_York", 0, utc(2030, 1, 1), daily_budget=100)
    of.spend(utc(2026, 7, 1, 2), 80, 1)  # still the 30th in New York
    assert left(of, utc(2026, 7, 1, 3)) == 20
    assert left(of, utc(2026, 7, 1, 4)) == 100
    of.forget_before(utc(2026, 7, 1, 4))
    assert of.money.by_day == of.money.by_hour == {}


def test_an_hourly_budget_begins_anew_with_each_hour_also_with_the_one_that_comes_twice() -> None:
    of = purse("America/New_York", 0, utc(2030, 1, 1), hourly_budget=60, hourly_impressions=5)
    for hour in (5, 6):  # 01:00 twice
        at = utc(2026, 11, 1, hour, 30)
        assert left(of, at) == 60
        assert pace(of, at, HOUR // 6) == 20
        of.spend(at, 45, 4)
        assert left(of, at) == 15
        assert of.impressions.left(of.now(at)) == 1
    assert of.money.spent == 90


def test_a_flight_that_ends_within_the_day_has_the_budget_until_then() -> None:
    noon = utc(2026, 6, 1, 12)
    of = purse("UTC", 0, noon, daily_budget=1200, activated_ns=utc(2026, 6, 1, 6))
    assert pace(of, utc(2026, 6, 1, 11), HOUR) == 1200
    assert of.planned(utc(2026, 6, 1, 9), straight) == (600, 1200)


def test_a_total_budget_is_spread_over_the_flight() -> None:
    start, end = utc(2026, 6, 1), utc(2026, 6, 11)
    of = purse("UTC", start, end, total_budget=10 * 2400)
    assert pace(of, start, HOUR) == 100
    assert of.planned(utc(2026, 6, 1, 12), straight) == (1200, 2400)
    of.spend(utc(2026, 6, 9), 9 * 2400, 1)
    of.spend(utc(2026, 6, 10, 6), 1200, 1)
    assert left(of, utc(2026, 6, 10, 12)) == 1200
    assert of.planned(utc(2026, 6, 10, 12), straight) == (1200, 2400)


def test_the_tighter_budget_decides() -> None:
    of = purse("UTC", utc(2026, 6, 1), utc(2026, 6, 11), daily_budget=1000, total_budget=24_000)
    assert left(of, utc(2026, 6, 1)) == 1000
    of.spend(utc(2026, 6, 9), 23_900, 1)
    assert left(of, utc(2026, 6, 10)) == 100
    of.money.funds = 23_950
    assert left(of, utc(2026, 6, 10)) == 50


def test_an_account_that_is_no_flight_limits_without_a_plan() -> None:
    of = Purse("UTC")
    of.limit(Limits(total_budget=1000))
    assert left(of, utc(2026, 6, 1)) == 1000
    assert pace(of, utc(2026, 6, 1), HOUR) is None
    assert of.planned(utc(2026, 6, 1), straight) is None


def test_supply_that_is_known_spreads_a_budget_as_it_comes() -> None:
    of = purse("UTC", 0, utc(2030, 1, 1), daily_budget=2400)
    midnight, noon = utc(2026, 6, 1), utc(2026, 6, 1, 12)

    def only_mornings(from_ns: int, to_ns: int, until_ns: int) -> float:
        morning = max(0, min(noon, until_ns) - from_ns)
        return max(0, min(noon, to_ns) - from_ns) / morning if morning else 0.0

    assert of.money.pace(of.now(midnight), HOUR, only_mornings) == 200
    assert of.money.pace(of.now(noon), HOUR, only_mornings) == 0
    assert of.planned(utc(2026, 6, 1, 6), only_mornings) == (1200, 2400)
