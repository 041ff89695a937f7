"""The dimensions that a line item can target, and how a value of each becomes the 64-bit id that the index compares.

Text values are lowered and named by `domain.naming.name_id`; the numeric dimensions use the number itself. A request
can have several values of a dimension (its categories, sizes, audiences; a domain and its parents).
"""

from enum import IntEnum

from domain.naming import name_id


class Dimension(IntEnum):
    """The number is the dimension's place in the request's facts."""

    EXCHANGE = 0
    """Exchange id (marketers write its key)."""
    COUNTRY = 1
    """ISO 3166-1 alpha-3, lower case."""
    REGION = 2
    """``country-region``, e.g. ``usa-ny``, lower case."""
    CITY = 3
    DEVICE_TYPE = 4
    """OpenRTB list 5.21, a number."""
    OS = 5
    """``ios``, ``android``, ``windows``, ``macos``, ``linux``, ``chromeos``, ``tvos`` or ``other``."""
    BROWSER = 6
    """``chrome``, ``safari``, ``firefox``, ``edge``, ``opera``, ``samsung``, ``webview`` or ``other``."""
    LANGUAGE = 7
    """ISO 639-1, lower case, without a region."""
    INVENTORY = 8
    """``site`` or ``app``."""
    SITE = 9
    """Domain of the site or bundle of the app; a domain's sub-domains belong to it."""
    CATEGORY = 10
    """IAB content category of site, app or content; ``iab1`` holds ``iab1-2``."""
    SIZE = 11
    """``width << 16 | height`` of an offered banner size (marketers write ``300x250``)."""
    HOUR_OF_WEEK = 12
    """0 is Monday 00:00 UTC, 167 the last."""
    AUDIENCE = 13
    """Audience id (marketers write its key)."""
    DEAL = 14
    """name_id of the exchange's own deal code (not lowered)."""


NUMERIC = frozenset(
    {Dimension.EXCHANGE, Dimension.DEVICE_TYPE, Dimension.SIZE, Dimension.HOUR_OF_WEEK, Dimension.AUDIENCE}
)


def value_id(dimension: Dimension, value: str) -> int:
    """Id of a value as a published line item holds it: the number of a numeric dimension, else the text's name id."""
    if dimension in NUMERIC:
        return int(value)
    return name_id(value if dimension is Dimension.DEAL else value.lower())
