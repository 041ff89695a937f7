"""The exchange's own check of ads that are no banners: VAST documents and native answers, against what was offered.

Written from the specifications (VAST 2.0 to 4.2, Native 1.2, OpenRTB 2.6 sections 3.2.7 to 3.2.9), with the standard
library's parsers and none of Outbid's code.
"""

import json
import re
import xml.etree.ElementTree as ElementTree
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

from simulator.sloppy import integer, integers, listed, object_of, texts, whole

Json = Mapping[str, Any]

PROTOCOLS = {
    ("2.0", "InLine"): 2, ("3.0", "InLine"): 3, ("4.0", "InLine"): 7, ("4.1", "InLine"): 11, ("4.2", "InLine"): 13,
    ("2.0", "Wrapper"): 5, ("3.0", "Wrapper"): 6, ("4.0", "Wrapper"): 8, ("4.1", "Wrapper"): 12, ("4.2", "Wrapper"): 14,
}  # fmt: skip
"""List "Creative Subtypes - Audio/Video"."""
SKIPPABLE = 16
"""Creative attribute."""
VPAID = {1, 2}
"""API frameworks."""
SAME = (
    {"audio/mpeg", "audio/mp3"}, {"audio/mp4", "audio/m4a", "audio/x-m4a"}, {"audio/wav", "audio/x-wav"},
    {"application/x-mpegurl", "application/vnd.apple.mpegurl"},
)  # fmt: skip
"""Names of one type each."""
IMAGES = {"png": {"image/png"}, "jpg": {"image/jpeg", "image/jpg"}, "jpeg": {"image/jpeg", "image/jpg"},
          "gif": {"image/gif"}, "webp": {"image/webp"}}  # fmt: skip
"""Types of images by the ending of their address."""
CLOCK = re.compile(r"(\d+):([0-5]\d):([0-5]\d)(?:\.(\d{1,3}))?$")
DELIVERY = {"streaming": 1, "progressive": 2}


def check_played(bid: Json, offered: Json, markup: str) -> str:
    """Why a VAST document is refused as an answer to this ``video`` or ``audio`` object; empty if it is not."""
    try:
        document = ElementTree.fromstring(markup)
    except ElementTree.ParseError as error:
        return f"adm is no XML: {error}"
    for element in document.iter():
        element.tag = element.tag.rpartition("}")[2]  # VAST 4 has a namespace, older versions have none
    if document.tag != "VAST":
        return f"adm's root element is {document.tag}, not VAST"
    bodies = [body for ad in document.iter("Ad") for body in ad if body.tag in ("InLine", "Wrapper")]
    if not bodies:
        return "the VAST has no Ad with an InLine or a Wrapper"
    for body in bodies:
        why = _body(bid, offered, body, document.get("version", ""))
        if why:
            return why
    return ""


def _body(bid: Json, offered: Json, body: ElementTree.Element, version: str) -> str:
    protocol = PROTOCOLS.get((version, body.tag))
    single = whole(offered.get("protocol"))  # of 2.5
    wanted = integers(offered.get("protocols")) or ([single] if single else [])
    if protocol is None or (wanted and protocol not in wanted):
        return f"VAST {version} {body.tag} is protocol {protocol}, not one of {wanted}"
    if bid.get("protocol", protocol) != protocol:
        return f"protocol is {bid['protocol']!r}, the document is {protocol}"
    if not [url for url in body.iter("Impression") if (url.text or "").strip()]:
        return "the VAST has no Impression"
    if body.tag == "Wrapper":
        if not (body.findtext("VASTAdTagURI") or "").strip():
            return "the wrapper has no VASTAdTagURI"
        return _within(bid["dur"], offered) if whole(bid.get("dur")) else ""
    linear = next(body.iter("Linear"), None)
    if linear is None:
        return "the VAST has no Linear creative"
    if integer(offered.get("linearity")) > 1:
        return "a linear ad, where only others were asked for"
    return _length(bid, offered, linear) or _skipping(bid, offered, linear) or _files(offered, linear)


def _length(bid: Json, offered: Json, linear: ElementTree.Element) -> str:
    found = CLOCK.match((linear.findtext("Duration") or "").strip())
    if not found:
        return f"Duration is {linear.findtext('Duration')!r}"
    hours, minutes, seconds = (int(found[i]) for i in (1, 2, 3))
    length = hours * 3600 + minutes * 60 + seconds + int((found[4] or "0").ljust(3, "0")) / 1000
    if why := _within(length, offered):
        return why
    if abs(bid.get("dur", length) - length) >= 1:
        return f"dur is {bid['dur']!r}, the document says {length} s"
    return ""


def _within(length: float, offered: Json) -> str:
    """Why an ad of so many seconds is not what was asked for."""
    exact = [seconds for seconds in integers(offered.get("rqddurs")) if seconds]
    if exact and length not in exact:
        return f"{length} s long, not one of {exact}"
    if not exact and length < integer(offered.get("minduration")):
        return f"{length} s long, shorter than {offered['minduration']!r}"
    for longest in (None if exact else whole(offered.get("maxduration")), whole(offered.get("poddur"))):
        if longest and length > longest:
            return f"{length} s long, longer than {longest}"
    return ""


def _skipping(bid: Json, offered: Json, linear: ElementTree.Element) -> str:
    skippable = linear.get("skipoffset") is not None
    if skippable and offered.get("skip") is not None and integer(offered["skip"], -1) == 0:
        return "skippable, where that is not allowed"
    if skippable and SKIPPABLE not in bid.get("attr", []):
        return "skippable by its markup, and attr does not say so"
    return ""


def _files(offered: Json, linear: ElementTree.Element) -> str:
    mimes = {mime.lower().strip() for mime in texts(offered.get("mimes"))}
    least, most = integer(offered.get("minbitrate")), whole(offered.get("maxbitrate")) or 10**9
    deliveries = integers(offered.get("delivery"))
    for file in linear.iter("MediaFile"):
        rate = int(file.get("bitrate") or file.get("minBitrate") or 0)
        if not mimes & known_as(file.get("type", "").lower()) or (rate and not least <= rate <= most):
            continue
        if file.get("apiFramework") == "VPAID" and not VPAID.intersection(integers(offered.get("api"))):
            continue
        if not deliveries or DELIVERY.get(file.get("delivery", "")) in deliveries:
            return ""
    return f"no media file of {sorted(mimes)} within {least} and {most} kbit/s"


NATIVE_KINDS = ("title", "img", "video", "data")


def check_native(offered: Json, markup: str) -> str:
    """Why a native answer is refused; empty if it is not."""
    try:
        asked = offered["request"] if isinstance(offered["request"], Mapping) else json.loads(offered["request"])
        answer = json.loads(markup)
    except (KeyError, TypeError, ValueError) as error:
        return f"no JSON: {error}"
    if ("native" in asked) != ("native" in answer):
        return "the request and the answer differ in having a root named native"
    asked, answer = asked.get("native", asked), answer.get("native", answer)
    if not _text(object_of(answer.get("link")).get("url")):
        return "the native answer has no link"
    given = {asset.get("id"): asset for asset in listed(answer.get("assets"))}
    offered_ids = {asset.get("id") for asset in listed(asked.get("assets"))}
    trackers = {(one.get("event"), method) for one in listed(asked.get("eventtrackers"))
                for method in listed(object_of(one).get("methods"))}  # fmt: skip
    for one in listed(answer.get("eventtrackers")):
        if (one.get("event"), one.get("method")) not in trackers:
            return f"event {one.get('event')!r} by method {one.get('method')!r} was not asked for"
    if not set(given) <= offered_ids:
        return f"assets {sorted(set(given) - offered_ids)} were not asked for"
    for asset in listed(asked.get("assets")):
        found = given.get(asset.get("id"))
        if found is None:
            if asset.get("required") == 1:
                return f"required asset {asset.get('id')!r} is missing"
            continue
        why = _asset(asset, found)
        if why:
            return f"asset {asset.get('id')!r}: {why}"
    return ""


def _asset(asked: Json, found: Json) -> str:
    kind = next((kind for kind in NATIVE_KINDS if kind in asked), "")
    if not kind or kind not in found:
        return f"it is no {kind}"
    rule, given = object_of(asked[kind]), object_of(found[kind])
    if kind == "title" and len(_text(given.get("text"))) > (whole(rule.get("len")) or 10**9):
        return f"the title is longer than {rule.get('len')}"
    if kind == "data" and len(_text(given.get("value"))) > (whole(rule.get("len")) or 10**9):
        return f"the text is longer than {rule.get('len')}"
    if kind == "img":
        for side in ("w", "h"):
            exact, least = whole(rule.get(side)), whole(rule.get(f"{side}min"))
            if exact and given.get(side) != exact and not least:
                return f"{side} is {given.get(side)!r}, not {exact}"
            if least and (given.get(side) or 0) < least:
                return f"{side} is {given.get(side)!r}, less than {least}"
        if not _text(given.get("url")):
            return "the image has no url"
        return unlike(given["url"], texts(rule.get("mimes")))
    return ""


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""


def known_as(mime: str) -> set[str]:
    return next((names for names in SAME if mime in names), {mime})


def unlike(url: str, mimes: list[str]) -> str:
    """Why the image at this address is of none of these types. It may be where there are none, or it does not tell."""
    kinds = IMAGES.get(urlsplit(url).path.rpartition(".")[2].lower(), set())
    wanted = {mime.lower().strip() for mime in mimes if "/" in mime}
    return f"{url!r} is none of {sorted(wanted)}" if kinds and wanted and not kinds & wanted else ""
