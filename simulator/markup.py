"""An ad's markup as those read it who show it: a browser HTML, a player VAST, an app or page a native answer."""

import json
import re
import xml.etree.ElementTree as ElementTree
from dataclasses import dataclass, replace
from html.parser import HTMLParser
from typing import Any
from urllib.parse import urlsplit

BANNER, VIDEO, AUDIO, NATIVE = 1, 2, 3, 4
"""Markup types, as in ``bid.mtype``."""


@dataclass(frozen=True)
class Markup:
    """What is loaded when the ad is shown, and where a click leads."""

    images: tuple[str, ...]
    links: tuple[str, ...]
    told: tuple[tuple[str, str], ...] = ()
    """(event, URL): what a player or an app calls as the ad plays or comes into view, by the names of `EVENTS`."""
    seconds: float = 0.0
    """How long it plays."""
    skippable: bool = False

    @property
    def played(self) -> tuple[str, ...]:
        """What a player calls while the ad plays to its end, in that order."""
        return tuple(url for event in PLAYED for name, url in self.told if name == event)

    def from_host(self, host: str) -> "Markup":
        """Only what leads to ``host`` (with port): the trackers of who bid, not the pictures on somebody's CDN."""
        images, links = (tuple(u for u in urls if urlsplit(u).netloc == host) for urls in (self.images, self.links))
        told = tuple((event, url) for event, url in self.told if urlsplit(url).netloc == host)
        return replace(self, images=images, links=links, told=told)


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.images: list[str] = []
        self.links: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = dict(attrs)
        if tag == "img" and values.get("src"):
            self.images.append(values["src"] or "")
        elif tag == "a" and values.get("href"):
            self.links.append(values["href"] or "")


def read_markup(text: str, kind: int = BANNER) -> Markup:
    """``kind`` is the bid's ``mtype``. What cannot be read has nothing in it."""
    if kind in (VIDEO, AUDIO):
        return _read_vast(text)
    if kind == NATIVE:
        return _read_native(text)
    reader = _Reader()
    reader.feed(text)
    reader.close()
    return Markup(tuple(reader.images), tuple(reader.links))


PLAYED = ("start", "first_quartile", "midpoint", "third_quartile", "complete")
EVENTS = {
    "start": "start",
    "firstQuartile": "first_quartile",
    "midpoint": "midpoint",
    "thirdQuartile": "third_quartile",
    "complete": "complete",
    "mute": "mute",
    "unmute": "unmute",
    "skip": "skip",
    "Viewable": "viewable",
    "NotViewable": "not_viewable",
}
"""What this exchange's player reports: VAST's names (of ``Tracking`` events, of elements), and those of its books."""
CLOCK = re.compile(r"(\d+):(\d+):(\d+(?:\.\d+)?)$")
SHOWN, IN_VIEW, PIXEL = 1, 2, 1
"""Native 1.2: event types (list 7.6), and the tracking method of an image (list 7.7)."""


def _read_vast(text: str) -> Markup:
    try:
        document = ElementTree.fromstring(text)
    except ElementTree.ParseError:
        return Markup((), ())
    found: dict[str, list[str]] = {}
    skippable = False
    for element in document.iter():
        name = element.tag.rpartition("}")[2]
        skippable |= name == "Linear" and element.get("skipoffset") is not None
        key = element.get("event", "") if name == "Tracking" else name
        if element.text and element.text.strip():
            found.setdefault(key, []).append(element.text.strip())
    told = [(name, url) for key, name in EVENTS.items() for url in found.get(key, [])]
    clock = CLOCK.match(found.get("Duration", [""])[0])
    seconds = int(clock[1]) * 3600 + int(clock[2]) * 60 + float(clock[3]) if clock else 0.0
    links = tuple(found.get("ClickThrough", []))
    return Markup(tuple(found.get("Impression", [])), links, tuple(told), seconds, skippable)


def _read_native(text: str) -> Markup:
    try:
        answer: Any = json.loads(text)
        answer = answer.get("native", answer)
        pixels = [one for one in answer.get("eventtrackers", []) if one["method"] == PIXEL]
        shown = [one["url"] for one in pixels if one["event"] == SHOWN]
        seen = [("viewable", one["url"]) for one in pixels if one["event"] == IN_VIEW]
        return Markup((*shown, *answer.get("imptrackers", [])), (answer["link"]["url"],), tuple(seen))
    except (ValueError, KeyError, TypeError, AttributeError):
        return Markup((), ())
