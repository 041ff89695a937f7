"""How values are written in a campaign file: the other way round of `campaigns.values`."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import msgspec

from domain.campaign import Limits
from domain.clock import SECOND
from domain.frequency import FrequencyCap, window
from domain.money import NANOS

Form = dict[str, Any]
"""One entry of a file: text, numbers (exact decimals), truth values, lists and mappings of them."""

MICROS = 1_000_000


def amount(nanos: int) -> Decimal:
    """Nanos -> units of currency."""
    return plain(Decimal(nanos) / NANOS)


def cpm(micros: int) -> Decimal:
    """CPM micros -> the price of a thousand impressions."""
    return plain(Decimal(micros) / MICROS)


def share(ppm: int) -> str:
    """Millionths -> ``12.5%``."""
    return f"{plain(Decimal(ppm) / 10_000)}%"


def plain(number: Decimal) -> Decimal:
    """Without an exponent, and without noughts at its end."""
    whole = number.to_integral_value()
    return whole.quantize(Decimal(1)) if number == whole else number.normalize()


def moment(ns: int, zone: ZoneInfo, *, end: bool = False) -> str:
    """An instant as `campaigns.values.moment` reads it: a day if it is midnight; as an end the last day that counts."""
    local = datetime.fromtimestamp(ns // SECOND, UTC).astimezone(zone)
    if (local.hour, local.minute, local.second) == (0, 0, 0):
        return (local.date() - timedelta(days=1) if end else local.date()).isoformat()
    return local.strftime("%Y-%m-%d %H:%M:%S" if local.second else "%Y-%m-%d %H:%M")


def limits(of: Limits) -> Form:
    """Budgets and impressions, as far as they are limited."""
    said = {name: getattr(of, name) for name in Limits.__struct_fields__}
    return {name: amount(n) if name.endswith("budget") else n for name, n in said.items() if n is not None}


def caps(of: Sequence[FrequencyCap]) -> list[Form]:
    """Frequency caps."""
    return [
        {"impressions": cap.impressions, "per": window(cap.seconds)} | ({"by": cap.by} if cap.by != "person" else {})
        for cap in of
    ]


def changed(it: msgspec.Struct, default: msgspec.Struct) -> Form:
    """Fields that are not as they are by default."""
    said: Mapping[str, Any] = msgspec.structs.asdict(it)
    return {name: value for name, value in said.items() if value != getattr(default, name)}


def otherwise(it: msgspec.Struct, *names: str) -> Form:
    """Of these fields, which are written as they are kept, those that are not as they are by default."""
    usual = {field.name: field.default for field in msgspec.structs.fields(type(it))}
    return {name: value for name in names if (value := getattr(it, name)) != usual[name]}


def given(**fields: Any) -> Form:
    """Those fields that say something."""
    return {name: value for name, value in fields.items() if value is not None and value not in ([], {}, "")}


def status(word: str) -> Form:
    """``active`` goes without saying."""
    return {"status": word} if word != "active" else {}
