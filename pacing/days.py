"""Days and hours as an account counts them: a day is from midnight to midnight in its own time zone, 23 to 25 hours."""

from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

from domain.clock import SECOND


@dataclass(frozen=True)
class Day:
    """``name`` is YYYY-MM-DD, of an hour with its beginning; it is [start_ns, end_ns)."""

    name: str
    start_ns: int
    end_ns: int


QUARTER = 900 * SECOND
"""All zones are whole quarters of an hour off UTC, and change clocks on one: within it no hour begins and no day."""


def day_of(at_ns: int, zone: str) -> Day:
    """The day in ``zone`` (an IANA name) that a moment belongs to."""
    return _day_of(at_ns // QUARTER, zone)


def hour_of(at_ns: int, zone: str) -> Day:
    """The hour in ``zone`` that a moment belongs to. When clocks go back, the hour that comes twice is two hours."""
    return _hour_of(at_ns // QUARTER, zone)


@lru_cache(maxsize=4096)
def _day_of(quarter: int, zone: str) -> Day:
    return _day(datetime.fromtimestamp(quarter * 900, ZoneInfo(zone)).date(), zone)


@lru_cache(maxsize=4096)
def _hour_of(quarter: int, zone: str) -> Day:
    local = datetime.fromtimestamp(quarter * 900, ZoneInfo(zone))
    start_s = quarter * 900 - local.minute * 60
    return Day(local.strftime("%Y-%m-%d %H:00"), start_s * SECOND, (start_s + 3600) * SECOND)


@lru_cache(maxsize=4096)
def _day(local: date, zone: str) -> Day:
    return Day(local.isoformat(), _midnight(local, zone), _midnight(local + timedelta(days=1), zone))


def _midnight(local: date, zone: str) -> int:
    """Where clocks are set forward at midnight there is no 00:00; the day then begins when they are set."""
    return int(datetime.combine(local, time(), ZoneInfo(zone)).timestamp()) * SECOND
