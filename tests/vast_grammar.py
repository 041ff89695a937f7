"""A second opinion on VAST documents: what the schemas of 2.0.1, 3.0.0 and 4.0 to 4.2 say of the elements that occur.

A content model is a regular expression over the names of an element's children, each followed by a blank; ``@`` names
are attributes that must be there. It was written down from the published schemas, and shares nothing with the builder.
"""

import re
from datetime import time

from lxml import etree

_URL = re.compile(r"https://[^\s<>\"]+")
_EVENTS_2 = {
    *("creativeView", "start", "midpoint", "firstQuartile", "thirdQuartile", "complete", "mute", "unmute"),
    *("pause", "rewind", "resume", "fullscreen", "expand", "collapse", "acceptInvitation", "close"),
}
_EVENTS_3 = _EVENTS_2 | {"exitFullscreen", "skip", "progress", "acceptInvitationLinear", "closeLinear"}
_EVENTS_40 = {
    *("mute", "unmute", "pause", "resume", "rewind", "skip", "playerExpand", "playerCollapse", "start"),
    *("firstQuartile", "midpoint", "thirdQuartile", "complete", "acceptInvitationLinear", "timeSpentViewing"),
    *("progress", "creativeView", "acceptInvitation", "adExpand", "adCollapse", "minimize", "close"),
    *("overlayViewDuration", "otherAdInteraction"),
}
_EVENTS_41 = (_EVENTS_40 | {"loaded", "closeLinear"}) - {"acceptInvitationLinear", "timeSpentViewing"}
EVENTS = {"2.0": _EVENTS_2, "3.0": _EVENTS_3, "4.0": _EVENTS_40, "4.1": _EVENTS_41, "4.2": _EVENTS_41}

_LEAVES = (
    "AdSystem AdTitle Advertiser AdServingId VASTAdTagURI Error Impression Duration Tracking ClickThrough "
    "ClickTracking MediaFile InteractiveCreativeFile StaticResource CompanionClickThrough UniversalAdId Viewable "
    "NotViewable JavaScriptResource VerificationParameters"
)
_SAME = {
    "VAST": "@version (Ad )*",
    "Ad": "@id (InLine |Wrapper )",
    "TrackingEvents": "(Tracking )*",
    "Tracking": "@event",
    "CompanionAds": "(Companion )*",
    "MediaFile": "@delivery @type @width @height",
    "StaticResource": "@creativeType",
    "AdVerifications": "(Verification )*",
    "Verification": "@vendor (JavaScriptResource )*(VerificationParameters )?",
    "Extensions": "(Extension )*",
    "Extension": "(AdVerifications )",
    **dict.fromkeys(_LEAVES.split(), ""),
}
_SAME |= {"Tracking": "@event", "MediaFile": "@delivery @type @width @height", "StaticResource": "@creativeType"}
_2_3 = _SAME | {
    "InLine": "AdSystem AdTitle (Advertiser )?(Error )?(Impression )+Creatives (Extensions )?",
    "Wrapper": "AdSystem VASTAdTagURI (Error )?(Impression )+Creatives (Extensions )?",
    "Creatives": "(Creative )+",
    "Creative": "(Linear |CompanionAds )",
    "Linear": "(Duration )?(TrackingEvents )?(VideoClicks )?(MediaFiles )?",
    "VideoClicks": "(ClickThrough )?(ClickTracking )*",
    "MediaFiles": "(MediaFile )+",
    "Companion": "@width @height StaticResource (CompanionClickThrough )?",
}
_4 = _SAME | {
    "InLine": (
        "AdSystem (Error )*(Extensions )?(Impression )+(ViewableImpression )?(AdServingId )?AdTitle "
        "(AdVerifications )?(Advertiser )?Creatives "
    ),
    "Wrapper": (
        "AdSystem (Error )*(Extensions )?(Impression )+(ViewableImpression )?(AdVerifications )?(Creatives )?"
        "VASTAdTagURI "
    ),
    "Creatives": "(Creative )+",
    "Creative": "(CompanionAds )?(Linear )?(UniversalAdId )?",
    "Linear": "(TrackingEvents )?(Duration MediaFiles )?(VideoClicks )?",
    "VideoClicks": "(ClickTracking )*(ClickThrough )?",
    "MediaFiles": "(MediaFile )+(InteractiveCreativeFile )*",
    "Companion": "@width @height StaticResource (CompanionClickThrough )?",
    "ViewableImpression": "(Viewable )*(NotViewable )*",
    "UniversalAdId": "@idRegistry",
}
_NO_ADDRESS = {
    *("AdSystem", "AdTitle", "Advertiser", "AdServingId", "Duration", "UniversalAdId", "VerificationParameters"),
}


def faults(document: str) -> list[str]:
    """What a document, with URLs in the place of marks, breaks."""
    root = etree.fromstring(document.encode())
    version, wrong = root.get("version"), []
    models = _4 if version.startswith("4") else _2_3
    space = "{http://www.iab.com/VAST}" if version.startswith("4") else ""
    for element in root.iter():
        name = etree.QName(element).localname
        if element.tag != space + name:
            wrong.append(f"{name} is in the wrong namespace")
        if name not in models:
            wrong.append(f"{name} is not of VAST {version}")
            continue
        words = models[name].split("@")
        *needed, model = [*(w.strip() for w in words[1:-1]), *words[-1].split(" ", 1)] if len(words) > 1 else words
        if len(words) > 1 and len(words[-1].split(" ", 1)) == 1:
            needed, model = [*needed, model], ""
        wrong += [f"{name} lacks {attribute}" for attribute in needed if element.get(attribute) is None]
        inside = "".join(etree.QName(child).localname + " " for child in element)
        if not re.fullmatch(model, inside):
            wrong.append(f"{name} holds {inside!r}, not {model!r}")
        wrong += _content(element, name, version)
    return wrong


def _content(element: etree._Element, name: str, version: str) -> list[str]:
    wrong, text = [], element.text or ""
    if name == "Tracking" and element.get("event") not in EVENTS[version]:
        wrong.append(f"event {element.get('event')}")
    if name == "Duration":
        time.fromisoformat(text)
    if len(element) == 0 and name in _LEAVES.split() and name not in _NO_ADDRESS and not _URL.fullmatch(text):
        wrong.append(f"{name} has the address {text!r}")
    inline = name == "InLine" and version in ("4.1", "4.2")
    if inline and not [child for child in element if etree.QName(child).localname == "AdServingId"]:
        wrong.append("AdServingId is missing")
    return wrong
