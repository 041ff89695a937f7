"""Words for the small numbers that events hold: in filters and labels of reports."""

from collections.abc import Callable, Mapping

from domain.context_word import Place, System

PLACES = {"": 0, **{place.name.lower(): int(place) for place in Place if place}}
DEVICE_TYPES = {
    "": 0,
    "mobile": 1,
    "pc": 2,
    "tv": 3,
    "phone": 4,
    "tablet": 5,
    "connected_device": 6,
    "set_top_box": 7,
    "ooh": 8,
}
"""OpenRTB list 5.21."""
OS = {"": 0, **{system.name.lower(): int(system) for system in System if system}}
KINDS = {"none": 0, "click": 1, "view": 2}
"""What a conversion is credited to."""
WEEKDAYS = {
    day: n
    for n, day in enumerate(("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"), start=1)
}


def worded(codes: Mapping[str, int]) -> Callable[[int | str], str]:
    """Number -> word; a number without one stands for itself."""
    words = {code: word for word, code in codes.items()}
    return lambda code: words.get(int(code), str(code))
