"""Targeting as marketers write it, into the values that `targeting.dimensions` compares."""

import re
from collections.abc import Callable, Mapping
from typing import Any

from campaigns import values
from campaigns.entry import Wrong
from campaigns.values import Check
from domain.campaign import Targeting
from targeting.dimensions import Dimension

DEVICE_TYPES = {
    "mobile": 1,
    "pc": 2,
    "tv": 3,
    "phone": 4,
    "tablet": 5,
    "connected_device": 6,
    "set_top_box": 7,
    "ooh": 8,
}
"""OpenRTB list 5.21; many exchanges send ``mobile`` for phones and tablets alike."""

_DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_DAY_PART = re.compile(rf"({'|'.join(_DAYS)})(?:-({'|'.join(_DAYS)}))?(?: ([01][0-9]|2[0-3])-([01][0-9]|2[0-4]))?")
_BUNDLE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,254}")
_REGION = re.compile(r"[a-z]{3}-[a-z0-9]{1,6}")


def _one_of(*options: str) -> Check[tuple[str, ...]]:
    check = values.choice(*options)
    return lambda value: (check(value),)


def _lowered(check: Check[str]) -> Check[tuple[str, ...]]:
    return lambda value: (check(value).lower(),)


def _device_type(value: Any) -> tuple[str, ...]:
    return (str(DEVICE_TYPES[values.choice(*DEVICE_TYPES)(value)]),)


def _size(value: Any) -> tuple[str, ...]:
    width, height = values.size(value)
    return (str(width << 16 | height),)


def _site(value: Any) -> tuple[str, ...]:
    if not isinstance(value, str) or not _BUNDLE.fullmatch(value):
        raise Wrong("it must be a site's domain, such as 'news.example', or an app's bundle")
    return (value.lower(),)


def _region(value: Any) -> tuple[str, ...]:
    if not isinstance(value, str) or not _REGION.fullmatch(value):
        raise Wrong("it must be country-region in lower case, such as 'usa-ny'")
    return (value,)


def day_part(value: Any) -> tuple[str, ...]:
    """``mon-fri 08-18`` -> hours of the week; from its first hour to before its last; without hours, whole days."""
    match = _DAY_PART.fullmatch(value) if isinstance(value, str) else None
    first, last = (int(match[3] or 0), int(match[4] or 24)) if match else (0, 0)
    if match is None or first >= last:
        raise Wrong("it must be days and hours, such as 'mon-fri 08-18' or 'sun'; the first hour is before the last")
    start = _DAYS.index(match[1])
    days = (_DAYS.index(match[2] or match[1]) - start) % 7 + 1
    return tuple(str((start + d) % 7 * 24 + hour) for d in range(days) for hour in range(first, last))


_WORDS: dict[Dimension, Check[tuple[str, ...]]] = {
    Dimension.COUNTRY: _lowered(values.country),
    Dimension.REGION: _region,
    Dimension.CITY: _lowered(values.text(100)),
    Dimension.DEVICE_TYPE: _device_type,
    Dimension.OS: _one_of("ios", "android", "windows", "macos", "linux", "chromeos", "tvos", "other"),
    Dimension.BROWSER: _one_of("chrome", "safari", "firefox", "edge", "opera", "samsung", "webview", "other"),
    Dimension.LANGUAGE: _lowered(values.language),
    Dimension.INVENTORY: _one_of("site", "app", "dooh"),
    Dimension.SITE: _site,
    Dimension.CATEGORY: _lowered(values.category),
    Dimension.SIZE: _size,
    Dimension.HOUR_OF_WEEK: day_part,
}


def targeting(exchange: Check[int], audience: Check[int]) -> Callable[[Any], Targeting]:
    """Check of a ``targeting`` mapping. The two arguments resolve the keys of exchanges and audiences."""
    words: dict[str, Check[tuple[str, ...]]] = {d.name.lower(): check for d, check in _WORDS.items()}
    words["exchange"] = lambda value: (str(exchange(value)),)
    words["audience"] = lambda value: (str(audience(value)),)

    def check(value: Any) -> Targeting:
        if not isinstance(value, dict):
            raise Wrong("it must be a mapping with all_of, none_of or both")
        faults: list[tuple[str, object, str]] = []
        sides: dict[str, dict[str, tuple[str, ...]]] = {}
        for side, terms in value.items():
            if side not in ("all_of", "none_of"):
                faults.append((f".{side}", terms, "there is no such field; the fields here are all_of, none_of"))
            else:
                sides[side] = _terms(terms, words, f".{side}", faults)
        if faults:
            raise Wrong("", *faults)
        return Targeting(**sides)

    return check


def _terms(
    value: Any, words: Mapping[str, Check[tuple[str, ...]]], path: str, faults: list[tuple[str, object, str]]
) -> dict[str, tuple[str, ...]]:
    if not isinstance(value, dict):
        faults.append((path, value, "it must be a mapping from dimensions to lists of values"))
        return {}
    terms = {}
    for name, listed in value.items():
        if name not in words:
            faults.append(
                (f"{path}.{name}", listed, f"there is no such dimension; there are {', '.join(sorted(words))}")
            )
            continue
        try:
            groups = values.listed(words[name], least=1)(listed)
        except Wrong as wrong:
            below = wrong.faults or (("", listed, wrong.allowed),)
            faults += [(f"{path}.{name}{b}", v, a) for b, v, a in below]
            continue
        terms[name] = tuple(dict.fromkeys(word for group in groups for word in group))
    return terms
