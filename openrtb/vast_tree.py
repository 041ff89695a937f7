"""Elements of VAST documents, each put where the schema of its version wants it.

The schemas (IAB Tech Lab: VAST 2.0.1, 3.0.0, 4.0 to 4.2) prescribe the order of children; in 2 and 3 it is another one
than in 4. Documents of version 4 are in a namespace. Third parties' documents often are in none, whatever their
version; elements are therefore found by their names alone.
"""

from collections.abc import Iterator
from typing import Any, TypeAlias

from lxml import etree

Element: TypeAlias = Any
"""``lxml.etree._Element``; lxml has no type annotations."""

NAMESPACE = "http://www.iab.com/VAST"
VERSIONS = ("2.0", "3.0", "4.0", "4.1", "4.2")

_RESOURCES = ("HTMLResource", "IFrameResource", "StaticResource")
_ORDER_2_3 = {
    "InLine": (
        *("AdSystem", "AdTitle", "Description", "Advertiser", "Pricing", "Survey", "Error", "Impression"),
        *("Creatives", "Extensions"),
    ),
    "Wrapper": ("AdSystem", "VASTAdTagURI", "Error", "Impression", "Creatives", "Extensions"),
    "Linear": (
        *("Icons", "CreativeExtensions", "Duration", "TrackingEvents", "AdParameters", "VideoClicks", "MediaFiles"),
    ),
    "VideoClicks": ("ClickThrough", "ClickTracking", "CustomClick"),
    "Companion": (
        *_RESOURCES,
        *("CreativeExtensions", "TrackingEvents", "CompanionClickThrough", "CompanionClickTracking"),
        *("AltText", "AdParameters"),
    ),
}
_ORDER_4 = {
    "InLine": (
        *("AdSystem", "Error", "Extensions", "Impression", "Pricing", "ViewableImpression"),
        *("AdServingId", "AdTitle", "AdVerifications", "Advertiser", "Category", "Creatives"),
        *("Description", "Expires", "Survey"),
    ),
    "Wrapper": (
        *("AdSystem", "Error", "Extensions", "Impression", "Pricing", "ViewableImpression"),
        *("AdVerifications", "BlockedAdCategories", "Creatives", "VASTAdTagURI"),
    ),
    "Creative": ("CompanionAds", "CreativeExtensions", "Linear", "NonLinearAds", "UniversalAdId"),
    "Linear": ("Icons", "TrackingEvents", "AdParameters", "Duration", "MediaFiles", "VideoClicks"),
    "VideoClicks": ("ClickTracking", "ClickThrough", "CustomClick"),
    "MediaFiles": ("ClosedCaptionFiles", "MediaFile", "Mezzanine", "InteractiveCreativeFile"),
    "Companion": (
        *_RESOURCES,
        *("AdParameters", "AltText", "CompanionClickThrough", "CompanionClickTracking", "CreativeExtensions"),
        "TrackingEvents",
    ),
    "ViewableImpression": ("Viewable", "NotViewable", "ViewUndetermined"),
    "Verification": ("ExecutableResource", "JavaScriptResource", "TrackingEvents", "VerificationParameters"),
}


def name_of(element: Element) -> str:
    """Without its namespace; empty for comments and instructions."""
    return str(etree.QName(element).localname) if isinstance(element.tag, str) else ""


def children(parent: Element, name: str) -> Iterator[Element]:
    return (child for child in parent if name_of(child) == name)


def put(parent: Element, name: str, text: str = "", url: str = "", **attributes: str) -> Element:
    """A new child, behind those that go before it. ``url`` becomes a CDATA section, as players expect; it may not hold
    the end of one.
    """
    element = parent.makeelement(_qualified(parent, name), attributes)
    if url:
        element.text = etree.CDATA(url)
    elif text:
        element.text = text
    order = _order(parent)
    place = order.index(name) if name in order else len(order)
    for at, child in enumerate(parent):
        if name_of(child) in order and order.index(name_of(child)) > place:
            parent.insert(at, element)
            break
    else:
        parent.append(element)
    return element


def put_once(parent: Element, name: str) -> Element:
    """The child of that name; a new one if there is none."""
    found = next(children(parent, name), None)
    return put(parent, name) if found is None else found


def read(text: str) -> Element:
    """A third party's document. Raises ValueError if it is no XML, or has a document type of its own (and entities)."""
    parser = etree.XMLParser(resolve_entities=False, no_network=True, load_dtd=False, strip_cdata=False)
    try:
        document = etree.fromstring(text.strip().encode(), parser)
    except etree.XMLSyntaxError as error:
        raise ValueError(f"it is no well-formed XML: {error.msg}") from None
    if document.getroottree().docinfo.doctype:
        raise ValueError("it must not have a document type")
    return document


def root(version: str) -> Element:
    """An empty document."""
    if version.startswith("4"):
        return etree.Element(f"{{{NAMESPACE}}}VAST", {"version": version}, nsmap={None: NAMESPACE})
    return etree.Element("VAST", {"version": version})


def written(document: Element) -> str:
    """As text, with the XML declaration and without white space."""
    return '<?xml version="1.0" encoding="UTF-8"?>' + str(etree.tostring(document, encoding="unicode"))


def _qualified(parent: Element, name: str) -> str:
    namespace = etree.QName(parent).namespace
    return f"{{{namespace}}}{name}" if namespace else name


def _order(parent: Element) -> tuple[str, ...]:
    version = parent.getroottree().getroot().get("version", "")
    return (_ORDER_4 if version.startswith("4") else _ORDER_2_3).get(name_of(parent), ())
