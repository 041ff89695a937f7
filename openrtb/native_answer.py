"""Answering a native request: which of a creative's texts, images and video go into which asset, and the JSON text.

Pure functions of the request's text and the creative: native requests repeat, so a caller keeps what it got. Tracker
URLs are marks (`openrtb.marks`). Sections are those of Native 1.2.
"""

from typing import Any, NamedTuple

import orjson

from domain.creative import Creative, Native, NativeImage, Video
from openrtb import marks, vast
from openrtb.native import ICON, IMPRESSION, LOGO, MAIN, PIXEL, VIEWABLE, Asset, NativeRequest, Unreadable, read


class NativeAnswer(NamedTuple):
    """``markup`` is the JSON text with marks; empty if the creative does not fit, and then ``misfit`` says why."""

    markup: str
    misfit: str = ""


def answer(text: str, creative: Creative, version: str = "") -> NativeAnswer:
    """The answer to ``imp.native.request`` (of ``imp.native.ver``) with a native creative. Never raises for a request,
    whatever it holds.
    """
    try:
        request = read(text, version)
    except Unreadable as error:
        return NativeAnswer("", str(error))
    return answer_request(request, creative)


def answer_request(request: NativeRequest, creative: Creative) -> NativeAnswer:
    """As `answer`, for a request that was read before."""
    if creative.native is None:
        return NativeAnswer("", f"creative {creative.key!r} is not native")
    assets = []
    for asset in request.assets:
        found = _fill(asset, creative)
        if found is not None:
            assets.append({"id": asset.id, asset.kind: found})
        elif asset.required:
            return NativeAnswer("", f"required asset {asset.id} ({_describe(asset)}) has nothing that fits")
    if not assets:
        return NativeAnswer("", "no asset has anything that fits")
    body: dict[str, Any] = {} if request.version == "1.0" else {"ver": request.version}
    body["assets"] = assets
    body["link"] = _link(creative)
    body |= _trackers(request, creative)
    if request.privacy and request.version == "1.2" and creative.native.privacy_url:
        body["privacy"] = creative.native.privacy_url
    return NativeAnswer(orjson.dumps({"native": body} if request.rooted else body).decode())


def _fill(asset: Asset, creative: Creative) -> dict[str, Any] | None:
    """The content of the one asset, by its kind; None if the creative has nothing that fits."""
    native = creative.native
    assert native is not None
    if asset.kind == "title":
        text = longest(native.titles, asset.length)
        return {"text": text} if text else None
    if asset.kind == "data":
        text = longest([one.text for one in native.texts if one.type == asset.type], asset.length)
        return {"value": text} if text else None
    if asset.kind == "img":
        image = best_image(asset, native)
        return {"url": image.url, "w": image.width, "h": image.height} if image else None
    if asset.kind == "video" and native.video:
        form = video_form(asset, native.video, creative)
        return {"vasttag": vast.build(creative, form.version)} if form else None
    return None


def longest(texts: tuple[str, ...] | list[str], length: int) -> str:
    """The longest of at most ``length`` characters (0: any); empty if none is that short."""
    return max((text for text in texts if not length or len(text) <= length), key=len, default="")


def best_image(asset: Asset, native: Native) -> NativeImage | None:
    """The image of the asset's type that fits; of several, the nearest to the wished size, else the smallest.

    A width without a least width is exact, and so is a height (4.4).
    """
    for kind in {ICON: (ICON,), LOGO: (LOGO, ICON), MAIN: (MAIN,)}.get(asset.type or MAIN, ()):
        fitting = [one for one in native.images if one.type == kind and _image_fits(asset, one)]
        if fitting:
            return min(fitting, key=lambda one: _distance(asset, one))
    return None


def _distance(asset: Asset, image: NativeImage) -> int:
    wide, high = asset.width or asset.least_width, asset.height or asset.least_height
    return abs(image.width - wide) + abs(image.height - high)


def _image_fits(asset: Asset, image: NativeImage) -> bool:
    mimes = {"image/jpeg" if mime == "image/jpg" else mime for mime in asset.mimes}
    return (
        _side_fits(image.width, asset.width, asset.least_width)
        and _side_fits(image.height, asset.height, asset.least_height)
        and (not mimes or image.mime in mimes or "image/*" in mimes)
    )


def _side_fits(side: int, exact: int, least: int) -> bool:
    return side >= least if least or not exact else side == exact


def video_form(asset: Asset, video: Video, creative: Creative) -> vast.Form | None:
    """The newest VAST of the creative's video that the asset can play; None if it can play none."""
    seconds = video.duration_ms / 1000
    if seconds < asset.least_s or (asset.most_s and seconds > asset.most_s):
        return None
    if asset.mimes and not {mime.lower() for mime in video.mimes} & set(asset.mimes):
        return None
    if asset.protocols and video.wrapper_url and not set(video.protocols) & set(asset.protocols):
        return None
    able = [form for form in vast.forms(creative) if not asset.protocols or form.protocol in asset.protocols]
    return able[0] if able else None


def _link(creative: Creative) -> dict[str, Any]:
    """The click leads through our redirect, which counts it; third parties are told by the application (5.7)."""
    others = [tracker.url for tracker in creative.trackers if tracker.event == "click"]
    return {"url": marks.CLICK, "clicktrackers": others} if others else {"url": marks.CLICK}


def _trackers(request: NativeRequest, creative: Creative) -> dict[str, Any]:
    """Impressions by ``eventtrackers`` where 1.2 offers them as pixels, else by ``imptrackers``; never by both, which
    would count twice.
    """
    shown = [marks.IMPRESSION, *_third_parties(creative, "impression")]
    viewed = [marks.event_url("viewable"), *_third_parties(creative, "viewable")]
    told = [(IMPRESSION, shown), (VIEWABLE, viewed)]
    pixels = request.pixels if request.version == "1.2" else frozenset()
    events = [{"event": event, "method": PIXEL, "url": url} for event, urls in told if event in pixels for url in urls]
    found: dict[str, Any] = {"eventtrackers": events} if events else {}
    return found if IMPRESSION in pixels else found | {"imptrackers": shown}


def _third_parties(creative: Creative, event: str) -> list[str]:
    return [tracker.url for tracker in creative.trackers if tracker.event == event]


def _describe(asset: Asset) -> str:
    told: list[str] = [asset.kind or "of no known kind"]
    told += [f"type {asset.type}"] if asset.type else []
    told += [f"at most {asset.length} characters"] if asset.length else []
    width, height = asset.width or asset.least_width, asset.height or asset.least_height
    told += [f"{width}x{height}{'' if asset.width else ' at least'}"] if width or height else []
    return ", ".join(told)
