"""The parts of video and audio creatives in a campaign file: files, third parties' VAST, companions."""

import re
from collections.abc import Callable
from decimal import Decimal
from typing import Any
from urllib.parse import urlsplit

from campaigns import values
from domain.creative import COMPANIONS_REQUIRED, Audio, Companion, Media, Rendition, Video
from domain.entry import Entry, Wrong
from openrtb.vast import INLINE, WRAPPER
from openrtb.vast_check import Examined, examine

SOURCES = ("renditions", "wrapper_url", "vast")
AUDIO = ("duration_s", *SOURCES, "protocols", "mimes", "companions", "companions_required")
VIDEO = (*AUDIO, "skip_after_s", "interactive_url")
COMPANION = ("size", "image_url", "mime")
PROTOCOLS = (*INLINE.values(), *WRAPPER.values())
IMAGES = {"png": "image/png", "jpg": "image/jpeg", "jpeg": "image/jpeg", "gif": "image/gif", "webp": "image/webp"}
_FILES = {
    "video": {"mp4": "video/mp4", "webm": "video/webm", "mov": "video/quicktime", "m3u8": "application/x-mpegurl",
              "mpd": "application/dash+xml", "js": "application/javascript"},
    "audio": {"mp3": "audio/mpeg", "m4a": "audio/mp4", "mp4": "audio/mp4", "aac": "audio/aac", "ogg": "audio/ogg",
              "m3u8": "application/x-mpegurl"},
}  # fmt: skip
_MIME = re.compile(r"(video|audio|application)/[a-z0-9][a-z0-9.+-]{0,60}")
_LONGEST_S = 3600
MOST_COMPANIONS = 32


def milliseconds(value: Any) -> int:
    """Seconds with up to three decimals."""
    if isinstance(value, bool) or not isinstance(value, int | Decimal) or not 0 <= value <= _LONGEST_S:
        raise Wrong(f"it must be seconds, from 0 to {_LONGEST_S}, such as 15 or 7.5")
    ms = value * 1000
    if ms != int(ms):
        raise Wrong("it must have at most three decimals")
    return int(ms)


def duration(value: Any) -> int:
    if not (ms := milliseconds(value)):
        raise Wrong("it must be above 0")
    return ms


def mime(kind: str) -> Callable[[Any], str]:
    def check(value: Any) -> str:
        found = _MIME.fullmatch(value) if isinstance(value, str) else None
        if not found or found[1] not in (kind, "application"):
            raise Wrong(
                f"it must be the type of a file that plays {kind}, such as {next(iter(_FILES[kind].values()))!r}"
            )
        return str(value)

    return check


def guessed(url: str | None, known: dict[str, str]) -> str:
    """The type that a URL's ending stands for; empty if it stands for none."""
    return known.get(urlsplit(url or "").path.rpartition(".")[2].lower(), "")


def read_video(e: Entry, size: tuple[int, int] | None) -> tuple[Video | None, tuple[int, int]]:
    """The part ``video``, and the size: as given, else the largest file's."""
    renditions, found = _renditions(e, "video"), _vast(e)
    skip = e.take("skip_after_s", milliseconds, None)
    interactive = e.take("interactive_url", values.https_url, "")
    media = _media(e, "video", renditions, found)
    sizes = [(r.width, r.height) for r in renditions] + ([(found.width, found.height)] if found else [])
    whole = size or max(sizes, default=(0, 0))
    if e.sound and 0 in whole:
        e.wrong("", None, "the creative's size must be given where a third party's VAST does not say it")
    if e.sound and not renditions:
        for name in ("skip_after_s", "interactive_url"):
            if name in e.values:
                e.wrong(name, e.values[name], "it is for our own files; a third party's VAST says so itself")
    if not e.sound:
        return None, whole
    if skip is not None and skip >= media["duration_ms"]:
        e.wrong("skip_after_s", e.values["skip_after_s"], "it must be before the end, duration_s")
    return Video(**media, skip_after_ms=skip, interactive_url=interactive), whole


def read_audio(e: Entry) -> Audio | None:
    """The part ``audio``."""
    media = _media(e, "audio", _renditions(e, "audio"), _vast(e))
    return Audio(**media) if e.sound else None


def is_skippable(media: Media) -> bool:
    """Whether the markup itself lets the viewer skip it: attribute 16."""
    return (isinstance(media, Video) and media.skip_after_ms is not None) or (
        bool(media.vast) and examine(media.vast).skippable
    )


def _media(e: Entry, kind: str, renditions: tuple[Rendition, ...], found: Examined | None) -> dict[str, Any]:
    """The fields of `Media`. After a problem they may be anything."""
    length, wrapper = e.take("duration_s", duration), e.take("wrapper_url", values.macro_url, "")
    protocols = e.take("protocols", values.listed(values.integer(1, 14), least=1), ())
    mimes = e.take("mimes", values.listed(mime(kind), least=1), ())
    given = [name for name in SOURCES if e.values.get(name) is not None]
    if len(given) != 1:
        e.wrong("renditions", e.values.get("renditions"), f"exactly one of {', '.join(SOURCES)} must be given")
    for i, protocol in enumerate(protocols or ()):
        if protocol not in PROTOCOLS:
            known = ", ".join(map(str, sorted(PROTOCOLS)))
            e.wrong(f"protocols[{i}]", protocol, f"it must be one of {known} (OpenRTB list 5.8)")
    told = bool(renditions) or (found is not None and not found.wrapper)
    for name, needed in (("protocols", given == ["wrapper_url"]), ("mimes", bool(given) and not told)):
        if needed != (e.values.get(name) is not None):
            e.wrong(
                name, e.values.get(name), "it must be given where a third party's VAST does not say it, and only there"
            )
    if found and length and found.duration_ms and found.duration_ms != length:
        e.wrong("duration_s", e.values["duration_s"], f"the VAST plays for {found.duration_ms / 1000:g} seconds")
    companions = _companions(e)
    required = e.take("companions_required", values.choice(*COMPANIONS_REQUIRED), "none")
    if required not in (None, "none") and not companions:
        e.wrong("companions_required", required, "it must be 'none' where there are no companions")
    for name in ("companions", "companions_required"):
        if name in e.values and given == ["vast"]:
            e.wrong(name, "...", "it is for our own VAST; a third party's text has its own companions")
    if told:
        mimes = tuple(dict.fromkeys(r.mime for r in renditions)) if renditions or not found else found.mimes
    return {
        "duration_ms": length,
        "renditions": renditions,
        "wrapper_url": wrapper,
        "vast": e.values.get("vast") or "",
        "protocols": (found.protocol,) if found else protocols,
        "mimes": mimes,
        "companions": companions,
        "companions_required": required,
    }


def _vast(e: Entry) -> Examined | None:
    """A third party's document, which every problem is told of."""
    text = e.take("vast", values.shown_text(65_536), None)
    if not text:
        return None
    found = examine(text)
    for problem in found.problems:
        e.wrong("vast", text[:60], problem)
    return found


def _renditions(e: Entry, kind: str) -> tuple[Rendition, ...]:
    found = []
    sized = ("size",) if kind == "video" else ()
    for file in e.entries("renditions", ("url", "mime", *sized, "bitrate_kbps", "delivery")):
        url = file.take("url", values.https_url)
        kind_of_file = file.take("mime", mime(kind), guessed(url, _FILES[kind]))
        if url and kind_of_file == "":
            file.wrong("mime", None, f"it must be given where the URL does not end in one of {', '.join(_FILES[kind])}")
        width, height = (file.take("size", values.size) or (0, 0)) if sized else (0, 0)
        rate = file.take("bitrate_kbps", values.integer(1, 1_000_000), 0)
        delivery = file.take("delivery", values.choice("progressive", "streaming"), "progressive")
        found.append(Rendition(url, kind_of_file, width, height, rate, delivery))
    return tuple(found)


def _companions(e: Entry) -> tuple[Companion, ...]:
    found: list[Companion] = []
    for one in e.entries("companions", COMPANION):
        width, height = one.take("size", values.size) or (0, 0)
        found.append(Companion(width, height, *read_image(one, "image_url")))
    if len(found) > MOST_COMPANIONS:
        e.wrong("companions", len(found), f"there can be at most {MOST_COMPANIONS}")
    return tuple(found)


def read_image(e: Entry, name: str) -> tuple[str, str]:
    """URL and type of an image."""
    url = e.take(name, values.https_url)
    kind = e.take("mime", values.choice(*dict.fromkeys(IMAGES.values())), guessed(url, IMAGES))
    if url and kind == "":
        e.wrong("mime", None, f"it must be given where the URL does not end in one of {', '.join(IMAGES)}")
    return url, kind
