"""What a creative loads and leads to: each address, where the campaign file says it, and what is promised of it.

Third parties' pixels are not among them: to load one is to report an event.
"""

from collections.abc import Iterator
from html.parser import HTMLParser
from typing import Literal, NamedTuple

from domain.creative import Creative, Media, Video

Kind = Literal["page", "image", "media", "vast", "script", "part"]
LOADED = {
    "img": "src",
    "script": "src",
    "iframe": "src",
    "video": "src",
    "audio": "src",
    "source": "src",
    "link": "href",
}
"""HTML elements, and the attribute by which each loads something."""


class Asset(NamedTuple):
    """``path`` is the field below the creative. What is 0 or empty was not promised."""

    path: str
    url: str
    kind: Kind
    mime: str = ""
    width: int = 0
    height: int = 0
    dense: bool = False
    """An image that may be drawn smaller than it is, for screens of a high density: whole multiples are right, too."""
    seconds: float = 0.0
    bitrate_kbps: int = 0
    protocols: tuple[int, ...] = ()
    """Of VAST, one of them (OpenRTB list 5.8)."""


def assets_of(creative: Creative) -> Iterator[Asset]:
    """Of any format, in the order of the file's fields."""
    yield Asset("landing_url", creative.landing_url, "page")
    if creative.image_url:
        size = (creative.width, creative.height)
        yield Asset("image_url", creative.image_url, "image", creative.mime, *size, dense=True)
    if creative.markup:
        yield from _loaded(creative.markup)
    for name, media in (("video", creative.video), ("audio", creative.audio)):
        if media is not None:
            yield from _playing(name, media)
    if native := creative.native:
        for i, image in enumerate(native.images):
            yield Asset(f"native.images[{i}].url", image.url, "image", image.mime, image.width, image.height)
        if native.video is not None:
            yield from _playing("native.video", native.video)
        if native.privacy_url:
            yield Asset("native.privacy_url", native.privacy_url, "page")
    for i, script in enumerate(creative.verifications):
        yield Asset(f"verifications[{i}].url", script.url, "script", "text/javascript")


def _playing(name: str, media: Media) -> Iterator[Asset]:
    seconds = media.duration_ms / 1000
    for i, file in enumerate(media.renditions):
        path, size = f"{name}.renditions[{i}].url", (file.width, file.height)
        streamed = file.delivery == "streaming"
        length, rate = (0.0, 0) if streamed else (seconds, file.bitrate_kbps)
        yield Asset(path, file.url, "media", file.mime, *size, seconds=length, bitrate_kbps=rate)
    if media.wrapper_url:
        yield Asset(f"{name}.wrapper_url", media.wrapper_url, "vast", protocols=media.protocols)
    for i, aside in enumerate(media.companions):
        size = (aside.width, aside.height)
        yield Asset(f"{name}.companions[{i}].image_url", aside.image_url, "image", aside.mime, *size, dense=True)
    if isinstance(media, Video) and media.interactive_url:
        yield Asset(f"{name}.interactive_url", media.interactive_url, "part", "text/html")


class _Loaded(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.urls: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        url = dict(attrs).get(LOADED.get(tag, ""))
        if url and url.startswith("https://") and "${" not in url:
            self.urls.append(url)


def _loaded(markup: str) -> Iterator[Asset]:
    """What a third party's markup loads by itself; addresses with macros are known at the bid only."""
    reader = _Loaded()
    reader.feed(markup)
    reader.close()
    for url in dict.fromkeys(reader.urls):
        yield Asset("markup", url, "part")
