"""Marks: one character each in markup that is written beforehand, in whose place something of the single bid is put.

They are characters of Unicode's private use area, which XML, HTML and JSON texts can hold and no text that people write
does; what marketers give is refused if it has one.
"""

from collections.abc import Iterator

CLICK = "\ue000"
"""URL that records a click and leads to the landing page."""
IMPRESSION = "\ue001"
"""URL that records an impression."""
EVENT = "\ue002"
"""URL that records an event of playing or viewing; a query with the event's name follows (`event_url`)."""
CLICKED = "\ue003"
"""URL that records a click and leads nowhere: for those who only report clicks."""
BID = "\ue004"
"""Our id of the bid, a number."""

ASIDES = "\ue005"
"""Nothing; before and behind what is there for companions only."""
ASIDE = "\ue006"
"""Nothing; before the first companion, and behind each."""

ALL = (CLICK, IMPRESSION, EVENT, CLICKED, BID, ASIDES, ASIDE)


def event_url(name: str) -> str:
    """The URL that records ``name``, one of `domain.events.PlayEvent` in lower case. All of a bid's have one token."""
    return f"{EVENT}?e={name}"


def cut(text: str) -> Iterator[tuple[str, str]]:
    """(what stands before a mark, the mark) in their order; at last what stands behind, with an empty mark."""
    start = 0
    for at, character in enumerate(text):
        if character in ALL:
            yield text[start:at], character
            start = at + 1
    yield text[start:], ""


def has_mark(text: str) -> bool:
    return any(mark in text for mark in ALL)
