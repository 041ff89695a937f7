"""Where and on what an ad was to be shown, in one word of 28 bits: reports are broken down by its parts, and every
notice of a bid knows it, because the bid's token carries it.

| bits | part | what it is |
|---|---|---|
| 0–14 | country | ISO 3166-1 alpha-3 in base 27, A = 1 … Z = 26, the first letter highest; 0 unknown |
| 15–18 | device type | OpenRTB list 5.21; 0 unknown |
| 19–22 | operating system | `System` |
| 23–24 | place | `Place` |
| 25–27 | format | place in `domain.creative.FORMATS` + 1; 0 none |

`bidder/context_word.pyx` packs all but the format at bid time; the analytics store takes words apart by these shifts.
"""

from enum import IntEnum
from typing import NamedTuple

from domain.creative import FORMATS


class System(IntEnum):
    """Operating systems, as marketers target them (`bidder.enrichment.device`)."""

    UNKNOWN = 0
    IOS = 1
    ANDROID = 2
    WINDOWS = 3
    MACOS = 4
    LINUX = 5
    CHROMEOS = 6
    TVOS = 7
    OTHER = 15


class Place(IntEnum):
    """What the ad is shown in; DOOH is a screen in a public place."""

    UNKNOWN = 0
    SITE = 1
    APP = 2
    DOOH = 3


COUNTRY_BITS, DEVICE_AT, OS_AT, PLACE_AT, FORMAT_AT = 15, 15, 19, 23, 25
DEVICE_BITS, OS_BITS, PLACE_BITS, FORMAT_BITS = 4, 4, 2, 3
MOST = (1 << (FORMAT_AT + FORMAT_BITS)) - 1


class Context(NamedTuple):
    """The parts of a word. ``country`` is empty where unknown, ``format`` where there is none."""

    country: str = ""
    device_type: int = 0
    os: System = System.UNKNOWN
    place: Place = Place.UNKNOWN
    format: str = ""


def country_number(country: str) -> int:
    """``USA`` -> its number; 0 for what is not three letters."""
    letters = [ord(letter) & ~0x20 for letter in country]
    if len(letters) != 3 or not (country.isascii() and country.isalpha()):
        return 0
    first, second, third = (letter - 64 for letter in letters)
    return (first * 27 + second) * 27 + third


def country_code(number: int) -> str:
    """The other way round; empty for 0, and for numbers that no country has."""
    digits = number // 729, number // 27 % 27, number % 27
    return "".join(chr(64 + digit) for digit in digits) if all(0 < digit < 27 for digit in digits) else ""


def pack(context: Context) -> int:
    """Raises ValueError for a format that is none, or a device type above 15."""
    if not 0 <= context.device_type < 1 << DEVICE_BITS:
        raise ValueError(f"device_type: {context.device_type} is not allowed; 0 to 15 are")
    return (
        country_number(context.country)
        | context.device_type << DEVICE_AT
        | context.os << OS_AT
        | context.place << PLACE_AT
        | (FORMATS.index(context.format) + 1 if context.format else 0) << FORMAT_AT
    )


def unpack(word: int) -> Context:
    """Parts that this version does not know are taken for unknown."""
    os, format_ = word >> OS_AT & 15, word >> FORMAT_AT & 7
    return Context(
        country_code(word & (1 << COUNTRY_BITS) - 1),
        word >> DEVICE_AT & 15,
        System(os) if os in System.__members__.values() else System.UNKNOWN,
        Place(word >> PLACE_AT & 3),
        FORMATS[format_ - 1] if 0 < format_ <= len(FORMATS) else "",
    )
