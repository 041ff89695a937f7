"""The native request (OpenRTB Native 1.0, 1.1, 1.2) as text -> `NativeRequest`, read as leniently as bid requests are.

Only what decides the answer is read. In 1.0 the text is an object with the one member ``native``; later versions leave
that member out, though some exchanges keep it. Sections and lists are those of Native 1.2.
"""

import re
from typing import Any, Literal

import orjson
from msgspec import Struct

ICON, LOGO, MAIN = 1, 2, 3
"""Image asset types (7.5); the logo is of old versions."""
IMPRESSION, VIEWABLE = 1, 2
"""Event types (7.6): shown, and in view as display ads are by the MRC's measure (half of it, for a second)."""
PIXEL = 1
"""Event tracking methods (7.7): an image; 2 would be a script."""
VERSIONS = ("1.0", "1.1", "1.2")

AssetKind = Literal["title", "img", "video", "data", ""]


class Unreadable(ValueError):
    """The text is no native request that could be answered."""


class Asset(Struct, frozen=True):
    """4.2, with the fields of the one kind of thing that it asks for; 0 or empty where nothing was said."""

    id: int
    kind: AssetKind
    """Empty: of no kind that the specification has, so nothing answers it."""
    required: bool = False
    type: int = 0
    """Of an image (7.5) or of data (7.4)."""
    length: int = 0
    """Most characters of a title or of data."""
    width: int = 0
    height: int = 0
    least_width: int = 0
    least_height: int = 0
    mimes: tuple[str, ...] = ()
    least_s: int = 0
    most_s: int = 0
    """Of a video: seconds."""
    protocols: tuple[int, ...] = ()


class NativeRequest(Struct, frozen=True):
    """4.1"""

    assets: tuple[Asset, ...]
    version: str = "1.2"
    """One of VERSIONS: what the answer may use."""
    rooted: bool = False
    """It came under the member ``native``, and so must the answer."""
    pixels: frozenset[int] = frozenset()
    """Events (7.6) that an image can tell of, from ``eventtrackers``."""
    privacy: bool = False
    """A link to a page about privacy is shown if there is one."""
    context: int = 0
    context_subtype: int = 0
    placement: int = 0
    places: int = 1
    """``plcmtcnt``: identical places that the one answer fills."""


def read(text: str, version: str = "") -> NativeRequest:
    """``imp.native.request`` -> what is asked for. ``version`` is ``imp.native.ver``, for a request that does not tell
    its own. Raises Unreadable.
    """
    try:
        document = orjson.loads(text)
    except orjson.JSONDecodeError as error:
        raise Unreadable(f"the native request is no JSON: {error}") from None
    except UnicodeEncodeError:
        raise Unreadable("the native request has half a surrogate pair") from None
    if isinstance(document, str):  # encoded twice
        return read(document, version)
    rooted = isinstance(document, dict) and isinstance(document.get("native"), dict)
    body = document["native"] if rooted else document
    if not isinstance(body, dict):
        raise Unreadable("the native request must be a JSON object")
    assets = tuple(_asset(asset) for asset in _items(body.get("assets")))
    if not assets or len({asset.id for asset in assets}) != len(assets):
        raise Unreadable("the native request must have assets, each with an id of its own")
    return NativeRequest(
        assets,
        _version(body.get("ver"), version, rooted),
        rooted,
        frozenset(_pixels(body.get("eventtrackers"))),
        _integer(body.get("privacy")) == 1,
        _integer(body.get("context")),
        _integer(body.get("contextsubtype")),
        _integer(body.get("plcmttype")),
        max(1, _integer(body.get("plcmtcnt"))),
    )


def _version(own: Any, given: str, rooted: bool) -> str:
    """The member ``native`` was taken out in 1.1, so who has it and tells no version means 1.0."""
    told = str(own) if isinstance(own, str | int | float) and not isinstance(own, bool) else given
    if told.startswith("1.0") or told == "1":
        return "1.0"
    if told.startswith("1.1"):
        return "1.1"
    return "1.0" if rooted and not told else "1.2"


def _asset(value: Any) -> Asset:
    """An asset that cannot be read is one that nothing answers; without an id it could not even be left out."""
    id_ = _integer(value.get("id"), None) if isinstance(value, dict) else None
    if id_ is None:
        raise Unreadable("an asset of the native request has no id")
    required = _integer(value.get("required")) == 1
    found = [kind for kind in ("title", "img", "video", "data") if isinstance(value.get(kind), dict)]
    if len(found) != 1:
        return Asset(id_, "", required)
    body: dict[str, Any] = value[found[0]]
    return Asset(
        id_,
        found[0],  # type: ignore[arg-type]
        required,
        _integer(body.get("type")),
        max(0, _integer(body.get("len"))),
        max(0, _integer(body.get("w"))),
        max(0, _integer(body.get("h"))),
        max(0, _integer(body.get("wmin"))),
        max(0, _integer(body.get("hmin"))),
        tuple(mime.lower() for mime in _items(body.get("mimes")) if isinstance(mime, str)),
        max(0, _integer(body.get("minduration"))),
        max(0, _integer(body.get("maxduration"))),
        tuple(_integer(protocol) for protocol in _items(body.get("protocols"))),
    )


def _pixels(value: Any) -> list[int]:
    trackers = [one for one in _items(value) if isinstance(one, dict)]
    return [
        _integer(one.get("event"))
        for one in trackers
        if any(_integer(method) == PIXEL for method in _items(one.get("methods")))
    ]


def _items(value: Any) -> list[Any]:
    """A list; one thing alone is a list of one."""
    return value if isinstance(value, list) else [] if value is None else [value]


def _integer(value: Any, default: Any = 0) -> Any:
    """Numbers in text, whole numbers with a fraction and booleans are taken for what they mean."""
    if isinstance(value, str) and re.fullmatch(r"\s*-?\d{1,9}(\.0*)?\s*", value):
        value = float(value)
    if isinstance(value, float) and abs(value) < 2**31 and value.is_integer():
        return int(value)
    return int(value) if isinstance(value, int) and abs(value) < 2**31 else default
