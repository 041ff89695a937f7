"""Days as an account counts them: from midnight to midnight in its own time zone, 23 to 25 hours long."""

from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

from domain.clock import SECOND


@dataclass(frozen=True)
class Day:
    """``name`` is YYYY-MM-DD; the day is [start_ns, end_ns)."""

    name: str
    start_ns: int
    end_ns: int


def day_of(at_ns: int, zone: str) -> Day:
    """The day in ``zone`` (an IANA name) that a moment belongs to."""
    local = datetime.fromtimestamp(at_ns // SECOND, ZoneInfo(zone)).date()
    return _day(local, zone)


@lru_cache(maxsize=4096)
def _day(local: date, zone: str) -> Day:
    return Day(local.isoformat(), _midnight(local, zone), _midnight(local + timedelta(days=1), zone))


def _midnight(local: date, zone: str) -> int:
    """Where clocks are set forward at midnight there is no 00:00; the day then begins when they are set."""
    return int(datetime.combine(local, time(), ZoneInfo(zone)).timestamp()) * SECOND
