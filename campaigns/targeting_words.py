"""What one value of a targeting dimension may be in a campaign file, and the same as JSON Schema."""

import re
from collections.abc import Mapping
from decimal import Decimal
from typing import Any, NamedTuple

from campaigns import values
from campaigns.values import Check
from domain.creative import FORMATS
from domain.entry import Wrong
from domain.person import STAGES
from targeting.dimensions import Dimension
from targeting.ranges import read_range

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
CONNECTIONS = {"ethernet": 1, "wifi": 2, "cellular": 3, "2g": 4, "3g": 5, "4g": 6, "5g": 7}
"""AdCOM list "Connection Types"; ``cellular`` is of a generation that is not told."""
POSITIONS = {
    "above_fold": 1,
    "locked": 2,
    "below_fold": 3,
    "header": 4,
    "footer": 5,
    "sidebar": 6,
    "full_screen": 7,
}
"""AdCOM list "Placement Positions"."""
VIDEO_PLACEMENTS = {
    "instream": (1,),
    "outstream": (2, 3, 4),
    "accompanying": (2,),
    "interstitial": (3,),
    "standalone": (4,),
}
"""AdCOM list "Plcmt Subtypes - Video"; out-stream is all that is not in-stream."""
GENDERS = {"male": "m", "female": "f", "other": "o"}
OSES = ("ios", "android", "windows", "macos", "linux", "chromeos", "tvos", "other")
BROWSERS = ("chrome", "safari", "firefox", "edge", "opera", "samsung", "webview", "other")
YOUNGEST, OLDEST = 13, 120

_DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_DAY_PART = re.compile(rf"({'|'.join(_DAYS)})(?:-({'|'.join(_DAYS)}))?(?: ([01][0-9]|2[0-3])-([01][0-9]|2[0-4]))?")
_BUNDLE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,254}")
_REGION = re.compile(r"[a-z]{3}-[a-z0-9]{1,6}")
_METRO = re.compile(r"[A-Za-z0-9-]{1,32}")
_POSTCODE = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9 -]{0,10}[A-Za-z0-9])?")
_AGES = re.compile(r"([0-9]{2,3})(?:-([0-9]{2,3})|(\+))?")
_TIME = re.compile(r"([0-9]{1,6})([mhd])")
_PAIR = re.compile(r"[^=]{1,64}=.{1,190}")
_SCORE = re.compile(r"[a-z][a-z0-9_]{0,63} (?:>=[0-9.]+(?: <[0-9.]+)?|<[0-9.]+)")


class Word(NamedTuple):
    """What one entry of a dimension's list may be: its check, and the same as JSON Schema."""

    check: Check[tuple[str, ...]]
    schema: dict[str, Any]


def _one_of(*options: str) -> Word:
    check = values.choice(*options)
    return Word(lambda value: (check(value),), {"enum": list(options)})


def _named(names: Mapping[str, int | str | tuple[int, ...]]) -> Word:
    check = values.choice(*names)

    def read(value: Any) -> tuple[str, ...]:
        found = names[check(value)]
        return tuple(map(str, found)) if isinstance(found, tuple) else (str(found),)

    return Word(read, {"enum": list(names)})


def _lowered(check: Check[str], schema: dict[str, Any]) -> Word:
    return Word(lambda value: (check(value).lower(),), schema)


def _matching(pattern: re.Pattern[str], allowed: str) -> Check[str]:
    def check(value: Any) -> str:
        text = str(value) if isinstance(value, int) and not isinstance(value, bool) else value
        if not isinstance(text, str) or not pattern.fullmatch(text):
            raise Wrong(allowed)
        return text

    return check


def _pattern(pattern: re.Pattern[str]) -> dict[str, Any]:
    return {"type": ["string", "integer"], "pattern": f"^(?:{pattern.pattern})$"}


def _text(longest: int = 100) -> Word:
    return _lowered(values.text(longest), {"type": "string", "minLength": 1, "maxLength": longest})


def _exact(longest: int = 255) -> Word:
    check = values.text(longest)
    return Word(lambda value: (check(value),), {"type": "string", "minLength": 1, "maxLength": longest})


def _size(value: Any) -> tuple[str, ...]:
    width, height = values.size(value)
    return (str(width << 16 | height),)


def _flag(value: Any) -> tuple[str, ...]:
    return (str(int(values.boolean(value))),)


def _keyword(value: Any) -> tuple[str, ...]:
    word = values.text(100)(value).strip().lower()
    if "," in word:
        raise Wrong("it must be one keyword, without commas")
    return (word,)


def _postcode(value: Any) -> tuple[str, ...]:
    """As requests are compared: without blanks, in lower case."""
    text = _matching(_POSTCODE, "it must be a postcode of letters, digits, blanks and '-', such as 'SW1A 1AA'")(value)
    return (text.replace(" ", "").lower(),)


def _ages(value: Any) -> tuple[str, ...]:
    text = str(value) if isinstance(value, int) and not isinstance(value, bool) else value
    match = _AGES.fullmatch(text) if isinstance(text, str) else None
    first = int(match[1]) if match else 0
    last = OLDEST if match and match[3] else int(match[2] or match[1]) if match else 0
    if not YOUNGEST <= first <= last <= OLDEST:
        raise Wrong(f"it must be an age, or ages such as '25-34' or '65+', from {YOUNGEST} to {OLDEST}")
    return tuple(map(str, range(first, last + 1)))


def _has_id(value: Any) -> tuple[str, ...]:
    if value in ("ifa", "buyeruid", "user_id"):
        return (str(value),)
    try:
        return (values.domain_name(value),)
    except Wrong:
        raise Wrong("it must be 'ifa', 'buyeruid', 'user_id', or the source of an eid, such as 'uidapi.com'") from None


def day_part(value: Any) -> tuple[str, ...]:
    """``mon-fri 08-18`` -> hours of the week; from its first hour to before its last; without hours, whole days."""
    match = _DAY_PART.fullmatch(value) if isinstance(value, str) else None
    first, last = (int(match[3] or 0), int(match[4] or 24)) if match else (0, 0)
    if match is None or first >= last:
        raise Wrong("it must be days and hours, such as 'mon-fri 08-18' or 'sun'; the first hour is before the last")
    start = _DAYS.index(match[1])
    days = (_DAYS.index(match[2] or match[1]) - start) % 7 + 1
    return tuple(str((start + d) % 7 * 24 + hour) for d in range(days) for hour in range(first, last))


def _circle(value: Any) -> tuple[str, ...]:
    allowed = "it must be {lat: -90 to 90, lon: -180 to 180, km: 0.1 to 500}"
    if not isinstance(value, dict) or set(value) != {"lat", "lon", "km"}:
        raise Wrong(allowed)
    numbers = [value["lat"], value["lon"], value["km"]]
    if any(isinstance(n, bool) or not isinstance(n, int | float | Decimal) for n in numbers):
        raise Wrong(allowed)
    lat, lon, km = map(float, numbers)
    if not (-90 <= lat <= 90 and -180 <= lon <= 180 and 0.1 <= km <= 500):
        raise Wrong(allowed)
    return (f"{lat!r},{lon!r},{km * 1000!r}",)


def _range(dimension: Dimension, allowed: str) -> Check[tuple[str, ...]]:
    def check(value: Any) -> tuple[str, ...]:
        try:
            if not isinstance(value, str):
                raise ValueError
            read_range(dimension, value)
        except (ValueError, OverflowError):
            raise Wrong(allowed) from None
        return (value,)

    return check


def _os_version(value: Any) -> tuple[str, ...]:
    allowed = f"it must be a system and its versions, such as 'ios >=15.2 <17'; there are {', '.join(OSES[:-1])}"
    written = _range(Dimension.OS_VERSION, allowed)(value)
    if read_range(Dimension.OS_VERSION, written[0]).name not in OSES[:-1]:
        raise Wrong(allowed)
    return written


def _score(value: Any) -> tuple[str, ...]:
    allowed = "it must be a score and its range, such as 'credit >=600 <750'"
    if not isinstance(value, str) or not _SCORE.fullmatch(value):
        raise Wrong(allowed)
    return _range(Dimension.SCORE, allowed)(value)


def last_visit(owner: int, value: Any) -> tuple[str, ...]:
    """``>=1h <7d`` in seconds."""
    allowed = "it must be how long ago, such as '<7d', '>=30d' or '>=12h <7d'"
    if not isinstance(value, str) or len(value) > 40:
        raise Wrong(allowed)
    seconds = _TIME.sub(lambda m: str(int(m[1]) * {"m": 60, "h": 3600, "d": 86400}[m[2]]), value)
    if re.search(r"[a-z]", seconds) or not _TIME.search(value):
        raise Wrong(allowed)
    return _range(Dimension.LAST_VISIT, allowed)(f"a{owner} {seconds}")


def _page(value: Any) -> tuple[str, ...]:
    text = value.lower() if isinstance(value, str) else ""
    if not text.strip("*") or len(text) > 255 or not text.isascii() or not text.isprintable() or "://" in text:
        raise Wrong("it must be a pattern of a page's URL without its scheme, such as 'news.example/money/*'")
    return (text,)


_DOMAIN = {"type": "string", "pattern": r"^[a-z0-9-]+(\.[a-z0-9-]+)+$"}
_STRING = {"type": "string"}
_DAY_PARTS = Word(day_part, {"type": "string", "pattern": f"^{_DAY_PART.pattern}$"})

WORDS: dict[Dimension, Word] = {
    Dimension.COUNTRY: _lowered(values.country, {"type": "string", "pattern": "^[A-Z]{3}$"}),
    Dimension.REGION: Word(
        lambda v: (_matching(_REGION, "it must be country-region in lower case, such as 'usa-ny'")(v),),
        _pattern(_REGION),
    ),
    Dimension.CITY: _text(),
    Dimension.METRO: _lowered(_matching(_METRO, "it must be a metro code, such as '501'"), _pattern(_METRO)),
    Dimension.POSTCODE: Word(_postcode, _pattern(_POSTCODE)),
    Dimension.DEVICE_TYPE: _named(DEVICE_TYPES),
    Dimension.MAKE: _text(),
    Dimension.MODEL: _text(),
    Dimension.OS: _one_of(*OSES),
    Dimension.BROWSER: _one_of(*BROWSERS),
    Dimension.LANGUAGE: _lowered(values.language, {"type": "string", "pattern": "^[a-z]{2}$"}),
    Dimension.CARRIER: _text(),
    Dimension.CONNECTION: _named(CONNECTIONS),
    Dimension.INVENTORY: _one_of("site", "app", "dooh"),
    Dimension.SITE: _lowered(
        _matching(_BUNDLE, "it must be a site's domain, such as 'news.example'"), _pattern(_BUNDLE)
    ),
    Dimension.APP: _lowered(_matching(_BUNDLE, "it must be an app's bundle or its store's number"), _pattern(_BUNDLE)),
    Dimension.PUBLISHER: _exact(),
    Dimension.CATEGORY: _lowered(values.category, {"type": "string", "pattern": "^IAB[0-9]{1,2}(-[0-9]{1,2})?$"}),
    Dimension.GENRE: _text(),
    Dimension.CONTENT_LANGUAGE: _lowered(values.language, {"type": "string", "pattern": "^[a-z]{2}$"}),
    Dimension.CONTENT_RATING: _text(),
    Dimension.KEYWORD: Word(_keyword, {"type": "string", "pattern": "^[^,]{1,100}$"}),
    Dimension.HOUR_OF_WEEK: _DAY_PARTS,
    Dimension.HOUR_OF_WEEK_UTC: _DAY_PARTS,
    Dimension.HOUR_OF_WEEK_USER: _DAY_PARTS,
    Dimension.HAS_ID: Word(_has_id, {"anyOf": [{"enum": ["ifa", "buyeruid", "user_id"]}, _DOMAIN]}),
    Dimension.CONSENT: _one_of("personal", "contextual"),
    Dimension.AGE: Word(_ages, _pattern(_AGES)),
    Dimension.GENDER: _named(GENDERS),
    Dimension.FORMAT: _one_of(*FORMATS),
    Dimension.SIZE: Word(_size, {"type": "string", "pattern": "^[1-9][0-9]{0,3}x[1-9][0-9]{0,3}$"}),
    Dimension.POSITION: _named(POSITIONS),
    Dimension.VIDEO_PLACEMENT: _named(VIDEO_PLACEMENTS),
    Dimension.PLACEMENT: _exact(),
    Dimension.INTERSTITIAL: Word(_flag, {"type": "boolean"}),
    Dimension.REWARDED: Word(_flag, {"type": "boolean"}),
    Dimension.KEY_VALUE: _lowered(_matching(_PAIR, "it must be key=value, such as 'section=loans'"), _pattern(_PAIR)),
    Dimension.RADIUS: Word(
        _circle,
        {
            "type": "object",
            "properties": {
                "lat": {"type": "number", "minimum": -90, "maximum": 90},
                "lon": {"type": "number", "minimum": -180, "maximum": 180},
                "km": {"type": "number", "minimum": 0.1, "maximum": 500},
            },
            "required": ["lat", "lon", "km"],
            "additionalProperties": False,
        },
    ),
    Dimension.OS_VERSION: Word(_os_version, _STRING),
    Dimension.PAGE: Word(_page, {"type": "string", "minLength": 1, "maxLength": 255}),
    Dimension.SCORE: Word(_score, _STRING),
    Dimension.LIFECYCLE: _one_of(*STAGES),
    Dimension.LAST_VISIT: _exact(40),
}
"""All but those that are keys of something in the catalogue. Of the last two the value depends on the advertiser."""
REFERENCES = {
    Dimension.EXCHANGE: "keys of exchanges",
    Dimension.AUDIENCE: "keys of the advertiser's audiences",
    Dimension.DEAL: "keys of the advertiser's deals",
}
