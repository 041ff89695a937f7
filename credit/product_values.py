"""Checks of single values in a file of products: each returns the value as a catalogue has it, or raises `Wrong` saying
what is allowed.
"""

import re
from collections.abc import Callable
from decimal import Decimal
from typing import Any
from zoneinfo import available_timezones

from credit.products import MOST_MONTHS, PPM
from credit.tags import FAMILIES, schema_of
from domain.entry import Wrong
from domain.money import NANOS, MoneyError, parse_nanos

RANGE = ("min", "max")
MOST_OFFERS = 10**12
HIGHEST_APR = 10_000.0
MOST_WORTH = 1e6

_KEY = re.compile(r"[a-z0-9][a-z0-9_-]{0,63}")
_TAG = re.compile(rf"(?:{'|'.join(FAMILIES)})\.[a-z][a-z0-9_]{{0,47}}")


def key(value: Any) -> str:
    if not isinstance(value, str) or not _KEY.fullmatch(value):
        raise Wrong("it must be 1 to 64 lower-case letters, digits, '-' and '_', beginning with a letter or digit")
    return value


def tag_name(value: Any) -> str:
    if not isinstance(value, str) or not _TAG.fullmatch(value):
        raise Wrong(f"it must be FAMILY.name, of the families {', '.join(FAMILIES)}")
    if value in schema_of():
        raise Wrong("this tag is there already, without being declared")
    return value


def text(value: Any) -> str:
    if not isinstance(value, str) or not value.strip() or len(value) > 255 or not value.isprintable():
        raise Wrong("it must be text of 1 to 255 printable characters")
    return value


def currency(value: Any) -> str:
    if not isinstance(value, str) or not re.fullmatch("[A-Z]{3}", value):
        raise Wrong("it must be an ISO 4217 currency code, such as 'USD'")
    return value


def time_zone(value: Any) -> str:
    if not isinstance(value, str) or value not in available_timezones():
        raise Wrong("it must be a time zone of the IANA database, such as 'America/New_York'")
    return value


def choice(*options: str) -> Callable[[Any], Any]:
    def check(value: Any) -> str:
        if value not in options or not isinstance(value, str):
            raise Wrong(f"it must be {' or '.join(repr(option) for option in options)}")
        return value

    return check


def whole(low: int, high: int) -> Callable[[Any], int]:
    def check(value: Any) -> int:
        if not isinstance(value, int) or isinstance(value, bool) or not low <= value <= high:
            raise Wrong(f"it must be a whole number from {low} to {high}")
        return value

    return check


count = whole(1, MOST_OFFERS)


def money(value: Any) -> int:
    """Units of currency -> nanos."""
    try:
        if isinstance(value, bool) or not isinstance(value, int | str | Decimal):
            raise MoneyError("it is no number")
        nanos = parse_nanos(value)
    except MoneyError:
        nanos = 0
    if nanos <= 0:
        raise Wrong("it must be an amount of money above 0, such as 12.50, with at most nine decimals")
    return nanos


def share(value: Any) -> int:
    """``12.5%`` -> millionths."""
    try:
        ppm, rest = divmod(parse_nanos(value[:-1]), NANOS // 10_000) if _is_share(value) else (-1, 0)
    except MoneyError:
        ppm, rest = -1, 0
    if not 0 <= ppm <= PPM or rest:
        raise Wrong("it must be a share such as '12.5%', from 0% to 100%, with at most four decimals")
    return ppm


def _is_share(value: Any) -> bool:
    return isinstance(value, str) and value.endswith("%") and len(value) > 1


def apr(value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, int | Decimal) or not 0 <= value <= HIGHEST_APR:
        raise Wrong(f"it must be a yearly rate in percent, from 0 to {HIGHEST_APR:g}, such as 12.9")
    return float(value)


def worth(value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, int | Decimal) or not 0 < value <= MOST_WORTH:
        raise Wrong(f"it must be a number of applications above 0, up to {MOST_WORTH:g}")
    return float(value)


def terms(value: Any) -> tuple[int, ...]:
    """``{min: 6, max: 60}`` or a list of months."""
    allowed = f"it must be a list of months from 1 to {MOST_MONTHS}, or {{min: 6, max: 60}}"
    months = whole(1, MOST_MONTHS)
    if isinstance(value, dict):
        if set(value) != set(RANGE):
            raise Wrong(allowed)
        low, high = (_below(f".{name}", value[name], months) for name in RANGE)
        if low > high:
            raise Wrong("", (".max", high, f"it must not be below the min, {low}"))
        return tuple(range(low, high + 1))
    if not isinstance(value, list) or not value:
        raise Wrong(allowed)
    return tuple(sorted({_below(f"[{place}]", each, months) for place, each in enumerate(value)}))


def _below(path: str, value: Any, check: Callable[[Any], int]) -> int:
    try:
        return check(value)
    except Wrong as wrong:
        raise Wrong("", (path, value, wrong.allowed)) from None


def words(value: Any) -> tuple[str, ...]:
    if not isinstance(value, list) or not value:
        raise Wrong("it must be a list of words")
    for place, each in enumerate(value):
        if not isinstance(each, str) or not each or len(each) > 64 or each != each.strip().lower():
            raise Wrong("", (f"[{place}]", each, "it must be a word in lower case, of at most 64 characters"))
    return tuple(dict.fromkeys(value))
