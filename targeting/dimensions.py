"""The dimensions that a line item can target, and how a value of each becomes the 64-bit id that the index compares.

Text values are lowered and named by `domain.naming.name_id`; the numeric dimensions use the number itself. A request
can have several values of some dimensions (its categories, sizes, audiences; a domain and its parents).
"""

from collections.abc import Iterator
from enum import IntEnum

from domain.naming import name_id


class Dimension(IntEnum):
    """The number is the dimension's place in the request's facts: first those that hold for the request as a whole,
    then those that each imp has its own of, then those that are no sets of values but checked one by one."""

    EXCHANGE = 0
    """Exchange id (marketers write its key)."""
    COUNTRY = 1
    """ISO 3166-1 alpha-3, lower case."""
    REGION = 2
    """``country-region``, e.g. ``usa-ny``, lower case."""
    CITY = 3
    METRO = 4
    """The exchange's code, in the USA the DMA's number."""
    POSTCODE = 5
    DEVICE_TYPE = 6
    """OpenRTB list 5.21, a number."""
    MAKE = 7
    MODEL = 8
    OS = 9
    """``ios``, ``android``, ``windows``, ``macos``, ``linux``, ``chromeos``, ``tvos`` or ``other``."""
    BROWSER = 10
    """``chrome``, ``safari``, ``firefox``, ``edge``, ``opera``, ``samsung``, ``webview`` or ``other``."""
    LANGUAGE = 11
    """ISO 639-1, lower case, without a region."""
    CARRIER = 12
    """As the exchange names it."""
    CONNECTION = 13
    """OpenRTB list 5.22 (AdCOM "Connection Types"), a number."""
    INVENTORY = 14
    """``site``, ``app`` or ``dooh``."""
    SITE = 15
    """Domain of the site; a domain's sub-domains belong to it."""
    APP = 16
    """Bundle of the app."""
    PUBLISHER = 17
    """The publisher's id at the exchange (not lowered)."""
    CATEGORY = 18
    """IAB content category of site, app or content; ``iab1`` holds ``iab1-2``."""
    GENRE = 19
    CONTENT_LANGUAGE = 20
    CONTENT_RATING = 21
    KEYWORD = 22
    """Of site, app and content, and of the user where the person may be used."""
    HOUR_OF_WEEK = 23
    """0 is Monday 00:00 UTC, 167 the last. In the catalogue it is of the advertiser's time zone."""
    HOUR_OF_WEEK_UTC = 24
    HOUR_OF_WEEK_USER = 25
    """By the clock of the device (``geo.utcoffset``)."""
    DEAL = 26
    """name_id of the exchange's own deal code (not lowered)."""
    AUDIENCE = 27
    """Audience id (marketers write its key)."""
    LIFECYCLE = 28
    """``advertiser id << 8 | number of the stage`` (`domain.person.Stage`) of each relation that the profile has."""
    HAS_ID = 29
    """Kinds of ids that the request has of the person: ``ifa``, ``buyeruid``, ``user_id``, or an eid's ``source``."""
    CONSENT = 30
    """``personal`` or ``contextual``: what the request may be used for (docs/privacy.md)."""
    AGE = 31
    """Years, a number, by the year of birth."""
    GENDER = 32
    """``m``, ``f`` or ``o``."""

    FORMAT = 33
    """``banner``, ``video``, ``audio`` or ``native``. From here on each imp, and each format of it, has its own."""
    SIZE = 34
    """``width << 16 | height`` of an offered banner size (marketers write ``300x250``)."""
    POSITION = 35
    """OpenRTB list 5.4 (AdCOM "Placement Positions"), a number."""
    VIDEO_PLACEMENT = 36
    """``video.plcmt`` (AdCOM "Plcmt Subtypes - Video"), a number."""
    PLACEMENT = 37
    """``imp.tagid`` (not lowered)."""
    INTERSTITIAL = 38
    """1 or 0."""
    REWARDED = 39
    """1 or 0."""
    KEY_VALUE = 40
    """``key=value`` of ``ext.data`` of imp, site or app, and of the user where the person may be used."""

    RADIUS = 41
    """``latitude,longitude,metres``. From here on values are checks (`targeting.ranges`)."""
    OS_VERSION = 42
    """``ios >=15.2 <17``"""
    PAGE = 43
    """A pattern of the page's URL without scheme, query and fragment; ``*`` stands for any text."""
    SCORE = 44
    """``credit >=600 <750``, of the person's profile (`domain.person.score_id`)."""
    LAST_VISIT = 45
    """``a7 >=3600 <604800``: seconds since the person's last visit of advertiser 7's pages."""


REQUEST_WIDE = 33
"""Dimensions before this one hold for the whole request."""
SETS = 41
"""Dimensions before this one are sets of values, which the index has bitmaps of; those from here on are checked."""

NUMERIC = frozenset(
    {
        *(Dimension.EXCHANGE, Dimension.DEVICE_TYPE, Dimension.CONNECTION, Dimension.AUDIENCE, Dimension.LIFECYCLE),
        *(Dimension.HOUR_OF_WEEK, Dimension.HOUR_OF_WEEK_UTC, Dimension.HOUR_OF_WEEK_USER, Dimension.AGE),
        *(Dimension.SIZE, Dimension.POSITION, Dimension.VIDEO_PLACEMENT, Dimension.INTERSTITIAL, Dimension.REWARDED),
    }
)
EXACT = frozenset({Dimension.DEAL, Dimension.PUBLISHER, Dimension.PLACEMENT})
"""Text that is compared as it is."""
MANY = frozenset(
    {
        *(Dimension.SITE, Dimension.CATEGORY, Dimension.GENRE, Dimension.KEYWORD, Dimension.DEAL, Dimension.AUDIENCE),
        *(Dimension.LIFECYCLE, Dimension.HAS_ID, Dimension.SIZE, Dimension.KEY_VALUE),
    }
)
"""Of these a request (or a format of an imp) can have several values; of the others one at most."""
PERSONAL = frozenset(
    {
        *(Dimension.CITY, Dimension.POSTCODE, Dimension.AUDIENCE, Dimension.LIFECYCLE, Dimension.HAS_ID),
        *(Dimension.AGE, Dimension.GENDER, Dimension.RADIUS, Dimension.SCORE, Dimension.LAST_VISIT),
    }
)
"""Unknown where a request may be used for its context only."""


def value_id(dimension: Dimension, value: str) -> int:
    """Id of a value as a published line item holds it: the number of a numeric dimension, else the text's name id."""
    if dimension in NUMERIC:
        return int(value)
    return name_id(value if dimension in EXACT else value.lower())


def above(dimension: Dimension, value: str) -> Iterator[str]:
    """The values that a request has as well whenever it has this one: a domain's parents, a category's."""
    if dimension is Dimension.CATEGORY:
        parent, dash, _ = value.partition("-")
        if dash:
            yield parent
    elif dimension is Dimension.SITE:
        _, _, rest = value.partition(".")
        while "." in rest:
            yield rest
            _, _, rest = rest.partition(".")
