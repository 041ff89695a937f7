"""Days and hours of a time zone, in SQL.

Offsets of the zone come from Python's time zone database and stand in the query as numbers: an old server's own
database would not know today's rules. Local times are counted in seconds since 1970 as the clocks on the wall show
them; so an hour that clocks repeat is one hour in a report, and one that they skip is none.
"""

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from typing import Literal
from zoneinfo import ZoneInfo

from reporting.store import Parameter

Grain = Literal["minute", "hour", "day"]
GRAINS: dict[str, Grain] = {
    **dict.fromkeys(("day", "week", "month", "day_of_week"), "day"),
    **dict.fromkeys(("hour", "hour_of_day"), "hour"),
    "minute": "minute",
}
"""How fine a rollup must be to tell a dimension, in UTC."""
DAY_S = 86_400
_FIRST_YEAR, _YEARS_AHEAD = 2020, 2
"""Where a request names no days: offsets of these years are looked up. Outbid has no older events."""


@dataclass(frozen=True)
class Period:
    """``first`` and ``last`` day in ``zone``, both included; None: without an end. With ``compared`` as many days
    before ``first`` are meant, too.
    """

    zone: str
    first: date | None
    last: date | None
    compared: bool = False

    @property
    def days(self) -> int:
        return (self.last - self.first).days + 1 if self.first and self.last else 0

    @property
    def begin(self) -> date | None:
        return self.first - timedelta(days=self.days) if self.first and self.compared else self.first

    @property
    def utc(self) -> bool:
        return not any(offset for _, offset in self._offsets)

    @property
    def whole_hours(self) -> bool:
        return not any(offset % 3600 for _, offset in self._offsets)

    @property
    def _offsets(self) -> tuple[tuple[int, int], ...]:
        return offsets(self.zone, self.begin, self.last)

    def where(self) -> tuple[str, dict[str, Parameter]]:
        """The condition, beginning with AND, and its parameters; partitions are days of UTC."""
        parts, parameters = "", dict[str, Parameter]()
        for name, sign, day, margin in (("first", ">=", self.begin, -1), ("last", "<=", self.last, 1)):
            if day is None:
                continue
            if self.utc:
                parts += f" AND day {sign} toDate(%({name})s)"
                parameters[name] = day.isoformat()
            else:
                parts += f" AND day {sign} toDate(%({name})s) AND toUInt32(time) {sign} %({name}_s)s"
                parameters[name] = (day + timedelta(days=margin)).isoformat()
                parameters[f"{name}_s"] = midnight(self.zone, day) if margin < 0 else (
                    midnight(self.zone, day + timedelta(days=1)) - 1
                )  # fmt: skip
        return parts, parameters

    def earlier(self) -> str:
        """SQL: 1 for an event of the days before, with which it is compared, 0 for others."""
        if not self.compared or self.first is None:
            return "0"
        if self.utc:
            return f"toUInt8(day < toDate('{self.first.isoformat()}'))"
        return f"toUInt8(toUInt32(time) < {midnight(self.zone, self.first)})"

    def local(self) -> str:
        """SQL of an event's local time, in seconds."""
        (_, offset), *later = self._offsets
        if not later:
            return f"(toUInt32(time) + {offset})" if offset else "toUInt32(time)"
        before = [offset, *(ahead for _, ahead in later)]
        cases = [f"toUInt32(time) < {since}, {ahead}" for (since, _), ahead in zip(later, before, strict=False)]
        return f"(toUInt32(time) + multiIf({', '.join(cases)}, {before[-1]}))"

    def key(self, dimension: str) -> str:
        """SQL of a time dimension's key: days since 1970, or seconds since then, or the hour's or weekday's number."""
        local = self.local()
        day = "toUInt32(day)" if self.utc else f"intDiv({local}, {DAY_S})"
        shift = f" + {self.earlier()} * {self.days}" if self.compared else ""
        seconds = f" + {self.earlier()} * {self.days * DAY_S}" if self.compared else ""
        sql = {
            "minute": f"intDiv({local}, 60) * 60{seconds}",
            "hour": f"intDiv({local}, 3600) * 3600{seconds}",
            "day": f"{day}{shift}",
            "week": f"{day} - modulo({day} + 3, 7)",
            "month": f"toYYYYMM(toDate(toUInt16({day})))",
            "hour_of_day": f"intDiv(modulo({local}, {DAY_S}), 3600)",
            "day_of_week": f"modulo({day} + 3, 7) + 1",
        }
        return f"toUInt32({sql[dimension]})"


def label(dimension: str, key: int) -> str:
    """How a time dimension's key is written."""
    if dimension in ("minute", "hour"):
        return datetime.fromtimestamp(key, UTC).strftime("%Y-%m-%d %H:%M:%S")
    if dimension in ("day", "week"):
        return (date(1970, 1, 1) + timedelta(days=key)).isoformat()
    return f"{key // 100}-{key % 100:02}" if dimension == "month" else str(key)


def midnight(zone: str, day: date) -> int:
    """When a day begins, seconds since 1970."""
    return int(datetime(day.year, day.month, day.day, tzinfo=ZoneInfo(zone)).timestamp())


@lru_cache(maxsize=256)
def offsets(zone: str, first: date | None, last: date | None) -> tuple[tuple[int, int], ...]:
    """(since when, seconds that the clocks are ahead of UTC) over the days, in order; since is seconds of 1970."""
    begin = first or date(_FIRST_YEAR, 1, 1)
    end = last or max(date.today(), begin) + timedelta(days=365 * _YEARS_AHEAD)
    at, until, where = midnight(zone, begin), midnight(zone, end + timedelta(days=1)), ZoneInfo(zone)
    found = [(at, _ahead(where, at))]
    while at < until:
        after = min(at + 7 * DAY_S, until)
        if _ahead(where, after) != found[-1][1]:
            low, high = at, after  # the change lies in between
            while high - low > 1:
                middle = (low + high) // 2
                low, high = (middle, high) if _ahead(where, middle) == found[-1][1] else (low, middle)
            found.append((high, _ahead(where, high)))
            at = high
        else:
            at = after
    return tuple(found)


def _ahead(zone: ZoneInfo, at: int) -> int:
    return int((datetime.fromtimestamp(at, UTC).astimezone(zone).utcoffset() or timedelta()).total_seconds())
