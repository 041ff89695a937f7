"""Days, weeks and months of a lender's calendar."""

from datetime import datetime, timedelta
from typing import NamedTuple
from zoneinfo import ZoneInfo

from credit.products import Period
from domain.clock import SECOND

NEVER_NS = 1 << 62


class Span(NamedTuple):
    """A period that a moment lies in."""

    name: str
    """``2026-11-26``, ``2026-11-23 week``, ``2026-11`` or ``total``."""
    ends_ns: int
    """When the next one begins."""


def span_of(period: Period, zone: ZoneInfo, now_ns: int) -> Span:
    """The period of a calendar in a time zone that a moment lies in."""
    if period == "total":
        return Span("total", NEVER_NS)
    today = datetime.fromtimestamp(now_ns // SECOND, zone).date()
    if period == "day":
        first, following = today, today + timedelta(days=1)
    elif period == "week":
        first = today - timedelta(days=today.weekday())
        following = first + timedelta(days=7)
    else:
        first = today.replace(day=1)
        following = (first + timedelta(days=31)).replace(day=1)
    ends = datetime(following.year, following.month, following.day, tzinfo=zone)
    names = {"day": first.isoformat(), "week": f"{first.isoformat()} week", "month": first.isoformat()[:7]}
    return Span(names[period], int(ends.timestamp()) * SECOND)
