"""Creatives as they are shown to those who approve them: as they will be served, without trackers.

Google: ``html``, ``video`` and ``native`` of a creative, of which one is given; audio is ``video`` with files of sound.
https://developers.google.com/authorized-buyers/apis/realtimebidding/reference/rest/v1/buyers.creatives
Xandr: templates by format, ``video_attribute`` and ``native_attribute``.
https://learn.microsoft.com/en-us/xandr/bidders/quick-start-creative-buying-guide
"""

import html
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

from domain.creative import CLICK_MACRO, Creative, Media, Native, NativeImage, Video
from domain.exchange import Exchange
from openrtb import marks, vast
from openrtb.vast_tree import read, written

IMAGE = '<a href="{click}" target="_blank"><img src="{image}" width="{width}" height="{height}" alt=""></a>'
NO_REPORT = "about:blank"
"""What a VAST document has for an impression that nobody hears of (VAST 4.1, 3.4.6)."""
ALL_COMPANIONS = ((marks.ASIDES, ""), (marks.ASIDE, ""))
"""Marks between which a bid chooses companions; reviewers see all of them."""
ICON, LOGO, MAIN = 1, 2, 3
"""Native 1.2, list 7.3."""
SPONSORED, DESCRIPTION, RATING, PRICE, CALL_TO_ACTION = 1, 2, 3, 6, 12
"""Native 1.2, list 7.4."""
XANDR_HTML, XANDR_VIDEO, XANDR_AUDIO, XANDR_NATIVE = 7, 6439, 38745, 39461
"""Ids of templates."""
XANDR_LINEAR: dict[str, Any] = {"vast_element_type_id": 1}
XANDR_DATA = {
    1: "sponsored_by", 2: "description", 3: "rating", 4: "likes", 5: "downloads", 6: "price", 7: "sale_price",
    8: "phone", 9: "address", 10: "additional_description", 11: "display_url", 12: "call_to_action",
}  # fmt: skip
XANDR_IMAGES = {ICON: "icon_image", MAIN: "main_image"}


def snippet(exchange: Exchange, creative: Creative) -> str:
    """A banner: the landing page stands behind the exchange's click macro."""
    landing = creative.landing_url
    for _ in range(exchange.click_escapes):
        landing = quote(landing, safe="")
    click = exchange.click_macro + landing
    if not creative.image_url:
        return creative.markup.replace(CLICK_MACRO, click)
    image = html.escape(creative.image_url)
    return IMAGE.format(click=html.escape(click), image=image, width=creative.width, height=creative.height)


def document(creative: Creative) -> str:
    """The VAST of one that plays, in the version that most systems read (3.0) or the oldest that it has."""
    forms = vast.forms(creative)
    versions = [form.version for form in forms]
    text = vast.build(creative, "3.0" if "3.0" in versions else versions[-1])
    for mark, shown in ((marks.CLICK, creative.landing_url), (marks.IMPRESSION, NO_REPORT), *ALL_COMPANIONS):
        text = text.replace(mark, shown)
    tree = read(text)
    for element in list(tree.iter()):
        if isinstance(element.tag, str) and element.text and marks.has_mark(element.text):
            if element.text == marks.BID:
                element.text = "0"
            else:
                element.getparent().remove(element)
    return written(tree)


def google(exchange: Exchange, creative: Creative) -> dict[str, Any]:
    """The one part that says what the creative is."""
    if creative.format == "banner":
        size = {"width": creative.width, "height": creative.height}
        return {"html": {"snippet": snippet(exchange, creative), **size}}
    if creative.native is not None:
        return {"native": _google_native(creative, creative.native)}
    return {"video": _google_video(creative)}


def _google_video(creative: Creative) -> dict[str, str]:
    media = vast.media_of(creative)
    return {"videoUrl": media.wrapper_url} if media.wrapper_url else {"videoVastXml": document(creative)}


def _google_native(creative: Creative, native: Native) -> dict[str, Any]:
    texts = _longest_texts(native)
    small = largest(native, ICON)
    found: dict[str, Any] = {
        "headline": max(native.titles, key=len),
        "body": texts.get(DESCRIPTION),
        "callToAction": texts.get(CALL_TO_ACTION),
        "advertiserName": texts.get(SPONSORED),
        "priceDisplayText": texts.get(PRICE),
        "starRating": float(texts[RATING]) if RATING in texts else None,
        "image": _google_image(largest(native, MAIN)),
        "appIcon": _google_image(small) if creative.bundle else None,
        "logo": _google_image(largest(native, LOGO) or (None if creative.bundle else small)),
        "clickLinkUrl": creative.landing_url,
        **(_google_video(creative) if native.video else {}),
    }
    return {name: value for name, value in found.items() if value is not None}


def _google_image(image: NativeImage | None) -> dict[str, Any] | None:
    return {"url": image.url, "width": image.width, "height": image.height} if image else None


def largest(native: Native, type: int) -> NativeImage | None:
    """Of several images of one type the reviewers see the largest, of several texts the longest."""
    return max((one for one in native.images if one.type == type), key=lambda one: one.width * one.height, default=None)


def _longest_texts(native: Native) -> Mapping[int, str]:
    found: dict[int, str] = {}
    for one in native.texts:
        found[one.type] = max(found.get(one.type, ""), one.text, key=len)
    return found


def xandr(exchange: Exchange, creative: Creative) -> dict[str, Any]:
    """The fields that differ by format; for a creative that `xandr_by_hand` has nothing against."""
    if creative.format == "banner":
        content = snippet(exchange, creative)
        size = {"width": creative.width, "height": creative.height}
        return {**size, "template": {"id": XANDR_HTML}, "content": content, "content_secure": content}
    if creative.native is not None:
        return {"template": {"id": XANDR_NATIVE}, "native_attribute": _xandr_native(creative, creative.native)}
    media = vast.media_of(creative)
    url = media.wrapper_url or media.renditions[0].url
    sound: dict[str, Any] = (
        {"type": "linear", "media_files": [{"mime_type": "audio"}]} if creative.format == "audio" else {}
    )
    played = {
        "is_skippable": isinstance(media, Video) and media.skip_after_ms is not None,
        "duration_ms": media.duration_ms,
        "wrapper": {"url": url, "secure_url": url, "elements": [XANDR_LINEAR | sound]},
    }
    if creative.format == "video":
        size = {"width": creative.width, "height": creative.height}
        return {**size, "template": {"id": XANDR_VIDEO}, "video_attribute": played}
    link = {"media_url": url, "media_url_secure": url, "click_target": creative.landing_url, "width": 1, "height": 1}
    return {**link, "template": {"id": XANDR_AUDIO}, "video_attribute": played}


def xandr_by_hand(creative: Creative) -> str:
    """Why it cannot be submitted over the API: it takes VAST by its address only; empty if it can."""
    if creative.native is not None:
        return "native ads with a video are made of two creatives there" if creative.native.video else ""
    media: Media | None = creative.video or creative.audio
    if media is None or media.wrapper_url or (creative.audio is not None and media.renditions):
        return ""
    return "it takes VAST by its address only, such as wrapper_url"


def _xandr_native(creative: Creative, native: Native) -> dict[str, Any]:
    texts = _longest_texts(native)
    data = [{"data_type": "title", "value": max(native.titles, key=len)}]
    data += [{"data_type": XANDR_DATA[type], "value": text} for type, text in sorted(texts.items())]
    images = [
        {
            "image_type": name,
            "creative_asset_image": {
                "url": image.url, "url_secure": image.url, "height": image.height, "width": image.width,
            },
        }
        for type, name in XANDR_IMAGES.items()
        if (image := largest(native, type))
    ]  # fmt: skip
    made: dict[str, Any] = {"link": {"url": creative.landing_url}, "data_assets": data, "image_assets": images}
    return made | ({"privacy_url": native.privacy_url} if native.privacy_url else {})
