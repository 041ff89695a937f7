"""What a report can be asked for: its dimensions and its metrics, each with its meaning.

The query (`reporting.query`), the check of requests (`reporting.request`) and the tables of docs/reports.md all come
from here. Which tables know a dimension follows from the columns they have.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Literal

from domain.context_word import (
    COUNTRY_BITS,
    DEVICE_AT,
    DEVICE_BITS,
    OS_AT,
    OS_BITS,
    PLACE_AT,
    PLACE_BITS,
    country_code,
    country_number,
)
from domain.creative import FORMATS
from domain.events import PlayEvent
from openrtb.loss_reasons import loss_text
from openrtb.nobid import NoBidReason
from reporting.schema import FACTS
from reporting.words import DEVICE_TYPES, KINDS, OS, PLACES, WEEKDAYS, worded

TIMES = ("minute", "hour", "day", "week", "month", "hour_of_day", "day_of_week")
"""Dimensions that are made of an event's time, in the time zone of the request."""
ROLLED_UP = ("advertiser", "campaign", "line_item", "creative", "exchange")
"""Columns of the rollups."""

Label = Callable[[int | str], str]
Code = Callable[[str], int | str | None]


@dataclass(frozen=True)
class Dimension:
    """``keys``: table -> SQL of the key in it; a table that is not in there does not know the dimension."""

    name: str
    meaning: str
    keys: Mapping[str, str] = field(default_factory=dict)
    names: str = ""
    """Keys are ids, and this is what the dictionary calls their kind."""
    mapped: str = ""
    """Keys are ids of another kind, and this column of the dictionary holds what is meant: ``creative`` -> its
    format.
    """
    of: str = ""
    """With ``mapped``: which kind the ids are."""
    label: Label = str
    code: Code | None = None
    """A word of a filter -> the key it means, None: no such word. None for dimensions that cannot be filtered by
    words.
    """
    words: str = ""
    """What a filter may say, where it is not the name of a thing."""

    def known_by(self, table: str) -> bool:
        return self.name in TIMES or table in self.keys or (table.startswith("delivery_") and self.rolled_up)

    @property
    def rolled_up(self) -> bool:
        return self.name in TIMES or (self.of or self.names) in ROLLED_UP

    def key(self, table: str) -> str:
        return self.keys.get(table, self.of or self.name)


_COLUMNS = {table.name: table.columns for table in FACTS}


def _of(column: str, sql: str = "", tables: tuple[str, ...] = ()) -> dict[str, str]:
    """The same in all tables that have the column, or in those named of them."""
    return {name: sql or column for name, has in _COLUMNS.items() if column in has and (not tables or name in tables)}


def _thing(name: str, meaning: str) -> Dimension:
    return Dimension(name, meaning, _of(name), names=name)


def _word(name: str, meaning: str, keys: dict[str, str], codes: Mapping[str, int]) -> Dimension:
    return Dimension(
        name, meaning, keys, label=worded(codes), code=codes.get, words=", ".join(word for word in codes if word)
    )


def _numbers(low: int, high: int) -> Code:
    return lambda text: int(text) if text.isascii() and text.isdigit() and low <= int(text) <= high else None


def _bits(low: int, count: int) -> dict[str, str]:
    """A part of the context word (`domain.context_word`)."""
    return _of("context", f"toUInt32(bitAnd(bitShiftRight(context, {low}), {(1 << count) - 1}))")


_LETTER = "(toUInt32(reinterpretAsUInt8(substring(toString(country), {}, 1))) - 64)"
_COUNTRY = (
    f"toUInt32(if(length(country) = 3, ({_LETTER.format(1)} * 27 + {_LETTER.format(2)}) * 27 + {_LETTER.format(3)}, 0))"
)
_NO_BIDS = ("no_bids",)

_ALL = (
    Dimension("minute", "beginning of the minute"),
    Dimension("hour", "beginning of the hour"),
    Dimension("day", "the day"),
    Dimension("week", "the Monday of the week"),
    Dimension("month", "the month"),
    Dimension("hour_of_day", "0 to 23, all days together", code=_numbers(0, 23), words="0 to 23"),
    Dimension("day_of_week", "Monday to Sunday, all weeks together", label=worded(WEEKDAYS), code=WEEKDAYS.get,
              words=", ".join(WEEKDAYS)),
    Dimension("agency", "of the advertiser, by its name; empty for advertisers without one", _of("advertiser"),
              names="agency", mapped="parent", of="advertiser"),
    _thing("advertiser", "by its name"),
    _thing("campaign", "by its name"),
    _thing("line_item", "by its name"),
    _thing("creative", "by its key"),
    Dimension("format", "of the creative: `banner`, `video`, `audio` or `native`; empty for conversions that are "
              "attributed to nothing", _of("creative"), mapped="format", of="creative",
              code=lambda word: word if word in ("", *FORMATS) else None, words=", ".join(FORMATS)),
    Dimension("size", "of the creative, `300x250`; empty where it has no size of its own", _of("creative"),
              mapped="size", of="creative", code=lambda word: word, words="a size as 300x250"),
    _thing("exchange", "by its key"),
    _thing("deal", "by the exchange's code of it; empty in the open auction"),
    _thing("site", "domain of the site, or bundle of the app"),
    _word("place", "where the ad was shown: `site`, `app` or `dooh`", _bits(PLACE_AT, PLACE_BITS), PLACES),
    Dimension("country", "ISO 3166-1 alpha-3; empty if unknown", _bits(0, COUNTRY_BITS) | {"no_bids": _COUNTRY},
              label=lambda code: country_code(int(code)),
              code=lambda word: country_number(word) or (None if word else 0),
              words="three capital letters (ISO 3166-1)"),
    _word("device_type", "OpenRTB list 5.21 in words", _bits(DEVICE_AT, DEVICE_BITS), DEVICE_TYPES),
    _word("os", "operating system of the device", _bits(OS_AT, OS_BITS), OS),
    Dimension("conversion_event", "what happened, in the advertiser's own word",
              _of("event", "toString(event)", ("conversions", "attributions")), code=lambda word: word,
              words="any word"),
    Dimension("conversion_source", "how a conversion was told: `pixel`, `postback` or `file`",
              _of("source", "toString(source)", ("conversions",)), code=lambda word: word, words="any word"),
    _word("attribution_kind", "`click` or `view`", _of("kind", "", ("attributions",)), KINDS),
    _word("play_event", "what a player or viewability script told: [PlayEvent](events.md#playevent)",
          _of("event", "", ("events",)), {event.name.lower(): int(event) for event in PlayEvent}),
    Dimension("loss_reason", "why a bid was lost: OpenRTB's code (list 5.25; from 500 on the exchange's own) in words",
              _of("loss_reason", "", ("losses",)), label=lambda code: f"{int(code)} {loss_text(int(code))}",
              code=_numbers(0, 1 << 31), words="a code"),
    Dimension("no_bid_reason", "why no bid was made: the [code](no-bid-reasons.md) in words",
              _of("reason", "", _NO_BIDS), label=lambda code: _reason(int(code)), code=_numbers(0, 1 << 31),
              words="a code"),
    Dimension("stage", "the stage of the [bid path](bid-path.md) that left nothing",
              _of("stage", "toString(stage)", _NO_BIDS), code=lambda word: word, words="any word"),
)  # fmt: skip
DIMENSIONS = {dimension.name: dimension for dimension in _ALL}


def _reason(code: int) -> str:
    reason = NoBidReason._value2member_map_.get(code)
    return f"{code} {reason.text}" if isinstance(reason, NoBidReason) else str(code)


Unit = Literal["count", "account", "exchange"]
"""Of a sum: a number, or nanos of the account's or of the exchange's currency."""
Shape = Literal["count", "money", "share", "ratio", "cpm", "price"]
"""How a metric is written: a number; money, exact; a share of 1; any ratio; money for a thousand; money for one."""


@dataclass(frozen=True)
class Metric:
    """The sum of ``of``, divided by the sum of ``per`` where that is given; both are names of `SUMS`. ``minus`` is
    taken off first.
    """

    name: str
    meaning: str
    of: tuple[str, ...]
    per: tuple[str, ...] = ()
    shape: Shape = "count"
    minus: tuple[str, ...] = ()
    unit: Unit = "count"
    """Of a figure in money: whose currency."""

    @property
    def sums(self) -> tuple[str, ...]:
        return (*self.of, *self.minus, *self.per)


REACH = "reach"
"""The one sum that cannot be added up: how many different persons."""
BY_EVENT = ("conversions", "click_conversions", "view_conversions")
"""Metrics that can be asked for one kind of event alone: ``conversions:approved``."""


def _count(name: str, meaning: str, *of: str) -> Metric:
    return Metric(name, meaning, of or (name,))


def _share(name: str, meaning: str, of: str, per: str) -> Metric:
    return Metric(name, meaning, (of,), (per,), "share")


def _money(name: str, meaning: str, *of: str, unit: Unit = "account", minus: tuple[str, ...] = ()) -> Metric:
    return Metric(name, meaning, of or (name,), (), "money", minus, unit)


def _mean(name: str, meaning: str, of: str, *per: str, shape: Shape = "price", unit: Unit = "account") -> Metric:
    return Metric(name, meaning, (of,), per, shape, (), unit)


_CREDITED = ("click_conversions", "view_conversions")
_METRICS = (
    _count("bids", "bids sent"),
    _count("wins", "bids of which at least one win, billing or impression notice came"),
    _count("impressions", "pixels loaded"),
    _count("clicks", "clicks"),
    _count("conversions", "as they were told, credited or not, each (advertiser, event, order) once"),
    _count("billed", "bids that the ledger booked"),
    _count("starts", "ads of video and audio that began to play"),
    _count("first_quartiles", "those that played a quarter"),
    _count("midpoints", "half"),
    _count("third_quartiles", "three quarters"),
    _count("completes", "those that played to their end"),
    _count("measured", "impressions of which it was told whether they were in view"),
    _count("viewable", "those that were: half of a display ad for a second, half of a video for two seconds (MRC)"),
    _count("losses", "loss notices; exchanges that call no `lurl` tell of none"),
    _count("play_events", "notices of playing and viewing, of any kind"),
    _count("no_bids", "requests answered without a bid: the sampled ones, each for as many as it stands for"),
    _share("win_rate", "wins / bids", "wins", "bids"),
    _share("ctr", "clicks / impressions", "clicks", "impressions"),
    _share("completion_rate", "completes / starts", "completes", "starts"),
    _share("viewability", "viewable / measured", "viewable", "measured"),
    _count("click_conversions", "conversions credited to a click"),
    _count("view_conversions", "conversions credited to an impression that was not clicked"),
    _count("attributed_conversions", "both", *_CREDITED),
    _share("cvr", "click_conversions / clicks", "click_conversions", "clicks"),
    Metric(REACH, "different persons to whom at least one impression was shown, of those that are known; an estimate, "
           "see below", (REACH,)),
    Metric("frequency", "impressions shown to known persons / reach", ("known_impressions",), (REACH,), "ratio"),
    _money("spend", "what the ledger booked for media"),
    _money("fees", "what it booked beside the media: [fees](campaigns.md) of the agency or advertiser, and for data"),
    _money("revenue", "what the advertiser is charged: spend + fees", "spend", "fees"),
    Metric("margin", "fees / revenue: the share of what the advertiser is charged that does not go to the exchange",
           ("fees",), ("spend", "fees"), "share"),
    _money("exchange_spend", "what is owed to the exchange for the same bids; exchange currency", unit="exchange"),
    _money("conversion_value", "what credited conversions were worth, as the advertiser told"),
    Metric("roas", "conversion_value / spend", ("conversion_value",), ("spend",), "ratio"),
    _mean("ecpm", "spend for a thousand impressions", "spend", "impressions", shape="cpm"),
    _mean("ecpc", "spend for a click", "spend", "clicks"),
    _mean("cpa", "spend for a credited conversion", "spend", *_CREDITED),
    _mean("bid_price", "mean of what was bid, for a thousand; exchange currency", "bid_price", "bids", shape="cpm",
          unit="exchange"),
    _mean("clearing_price", "mean of what the ledger booked for a bid, for a thousand; exchange currency",
          "exchange_spend", "billed", shape="cpm", unit="exchange"),
    _money("surplus", "what wins could have cost at most, less what they did, where the first notice told a price; "
           "exchange currency", "win_max_price", minus=("win_price",), unit="exchange"),
    Metric("surplus_share", "surplus / what these wins could have cost at most", ("win_max_price",), ("win_max_price",),
           "share", ("win_price",)),
)  # fmt: skip
METRICS = {metric.name: metric for metric in _METRICS}

DEFAULT = (
    *("bids", "wins", "impressions", "clicks", "conversions", "billed"),
    *("starts", "completes", "measured", "viewable", "win_rate", "ctr", "completion_rate", "viewability"),
    *("spend", "fees", "ecpm"),
)
"""Metrics of a report that does not name any."""

UNITS: dict[str, Unit] = {
    **dict.fromkeys(("spend", "fees", "conversion_value", "click_value"), "account"),
    **dict.fromkeys(("exchange_spend", "bid_price", "win_price", "win_max_price"), "exchange"),
}
"""Of sums that are money."""


def metric(name: str) -> Metric | None:
    """Of the catalogue, or one that it has for one kind of event alone."""
    base, colon, event = name.partition(":")
    if not colon:
        return METRICS.get(name)
    if base not in BY_EVENT or not event:
        return None
    return Metric(name, f"{METRICS[base].meaning}, of the event {event!r} alone", (name,))
