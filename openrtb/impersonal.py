"""A bid request without what tells who would see the ad: what may be kept of one that may only be used by its context.

What is kept is listed; all else is left out, extensions that nobody knows included. Addresses lose what tells
households apart, as in `openrtb.request.Request.forget_person`, pages their query. What context targeting sees of the
request (`bidder.select`) is the same before and after.
"""

import json
from typing import Any

import orjson

REQUEST = frozenset({"id", "imp", "site", "app", "dooh", "device", "regs", "at", "tmax", "cur", "test"})
DEVICE = frozenset(
    {
        *("dnt", "lmt", "ua", "sua", "ip", "ipv6", "devicetype", "make", "model", "os", "osv", "hwv", "h", "w", "ppi"),
        *("pxratio", "js", "language", "langb", "carrier", "mccmnc", "connectiontype", "geo"),
    }
)
GEO = frozenset({"type", "country", "region", "regionfips104", "metro", "utcoffset"})
REGS = frozenset({"coppa", "gdpr", "gpc"})
DATA = frozenset({"data"})
PLACE_LOSES = frozenset({"ref", "search"})


def impersonal(body: bytes) -> bytes:
    """The request written anew. Raises ValueError for what is no JSON object."""
    try:
        document = orjson.loads(body)
    except orjson.JSONDecodeError:
        document = json.loads(body.decode("utf-8-sig", "replace"))  # as `openrtb.parse` reads what is not clean
    whole = _object(document)
    if not whole:
        raise ValueError("a bid request is a JSON object")
    kept = {name: value for name, value in whole.items() if name in REQUEST}
    for name, clean in (("device", _device), ("site", _place), ("app", _place), ("dooh", _place), ("regs", _regs)):
        if (part := _object(kept.pop(name, None))) is not None:
            kept[name] = clean(part)
    if imps := kept.get("imp"):
        kept["imp"] = [_with_data_only(_object(imp) or {}) for imp in (imps if isinstance(imps, list) else [imps])]
    return json.dumps(kept, ensure_ascii=True, separators=(",", ":")).encode()


def _object(value: Any) -> dict[str, Any] | None:
    """Exchanges that send an array of one mean its object; what is neither says nothing."""
    if isinstance(value, list) and len(value) == 1:
        value = value[0]
    return value if isinstance(value, dict) else None


def _some(value: dict[str, Any] | None, names: frozenset[str]) -> dict[str, Any]:
    return {name: of for name, of in (value or {}).items() if name in names}


def _with_data_only(value: dict[str, Any]) -> dict[str, Any]:
    """Of ``ext`` only what targeting reads."""
    return {name: _some(_object(of), DATA) if name == "ext" else of for name, of in value.items()}


def _place(value: dict[str, Any]) -> dict[str, Any]:
    kept = {name: of for name, of in _with_data_only(value).items() if name not in PLACE_LOSES}
    if isinstance(page := kept.get("page"), str):
        kept["page"] = page.partition("#")[0].partition("?")[0]
    return kept


def _device(value: dict[str, Any]) -> dict[str, Any]:
    kept = _some(value, DEVICE)
    if "geo" in kept:
        kept["geo"] = _some(_object(kept["geo"]), GEO)
    for name in ("ip", "ipv6"):
        if name in kept:
            kept[name] = _coarse(kept[name])
    if sua := _object((_object(value.get("ext")) or {}).get("sua")):
        kept.setdefault("sua", sua)
    return kept


def _coarse(address: object) -> str:
    """IPv4 without its last byte, IPv6 its first 48 bits."""
    text = address if isinstance(address, str) else ""
    if ":" in text:
        return ":".join(text.split("::", 1)[0].split(":")[:3]) + "::"
    return text.rpartition(".")[0] + ".0" if "." in text else ""


def _regs(value: dict[str, Any]) -> dict[str, Any]:
    kept = _some(value, REGS)
    if "ext" in value:
        kept["ext"] = _some(_object(value["ext"]), REGS)
    return kept
