"""What a third party's VAST says of itself, and what is wrong with it."""

import re
from dataclasses import dataclass, field

from openrtb.vast import INLINE, WRAPPER
from openrtb.vast_tree import Element, children, name_of, read

_CLOCK = re.compile(r"(\d{1,2}):([0-5]\d):([0-5]\d)(?:\.(\d{1,3}))?")
_PLAIN_HTTP = re.compile(r"http://", re.IGNORECASE)
_NAMESPACES = ("http://www.iab.com/VAST", "http://www.w3.org/")


@dataclass
class Examined:
    """``problems`` are sentences; if there is any, the rest holds as far as it could be read."""

    protocol: int = 0
    """OpenRTB list 5.8, of the version and of inline or wrapper; 0: unknown."""
    wrapper: bool = False
    duration_ms: int = 0
    """0: not told, as in a wrapper."""
    mimes: tuple[str, ...] = ()
    width: int = 0
    height: int = 0
    """Of the largest file."""
    skippable: bool = False
    problems: list[str] = field(default_factory=list)


def examine(text: str) -> Examined:
    """Reads a document as a player would; never raises."""
    found = Examined()
    try:
        document = read(text)
    except ValueError as error:
        found.problems.append(str(error))
        return found
    if name_of(document) != "VAST":
        found.problems.append(f"its root must be VAST, not {name_of(document)}")
        return found
    ads = list(children(document, "Ad"))
    bodies = [body for ad in ads for body in ad if name_of(body) in ("InLine", "Wrapper")]
    if len(ads) != 1 or len(bodies) != 1:
        found.problems.append(f"it must have one Ad with one InLine or Wrapper, not {len(ads)} with {len(bodies)}")
        return found
    body = bodies[0]
    found.wrapper = name_of(body) == "Wrapper"
    version = ".".join(document.get("version", "").split(".")[:2])
    found.protocol = (WRAPPER if found.wrapper else INLINE).get(version, 0)
    if not found.protocol:
        found.problems.append(f"its version must be one of {', '.join(INLINE)}, not {document.get('version', '')!r}")
    for name in ("AdSystem", "Impression", *(("VASTAdTagURI",) if found.wrapper else ("AdTitle", "Creatives"))):
        if not any(_text(child) for child in children(body, name)) and name != "Creatives":
            found.problems.append(f"its {name_of(body)} must have an {name} that is not empty")
    if not found.wrapper:
        _examine_files(body, found)
    _examine_addresses(document, found)
    return found


def _text(element: Element) -> str:
    return (element.text or "").strip()


def _examine_files(body: Element, found: Examined) -> None:
    linears = [
        linear
        for parts in children(body, "Creatives")
        for part in children(parts, "Creative")
        for linear in children(part, "Linear")
    ]
    if len(linears) != 1:
        found.problems.append(f"it must have one Linear, not {len(linears)}")
        return
    linear = linears[0]
    told = [_text(child) for child in children(linear, "Duration")]
    if len(told) == 1 and (parts := _CLOCK.fullmatch(told[0])):
        hours, minutes, seconds = (int(part) for part in parts.groups()[:3])
        found.duration_ms = ((hours * 60 + minutes) * 60 + seconds) * 1000 + int((parts[4] or "0").ljust(3, "0"))
    if not found.duration_ms:
        found.problems.append(f"its Duration must be HH:MM:SS, not {told[0] if told else None!r}")
    found.skippable = linear.get("skipoffset") is not None
    files = [file for group in children(linear, "MediaFiles") for file in children(group, "MediaFile")]
    found.mimes = tuple(dict.fromkeys(file.get("type", "") for file in files))
    if not files or not all(_text(file) for file in files) or "" in found.mimes:
        found.problems.append("each MediaFile must have a type and an address, and there must be one")
    sizes = [(_number(file.get("width")), _number(file.get("height"))) for file in files]
    found.width, found.height = max(sizes, default=(0, 0))


def _number(text: str | None) -> int:
    return int(text) if text and re.fullmatch(r"\d{1,5}", text) else 0


def _examine_addresses(document: Element, found: Examined) -> None:
    for element in document.iter():
        if not isinstance(element.tag, str):
            continue
        for text in (_text(element), *element.attrib.values()):
            if _PLAIN_HTTP.search(text) and not text.startswith(_NAMESPACES):
                found.problems.append(f"{name_of(element)} must load https:// only, not {text[:80]!r}")
