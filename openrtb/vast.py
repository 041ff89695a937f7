"""VAST 2.0, 3.0, 4.0, 4.1 and 4.2: video and audio ads as XML, with marks (`openrtb.marks`) where our tracker URLs go.

A document is written once a snapshot, not once a bid. ``InLine`` plays our own files, ``Wrapper`` points to a third
party's VAST and reports beside it; a third party's VAST that is given as text keeps what it says, and ours is added.
"""

from collections.abc import Sequence
from typing import NamedTuple

from domain.creative import Companion, Creative, Media, Video
from openrtb import marks, url_lengths
from openrtb.vast_tree import VERSIONS, Element, children, name_of, put, put_once, read, root, written

INLINE = {"2.0": 2, "3.0": 3, "4.0": 7, "4.1": 11, "4.2": 13}
WRAPPER = {"2.0": 5, "3.0": 6, "4.0": 8, "4.1": 12, "4.2": 14}
"""Protocols of the versions (OpenRTB list 5.8; AdCOM "Creative Subtypes")."""
AD_SYSTEM = "Outbid"
VPAID_MIME = "application/javascript"

PLAY_EVENTS = {
    "start": "start",
    "first_quartile": "firstQuartile",
    "midpoint": "midpoint",
    "third_quartile": "thirdQuartile",
    "complete": "complete",
    "mute": "mute",
    "unmute": "unmute",
    "pause": "pause",
    "resume": "resume",
    "skip": "skip",
    "close": "closeLinear",
}
"""Our names of what players report beside impressions, clicks, errors and viewability, and VAST's."""
LESSER = ("unmute", "resume", "pause", "close")
"""We do without hearing of these, one after the other, where all URLs together would be too long
(`openrtb.url_lengths`)."""
NATIVE_URLS = marks.IMPRESSION + marks.event_url("viewable") + marks.CLICK
"""What of ours a native ad has beside the document of its video."""
OUR_URLS = 16
"""Most tracker URLs of ours in a document without companions."""
_VIEWS = {"viewable": "Viewable", "not_viewable": "NotViewable"}


class Form(NamedTuple):
    """A form that a creative can be sent in: the protocol that a request must list, and the version to build."""

    protocol: int
    version: str


def media_of(creative: Creative) -> Media:
    """The part of the creative that plays. Raises ValueError if none does."""
    media = creative.video or creative.audio or (creative.native.video if creative.native else None)
    if media is None:
        raise ValueError(f"creative {creative.key!r} is of the format {creative.format} and has nothing to play")
    return media


def forms(creative: Creative) -> tuple[Form, ...]:
    """All forms of a creative that plays, newest version first.

    A wrapper also needs a player for what it leads to: one of ``media.protocols``, which is for the caller to check.
    """
    media = media_of(creative)
    if media.vast:
        return tuple(Form(protocol, "") for protocol in media.protocols)
    numbers = WRAPPER if media.wrapper_url else INLINE
    return tuple(Form(numbers[v], v) for v in reversed(VERSIONS) if _can_say(media, v))


def build(creative: Creative, version: str, advertiser: str = "") -> str:
    """The document of a creative that plays, in one of its `forms`.

    ``advertiser`` is a name to tell. A third party's own text has its own version: ``version`` is of no account then.
    Raises ValueError for a version or a creative that there is no VAST for.
    """
    events = list(PLAY_EVENTS)
    text = _build(creative, version, advertiser, events)
    beside = NATIVE_URLS if creative.format == "native" else ""
    for lesser in LESSER:
        if url_lengths.of_bid(beside + text, creative.landing_url) <= url_lengths.ALL_MOST:
            break
        events.remove(lesser)
        text = _build(creative, version, advertiser, events)
    return text


def _build(creative: Creative, version: str, advertiser: str, events: Sequence[str]) -> str:
    """``events``: those of `PLAY_EVENTS` that we want to hear of."""
    media = media_of(creative)
    if media.vast:
        document = read(media.vast)
        for ad in children(document, "Ad"):
            for body in (*children(ad, "InLine"), *children(ad, "Wrapper")):
                _report(body, creative, events)
        return written(document)
    if version not in VERSIONS or not _can_say(media, version):
        raise ValueError(f"creative {creative.key!r} has no VAST {version}")
    document = root(version)
    ad = put(document, "Ad", id=str(creative.id))
    if version in ("4.1", "4.2") and not isinstance(media, Video):
        ad.set("adType", "audio")
    body = put(ad, "Wrapper" if media.wrapper_url else "InLine")
    put(body, "AdSystem", AD_SYSTEM)
    if media.wrapper_url:
        put(body, "VASTAdTagURI", url=media.wrapper_url)
    else:
        _describe(body, creative, advertiser)
    parts = put(body, "Creatives")
    linear = put(_part(parts, creative), "Linear")
    if not media.wrapper_url:
        _write_files(linear, media)
    if media.companions:
        _write_companions(parts, creative, media)
    _report(body, creative, events)
    return written(document)


def version_of(element: Element) -> str:
    """Of the document that it is in; empty if that does not say."""
    return str(element.getroottree().getroot().get("version", ""))


def clock(ms: int) -> str:
    """Milliseconds -> ``HH:MM:SS``, with ``.mmm`` if there are any."""
    seconds, rest = divmod(ms, 1000)
    text = f"{seconds // 3600:02}:{seconds // 60 % 60:02}:{seconds % 60:02}"
    return f"{text}.{rest:03}" if rest else text


def _can_say(media: Media, version: str) -> bool:
    """A document that is laid over the video has no place in VAST before version 4."""
    return version.startswith("4") or not (isinstance(media, Video) and media.interactive_url)


def _describe(body: Element, creative: Creative, advertiser: str) -> None:
    version = version_of(body)
    put(body, "AdTitle", creative.key)
    if advertiser and version != "2.0":
        put(body, "Advertiser", advertiser)
    if version in ("4.1", "4.2"):
        put(body, "AdServingId", marks.BID)


def _part(parts: Element, creative: Creative) -> Element:
    """A ``Creative``. In an InLine ad of 4.0 and later it has an id from a registry, or says that it is in none."""
    made, version = put(parts, "Creative", id=str(creative.id)), version_of(parts)
    if version.startswith("4") and not media_of(creative).wrapper_url:
        if version == "4.0":
            put(made, "UniversalAdId", idRegistry="unknown", idValue=str(creative.id))
        else:
            put(made, "UniversalAdId", str(creative.id), idRegistry="unknown")
    return made


def _write_files(linear: Element, media: Media) -> None:
    version = version_of(linear)
    put(linear, "Duration", clock(media.duration_ms))
    files = put(linear, "MediaFiles")
    for rendition in media.renditions:
        file = put(
            files,
            "MediaFile",
            url=rendition.url,
            delivery=rendition.delivery,
            type=rendition.mime,
            width=str(rendition.width),
            height=str(rendition.height),
        )
        if rendition.bitrate_kbps:
            file.set("bitrate", str(rendition.bitrate_kbps))
        if rendition.mime == VPAID_MIME:
            file.set("apiFramework", "VPAID")
    if isinstance(media, Video):
        if media.skip_after_ms is not None and version != "2.0":  # which knows no skipping
            linear.set("skipoffset", clock(media.skip_after_ms))
        if media.interactive_url:
            put(files, "InteractiveCreativeFile", url=media.interactive_url, type="text/html", apiFramework="SIMID")


def _write_companions(parts: Element, creative: Creative, media: Media) -> None:
    """All of them, with marks between, so that a bid can leave out those that a request has no place for."""
    part = _part(parts, creative)
    part.getprevious().tail = part.tail = marks.ASIDES
    group = put(part, "CompanionAds")
    if media.companions_required != "none" and version_of(parts) != "2.0":
        group.set("required", media.companions_required)
    group.text = marks.ASIDE
    for companion in media.companions:
        _write_companion(group, companion).tail = marks.ASIDE


def _write_companion(group: Element, companion: Companion) -> Element:
    made = put(group, "Companion", width=str(companion.width), height=str(companion.height))
    put(made, "StaticResource", url=companion.image_url, creativeType=companion.mime)
    put(made, "CompanionClickThrough", url=marks.CLICK)
    return made


def _report(body: Element, creative: Creative, events: Sequence[str]) -> None:
    """Adds our trackers, third parties' and verification scripts to an ``InLine`` or ``Wrapper``."""
    put(body, "Impression", url=marks.IMPRESSION)
    for url in _third_parties(creative, "impression"):
        put(body, "Impression", url=url)
    _report_errors(body, creative)
    if version_of(body).startswith("4"):
        _report_views(body, creative)
    parts = put_once(body, "Creatives")
    linears = [linear for part in children(parts, "Creative") for linear in children(part, "Linear")]
    if not linears and name_of(body) == "Wrapper":
        linears = [put(put(parts, "Creative"), "Linear")]
    for linear in linears:
        _report_playing(linear, creative, events)
    if creative.verifications:
        _verify(body, creative)


def _third_parties(creative: Creative, event: str) -> list[str]:
    return [tracker.url for tracker in creative.trackers if tracker.event == event]


def _report_errors(body: Element, creative: Creative) -> None:
    """Versions before 4 have room for one URL; a third party's document that names its own keeps it."""
    for url in (f"{marks.event_url('error')}&c=[ERRORCODE]", *_third_parties(creative, "error")):
        if version_of(body).startswith("4") or next(children(body, "Error"), None) is None:
            put(body, "Error", url=url)


def _report_views(body: Element, creative: Creative) -> None:
    views = put_once(body, "ViewableImpression")
    for event, name in _VIEWS.items():
        for url in (marks.event_url(event), *_third_parties(creative, event)):
            put(views, name, url=url)


def _report_playing(linear: Element, creative: Creative, events: Sequence[str]) -> None:
    version, tracked = version_of(linear), put_once(linear, "TrackingEvents")
    for event, name in PLAY_EVENTS.items():
        if version.startswith("2") and event == "skip":
            continue
        if version.startswith(("2", "4.0")) and event == "close":  # their schemas know no other
            name = "close"
        ours = [marks.event_url(event)] if event in events else []
        for url in (*ours, *_third_parties(creative, event)):
            put(tracked, "Tracking", url=url, event=name)
    clicks, media = put_once(linear, "VideoClicks"), media_of(creative)
    if media.vast or media.wrapper_url:
        put(clicks, "ClickTracking", url=marks.CLICKED)
    else:
        put(clicks, "ClickThrough", url=marks.CLICK)
    for url in _third_parties(creative, "click"):
        put(clicks, "ClickTracking", url=url)


def _verify(body: Element, creative: Creative) -> None:
    """4.1 has a place for Open Measurement scripts; before, they go into an extension of the same content."""
    if version_of(body).startswith(("4.1", "4.2")):
        group = put_once(body, "AdVerifications")
    else:
        group = put(put(put_once(body, "Extensions"), "Extension", type="AdVerifications"), "AdVerifications")
    for script in creative.verifications:
        made = put(group, "Verification", vendor=script.vendor)
        put(made, "JavaScriptResource", url=script.url, apiFramework="omid", browserOptional="true")
        if script.parameters:
            put(made, "VerificationParameters", url=script.parameters)
