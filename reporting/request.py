"""What is asked of a report: the parameters of ``GET /v1/report``, read and checked."""

import base64
import hashlib
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import date, timedelta
from functools import lru_cache
from zoneinfo import available_timezones

import msgspec

from domain.errors import Problem, Refused
from reporting.catalogue import BY_EVENT, DEFAULT, DIMENSIONS, METRICS, metric
from reporting.facts import refusal, tellable
from reporting.local_time import Period

PARAMETERS = (
    *("by", "metrics", "from", "to", "tz", "currency", "filter", "sort", "top", "totals", "compare"),
    *("page_size", "page_token", "format"),
)
MOST_TOP, MOST_PAGE, MOST_DIMENSIONS, MOST_METRICS, MOST_VALUES = 10_000, 100_000, 8, 40, 1_000
LONGEST_COMPARED = 400
"""Days."""
_NOT_COMPARED = ("week", "month")


class Filter(msgspec.Struct, frozen=True):
    """Rows whose dimension has one of ``values`` are wanted, or are not."""

    dimension: str
    values: tuple[str, ...]
    wanted: bool = True


@dataclass(frozen=True)
class Request:
    """``first`` and ``last`` day (in ``zone``; of bids the sending's, else the receiving time's) are both included."""

    by: tuple[str, ...]
    first: date | None = None
    last: date | None = None
    metrics: tuple[str, ...] = ()
    """Empty: those of `catalogue.DEFAULT` that the dimensions can tell."""
    filters: tuple[Filter, ...] = ()
    zone: str = "UTC"
    currency: str = ""
    """All money in this one, at the day's rates; empty: the account's own."""
    sort: tuple[tuple[str, bool], ...] = ()
    """(dimension or metric, descending); empty: by the dimensions."""
    top: int = 0
    """So many rows, and one of all others; 0: all rows."""
    totals: bool = False
    compare: bool = False
    """The same days before beside it."""
    page_size: int = 0
    offset: int = 0

    @property
    def period(self) -> Period:
        return Period(self.zone, self.first, self.last, self.compare)

    @property
    def shown(self) -> tuple[str, ...]:
        """The metrics, also where none were named."""
        return self.metrics or tellable(self.dimensions, DEFAULT) or tellable(self.dimensions, METRICS)

    @property
    def dimensions(self) -> tuple[str, ...]:
        """Those that are shown, and those that only filter."""
        return tuple(dict.fromkeys((*self.by, *(each.dimension for each in self.filters))))

    @property
    def order(self) -> tuple[tuple[str, bool], ...]:
        if self.top and not self.sort:
            return ((self.shown[0], True),)
        return self.sort

    def page_token(self, offset: int) -> str:
        """Names a place in this very report."""
        told = msgspec.json.encode([offset, self._digest()])
        return base64.urlsafe_b64encode(told).decode().rstrip("=")

    def _digest(self) -> str:
        asked = msgspec.json.encode(msgspec.to_builtins(replace(self, offset=0)))
        return hashlib.blake2b(asked, digest_size=9).hexdigest()

    @classmethod
    def read(
        cls, values: Mapping[str, str], dimensions: Iterable[str] = tuple(DIMENSIONS), default: str = "day"
    ) -> "Request":
        """From parameters; ``by`` may name ``dimensions``, and is ``default`` where it is missing. Raises Refused with
        every problem.
        """
        return _Reading(values, tuple(dimensions)).request(cls, default)


class _Reading:
    def __init__(self, values: Mapping[str, str], dimensions: tuple[str, ...]) -> None:
        self.values, self.dimensions = values, dimensions
        self.problems: list[Problem] = []

    def request(self, kind: type[Request], default: str) -> Request:
        by = self._names("by", default, self.dimensions, MOST_DIMENSIONS)
        metrics = self._names("metrics", "", METRICS, MOST_METRICS) if "metrics" in self.values else ()
        first, last = self._day("from"), self._day("to")
        if first and last and first > last:
            self._wrong("from", f"it must not be after to, {self.values['to']}")
        asked = kind(
            by,
            first,
            last,
            metrics,
            self._filters(),
            self._zone(),
            self._currency(),
            self._sort(by, metrics),
            self._number("top", MOST_TOP),
            self._switch("totals", ("1", "true", "yes"), ("0", "false", "no")),
            self._switch("compare", ("previous",), ("none",)),
            self._number("page_size", MOST_PAGE),
        )
        if not self.problems:
            self._fits(asked)
        if self.problems:
            raise Refused(self.problems)
        return self._placed(asked)

    def _wrong(self, name: str, allowed: str, value: str | None = None) -> None:
        self.problems.append(Problem(name, self.values.get(name, "") if value is None else value, allowed))

    def _names(self, name: str, default: str, known: Iterable[str], most: int) -> tuple[str, ...]:
        found = tuple(part.strip() for part in self.values.get(name, default).split(",") if part.strip())
        for each in found:
            if each not in known and not (name == "metrics" and metric(each)):
                more = f", or {', '.join(f'{base}:EVENT' for base in BY_EVENT)}" if name == "metrics" else ""
                self._wrong(name, f"it must be of {', '.join(known)}{more}", each)
        if not found or len(set(found)) != len(found) or len(found) > most:
            what = "metrics" if name == "metrics" else "dimensions"
            self._wrong(name, f"it must name {what}, at most {most}, separated by commas, each once")
        return found

    def _day(self, name: str) -> date | None:
        if not (text := self.values.get(name)):
            return None
        try:
            if not re.fullmatch(r"\d{4}-\d\d-\d\d", text, re.ASCII):
                raise ValueError
            day = date.fromisoformat(text)
            if not 2000 <= day.year < 2100:
                raise ValueError
            return day
        except ValueError:
            self._wrong(name, "it must be a day, YYYY-MM-DD, of this century")
            return None

    def _number(self, name: str, most: int) -> int:
        if not (text := self.values.get(name)):
            return 0
        if not re.fullmatch(r"[0-9]{1,9}", text) or not 1 <= int(text) <= most:
            self._wrong(name, f"it must be a number, 1 to {most:,}")
            return 0
        return int(text)

    def _switch(self, name: str, on: tuple[str, ...], off: tuple[str, ...]) -> bool:
        text = self.values.get(name, off[0])
        if text not in (*on, *off):
            self._wrong(name, f"it must be of {', '.join((*on, *off))}")
        return text in on

    def _zone(self) -> str:
        zone = self.values.get("tz", "UTC")
        if zone not in _zones():
            self._wrong("tz", "it must be a name of the time zone database, as Europe/Berlin")
            return "UTC"
        return zone

    def _currency(self) -> str:
        text = self.values.get("currency", "")
        if text and not re.fullmatch(r"[A-Z]{3}", text):
            self._wrong("currency", "it must be a currency, ISO 4217, as EUR")
        return text

    def _filters(self) -> tuple[Filter, ...]:
        told = self.values.getall("filter", []) if hasattr(self.values, "getall") else []
        if not told and "filter" in self.values:
            told = [self.values["filter"]]
        return tuple(filter(None, (self._filter(text) for text in told)))

    def _filter(self, text: str) -> Filter | None:
        found = re.fullmatch(r"\s*([a-z_]+)\s*(!?):(.*)", text, re.DOTALL)
        dimension = DIMENSIONS.get(found[1]) if found else None
        if not found or dimension is None or not (dimension.names or dimension.code):
            some = ", ".join(name for name, each in DIMENSIONS.items() if each.names or each.code)
            self._wrong(
                "filter", f"it must read dimension:value|value or dimension!:value|value, with one of {some}", text
            )
            return None
        values = tuple(dict.fromkeys(_unescape(part) for part in re.split(r"(?<!\\)\|", found[3])))
        if len(values) > MOST_VALUES:
            self._wrong("filter", f"it must name at most {MOST_VALUES} values", text[:100])
        if dimension.code:
            for value in values:
                if dimension.code(value) is None:
                    self._wrong("filter", f"{dimension.name} must be of {dimension.words}", value)
        return Filter(dimension.name, values, not found[2])

    def _sort(self, by: tuple[str, ...], metrics: tuple[str, ...]) -> tuple[tuple[str, bool], ...]:
        found = [part.strip() for part in self.values.get("sort", "").split(",") if part.strip()]
        names = [part.removeprefix("-") for part in found]
        allowed = (*by, *(metrics or DEFAULT))
        for name in names:
            if name not in allowed:
                self._wrong(
                    "sort", f"it must be of what is asked for, {', '.join(allowed)}, with - for descending", name
                )
        if len(set(names)) != len(names):
            self._wrong("sort", "it must name each once")
        return tuple((name, part.startswith("-")) for name, part in zip(names, found, strict=True))

    def _fits(self, asked: Request) -> None:
        """What each by itself is right, but not together."""
        for name in asked.metrics:
            if why := refusal(name, asked.dimensions):
                self._wrong("metrics", why, name)
        if not asked.shown:
            self._wrong("by", "no figure can be told by all of these together")
        for name, _ in asked.sort:
            if name not in asked.by and name not in asked.shown:
                self._wrong("sort", f"it must be of {', '.join((*asked.by, *asked.shown))}", name)
        if asked.compare:
            if not (asked.first and asked.last):
                self._wrong(
                    "compare", "it needs from and to: the same number of days before them is the previous period"
                )
            elif asked.period.days > LONGEST_COMPARED:
                self._wrong("compare", f"the period must have at most {LONGEST_COMPARED} days")
            for name in _NOT_COMPARED:
                if name in asked.by:
                    self._wrong("by", f"a {name} is laid beside no other: leave out compare, or take day", name)
        if asked.top and asked.page_size:
            self._wrong("page_size", "it does not go with top, which is one page")

    def _placed(self, asked: Request) -> Request:
        if not (token := self.values.get("page_token")):
            return asked
        try:
            told = msgspec.json.decode(base64.b64decode(token + "===", b"-_"), type=tuple[int, str])
            if asked.page_size and told == (told[0], asked._digest()) and 0 <= told[0] < 1 << 40:
                return replace(asked, offset=told[0])
        except (msgspec.DecodeError, ValueError):
            pass
        raise Refused([Problem("page_token", token, "it must be the next_page_token of the very same report")])


def _unescape(text: str) -> str:
    return text.replace("\\|", "|").strip()


@lru_cache(maxsize=1)
def _zones() -> frozenset[str]:
    return frozenset(available_timezones())


def days_before(day: date, days: int) -> date:
    return day - timedelta(days=days)
