"""Creatives in a campaign file: a format each, its part, and the measurement that goes with it."""

import re
from typing import Any, get_args

from campaigns import rule_terms, values
from campaigns.frequency import read_caps
from campaigns.media import AUDIO, IMAGES, VIDEO, guessed, is_skippable, read_audio, read_image, read_video
from campaigns.url_limits import check_lengths
from domain.campaign import Advertiser
from domain.creative import (
    CLICK_MACRO,
    FORMATS,
    IMPRESSION_MACRO,
    Creative,
    Format,
    Native,
    NativeImage,
    Text,
    TrackedEvent,
    Tracker,
    Verification,
)
from domain.entry import Entry, Wrong

COMMON = (
    *("key", "advertiser", "format", "size", "landing_url", "attributes", "apis", "language", "categories", "domain"),
    *("trackers", "verifications", "bundle", "frequency_caps", "status"),
)
BANNER = ("image_url", "markup", "mime", "expands", "viewability")
CREATIVE = (*COMMON, *BANNER, "video", "audio", "native")
NATIVE = ("titles", "texts", "images", "video", "privacy_url")
EXPANDS = {"left": 1, "right": 2, "up": 3, "down": 4, "fullscreen": 5}
"""OpenRTB list 5.5."""
TEXTS = {
    "sponsored": 1, "description": 2, "rating": 3, "likes": 4, "downloads": 5, "price": 6, "sale_price": 7, "phone": 8,
    "address": 9, "description_2": 10, "display_url": 11, "call_to_action": 12,
}  # fmt: skip
"""Native 1.2, list 7.4."""
PICTURES = {"icon": 1, "logo": 2, "main": 3}
TRACKED: tuple[str, ...] = get_args(TrackedEvent)
_TELL: dict[Format, tuple[str, ...]] = {
    "banner": ("impression",),
    "video": TRACKED,
    "audio": TRACKED,
    "native": ("impression", "click", "viewable"),
}
"""What third parties can be told of, by format."""
_SKIPPABLE = 16
_MACRO = re.compile(r"\$\{([^}]*)\}")


def read_creative(e: Entry, id: int, key: str, owner: Advertiser | None) -> Creative | None:
    """One creative; None if the advertiser is not known, and of no use if ``e`` is not sound."""
    format: Format = e.take("format", values.choice(*FORMATS), "banner") or "banner"
    _check_fields(e, format)
    domain = e.take("domain", values.domain_name, "")
    within = domain or (owner.domain if owner else "")
    landing = e.take("landing_url", values.url_within(within) if within else values.https_url)
    size = e.take("size", values.size, None) if format == "video" else None
    parts: dict[str, Any] = _banner(e) if format == "banner" else {"mime": ""}
    width, height = parts.pop("size", (0, 0))
    attributes = e.take("attributes", values.listed(values.integer(1, 17)), ()) or ()
    if format != "banner" and (part := e.part(format, {"video": VIDEO, "audio": AUDIO, "native": NATIVE}[format])):
        if format == "video":
            parts["video"], (width, height) = read_video(part, size)
        else:
            parts[format] = read_audio(part) if format == "audio" else _native(part)
        e.sound &= part.sound
    playing = parts.get("video") or parts.get("audio")
    if e.sound and playing is not None and is_skippable(playing) != (_SKIPPABLE in attributes):
        if _SKIPPABLE in attributes:
            e.wrong(
                "attributes", list(attributes), "16 (skippable) is only for a video whose markup lets viewers skip it"
            )
        attributes = (*attributes, _SKIPPABLE)
    if owner is None:
        return None
    made = Creative(
        id=id,
        key=key,
        advertiser=owner.id,
        width=width,
        height=height,
        landing_url=landing,
        attributes=attributes,
        status=e.take("status", values.choice("active", "paused"), "active"),
        format=format,
        apis=e.take("apis", values.listed(values.integer(1, 999)), ()),
        trackers=_trackers(e, format, parts.get("viewability", False)),
        verifications=_verifications(e),
        language=e.take("language", rule_terms.ad_language, ""),
        categories=e.take("categories", values.listed(values.category), ()),
        domain=domain,
        bundle=e.take("bundle", rule_terms.store_id, ""),
        frequency_caps=read_caps(e),
        **parts,
    )
    if e.sound:
        check_lengths(e, made)
    return made


def _check_fields(e: Entry, format: Format) -> None:
    """A field of another format would be passed over, and nobody would know why."""
    own = {"banner": (*BANNER, "size"), "video": ("video", "size"), "audio": ("audio",), "native": ("native",)}
    for other, fields in own.items():
        for name in fields:
            if other != format and name in e.values and name not in own[format]:
                e.wrong(name, e.values[name], f"it is a field of the format {other!r}; this creative is of {format!r}")
    if format in ("banner", "native") and "verifications" in e.values:
        playing = isinstance(native := e.values.get("native"), dict) and "video" in native
        if not playing:
            e.wrong("verifications", e.values["verifications"], "players load them: only what plays can have them")


def _banner(e: Entry) -> dict[str, Any]:
    image, text = e.take("image_url", values.https_url, ""), e.take("markup", markup, "")
    if image is not None and text is not None and bool(image) == bool(text):
        e.wrong("image_url", image or None, "either image_url or markup must be given, and not both")
    mime = e.take(
        "mime",
        values.choice(*dict.fromkeys(IMAGES.values())),
        (guessed(image, IMAGES) or "image/png") if image else "text/html",
    )
    if text and "mime" in e.values:
        e.wrong("mime", mime, "it says what image_url is; markup is always text/html")
    expands = e.take("expands", values.listed(values.choice(*EXPANDS)), ())
    return {
        "size": e.take("size", values.size) or (0, 0),
        "image_url": image,
        "markup": text,
        "mime": mime,
        "expands": tuple(EXPANDS[word] for word in expands or ()),
        "viewability": e.take("viewability", values.boolean, False),
    }


def markup(value: Any) -> str:
    """A third party's HTML."""
    text = values.shown_text(32_768)(value)
    if CLICK_MACRO not in text:
        raise Wrong(f"it must link to {CLICK_MACRO}, in whose place the click tracker's URL is put")
    if text.count(IMPRESSION_MACRO) > 1:
        raise Wrong(f"it must load {IMPRESSION_MACRO} once at most; without it, a pixel is put behind the markup")
    if "http://" in text.lower().replace("http://www.w3.org/", ""):  # names of namespaces, which nothing loads
        raise Wrong("it must load and link to https:// only")
    for name in _MACRO.findall(text):
        if f"${{{name}}}" not in (CLICK_MACRO, IMPRESSION_MACRO) and not name.startswith("AUCTION_"):
            known = f"{CLICK_MACRO}, {IMPRESSION_MACRO} and the exchange's ${{AUCTION_…}}"
            raise Wrong(f"it must not have the macro ${{{name}}}, in whose place nothing is put; there are {known}")
    return text


def _native(e: Entry) -> Native | None:
    titles = e.take("titles", values.listed(values.shown_text(140), least=1))
    images = tuple(_pictures(e))
    texts = tuple(_texts(e))
    privacy = e.take("privacy_url", values.https_url, "")
    video = None
    if part := e.part("video", VIDEO, needed=False):
        video = read_video(part, None)[0]
        e.sound &= part.sound
    if e.sound and not any(text.type == TEXTS["sponsored"] for text in texts):
        e.wrong("texts.sponsored", None, "it must be given: readers must see who pays")
    return Native(titles, texts, images, video, privacy) if e.sound else None


def _pictures(e: Entry) -> list[NativeImage]:
    found = []
    for one in e.entries("images", ("type", "url", "size", "mime")):
        kind = one.take("type", values.choice(*PICTURES))
        width, height = one.take("size", values.size) or (0, 0)
        url, mime = read_image(one, "url")
        found.append(NativeImage(PICTURES.get(kind, 0), url, width, height, mime))
    return found


def _texts(e: Entry) -> list[Text]:
    """``{sponsored: Bank, description: [short, a longer one]}``"""
    part = e.part("texts", tuple(TEXTS), needed=False)
    found = []
    for name, type in TEXTS.items() if part else ():
        if part and part.values.get(name) is not None:
            check = _figure if name in ("likes", "downloads") else _rating if name == "rating" else values.shown_text()
            if isinstance(part.values[name], list):
                found += [Text(type, text) for text in part.take(name, values.listed(check, least=1)) or ()]
            else:
                found.append(Text(type, part.take(name, check)))
    if part:
        e.sound &= part.sound
    return found


def _figure(value: Any) -> str:
    if not re.fullmatch(r"[0-9]{1,12}", str(value)):
        raise Wrong("it must be a whole number")
    return str(value)


def _rating(value: Any) -> str:
    if not re.fullmatch(r"[0-4](\.[0-9]{1,2})?|5(\.0{1,2})?", str(value)):
        raise Wrong("it must be a number from 0 to 5")
    return str(value)


def _trackers(e: Entry, format: Format, viewability: bool) -> tuple[Tracker, ...]:
    able = (*_TELL[format], *(("viewable",) if viewability else ()))
    found = []
    for one in e.entries("trackers", ("event", "url")):
        event = one.take("event", values.choice(*TRACKED))
        if event and event not in able:
            one.wrong("event", event, f"of the format {format!r} third parties are told of {' and '.join(able)} only")
        found.append(Tracker(event, one.take("url", values.macro_url)))
    return tuple(found)


def _verifications(e: Entry) -> tuple[Verification, ...]:
    return tuple(
        Verification(
            one.take("vendor", values.shown_text(64)),
            one.take("url", values.macro_url),
            one.take("parameters", _parameters, ""),
        )
        for one in e.entries("verifications", ("vendor", "url", "parameters"))
    )


def _parameters(value: Any) -> str:
    text = values.shown_text(2048)(value)
    if "]]>" in text or "http://" in text.lower():
        raise Wrong("it must hold neither ']]>' nor an http:// address")
    return text
