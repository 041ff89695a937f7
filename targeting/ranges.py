"""Values of the dimensions that are checked instead of looked up: ranges, places with a radius, patterns of pages.

A range is written ``NAME >=FROM <BELOW``; one of the two bounds may be missing, and where there is only one thing that
it can be about, so is the name. The lower bound is in the range, the upper is not.
"""

import math
import re
from collections.abc import Callable
from typing import NamedTuple

from targeting.dimensions import Dimension

_RANGE = re.compile(r"(?:(?P<name>[a-z][a-z0-9_]{0,63}) ?)?(?:>=(?P<low>[0-9.]+))?(?: ?<(?P<high>[0-9.]+))?")
VERSION_PARTS = 4
EARTH_M = 6_371_008.8
"""Mean radius of the Earth (IUGG), metres."""


class Range(NamedTuple):
    """``low <= value < high`` of what ``name`` says."""

    name: str
    low: float
    """An integer of a version, as `high` is unless it is infinite."""
    high: float


def version(text: str) -> int:
    """``15.2`` -> 16 bits a part, four parts, so that versions compare as numbers. Raises ValueError."""
    parts = [int(part) for part in text.split(".")]
    if len(parts) > VERSION_PARTS or max(parts) > 0xFFFF:
        raise ValueError(f"a version has at most {VERSION_PARTS} numbers up to 65535")
    return sum(part << 16 * (VERSION_PARTS - 1 - place) for place, part in enumerate(parts))


def read_range(dimension: Dimension, text: str) -> Range:
    """A published (or written) range. Raises ValueError for what is none, or an empty one."""
    found = _RANGE.fullmatch(text)
    if found is None or not (found["low"] or found["high"]):
        raise ValueError(f"{text!r} is no range")
    read: Callable[[str], float] = version if dimension is Dimension.OS_VERSION else float
    low = read(found["low"] or "0")
    high = read(found["high"]) if found["high"] else math.inf
    if low >= high:
        raise ValueError(f"{text!r} has nothing in it: the lower bound must be below the upper")
    return Range(found["name"] or "", low, high)


def read_circle(text: str) -> tuple[float, float, float]:
    """Latitude and longitude in degrees, metres."""
    latitude, longitude, metres = map(float, text.split(","))
    return latitude, longitude, metres


def distance_m(lat: float, lon: float, other_lat: float, other_lon: float) -> float:
    """Metres along the great circle (haversine) between two places in degrees."""
    a, b = math.radians(lat), math.radians(other_lat)
    h = math.sin((b - a) / 2) ** 2 + math.cos(a) * math.cos(b) * math.sin(math.radians(other_lon - lon) / 2) ** 2
    return 2 * EARTH_M * math.asin(min(1.0, math.sqrt(h)))


def apart(dimension: Dimension, one: str, other: str) -> bool:
    """Can no request have both? Of patterns of pages nobody can say."""
    if dimension is Dimension.RADIUS:
        (a, b, r), (c, d, s) = read_circle(one), read_circle(other)
        return distance_m(a, b, c, d) > r + s
    if dimension is Dimension.PAGE:
        return False
    a_range, b_range = read_range(dimension, one), read_range(dimension, other)
    if a_range.name != b_range.name:
        return dimension is Dimension.OS_VERSION
    return a_range.high <= b_range.low or b_range.high <= a_range.low
