"""Which requests and imps are unusable, said a second time from the specification, without the bidder's code.

Sections are those of OpenRTB 2.6. Where the specification leaves it open whether something broken can be repaired, both
outcomes are right (`Verdict.EITHER`), and the battery asks only that what is bid keeps to what was offered.
"""

from collections.abc import Mapping
from enum import Enum
from typing import Any


class Verdict(Enum):
    SOUND = "it is served"
    DEFECTIVE = "it gets no bid"
    EITHER = "it may be repaired or refused"


def of_request(document: Any) -> Verdict:
    """Is the request as a whole usable? Its imps are looked at with `of_imp`."""
    if not isinstance(document, Mapping):
        return Verdict.EITHER if _only(document) is not document else Verdict.DEFECTIVE
    name = of_id(document.get("id"))
    imps = _imps(document)
    if name is Verdict.DEFECTIVE or not imps:
        return Verdict.DEFECTIVE
    ids = [str(imp["id"]) for imp in imps if of_id(imp.get("id")) is Verdict.SOUND]
    places = [document[kind] for kind in ("site", "app", "dooh") if document.get(kind) is not None]
    whole = [place for place in places if isinstance(place, Mapping)]
    if len(set(ids)) < len(ids) or len(whole) > 1:
        return Verdict.DEFECTIVE
    verdicts = [of_imp(imp) for imp in imps]
    if all(verdict is Verdict.DEFECTIVE for verdict in verdicts):
        return Verdict.DEFECTIVE
    repaired = [imp for imp in imps if of_id(imp.get("id")) is Verdict.EITHER]  # perhaps to what another imp is called
    if name is Verdict.EITHER or len(places) > 1 or (repaired and len(imps) > 1):
        return Verdict.EITHER
    return Verdict.SOUND if Verdict.SOUND in verdicts else Verdict.EITHER


def defective_imps(document: Any) -> frozenset[str]:
    """Ids of the imps that nobody may bid on."""
    imps = _imps(document) if isinstance(document, Mapping) else []
    return frozenset(str(imp.get("id")) for imp in imps if of_imp(imp) is Verdict.DEFECTIVE)


def of_imp(imp: Mapping[str, Any]) -> Verdict:
    """3.2.4 and the formats' own sections."""
    verdicts = [of_id(imp.get("id")), _floor(imp.get("bidfloor"))]
    for kind in ("video", "audio"):
        if (offer := imp.get(kind)) is not None:
            verdicts += [_played(offer)]
    if (native := imp.get("native")) is not None:
        verdicts += [_asked(native)]
    if Verdict.DEFECTIVE in verdicts:
        return Verdict.DEFECTIVE
    if not any(isinstance(_only(imp.get(kind)), Mapping) for kind in ("banner", "video", "audio", "native")):
        return Verdict.EITHER  # it offers nothing, and so it is nothing to bid on
    return Verdict.EITHER if Verdict.EITHER in verdicts else Verdict.SOUND


def of_id(value: Any) -> Verdict:
    """A string that is not empty and can be sent back; a number is written as one by careless exchanges."""
    if isinstance(value, str):
        whole = value.encode("utf-8", "replace").decode() == value and "\ufffd" not in value
        return Verdict.SOUND if value and whole else Verdict.DEFECTIVE
    if value is None or isinstance(value, bool | Mapping):
        return Verdict.DEFECTIVE
    if isinstance(value, list):
        return Verdict.EITHER if len(value) == 1 and isinstance(value[0], str | int | float) else Verdict.DEFECTIVE
    return Verdict.SOUND if isinstance(value, int) and abs(value) < 2**53 else Verdict.EITHER


def _imps(document: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    given = document.get("imp")
    return [imp for imp in map(_only, given if isinstance(given, list) else [given]) if isinstance(imp, Mapping)]


def _floor(value: Any) -> Verdict:
    """A number from 0; one that cannot be read must not be bid below, so nobody can bid."""
    if value is None:
        return Verdict.SOUND
    if isinstance(value, str) and not value.strip():
        return Verdict.EITHER
    if isinstance(value, list):
        return Verdict.EITHER if len(value) == 1 else Verdict.DEFECTIVE
    if isinstance(value, bool | Mapping):
        return Verdict.DEFECTIVE
    try:
        number = float(value)
    except (ValueError, OverflowError):
        return Verdict.DEFECTIVE
    return Verdict.SOUND if 0 <= number < float("inf") else Verdict.DEFECTIVE


def _played(offer: Any) -> Verdict:
    offer = _only(offer)
    if not isinstance(offer, Mapping):
        return Verdict.EITHER
    mimes = offer.get("mimes")
    named = mimes if isinstance(mimes, list) else [mimes]
    if not any(isinstance(mime, str) and mime for mime in named):  # a number may be read as a text, but is no type
        unread = [mime for mime in named if isinstance(mime, int | float | list) and not isinstance(mime, bool)]
        return Verdict.EITHER if unread else Verdict.DEFECTIVE
    verdicts = [_floor(offer.get("mincpmpersec")), *_floors_by_length(offer.get("durfloors"))]
    return next((verdict for verdict in (Verdict.DEFECTIVE, Verdict.EITHER) if verdict in verdicts), Verdict.SOUND)


def _floors_by_length(given: Any) -> list[Verdict]:
    """3.2.35. One that names no floor says nothing."""
    ranges = given if isinstance(given, list) else [given]
    return [
        _floor(one.get("bidfloor")) if isinstance(one, Mapping) else Verdict.EITHER for one in ranges if one is not None
    ]


def _asked(native: Any) -> Verdict:
    native = _only(native)
    if not isinstance(native, Mapping):
        return Verdict.EITHER
    asked = native.get("request")
    if isinstance(asked, Mapping):
        return Verdict.SOUND if "assets" in asked else Verdict.EITHER
    if isinstance(asked, str):
        return Verdict.SOUND if asked and "assets" in asked else Verdict.EITHER if asked else Verdict.DEFECTIVE
    return Verdict.DEFECTIVE if asked is None else Verdict.EITHER


def _only(value: Any) -> Any:
    """What an array of one holds."""
    return value[0] if isinstance(value, list) and len(value) == 1 else value
