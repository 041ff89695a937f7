"""Impressions and clicks by parts of the context that notices carry: country, device, system, place, format."""

from domain.context_word import (
    COUNTRY_BITS,
    DEVICE_AT,
    DEVICE_BITS,
    OS_AT,
    OS_BITS,
    PLACE_AT,
    PLACE_BITS,
    Place,
    System,
)
from reporting.counting import COUNTED
from reporting.grafana.sql import facts

_DEVICES = {
    0: "unknown",
    1: "mobile or tablet",
    2: "PC",
    3: "TV",
    4: "phone",
    5: "tablet",
    6: "connected device",
    7: "set-top box",
    8: "out of home",
}
"""OpenRTB list 5.21."""
_LETTERS = "'ABCDEFGHIJKLMNOPQRSTUVWXYZ'"


def _bits(at: int, bits: int) -> str:
    return f"bitAnd(bitShiftRight(context, {at}), {(1 << bits) - 1})"


def _worded(number: str, words: dict[int, str]) -> str:
    texts = ", ".join(f"'{text}'" for text in words.values())
    return f"transform(toInt64({number}), {[*words]}, [{texts}], concat('code ', toString({number})))"


_COUNTRY = _bits(0, COUNTRY_BITS)
COUNTRY = (
    f"if({_COUNTRY} = 0, 'unknown', concat(substring({_LETTERS}, intDiv({_COUNTRY}, 729), 1),"
    f" substring({_LETTERS}, intDiv({_COUNTRY}, 27) % 27, 1), substring({_LETTERS}, {_COUNTRY} % 27, 1)))"
)
DEVICE = _worded(_bits(DEVICE_AT, DEVICE_BITS), _DEVICES)
SYSTEM = _worded(_bits(OS_AT, OS_BITS), {int(system): system.name.lower() for system in System})
PLACE = _worded(_bits(PLACE_AT, PLACE_BITS), {int(place): place.name.lower() for place in Place})


def shown_by(name: str, value: str, *conditions: str, by: tuple[str, ...], top: int = 50) -> str:
    """A row for each ``value`` (SQL over ``context``), under that name: impressions, clicks and CTR."""
    where = facts(COUNTED, *conditions, by=by)
    return (
        f"SELECT k_{name} AS {name}, sum(n_shown) AS impressions, sum(n_clicked) AS clicks,"
        " clicks / nullIf(impressions, 0) AS ctr FROM"
        f" (SELECT {value} AS k_{name}, count() AS n_shown, toUInt64(0) AS n_clicked FROM impressions"
        f" WHERE {where} GROUP BY k_{name}"
        f" UNION ALL SELECT {value} AS k_{name}, toUInt64(0) AS n_shown, count() AS n_clicked FROM clicks"
        f" WHERE {where} GROUP BY k_{name})"
        f" GROUP BY k_{name} ORDER BY impressions DESC, {name} LIMIT {top}"
    )
