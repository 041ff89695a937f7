"""An ad's markup as those read it who show it: a browser HTML, a player VAST, an app or page a native answer."""

import json
import xml.etree.ElementTree as ElementTree
from dataclasses import dataclass
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
    played: tuple[str, ...] = ()
    """What a player calls while a video or audio ad plays to its end, in that order."""

    def from_host(self, host: str) -> "Markup":
        """Only what leads to ``host`` (with port): the trackers of who bid, not the pictures on somebody's CDN."""
        kept = (tuple(u for u in urls if urlsplit(u).netloc == host) for urls in (self.images, self.links, self.played))
        return Markup(*kept)


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


PLAYED = ("start", "firstQuartile", "midpoint", "thirdQuartile", "complete")


def _read_vast(text: str) -> Markup:
    try:
        document = ElementTree.fromstring(text)
    except ElementTree.ParseError:
        return Markup((), ())
    found: dict[str, list[str]] = {}
    for element in document.iter():
        name = element.tag.rpartition("}")[2]
        key = element.get("event", "") if name == "Tracking" else name
        if element.text and element.text.strip():
            found.setdefault(key, []).append(element.text.strip())
    played = [url for event in PLAYED for url in found.get(event, [])]
    return Markup(tuple(found.get("Impression", [])), tuple(found.get("ClickThrough", [])), tuple(played))


def _read_native(text: str) -> Markup:
    try:
        answer: Any = json.loads(text)
        answer = answer.get("native", answer)
        trackers = [one["url"] for one in answer.get("eventtrackers", []) if (one["event"], one["method"]) == (1, 1)]
        return Markup((*trackers, *answer.get("imptrackers", [])), (answer["link"]["url"],))
    except (ValueError, KeyError, TypeError, AttributeError):
        return Markup((), ())
